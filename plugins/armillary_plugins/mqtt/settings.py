"""The settings of an MQTT link, checked: what `[[source]]` with kind = "mqtt" may hold."""

from __future__ import annotations

import difflib
import hashlib
import socket
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from armillary.api import Fault, LinkRefused, LinkSpec, ProjectFault, SourceContext

MQTT_3, MQTT_5 = 4, 5  # protocol levels as they stand in CONNECT
MAX_PAYLOAD = 1024 * 1024
KEEP_ALIVE_S = 10
SESSION_EXPIRY_S = 3600
_PORTS = {"mqtt": 1883, "mqtts": 8883, "ws": 80, "wss": 443}
_SECURE = frozenset({"mqtts", "wss"})
_WEB_PATH = "/mqtt"
_KEYS = frozenset(
    {
        "version", "client_id", "username", "secret", "tls", "subscribe", "qos", "max_payload",
        "keep_alive_s", "silence_s", "command_topic", "command_payload", "response_topic",
        "client", "durable", "session_expiry_s", "user_properties", "acknowledge",
    }
)  # fmt: skip
_TLS_KEYS = frozenset({"ca", "cert", "key", "crl", "server_name"})
_USER_KEYS = frozenset({"time", "quality", "unit"})
_FILTER_KEYS = frozenset({"filter", "qos", "decoder", "retained"})
_RETAINED = {"always": 0x00, "new": 0x10, "never": 0x20}  # retain handling, as it stands in SUBSCRIBE
_PAYLOADS = frozenset({"auto", "json", "raw"})
_CLIENTS = frozenset({"own", "paho"})
_ACKNOWLEDGE = frozenset({"received", "stored"})
SHARED = "$share/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One link, ready to be used. `version` is the one to begin with."""

    name: str
    host: str
    port: int
    is_tls: bool
    version: int
    is_id_fixed: bool  # the client id was chosen or is kept, so that another program may have it too
    may_fall_back: bool  # no version was asked for: 3.1.1 is tried when the broker cannot do 5
    client_id: str
    username: str
    secret: str  # a name in the secret store
    path: str = ""  # of a WebSocket; "" = plain TCP
    client: str = "own"  # own | paho: who speaks the protocol
    durable: bool = False  # the broker keeps the session, and what comes meanwhile, over an outage
    session_expiry_s: int = 0
    waits_for_disk: bool = False  # QoS 1 is acknowledged once it is on disk, not once it is here
    user_time: str = ""  # user properties that hold a message's time and quality
    user_quality: str = ""
    user_unit: str = "unit"  # this one is looked at by itself: a unit is checked, never taken over
    tls: Mapping[str, str] = field(default_factory=dict)
    subscribe: tuple[tuple[str, int], ...] = ()  # (filter, options: QoS and retain handling as in SUBSCRIBE);
    # empty = exactly the topics of the routes
    qos: int = 0
    max_payload: int = MAX_PAYLOAD
    keep_alive_s: int = KEEP_ALIVE_S
    command_topic: str = "{topic}/set"
    command_payload: str = "auto"
    response_topic: str = ""  # "" = the broker's acknowledgement is the answer

    @property
    def where(self) -> str:
        """The link and its server, for messages."""
        return f"{self.name} at {self.host}:{self.port}"

    @property
    def server_name(self) -> str:
        """Whom the certificate must name, and what the server is asked for (SNI)."""
        return self.tls.get("server_name", self.host)

    @property
    def is_shared(self) -> bool:
        """Whether a filter is shared with other clients: then nobody gets the messages in order."""
        return any(name.startswith(SHARED) for name, _ in self.subscribe)


def settings_of(link: LinkSpec, project: Path | None = None) -> Settings:
    """Return the checked settings of a link. Raises ProjectFault with the key that is wrong.

    `project`: its folder makes the client id of a durable session, the same at every start.
    """
    given = link.settings
    where = link.origin or link.name
    _check_keys(given, _KEYS, where)
    try:
        url = urlsplit(link.url if "//" in link.url else f"mqtt://{link.url}")
        port = url.port
    except ValueError:
        url, port = urlsplit(""), -1
    if url.scheme not in _PORTS or not url.hostname or port == -1:
        wanted = "mqtt://host:1883, mqtts://host:8883, ws://host/mqtt or wss://host/mqtt"
        raise _wrong("url", link.url, wanted, where)
    tls = _table(given, "tls", where)
    _check_keys(tls, _TLS_KEYS, f"{where}: tls")
    client = _word(given, "client", "own", _CLIENTS, where)
    if client == "paho" and tls.get("server_name"):
        raise _wrong("tls.server_name", tls["server_name"], "the name in the url, or no client", where)
    version = _choice(given, "version", {0: 0, 3: MQTT_3, 4: MQTT_3, 5: MQTT_5}, where)
    user = _table(given, "user_properties", where)
    _check_keys(user, _USER_KEYS, f"{where}: user_properties")
    durable = _flag(given, "durable", where)
    qos = _choice(given, "qos", {0: 0, 1: 1}, where)
    return Settings(
        name=link.name,
        host=url.hostname,
        port=port or _PORTS[url.scheme],
        is_tls=url.scheme in _SECURE,
        path=_web_path(url.path, url.query) if url.scheme in ("ws", "wss") else "",
        client=client,
        durable=durable,
        session_expiry_s=_whole(given, "session_expiry_s", SESSION_EXPIRY_S, where) if durable else 0,
        waits_for_disk=_word(given, "acknowledge", "received", _ACKNOWLEDGE, where) == "stored",
        user_time=str(user.get("time", "")),
        user_quality=str(user.get("quality", "")),
        user_unit=str(user.get("unit", "unit")),
        version=version or MQTT_5,
        may_fall_back=not version,
        is_id_fixed=bool(given.get("client_id")) or durable,
        client_id=str(given.get("client_id") or f"armillary-{link.name}-{_own_part(durable, project)}"),
        username=str(given.get("username", "")),
        secret=str(given.get("secret", "")),
        tls={k: str(v) for k, v in tls.items() if v},
        subscribe=_filters(given, where, durable),
        qos=1 if durable else qos,
        max_payload=_whole(given, "max_payload", MAX_PAYLOAD, where),
        keep_alive_s=_whole(given, "keep_alive_s", KEEP_ALIVE_S, where),
        command_topic=str(given.get("command_topic", "{topic}/set")),
        command_payload=_word(given, "command_payload", "auto", _PAYLOADS, where),
        response_topic=str(given.get("response_topic", "")),
    )


