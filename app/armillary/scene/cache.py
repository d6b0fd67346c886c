"""Scenes as files of arrays, named by content and mapped into memory; holds no OpenUSD.

Layout: magic, u8 length and checksum of the header, the header as JSON, then each array on a 64-byte border.
A file is whole or refused: sizes, checksums and every index are looked at before an array is handed out.
"""

from __future__ import annotations

import contextlib
import hashlib
import mmap
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from armillary.model.fault import SceneFault
from armillary.model.scene import (
    TEXTURE_DETAIL,
    TEXTURE_TILED,
    Camera,
    Light,
    SceneArrays,
    SceneProblem,
    VariantSet,
)

MAGIC = b"ARMSCN01"
FORMAT = 9  # raised when the loader makes other arrays of the same files
SUFFIX = ".scene"
ALIGN = 64
MOST_BYTES = 4 << 30  # of all cached scenes; those used longest ago go first
MOST_NOTES = 1_000  # of requests; they are small
_HALF_WRITTEN_NS = 3_600 * 1_000_000_000  # after so long nobody goes on with a file
_HEAD = len(MAGIC) + 16
_MOST_INDEX = 2**31
_CHUNK = 1 << 20

_ARRAYS: dict[str, tuple[str, tuple[int | None, ...]]] = {  # field -> dtype, shape (None = any)
    "point": ("<f4", (None, 3)),
    "normal": ("<f4", (None, 3)),
    "point_prim": ("<u4", (None,)),
    "point_rgba": ("|u1", (None, 4)),
    "triangle": ("<i4", (None, 3)),
    "proto": ("<i8", (None,)),
    "instance_prim": ("<u4", (None,)),
    "instance_proto": ("<u4", (None,)),
    "instance_matrix": ("<f8", (None, 4, 4)),
    "instance_id": ("<i8", (None,)),
    "prim_type": ("<u2", (None,)),
    "parent": ("<i4", (None,)),
    "matrix": ("<f8", (None, 4, 4)),
    "local_box": ("<f4", (None, 6)),
    "box": ("<f8", (None, 6)),
    "rgba": ("|u1", (None, 4)),
    "emissive": ("|u1", (None, 3)),
    "metallic": ("|u1", (None,)),
    "roughness": ("|u1", (None,)),
    "visible": ("|b1", (None,)),
    "purpose": ("|u1", (None,)),
    "drawable": ("|b1", (None,)),
    "double_sided": ("|b1", (None,)),
    "has_point_rgba": ("|b1", (None,)),
    "instance_root": ("|b1", (None,)),
    "root": ("<f8", (4, 4)),
    "point_uv": ("<f4", (None, 3)),
    "point_vertex": ("<i4", (None,)),
    "vertices": ("<i4", (None,)),
    "texture": ("<i4", (None, 4)),
    "texel": ("|u1", (None, 4)),
    "motion_time": ("<f8", (None,)),
    "motion_prim": ("<i8", (None,)),
    "motion_world": ("<f8", (None, None, 4, 4)),
    "motion_row": ("<i8", (None,)),
    "motion_anchor": ("<i8", (None,)),
    "motion_relative": ("<f8", (None, 4, 4)),
    "motion_shown_row": ("<i8", (None,)),
    "motion_shown": ("|b1", (None, None)),
    "bend_time": ("<f8", (None,)),
    "bend_point": ("<i8", (None,)),
    "bend_slot": ("<i8", (None,)),
    "bend_place": ("<f4", (None, None, 3)),
    "bend_normal": ("<f2", (None, None, 3)),
    "bend_reach": ("<f4", (2, None, 3)),
    "bend_instance": ("<i8", (None,)),
    "bend_matrix": ("<f4", (None, None, 3, 4)),
    "tint_time": ("<f8", (None,)),
    "tint_row": ("<i8", (None,)),
    "tint_rgba": ("|u1", (None, None, 4)),
    "camera_time": ("<f8", (None,)),
    "camera_number": ("<i8", (None,)),
    "camera_track": ("<f8", (None, None, 11)),
}
_OTHERS = frozenset(  # arrays that do not have one row a prim
    (
        *("point", "normal", "point_prim", "point_rgba", "triangle", "proto", "root"),
        *("instance_prim", "instance_proto", "instance_matrix", "instance_id"),
        *("point_uv", "texture", "texel", "point_vertex", "vertices"),
        *("motion_time", "motion_prim", "motion_world", "motion_row", "motion_anchor", "motion_relative"),
        *("motion_shown_row", "motion_shown"),
        *("bend_time", "bend_point", "bend_slot", "bend_place", "bend_normal", "bend_reach"),
        *("bend_instance", "bend_matrix", "camera_time", "camera_number", "camera_track"),
        *("tint_time", "tint_row", "tint_rgba"),
    )
)
_PATHS = "prim_path"


