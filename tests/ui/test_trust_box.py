"""The card of a link whose server nobody trusts yet."""

from __future__ import annotations

import dataclasses
from typing import Any

from pytestqt.qtbot import QtBot

from armillary.model.link import LinkState
from armillary.model.trust import CertificateFacts, DecideTrust, TrustAct, TrustAsked
from armillary.ui.panels.links import LinkCard, LinksPanel
from armillary.ui.theme import DARK

FACTS = CertificateFacts(
    subject="Dosing skid 2",
    issuer="",
    hosts=("dosing2", "192.168.7.12"),
    application_uri="urn:dosing2:server",
    from_ns=1_750_000_000 * 10**9,
    until_ns=1_850_000_000 * 10**9,
    fingerprint=":".join(f"{(i * 37) % 256:02X}" for i in range(32)),
)
ASKED = TrustAsked(facts=FACTS, url="opc.tcp://dosing2:4840")


def wait_for_a_person(panel: LinksPanel, bench: Any, **more: Any) -> LinkCard:
    ua, mqtt = bench.workspace.links
    detail = "Nobody here knows the server's certificate."
    asked = dataclasses.replace(ASKED, **more)
    bench.send(links=(dataclasses.replace(ua, state=LinkState.REFUSED, detail=detail, asked=asked), mqtt))
    panel.reload()
    return panel.cards["ua"]


def shown(card: LinkCard) -> list[str]:
    box = card.trust
    return [one.text() for one in (box.accept, box.propose, box.reject) if one.isVisibleTo(box)]


def test_an_engineer_can_only_propose_and_an_admin_accepts(qtbot: QtBot, bench: Any) -> None:
    bench.begin()
    panel = LinksPanel(bench.workspace, DARK)
    qtbot.addWidget(panel)
    panel.show()
    asked: list[DecideTrust] = []
    bench.workspace.ask_world = lambda message, callback, limit: asked.append(message)
    card = wait_for_a_person(panel, bench)
    assert card.trust.isVisibleTo(card)
    assert shown(card) == [], "an operator can do nothing"
    bench.workspace.role = "engineer"
    panel.reload()
    assert shown(card) == ["Propose to trust it"]
    card.trust.why.setText("read out by telephone")
    card.trust.propose.click()
    bench.workspace.role = "admin"
    card = wait_for_a_person(panel, bench, proposed_by="ravi", proposed_ns=FACTS.from_ns, why="read out")
    assert shown(card) == ["Trust this server", "Reject"]
    assert card.trust.proposal.text().startswith("ravi proposes to trust it")
    card.trust.accept.click()
    acts = [(wish.act, wish.link, wish.fingerprint) for wish in asked]
    assert acts == [(TrustAct.PROPOSE, "ua", FACTS.fingerprint), (TrustAct.ACCEPT, "ua", FACTS.fingerprint)]
    assert asked[0].why == "read out by telephone"
    ua, mqtt = bench.workspace.links
    ua = dataclasses.replace(
        ua, state=LinkState.UP, detail="", asked=None, secured="Basic256Sha256, signed and encrypted"
    )
    bench.send(links=(ua, mqtt))
    panel.reload()
    assert not card.trust.isVisibleTo(card)
    assert card.padlock.isVisibleTo(card)
    assert card.padlock.accessibleName().startswith("Closed padlock: Basic256Sha256")
