import os
import resource
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from armillary.model.fault import SceneFault
from armillary.model.scene import SceneArrays
from armillary.scene import cache

BODY = (
    'def Xform "W" (\n kind = "component"\n variants = {\n  string v = "a"\n }\n'
    ' prepend variantSets = "v"\n)\n{\n'
    ' def Mesh "broken"\n {\n  point3f[] points = [(0,0,0)]\n  int[] faceVertexCounts = [3]\n'
    '  int[] faceVertexIndices = [0, 1, 2]\n }\n def Cube "c"\n {\n }\n def Camera "eye"\n {\n }\n'
    ' variantSet "v" = {\n  "a" {\n  }\n  "b" {\n  }\n }\n}\n'
)


@pytest.fixture
def scene(scene_of) -> SceneArrays:
    return replace(scene_of(BODY), key="0123abcd")


def test_a_scene_comes_back_as_it_was(scene: SceneArrays, tmp_path: Path) -> None:
    path = cache.write(scene, tmp_path)
    assert path.name == "0123abcd.scene"
    back = cache.read(path)
    for item in fields(SceneArrays):
        old, new = getattr(scene, item.name), getattr(back, item.name)
        if isinstance(old, np.ndarray):
            np.testing.assert_array_equal(old, new, item.name)
            assert old.dtype == new.dtype, item.name
            assert not new.flags.writeable, item.name
        else:
            assert old == new, item.name
    assert scene.problems
    assert scene.cameras
    assert scene.variants
    assert scene.kind


def test_an_empty_scene_comes_back_too(scene_of, tmp_path: Path) -> None:
    back = cache.read(cache.write(replace(scene_of(""), key="e"), tmp_path))
    assert back.prim_path == ()
    assert back.proto.tolist() == [0]


def test_every_cut_is_refused(scene: SceneArrays, tmp_path: Path) -> None:
    path = cache.write(scene, tmp_path)
    content = path.read_bytes()
    for length in (0, 5, 30, 200, len(content) // 2, len(content) - 4096):
        path.write_bytes(content[: max(length, 0)])
        with pytest.raises(SceneFault, match="not whole"):
            cache.read(path)


def test_a_flipped_bit_is_refused_wherever_it_is_used(scene: SceneArrays, tmp_path: Path) -> None:
    path = cache.write(scene, tmp_path)
    content = path.read_bytes()
    for at in (0, 9, 17, 40, 600):
        path.write_bytes(content[:at] + bytes([content[at] ^ 0x10]) + content[at + 1 :])
        with pytest.raises(SceneFault):
            cache.read(path)
    point = content.index(np.float32(scene.point[0, 0]).tobytes() + scene.point[0, 1].tobytes(), 600)
    path.write_bytes(content[:point] + b"\xff" + content[point + 1 :])
    with pytest.raises(SceneFault, match="damaged"):
        cache.read(path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("triangle", 1_000_000),
        ("point_prim", 99),
        ("parent", 3),
        ("prim_type", 77),
        ("purpose", 9),
        ("proto", 7),
    ],
)
def test_indices_that_point_nowhere_are_refused(
    scene: SceneArrays, tmp_path: Path, name: str, value: int
) -> None:
    array = getattr(scene, name).copy()
    array.flat[0] = value
    path = cache.write(replace(scene, **{name: array}), tmp_path)
    with pytest.raises(SceneFault, match="do not fit together"):
        cache.read(path)


