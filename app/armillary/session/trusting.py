"""What a desk shows of a link's protection, and of a certificate that somebody has to judge."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from armillary.model.account import Right, may
from armillary.model.link import LinkStatus
from armillary.model.trust import TrustAsked, day

GROUP = 8  # bytes of a fingerprint on a line: so it is read aloud and compared


@dataclass(frozen=True, slots=True)
class Judging:
    """A certificate that waits, as the card of its link shows it."""

    title: str
    facts: tuple[tuple[str, str], ...]  # (what, value), in the order in which they are compared
    proposal: str  # who proposed to trust it; "" = nobody
    may_propose: bool
    may_decide: bool
    who: str  # who may do what this person may not; "" = nothing is missing


def judging(asked: TrustAsked, role: str) -> Judging:
    """Return what is shown of a certificate to somebody of a role."""
    facts = asked.facts
    lines = [
        ("Who it says it is", facts.subject),
        ("Signed by", facts.issuer or "itself"),
        ("Valid", facts.validity),
        ("For", ", ".join(facts.hosts) or "no host"),
        ("Application", facts.application_uri),
        ("SHA-256", _grouped(facts.fingerprint)),
    ]
    if asked.before:
        lines.append(("Trusted until now", _grouped(asked.before)))
    lines += [("Not right", wrong) for wrong in asked.wrong]
    said = f": {asked.why}" if asked.why else ""
    by = f"{asked.proposed_by} proposes to trust it ({day(asked.proposed_ns)}){said}"
    decides, proposes = may(role, Right.TRUST), may(role, Right.AUTHOR)
    return Judging(
        title="The server's certificate has changed" if asked.before else "Is this the server?",
        facts=tuple(lines),
        proposal=by if asked.proposed_by else "",
        may_propose=proposes and not asked.proposed_by,
        may_decide=decides,
        who="" if decides else "An admin accepts it; an engineer can propose it.",
    )


def padlock(status: LinkStatus) -> tuple[bool, str] | None:
    """Return (is closed, words) of a link's padlock; None where there is nothing to say.

    A link within this machine has none when it is plain: nobody stands in between.
    """
    if not status.secured:
        return None
    if status.secured == "None":
        return None if _is_here(status.url) else (False, "Not encrypted: everybody on the way can read it")
    is_closed = "not encrypted" not in status.secured
    return is_closed, f"{status.secured[0].upper()}{status.secured[1:]}"


def _is_here(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _grouped(fingerprint: str) -> str:
    parts = fingerprint.split(":")
    rows = [" ".join(parts[i : i + GROUP]) for i in range(0, len(parts), GROUP)]
    return "\n".join(rows)
