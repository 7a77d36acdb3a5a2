"""Payload formats by the names that `sources` in carewatch.toml and `carewatch decode --format` use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.formats.native import Native
from ingest.formats.watch_3g import Watch3G

if TYPE_CHECKING:
    from ingest.formats.contract import Decoder
    from ingest.formats.profile import Profile

DECODERS: dict[str, Decoder] = {decoder.name: decoder for decoder in (Native(), Watch3G())}
"""Each with its standard profile."""


def decoder_for(name: str, profile: Profile | None = None) -> Decoder:
    """The decoder of a format for one model. Raises `ValueError` that names the known formats."""
    if name not in DECODERS:
        raise ValueError(f"format {name!r} is not known; one of {', '.join(sorted(DECODERS))}")
    if profile is not None and profile.format != name:
        raise ValueError(f"format {name!r}: the profile is of format {profile.format!r}; give one of {name!r}")
    if profile is not None and name == Watch3G.name:
        return Watch3G(profile)
    return DECODERS[name]
