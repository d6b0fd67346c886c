"""A derived tag in twins.json: added, changed, taken out; a tag with a source is never turned into one."""

import json

import pytest

from armillary.model.fault import ProjectFault
from armillary.project.derived_edit import with_derived, without_derived

TEXT = json.dumps(
    {
        "schema": 1,
        "twins": [
            {
                "id": "P-101",
                "tags": {"power": {"address": "plc!a", "unit": "kW"}, "double": {"expression": "1 * 2"}},
                "components": {"motor": {"tags": {"load": {"expression": "P-101.power / 7"}}}},
            }
        ],
        "relationships": [],
    }
)


def tags(text: str, twin: str = "P-101") -> dict[str, object]:
    return next(t for t in json.loads(text)["twins"] if t["id"] == twin)["tags"]  # type: ignore[no-any-return]


def test_a_derived_tag_is_added_to_its_twin_and_taken_out_again() -> None:
    text = with_derived(
        TEXT, "P-101.specific", {"expression": "P-101.power / 2", "unit": "kW", "range": (0.0, 9.0)}
    )
    assert tags(text)["specific"] == {"expression": "P-101.power / 2", "unit": "kW", "range": [0.0, 9.0]}
    assert tags(text)["power"] == {"address": "plc!a", "unit": "kW"}
    assert json.loads(without_derived(text, "P-101.specific")) == json.loads(TEXT)


def test_a_new_twin_is_made_where_there_is_none() -> None:
    text = with_derived("", "Plant.total", {"expression": "P-101.power"})
    assert tags(text, "Plant") == {"total": {"expression": "P-101.power"}}


def test_a_tag_of_a_component_is_changed_where_it_is() -> None:
    text = with_derived(TEXT, "P-101.motor.load", {"expression": "P-101.power / 8", "unit": None})
    motor = json.loads(text)["twins"][0]["components"]["motor"]
    assert motor["tags"]["load"] == {"expression": "P-101.power / 8"}
    gone = json.loads(without_derived(text, "P-101.motor.load"))
    assert gone["twins"][0]["components"]["motor"]["tags"] == {}


@pytest.mark.parametrize(
    ("name", "changes", "word"),
    [
        ("P-101.power", {"expression": "1"}, "has a source"),
        ("power", {"expression": "1"}, "cannot be a tag's name"),
        ("P-101.a b", {"expression": "1"}, "cannot be a tag's name"),
        ("P-101.new", {"expression": ""}, "needs an expression"),
        ("P-101.new", {"address": "x"}, "no key"),
    ],
)
def test_what_cannot_be_is_refused(name: str, changes: dict[str, str], word: str) -> None:
    with pytest.raises(ProjectFault, match=word):
        with_derived(TEXT, name, changes)


def test_only_a_derived_tag_is_taken_out() -> None:
    with pytest.raises(ProjectFault, match="no derived tag"):
        without_derived(TEXT, "P-101.power")
    with pytest.raises(ProjectFault, match="cannot be edited"):
        with_derived("{", "P-101.x", {"expression": "1"})
