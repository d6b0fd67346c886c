"""A small hand-made plant for tests of the desk: boxes and cylinders under two Xforms, ten tags."""

from __future__ import annotations

import numpy as np

from armillary.model.arrays import F4, I4, frozen
from armillary.model.binding import Binding, MapSpec
from armillary.model.clock import MS_NS, NS
from armillary.model.frame import Frame, WorldKind, empty_frame
from armillary.model.link import LinkState, LinkStatus
from armillary.model.scene import SceneArrays
from armillary.model.tags import TagSpec, TagTable
from armillary.model.twin import TwinInstance

SIDES = 24
PARTS = (  # path, type, centre, size (m)
    ("/Plant", "Xform", None, None),
    ("/Plant/Water", "Xform", None, None),
    ("/Plant/Water/T101", "Cylinder", (-4.0, 0.0, 2.0), (3.0, 3.0, 4.0)),
    ("/Plant/Water/T102", "Cylinder", (0.0, 0.0, 1.5), (2.4, 2.4, 3.0)),
    ("/Plant/Water/Pipe", "Cube", (2.6, 0.0, 0.6), (3.0, 0.3, 0.3)),
    ("/Plant/Pumps", "Xform", None, None),
    ("/Plant/Pumps/P101", "Xform", None, None),
    ("/Plant/Pumps/P101/Motor", "Cube", (5.0, -1.6, 0.6), (1.4, 0.9, 0.9)),
    ("/Plant/Pumps/P101/Bearing", "Cylinder", (6.1, -1.6, 0.6), (0.7, 0.7, 0.7)),
    ("/Plant/Pumps/P102", "Cube", (5.0, 1.6, 0.6), (1.8, 0.9, 0.9)),
    ("/Plant/Floor", "Mesh", (0.5, 0.0, -0.1), (14.0, 7.0, 0.2)),
)
_BOX = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)], np.float64)
_FACES = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))


def _box() -> tuple[F4, F4, I4]:
    point, normal, triangle = [], [], []
    for face in _FACES:
        corners = _BOX[list(face)]
        outward = np.sign(corners.mean(axis=0)) * (np.abs(corners.mean(axis=0)) > 0.4)
        n = len(point) * 4
        point.append(corners)
        normal.append(np.tile(outward, (4, 1)))
        triangle += [(n, n + 1, n + 2), (n, n + 2, n + 3)]
    return (
        np.concatenate(point).astype(np.float32),
        np.concatenate(normal).astype(np.float32),
        np.array(triangle, np.int32),
    )


def _cylinder() -> tuple[F4, F4, I4]:
    a = np.linspace(0, 2 * np.pi, SIDES, endpoint=False)
    ring = np.stack([0.5 * np.cos(a), 0.5 * np.sin(a)], axis=1)
    out = np.stack([np.cos(a), np.sin(a), np.zeros(SIDES)], axis=1)
    low, high = np.full((SIDES, 1), -0.5), np.full((SIDES, 1), 0.5)
    up = np.tile([0.0, 0.0, 1.0], (SIDES, 1))
    point = np.concatenate([np.hstack([ring, low]), np.hstack([ring, high]), np.hstack([ring, high])])
    i = np.arange(SIDES)
    j = (i + 1) % SIDES
    wall = np.concatenate([np.stack([i, j, j + SIDES], 1), np.stack([i, j + SIDES, i + SIDES], 1)])
    lid = np.stack([np.full(SIDES - 2, 2 * SIDES), 2 * SIDES + i[1:-1], 2 * SIDES + i[2:]], 1)
    return (
        point.astype(np.float32),
        np.concatenate([out, out, up]).astype(np.float32),
        np.concatenate([wall, lid]).astype(np.int32),
    )


def scene() -> SceneArrays:
    """Return the plant's arrays."""
    m = len(PARTS)
    paths = tuple(part[0] for part in PARTS)
    types = tuple(dict.fromkeys(part[1] for part in PARTS))
    matrix = np.tile(np.eye(4), (m, 1, 1))
    points, normals, triangles, prims = [], [], [], []
    box = np.full((m, 6), np.nan, np.float32)
    local = np.full((m, 6), np.nan, np.float32)
    base = 0
    for i, (_path, kind, centre, size) in enumerate(PARTS):
        if centre is None or size is None:
            continue
        matrix[i, :3, :3] = np.diag(size)
        matrix[i, :3, 3] = centre
        p, n, t = _cylinder() if kind == "Cylinder" else _box()
        points.append(p)
        normals.append(n)
        triangles.append(t + base)
        prims.append(np.full(len(p), i, np.uint32))
        base += len(p)
        local[i] = (-0.5, -0.5, -0.5, 0.5, 0.5, 0.5)
        half = np.array(size) / 2
        box[i] = (*(np.array(centre) - half), *(np.array(centre) + half))
    parent = np.array([paths.index(p.rsplit("/", 1)[0]) if p.count("/") > 1 else -1 for p in paths], np.int32)
    for i in range(m - 1, 0, -1):
        up = parent[i]
        box[up, :3] = np.fmin(box[up, :3], box[i, :3])
        box[up, 3:] = np.fmax(box[up, 3:], box[i, 3:])
    for i in range(m):
        if PARTS[i][2] is None:
            local[i] = box[i]
    drawable = np.array([part[2] is not None for part in PARTS])
    rgba = np.tile(np.array([0x7A, 0x82, 0x8A, 255], np.uint8), (m, 1))
    rgba[-1, :3] = 0x58
    zero = np.zeros(m, np.uint8)
    return SceneArrays(
        point=frozen(np.concatenate(points)),
        normal=frozen(np.concatenate(normals)),
        point_prim=frozen(np.concatenate(prims)),
        point_rgba=np.zeros((0, 4), np.uint8),
        triangle=frozen(np.concatenate(triangles)),
        proto=np.array([sum(map(len, triangles))], np.int64),
        instance_prim=np.zeros(0, np.uint32),
        instance_proto=np.zeros(0, np.uint32),
        instance_matrix=np.zeros((0, 4, 4)),
        instance_id=np.zeros(0, np.int64),
        prim_path=paths,
        type_names=types,
        prim_type=np.array([types.index(part[1]) for part in PARTS], np.uint16),
        parent=parent,
        matrix=matrix,
        local_box=local,
        box=box,
        rgba=rgba,
        emissive=np.zeros((m, 3), np.uint8),
        metallic=zero,
        roughness=zero + 200,
        visible=np.ones(m, np.bool_),
        purpose=zero,
        drawable=drawable,
        double_sided=np.ones(m, np.bool_),
        has_point_rgba=np.zeros(m, np.bool_),
        instance_root=np.zeros(m, np.bool_),
        kind=((6, "component"),),
        root=np.eye(4),
        key="hand-made",
    )


