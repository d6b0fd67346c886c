"""Bindings compiled beside the Qt thread: the picture stands, and the newest wish wins."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from armillary.model.binding import Binding
from armillary.model.fault import FaultRecord
from armillary.model.tags import TagSpec
from armillary.session.rebinding import AT_ONCE, Rebinding, Wish

QUICK = Binding(name="c", prim="/A", signal="t")
FIELD = Binding(name="f", prim="/A", channel="field")


class Shop:
    """Keeps the jobs that a rebinding gives away, and what it shows."""

    def __init__(self) -> None:
        self.jobs: list[tuple[Callable[[], object], Callable[[object], None]]] = []
        self.shown: list[tuple[Wish, object]] = []
        self.it = Rebinding(
            lambda wish: lambda: wish.bindings,
            lambda job, done: self.jobs.append((job, done)),
            lambda wish, answer: self.shown.append((wish, answer)),
        )

    def finish(self) -> None:
        job, done = self.jobs.pop(0)
        done(job())

    def wish(self, *bindings: Binding, **more: object) -> Wish:
        wish = Wish(bindings=bindings, **more)  # type: ignore[arg-type]
        self.it.wish(wish)
        return wish


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_few_plain_bindings_are_shown_at_once(shop: Shop) -> None:
    wish = shop.wish(QUICK)
    assert shop.shown == [(wish, (QUICK,))]
    assert not shop.jobs


@pytest.mark.parametrize("bindings", [(FIELD,), (QUICK,) * (AT_ONCE + 1)])
def test_a_field_or_very_many_bindings_leave_the_thread(shop: Shop, bindings: tuple[Binding, ...]) -> None:
    wish = shop.wish(*bindings)
    assert not shop.shown
    assert shop.it.newest is wish
    shop.finish()
    assert shop.shown == [(wish, bindings)]
    assert shop.it.newest is None


def test_of_many_wishes_only_the_newest_is_compiled_after_the_one_under_way(shop: Shop) -> None:
    first = shop.wish(FIELD)
    for _ in range(10):
        last = shop.wish(FIELD, QUICK)
    assert len(shop.jobs) == 1
    shop.finish()
    assert shop.shown[0][0] is first
    assert len(shop.jobs) == 1
    shop.finish()
    assert [w for w, _ in shop.shown] == [first, last]
    assert not shop.jobs


def test_a_quick_wish_goes_before_what_is_still_compiled(shop: Shop) -> None:
    shop.wish(FIELD)
    quick = shop.wish(QUICK)
    shop.finish()
    assert [w for w, _ in shop.shown] == [quick]


def test_what_was_wished_for_another_scene_is_not_shown(shop: Shop) -> None:
    shop.wish(FIELD)
    shop.it.forget()
    shop.finish()
    assert not shop.shown
    again = shop.wish(FIELD)
    shop.finish()
    assert [w for w, _ in shop.shown] == [again]


def test_a_wish_takes_the_newest_value_of_its_tag_on_trial(shop: Shop) -> None:
    shop.wish(FIELD, trial=TagSpec(slot=0, name="~trial"), shown=(1.0, 0))
    shop.it.retry((2.0, 0))
    shop.finish()
    assert shop.shown[0][0].shown == (2.0, 0)


def test_a_failure_is_handed_on_and_the_next_wish_goes_on(shop: Shop) -> None:
    why = FaultRecord(kind="Fault", what="No.", where="desk", remedy="")
    first = shop.wish(FIELD)
    _, done = shop.jobs.pop(0)
    done(why)
    assert shop.shown == [(first, why)]
    shop.wish(FIELD)
    assert len(shop.jobs) == 1
