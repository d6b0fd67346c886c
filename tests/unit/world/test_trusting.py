"""Who decides about certificates in a world, and that it is written down."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.plugins.opcua.certified import URI, certificate, der, key

from armillary.model.account import RIGHTS, LoggedIn, Right, may
from armillary.model.clock import ManualClock, parse_iso
from armillary.model.fault import LinkRefused, ProjectFault
from armillary.model.link import LinkSpec
from armillary.model.trust import DecideTrust, TrustAct
from armillary.security import certificates
from armillary.security.audit import Audit, files
from armillary.security.certificates import fingerprint
from armillary.world.acts import Acts
from armillary.world.killswitch import KillSwitch
from armillary.world.trusting import Certificates, right_to

RAVI = LoggedIn(user="ravi", name="Ravi", role="engineer")
ADMIN = LoggedIn(user="eva", name="Eva", role="admin")
LINK = LinkSpec(name="skid", kind="opcua", url="opc.tcp://127.0.0.1:4840")


class Room:
    def __init__(self, folder: Path) -> None:
        self.folder, self.clock = folder, ManualClock(parse_iso("2026-03-14T10:00:00Z"))
        self.audit = Audit(folder / "audit", world_kind="LIVE", now_ns=self.clock.now_ns())
        acts = Acts(self.audit, self.clock, KillSwitch(folder, "Europe/Oslo"), lambda _why: None)
        self.certificates = Certificates(self.clock, lambda: acts)

    def records(self) -> list[tuple[str, str, str, str]]:
        self.audit.sync()
        lines = [line for path in files(self.folder / "audit") for line in path.read_text().splitlines()]
        rows = map(json.loads, lines)
        return [(r["actor"], r["action"], r["object"], r["reason"]) for r in rows]


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    monkeypatch.setattr(certificates, "LEAST_BITS", 1024)
    room = Room(tmp_path)
    yield room
    room.audit.close()


def test_an_engineer_proposes_an_admin_accepts_and_both_are_written_down(room: Room) -> None:
    one = certificate(own=key(0, 1024))
    link = room.certificates.of(LINK)
    with pytest.raises(LinkRefused):
        link.check(der(one), URI)
    assert room.certificates.of(LINK) is link
    wish = DecideTrust(link="skid", fingerprint=fingerprint(one), act=TrustAct.PROPOSE, why="by telephone")
    told = room.certificates.decide(wish, RAVI)
    assert told.text.startswith("ravi proposed the certificate 'plc'")
    with pytest.raises(LinkRefused):
        link.check(der(one), URI)
    accept = DecideTrust(link="skid", fingerprint=fingerprint(one), act=TrustAct.ACCEPT)
    assert room.certificates.decide(accept, ADMIN).source == "skid"
    link.check(der(one), URI)
    at = f"skid {LINK.url}"
    assert room.records() == [
        ("ravi", "trust.propose", at, "by telephone"),
        ("eva", "trust.accept", at, ""),
    ]


def test_a_decision_that_is_none_is_not_written_down(room: Room) -> None:
    for link in ("skid", "nobody"):
        with pytest.raises(ProjectFault):
            room.certificates.decide(DecideTrust(link=link, fingerprint="AA", act=TrustAct.ACCEPT), ADMIN)
    room.certificates.of(LINK)
    with pytest.raises(ProjectFault, match="No certificate waits"):
        room.certificates.decide(DecideTrust(link="skid", fingerprint="AA", act=TrustAct.ACCEPT), ADMIN)
    assert room.records() == []


@pytest.mark.parametrize(("act", "roles"), [
    (TrustAct.PROPOSE, {"engineer"}),
    (TrustAct.ACCEPT, {"admin"}),
    (TrustAct.REJECT, {"admin"}),
])  # fmt: skip
def test_an_engineer_only_proposes_and_an_admin_decides(act: TrustAct, roles: set[str]) -> None:
    needed = right_to(DecideTrust(link="a", fingerprint="", act=act))
    assert {role for role in RIGHTS if may(role, needed)} == roles
    assert not may("instructor", Right.TRUST, training=True)