def specs() -> tuple[TagSpec, ...]:
    """Return the plant's tags, in slot order."""
    rows = (
        ("T-101.level", "ua", "m", "T-101", False),
        ("T-101.setpoint", "ua", "m", "T-101", True),
        ("T-102.level", "ua", "m", "T-102", False),
        ("P-101.running", "ua", "", "P-101", False),
        ("P-101.bearing.temp", "mqtt", "°C", "P-101", False),
        ("P-101.bearing.vibration", "mqtt", "mm/s", "P-101", False),
        ("P-101.flow", "ua", "m³/h", "P-101", False),
        ("P-102.flow", "ua", "m³/h", "P-102", False),
        ("energy.power", "mqtt", "kW", "", False),
        ("skid.dose", "mqtt", "l/h", "", False),
    )
    return tuple(
        TagSpec(
            slot=i,
            name=name,
            link=link,
            unit=unit,
            twin=twin,
            kind="bool" if name.endswith("running") else "number",
            states=((0.0, "stopped"), (1.0, "running")) if name.endswith("running") else (),
            expected_ms=1000,
            writable=writable,
            write_low=0.0 if writable else float("-inf"),
            write_high=4.0 if writable else float("inf"),
            title="Level setpoint of tank T-101" if writable else "",
        )
        for i, (name, link, unit, twin, writable) in enumerate(rows)
    )


VALUES = (2.41, 2.5, 1.2, 1.0, 71.2, 2.3, 118.4, 0.0, 45.1, 12.5)
TWINS = (
    TwinInstance(id="T-101", model="Tank", prim="/Plant/Water/T101", title="Raw water tank"),
    TwinInstance(id="T-102", model="Tank", prim="/Plant/Water/T102"),
    TwinInstance(id="P-101", model="Pump", prim="/Plant/Pumps/P101", title="Feed pump"),
    TwinInstance(id="P-102", model="Pump", prim="/Plant/Pumps/P102"),
)
BINDINGS = (
    Binding(
        name="heat",
        prim="/Plant/Pumps/P101/Bearing",
        signal="P-101.bearing.temp",
        colormap="heat",
        ends=(20.0, 90.0),
        origin="bindings.usda:/Plant/Pumps/P101/Bearing#heat",
    ),
    Binding(
        name="level",
        prim="/Plant/Water/T101",
        signal="T-101.level",
        colormap="level",
        ends=(0.0, 4.0),
        map=MapSpec(kind="linear"),
        origin="bindings.usda:/Plant/Water/T101#level",
    ),
    Binding(
        name="level",
        prim="/Plant/Water/T102",
        signal="T-102.level",
        colormap="level",
        ends=(0.0, 4.0),
        origin="bindings.usda:/Plant/Water/T102#level",
    ),
)


def links(now_ns: int, mqtt: LinkState = LinkState.UP) -> tuple[LinkStatus, ...]:
    """Return the states of the two links."""
    return (
        LinkStatus(
            name="ua",
            kind="opcua",
            url="opc.tcp://127.0.0.1:4840",
            state=LinkState.UP,
            since_ns=now_ns - 240 * NS,
            delivery="flowing",
            rate_hz=42.0,
            delay_s=0.012,
        ),
        LinkStatus(
            name="mqtt",
            kind="mqtt",
            url="mqtt://127.0.0.1:1883",
            state=mqtt,
            since_ns=now_ns - 12 * NS,
            detail="" if mqtt is LinkState.UP else "The broker closed the connection.",
            next_try_s=0.0 if mqtt is LinkState.UP else 4.0,
            delivery="flowing" if mqtt is LinkState.UP else "silent",
            rate_hz=180.0,
            delay_s=0.004,
        ),
    )


def table(now_ns: int, now_mono_ns: int, qualities: dict[int, int] | None = None) -> TagTable:
    """Return values of all tags that came half a second ago; `qualities` overrides GOOD by slot."""
    out = TagTable(len(VALUES))
    out.value[:] = VALUES
    out.source_ns[:] = out.arrival_ns[:] = now_ns - 500 * MS_NS
    out.arrival_mono_ns[:] = out.alive_mono_ns[:] = now_mono_ns - 500 * MS_NS
    out.quality[:] = 0
    for slot, quality in (qualities or {}).items():
        out.quality[slot] = quality
    return out


def base_frame(seq: int, now_ns: int, now_mono_ns: int, kind: WorldKind = WorldKind.LIVE) -> Frame:
    """Return a frame without rows at a time."""
    import dataclasses

    return dataclasses.replace(
        empty_frame("world-1", kind), seq=seq, first_seq=seq, t_ns=now_ns, tick_mono_ns=now_mono_ns
    )
