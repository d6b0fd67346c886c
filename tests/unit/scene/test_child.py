import dataclasses
import json
from pathlib import Path

import pytest

from armillary.model import message
from armillary.model.binding import Binding, ColourMap
from armillary.model.fault import SceneFault
from armillary.model.message import (
    AskAttributes,
    AskInfo,
    CheckBindings,
    ChooseVariants,
    OpenScene,
    SaveBindings,
    SceneOpened,
)
from armillary.scene import cache
from armillary.scene.child import SceneServer

BODY = """
def Xform "W" (
    variants = {
        string size = "small"
    }
    prepend variantSets = "size"
)
{
    def Cube "Tank"
    {
        color3f[] primvars:displayColor = [(1, 0, 0)]
    }
    def Material "Mat"
    {
    }
    variantSet "size" = {
        "big" {
            def Cube "Lid"
            {
            }
        }
        "small" {
        }
    }
}
class Xform "Proto"
{
    def Cube "part"
    {
    }
}
def "Inst" (
    instanceable = true
    references = </Proto>
)
{
}
"""


@pytest.fixture
def request_(write, tmp_path: Path) -> OpenScene:
    return OpenScene(
        entry=write(BODY), bindings=str(tmp_path / "bindings.usda"), cache=str(tmp_path / "cache")
    )


@pytest.fixture
def server() -> SceneServer:
    return SceneServer()


def opened(answer: object) -> SceneOpened:
    assert isinstance(answer, SceneOpened)
    return answer


def test_a_scene_is_made_once_and_then_comes_from_the_cache(server, request_) -> None:
    first = opened(server.answer(request_))
    assert not first.cached
    assert {"check", "open", "load", "write", "all"} <= set(first.seconds)
    second = opened(SceneServer().answer(request_))
    assert second.cached
    assert second.arrays == first.arrays
    assert "/W/Tank" in cache.read(second.arrays).prim_path


def test_a_damaged_cache_is_made_again(server, request_) -> None:
    path = Path(opened(server.answer(request_)).arrays)
    path.write_bytes(path.read_bytes()[:500])
    again = opened(server.answer(request_))
    assert not again.cached
    assert "/W/Tank" in cache.read(again.arrays).prim_path


def test_a_scene_changed_on_disk_is_read_anew(server, request_) -> None:
    server.answer(request_)
    Path(request_.entry).write_text(Path(request_.entry).read_text() + 'def Cube "New"\n{\n}\n')
    again = opened(server.answer(request_))
    assert not again.cached
    assert "/New" in cache.read(again.arrays).prim_path


def test_saved_bindings_come_back_and_keep_the_cache(server, request_) -> None:
    server.answer(request_)
    binding = Binding(name="level", prim="/W/Tank", signal="tank.level")
    assert server.answer(SaveBindings(bindings=(binding,))) == message.Done()
    again = opened(server.answer(request_))
    assert again.cached
    assert [(b.prim, b.signal) for b in again.bindings] == [("/W/Tank", "tank.level")]
    assert again.problems == ()
    server.answer(SaveBindings(bindings=(), remove=(("/W/Tank", "level"),)))
    assert opened(server.answer(request_)).bindings == ()


def test_an_override_in_the_binding_layer_changes_the_arrays(server, request_) -> None:
    server.answer(request_)
    Path(request_.bindings).write_text(
        '#usda 1.0\nover "W"\n{\n over "Tank" (\n  active = false\n )\n {\n }\n}\n'
    )
    assert "/W/Tank" not in cache.read(opened(server.answer(request_)).arrays).prim_path


def test_attributes_name_the_layer_of_the_strongest_opinion(server, request_) -> None:
    server.answer(request_)
    server.answer(SaveBindings(bindings=(Binding(name="level", prim="/W/Tank", signal="tank.level"),)))
    found = server.answer(AskAttributes(path="/W/Tank"))
    assert isinstance(found, message.Attributes)
    rows = {name: (kind, value, layer) for name, kind, value, layer in found.rows}
    assert found.type_name == "Cube"
    assert found.applied == ("TwinBindingAPI:level",)
    assert rows["primvars:displayColor"] == ("color3f[]", "1: [(1, 0, 0)]", "scene.usda")
    assert rows["twin:level:signal"] == ("string", "tank.level", "bindings.usda")
    assert rows["size"] == ("double", "2.0", "")
    for path in ("/W/None", "not a path", ""):
        with pytest.raises(SceneFault, match="not in the scene"):
            server.answer(AskAttributes(path=path))


