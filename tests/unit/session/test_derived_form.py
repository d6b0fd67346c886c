"""A derived tag in hand: unit derived and checked, circles refused, its last hour from the record."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from armillary.model.clock import NS
from armillary.model.message import AskAt, AskSpan, Enroll, Enrolled, Samples
from armillary.model.sample import batch_of, empty_batch
from armillary.model.tags import TagSpec
from armillary.session.derived_form import Derived, PastHour, changes, judged, taken

SPECS = (
    TagSpec(slot=0, name="P-101.power", link="plc", unit="kW"),
    TagSpec(slot=1, name="P-101.flow", link="plc", unit="m³/h"),
    TagSpec(slot=2, name="P-101.twice", unit="kW", expression="P-101.power * 2"),
)
NOW = 1_750_000_000 * NS


def held(**more: str) -> Derived:
    told = {"name": "P-101.specific", "expression": "P-101.power / P-101.flow", "unit": "kWh/m³"}
    return Derived(**{**told, **more})


def test_the_unit_of_specific_energy_is_derived_and_right() -> None:
    found = judged(held(), SPECS)
    assert found.whys == {}
    assert found.unit == "kWh/m³"
    assert found.reads == ("P-101.power", "P-101.flow")


@pytest.mark.parametrize(
    ("more", "key", "word"),
    [
        ({"unit": "furlongz"}, "unit", "no furlongz"),
        ({"unit": "°C"}, "unit", "which is no °C"),
        ({"unit": "Wh/m³"}, "unit", "1000 Wh/m³"),
        ({"expression": "P-101.power + P-101.flow"}, "expression", "cannot be added"),
        ({"expression": "P-101.powr"}, "expression", "Did you mean"),
        ({"expression": "3 * 4"}, "expression", "reads no tag"),
        ({"expression": ""}, "expression", "Give an expression"),
        ({"name": "P-101.flow"}, "name", "already"),
        ({"name": "specific"}, "name", "<twin>.<tag>"),
        ({"low": "a", "high": "1"}, "low", "no number"),
        ({"low": "1"}, "high", "two ends"),
        ({"low": "2", "high": "1"}, "high", "below"),
    ],
)
def test_what_is_wrong_is_told_at_its_field(more: dict[str, str], key: str, word: str) -> None:
    assert word in judged(held(**more), SPECS).whys[key]


def test_a_circle_is_refused_over_any_number_of_steps() -> None:
    found = judged(held(name="P-101.power2", expression="P-101.twice", unit="kW"), SPECS)
    assert found.whys == {}
    specs = (*SPECS, TagSpec(slot=3, name="P-101.more", expression="P-101.specific + 1"))
    assert "circle" in judged(held(expression="P-101.more * 2", unit=""), specs).whys["expression"]


def test_a_tag_of_the_project_is_taken_in_hand_as_it_is() -> None:
    mine = taken(SPECS[2])
    assert (mine.name, mine.expression, mine.low) == ("P-101.twice", "P-101.power * 2", "")
    assert judged(mine, SPECS, before="P-101.twice").whys == {}
    assert changes(held(low="0", high="4"))["range"] == (0.0, 4.0)


class Desk:
    """A desk with a recorder that holds ten samples of each input, the flow 0 in two of them."""

    specs = SPECS

    def now_ns(self) -> int:
        return NOW

    def work(self, job: Callable[[], object], callback: Callable[[object], None]) -> None:
        callback(job())

    def ask_recorder(self, message: Any, callback: Callable[[object], None], _limit_s: float) -> None:
        match message:
            case Enroll():
                callback(Enrolled(ids=np.arange(1, len(message.tags) + 1, dtype=np.uint32)))
            case AskAt():
                callback(Samples(batch=empty_batch(), to_ns=message.t_ns))
            case AskSpan():
                t_ns = np.repeat(NOW - np.arange(10, 0, -1) * 300 * NS, 2)
                value = np.array([6.0, 2.0] * 8 + [6.0, 0.0] * 2)
                slot = np.tile(np.array([1, 2], np.uint32), 10)
                callback(Samples(batch=batch_of(slot, value, t_ns, t_ns, t_ns), to_ns=message.to_ns))


def test_the_last_hour_is_worked_out_from_the_record_and_what_had_no_value_is_told() -> None:
    told: list[str] = []
    past = PastHour(Desk(), lambda: told.append(past.words))  # type: ignore[arg-type]
    past.ask(held())
    assert told[-1].startswith("In the last 60 min it would have been 3 to 3 kWh/m³.")
    assert "bad, stale or not known" in told[-1]
    assert past.trial is not None
    _, value = past.trial.curve()
    assert np.isnan(value[-1]), "a flow of 0 gives no number"
    past.clear()
    assert past.words == ""
