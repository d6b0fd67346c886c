import hashlib
from pathlib import Path

import pytest

from armillary.model.binding import Binding, FieldSpec, MapSpec
from armillary.model.fault import SceneFault
from armillary.scene import author, sidecar
from armillary.scene.check import check
from armillary.scene.stage import open_stage

LEVEL = Binding(
    name="level",
    prim="/W/Tank",
    signal="tank1.level",
    channel="level",
    axis="z",
    ends=(0.0, 5.0),
    colormap="level",
    targets=("/W/Tank/Water",),
    map=MapSpec(kind="states", state_keys=("0", "*"), state_values=("a", "b"), clamp=(0.0, 1.0)),
    unit="m",
    interval_s=1.5,
    stale_after_s=4.0,
    on_bad="fallback",
    on_stale="holdLast",
    fallback="0",
    enabled=False,
    id="5f0d",
)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "bindings.usda")


def plain(bindings) -> list[Binding]:
    return [Binding(**{f: getattr(b, f) for f in b.__slots__ if f != "origin"}) for b in bindings]


def test_bindings_come_back_as_they_were_saved(path: str) -> None:
    other = Binding(name="a", prim="/W/Pump", channel="spin", axis="x", signal="p.speed")
    assert author.save(path, [LEVEL, other]) == [path]
    bindings, problems = sidecar.read([path])
    assert problems == ()
    assert plain(bindings) == [other, LEVEL]
    assert bindings[1].origin == f"{path}:/W/Tank#level"


def test_the_file_holds_only_sorted_overs_and_every_version(path: str) -> None:
    author.save(
        path, [Binding(name="z", prim="/W/B"), Binding(name="b", prim="/W/A"), Binding(name="a", prim="/W/A")]
    )
    text = Path(path).read_text()
    assert "def " not in text
    assert text.count("schemaVersion = 1") == 3
    assert (
        text.index('over "A"')
        < text.index("twin:a:schema")
        < text.index("twin:b:schema")
        < text.index('over "B"')
    )


def test_saving_the_same_again_changes_no_byte(path: str) -> None:
    author.save(path, [LEVEL])
    before = Path(path).read_bytes()
    author.save(path, [LEVEL])
    assert Path(path).read_bytes() == before


def test_a_binding_is_replaced_and_removed_without_a_trace(path: str) -> None:
    author.save(path, [LEVEL, Binding(name="keep", prim="/W/Pump")])
    author.save(path, [Binding(name="level", prim="/W/Tank", signal="other")])
    (_, level), _ = sidecar.read([path])
    assert (level.signal, level.colormap, level.targets) == ("other", "", ())
    author.save(path, [], [("/W/Tank", "level"), ("/W/Tank", "never-was")])
    text = Path(path).read_text()
    assert "Tank" not in text
    assert "delete" not in text
    assert "Pump" in text


def test_what_is_not_a_binding_and_fields_unknown_to_records_survive(path: str) -> None:
    Path(path).write_text(
        '#usda 1.0\n(\n doc = "mine"\n)\n\nover "W"\n{\n    over "I" (\n'
        "        instanceable = false\n    )\n    {\n    }\n"
        '    over "Tank" (\n        prepend apiSchemas = ["TwinBindingAPI:level", "Other"]\n    )\n    {\n'
        '        uniform string twin:level:ofTomorrow = "x"\n    }\n}\n'
    )
    author.save(path, [LEVEL])
    text = Path(path).read_text()
    for kept in ("instanceable = false", '"Other"', 'twin:level:ofTomorrow = "x"', "mine"):
        assert kept in text


def test_a_split_layer_is_saved_where_the_binding_is(path: str, tmp_path: Path) -> None:
    branch = tmp_path / "bindings" / "north.usda"
    author.save(str(branch), [LEVEL])
    Path(path).write_text("#usda 1.0\n(\n    subLayers = [@./bindings/north.usda@]\n)\n")
    before = Path(path).read_bytes()
    assert author.save(path, [Binding(name="level", prim="/W/Tank", signal="new")]) == [str(branch)]
    assert Path(path).read_bytes() == before
    (binding,), _ = sidecar.read(sidecar.files(path))
    assert binding.signal == "new"


def test_a_sublayer_outside_its_folder_is_not_read(tmp_path: Path) -> None:
    author.save(str(tmp_path / "other.usda"), [LEVEL])
    inner = tmp_path / "project" / "bindings.usda"
    inner.parent.mkdir()
    inner.write_text("#usda 1.0\n(\n    subLayers = [@../other.usda@]\n)\n")
    assert sidecar.files(str(inner)) == [str(inner)]


@pytest.mark.parametrize("name", ["9x", "a b", "signal", "", "a:b"])
def test_names_that_the_schema_refuses_are_not_written(path: str, name: str) -> None:
    with pytest.raises(SceneFault, match="name of a binding"):
        author.save(path, [Binding(name=name, prim="/W")])
    assert not Path(path).exists()


