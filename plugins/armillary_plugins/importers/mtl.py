"""The materials of OBJ: what of an MTL file UsdPreviewSurface can say."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from armillary.api import TreeBuilder, TreeMaterial
from armillary_plugins.importers import files

_MOST_BYTES = 64 << 20
_MAPS = {
    b"map_kd": "colour",
    b"map_ke": "emissive",
    b"norm": "normal",
    b"map_bump": "normal",
    b"bump": "normal",
}


def read(path: Path, libraries: Sequence[str], names: Sequence[str], out: TreeBuilder) -> None:
    """Add the materials that an OBJ file uses, in its order of first use; one that is nowhere is grey."""
    found: dict[str, dict[bytes, bytes]] = {}
    for library in libraries:
        file = files.beside(path, library)
        if file is None or file.stat().st_size > _MOST_BYTES:
            out.drop("material libraries that are not there", library)
            continue
        for name, values in _materials(file.read_bytes()).items():
            found.setdefault(name, values)
    images: dict[str, int] = {}
    for name in names:
        if name not in found:
            out.drop("materials that are described nowhere", name)
        out.add_material(_material(path, name, found.get(name, {}), images, out))


def _materials(data: bytes) -> dict[str, dict[bytes, bytes]]:
    out: dict[str, dict[bytes, bytes]] = {}
    values: dict[bytes, bytes] = {}
    for line in data.splitlines():
        key, _, body = line.strip().partition(b" ")
        if key == b"newmtl":
            values = out.setdefault(body.strip().decode("utf-8", "replace"), {})
        elif key and not key.startswith(b"#"):
            values[key.lower()] = body.strip()
    return out


def _material(
    path: Path, name: str, values: dict[bytes, bytes], images: dict[str, int], out: TreeBuilder
) -> TreeMaterial:
    shown: dict[str, int] = {}
    for key, what in _MAPS.items():
        if key in values and what not in shown:
            shown[what] = _image(path, values[key], images, out)
    for key in sorted(set(values) - set(_MAPS)):
        if key.startswith((b"map_", b"disp", b"decal", b"refl")):
            out.drop(f"textures {key.decode('ascii', 'replace')[:20]}", name)
    opacity = _number(values, b"d", 1.0 - _number(values, b"tr", 0.0))
    shine = _number(values, b"ns", -1.0)
    # the width of Phong's highlight as roughness, after Walter et al.: alpha^2 = 2 / (n + 2)
    rough = (2.0 / (min(shine, 1e6) + 2.0)) ** 0.25 if shine >= 0 else 0.5
    return TreeMaterial(
        name=name,
        colour=_colour(values, b"kd", (0.8, 0.8, 0.8)),
        opacity=opacity,
        metallic=_number(values, b"pm", 0.0),
        roughness=_number(values, b"pr", rough),
        emissive=_colour(values, b"ke", (0.0, 0.0, 0.0)),
        colour_image=shown.get("colour", -1),
        emissive_image=shown.get("emissive", -1),
        normal_image=shown.get("normal", -1),
    )


def _image(path: Path, body: bytes, images: dict[str, int], out: TreeBuilder) -> int:
    """Return our number of a texture; options before its name are passed over."""
    text = body.decode("utf-8", "replace")
    file = files.beside(path, text) or files.beside(path, text.split()[-1] if text.split() else text)
    if file is None:
        out.drop("pictures that are not there", text[:80])
        return -1
    if str(file) not in images:
        made = files.image(file.stem, file.read_bytes())
        if made is None:
            out.drop("pictures that are neither PNG nor JPEG", text[:80])
            return -1
        images[str(file)] = out.add_image(made)
    return images[str(file)]


def _numbers(values: dict[bytes, bytes], key: bytes) -> list[float]:
    try:
        found = [float(word) for word in values.get(key, b"").split()]
    except ValueError:
        return []
    return [min(max(v, 0.0), 1e6) for v in found if math.isfinite(v)]


def _number(values: dict[bytes, bytes], key: bytes, default: float) -> float:
    return next(iter(_numbers(values, key)), default)


def _colour(
    values: dict[bytes, bytes], key: bytes, default: tuple[float, float, float]
) -> tuple[float, float, float]:
    """Return a colour, which MTL gives as it is shown (sRGB)."""
    match _numbers(values, key):
        case [red, green, blue, *_]:
            return files.linear_rgb(red, green, blue)
        case [grey]:
            return files.linear_rgb(grey, grey, grey)
        case _:
            return files.linear_rgb(*default)
