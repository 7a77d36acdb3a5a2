"""Where settings come from, merged in order, and what is said when one is wrong."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr, ValidationError

from carewatch.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "CAREWATCH_"
NOT_SETTINGS = {f"{PREFIX}CONFIG", f"{PREFIX}SUPERVISED"}
DEFAULT_FILE = Path("config/carewatch.toml")
Tree = dict[str, Any]


class SettingsError(Exception):
    """A setting is wrong; the text names the setting, its value, where it came from, and the remedy."""


def load_settings(
    file: Path | None, environment: Mapping[str, str], flags: Mapping[str, Any] | None = None
) -> Settings:
    """Merge file < environment < flags (dotted names) and check everything. Raises `SettingsError`."""
    chosen = file if file is not None else DEFAULT_FILE
    tree = _from_file(chosen, must_exist=file is not None)
    _refuse_secrets(tree, chosen)
    _merge(tree, _from_environment(environment))
    for name, value in (flags or {}).items():
        if value is not None:
            _put(tree, name.split("."), value)
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        raise SettingsError("\n".join(_sentence(problem, chosen) for problem in error.errors())) from None


def refuse_without_any(file: Path | None, environment: Mapping[str, str]) -> None:
    """Raises `SettingsError` where nothing is set at all: an installation would begin in whatever folder this is."""
    is_set = any(name.startswith(PREFIX) and name not in NOT_SETTINGS for name in environment)
    if file is None and not is_set and not DEFAULT_FILE.exists():
        raise SettingsError(f"no {DEFAULT_FILE} in {Path.cwd()}; go to the installation's folder, or give --config")


def secret_names() -> set[str]:
    """Dotted names of the settings that are secrets."""
    return {name for name, field in every_setting().items() if field.annotation is SecretStr}


def every_setting() -> dict[str, Any]:
    """Dotted name -> pydantic field, sections in their order."""
    found: dict[str, Any] = {}
    for name, field in Settings.model_fields.items():
        section = getattr(field.annotation, "model_fields", None)
        if section is None:
            found[name] = field
        else:
            found.update({f"{name}.{inner}": inner_field for inner, inner_field in section.items()})
    return found


def _from_file(file: Path, *, must_exist: bool) -> Tree:
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        if must_exist:
            raise SettingsError(f"{file}: no such file; give an existing one with --config") from None
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: cannot be read: {error}") from None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file}: not TOML: {error}") from None


def _refuse_secrets(tree: Tree, file: Path) -> None:
    for name in secret_names():
        section, _, key = name.partition(".")
        if isinstance(tree.get(section), dict) and key in tree[section]:
            variable = f"{PREFIX}{name.replace('.', '__').upper()}"
            raise SettingsError(
                f"{file}: {name}: a secret does not stand in a file that is shared; "
                f"take it out and set {variable}, or {variable}_FILE to the name of a file that holds it"
            )


def _from_environment(environment: Mapping[str, str]) -> Tree:
    tree: Tree = {}
    known = every_setting()
    for variable, value in sorted(environment.items()):
        if not variable.startswith(PREFIX) or variable in NOT_SETTINGS:
            continue
        name = variable[len(PREFIX) :].lower().replace("__", ".")
        if name not in known and name.endswith("_file") and name.removesuffix("_file") in known:
            name, value = name.removesuffix("_file"), _secret_from(variable, value)  # noqa: PLW2901 - the file's text stands for the value
        if name not in known:
            raise SettingsError(
                f"environment {variable}: no such setting{_nearest(name, list(known), as_variable=True)}"
            )
        _put(tree, name.split("."), value)
    return tree


def _secret_from(variable: str, file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"environment {variable}={file}: cannot be read: {error}") from None


def _put(tree: Tree, path: list[str], value: object) -> None:
    for part in path[:-1]:
        tree = tree.setdefault(part, {})
    tree[path[-1]] = value


def _merge(under: Tree, over: Tree) -> None:
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(under.get(key), dict):
            _merge(under[key], value)
        else:
            under[key] = value


def _nearest(name: str, known: list[str], *, as_variable: bool = False) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if not close:
        return "; see docs/settings.md"
    shown = f"{PREFIX}{close[0].replace('.', '__').upper()}" if as_variable else close[0]
    return f"; did you mean {shown}?"


def _sentence(problem: Any, file: Path) -> str:
    name = ".".join(str(part) for part in problem["loc"])
    variable = f"{PREFIX}{name.replace('.', '__').upper()}"
    if problem["type"] == "extra_forbidden":
        return f"{file}: {name}: no such setting{_nearest(name, [*every_setting(), *Settings.model_fields])}"
    secret = any(name.startswith(s) for s in secret_names())
    value = "(hidden)" if secret else repr(problem.get("input"))
    return f"{name} = {value} (from {file} or {variable}): {problem['msg']}"
