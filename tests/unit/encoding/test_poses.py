"""Poses of prims by tags: lists, JSON objects, one tag a part; what is not told stays as the scene has it."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from armillary.encoding.compile import compiled
from armillary.encoding.poses import parsed
from armillary.encoding.program import Program
from armillary.encoding.resolve import Options, resolve
from armillary.model.arrays import F8
from armillary.model.binding import Binding, MapSpec
from armillary.model.look import Look
from armillary.model.quality import BAD, GOOD, NEVER, STALE
from armillary.model.scene import SceneArrays
from armillary.model.tags import TagSpec, TagTable
from armillary_bench.synthetic import scene_of

LIST, JSON, X, Y, HEADING, SPIN, MM = range(7)
SPECS = (
    TagSpec(slot=LIST, name="agv.pose", kind="array"),
    TagSpec(slot=JSON, name="agv.json", kind="struct"),
    TagSpec(slot=X, name="agv.x", unit="cm"),
    TagSpec(slot=Y, name="agv.y", unit="m"),
    TagSpec(slot=HEADING, name="agv.heading", unit="degree"),
    TagSpec(slot=SPIN, name="agv.spin"),
    TagSpec(slot=MM, name="agv.mm", kind="array", unit="mm"),
)
HALL, AGV, ARM = 1, 2, 3


@pytest.fixture(scope="module")
def scene() -> SceneArrays:
    """A hall 10 m to the east, turned by 90°; in it a vehicle twice as long as wide, with an arm."""
    local = np.broadcast_to(np.eye(4), (5, 4, 4)).copy()
    local[HALL, :3, :3] = [[0, -1, 0], [1, 0, 0], [0, 0, 1]]
    local[HALL, :3, 3] = (10, 0, 0)
    local[AGV, :3, :3] = np.diag([2.0, 1.0, 1.0])
    local[AGV, :3, 3] = (1, 2, 3)
    local[ARM, :3, 3] = (0, 0, 1)
    paths = ["/W", "/W/Hall", "/W/Hall/Agv", "/W/Hall/Agv/Arm", "/W/Other"]
    return scene_of(paths, [-1, 0, 1, 2, 0], local=local, drawable=[False, False, True, True, True])


def bind(signal: str = "agv.pose", **more: object) -> Binding:
    base = {"name": "p", "prim": "/W/Hall/Agv", "channel": "transform", "signal": signal}
    return Binding(**{**base, **more})  # type: ignore[arg-type]


def parts(**names: str) -> Binding:
    spec = MapSpec(kind="none", state_keys=tuple(names), state_values=tuple(names.values()))
    return bind("", map=spec)


def look_of(
    scene: SceneArrays,
    binding: Binding,
    *,
    array: object = None,
    text: object = None,
    values: dict[int, float] | None = None,
    rank: int = GOOD,
    more: tuple[Binding, ...] = (),
    **options: object,
) -> tuple[Program, Look]:
    program, problems = compiled([binding, *more], scene, SPECS)
    assert problems == ()
    table = TagTable(len(SPECS))
    table.quality[:] = rank
    for slot in (LIST, MM):
        if array is not None:
            table.array[slot] = np.array(array, np.float32)
    if text is not None:
        table.text[JSON] = text if isinstance(text, str) else json.dumps(text)
    for slot, value in (values or {}).items():
        table.value[slot] = value
    return program, resolve(program, table, Options(**options))  # type: ignore[arg-type]


def world_of(look: Look, scene: SceneArrays, prim: int = AGV) -> F8:
    at = np.flatnonzero(look.moved == prim)
    out: F8 = look.matrix[at[0]] if len(at) else scene.matrix[prim]
    return out


def in_hall(look: Look, scene: SceneArrays) -> F8:
    """Where the vehicle stands in the space of its hall."""
    out: F8 = np.linalg.inv(scene.matrix[HALL]) @ world_of(look, scene)
    return out


def about_z(degrees: float) -> F8:
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def test_three_numbers_are_a_place_in_the_space_of_the_parent(scene: SceneArrays) -> None:
    _, look = look_of(scene, bind(), array=[4, 5, 6])
    here = in_hall(look, scene)
    np.testing.assert_allclose(here[:3, 3], [4, 5, 6], atol=1e-6)
    np.testing.assert_allclose(here[:3, :3], np.diag([2.0, 1, 1]), atol=1e-6)  # turned and scaled as before


def test_a_pose_carries_what_is_below_and_leaves_the_rest(scene: SceneArrays) -> None:
    _, look = look_of(scene, bind(), array=[4, 5, 6, 90])
    assert look.moved.tolist() == [AGV, ARM]
    arm = np.linalg.inv(world_of(look, scene)) @ world_of(look, scene, ARM)
    np.testing.assert_allclose(arm[:3, 3], [0, 0, 1], atol=1e-6)


@pytest.mark.parametrize(
    "told",
    [
        [4, 5, 6, 90],
        [4, 5, 6, 0, 0, 90],
        [4, 5, 6, 0, 0, math.sin(math.pi / 4), math.cos(math.pi / 4)],
        {"x": 4, "y": 5, "z": 6, "yaw": 90},
        {"position": {"x": 4, "y": 5, "z": 6}, "orientation": {"x": 0, "y": 0, "z": 3, "w": 3}},
        {"position": [4, 5, 6], "orientation": {"yaw": 90}},
        {"x": 4, "y": 5, "z": 6, "qx": 0, "qy": 0, "qz": 0.7071068, "qw": 0.7071068},
    ],
)
def test_all_ways_to_write_one_pose_are_one_pose(scene: SceneArrays, told: object) -> None:
    looks = [look_of(scene, bind("agv.json"), text=told)[1]]
    if isinstance(told, list):
        looks.append(look_of(scene, bind(), array=told)[1])
    for look in looks:
        here = in_hall(look, scene)
        np.testing.assert_allclose(here[:3, 3], [4, 5, 6], atol=1e-5)
        np.testing.assert_allclose(here[:3, :3], about_z(90) * [2.0, 1, 1], atol=1e-5)


def test_a_matrix_of_openusd_is_taken_as_it_is(scene: SceneArrays) -> None:
    matrix = np.eye(4)
    matrix[:3, :3] = about_z(90) * 0.5
    matrix[:3, 3] = (7, 8, 9)
    _, look = look_of(scene, bind(), array=matrix.T.reshape(-1))
    np.testing.assert_allclose(in_hall(look, scene), matrix, atol=1e-6)


def test_each_part_may_be_a_tag_of_its_own_in_its_own_unit(scene: SceneArrays) -> None:
    binding = parts(x="agv.x", y="agv.y", yaw="agv.heading")
    _, look = look_of(scene, binding, values={X: 400.0, Y: 5.0, HEADING: 90.0})
    here = in_hall(look, scene)
    np.testing.assert_allclose(here[:3, 3], [4, 5, 3], atol=1e-6)  # z stays
    np.testing.assert_allclose(here[:3, :3], about_z(90) * [2.0, 1, 1], atol=1e-6)


def test_units_scale_and_clamp_apply_to_the_place(scene: SceneArrays) -> None:
    _, look = look_of(scene, bind("agv.mm"), array=[4000, 5000, 6000])
    np.testing.assert_allclose(in_hall(look, scene)[:3, 3], [4, 5, 6], atol=1e-6)
    spec = MapSpec(kind="linear", scale=2.0, offset=1.0, clamp=(0.0, 12.0))
    _, look = look_of(scene, bind(map=spec), array=[4, 5, 6, 1.5708], rank=GOOD)
    np.testing.assert_allclose(in_hall(look, scene)[:3, 3], [9, 11, 12], atol=1e-6)
    _, look = look_of(scene, bind(target_unit="rad"), array=[0, 0, 0, math.pi / 2])
    np.testing.assert_allclose(in_hall(look, scene)[:3, :3], about_z(90) * [2.0, 1, 1], atol=1e-5)


def test_other_motions_of_the_prim_come_on_top_of_its_pose(scene: SceneArrays) -> None:
    lift = Binding(name="l", prim="/W/Hall/Agv", channel="translate", axis="z", signal="agv.y")
    spin = Binding(name="s", prim="/W/Hall/Agv", channel="spin", axis="z", signal="agv.spin")
    _, look = look_of(
        scene,
        bind(),
        array=[4, 5, 6],
        values={Y: 2.0, SPIN: 1.0},
        more=(lift, spin),
        phase=np.array([math.pi / 2]),
    )
    here = in_hall(look, scene)
    np.testing.assert_allclose(here[:3, 3], [4, 5, 8], atol=1e-6)
    np.testing.assert_allclose(here[:3, :3], np.diag([2.0, 1, 1]) @ about_z(90), atol=1e-6)


def test_before_a_pose_has_come_the_prim_is_where_the_scene_has_it(scene: SceneArrays) -> None:
    for binding in (bind(), bind("agv.json"), parts(x="agv.x")):
        _, look = look_of(scene, binding, rank=NEVER)
        np.testing.assert_allclose(world_of(look, scene), scene.matrix[AGV], atol=1e-9)
        assert look.state[AGV] == NEVER


@pytest.mark.parametrize("rank", [STALE, BAD])
def test_a_pose_that_is_lost_stays_where_it_was_and_shows_it(scene: SceneArrays, rank: int) -> None:
    _, look = look_of(scene, bind(), array=[4, 5, 6], rank=rank)
    np.testing.assert_allclose(in_hall(look, scene)[:3, 3], [4, 5, 6], atol=1e-6)
    assert look.state[AGV] == look.state[ARM] == rank


def test_a_pose_that_is_cleared_when_stale_goes_back_to_rest(scene: SceneArrays) -> None:
    _, look = look_of(scene, bind(on_stale="clearOpinion"), array=[4, 5, 6], rank=STALE)
    np.testing.assert_allclose(world_of(look, scene), scene.matrix[AGV], atol=1e-9)


@pytest.mark.parametrize("told", [[1, 2], [1] * 5, [0, 0, 0, 0, 0, 0, 0], [math.nan] * 3, [math.nan] * 16])
def test_numbers_that_are_no_pose_leave_it_at_rest_or_turn_nothing(scene: SceneArrays, told: object) -> None:
    _, look = look_of(scene, bind(), array=told)
    here = in_hall(look, scene)
    np.testing.assert_allclose(here[:3, :3], np.diag([2.0, 1, 1]), atol=1e-9)
    assert np.isfinite(look.matrix).all()


@given(st.one_of(st.text(), st.recursive(
    st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=7),
        st.dictionaries(st.sampled_from(["x", "y", "z", "w", "qw", "yaw", "position", "orientation"]), inner),
    ),
    max_leaves=12,
).map(json.dumps)))  # fmt: skip
def test_no_text_breaks_the_reading_of_poses(text: str) -> None:
    assert len(parsed(text)) in (0, 3, 4, 6, 7, 16)


@pytest.mark.parametrize(
    ("binding", "code", "word"),
    [
        (bind("agv.x"), "B07", "no list"),
        (bind("gone"), "B05", "not known"),
        (parts(x="gone"), "B05", "not known"),
        (parts(up="agv.x"), "B07", "no part 'up'"),
        (parts(x="agv.pose"), "B07", "no number"),
        (parts(x="agv.heading"), "B13", "unit"),
        (bind(map=MapSpec(kind="steps", state_keys=("1",), state_values=("1",))), "B07", "no map"),
        (
            bind("", map=MapSpec(kind="none", state_keys=("x", "y"), state_values=("agv.x",))),
            "B11",
            "2 parts",
        ),
    ],
)
def test_what_cannot_be_a_pose_is_refused_by_name(
    scene: SceneArrays, binding: Binding, code: str, word: str
) -> None:
    program, [problem] = compiled([binding], scene, SPECS)
    assert (problem.code, program.poses) == (code, None)
    assert word in problem.what
