"""Kept views: a file of the project that all desks read and that nothing breaks silently."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from armillary.model.fault import Fault
from armillary.session.views import SavedView, Views


def view(name: str, role: str = "") -> SavedView:
    return SavedView(name=name, role=role, position=(1.0, 2.0, 3.0), focus=(0.0, 0.0, 0.0))


def test_a_view_that_one_desk_keeps_is_there_for_another(tmp_path: Path) -> None:
    ours, theirs = Views(), Views()
    ours.begin(tmp_path)
    theirs.begin(tmp_path)
    assert theirs.listed() == ()
    ours.keep(view("  Pump   hall "))
    assert [v.name for v in theirs.listed()] == ["Pump hall"]
    theirs.keep(view("Tanks"))
    assert ours.named("Tanks") == view("Tanks")
    ours.remove("Tanks")
    assert theirs.named("Tanks") is None


def test_views_of_the_own_role_come_first_and_next_goes_round(tmp_path: Path) -> None:
    views = Views()
    views.begin(tmp_path)
    for name, role in (("c", "operator"), ("a", "engineer"), ("b", "")):
        views.keep(view(name, role))
    assert [v.name for v in views.listed("operator")] == ["b", "c", "a"]
    assert views.current == "b"
    assert views.owner == ""
    after = views.after("operator")
    assert after is not None
    assert after.name == "c"


@pytest.mark.parametrize(
    ("change", "said"),
    [({"schema": 2}, "schema"), ({"viewz": []}, "views"), ({"views": [{"nam": "x"}]}, "name")],
)
def test_a_file_that_is_not_understood_is_told_with_its_line(
    tmp_path: Path, change: dict[str, object], said: str
) -> None:
    views = Views()
    views.begin(tmp_path)
    views.keep(view("a"))
    assert views.path is not None
    document = json.loads(views.path.read_text()) | change
    views.path.write_text(json.dumps(document, indent=1))
    with pytest.raises(Fault) as caught:
        views.listed()
    assert said in caught.value.what
    assert "views.json" in caught.value.where


def test_without_a_place_views_last_until_something_else_is_open() -> None:
    views = Views()
    views.begin(None)
    views.keep(view("a"))
    assert views.named("a") is not None
    views.begin(None)
    assert views.named("a") is None
    with pytest.raises(Fault, match="name"):
        views.keep(view("  "))
