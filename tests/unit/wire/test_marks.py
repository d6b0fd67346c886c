"""Marks: what a world records of its alarms, links and orders comes back as it was."""

from __future__ import annotations

import math

import pytest

from armillary.model.alarm import AlarmState, ProcessState
from armillary.model.link import LinkState, LinkStatus
from armillary.model.order import OrderState, Receipt
from armillary.wire.marks import record_of, text_of


def test_an_alarm_state_comes_back_as_it_was() -> None:
    state = AlarmState(id="hot", process=ProcessState.UNACK, occurrence="1-2", raised_ns=7, value=86.4)
    assert record_of(text_of(state), AlarmState) == state


def test_a_value_that_nobody_knows_comes_back_as_nan() -> None:
    receipt = Receipt(
        order="1", tag="a", state=OrderState.REFUSED, t_ns=1, actor="anna", old=math.nan, value=1.0, unit="m"
    )
    assert math.isnan(record_of(text_of(receipt), Receipt).old)


def test_a_link_comes_back_with_its_state() -> None:
    status = LinkStatus(name="plc", kind="opcua", url="opc.tcp://x", state=LinkState.BACKOFF, since_ns=3)
    assert record_of(text_of(status), LinkStatus) == status


@pytest.mark.parametrize("text", ["", "null", "[1]", '{"id": 7}'])
def test_a_text_that_is_no_mark_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a mark"):
        record_of(text, AlarmState)
