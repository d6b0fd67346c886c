"""Two processes that read a scene and its bindings apart find what one finds that reads both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from armillary.model.binding import Binding
from armillary.model.fault import Fault, record
from armillary.model.message import OpenScene
from armillary.model.scene import SceneArrays, SceneProblem
from armillary.project import folder as projects
from armillary.scene.child import SceneServer
from armillary.session import checking
from armillary.session.checking import Judged, judge
from armillary.wire.codec import pack, unpack

SCENES = Path(__file__).parents[3] / "scenes"
SCENE = """#usda 1.0
(
    defaultPrim = "Plant"
    metersPerUnit = 1
    upAxis = "Z"
)

def Xform "Plant"
{
    def Cube "Tank"
    {
        double size = 2
        double3 xformOp:translate = (1, 2, 3)
        uniform token[] xformOpOrder = ["xformOp:translate"]
    }

    def Mesh "Broken"
    {
        int[] faceVertexCounts = [3, 3]
        int[] faceVertexIndices = [0, 1, 9]
        point3f[] points = [(0, 0, 0), (1, 0, 0), (0, 1, 0)]
    }

    def Xform "Kinds" (
        variants = {
            string kind = "a"
        }
        prepend variantSets = "kind"
    )
    {
        variantSet "kind" = {
            "a" {
                def Cube "A"
                {
                }
            }
            "b" {
                def Cube "B"
                {
                }
            }
        }
    }

    def Xform "Copy" (
        instanceable = true
        prepend references = </Made>
    )
    {
    }
}

def Xform "Made"
{
    def Cube "Part"
    {
    }
}
"""


def over(prim: str, *fields: str, name: str = "heat") -> str:
    """Return the overs of one binding."""
    names = prim.strip("/").split("/")
    body = "".join(f"uniform {field}\n" for field in fields)
    opens = "".join(f'over "{one}"\n{{\n' for one in names[:-1])
    return (
        f'{opens}over "{names[-1]}" (\n    prepend apiSchemas = ["TwinBindingAPI:{name}"]\n)\n{{\n'
        f"uniform int twin:{name}:schemaVersion = 1\n{body}" + "}\n" * len(names)
    )


SIGNAL = 'string twin:heat:signal = "t"'
CASES = {
    "fine": over("/Plant/Tank", SIGNAL),
    "no such prim": over("/Plant/Tonk", SIGNAL),
    "not chosen": over("/Plant/Kinds/B", SIGNAL),
    "of an instance": over("/Plant/Copy/Part", SIGNAL),
    "no such tag": over("/Plant/Tank", 'string twin:heat:signal = "u"'),
    "no such map": over("/Plant/Tank", SIGNAL, 'token twin:heat:colormap = "rainbow"'),
    "not in its order": over(
        "/Plant/Tank",
        SIGNAL,
        'token twin:heat:channel = "custom"',
        'token twin:heat:property = "xformOp:rotateZ"',
    ),
    "another type": over(
        "/Plant/Tank",
        SIGNAL,
        'token twin:heat:channel = "custom"',
        'token twin:heat:property = "size"',
        'token twin:heat:valueType = "float"',
    ),
    "at odds": over("/Plant/Tank", SIGNAL).replace(
        '"TwinBindingAPI:heat"', '"TwinBindingAPI:heat", "TwinBindingAPI:twice"'
    ),
    "unknown field": over("/Plant/Tank", SIGNAL, "int twin:heat:colour = 1"),
    "a stray": over("/Plant/Tank", SIGNAL, "int twin:cold:schemaVersion = 1"),
    "wrong token": over("/Plant/Tank", 'token twin:heat:channel = "taste"'),
    "of tomorrow": over("/Plant/Tank", SIGNAL).replace("schemaVersion = 1", "schemaVersion = 9"),
    "no variant set": over("/Plant/Tank", SIGNAL, 'token twin:heat:channel = "variant"'),
    # what follows says more than bindings, so that one process reads all
    "hides a part": 'over "Plant"\n{\nover "Tank"\n{\ntoken visibility = "invisible"\n}\n}\n',
    "adds a part": 'def Cube "Extra"\n{\n}\n',
    "another unit": "METRES",
    "a layer that is not there": "SUBLAYER",
    "not a layer": "DAMAGED",
    "chooses": 'over "Plant"\n{\nover "Kinds" (\nvariants = {\nstring kind = "b"\n}\n)\n{\n}\n}\n',
}
WHOLE = ("hides a part", "adds a part", "another unit", "a layer that is not there", "not a layer", "chooses")


class Inside:
    """A scene's reader in this process, asked as one in another process is."""

    alive = True

    def __init__(self) -> None:
        self.server = SceneServer()
        self.answers: list[tuple[int, object]] = []
        self.asked = 0

    def send(self, message: object) -> int:
        self.asked += 1
        asked = unpack(pack(message))
        try:
            answer = self.server.answer(asked)
        except Fault as fault:
            answer = record(fault)
        self.answers.append((self.asked, unpack(pack(answer))))
        return self.asked

    def poll(self, _timeout_s: float) -> list[tuple[int, object]]:
        out, self.answers = self.answers, []
        return out


