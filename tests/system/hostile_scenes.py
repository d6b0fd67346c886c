"""Scenes made to break a reader, written into a folder of a test: one function for each class of them."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from pxr import Sdf, Usd, UsdGeom, Vt

HEAD = '#usda 1.0\n(\n    upAxis = "Z"\n    metersPerUnit = 1\n)\n'
FINE = 'def Cube "Fine"\n{\n}\n'
_REFERS = 'def "A" (\n    references = @{}@\n)\n{{\n}}\n'
_PLACED = (
    'def Cube "Bad"\n{{\n    double3 xformOp:translate = ({0}, 0, 0)\n'
    '    uniform token[] xformOpOrder = ["xformOp:translate"]\n}}\n'
)


def bomb(arc: str, levels: int = 10, each: int = 10, leaf: str = "", more: str = "") -> str:
    """Return levels of prims that each refer `each` times to the level below: each^levels prims."""
    out = []
    for level in range(levels):
        below = "".join(f'def "c{i}" (\n {more}{arc} = </L{level + 1}>\n)\n{{\n}}\n' for i in range(each))
        out.append(f'def "L{level}"\n{{\n{below}}}\n')
    return HEAD + "".join(out) + f'def "L{levels}"\n{{\n{leaf}}}\n'


def instancer_bomb(levels: int = 5, each: int = 100) -> str:
    """Return point instancers of point instancers: each^levels copies of one cube."""
    inner = 'def Cube "P"\n{\n}\n'
    spots = ", ".join(f"({i}, 0, 0)" for i in range(each))
    zeros = ", ".join("0" for _ in range(each))
    for level in range(levels):
        inner = (
            f'def PointInstancer "P{level if level + 1 < levels else ""}"\n{{\n'
            f"    rel prototypes = <P{level - 1 if level else ''}>\n"
            f"    int[] protoIndices = [{zeros}]\n    point3f[] positions = [{spots}]\n{inner}}}\n"
        )
    return HEAD + inner


def huge_arrays(path: Path, faces: int) -> None:
    """Write a crate of some kB that says much more: the format packs equal numbers."""
    stage = Usd.Stage.CreateNew(str(path))
    made = UsdGeom.Mesh.Define(stage, "/M").GetPrim()
    made.GetAttribute("points").Set(Vt.Vec3fArray([(0, 0, 0), (1, 0, 0), (0, 1, 0)]))
    made.GetAttribute("faceVertexCounts").Set(Vt.IntArray.FromNumpy(np.full(faces, 3, np.int32)))
    made.GetAttribute("faceVertexIndices").Set(Vt.IntArray.FromNumpy(np.zeros(3 * faces, np.int32)))
    stage.GetRootLayer().Save()


def _text(text: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / "scene.usda"
        path.write_text(text)
        return path

    return write


def _crate(folder: Path, text: str = HEAD + FINE) -> Path:
    path = folder / "part.usdc"
    layer = Sdf.Layer.CreateAnonymous("part.usda")
    layer.ImportFromString(text)
    layer.Export(str(path))
    return path


def _refers_to(make: Callable[[Path], str]) -> Callable[[Path], Path]:
    """Write a scene that refers to what `make` puts beside it, and shows a cube of its own."""

    def write(folder: Path) -> Path:
        path = folder / "scene.usda"
        path.write_text(HEAD + _REFERS.format(make(folder)) + FINE)
        return path

    return write


def _zip_bomb(folder: Path) -> Path:
    path = folder / "scene.usdz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("scene.usda", HEAD + "#" * 50_000_000)
    return path


def _truncated(folder: Path) -> str:
    part = _crate(folder)
    part.write_bytes(part.read_bytes()[:-100])
    return "./part.usdc"


def _latin(folder: Path) -> str:
    (folder / "part.usda").write_bytes(HEAD.encode() + 'def "Förderband"\n{\n}\n'.encode("latin-1"))
    return "./part.usda"


def _pipe(folder: Path) -> str:
    os.mkfifo(folder / "pipe.usda")
    return "./pipe.usda"


def _link(folder: Path) -> str:
    outside = folder.parent / "outside"
    outside.mkdir(exist_ok=True)
    (outside / "secret.usda").write_text(HEAD + 'def Cube "Secret"\n{\n}\n')
    (folder / "link.usda").symlink_to(outside / "secret.usda")
    return "./link.usda"


def _absolute(folder: Path) -> str:
    _link(folder)
    return str(folder.parent / "outside" / "secret.usda")


def _empty_part(folder: Path) -> str:
    (folder / "part.usda").write_bytes(b"")
    return "./part.usda"


def _cycle(folder: Path) -> Path:
    (folder / "b.usda").write_text(HEAD + _REFERS.format("./scene.usda"))
    return _refers_to(lambda _f: "./b.usda")(folder)


def _empty(folder: Path) -> Path:
    path = folder / "scene.usda"
    path.write_bytes(b"")
    return path


def _huge(folder: Path) -> Path:
    path = folder / "scene.usdc"
    huge_arrays(path, 110_000_000)
    return path


def _mesh(counts: str, indices: str) -> str:
    return (
        'def Mesh "Bad"\n{\n    point3f[] points = [(0,0,0),(1,0,0),(0,1,0)]\n'
        f"    int[] faceVertexCounts = [{counts}]\n    int[] faceVertexIndices = [{indices}]\n}}\n"
    )


# Name → how it is written; whether the cube beside it is shown; what one of the messages must name.
SCENES: Mapping[str, tuple[Callable[[Path], Path], bool, str]] = {
    "zip bomb": (_zip_bomb, False, "compressed"),
    "reference bomb": (_text(bomb("references")), True, "/L0/c0"),
    "cycle": (_cycle, True, "/A"),
    "truncated crate": (_refers_to(_truncated), True, "part.usdc"),
    "indices out of range": (_text(HEAD + _mesh("3", "0,1,9") + FINE), True, "/Bad"),
    "negative counts": (_text(HEAD + _mesh("-3", "0,1,2") + FINE), True, "/Bad"),
    "NaN": (_text(HEAD + _PLACED.format("nan") + FINE), True, "/Bad"),
    "infinity": (_text(HEAD + _PLACED.format("inf") + FINE), True, "/Bad"),
    "1e308": (_text(HEAD + _PLACED.format("1e308") + FINE), True, "/Bad"),
    "no time codes": (
        _text("#usda 1.0\n(\n    timeCodesPerSecond = 0\n    endTimeCode = 9\n)\n" + FINE),
        True,
        "scene.usda",
    ),
    "empty file": (_empty, False, "empty"),
    "empty part": (_refers_to(_empty_part), True, "part.usda"),
    "not UTF-8": (_refers_to(_latin), True, "UTF-8"),
    "device": (_refers_to(lambda _f: "/dev/zero"), True, "/dev/zero"),
    "pipe": (_refers_to(_pipe), True, "pipe.usda"),
    "link out of the project": (_refers_to(_link), True, "link.usda"),
    "network": (_refers_to(lambda _f: "http://example.invalid/a.usda"), True, "http://example.invalid"),
    "absolute path": (_refers_to(_absolute), True, "secret.usda"),
}

# What of a scene is shown where that is not /Fine.
REST: Mapping[str, str] = {"reference bomb": "/L10"}
