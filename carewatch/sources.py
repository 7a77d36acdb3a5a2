"""The settings `[[sources]]` with the profiles of config/devices/: which decoder and which datum a topic has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from carewatch.places import place_of
from carewatch.settings_sources import SettingsError
from ingest.formats import decoder_for
from ingest.formats.flat_json import FlatJson
from ingest.formats.profile import Profile, load_profiles
from ingest.sources import NATIVE, Source, Sources

if TYPE_CHECKING:
    from carewatch.settings import Settings, SourceEntry
    from ingest.formats.contract import Decoder
    from ingest.reading import Datum
    from ingest.sources import Route


@dataclass(frozen=True, slots=True)
class ConfiguredSources:
    """`decoders`: by (format, profile)."""

    sources: Sources
    decoders: dict[tuple[str, str], Decoder]
    profiles: dict[str, Profile]

    @staticmethod
    def of(settings: Settings) -> ConfiguredSources:
        """Raises `SettingsError` or `ProfileError` naming what is wrong."""
        folder = settings.devices_folder
        if settings.sources and not folder.is_dir():
            raise SettingsError(f"devices_folder = {place_of(folder)}: no such folder; [[sources]] need its profiles")
        profiles = load_profiles(folder)
        wanted = [(NATIVE, ""), *((source.format, source.profile) for source in settings.sources)]
        try:
            decoders = {
                (name, profile): decoder_for(name, _profile(profiles, name, profile)) for name, profile in wanted
            }
            sources = Sources([_source(one, _profile(profiles, one.format, one.profile)) for one in settings.sources])
        except ValueError as error:
            raise SettingsError(f"sources: {error}") from None
        return ConfiguredSources(sources, decoders, profiles)

    def decoder_of(self, route: Route) -> Decoder:
        """Of a topic that a source matched."""
        return self.decoders[route.format, route.profile]

    def datum_of(self, route: Route, of_site: Datum) -> Datum:
        """What the model's profile says, else what the site says."""
        profile = self.profiles.get(route.profile or route.format)
        return of_site if profile is None or profile.datum is None else profile.datum


def _profile(profiles: dict[str, Profile], name: str, profile: str) -> Profile | None:
    """The named one; without a name the one that is called as its format."""
    if profile and profile not in profiles:
        raise ValueError(f"profile = {profile!r}: no such file in devices_folder; there are {', '.join(profiles)}")
    return profiles.get(profile or name)


def _source(entry: SourceEntry, profile: Profile | None) -> Source:
    """With the level of the topic that names the watch, where the model's map says so. Raises `ValueError`."""
    if entry.format == FlatJson.name and (profile is None or profile.field_map is None):
        raise ValueError(
            f"filter {entry.filter!r}: {FlatJson.name} needs profile = the map of its model (docs/formats.md)"
        )
    topic = profile.field_map.topic if profile is not None and profile.field_map is not None else ()
    if not topic:
        return Source(entry.filter, entry.format, entry.profile)
    for wanted, level in zip(entry.filter.split("/"), topic, strict=False):
        if wanted == "#":
            break
        if wanted not in ("+", level) and not level.startswith("{"):
            shape = "/".join(topic)
            raise ValueError(
                f"filter {entry.filter!r} is not the topic {shape!r} of profile {entry.profile!r}; change one"
            )
    return Source(entry.filter, entry.format, entry.profile, topic.index("{watch}"))
