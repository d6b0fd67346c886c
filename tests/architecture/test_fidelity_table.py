"""The page of what of OpenUSD is drawn says what the code says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from armillary.scene import features
from armillary.scene.problems import problem

TESTS = Path(__file__).resolve().parents[1]
PAGE = (TESTS.parent / "docs" / "reference" / "usd-fidelity.md").read_text("utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.startswith(("| feature", "| ---"))
]


def test_every_feature_that_is_not_drawn_as_written_has_its_row() -> None:
    told = set(re.findall(r"`([^`]+)`", " ".join(row[2] for row in ROWS)))
    names = {name for name in told if not re.fullmatch(r"S\d\d", name)}
    assert names == set(features.ALL)
    assert all(problem(code, "", "").remedy for code in told - names)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_a_row_says_how_and_names_a_test_that_is_there(row: list[str]) -> None:
    feature, how, told, shown = row
    assert how.split(",")[0].split(";")[0].split(":")[0].split()[0] in {"drawn", "instead", "told", "the"}
    assert not how.startswith("told") or "`" in told, f"{feature} is told, but not as what"
    if shown:
        path, _, name = shown.strip("`").partition("::")
        assert f"def {name}(" in (TESTS / path).read_text("utf-8")
