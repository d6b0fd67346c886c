"""A new export of a scene: other names, groups, orders of points, places; what was bound is found again."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from armillary.model import likeness, rematch
from armillary.model.scene import SceneArrays

Load = Callable[..., SceneArrays]
_CUBE = np.array(list(itertools.product((-0.5, 0.5), repeat=3)))
_FACES = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))


@dataclass(frozen=True, slots=True)
class Part:
    path: str
    size: tuple[float, float, float]
    at: tuple[float, float, float]
    dent: float = 0.0  # of one edge: more than a box


def usd(parts: Iterable[Part], seed: int = 0, noise: float = 0.0) -> str:
    """Return a scene of boxes; the seed says in which order points and faces are written."""
    rng = np.random.default_rng(seed)
    groups: dict[str, list[str]] = {}
    for part in parts:
        group, _, name = part.path.removeprefix("/W/").partition("/")
        points = _CUBE * part.size
        points[6:, 0] += part.dent  # one edge: all faces stay flat
        points = points + rng.normal(0, noise, points.shape) if noise else points
        order = rng.permutation(8) if seed else np.arange(8)
        where = np.argsort(order)
        faces = [_FACES[k] for k in (rng.permutation(6) if seed else range(6))]
        index = [int(where[c]) for face in faces for c in np.roll(face, int(rng.integers(4)) if seed else 0)]
        text = ", ".join(f"({x:.9g}, {y:.9g}, {z:.9g})" for x, y, z in points[order])
        groups.setdefault(group, []).append(
            f'def Mesh "{name}"\n{{\n int[] faceVertexCounts = [4, 4, 4, 4, 4, 4]\n'
            f" int[] faceVertexIndices = {index}\n point3f[] points = [{text}]\n"
            f" double3 xformOp:translate = ({part.at[0]}, {part.at[1]}, {part.at[2]})\n"
            ' uniform token[] xformOpOrder = ["xformOp:translate"]\n}\n'
        )
    body = "".join(f'def Xform "{group}"\n{{\n{"".join(each)}}}\n' for group, each in groups.items())
    return f'def Xform "W"\n{{\n{body}}}\n'


def found(old: SceneArrays, new: SceneArrays, paths: list[str]) -> dict[str, rematch.Match]:
    """Return the matches of bound parts, of which is known what a binding layer keeps."""
    before = likeness.likeness(old)
    rows = {path: i for i, path in enumerate(old.prim_path)}
    known, read = likeness.read(tuple(likeness.text_of(before, rows[path]) for path in paths))
    matches = rematch.rematch(paths, known, read, new.prim_path, likeness.likeness(new))
    return {match.old: match for match in matches}


def plant(n: int) -> list[Part]:
    """Return parts of ten sizes, each many times, and every tenth of a shape of its own."""
    return [
        Part(
            f"/W/Area{i % 7}/Part_{i:04d}",
            (1.0, 0.2 + 0.1 * (i % 10), 0.5),
            (2.0 * (i % 25), 2.0 * (i // 25), 0.0),
            0.01 + 0.001 * i if i % 10 == 0 else 0.0,
        )
        for i in range(n)
    ]


def test_a_thousand_parts_are_found_under_other_names_and_groups(scene_of: Load) -> None:
    parts = plant(1_000)
    old = scene_of(usd(parts))
    moved = {0, 120, 340, 560, 990}  # each of a shape of its own
    after = {}
    for i, part in enumerate(parts):
        at = (part.at[0] + 31.0, part.at[1], 7.0) if i in moved else part.at
        after[part.path] = Part(f"/W/Hall{i % 3}/mesh_{997 * i % 1000}", part.size, at, part.dent)
    new = scene_of(usd(after.values(), seed=7, noise=1e-6))
    matches = found(old, new, [part.path for part in parts])
    assert {path: match.new for path, match in matches.items()} == {k: v.path for k, v in after.items()}
    sure = [match for match in matches.values() if match.confidence >= rematch.SURE]
    assert all(match.new == after[match.old].path for match in sure)
    places = {parts[i].path for i in moved}
    assert {match.old for match in matches.values() if match.moved_m > 1.0} == places


def test_nothing_is_sure_where_names_were_dealt_out_anew_to_parts_alike(scene_of: Load) -> None:
    parts = [Part(f"/W/A/Pump_{i}", (1, 1, 1), (3.0 * i, 0, 0)) for i in range(6)]
    after = [Part(f"/W/A/Pump_{(i + 1) % 6}", part.size, part.at) for i, part in enumerate(parts)]
    matches = found(scene_of(usd(parts)), scene_of(usd(after, seed=1)), ["/W/A/Pump_2", "/W/A/Pump_4"])
    assert all(match.confidence < rematch.SURE for match in matches.values())
    assert matches["/W/A/Pump_2"].new == "/W/A/Pump_3"  # what stands there
    assert matches["/W/A/Pump_2"].others == ("/W/A/Pump_2",)


def test_a_part_that_is_gone_is_not_taken_for_one_like_it(scene_of: Load) -> None:
    parts = [Part(f"/W/A/Valve_{i}", (1, 1, 1), (3.0 * i, 0, 0)) for i in range(4)]
    after = [Part(f"/W/B/body_{i}", part.size, part.at) for i, part in enumerate(parts) if i != 2]
    matches = found(scene_of(usd(parts)), scene_of(usd(after, seed=1)), ["/W/A/Valve_1", "/W/A/Valve_2"])
    assert matches["/W/A/Valve_1"].new == "/W/B/body_1"
    assert matches["/W/A/Valve_2"].confidence < rematch.SURE
    assert matches["/W/A/Valve_2"].kind == rematch.GONE


def test_a_name_that_moved_on_to_the_next_part_is_not_followed_surely(scene_of: Load) -> None:
    """P2 is taken out and P3 is called P2 now: only that there are fewer of them tells."""
    parts = [Part(f"/W/A/P{i}", (1, 1, 1), (3.0 * i, 0, 0)) for i in range(1, 4)]
    after = [parts[0], Part("/W/A/P2", (1, 1, 1), parts[2].at)]
    matches = found(scene_of(usd(parts)), scene_of(usd(after)), ["/W/A/P2"])
    assert matches["/W/A/P2"].confidence < rematch.SURE


def test_a_part_cut_in_pieces_is_found_as_what_holds_them(scene_of: Load) -> None:
    old = scene_of(usd([Part("/W/A/Tank", (1, 2, 3), (5, 0, 0))]))
    x, y, z = 0.5, 1.0, 1.5
    corners = [
        (-x, -y, -z),
        (-x, -y, z),
        (-x, y, -z),
        (-x, y, z),
        (x, -y, -z),
        (x, -y, z),
        (x, y, -z),
        (x, y, z),
    ]

    def piece(name: str, faces: tuple[tuple[int, ...], ...]) -> str:
        index = [c for face in faces for c in face]
        return (
            f'def Mesh "{name}"\n{{\n int[] faceVertexCounts = {[4] * len(faces)}\n'
            f" int[] faceVertexIndices = {index}\n point3f[] points = {corners}\n}}\n"
        )

    placed = 'double3 xformOp:translate = (5, 0, 0)\n uniform token[] xformOpOrder = ["xformOp:translate"]'
    pieces = piece("Shell", _FACES[:4]) + piece("Ends", _FACES[4:])
    body = f'def Xform "Vessel"\n{{\n {placed}\n{pieces}}}\n'
    new = scene_of(f'def Xform "W"\n{{\n{body}}}\n')
    match = found(old, new, ["/W/A/Tank"])["/W/A/Tank"]
    assert (match.kind, match.new) == (rematch.SPLIT, "/W/Vessel")
    assert match.confidence < rematch.SURE


def test_what_holds_moved_parts_is_found_by_its_parts(scene_of: Load) -> None:
    parts = [Part(f"/W/Skid/P{i}", (1, 1 + 0.1 * i, 1), (3.0 * i, 0, 0)) for i in range(5)]
    after = [Part(f"/W/Unit7/P{i}", p.size, (p.at[0], 9.0 if i == 4 else 0, 0)) for i, p in enumerate(parts)]
    old, new = scene_of(usd(parts)), scene_of(usd(after, seed=3))
    matches = found(old, new, ["/W/Skid", *(p.path for p in parts)])
    assert matches["/W/Skid"].new == "/W/Unit7"
    assert matches["/W/Skid/P4"].new == "/W/Unit7/P4"


def test_a_part_looks_the_same_turned_and_in_other_units(scene_of: Load) -> None:
    old = scene_of(usd([Part("/W/A/Tank", (1, 2, 3), (5, 0, 0), 0.3)]))
    turned = usd([Part("/W/A/Tank", (1000, 2000, 3000), (0, 0, 0), 300)], seed=5).replace(
        'uniform token[] xformOpOrder = ["xformOp:translate"]',
        'float xformOp:rotateX = 40\nuniform token[] xformOpOrder = ["xformOp:rotateX"]',
    )
    new = scene_of(turned, metres=0.001)
    a, b = likeness.likeness(old), likeness.likeness(new)
    i, j = old.prim_path.index("/W/A/Tank"), new.prim_path.index("/W/A/Tank")
    np.testing.assert_allclose(a.spread[i], b.spread[j], rtol=1e-4)
    np.testing.assert_allclose([a.area[i], a.volume[i]], [b.area[j], b.volume[j]], rtol=1e-4)


def test_a_part_without_surfaces_goes_where_its_neighbours_went(scene_of: Load) -> None:
    bare = '\ndef Xform "Probe"\n{\n}\n'
    parts = [Part(f"/W/Skid/P{i}", (1, 1 + 0.1 * i, 1), (3.0 * i, 0, 0)) for i in range(3)]
    old = scene_of(usd(parts).replace('def Xform "Skid"\n{', f'def Xform "Skid"\n{{{bare}'))
    after = [Part(f"/W/Unit/P{i}", p.size, p.at) for i, p in enumerate(parts)]
    new = scene_of(usd(after).replace('def Xform "Unit"\n{', f'def Xform "Unit"\n{{{bare}'))
    matches = found(old, new, ["/W/Skid/Probe", *(p.path for p in parts)])
    assert matches["/W/Skid/Probe"].new == "/W/Unit/Probe"


def test_what_a_layer_keeps_of_a_part_is_read_back_and_nonsense_is_not(scene_of: Load) -> None:
    parts = likeness.likeness(scene_of(usd([Part("/W/A/Tank", (1, 2, 3), (5, 0, 0), 0.3)])))
    texts = (likeness.text_of(parts, 2), "Mesh 1 2", "", "Mesh a b c d e f g h i j k", "Mesh " + "nan " * 11)
    back, rows = likeness.read(texts)
    assert rows.tolist() == [0]
    np.testing.assert_allclose(back.place[0], parts.place[2], rtol=1e-6)
    assert back.type_name == ("Mesh",)


def test_points_are_paired_across_the_borders_of_cells() -> None:
    rng = np.random.default_rng(4)
    a = rng.uniform(-1, 1, (400, 3))
    b = a + rng.uniform(-1e-3, 1e-3, a.shape)
    left, right = rematch.pairs(a, b, 1e-3)
    near = (np.abs(a[:, None] - b[None]) <= 1e-3).all(axis=2)
    assert sorted(zip(left.tolist(), right.tolist(), strict=True)) == [
        tuple(p) for p in np.argwhere(near).tolist()
    ]


def test_paths_that_agree_lead_where_nothing_else_is_known(scene_of: Load) -> None:
    """A layer of before parts were remembered: only names are left."""
    parts = [Part(f"/W/Hall/P{i}", (1, 1, 1), (3.0 * i, 0, 0)) for i in range(4)]
    new = scene_of(usd([Part(p.path.replace("Hall", "House"), p.size, p.at) for p in parts]))
    nothing, rows = likeness.read(())
    paths = [*(p.path for p in parts), "/W/Hall/Other"]
    matches = rematch.rematch(paths, nothing, rows, new.prim_path, likeness.likeness(new))
    assert [m.new for m in matches] == [*(p.path.replace("Hall", "House") for p in parts), ""]
    assert all(m.confidence >= rematch.SURE for m in matches[:4])
    alone = rematch.rematch(paths[:1], nothing, rows, new.prim_path, likeness.likeness(new))
    assert alone[0].confidence < rematch.SURE
