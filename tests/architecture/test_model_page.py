"""docs/model.md: its queries are understood on the demo, and the modules it names for ISO 23247 are there."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from armillary.project import folder as projects
from armillary.session.twin_graph import vocabulary_of
from armillary.twin.query_parse import parsed
from armillary.twin.vocabulary import Vocabulary

TOP = Path(__file__).resolve().parents[2]
PAGE = (TOP / "docs" / "model.md").read_text("utf-8")
ATTRIBUTES = {"identifier", "characteristics", "schedule", "status", "location", "report", "relationship"}


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table of the page that begins with a heading."""
    table = PAGE[PAGE.index(f"| {heading}") :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


@pytest.fixture(scope="module")
def words() -> Vocabulary:
    """The words of the demo."""
    project = projects.read(TOP / "scenes" / "pumping-station")
    return vocabulary_of(project.twins, project.specs, project.relationships)


def test_every_query_of_the_page_is_understood(words: Vocabulary) -> None:
    asked = [query for row in rows("part |") for query in re.findall(r"`([^`]+)`", row[1])]
    asked += re.findall(r'model query PROJECT "([^"]+)"', PAGE)
    assert len(asked) >= 30
    for query in asked:
        assert parsed(query, words).says


def test_each_attribute_of_iso_23247_has_a_home_that_is_there() -> None:
    assert {row[0] for row in rows("information attribute")} == ATTRIBUTES
    named = [row[2] for heading in ("entity (part 2)", "information attribute") for row in rows(heading)]
    modules = [name for cell in named for name in re.findall(r"`([a-z_.]+)`", cell)]
    assert all(re.findall(r"`([a-z_.]+)`", row[2]) for row in rows("information attribute"))
    missing = [name for name in modules if find_spec(f"armillary.{name}") is None]
    assert missing == []
