"""What a project may say about an OPC UA link, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

from armillary.api import LinkRefused, LinkSpec, ProjectFault

DEFAULT_PORT = 4840
ITEMS_PER_REQUEST = 500
KNOWN = (
    "publishing_ms",
    "sampling_ms",
    "queue",
    "namespaces",
    "security",
    "insecure",
    "server_uri",
    "user",
    "secret",
    "user_cert",
    "user_key",
    "request_timeout_s",
    "conditions",
    "severities",
)
POLICIES = ("Basic256Sha256", "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss")
DEPRECATED = ("Basic128Rsa15", "Basic256")
MODES = ("SignAndEncrypt", "Sign")
SECURE = "Basic256Sha256:SignAndEncrypt"
SEVERITIES = (901, 701, 551, 401)  # from which on a condition has priority 1, 2, 3, 4 (operations 1.2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One OPC UA link's settings; times in ms and s as named."""

    link: str
    url: str
    host: str
    publishing_ms: float = 250.0
    sampling_ms: float = 100.0
    queue: int = 10
    namespaces: Mapping[str, str] = field(default_factory=dict)  # alias -> URI, for browse paths
    security: str = "None"  # policy:mode; "None" = none
    insecure: bool = False
    server_uri: str = ""
    user: str = ""
    secret: str = ""
    user_cert: str = ""  # who we are as a user: a certificate and its key, files of the project
    user_key: str = ""
    request_timeout_s: float = 4.0
    conditions: bool = False  # the server's alarms are mirrored
    severities: tuple[int, ...] = SEVERITIES

    def priority_of(self, severity: int) -> int:
        """Return the priority of a condition; 0 = it is an event, no alarm."""
        found = (number for number, least in enumerate(self.severities, 1) if severity >= least)
        return next(found, 0)

    @property
    def policy(self) -> str:
        """The security policy, "None" for none."""
        return self.security.partition(":")[0]

    @property
    def mode(self) -> str:
        """How messages are protected: SignAndEncrypt, Sign, None."""
        policy, _, mode = self.security.partition(":")
        return mode or ("None" if policy == "None" else MODES[0])

    @property
    def where(self) -> str:
        return f"link {self.link}, {self.url}"


def read_settings(link: LinkSpec) -> Settings:
    """Return the settings of a link. Raises ProjectFault for a key or value that cannot be meant."""
    where = link.origin or f"source {link.name}"
    parts = urlsplit(link.url)
    try:
        port = parts.port or DEFAULT_PORT
    except ValueError:
        port = 0
    if parts.scheme != "opc.tcp" or not parts.hostname or not port:
        raise ProjectFault(
            f"'{link.url}' is not the address of an OPC UA server.",
            where=where,
            remedy="Write it as opc.tcp://host:4840.",
        )
    if parts.username or parts.password:
        raise ProjectFault(
            "A user name or password stands in the address.",
            where=where,
            remedy="Use user = and secret = (a name in the secret store).",
        )
    for key in link.settings:
        if key not in KNOWN:
            raise ProjectFault(
                f"An OPC UA link has no setting '{key}'.", where=where, remedy=f"Known: {', '.join(KNOWN)}."
            )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    given = _Given(link.settings, where)
    insecure = given.flag("insecure")
    return Settings(
        link=link.name,
        url=f"opc.tcp://{host}:{port}{parts.path}",
        host=parts.hostname,
        publishing_ms=given.number("publishing_ms", 250.0, 10.0, 60_000.0),
        sampling_ms=given.number("sampling_ms", 100.0, -1.0, 60_000.0),
        queue=int(given.number("queue", 10, 1, 100)),
        namespaces=given.texts("namespaces"),
        security=given.text("security", "None" if insecure or is_loopback(parts.hostname) else SECURE),
        insecure=insecure,
        server_uri=given.text("server_uri", ""),
        user=given.text("user", ""),
        secret=given.text("secret", ""),
        user_cert=given.text("user_cert", ""),
        user_key=given.text("user_key", ""),
        request_timeout_s=given.number("request_timeout_s", 4.0, 0.1, 60.0),
        conditions=given.flag("conditions"),
        severities=given.severities(),
    )


def check_security(settings: Settings) -> None:
    """Raise LinkRefused unless the link's security is one that can be made, and is meant."""
    policy, mode = settings.policy, settings.mode
    if policy in DEPRECATED:
        raise LinkRefused(
            f"The security policy {policy} is broken and not used any more.",
            where=settings.where,
            remedy=f"Choose one that the server offers of: {', '.join(POLICIES)}.",
        )
    if (policy != "None" and (policy not in POLICIES or mode not in MODES)) or (
        policy == "None" and mode != "None"
    ):
        raise LinkRefused(
            f"There is no security '{settings.security}'.",
            where=settings.where,
            remedy=f'Write it as "Basic256Sha256:SignAndEncrypt"; policies: {", ".join(POLICIES)}; '
            f"modes: {', '.join(MODES)}.",
        )
    if policy == "None" and not settings.insecure and not is_loopback(settings.host):
        raise LinkRefused(
            "Without security this link may only reach this machine.",
            where=settings.where,
            remedy='Take security = "None" away; or set insecure = true if the network between is one '
            "that you trust.",
        )


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _Given:
    """The settings as TOML gave them, read by type."""

    # Any: TOML values as they are; each method checks its own
    def __init__(self, settings: Mapping[str, Any], where: str) -> None:
        self._settings, self._where = settings, where

    def number(self, key: str, default: float, low: float, high: float) -> float:
        value = self._settings.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise self._wrong(key, f"a number from {low:g} to {high:g}")
        return float(value)

    def text(self, key: str, default: str) -> str:
        value = self._settings.get(key, default)
        if not isinstance(value, str):
            raise self._wrong(key, "a text")
        return value

    def flag(self, key: str) -> bool:
        value = self._settings.get(key, False)
        if not isinstance(value, bool):
            raise self._wrong(key, "true or false")
        return value

    def texts(self, key: str) -> Mapping[str, str]:
        value = self._settings.get(key, {})
        if not isinstance(value, Mapping) or not all(isinstance(v, str) for v in value.values()):
            raise self._wrong(key, "a table of texts")
        return dict(value)

    def severities(self) -> tuple[int, ...]:
        value = self._settings.get("severities", list(SEVERITIES))
        is_list = isinstance(value, list) and len(value) == len(SEVERITIES)
        if (
            not is_list
            or not all(isinstance(v, int) and not isinstance(v, bool) for v in value)
            or any(a <= b for a, b in pairwise((1001, *value, 0)))
        ):
            raise self._wrong("severities", "four falling numbers of 1 to 1000, as [901, 701, 551, 401]")
        return tuple(value)

    def _wrong(self, key: str, meant: str) -> ProjectFault:
        return ProjectFault(
            f"The setting '{key}' is {self._settings.get(key)!r}.",
            where=self._where,
            remedy=f"Give {meant}.",
        )