def _checksum(data: np.ndarray[Any, np.dtype[np.uint8]]) -> int:
    """Return a sum of the bytes as 64-bit words: as fast as memory; bit rot or a lost block changes it."""
    whole = len(data) // 8 * 8
    total = int(np.add.reduce(data[:whole].view("<u8"), dtype=np.uint64)) if whole else 0
    return (total + int.from_bytes(data[whole:].tobytes(), "little") + len(data)) & 0xFFFF_FFFF_FFFF_FFFF


def write(arrays: SceneArrays, folder: Path) -> Path:
    """Write a scene under its key and return the file. Raises SceneFault when it cannot be written."""
    blobs = {name: np.ascontiguousarray(getattr(arrays, name), dtype) for name, (dtype, _) in _ARRAYS.items()}
    paths = np.frombuffer("\n".join(arrays.prim_path).encode(), np.uint8)
    parts = {**{k: v.reshape(-1).view(np.uint8) for k, v in blobs.items()}, _PATHS: paths}
    table: dict[str, dict[str, Any]] = {}
    offset = 0
    for name, data in parts.items():
        shape = blobs[name].shape if name in blobs else (len(arrays),)
        table[name] = {"at": offset, "bytes": len(data), "shape": shape, "sum": _checksum(data)}
        offset += -(-len(data) // ALIGN) * ALIGN
    header = orjson.dumps({"arrays": table, "rest": _rest(arrays), "key": arrays.key, "format": FORMAT})
    start = -(-(_HEAD + len(header)) // ALIGN) * ALIGN
    path = folder / f"{arrays.key}{SUFFIX}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".", suffix=".part", delete=False) as file:
            try:
                file.write(MAGIC + len(header).to_bytes(8, "little"))
                file.write(_checksum(np.frombuffer(header, np.uint8)).to_bytes(8, "little"))
                file.write(header)
                for name, data in parts.items():
                    file.seek(start + int(table[name]["at"]))
                    file.write(data.data)
                file.truncate(
                    start + offset
                )  # no fsync: what a crash leaves half written is refused and made again
                file.flush()
                Path(file.name).replace(path)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise _unwritable(folder, error) from error
    _prune(folder, path)
    return path


def _rest(arrays: SceneArrays) -> dict[str, Any]:
    """Return the fields that are neither arrays nor paths, as plain data."""
    rest: dict[str, Any] = {}
    for item in fields(SceneArrays):
        if item.name in _ARRAYS or item.name == _PATHS:
            continue
        value = getattr(arrays, item.name)
        rest[item.name] = [asdict(v) for v in value] if item.name in _RECORDS else value
    return rest


_RECORDS: dict[str, type[Camera] | type[Light] | type[VariantSet] | type[SceneProblem]] = {
    "cameras": Camera,
    "lights": Light,
    "variants": VariantSet,
    "problems": SceneProblem,
}


def _refused(path: Path, why: str) -> SceneFault:
    return SceneFault(
        f"The cached scene is not whole: {why}.",
        where=str(path),
        remedy="Open the scene again: it is then made anew.",
    )


def read(path: Path | str, *, indices: bool = True) -> SceneArrays:
    """Return a cached scene; its arrays are views of the file, read-only.

    indices=False leaves out the look at every index, for who does not follow them: it takes half of the time.
    Raises SceneFault when the file is missing, cut short, damaged or of another version.
    """
    path = Path(path)
    try:
        data = np.memmap(path, np.uint8, "r")
    except (OSError, ValueError) as error:
        raise _refused(path, str(error)) from error
    if len(data) < _HEAD or data[: len(MAGIC)].tobytes() != MAGIC:
        raise _refused(path, "it does not begin as one")
    length = int(data[len(MAGIC) :][:8].view("<u8")[0])
    if length > len(data) - _HEAD:
        raise _refused(path, "it is cut short")
    head = np.asarray(data[_HEAD : _HEAD + length])
    if _checksum(head) != int(data[len(MAGIC) + 8 :][:8].view("<u8")[0]):
        raise _refused(path, "its header is damaged")
    header = orjson.loads(head.tobytes())
    if header["format"] != FORMAT:
        raise _refused(path, f"it has format {header['format']}, not {FORMAT}")
    if missing := ({*_ARRAYS, _PATHS} - set(header["arrays"])):
        raise _refused(path, f"it has no {', '.join(sorted(missing))}")
    start = -(-(_HEAD + length) // ALIGN) * ALIGN
    body = np.asarray(data)[start:]
    out: dict[str, Any] = {name: _array(path, body, name, header["arrays"][name]) for name in _ARRAYS}
    paths = _blob(path, body, _PATHS, header["arrays"][_PATHS]).tobytes().decode()
    out[_PATHS] = tuple(paths.split("\n")) if paths else ()
    arrays = SceneArrays(**out, **_restored(header["rest"]))
    if indices:
        _check(path, arrays)
    return arrays


def let_go(arrays: SceneArrays) -> None:
    """Give back the memory of a cached scene: what is looked at again comes from its file.

    For a desk that has drawn it: points, normals and triangles are on the graphics card by then.
    """
    base: Any = arrays.point
    while base is not None and not isinstance(base, mmap.mmap):
        base = getattr(base, "base", None)
    if base is not None and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)


def _blob(path: Path, body: Any, name: str, entry: Mapping[str, Any]) -> Any:
    data = body[entry["at"] : entry["at"] + entry["bytes"]]
    if len(data) != entry["bytes"]:
        raise _refused(path, "it is cut short")
    if _checksum(data) != entry["sum"]:
        raise _refused(path, f"its array '{name}' is damaged")
    return data


def _array(path: Path, body: Any, name: str, entry: Mapping[str, Any]) -> Any:
    dtype, shape = _ARRAYS[name]
    stored = tuple(entry["shape"])
    if len(stored) != len(shape) or any(w not in (None, s) for w, s in zip(shape, stored, strict=True)):
        raise _refused(path, f"its array '{name}' has another shape")
    return _blob(path, body, name, entry).view(dtype).reshape(stored)


def _restored(rest: Mapping[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, value in rest.items():
        if name in _RECORDS:
            made = _RECORDS[name]
            out[name] = tuple(made(**{k: _tuple(v) for k, v in record.items()}) for record in value)
        else:
            out[name] = _tuple(value)
    return out


def _tuple(value: Any) -> Any:
    return tuple(_tuple(v) for v in value) if isinstance(value, list) else value


def _check(path: Path, arrays: SceneArrays) -> None:
    """Refuse arrays that do not fit together: a renderer that follows a wrong index dies."""
    m, p, t = len(arrays), len(arrays.point), len(arrays.triangle)
    k, i = len(arrays.proto) - 1, len(arrays.instance_prim)
    per_prim = [name for name in _ARRAYS if name not in _OTHERS]
    lengths = (
        *((name, m) for name in per_prim),
        *(("normal", p), ("point_prim", p), ("point_rgba", p if len(arrays.point_rgba) else 0)),
        ("point_uv", p if len(arrays.point_uv) else 0),
        ("point_vertex", p if len(arrays.point_vertex) else 0),
        ("vertices", m if len(arrays.point_vertex) else 0),
        *(("motion_world", len(arrays.motion_time)), ("motion_shown", len(arrays.motion_time))),
        *(("motion_anchor", len(arrays.motion_row)), ("motion_relative", len(arrays.motion_row))),
        *(("instance_proto", i), ("instance_matrix", i), ("instance_id", i)),
        *((name, len(arrays.bend_time)) for name in ("bend_place", "bend_normal", "bend_matrix")),
        *(("bend_slot", len(arrays.bend_point)), ("camera_track", len(arrays.camera_time))),
        ("tint_rgba", len(arrays.tint_time)),
    )
    wrong = [name for name, length in lengths if len(getattr(arrays, name)) != length]
    limits = (
        ("triangle", 0, p),
        ("point_prim", 0, m),
        ("proto", 0, t + 1),
        ("instance_prim", 0, m),
        ("instance_proto", 0, max(k, 0)),
        ("parent", -1, m),
        ("prim_type", 0, len(arrays.type_names)),
        ("purpose", 0, 4),
        ("point_vertex", -1, _MOST_INDEX),
        ("vertices", 0, _MOST_INDEX),
        ("motion_prim", 0, m),
        ("motion_row", 0, m),
        ("motion_anchor", 0, len(arrays.motion_prim)),
        ("motion_shown_row", 0, m),
        ("bend_point", 0, p),
        ("bend_slot", 0, arrays.bend_place.shape[1]),
        ("bend_instance", 0, i),
        ("camera_number", 0, len(arrays.cameras)),
        ("tint_row", 0, m),
    )
    for name, low, high in limits:
        values = getattr(arrays, name)
        if values.size and (int(values.min()) < low or int(values.max()) >= high):
            wrong.append(name)
    wide = (
        *(("motion_world", "motion_prim"), ("motion_shown", "motion_shown_row")),
        *(("bend_matrix", "bend_instance"), ("camera_track", "camera_number")),
        ("tint_rgba", "tint_row"),
    )
    if not arrays.bend_normal.shape[1] == arrays.bend_place.shape[1] == arrays.bend_reach.shape[1]:
        wrong.append("bend_normal")
    wrong += [a for a, b in wide if getattr(arrays, a).shape[1] != len(getattr(arrays, b))]
    if not _images_fit(arrays):
        wrong.append("texture")
    if k >= 0 and ((np.diff(arrays.proto) < 0).any() or int(arrays.proto[-1]) != t):
        wrong.append("proto")
    if len(arrays.parent) == m and (arrays.parent >= np.arange(m)).any():
        wrong.append("parent")  # a parent stands before its children, so no walk upwards is endless
    if wrong or k < 0:
        raise _refused(path, f"its arrays do not fit together ({', '.join(wrong) or 'proto'})")


def _images_fit(arrays: SceneArrays) -> bool:
    """Tell whether every image lies within the texels, and every point names one that there is."""
    uv, table = arrays.point_uv, arrays.texture.astype(np.int64)
    if len(uv) and not (np.isfinite(uv).all() and uv[:, 2].min() >= 0 and uv[:, 2].max() <= len(table)):
        return False
    if not len(table):
        return True
    tiled = (table[:, 3] & TEXTURE_TILED) > 0
    size = table[:, 1] * table[:, 2]
    limit = np.where(tiled, len(table), len(arrays.texel))
    behind = np.arange(len(table)) + 1 + np.where(tiled, size, 0)
    if (behind[(table[:, 3] & TEXTURE_DETAIL) > 0] >= len(table)).any():
        return False
    # the halves of an image are together less than half as large again, and each has a texel at least
    return bool((table[:, :3] >= 0).all() and (table[:, 0] + size <= limit).all())


def _prune(folder: Path, keep: Path) -> None:
    """Delete what was used longest ago until the rest has room; another process may delete it too."""
    found = _aged(folder, f"*{SUFFIX}")
    total = sum(size for _, size, _ in found)
    for _, size, path in found:
        if total <= MOST_BYTES:
            break
        if path != keep:
            _delete(path)
            total -= size
    for _, _, path in _aged(folder, "*.files")[:-MOST_NOTES]:
        _delete(path)
    now_ns = max((age for age, _, _ in _aged(folder, keep.name)), default=0)  # it was written just now
    for age_ns, _, path in _aged(folder, ".*.part"):
        if age_ns < now_ns - _HALF_WRITTEN_NS:
            _delete(path)  # whoever wrote it died


def _aged(folder: Path, pattern: str) -> list[tuple[int, int, Path]]:
    """Return (time of last use in ns, bytes, path) of files, the oldest first."""
    found = []
    for path in folder.glob(pattern):
        with contextlib.suppress(OSError):
            status = path.stat()
            found.append((status.st_mtime_ns, status.st_size, path))
    return sorted(found)


def _delete(path: Path) -> None:
    with contextlib.suppress(OSError):  # it may be mapped elsewhere, where that keeps a file: next time
        path.unlink(missing_ok=True)


def digest(path: str | Path) -> str:
    """Return the hash of a file's content; "" for what is no file (a pipe has no end) or cannot be read."""
    state = hashlib.blake2b(digest_size=20)
    try:
        if not Path(path).is_file():
            return ""
        with Path(path).open("rb") as file:
            while chunk := file.read(_CHUNK):
                state.update(chunk)
    except OSError:
        return ""
    return state.hexdigest()


def content_key(request: str, digests: Mapping[str, str]) -> str:
    """Return the name of a scene: a hash of what was asked and of the content of every file it is made of."""
    text = orjson.dumps([FORMAT, request, sorted(digests.items())])
    return hashlib.blake2b(text, digest_size=20).hexdigest()


def remember(folder: Path, request: str, digests: Mapping[str, str]) -> str:
    """Note which files a request is made of and their hashes, and return its key; "" = it does not exist.

    Raises SceneFault when the folder cannot be written.
    """
    note = folder / f"{hashlib.blake2b(request.encode(), digest_size=20).hexdigest()}.files"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".", suffix=".part", delete=False) as file:
            file.write(orjson.dumps({"format": FORMAT, "files": dict(digests)}))
        Path(file.name).replace(note)
    except OSError as error:
        raise _unwritable(folder, error) from error
    return content_key(request, digests)


def files_of(folder: Path, request: str) -> tuple[str, ...]:
    """Return the files that a request was made of when it was noted last, () where nothing is known."""
    note = folder / f"{hashlib.blake2b(request.encode(), digest_size=20).hexdigest()}.files"
    try:
        return tuple(map(str, orjson.loads(note.read_bytes())["files"]))
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def _unwritable(folder: Path, error: OSError) -> SceneFault:
    return SceneFault(
        f"The scene's arrays could not be written: {error.strerror}.",
        where=str(folder),
        remedy="Free some disk space, or make the folder writable.",
    )


def recall(folder: Path, request: str, hashed: Callable[[str], str] = digest) -> Path | None:
    """Return the cached scene of a request when no file of it hashes otherwise now; None = make it."""
    note = folder / f"{hashlib.blake2b(request.encode(), digest_size=20).hexdigest()}.files"
    try:
        stored = orjson.loads(note.read_bytes())
        files = dict(stored["files"]) if stored["format"] == FORMAT else {}
    except (OSError, ValueError, KeyError, TypeError):
        return None
    digests = {name: hashed(name) for name in files}
    if not files or digests != files:
        return None
    path = folder / f"{content_key(request, digests)}{SUFFIX}"
    try:
        os.utime(path)  # used now: others make room first
    except FileNotFoundError:
        return None
    except OSError:
        return path if path.exists() else None  # a folder that is only for reading serves too
    return path
