from collections.abc import Callable

import pytest

from armillary.session.signal import Signal


def test_listeners_are_called_in_order_until_they_disconnect() -> None:
    signal: Signal[int, str] = Signal()
    seen: list[str] = []
    first = signal.connect(lambda n, s: seen.append(f"a{n}{s}"))
    signal.connect(lambda n, s: seen.append(f"b{n}{s}"))
    signal.emit(1, "x")
    first()
    first()
    signal.emit(2, "y")
    assert seen == ["a1x", "b1x", "b2y"]


def test_a_listener_may_disconnect_another_while_a_signal_is_emitted() -> None:
    signal: Signal[()] = Signal()
    seen: list[str] = []
    ends: list[Callable[[], None]] = []

    def end_the_other() -> None:
        ends[0]()

    signal.connect(end_the_other)
    ends.append(signal.connect(lambda: seen.append("called")))
    signal.emit()
    signal.emit()
    assert seen == ["called"]


def test_a_listener_that_fails_is_seen_by_whoever_emits() -> None:
    signal: Signal[()] = Signal()
    signal.connect(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        signal.emit()
