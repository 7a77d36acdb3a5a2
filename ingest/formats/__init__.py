"""Payload formats by the names that `sources` in carewatch.toml and `carewatch decode --format` use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.formats.flat_json import FlatJson
from ingest.formats.native import Native
from ingest.formats.owntracks import OwnTracks
from ingest.formats.watch_3g import Watch3G
from ingest.formats.watch_iw import WatchIW

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.formats.contract import Decoder
    from ingest.formats.profile import Profile

DECODERS: dict[str, Decoder] = {
    decoder.name: decoder for decoder in (Native(), OwnTracks(), Watch3G(), WatchIW(), FlatJson())
}
"""Each with its standard profile; `flat_json` has none, as every model names its values differently."""

_BY_PROFILE: dict[str, Callable[[Profile], Decoder]] = {
    Watch3G.name: Watch3G,
    WatchIW.name: WatchIW,
    FlatJson.name: FlatJson,
}


def decoder_for(name: str, profile: Profile | None = None) -> Decoder:
    """The decoder of a format for one model. Raises `ValueError` that names the known formats."""
    if name not in DECODERS:
        raise ValueError(f"format {name!r} is not known; one of {', '.join(sorted(DECODERS))}")
    if profile is not None and profile.format != name:
        raise ValueError(f"format {name!r}: the profile is of format {profile.format!r}; give one of {name!r}")
    if profile is not None and name in _BY_PROFILE:
        return _BY_PROFILE[name](profile)
    return DECODERS[name]