@pytest.mark.parametrize("prim", ["W", "/", "", "/W.size", "/W//x", "/W{a=b}x"])
def test_a_path_that_names_no_prim_is_not_written(path: str, prim: str) -> None:
    with pytest.raises(SceneFault, match="not the path of a prim"):
        author.save(path, [Binding(name="a", prim=prim)])


def test_a_newer_binding_is_not_overwritten(path: str) -> None:
    author.save(path, [LEVEL])
    newer = Path(path).read_text().replace("schemaVersion = 1", "schemaVersion = 2")
    Path(path).write_text(newer)
    bindings, problems = sidecar.read([path])
    assert bindings == ()
    assert [p.code for p in problems] == ["B19"]
    with pytest.raises(SceneFault, match="version 2"):
        author.save(path, [Binding(name="a", prim="/W")])
    assert Path(path).read_text() == newer


def test_a_damaged_layer_is_a_fault_and_stays(path: str) -> None:
    Path(path).write_text("#usda 1.0\nover {{{")
    with pytest.raises(SceneFault, match="damaged"):
        author.save(path, [LEVEL])
    assert Path(path).read_text() == "#usda 1.0\nover {{{"


def test_a_folder_without_leave_to_write_is_a_fault(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("x")
    with pytest.raises(SceneFault, match="could not be saved"):
        author.save(str(blocked / "bindings.usda"), [LEVEL])


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("uniform double twin:level:adress = 1", "B01"),
        ('uniform string twin:level:scale = "x"', "B01"),
        ('uniform token twin:level:channel = "colour"', "B02"),
        ('uniform string twin:stray:signal = "x"', "B01"),
    ],
)
def test_wrong_fields_are_named_and_the_rest_is_read(path: str, line: str, code: str) -> None:
    Path(path).write_text(
        '#usda 1.0\nover "W" (\n    prepend apiSchemas = ["TwinBindingAPI:level"]\n)\n{\n'
        f'    uniform string twin:level:signal = "s"\n    {line}\n}}\n'
    )
    (binding,), problems = sidecar.read([path])
    assert [p.code for p in problems] == [code]
    assert binding.signal == "s"


def test_defs_stage_metadata_and_bad_names_in_the_layer_are_reported(path: str) -> None:
    Path(path).write_text(
        '#usda 1.0\n(\n    metersPerUnit = 1\n)\ndef "W" (\n'
        '    prepend apiSchemas = ["TwinBindingAPI:signal"]\n)\n{\n}\n'
    )
    bindings, problems = sidecar.read([path])
    assert bindings == ()
    assert sorted(p.code for p in problems) == ["B03", "B18", "B18"]


def test_the_customers_scene_keeps_every_byte_and_its_metadata(write, path: str) -> None:
    entry = write(
        'def Xform "W"\n{\n def Cube "Tank"\n {\n }\n}\n',
        metres=0.001,
        more="    timeCodesPerSecond = 30\n    startTimeCode = 3\n    endTimeCode = 9\n",
    )
    before = hashlib.sha256(Path(entry).read_bytes()).hexdigest()
    author.save(path, [LEVEL])
    found = check(entry, beside=[path])
    stage = open_stage(found.root, found.layers, above=[path]).stage
    assert stage.GetPrimAtPath("/W/Tank").GetAttribute("twin:level:signal").Get() == "tank1.level"
    assert stage.GetMetadata("metersPerUnit") == 0.001
    assert (stage.GetTimeCodesPerSecond(), stage.GetStartTimeCode(), stage.GetEndTimeCode()) == (30, 3, 9)
    assert stage.GetDefaultPrim().GetPath() == "/W"
    author.save(path, [], [("/W/Tank", "level")])
    assert hashlib.sha256(Path(entry).read_bytes()).hexdigest() == before


def test_a_layer_of_bindings_alone_adds_nothing_to_the_picture(path: str) -> None:
    assert sidecar.remainder(path) == ""
    author.save(path, [LEVEL])
    assert sidecar.remainder(path) == ""
    Path(path).write_text('#usda 1.0\nover "W" (\n    instanceable = false\n)\n{\n}\n')
    assert sidecar.remainder(path) != ""


def test_a_field_comes_back_with_its_sensors_as_it_was_saved(path: str) -> None:
    spread = FieldSpec(
        sensors=("/W/S1", "/W/S2.twin:strain:signal"), method="rbf", radius=2.5, iso_lines=4, power=3.0
    )
    deck = Binding(name="f", prim="/W/Deck", channel="field", colormap="heat", field=spread)
    author.save(path, [deck])
    bindings, problems = sidecar.read([path])
    assert problems == ()
    assert plain(bindings) == [deck]
