from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from armillary.model.binding import Binding
from armillary.scene import author, branches, sidecar


def many(areas: int, parts: int) -> list[Binding]:
    return [
        Binding(name="heat", prim=f"/W/Area{a}/Part{p}", signal=f"a{a}.p{p}")
        for a in range(areas)
        for p in range(parts)
    ]


def read(path: Path) -> dict[str, str]:
    bindings, problems = sidecar.read(sidecar.files(str(path)))
    assert problems == ()
    return {binding.prim: binding.signal for binding in bindings}


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(branches, "MOST", 20)
    monkeypatch.setattr(branches, "_AIM", 10)
    return tmp_path / "bindings.usda"


def test_a_large_layer_is_split_by_branch_and_reads_the_same(path: Path) -> None:
    bindings = many(3, 15)
    author.save(str(path), bindings)
    assert sorted(p.name for p in (path.parent / "bindings").iterdir()) == [
        "W.Area0.usda",
        "W.Area1.usda",
        "W.Area2.usda",
    ]
    assert read(path) == {b.prim: b.signal for b in bindings}


def test_a_save_of_one_writes_its_file_and_no_other(path: Path) -> None:
    bindings = many(3, 15)
    author.save(str(path), bindings)
    before = {p: p.read_bytes() for p in path.parent.rglob("*.usda")}
    written = author.save(str(path), [replace(bindings[20], signal="new")])
    assert [Path(w).name for w in written] == ["W.Area1.usda"]
    assert {p.name for p, data in before.items() if p.read_bytes() != data} == {"W.Area1.usda"}
    assert read(path)[bindings[20].prim] == "new"


def test_a_new_binding_goes_into_the_file_of_its_branch(path: Path) -> None:
    author.save(str(path), many(3, 15))
    written = author.save(str(path), [Binding(name="heat", prim="/W/Area2/Deep/Part", signal="x")])
    assert [Path(w).name for w in written] == ["W.Area2.usda"]
    written = author.save(str(path), [Binding(name="heat", prim="/W/Other", signal="y")])
    assert [Path(w).name for w in written] == ["bindings.usda"]


def test_many_children_of_one_part_are_dealt_out_and_stay_where_they_are(path: Path) -> None:
    bindings = [Binding(name="heat", prim=f"/W/P{i}", signal=f"t{i}") for i in range(90)]
    author.save(str(path), bindings)
    names = {p.name for p in (path.parent / "bindings").iterdir()}
    assert len(names) > 3
    assert all(name.startswith("W~") and name.endswith("of9.usda") for name in names)
    assert read(path) == {b.prim: b.signal for b in bindings}
    author.save(str(path), [Binding(name="heat", prim=f"/W/Q{i}", signal="q") for i in range(9)])
    assert sum(1 for prim in read(path) if prim.startswith("/W/Q")) == 9


def test_a_branch_that_grew_is_split_again(path: Path) -> None:
    author.save(str(path), many(3, 15))
    more = [
        Binding(name="heat", prim=f"/W/Area1/Sub{k}/P{i}", signal="s") for k in range(2) for i in range(8)
    ]
    author.save(str(path), more)
    names = {p.name for p in (path.parent / "bindings").iterdir()}
    assert len(names) > 3
    assert len(read(path)) == 45 + 16


def test_a_split_that_breaks_off_loses_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file that names the branches is written after them, and nothing is taken out of it before."""
    few = many(1, 15)
    author.save(str(path), few)
    replaced = author._replace
    left = iter([True, True, False])

    def broken(file: Path, text: str) -> None:
        if not next(left, False):
            raise OSError("the power went")
        replaced(file, text)

    monkeypatch.setattr(author, "_replace", broken)
    with pytest.raises(OSError, match="power"):
        author.save(str(path), many(3, 15))
    assert read(path) == {b.prim: b.signal for b in few}


def test_bindings_of_a_branch_change_nothing_of_the_picture(path: Path) -> None:
    author.save(str(path), many(3, 15))
    shelf = sidecar.Shelf()
    assert {sidecar.remainder(file, shelf) for file in sidecar.files(str(path))} == {""}
    assert {sidecar.remainder(file) for file in sidecar.files(str(path))} == {""}


def test_what_a_part_looked_like_is_kept_with_it_and_goes_with_its_last_binding(path: Path) -> None:
    two = [Binding(name="a", prim="/W/P"), Binding(name="b", prim="/W/P")]
    author.save(str(path), two, memory={"/W/P": "Mesh 1", "/W/Else": "Mesh 2"})
    assert [b.part for b in sidecar.read([str(path)])[0]] == ["Mesh 1", "Mesh 1"]
    assert sidecar.remainder(str(path)) == sidecar.remainder(str(path), sidecar.Shelf()) == ""
    author.save(str(path), [], [("/W/P", "a")])
    assert [b.part for b in sidecar.read([str(path)])[0]] == ["Mesh 1"]
    author.save(str(path), [], [("/W/P", "b")])
    assert "armillaryPart" not in path.read_text()
    assert "over" not in path.read_text()


def test_a_file_that_another_wrote_is_read_again(path: Path) -> None:
    shelf = sidecar.Shelf()
    author.save(str(path), many(1, 3), shelf=shelf)
    assert len(sidecar.read(sidecar.files(str(path), shelf=shelf), shelf)[0]) == 3
    author.save(str(path), many(1, 5))  # somebody else's
    assert len(sidecar.read(sidecar.files(str(path), shelf=shelf), shelf)[0]) == 5
