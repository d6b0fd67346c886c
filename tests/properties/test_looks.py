"""Laws of `encoding.resolve`, on random scenes, bindings and values."""

import math
from dataclasses import fields

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from armillary.encoding.compile import compiled
from armillary.encoding.resolve import Options, resolve
from armillary.model.binding import Binding, MapSpec
from armillary.model.look import Look, base_look
from armillary.model.quality import NEVER
from armillary.model.scene import SceneArrays
from armillary.model.tags import TagSpec, TagTable
from armillary_bench.synthetic import scene_of

TAGS = 6
SPECS = tuple(TagSpec(slot=i, name=f"t{i}") for i in range(TAGS))
MOTIONS = ("translate", "rotate", "scale", "level")
COLOURS = ("displayColor", "emissiveColor", "displayOpacity", "visibility", "highlight")
numbers = st.one_of(st.floats(-3, 3), st.sampled_from([math.nan, math.inf, -math.inf, 0.0, 1e300]))


@st.composite
def scenes(draw: st.DrawFn) -> SceneArrays:
    m = draw(st.integers(1, 12))
    parent = [-1] + [0] * (m - 1)
    branch = [0]
    for i in range(1, m):  # depth-first: a parent is on the branch that ends in the prim before
        branch = branch[: draw(st.integers(1, len(branch)))]
        parent[i] = branch[-1]
        branch.append(i)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    local = np.broadcast_to(np.eye(4), (m, 4, 4)).copy()
    for i in range(m):
        q, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        local[i, :3, :3] = q * rng.uniform(0.5, 2.0, 3)
        local[i, :3, 3] = rng.uniform(-5, 5, 3)
    return scene_of([f"/p{i}" for i in range(m)], parent, local=local)


@st.composite
def bound(draw: st.DrawFn, channels: tuple[str, ...], m: int) -> list[Binding]:
    out = []
    for i in range(draw(st.integers(0, 10))):
        channel = draw(st.sampled_from(channels))
        out.append(
            Binding(
                name=f"b{i}",
                prim=f"/p{draw(st.integers(0, m - 1))}",
                signal=f"t{draw(st.integers(0, TAGS - 1))}",
                channel=channel,
                axis=draw(st.sampled_from(["x", "y", "z"])) if channel in MOTIONS else "none",
                map=MapSpec(kind="linear", scale=draw(st.floats(-2, 2)), offset=draw(st.floats(-1, 1))),
            )
        )
    return out


@st.composite
def tables(draw: st.DrawFn) -> TagTable:
    table = TagTable(TAGS)
    table.value[:] = draw(st.lists(numbers, min_size=TAGS, max_size=TAGS))
    table.quality[:] = draw(st.lists(st.integers(0, NEVER), min_size=TAGS, max_size=TAGS))
    return table


def equal(a: Look, b: Look) -> bool:
    for field in fields(Look):
        x, y = getattr(a, field.name), getattr(b, field.name)
        if not (np.array_equal(x, y) if isinstance(x, np.ndarray) else x == y):
            return False
    return True


@given(st.data(), scenes(), tables())
@settings(max_examples=120, deadline=None)
def test_a_look_is_a_function_of_its_inputs_and_always_can_be_drawn(
    data: st.DataObject, scene: SceneArrays, table: TagTable
) -> None:
    bindings = data.draw(bound(MOTIONS + COLOURS, len(scene)))
    program, _ = compiled(bindings, scene, SPECS)
    kept = table.value.copy(), table.quality.copy()
    first, second = (resolve(program, table, Options(seq=1)) for _ in range(2))
    assert equal(first, second)
    assert np.array_equal(table.value, kept[0], equal_nan=True)
    assert np.array_equal(table.quality, kept[1])
    assert np.isfinite(first.matrix.astype(np.float32)).all()
    assert (np.diff(first.moved.astype(np.int64)) > 0).all()
    assert (first.state <= NEVER).all()


@given(st.data(), scenes(), tables())
@settings(max_examples=120, deadline=None)
def test_prims_that_no_binding_reaches_look_as_in_the_scene(
    data: st.DataObject, scene: SceneArrays, table: TagTable
) -> None:
    bindings = data.draw(bound(MOTIONS + COLOURS, len(scene)))
    program, _ = compiled(bindings, scene, SPECS)
    shown, base = resolve(program, table, Options()), base_look(scene)
    reached = np.zeros(len(scene), np.bool_)
    for prims in program.binding_prims:
        for p in prims:
            reached[p : program.ends[p]] = True
    free = ~reached
    assert np.array_equal(shown.rgba[free], base.rgba[free])
    assert np.array_equal(shown.emissive[free], base.emissive[free])
    assert np.array_equal(shown.visible[free], base.visible[free])
    assert not shown.state[free].any()
    assert not free[shown.moved].any()


def slow_world(scene: SceneArrays, bindings: list[Binding], y: dict[str, float]) -> np.ndarray:
    """Compose every prim's matrix one by one, by the definition of each channel."""
    last = {(b.prim, b.channel, b.axis): b for b in bindings}
    out = np.zeros((len(scene), 4, 4))
    for i, path in enumerate(scene.prim_path):
        up = int(scene.parent[i])
        rest_above = scene.root if up < 0 else scene.matrix[up]
        above = scene.root if up < 0 else out[up]
        local = np.linalg.inv(rest_above) @ scene.matrix[i]
        shift = np.eye(4)
        for a, axis in enumerate("xyz"):
            if (b := last.get((path, "translate", axis))) is not None:
                shift[a, 3] += y[b.name]
        own = np.eye(4)
        for a, axis in enumerate("xyz"):
            if (b := last.get((path, "rotate", axis))) is not None:
                turn, angle = np.eye(4), math.radians(y[b.name])
                j, k = (a + 1) % 3, (a + 2) % 3
                turn[j, j] = turn[k, k] = math.cos(angle)
                turn[k, j], turn[j, k] = math.sin(angle), -math.sin(angle)
                own = own @ turn
        for channel in ("scale", "level"):
            for a, axis in enumerate("xyz"):
                if (b := last.get((path, channel, axis))) is not None:
                    s = max(y[b.name], 1e-4)
                    stretch = np.eye(4)
                    stretch[a, a] = s
                    base = float(scene.local_box[i, a]) if channel == "level" else 0.0
                    stretch[a, 3] = base * (1 - s)
                    own = own @ stretch
        out[i] = above @ shift @ local @ own
    return out


@given(st.data(), scenes(), st.lists(st.floats(-3, 3), min_size=TAGS, max_size=TAGS))
@settings(max_examples=150, deadline=None)
def test_prims_and_their_descendants_move_as_a_slow_composition_says(
    data: st.DataObject, scene: SceneArrays, values: list[float]
) -> None:
    bindings = data.draw(bound(MOTIONS, len(scene)))
    program, _ = compiled(bindings, scene, SPECS)
    table = TagTable(TAGS)
    table.value[:], table.quality[:] = values, 0
    y = {b.name: b.map.scale * values[int(b.signal[1:])] + b.map.offset for b in bindings}
    expected = slow_world(scene, bindings, y)
    shown = resolve(program, table, Options())
    world = scene.matrix.copy()
    world[shown.moved] = shown.matrix
    size = np.abs(expected).max(axis=(1, 2), keepdims=True) + 1
    assert np.allclose(world / size, expected / size, atol=1e-7)