def test_variants_are_chosen_live_and_touch_no_file(server, request_) -> None:
    server.answer(request_)
    before = Path(request_.entry).read_bytes()
    big = opened(server.answer(ChooseVariants(variants=(("/W", "size", "big"),))))
    assert "/W/Lid" in cache.read(big.arrays).prim_path
    small = opened(server.answer(ChooseVariants(variants=(("/W", "size", "small"),))))
    assert "/W/Lid" not in cache.read(small.arrays).prim_path
    assert opened(server.answer(ChooseVariants(variants=(("/W", "size", "big"),)))).cached
    assert Path(request_.entry).read_bytes() == before
    assert not Path(request_.bindings).exists()


def test_a_variant_chosen_on_a_path_that_is_none_is_a_fault(server, request_) -> None:
    server.answer(request_)
    with pytest.raises(SceneFault):
        server.answer(ChooseVariants(variants=(("not a path", "size", "big"),)))


def test_nothing_can_be_asked_before_a_scene_is_open(server) -> None:
    for asked in (AskAttributes(path="/W"), SaveBindings(bindings=()), ChooseVariants(variants=())):
        with pytest.raises(SceneFault, match="No scene is open"):
            server.answer(asked)
    with pytest.raises(SceneFault, match="does not know"):
        server.answer(object())


def test_a_bare_scene_has_nowhere_to_save_bindings(server, request_) -> None:
    server.answer(OpenScene(entry=request_.entry, cache=request_.cache))
    with pytest.raises(SceneFault, match="no binding layer"):
        server.answer(SaveBindings(bindings=()))


def test_a_scene_that_cannot_be_read_leaves_the_one_before(server, request_, tmp_path: Path) -> None:
    server.answer(request_)
    with pytest.raises(SceneFault, match="not found"):
        server.answer(OpenScene(entry=str(tmp_path / "none.usda")))
    assert server.answer(AskAttributes(path="/W/Tank"))


def test_info_counts_in_the_scenes_own_units(server, write) -> None:
    entry = write(
        BODY
        + 'def Mesh "M"\n{\n point3f[] points = [(0,0,0),(9,0,0),(0,9,0)]\n int[] faceVertexCounts = [3]\n'
        ' int[] faceVertexIndices = [0,1,7]\n}\ndef NurbsPatch "N"\n{\n}\n',
        axis="Y",
        metres=0.01,
        more="    startTimeCode = 1\n    endTimeCode = 48\n    timeCodesPerSecond = 24\n",
    )
    answer = server.answer(AskInfo(entry=entry))
    assert isinstance(answer, message.Json)
    facts = json.loads(answer.text)
    assert facts["schema"] == 1
    assert facts["prims"] == 9  # W Tank Mat, Proto part, Inst part, M, N
    assert facts["types"]["Cube"] == 3
    assert facts["points"] == 3
    assert facts["bounds"] == [[-1, -1, -1], [9, 9, 1]]
    assert (facts["up_axis"], facts["meters_per_unit"]) == ("Y", 0.01)
    assert facts["time_range"] == {"start": 1, "end": 48, "codes_per_second": 24}
    assert [p["code"] for p in facts["problems"]] == ["S06", "S11"]
    assert facts["unsupported"] == [
        {"feature": "NURBS patches", "count": 1, "example": "/N"},
        {"feature": "subdivision (the control mesh is drawn, shaded smooth)", "count": 1, "example": "/M"},
    ]


def test_info_of_an_empty_scene_has_no_bounds(server, write) -> None:
    facts = json.loads(server.answer(AskInfo(entry=write(""))).text)
    assert (facts["prims"], facts["bounds"]) == (0, None)


def lint_codes(server, request_, *bindings: Binding, **more) -> list[str]:
    server.answer(request_)
    server.answer(SaveBindings(bindings=bindings))
    answer = server.answer(CheckBindings(entry=request_.entry, bindings=request_.bindings, **more))
    assert isinstance(answer, message.Problems)
    return [p.code for p in answer.problems]


def bind(prim: str = "/W/Tank", name: str = "a", **more) -> Binding:
    return Binding(name=name, prim=prim, **more)


def test_a_sound_binding_has_no_problem(server, request_) -> None:
    maps = (ColourMap(name="level", kind="linear", stops=((0.0, "#000000"), (1.0, "#ffffff"))),)
    codes = lint_codes(server, request_, bind(signal="t", colormap="level"), tags=("t",), colormaps=maps)
    assert codes == []


@pytest.mark.parametrize(
    ("binding", "code"),
    [
        (bind("/Old/Tank"), "B04"),
        (bind(targets=("/W/Gone",)), "B04"),
        (bind("/W/Mat", channel="scale"), "B07"),
        (bind(channel="variant"), "B07"),
        (bind("/W", channel="variant", property_name="colour"), "B07"),
        (bind(channel="custom", property_name="size", value_type="float"), "B08"),
        (bind(channel="custom", property_name="xformOp:translate"), "B09"),
        (bind(colormap="none-such"), "B12"),
        (bind("/Inst/part"), "B15"),
        (bind(command="plc!x"), "B16"),
    ],
)
def test_what_is_wrong_with_a_binding_has_its_code(server, request_, binding, code) -> None:
    assert lint_codes(server, request_, binding) == [code]


