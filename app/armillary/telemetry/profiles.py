"""Profiles: what is known beforehand of how a kind of device speaks MQTT.

A tag of a source with a profile may have a short address, `@device#value`; the profile makes topic, path,
decoder and time of it. Full addresses `topic#path` stay as they are, with the profile's decoder and time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from armillary.model.link import LinkSpec

SHORT = "@"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a value is: what an address stands for. `time` and `decoder` only where a tag names none."""

    channel: str
    path: str
    decoder: str = ""
    time: str = ""
    absent: str = "keep"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One way in which devices speak. Texts may hold {prefix}, {application}, {topic} of its settings."""

    name: str
    place: Callable[[dict[str, str], str, str], Place]  # (settings, device, value) -> where it is
    defaults: dict[str, str]
    decoder: str = ""
    time: str = ""
    catalogue: tuple[str, ...] = ()  # filters of what describes devices
    presence: str = ""  # of a device: the topic that says whether it is there, with {device}
    here: tuple[str, ...] = ("online", "true", "ready")
    away: tuple[str, ...] = ("offline", "false", "lost", "disconnected", "sleeping")


def _joined(inside: str, value: str) -> str:
    """Return a path inside the part of a message that holds values; `$.x` is one of the whole message."""
    if value.startswith("$"):
        return value.removeprefix("$").removeprefix(".")
    return f"{inside}{value}" if value.startswith("[") else f"{inside}.{value}"


def _chirpstack(given: dict[str, str], device: str, value: str) -> Place:
    channel = f"{given['prefix']}application/{given['application']}/device/{device.lower()}/event/up"
    return Place(channel=channel, path=_joined("object", value))


def _ttn(given: dict[str, str], device: str, value: str) -> Place:
    """Empty fields of the message are omitted (0, "" and false); those of a decoded payload are not."""
    own = value.startswith("$")
    return Place(
        channel=f"{given['prefix']}v3/{given['application']}/devices/{device}/up",
        path=_joined("uplink_message.decoded_payload", value),
        absent="zero" if own else "keep",
    )


def _lwm2m(given: dict[str, str], device: str, value: str) -> Place:
    topic = given["topic"].replace("{device}", device)
    if "{path}" in topic:
        return Place(channel=topic.replace("{path}", value.strip("/")), path="value")
    return Place(channel=topic, path=f"/{value.strip('/')}", decoder="senml")


def _zigbee(given: dict[str, str], device: str, value: str) -> Place:
    return Place(channel=f"{given['prefix']}/{device}", path=value)


def _homie(given: dict[str, str], device: str, value: str) -> Place:
    return Place(channel=f"{given['prefix']}/5/{device}/{value}", path="")


def _tasmota(given: dict[str, str], device: str, value: str) -> Place:
    """`Time` has no zone and is passed over: the time of arrival counts."""
    first, _, rest = value.partition(".")
    if first == "STATE":
        return Place(channel=f"{given['prefix']}tele/{device}/STATE", path=rest)
    if first.startswith("POWER") and not rest:
        return Place(channel=f"{given['prefix']}stat/{device}/{first}", path="", decoder="raw")
    return Place(channel=f"{given['prefix']}tele/{device}/SENSOR", path=value)


def _shelly(given: dict[str, str], device: str, value: str) -> Place:
    component, _, rest = value.partition(".")
    return Place(channel=f"{given['prefix']}{device}/status/{component}", path=rest)


def _none(given: dict[str, str], device: str, value: str) -> Place:
    """Home Assistant: topics are whatever a device's discovery says; its items in Browse have them whole."""
    del given, value
    return Place(channel="", path=device)


PROFILES = {
    p.name: p
    for p in (
        Profile(
            name="chirpstack-v4",
            place=_chirpstack,
            defaults={"prefix": "", "application": "+"},
            decoder="json",
            time="time",
        ),
        Profile(
            name="ttn-v3",
            place=_ttn,
            defaults={"prefix": "", "application": "+"},
            decoder="json",
            time="received_at",
        ),
        Profile(name="lwm2m", place=_lwm2m, defaults={"topic": "lwm2m/{device}/{path}"}, decoder="json"),
        Profile(
            name="zigbee2mqtt",
            place=_zigbee,
            defaults={"prefix": "zigbee2mqtt"},
            decoder="json",
            time="last_seen",
            catalogue=("{prefix}/bridge/devices",),
            presence="{prefix}/{device}/availability",
        ),
        Profile(
            name="home-assistant",
            place=_none,
            defaults={"prefix": "homeassistant"},
            catalogue=("{prefix}/+/+/config", "{prefix}/+/+/+/config"),
        ),
        Profile(
            name="homie-5",
            place=_homie,
            defaults={"prefix": "homie"},
            decoder="raw",
            catalogue=("{prefix}/5/+/$description", "{prefix}/5/+/$state"),
            presence="{prefix}/5/{device}/$state",
        ),
        Profile(
            name="tasmota",
            place=_tasmota,
            defaults={"prefix": ""},
            decoder="json",
            catalogue=("tasmota/discovery/+/config", "tasmota/discovery/+/sensors"),
            presence="{prefix}tele/{device}/LWT",
        ),
        Profile(
            name="shelly-gen2",
            place=_shelly,
            defaults={"prefix": ""},
            decoder="json",
            presence="{prefix}{device}/online",
        ),
    )
}


def _lwm2m_filter(topic: str) -> str:
    """Return the filter of all resources of all endpoints, "" for a topic of whole packs."""
    if "{path}" not in topic:
        return ""
    return topic.replace("{device}", "+").replace("{path}", "+/+/+")


def settings_of(link: LinkSpec) -> dict[str, str]:
    """Return a link's profile settings with what was left out."""
    profile = PROFILES[link.profile]
    out = {**profile.defaults, **{k: str(v) for k, v in link.profile_settings.items()}}
    if out.get("prefix") and not profile.defaults["prefix"] and not out["prefix"].endswith("/"):
        out["prefix"] += "/"  # it stands before a whole topic
    return out


def place_of(link: LinkSpec, address: str) -> Place:
    """Return where the value of an address is; a full address only gets the profile's decoder and time."""
    profile = PROFILES[link.profile]
    if not address.startswith(SHORT):
        channel, _, path = address.partition("#")
        return Place(channel=channel, path=path, decoder=_own(profile.decoder, link), time=profile.time)
    device, _, value = address[1:].partition("#")
    if not device or not value:
        return Place(channel="", path="")
    found = profile.place(settings_of(link), device, value)
    return Place(
        channel=found.channel,
        path=found.path,
        decoder=found.decoder or _own(profile.decoder, link),
        time=profile.time,
        absent=found.absent,
    )


def _own(decoder: str, link: LinkSpec) -> str:
    """Return the profile's decoder, unless the project names one of its own for the source."""
    return "" if link.decoder != "auto" else decoder


def catalogue_of(link: LinkSpec) -> tuple[str, ...]:
    """Return the filters of what describes a link's devices."""
    if link.profile not in PROFILES:
        return ()
    given = settings_of(link)
    if link.profile == "lwm2m":
        return tuple(filter(None, (_lwm2m_filter(given["topic"]),)))
    return tuple(text.format_map(given) for text in PROFILES[link.profile].catalogue)


def presence_of(link: LinkSpec, address: str) -> str:
    """Return the topic that says whether a tag's device is there, "" for none."""
    profile = PROFILES.get(link.profile)
    if profile is None or not profile.presence or not address.startswith(SHORT):
        return ""
    device = address[1:].partition("#")[0]
    return profile.presence.format_map({**settings_of(link), "device": device})
