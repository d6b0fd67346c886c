"""Links: what is configured, what to subscribe, and the state a link is in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from armillary.model.trust import TrustAsked

PROFILES = (
    "chirpstack-v4", "home-assistant", "homie-5", "lwm2m", "shelly-gen2", "tasmota", "ttn-v3", "zigbee2mqtt",
)  # fmt: skip


class LinkState(StrEnum):
    """One machine for every protocol (operations: connection state machine)."""

    OFF = "OFF"
    RESOLVING = "RESOLVING"
    CONNECTING = "CONNECTING"
    SYNCING = "SYNCING"
    UP = "UP"
    DEGRADED = "DEGRADED"
    BACKOFF = "BACKOFF"
    REFUSED = "REFUSED"
    STOPPING = "STOPPING"


# kinds of built-in alarms of a link, of each of which it has one
SILENT, UNSTABLE, COUNTERS, OVERLOADED, CLOCK = "", "unstable", "counters", "overloaded", "clock"
DEVICE, DEVICES = "device", "devices"  # of one behind it, and of many that fell silent at once
SHARED = "$share/"  # begins a filter whose messages the broker deals out among the members of a group
CERTIFICATE_DAYS = {30: 4, 7: 3, 1: 2}  # at most so many days of a certificate left → priority of the alarm


def link_alarm(link: str, kind: str = SILENT) -> str:
    """Return the id of a built-in alarm of a link; no alarm of a project may begin so."""
    return f"link:{link}:{kind}" if kind else f"link:{link}"


def device_alarm(link: str, device: str) -> str:
    """Return the id of the alarm of a device behind a link."""
    return link_alarm(link, f"{DEVICE}:{device}")


def certificate_alarm(link: str, days: int) -> str:
    """Return the id of the alarm of a link whose certificate has at most so many days left."""
    return link_alarm(link, f"certificate-{days}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSpec:
    """One `[[source]]` of project.toml. `settings` holds the keys that only its plugin knows."""

    name: str
    kind: str  # a plugin's id
    url: str
    stale_after_s: float = 10.0
    stale_given: bool = False  # somebody wrote that limit down; else it is a guess, and tags learn their own
    commands: bool = False  # read-only unless the project says otherwise
    decoder: str = "auto"
    trust_clock: bool = True  # False: times up to 30 s off are shown corrected
    reorder_window_s: float = 0.0  # alarms and history wait this long for what was overtaken on the way
    profile: str = ""  # how its devices speak: one of PROFILES; "" = nothing is known beforehand
    profile_settings: Mapping[str, str] = field(default_factory=dict)
    # Any: a plugin's own settings are plain TOML values; the plugin checks them and raises a Fault
    settings: Mapping[str, Any] = field(default_factory=dict)
    origin: str = ""


def filters_of(link: LinkSpec) -> tuple[str, ...]:
    """Return the filters that a source names in `subscribe`, as they stand there; () where it names none."""
    given = link.settings.get("subscribe", ())
    entries = given if isinstance(given, list | tuple) else ()
    return tuple(str(e.get("filter", "") if isinstance(e, Mapping) else e) for e in entries)


def is_shared(link: LinkSpec) -> bool:
    """Return whether the broker deals its messages out among several programs: their order is not kept."""
    return any(name.startswith(SHARED) for name in filters_of(link))


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderSpec:
    """One `[decoder.NAME]` of project.toml: a decoder with settings, under a name of the project's own."""

    name: str
    kind: str  # a plugin's name
    # Any: its own settings are plain TOML values; it checks them and raises a Fault
    settings: Mapping[str, Any] = field(default_factory=dict)
    origin: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """From one channel of a link to one slot."""

    slot: int
    tag: str
    channel: str  # topic, node id
    path: str = ""  # inside the payload, in the decoder's language; "" = the whole payload
    time_path: str = ""
    decoder: str = "auto"  # a name, or a chain of them: `gzip|json`
    kind: str = "number"
    states: tuple[tuple[float, str], ...] = ()  # of an enum or bool: text that arrives becomes its number
    expected_ms: int = 0
    absent: str = "keep"  # what it means that a message has no such place: keep | bad | zero
    coerce: bool = False  # a text that spells a number counts as one
    unit_path: str = ""  # where the payload keeps its unit
    unit: str = ""  # the unit that is expected to come; "" = whatever
    presence: str = ""  # the topic that says whether its device is there
    heartbeat: str = ""  # a filter: whatever comes there proves its device alive
    browse_path: str = (
        ""  # where its node was found, in the source's own words: it may have another id by now
    )


