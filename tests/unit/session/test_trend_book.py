import json
from pathlib import Path

import pytest

from armillary.model.fault import Fault
from armillary.model.tags import TagSpec
from armillary.model.twin import TwinInstance
from armillary.session.trend_book import Note, PenSet, TrendBook, set_of, slots_of

SPECS = tuple(
    TagSpec(slot=i, name=name, twin=name.split(".")[0])
    for i, name in enumerate(["T-1.level", "T-1.temp", "T-2.level", "T-2.temp", "P-1.flow"])
)
TWINS = (
    TwinInstance(id="T-1", model="Tank"),
    TwinInstance(id="T-2", model="Tank"),
    TwinInstance(id="P-1", model="Pump"),
)


def test_sets_notes_and_units_are_there_again_after_a_restart(tmp_path: Path) -> None:
    book = TrendBook(tmp_path / "plant", tmp_path / "kept")
    book.keep_set(PenSet(name=" tanks ", pens=("T-1.level",), span_s=60.0, strips=True))
    book.note(Note(t_ns=20, text="  cleaned\nthe strainer ", who="anna"))
    book.note(Note(t_ns=5, text="start", to_ns=9, tag="T-1.level"))
    book.read_in("bar", "kPa")
    again = TrendBook(tmp_path / "plant", tmp_path / "kept")
    assert again.sets == (PenSet(name="tanks", pens=("T-1.level",), span_s=60.0, strips=True),)
    assert [n.text for n in again.notes] == ["start", "cleaned the strainer"]
    assert again.units == {"bar": "kPa"}
    assert [n.text for n in again.notes_in(7, 12)] == ["start"]
    again.drop_set("tanks")
    again.drop_note(again.notes[0])
    again.read_in("bar", "bar")
    last = TrendBook(tmp_path / "plant", tmp_path / "kept")
    assert (last.sets, [n.text for n in last.notes], last.units) == ((), ["cleaned the strainer"], {})


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"schema": 99, "sets": [], "notes": [], "units": {}}',
        '{"schema": 1, "sets": [], "notes": [], "units": {}, "colour": 1}',
        '{"schema": 1, "sets": [], "notes": [{"t_ns": "x", "text": "y"}], "units": {}}',
        '{"schema": 1, "sets": [{"name": "a", "pens": "abc"}], "notes": [], "units": {}}',
        '{"schema": 1, "sets": [{"name": "a", "pens": ["b"], "size": 3}], "notes": [], "units": {}}',
    ],
)
def test_a_broken_file_is_kept_aside_and_said(tmp_path: Path, text: str) -> None:
    book = TrendBook(tmp_path / "plant", tmp_path)
    book.note(Note(t_ns=1, text="x"))
    assert book.path is not None
    book.path.write_text(text)
    again = TrendBook(tmp_path / "plant", tmp_path)
    assert "could not be read" in again.problem
    assert (again.sets, again.notes) == ((), ())
    assert book.path.with_suffix(".broken.json").read_text() == text


def test_a_folder_that_cannot_be_written_is_said_and_the_note_stays_for_now(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("a file")
    book = TrendBook(tmp_path / "plant", tmp_path / "kept")
    with pytest.raises(Fault, match=r"could not be saved.*writable"):
        book.note(Note(t_ns=1, text="x"))
    assert len(book.notes) == 1


def test_what_has_no_name_or_text_is_not_kept() -> None:
    with pytest.raises(Fault, match="needs a name"):
        TrendBook().keep_set(PenSet(name=" ", pens=("a",)))
    with pytest.raises(Fault, match="needs a text"):
        TrendBook().note(Note(t_ns=1, text=" "))


def test_a_file_is_one_object_with_a_schema(tmp_path: Path) -> None:
    book = TrendBook(tmp_path / "plant", tmp_path)
    book.note(Note(t_ns=1, text="Öl"))
    assert book.path is not None
    assert json.loads(book.path.read_text("utf-8"))["schema"] == 1


def test_a_set_of_a_model_is_applied_to_the_twin_that_is_shown() -> None:
    tanks = set_of("tank", (0, 1), SPECS, TWINS, by_model=True)
    assert (tanks.model, tanks.pens) == ("Tank", ("level", "temp"))
    assert slots_of(tanks, SPECS, TWINS, near=(4, 3)) == ((2, 3), ())
    assert slots_of(tanks, SPECS, TWINS, near=()) == ((0, 1), ())
    with pytest.raises(Fault, match="of no model"):
        set_of("x", (), SPECS, TWINS, by_model=True)


def test_a_set_says_which_of_its_tags_are_gone() -> None:
    named = PenSet(name="a", pens=("P-1.flow", "X-9.gone"))
    assert slots_of(named, SPECS, TWINS, ()) == ((4,), ("X-9.gone",))