def test_a_moved_prim_is_proposed(server, request_) -> None:
    server.answer(request_)
    server.answer(SaveBindings(bindings=(bind("/Old/Tank"),)))
    (found,) = opened(server.answer(request_)).problems
    assert "/W/Tank" in found.remedy
    assert found.where.endswith("bindings.usda:/Old/Tank#a")


def test_bindings_that_fight_and_ids_used_twice_are_named(server, request_) -> None:
    pair = (bind(name="a", id="x"), bind(name="b", id="x"), bind(name="c", enabled=False))
    assert sorted(lint_codes(server, request_, *pair)) == ["B10", "B17"]


def test_state_tables_of_two_lengths_and_unknown_tags_are_named(server, request_) -> None:
    Path(request_.bindings).write_text(
        '#usda 1.0\nover "W" (\n    prepend apiSchemas = ["TwinBindingAPI:a"]\n)\n{\n'
        '    uniform string twin:a:signal = "x"\n    uniform string[] twin:a:stateKeys = ["1"]\n}\n'
    )
    answer = server.answer(CheckBindings(entry=request_.entry, bindings=request_.bindings, tags=("y",)))
    assert sorted(p.code for p in answer.problems) == ["B05", "B11"]


def test_bounds_come_from_the_shapes_where_an_authored_extent_is_upside_down(server, write) -> None:
    entry = write('def Cube "W"\n{\n float3[] extent = [(1, 1, 1), (-1, -1, -1)]\n}\n', axis="Y", metres=0.01)
    facts = json.loads(server.answer(AskInfo(entry=entry)).text)
    assert facts["bounds"] == [[pytest.approx(-1)] * 3, [pytest.approx(1)] * 3]


def test_a_broken_binding_layer_is_named_and_the_scene_shown_without_it(server, request_) -> None:
    Path(request_.bindings).write_text("garbage {")
    opened = server.answer(request_)
    assert "/W/Tank" in cache.read(Path(opened.arrays)).prim_path
    assert opened.bindings == ()
    [problem] = opened.problems
    assert (problem.code, problem.severity, problem.where) == ("B21", "error", request_.bindings)
    assert "left out" in problem.what
    assert problem.remedy
    answer = server.answer(CheckBindings(entry=request_.entry, bindings=request_.bindings))
    assert [p.code for p in answer.problems] == ["B21"]
    assert server.answer(AskAttributes(path="/W/Tank")).type_name == "Cube"


def test_a_folder_named_like_the_binding_layer_is_named(server, request_) -> None:
    Path(request_.bindings).unlink(missing_ok=True)
    Path(request_.bindings).mkdir()
    opened = server.answer(request_)
    assert [(p.code, p.where) for p in opened.problems] == [("B21", request_.bindings)]


def test_a_broken_part_of_a_split_binding_layer_leaves_the_other_parts(
    server, request_, tmp_path: Path
) -> None:
    server.answer(request_)
    bindings = Path(request_.bindings)
    server.answer(SaveBindings(bindings=(bind("/W/Tank"),)))
    (bindings.parent / "part.usda").write_text("#usda 1.0\nover {{{")
    text = bindings.read_text().split("\n", 1)[1].lstrip()
    head = "#usda 1.0\n(\n    subLayers = [@./part.usda@]\n)\n"
    bindings.write_text(head + text.partition(")\n")[2] if text.startswith("(") else head + text)
    opened = server.answer(request_)
    assert [b.prim for b in opened.bindings] == ["/W/Tank"]
    assert "B21" in [p.code for p in opened.problems]


def test_a_cache_that_cannot_be_written_is_named_and_the_scene_shown(
    server, request_, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    asked = dataclasses.replace(request_, cache=str(tmp_path / "file" / "below"))
    for _ in range(2):
        opened = server.answer(asked)
        assert "/W/Tank" in cache.read(Path(opened.arrays)).prim_path
        assert [(p.code, p.severity) for p in opened.problems] == [("S16", "warning")]
        assert asked.cache in opened.problems[0].where


def test_the_users_cache_that_cannot_be_written_is_named_and_the_scene_shown(
    server, request_, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    opened = server.answer(dataclasses.replace(request_, cache=""))
    assert "/W/Tank" in cache.read(Path(opened.arrays)).prim_path
    assert [p.code for p in opened.problems] == ["S16"]
    assert "XDG_CACHE_HOME" in opened.problems[0].remedy
