"""The settings of an MQTT link, checked: what `[[source]]` with kind = "mqtt" may hold."""

from __future__ import annotations

import difflib
import ssl
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
_PORTS = {"mqtt": 1883, "mqtts": 8883}
_KEYS = frozenset(
    {
        "version", "client_id", "username", "secret", "tls", "subscribe", "qos", "max_payload",
        "keep_alive_s", "silence_s", "command_topic", "command_payload", "response_topic",
    }
)  # fmt: skip
_TLS_KEYS = frozenset({"ca", "cert", "key"})
_PAYLOADS = frozenset({"auto", "json", "raw"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One link, ready to be used. `version` is the one to begin with."""

    name: str
    host: str
    port: int
    is_tls: bool
    version: int
    may_fall_back: bool  # no version was asked for: 3.1.1 is tried when the broker cannot do 5
    client_id: str
    username: str
    secret: str  # a name in the secret store
    tls: Mapping[str, str] = field(default_factory=dict)
    subscribe: tuple[tuple[str, int], ...] = ()  # (filter, QoS); empty = exactly the topics of the routes
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


def settings_of(link: LinkSpec) -> Settings:
    """Return the checked settings of a link. Raises ProjectFault with the key that is wrong."""
    given = link.settings
    where = link.origin or link.name
    _check_keys(given, _KEYS, where)
    url = urlsplit(link.url if "//" in link.url else f"mqtt://{link.url}")
    try:
        port = url.port
    except ValueError:
        port = -1
    if url.scheme not in _PORTS or not url.hostname or port == -1:
        raise _wrong("url", link.url, "mqtt://host:1883 or mqtts://host:8883", where)
    tls = _table(given, "tls", where)
    _check_keys(tls, _TLS_KEYS, f"{where}: tls")
    version = _choice(given, "version", {0: 0, 3: MQTT_3, 4: MQTT_3, 5: MQTT_5}, where)
    return Settings(
        name=link.name,
        host=url.hostname,
        port=port or _PORTS[url.scheme],
        is_tls=url.scheme == "mqtts",
        version=version or MQTT_5,
        may_fall_back=not version,
        # Random at the end: two desks of one project must not throw each other out.
        client_id=str(given.get("client_id") or f"armillary-{link.name}-{uuid.uuid4().hex[:8]}"),
        username=str(given.get("username", "")),
        secret=str(given.get("secret", "")),
        tls={k: str(v) for k, v in tls.items() if v},
        subscribe=_filters(given, where),
        qos=_choice(given, "qos", {0: 0, 1: 1}, where),
        max_payload=_whole(given, "max_payload", MAX_PAYLOAD, where),
        keep_alive_s=_whole(given, "keep_alive_s", KEEP_ALIVE_S, where),
        command_topic=str(given.get("command_topic", "{topic}/set")),
        command_payload=_payload(given, where),
        response_topic=str(given.get("response_topic", "")),
    )


def tls_context(settings: Settings, project: Path) -> ssl.SSLContext | None:
    """Return how to speak TLS, None without. Raises LinkRefused for files that cannot be used."""
    if not settings.is_tls:
        return None
    ca = settings.tls.get("ca", "")
    cert, key = settings.tls.get("cert", ""), settings.tls.get("key", "")
    try:
        context = ssl.create_default_context(cafile=str(project / ca) if ca else None)
        if cert:
            context.load_cert_chain(str(project / cert), str(project / key) if key else None)
    except (OSError, ssl.SSLError) as error:
        raise LinkRefused(
            f"The certificate files of the link cannot be used: {error}",
            where=settings.where,
            remedy="Correct the paths in tls = { ca, cert, key }, relative to the project.",
        ) from error
    return context


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
def _filters(given: Mapping[str, Any], where: str) -> tuple[tuple[str, int], ...]:
    out: list[tuple[str, int]] = []
    for entry in given.get("subscribe", ()):
        table = {"filter": entry} if isinstance(entry, str) else entry
        if not isinstance(table, Mapping) or not is_filter(str(table.get("filter", ""))):
            raise _wrong("subscribe", entry, 'a list such as [{ filter = "plant/#", qos = 1 }]', where)
        _check_keys(table, frozenset({"filter", "qos", "decoder"}), f"{where}: subscribe")
        out.append((str(table["filter"]), _choice(table, "qos", {0: 0, 1: 1}, where)))
    return tuple(out)


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


def _payload(given: Mapping[str, Any], where: str) -> str:
    value = str(given.get("command_payload", "auto"))
    if value not in _PAYLOADS:
        raise _wrong("command_payload", value, " or ".join(sorted(_PAYLOADS)), where)
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