@pytest.fixture(autouse=True)
def _without_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def one(*, reads_only: bool) -> Iterator[tuple[Inside, Inside]]:
        assert reads_only, "what only reads is killed at the end, and keeps nobody waiting"
        yield (inside := Inside()), inside

    monkeypatch.setattr(checking, "scene_child", one)


def own(bindings: Sequence[Binding], scene: SceneArrays) -> list[SceneProblem]:
    """Return nothing of the caller's but a word of how much it was given."""
    what = f"{len(bindings)} of {len(scene)}"
    return [SceneProblem(code="X01", severity="info", where="", what=what, remedy="")]


def both(asked: OpenScene, tags: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> tuple[Judged, Judged]:
    """Return what is found by two readers where possible, and by one."""
    found = judge(asked, tags, (), own)
    with monkeypatch.context() as patched:
        patched.setattr(checking, "_is_apart", lambda _asked: False)
        return found, judge(asked, tags, (), own)


def told(found: Judged) -> set[tuple[str, str, str, str]]:
    """Return what is told, each once; that a part was not found is nothing beside that it is not chosen."""
    unchosen = {p.where for p in found.problems if p.code == "B33"}
    return {
        (p.code, p.severity, p.where, p.what)
        for p in found.problems
        if not (p.code == "B04" and p.where in unchosen)
    }


def plant(folder: Path, layer: str) -> OpenScene:
    (folder / "scene.usda").write_text(SCENE)
    head = "#usda 1.0\n"
    text = {
        "METRES": f"{head}(\n    metersPerUnit = 0.001\n)\n",
        "SUBLAYER": f"{head}(\n    subLayers = [\n        @./more.usda@\n    ]\n)\n",
        "DAMAGED": "#usda 1.0\nover {",
    }.get(layer, f"{head}\n{layer}")
    (folder / "bindings.usda").write_text(text)
    return OpenScene(
        entry=str(folder / "scene.usda"), bindings=str(folder / "bindings.usda"), cache=str(folder / "cache")
    )


@pytest.mark.parametrize("case", CASES)
def test_what_two_processes_find_is_what_one_finds(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two, one = both(plant(tmp_path, CASES[case]), ["t"], monkeypatch)
    assert two.bindings == one.bindings
    assert told(two) == told(one)
    codes = {p.code for p in two.problems}
    assert "X01" in codes
    assert "S06" in codes or "S05" in codes  # the mesh that names points which are not there
    assert case == "fine" or len(codes) > 2 or case in WHOLE


@pytest.mark.parametrize("demo", ["packaging-line", "pumping-station"])
def test_of_the_demos_both_find_the_same(demo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = projects.read(SCENES / demo)
    asked = project.scene_request(str(tmp_path))
    assert asked is not None
    two, one = both(asked, [spec.name for spec in project.specs], monkeypatch)
    assert len(two.bindings) > 100
    assert two.bindings == one.bindings
    assert told(two) == told(one)


def test_a_scene_that_cannot_be_read_is_told_and_what_needs_no_scene_is_done(tmp_path: Path) -> None:
    asked = plant(tmp_path, CASES["fine"])
    Path(asked.entry).write_text("#usda 1.0\ndef {")
    done: list[int] = []
    found = judge(asked, ["t"], (), own, lambda: done.append(1))
    assert [(p.code, p.severity, p.where) for p in found.problems] == [("S00", "fatal", asked.entry)]
    assert found.scene is None
    assert done == [1]


def test_bindings_saved_since_are_seen_in_a_scene_that_is_known(tmp_path: Path) -> None:
    asked = plant(tmp_path, CASES["fine"])
    assert "B04" not in {p.code for p in judge(asked, ["t"], (), own).problems}
    plant(tmp_path, CASES["no such prim"])
    assert "B04" in {p.code for p in judge(asked, ["t"], (), own).problems}
    plant(tmp_path, CASES["hides a part"])
    scene = judge(asked, ["t"], (), own).scene
    assert scene is not None
    assert not scene.visible[scene.prim_path.index("/Plant/Tank")]