def lasting_id(settings: Settings, project: Path) -> str:
    """Return a client id that is the same at every start on this machine, unless one was chosen."""
    return (
        settings.client_id
        if settings.is_id_fixed
        else f"armillary-{settings.name}-{_own_part(True, project)}"
    )


def _own_part(durable: bool, project: Path | None) -> str:
    """Return the end of a client id: random, as two desks of one project must not throw each other out.

    A durable session is found again by its id: there it comes from this machine and project.
    """
    if not durable:
        return uuid.uuid4().hex[:8]
    place = f"{socket.gethostname()}:{project.resolve() if project else ''}"
    return hashlib.blake2b(place.encode(), digest_size=4).hexdigest()


def _web_path(path: str, query: str) -> str:
    return (path or _WEB_PATH) + (f"?{query}" if query else "")


def password(settings: Settings, context: SourceContext) -> str:
    """Return the password from the secret store, '' when the link names none. Raises a Fault."""
    try:
        return context.secret(settings.secret) if settings.secret else ""
    except Fault:
        raise
    except KeyError as error:
        raise LinkRefused(
            f"The secret '{settings.secret}' is not in the store.",
            where=settings.where,
            remedy="Add it, then retry now.",
        ) from error


# Any: a project file's values are checked here, one by one
def _filters(given: Mapping[str, Any], where: str, durable: bool) -> tuple[tuple[str, int], ...]:
    out: list[tuple[str, int]] = []
    for entry in given.get("subscribe", ()):
        table = {"filter": entry} if isinstance(entry, str) else entry
        if not isinstance(table, Mapping) or not is_filter(unshared(str(table.get("filter", "")))):
            raise _wrong("subscribe", entry, 'a list such as [{ filter = "plant/#", qos = 1 }]', where)
        _check_keys(table, _FILTER_KEYS, f"{where}: subscribe")
        qos = _choice(table, "qos", {0: 0, 1: 1}, where)
        retained = _word(table, "retained", "always", frozenset(_RETAINED), f"{where}: subscribe")
        out.append((str(table["filter"]), (1 if durable else qos) | _RETAINED[retained]))
    return tuple(out)


def unshared(name: str) -> str:
    """Return the filter inside `$share/group/filter`; '' for a group that is none."""
    if not name.startswith(SHARED):
        return name
    group, _, rest = name.removeprefix(SHARED).partition("/")
    return rest if group and not set("+#") & set(group) else ""


def is_filter(text: str) -> bool:
    """Return whether a text is a topic filter by MQTT's rules (4.7): wildcards fill whole levels."""
    if not text or "\0" in text:
        return False
    levels = text.split("/")
    if any(len(level) > 1 and ("#" in level or "+" in level) for level in levels):
        return False
    return "#" not in levels[:-1]


def _table(given: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    value = given.get(key, {})
    if not isinstance(value, Mapping):
        raise _wrong(key, value, "a table", where)
    return value


def _choice(given: Mapping[str, Any], key: str, choices: Mapping[int, int], where: str) -> int:
    value = given.get(key, 0)
    if isinstance(value, bool) or value not in choices:
        raise _wrong(key, value, " or ".join(str(c) for c in choices if c or key == "qos"), where)
    return choices[value]


def _whole(given: Mapping[str, Any], key: str, default: int, where: str) -> int:
    value = given.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise _wrong(key, value, "a whole number above 0", where)
    return value


def _word(given: Mapping[str, Any], key: str, default: str, known: frozenset[str], where: str) -> str:
    value = given.get(key, default)
    if value not in known:
        raise _wrong(key, value, " or ".join(sorted(known)), where)
    return str(value)


def _flag(given: Mapping[str, Any], key: str, where: str) -> bool:
    value = given.get(key, False)
    if not isinstance(value, bool):
        raise _wrong(key, value, "true or false", where)
    return value


def _check_keys(given: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    for key in given:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            raise ProjectFault(
                f"An MQTT source has no setting '{key}'.",
                where=where,
                remedy=f"Did you mean '{near[0]}'?" if near else f"Known: {', '.join(sorted(known))}.",
            )


def _wrong(key: str, value: object, wanted: str, where: str) -> ProjectFault:
    return ProjectFault(
        f"The setting {key} = {value!r} cannot be used.", where=where, remedy=f"Give {wanted}."
    )