def test_a_file_of_another_format_is_refused(scene: SceneArrays, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(cache, "FORMAT", cache.FORMAT + 1)
    path = cache.write(scene, tmp_path)
    monkeypatch.undo()
    with pytest.raises(SceneFault, match="format"):
        cache.read(path)


def test_a_file_that_lacks_an_array_is_refused(scene: SceneArrays, tmp_path: Path, monkeypatch) -> None:
    path = cache.write(scene, tmp_path)
    monkeypatch.setitem(cache._ARRAYS, "newer", ("<f8", (None,)))
    with pytest.raises(SceneFault, match="it has no newer"):
        cache.read(path)


def test_a_folder_that_cannot_be_written_is_a_fault_and_leaves_nothing(
    scene: SceneArrays, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("x")
    with pytest.raises(SceneFault, match="could not be written"):
        cache.write(scene, blocked)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "scene.usda"]


def test_a_request_is_remembered_until_one_of_its_files_changes(scene: SceneArrays, tmp_path: Path) -> None:
    layer, missing = tmp_path / "a.usda", tmp_path / "b.usda"
    layer.write_text("one")
    folder = tmp_path / "cache"
    assert cache.recall(folder, "ask") is None
    key = cache.remember(folder, "ask", {str(f): cache.digest(f) for f in (layer, missing)})
    assert cache.recall(folder, "ask") is None
    path = cache.write(replace(scene, key=key), folder)
    assert cache.recall(folder, "ask") == path
    assert cache.recall(folder, "ask otherwise") is None
    missing.write_text("now here")
    assert cache.recall(folder, "ask") is None
    missing.unlink()
    assert cache.recall(folder, "ask") == path
    layer.write_text("two")
    assert cache.recall(folder, "ask") is None


def test_the_oldest_scenes_make_room(scene: SceneArrays, tmp_path: Path, monkeypatch) -> None:
    first = cache.write(scene, tmp_path)
    monkeypatch.setattr(cache, "MOST_BYTES", first.stat().st_size)
    second = cache.write(replace(scene, key="second"), tmp_path)
    assert not first.exists()
    assert second.exists()


def test_a_scene_that_was_used_again_outlives_one_that_was_not(
    scene: SceneArrays, tmp_path: Path, monkeypatch
) -> None:
    layer = tmp_path / "layer.usda"
    layer.write_text("one")
    folder = tmp_path / "cache"
    key = cache.remember(folder, "ask", {str(layer): cache.digest(layer)})
    used = cache.write(replace(scene, key=key), folder)
    unused = cache.write(replace(scene, key="unused"), folder)
    os.utime(used, ns=(1, 1))
    os.utime(unused, ns=(2, 2))
    assert cache.recall(folder, "ask") == used
    monkeypatch.setattr(cache, "MOST_BYTES", 2 * used.stat().st_size + 100)
    cache.write(replace(scene, key="third"), folder)
    assert used.exists()
    assert not unused.exists()


def test_what_a_crash_left_half_written_is_cleared_away_but_not_what_is_being_written(
    scene: SceneArrays, tmp_path: Path
) -> None:
    dead, alive = tmp_path / ".dead.part", tmp_path / ".alive.part"
    dead.write_bytes(b"x" * 1000)
    alive.write_bytes(b"x" * 1000)
    os.utime(dead, ns=(1, 1))
    cache.write(scene, tmp_path)
    assert not dead.exists()
    assert alive.exists()


def test_notes_of_requests_are_bounded(scene: SceneArrays, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(cache, "MOST_NOTES", 3)
    for n in range(6):
        cache.remember(tmp_path, f"ask {n}", {"file": "hash"})
    cache.write(scene, tmp_path)
    assert len(list(tmp_path.glob("*.files"))) == 3


def test_a_scene_that_is_mapped_stays_whole_when_it_is_written_again_or_makes_room(
    scene: SceneArrays, tmp_path: Path, monkeypatch
) -> None:
    first = cache.write(scene, tmp_path)
    held = cache.read(first)
    cache.write(scene, tmp_path)
    monkeypatch.setattr(cache, "MOST_BYTES", 0)
    cache.write(replace(scene, key="other"), tmp_path)
    assert not first.exists()
    np.testing.assert_array_equal(held.point, scene.point)
    np.testing.assert_array_equal(held.triangle, scene.triangle)


def test_many_who_write_and_read_at_once_never_see_half_a_scene(scene: SceneArrays, tmp_path: Path) -> None:
    path = cache.write(scene, tmp_path)

    def work(_: int) -> int:
        cache.write(scene, tmp_path)
        return len(cache.read(path).point)

    with ThreadPoolExecutor(4) as pool:
        seen = list(pool.map(work, range(24)))
    assert set(seen) == {len(scene.point)}
    assert list(tmp_path.glob(".*.part")) == []


def test_a_full_disk_is_a_fault_and_leaves_no_half_of_a_scene(scene: SceneArrays, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, hard))  # the same error as no room: a write is refused
    try:
        with pytest.raises(SceneFault, match="could not be written"):
            cache.write(scene, folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(folder.iterdir()) == []
    assert cache.read(cache.write(scene, folder)).prim_path == scene.prim_path


def test_who_follows_no_index_may_leave_them_but_never_a_wrong_checksum(
    scene: SceneArrays, tmp_path: Path
) -> None:
    triangle = scene.triangle.copy()
    triangle.flat[0] = 1_000_000
    path = cache.write(replace(scene, triangle=triangle), tmp_path)
    assert cache.read(path, indices=False).triangle.flat[0] == 1_000_000
    with pytest.raises(SceneFault, match="do not fit together"):
        cache.read(path)
    content = bytearray(path.read_bytes())
    at = content.rindex(scene.point.tobytes())
    content[at] ^= 1
    path.write_bytes(content)
    with pytest.raises(SceneFault, match="damaged"):
        cache.read(path, indices=False)


def test_a_scene_whose_memory_was_given_back_reads_the_same(scene: SceneArrays, tmp_path: Path) -> None:
    back = cache.read(cache.write(scene, tmp_path))
    cache.let_go(back)
    np.testing.assert_array_equal(back.point, scene.point)
    np.testing.assert_array_equal(back.triangle, scene.triangle)
    cache.let_go(scene)  # of no file: nothing happens
