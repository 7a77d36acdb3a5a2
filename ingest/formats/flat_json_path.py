"""How a field map names a place in a maker's JSON, and what stands there."""

from __future__ import annotations

from typing import Any

Path = tuple[str, ...]
"""Keys from the outermost object inwards; in an array the number of the element."""


def paths_of(value: object) -> tuple[Path, ...]:
    """One path or an array of them; none if it is neither."""
    several: list[Any] = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str) and all(one.split(".")) for one in several):
        return ()
    return tuple(tuple(one.split(".")) for one in several)


def found_at(element: Any, paths: tuple[Path, ...]) -> Any:
    """The first of the values that is there and not null; else None."""
    for path in paths:
        value = element
        for key in path:
            if type(value) is dict:
                value = value.get(key)
            elif type(value) is list and key.isdigit() and int(key) < len(value):
                value = value[int(key)]
            else:
                value = None
                break
        if value is not None:
            return value
    return None
