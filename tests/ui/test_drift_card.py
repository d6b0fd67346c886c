"""The card of schema drift: a device that says another unit than its tag expects."""

from __future__ import annotations

from typing import Any

from pytestqt.qtbot import QtBot

from armillary.model.drift import DriftItem
from armillary.model.link import NODE_MOVED
from armillary.session.drifting import DriftBook
from armillary.telemetry.reasons import conflict
from armillary.ui.drift_card import DriftCard
from armillary.ui.window import DeskWindow

LEVEL, TEMP = 0, 4


def test_a_device_that_says_another_unit_has_a_card_until_it_is_looked_at(
    desk: DeskWindow, bench: Any
) -> None:
    card, specs = desk.drift_card, bench.workspace.specs
    assert card.isHidden()
    bench.send(why=((TEMP, "text instead of a number: 'ERR7'"),))
    assert card.isHidden(), "one odd value is no other device"
    bench.send(why=((TEMP, conflict("K", "°C")),))
    assert not card.isHidden()
    assert f"{specs[TEMP].name}: it says K, °C is expected." in card.text.text()
    assert card.accessibleName() == card.text.text()
    card.load.click()
    assert card.isHidden()
    assert desk.tags.isVisible()
    assert desk.tags.search.text() == specs[TEMP].name
    bench.send(why=((TEMP, conflict("K", "°C")),))
    assert card.isHidden(), "it was looked at"
    bench.send(why=((LEVEL, conflict("ft", "m")), (TEMP, conflict("K", "°C"))))
    assert specs[LEVEL].name in card.text.text()
    assert specs[TEMP].name not in card.text.text()
    bench.send()
    assert card.isHidden()
    bench.send(why=((TEMP, conflict("K", "°C")),))
    assert not card.isHidden(), "it has come again"


class Book(DriftBook):
    """Writes nothing down but what was accepted."""

    taken: tuple[tuple[str, str], ...] = ()

    def why_not(self, *, writes: bool = True) -> str:
        return ""

    def accept(self, item: DriftItem) -> None:
        self.taken += ((item.code, item.address),)


def test_a_node_that_moved_is_offered_on_the_card_and_accepted_as_an_edit(qtbot: QtBot, bench: Any) -> None:
    bench.begin()
    book, specs = Book(bench.workspace), bench.workspace.specs
    card = DriftCard(bench.workspace, lambda _slot: None, book)
    qtbot.addWidget(card)
    bench.send(why=((TEMP, f"{NODE_MOVED}nsu=urn:x;s=T-2"),))
    said = card.text.text()
    assert said.startswith(
        f"Node moved: use the new id? {specs[TEMP].name}: its node is now nsu=urn:x;s=T-2."
    )
    assert card.accept.isEnabled()
    card.accept.click()
    assert book.taken == (("D12", "nsu=urn:x;s=T-2"),)
    assert card.isHidden()
