"""Whether this machine can render, and how; ask in a child, as VTK crashes where OpenGL is missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from vtkmodules.vtkCommonCore import vtkVersion

from armillary.model.arrays import F4
from armillary.model.fault import Fault
from armillary.viewport.picture import Picture

REMEDY = "Install libegl1 and libgl1 (Debian), or a graphics driver with OpenGL 3.2."
_SIDE = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """What renders here."""

    window: str  # "EGL" or "X"
    opengl: str  # version, e.g. "4.5 (Core Profile) Mesa 22.3.6"
    renderer: str  # e.g. "llvmpipe (LLVM 15.0.6, 256 bits)"
    vtk: str
    software: bool  # no graphics card takes part


def probe() -> Rendering:
    """Return what renders here, after drawing the empty ground and looking at its pixels.

    Run it in a child process and read how that ends: without OpenGL libraries the library does not raise,
    it crashes. Raises Fault when the picture is not what was drawn.
    """
    picture = Picture(_SIDE, _SIDE)
    try:
        rgba = picture.render()
        ground = np.array(picture.theme.ground, np.uint8)
        share: F4 = (rgba[..., :3] == ground).all(axis=2).mean(dtype=np.float32)
        drawn = len(np.unique(rgba.reshape(-1, 4), axis=0))
        report = _report(picture.window.ReportCapabilities())
        window = "EGL" if "EGL" in picture.window.GetClassName() else "X"
    finally:
        picture.close()
    renderer = report.get("renderer", "unknown")
    if share == 0 or drawn < 2:  # noqa: PLR2004  ground and grid
        raise Fault("OpenGL is here but gives a wrong picture.", where=renderer, remedy=REMEDY)
    return Rendering(
        window=window,
        opengl=report.get("version", "unknown"),
        renderer=renderer,
        vtk=vtkVersion.GetVTKVersion(),
        software="llvmpipe" in renderer or "softpipe" in renderer or "SWR" in renderer,
    )


def _report(capabilities: str) -> dict[str, str]:
    """Return what VTK's report says on OpenGL: `version`, `renderer`, `vendor`."""
    found: dict[str, str] = {}
    for line in capabilities.splitlines():
        name, _, value = line.partition(":")
        if name.startswith("OpenGL ") and name.endswith(" string"):
            found[name.removeprefix("OpenGL ").removesuffix(" string")] = value.strip()
    return found


def run(_args: Mapping[str, Any], say: Callable[[Mapping[str, object]], None]) -> None:
    """Child entry: probe and say what renders here."""
    say(asdict(probe()))
