"""Certificates of links: what one says of itself, which one waits for a person, and what a person decides."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

NS = 1_000_000_000
RENEW_DAYS = 30  # so many days before its end a certificate of ours is to be renewed


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFacts:
    """One certificate, as far as people have to judge it. Times in ns UTC."""

    subject: str
    issuer: str  # "" = itself
    hosts: tuple[str, ...] = ()  # names and addresses that it is for
    application_uri: str = ""
    from_ns: int = 0
    until_ns: int = 0
    fingerprint: str = ""  # SHA-256, `AB:CD:…`

    @property
    def validity(self) -> str:
        """The days that it is valid, `2026-01-01 to 2028-01-01`."""
        return f"{day(self.from_ns)} to {day(self.until_ns)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustAsked:
    """A certificate that a server showed and that nobody here trusts yet."""

    facts: CertificateFacts
    url: str
    before: str = ""  # fingerprint of the one that was trusted for this address until now
    wrong: tuple[str, ...] = ()  # what else is not right, and would be accepted with it: another host name
    proposed_by: str = ""
    proposed_ns: int = 0
    why: str = ""  # what was said when it was proposed


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who we are to a server: a certificate and its key."""

    certificate: bytes  # DER
    key: bytes  # PEM, PKCS 8; never shown, logged or sent
    application_uri: str
    until_ns: int

    def __repr__(self) -> str:
        return f"Identity(application_uri={self.application_uri!r})"


class TrustAct(StrEnum):
    """What a person does about a certificate that waits."""

    PROPOSE = "propose"  # needs the right to author
    ACCEPT = "accept"  # needs the right to trust; the link is tried again at once
    REJECT = "reject"  # the same right; it is asked no more until the server shows another, or it is accepted


@dataclass(frozen=True, slots=True, kw_only=True)
class DecideTrust:
    """Decide about the certificate that a link's server shows; answered by Done or a Fault."""

    link: str
    fingerprint: str  # the one that the person saw: if another has come meanwhile, nothing is decided
    act: TrustAct
    why: str = ""


def day(t_ns: int) -> str:
    """Return a day in UTC, `2026-01-01`."""
    return datetime.fromtimestamp(t_ns / NS, UTC).strftime("%Y-%m-%d")