NODE_MOVED = "node unknown; its browse path leads to "
"""Begins the words of a tag whose node has another id now; the new address follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicTemplate:
    """A topic with named parts, `site/{pump}/vibration`: it brings a fleet, and whoever is new in it."""

    filter: str  # with its named parts
    pattern: str  # as a filter: `site/+/vibration`
    values: tuple[tuple[str, str, str], ...]  # (path in the payload, kind, unit)
    link: str
    auto: bool = False  # newcomers become tags by themselves


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionPlan:
    """What one link has to bring: its spec and the routes of all its tags."""

    link: LinkSpec
    routes: tuple[Route, ...]
    listen: tuple[str, ...] = ()  # filters whose messages are no values: catalogues, availability, templates
    templates: tuple[TopicTemplate, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkStatus:
    """What a link row shows."""

    name: str
    kind: str
    url: str
    state: LinkState
    since_ns: int
    detail: str = ""  # one sentence: what is missing or refused, and what to do
    next_try_s: float = 0.0  # countdown in BACKOFF and REFUSED
    delivery: str = "quiet"  # flowing | quiet | silent: from arrivals alone
    rate_hz: float = 0.0  # messages per second, last 5 s
    delay_s: float = 0.0  # median of arrival − source time, last batch
    silence_watched: bool = True  # False: `silence_s = 0`, its data are rare by nature
    certificate_ns: int = 0  # until when the connection's certificates are valid; 0 = it has none
    losses: int = 0  # how often it was lost in the last two minutes
    skew_s: float | None = None  # how far its source's clock is ahead of ours; None: not known
    skew_doubt_s: float = 0.0  # by how much that may be off: median less minimum of the delays
    clock: str = ""  # what is wrong with its source's clock, one sentence; "" = nothing
    trust_clock: bool = True  # False: its times are shown corrected by `skew_s`, where that is known to be so
    secured: str = ""  # `TLS`, `Basic256Sha256, signed and encrypted`; "None": everybody on the way reads it
    asked: TrustAsked | None = None  # the certificate that a person has to judge


def correction_ns(status: LinkStatus) -> int:
    """Return what to take from the times of a link's samples where they are shown, ns; 0 for most.

    Only where its clock is known to be off by 1 to 30 s and is not to be trusted; samples more than 5 s
    ahead have their time of arrival already.
    """
    off = status.skew_s
    if status.trust_clock or off is None or not -30.0 <= off <= 5.0 or abs(off) <= 1.0:  # noqa: PLR2004
        return 0
    return int(off * 1e9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """A message that could not be decoded."""

    link: str
    channel: str
    reason: str
    offset: int  # byte of the payload at which reading failed
    head: bytes  # its first bytes, at most 4096
    size: int
    arrival_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one step of a search brought: new hits, and how much of the space it has seen so far."""

    items: tuple[BrowseItem, ...] = ()
    seen: int = 0  # nodes or topics looked at since it began
    waiting: int = 0  # that are known of and were not looked at yet
    done: bool = True
    left_out: str = ""  # what bounds kept from it, in words


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowseItem:
    """One node of a server's address space or topic tree."""

    address: str  # what a tag's address would be
    name: str
    has_children: bool
    kind: str = ""  # Object, Variable, Method, topic
    data_type: str = ""
    unit: str = ""
    value: str = ""
    low: float = float("nan")
    high: float = float("nan")
    writable: bool = False
    states: tuple[tuple[float, str], ...] = ()  # names of the values of an enum or bool
    type_definition: str = ""  # what a server says it is an instance of
    description: str = ""
    rate_hz: float = float("nan")  # of messages of a topic, over the last seconds
    size: int = 0  # bytes of its last message; 0 = not known
    age_s: float = float("nan")  # since then
    retained: bool = False  # the last message was one that the server had kept
    decoder: str = ""  # which one seems to read it


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a source found out about the nodes of its server, beside their values."""

    paths: Mapping[str, str] = field(default_factory=dict)  # address of a route → its browse path
    moved: Mapping[str, BrowseItem] = field(default_factory=dict)  # address that is gone → what is there now
    others: Mapping[str, BrowseItem] = field(default_factory=dict)  # nodes beside those that tags name
    is_whole: bool = False  # `others` was looked for
    left_out: int = 0  # branches and nodes that were too many
