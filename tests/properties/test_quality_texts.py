"""The words for a value tell its quality, whatever the value, unit and age are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from armillary.encoding import texts
from armillary.model.quality import (
    BAD,
    GOOD,
    NEVER,
    REASON_MASK,
    REASON_WORDS,
    STALE,
    SUBSTITUTED,
    UNCERTAIN,
)
from armillary.model.tags import TagSpec
from armillary.session.rows import tag_row

values = st.floats(allow_nan=True, allow_infinity=True)
units = st.sampled_from(["", "°C", "%", "m³/h", "S", "?"])
reasons = st.integers(0, 255).map(lambda high: (high << 8) & int(REASON_MASK))
ages = st.one_of(st.just(-1.0), st.floats(0, 1e8))
words = st.one_of(st.none(), st.sampled_from(["open", "S", "?", "bad weather"]))
STATES = (GOOD, SUBSTITUTED, UNCERTAIN, STALE, BAD, NEVER)


def told(x: float, unit: str, quality: int, age_s: float, text: str | None) -> str:
    return texts.cell(texts.value(x, unit, quality, text=text, age_s=age_s), quality)


@given(values, units, reasons, ages, words)
def test_each_of_the_six_states_has_a_form_of_its_own(
    x: float, unit: str, reason: int, age_s: float, text: str | None
) -> None:
    forms = {rank: told(x, unit, rank | reason, age_s, text) for rank in STATES}
    plain = forms[GOOD]
    assert forms[SUBSTITUTED] == f"{plain} S"
    assert forms[UNCERTAIN] == f"{plain} ?"
    assert forms[STALE].startswith(f"{plain} · ")
    assert forms[STALE].endswith(" old") or forms[STALE].endswith("· old")
    assert forms[BAD].startswith("— bad: ")
    assert len(forms[BAD]) > len("— bad: ")
    assert forms[NEVER] == "∅ no data yet"
    assert len(set(forms.values())) == len(STATES)


@given(st.floats(0.1, 1e6), units, reasons, ages)
def test_a_number_is_never_shown_where_there_is_none_to_be_read(
    x: float, unit: str, reason: int, age_s: float
) -> None:
    number = texts.number(x, unit)
    for rank in (BAD, NEVER):
        assert number not in told(x, unit, rank | reason, age_s, None)
    for rank in (GOOD, SUBSTITUTED, UNCERTAIN, STALE):
        assert told(x, unit, rank | reason, age_s, None).startswith(number)


@given(st.sampled_from(STATES), reasons, values, ages)
def test_the_reasons_of_a_doubt_stand_in_the_note(rank: int, reason: int, x: float, age_s: float) -> None:
    row = tag_row(TagSpec(slot=0, name="t", unit="°C"), x, rank | reason, age_s)
    for bit, word in enumerate(REASON_WORDS):
        assert (word in row.note.partition(": ")[2].split(", ")) == bool(reason >> (8 + bit) & 1)
    assert (row.note == "") == (rank == GOOD and not reason)


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.44, "0.4 s"), (12, "12 s"), (240, "4 min"), (10_800, "3 h"), (2e5, "2 d")]
)
def test_a_stale_value_tells_its_age_as_a_person_would(seconds: float, words: str) -> None:
    assert texts.value(71.2, "°C", STALE, age_s=seconds) == f"71.2 °C · {words} old"
