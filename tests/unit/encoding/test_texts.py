import math

import pytest

from armillary.encoding import texts
from armillary.model.quality import BAD, COMM, DECODE, GOOD, NEVER, RANGE, STALE, SUBSTITUTED, UNCERTAIN


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (71.2, "71.2 °C"),
        (71.23456, "71.23 °C"),
        (0.0, "0 °C"),
        (-3.5, "−3.5 °C"),
        (1234.56, "1235 °C"),
        (123456.0, "123\u2009500 °C"),
        (99999.0, "100\u2009000 °C"),
        (9.99996, "10 °C"),
        (0.000123, "0.000123 °C"),
        (1.5e9, "1.5·10^9 °C"),
        (2e-7, "2·10^-7 °C"),
        (math.inf, "∞ °C"),
        (math.nan, "–"),
    ],
)
def test_a_number_has_at_most_four_significant_digits_and_its_unit(value: float, text: str) -> None:
    assert texts.number(value, "°C") == text


@pytest.mark.parametrize(
    ("quality", "text"),
    [
        (GOOD, "71.2 °C"),
        (SUBSTITUTED, "71.2 °C S"),
        (UNCERTAIN, "71.2 °C ?"),
        (STALE, "71.2 °C · 4 min old"),
        (BAD | DECODE, "bad: not a number"),
        (BAD | COMM, "bad: no communication"),
        (NEVER, "no data yet"),
    ],
)
def test_a_value_says_its_quality(quality: int, text: str) -> None:
    assert texts.value(71.2, "°C", quality, age_s=241.0) == text


def test_a_state_or_text_goes_before_the_number() -> None:
    assert texts.value(1.0, "", GOOD, state="open") == "open"
    assert texts.value(math.nan, "", UNCERTAIN, text="batch 7") == "batch 7 ?"


def test_an_age_is_said_in_the_unit_that_a_person_would_use() -> None:
    said = [texts.age(s) for s in (-1.0, 0.42, 12.0, 119.0, 240.0, 7_300.0, 400_000.0)]
    assert said == ["–", "0.4 s", "12 s", "119 s", "4 min", "2 h", "4 d"]


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ((0.0, 120.0), "outside plausible range: 0 to 120 °C"),
        ((-math.inf, 120.0), "outside plausible range: above 120 °C"),
        ((0.0, math.inf), "outside plausible range: below 0 °C"),
        ((-math.inf, math.inf), "range"),
    ],
)
def test_what_is_outside_its_range_says_which_range(ends: tuple[float, float], expected: str) -> None:
    assert texts.because(UNCERTAIN | RANGE, "", *ends, "°C") == expected
    assert texts.because(UNCERTAIN | RANGE, "the sensor says so", *ends, "°C") == "the sensor says so"


@pytest.mark.parametrize(
    ("head", "text"),
    [
        (b'{"v": 1}\r\n', '{"v": 1}\r\n'),
        (b"", ""),
        ("°".encode(), "°"),
        (b"\xc2", None),
        (b"\xff", None),
        (b"a\x00b", None),
        (b"x" * 4095 + b"\xc2", "x" * 4095),  # cut in two where the head ends
    ],
)
def test_a_payload_is_shown_as_text_only_where_it_can_be_read(head: bytes, text: str | None) -> None:
    assert texts.decoded(head) == text


def test_a_dump_shows_offsets_bytes_and_what_is_readable() -> None:
    assert texts.dump(b"\x00abc" + bytes(range(16)), 20) == (
        "0000  00 61 62 63 00 01 02 03 04 05 06 07 08 09 0a 0b  .abc............\n"
        "0010  0c 0d 0e 0f                                      ...."
    )
