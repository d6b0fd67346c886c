from __future__ import annotations

from dataclasses import replace

import pytest

from armillary.model.link import LinkState, LinkStatus
from armillary.model.trust import CertificateFacts, TrustAsked
from armillary.session.trusting import judging, padlock

FACTS = CertificateFacts(
    subject="plc 7",
    issuer="",
    hosts=("plc7", "10.0.0.7"),
    application_uri="urn:plc:7",
    from_ns=1_735_689_600 * 10**9,
    until_ns=1_798_761_600 * 10**9,
    fingerprint=":".join(f"{i:02X}" for i in range(32)),
)
ASKED = TrustAsked(facts=FACTS, url="opc.tcp://plc7:4840")


def test_an_engineer_sees_all_and_can_only_propose() -> None:
    seen = judging(ASKED, "engineer")
    assert dict(seen.facts)["Valid"] == "2025-01-01 to 2027-01-01"
    assert dict(seen.facts)["Signed by"] == "itself"
    lines = dict(seen.facts)["SHA-256"].splitlines()
    assert lines[0] == "00 01 02 03 04 05 06 07"
    assert len(lines) == 4
    assert (seen.may_propose, seen.may_decide) == (True, False)
    assert "admin" in seen.who


def test_an_admin_sees_who_proposed_and_why() -> None:
    asked = replace(ASKED, proposed_by="ravi", proposed_ns=FACTS.from_ns, why="read out")
    seen = judging(asked, "admin")
    assert seen.proposal == "ravi proposes to trust it (2025-01-01): read out"
    assert (seen.may_propose, seen.may_decide, seen.who) == (False, True, "")
    assert not judging(asked, "engineer").may_propose, "once is enough"


@pytest.mark.parametrize("role", ["viewer", "operator", "instructor", ""])
def test_others_may_do_nothing(role: str) -> None:
    seen = judging(ASKED, role)
    assert (seen.may_propose, seen.may_decide) == (False, False)


def test_a_changed_certificate_and_another_host_are_told() -> None:
    seen = judging(replace(ASKED, before="AA:BB", wrong=("It is for 'plc7', not for 'x'.",)), "admin")
    assert seen.title == "The server's certificate has changed"
    assert ("Trusted until now", "AA BB") in seen.facts
    assert ("Not right", "It is for 'plc7', not for 'x'.") in seen.facts


@pytest.mark.parametrize(
    ("url", "secured", "closed"),
    [
        ("opc.tcp://plc7:4840", "Basic256Sha256, signed and encrypted", True),
        ("opc.tcp://plc7:4840", "Basic256Sha256, signed, not encrypted", False),
        ("mqtts://broker:8883", "TLS", True),
        ("mqtt://broker:1883", "None", False),
        ("mqtt://127.0.0.1:1883", "None", None),
        ("opc.tcp://localhost:4840", "None", None),
        ("opc.tcp://plc7:4840", "", None),
    ],
)
def test_the_padlock_says_who_can_read_a_link(url: str, secured: str, closed: bool | None) -> None:
    status = LinkStatus(name="a", kind="x", url=url, state=LinkState.UP, since_ns=0, secured=secured)
    found = padlock(status)
    assert (found[0] if found is not None else None) is closed
