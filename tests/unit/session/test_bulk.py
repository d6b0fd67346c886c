"""Many bindings are saved as one change: all of it or nothing, and one step of undo."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from armillary.model.binding import Binding
from armillary.model.fault import FaultRecord
from armillary.model.message import Done, SaveBindings
from armillary.project import folder as projects
from armillary.project.edit import NewTag
from armillary.project.record import Project
from armillary.session.bulk import Bulk, Change, Text
from armillary.session.undo import Undo

BEFORE = {"schema": 1, "twins": []}
NEW = (Binding(name="a", prim="/P", signal="P.a"), Binding(name="b", prim="/P", signal="P.b"))
TAGS = tuple(NewTag(twin="P", prim="/P", key=key, address=f"site!{key}") for key in "ab")


class Shop:
    """A project on disk, whose binding layer is a list."""

    def __init__(self, folder: Path) -> None:
        projects.new(folder, "Plant")
        toml = folder / "project.toml"
        source = '\n[[source]]\nname = "site"\nkind = "mqtt"\nurl = "mqtt://127.0.0.1:1"\n'
        toml.write_text(toml.read_text() + source)
        (folder / "twins.json").write_text(json.dumps(BEFORE))
        self.folder = folder
        self.bindings: tuple[Binding, ...] = (Binding(name="old", prim="/P", signal="x.y"),)
        self.coming_tags: frozenset[str] = frozenset()
        self.broken = False
        self.sent: list[SaveBindings] = []

    @property
    def project(self) -> Project | None:
        return projects.read(self.folder)

    def now_ns(self) -> int:
        return 0

    def rebind(self, bindings: tuple[Binding, ...]) -> None:
        self.bindings = bindings

    def save_bindings(self, message: SaveBindings, callback: Callable[[object], None]) -> None:
        self.sent.append(message)
        fault = FaultRecord(kind="SceneFault", what="Disk full.", where="x", remedy="Free some.")
        callback(fault if self.broken else Done())

    def files(self) -> dict[str, bytes]:
        return {p.name: p.read_bytes() for p in sorted(self.folder.iterdir()) if p.is_file()}


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "plant")


def change(shop: Shop) -> Change:
    return Change(
        title="Bind 2",
        new=NEW,
        old=shop.bindings,
        tags=TAGS,
        texts=(Text(shop.folder / "notes.toml", "", "a = 1\n"),),
    )


def saved(shop: Shop, undo: Undo) -> str:
    out: list[str] = []
    Bulk(shop, undo).save(change(shop), out.append)
    return out[0]


def test_tags_texts_and_bindings_go_and_come_back_as_one(shop: Shop) -> None:
    undo, before, bindings = Undo(), shop.files(), shop.bindings
    assert saved(shop, undo) == ""
    assert shop.bindings == NEW
    assert shop.coming_tags == {"P.a", "P.b"}
    assert [s.name for s in projects.read(shop.folder).specs] == ["P.a", "P.b"]
    after = shop.files()
    assert "notes.toml" in after
    undo.undo()
    assert undo.undoes == ""
    assert shop.files() == before
    assert (shop.bindings, shop.coming_tags) == (bindings, frozenset())
    undo.redo()
    assert shop.files() == after
    assert shop.bindings == NEW


def test_what_cannot_be_saved_leaves_nothing_behind(shop: Shop) -> None:
    undo, before, bindings = Undo(), shop.files(), shop.bindings
    shop.broken = True
    assert saved(shop, undo).startswith("Disk full.")
    assert shop.files() == before
    assert (shop.bindings, shop.coming_tags, undo.undoes) == (bindings, frozenset(), "")


def test_a_tag_that_is_there_already_stops_all_of_it(shop: Shop) -> None:
    twins = {"schema": 1, "twins": [{"id": "P", "tags": {"a": {"address": "site!a"}}}]}
    (shop.folder / "twins.json").write_text(json.dumps(twins))
    before = shop.files()
    assert "There is a tag 'P.a' already" in saved(shop, Undo())
    assert shop.files() == before
    assert shop.sent == []


def test_a_file_that_somebody_else_changed_is_not_taken_back(shop: Shop) -> None:
    undo, told = Undo(), list[str]()
    undo.told.connect(told.append)
    assert saved(shop, undo) == ""
    (shop.folder / "notes.toml").write_text("a = 2\n")
    before = shop.files()
    undo.undo()
    assert "changed by somebody else" in told[-1]
    assert (shop.files(), shop.bindings) == (before, NEW)
    assert (shop.folder / "notes.toml").read_text() == "a = 2\n"
