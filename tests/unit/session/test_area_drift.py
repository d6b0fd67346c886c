"""Drift of several areas at one desk: one list, and each decision where it belongs."""

from __future__ import annotations

import pytest

from armillary.model.drift import AcceptDefinition, AskDrift, DriftItem, DriftReport, Refusal, RefuseDrift
from armillary.model.fault import FaultRecord
from armillary.model.message import Done
from armillary.session.area_asks import Asks, Owners

AREAS = ("north", "south")
GONE = FaultRecord(kind="ProjectFault", what="This difference is not there any more.", where="", remedy="")


def owners() -> Owners:
    out = Owners()
    out.areas = AREAS
    out._tags["T-2.level"] = "south"
    return out


def whole(message: object, *answers: object) -> object:
    """Return what is made of the answers of both areas."""
    asks = Asks()
    asks.begin(1, message, owners().parts(message, lambda _area, seq: seq), {"north": 7, "south": 8})
    asks.answered("north", 7, answers[0])
    [(number, answer)] = asks.answered("south", 8, answers[1])
    assert number == 1
    return answer


def item(code: str, tag: str, level: str = "warning") -> DriftItem:
    return DriftItem(code=code, key=f"{code} {tag}", what="", level=level, tag=tag)  # type: ignore[arg-type]


def test_differences_of_all_areas_are_one_list_with_the_worst_first() -> None:
    refused = Refusal(key="D01 x", by="anna", at_ns=1)
    north = DriftReport(
        items=(item("D06", "T-1.level"),), refused=(refused,), judged_ns=5, rounds=3, topics=1
    )
    south = DriftReport(
        items=(item("D02", "T-2.level", "error"),), refused=(refused,), judged_ns=4, rounds=9, topics=2
    )
    got = whole(AskDrift(), north, south)
    assert isinstance(got, DriftReport)
    assert [one.key for one in got.items] == ["D02 T-2.level", "D06 T-1.level"]
    assert (got.refused, got.judged_ns, got.rounds, got.topics) == ((refused,), 4, 3, 3)


def test_the_drift_of_an_area_that_does_not_answer_is_told_and_not_left_out() -> None:
    silent = FaultRecord(kind="WorldFault", what="The world of south is silent.", where="", remedy="")
    assert whole(AskDrift(), DriftReport(), silent) == silent


@pytest.mark.parametrize("answers", [(Done(), GONE), (GONE, Done())])
def test_a_difference_is_refused_in_the_area_that_has_it(answers: tuple[object, object]) -> None:
    assert whole(RefuseDrift(key="D06 T-1.level"), *answers) == Done()


def test_a_difference_that_no_area_has_is_told() -> None:
    assert whole(RefuseDrift(key="D06 x"), GONE, GONE) == GONE


def test_a_definition_is_accepted_where_its_tag_is() -> None:
    assert list(owners().parts(AcceptDefinition(tag="T-2.level"), lambda _a, n: n)) == ["south"]
