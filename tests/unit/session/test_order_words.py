"""What a card says of an order that calls a method: no number that a person would not know."""

from __future__ import annotations

import math

from armillary.model.order import OrderState, Receipt
from armillary.model.tags import TagSpec
from armillary.session.orders import change_text, receipt_text

HALT = "line-ua!nsu=urn:line;s=C-201.Halt"


def receipt(tag: str, unit: str = "") -> Receipt:
    return Receipt(
        order="1", tag=tag, state=OrderState.VERIFIED, value=1.0, old=math.nan, unit=unit, t_ns=1,
        actor="anna", read_back=1.0,
    )  # fmt: skip


def test_a_method_is_verified_without_a_reading_and_a_setpoint_with_one() -> None:
    assert receipt_text(receipt(HALT)) == "Verified"
    assert receipt_text(receipt("LIC-101.sp", "%")) == "Verified: reads 1 %"


def test_a_method_is_called_and_a_value_goes_from_one_to_another() -> None:
    method, level = TagSpec(slot=-1, name="halt_c201"), TagSpec(slot=4, name="LIC-101.sp", unit="%")
    assert change_text(method, math.nan, 1.0, "") == "called once"
    assert change_text(level, 60.0, 70.0, "%") == "60 % → 70 %"
