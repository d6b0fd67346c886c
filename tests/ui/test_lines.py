from __future__ import annotations

import pytest

from armillary.ui.lines import Lines

TEXTS = ("/Plant", "/Plant/PUMP_1", "/Plant/Pump_2/Motor", "/Plant/Tank", "/İzmir/pump")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["pump"], [1, 2, 4]), (["pump", "plant"], [1, 2]), (["motor", "pump", "nothing"], []), ([], []),
        (["a"], [0, 1, 2, 3]), (["izmir"], []), (["zmir"], [4]), (["t/p"], [1, 2]), (["."], []),
    ],
)  # fmt: skip
def test_texts_hold_all_words_whatever_their_case(words: list[str], found: list[int]) -> None:
    assert Lines(TEXTS).holding(words).tolist() == found


def test_no_texts_hold_nothing() -> None:
    assert Lines(()).holding(["a"]).tolist() == []
