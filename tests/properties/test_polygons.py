import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from armillary.scene.polygons import Mesh, build
from armillary.scene.pool import joined, ranges

finite = st.floats(-1e6, 1e6, width=32)
anything = st.floats(width=32, allow_nan=True, allow_infinity=True)


@st.composite
def meshes(draw) -> Mesh:
    points = draw(st.integers(0, 8))
    counts = draw(st.lists(st.integers(-1, 6), max_size=6))
    corners = draw(st.integers(0, 3)) if draw(st.booleans()) else 0
    total = max(sum(max(c, 0) for c in counts) + corners, 0)
    indices = draw(st.lists(st.integers(-2, 9), min_size=total, max_size=total))
    return Mesh(
        points=draw(hnp.arrays(np.float32, (points, 3), elements=anything)),
        counts=np.array(counts, np.int32),
        indices=np.array(indices, np.int32),
        left_handed=draw(st.booleans()),
        smooth=draw(st.booleans()),
        normals=draw(st.none() | hnp.arrays(np.float32, (draw(st.integers(0, 9)), 3), elements=anything)),
        normals_of=draw(st.sampled_from(["vertex", "faceVarying", "uniform", "constant"])),
        holes=draw(st.none() | hnp.arrays(np.int32, 2, elements=st.integers(-2, 8))),
    )


@settings(deadline=None, max_examples=300)
@given(st.lists(meshes(), max_size=4))
def test_whatever_a_file_holds_the_arrays_are_safe_to_draw(batch) -> None:
    pool, flaws = build(batch)
    assert len(pool) == len(batch)
    for k in range(len(pool)):
        points = pool.point_start[k + 1] - pool.point_start[k]
        triangles = pool.triangle[pool.triangle_start[k] : pool.triangle_start[k + 1]]
        assert triangles.size == 0 or (triangles.min() >= 0 and triangles.max() < points)
    assert np.isfinite(pool.point).all()
    np.testing.assert_allclose(np.linalg.norm(pool.normal.astype(float), axis=1), 1.0, atol=1e-4)
    assert all(0 <= m < len(batch) for m in flaws.broken)


@settings(deadline=None, max_examples=100)
@given(
    st.integers(3, 9),
    st.lists(st.floats(0.2, 3.0), min_size=9, max_size=9),
    st.floats(0, 6.28),
    st.booleans(),
)
def test_a_star_shaped_polygon_keeps_its_area_and_its_side(n, radii, turn, left) -> None:
    angle = turn + np.linspace(0, 2 * np.pi, n, endpoint=False)
    radius = np.array(radii[:n])
    outline = np.stack([radius * np.cos(angle), radius * np.sin(angle), np.zeros(n)], 1)
    x, y = outline[:, 0], outline[:, 1]
    area = abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)
    order = np.arange(n, dtype=np.int32)
    mesh = Mesh(
        points=outline.astype(np.float32),
        counts=np.array([n], np.int32),
        indices=order,
        left_handed=left,
        smooth=False,
    )
    pool, _ = build([mesh])
    a, b, c = (pool.point[pool.triangle[:, k]].astype(float) for k in range(3))
    signed = np.cross(b - a, c - a)[:, 2] / 2
    assert len(pool.triangle) == n - 2
    assert np.isclose(signed.sum(), -area if left else area, rtol=1e-4)
    assert np.isclose(np.abs(signed).sum(), area, rtol=1e-3, atol=1e-4)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 6)), max_size=8))
def test_ranges_are_many_aranges(pairs) -> None:
    first = np.array([p[0] for p in pairs], np.int64)
    length = np.array([p[1] for p in pairs], np.int64)
    expected = [i for f, n in pairs for i in range(f, f + n)]
    assert ranges(first, length).tolist() == expected


@settings(deadline=None, max_examples=100)
@given(st.lists(meshes(), max_size=4), st.integers(0, 4))
def test_a_batch_is_the_same_as_its_parts(batch, cut) -> None:
    whole, _ = build(batch)
    parts = joined([build(batch[:cut])[0], build(batch[cut:])[0]])
    np.testing.assert_array_equal(whole.point, parts.point)
    np.testing.assert_array_equal(whole.triangle, parts.triangle)
    np.testing.assert_allclose(whole.normal, parts.normal, atol=1e-5)
