"""Pictures one after another as a film: Ogg Theora by VTK; GIF, animated PNG and WebP by Pillow."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from PIL import Image
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkIOOggTheora import vtkOggTheoraWriter

from armillary.model.arrays import U1

FILMS = (".ogv", ".gif", ".webp", ".apng")
FPS = 24
_MS = 1000
_QUALITY = 2  # of 0 to 2
_WEBP_QUALITY = 80


class Film:
    """Takes pictures of one size with `add`; `close` makes the file, `drop` leaves none. Raises OSError."""

    def __init__(self, path: Path, fps: int = FPS) -> None:
        self._path, self._fps = path, fps
        self._part = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
        self._kept: list[Image.Image] = []
        self._theora: vtkOggTheoraWriter | None = None
        self.pictures = 0

    def add(self, rgba: U1) -> None:
        """Take the next picture, (h, w, 4) with the top row first."""
        self.pictures += 1
        if self._path.suffix.lower() == ".ogv":
            self._encode(rgba)
            return
        picture = Image.fromarray(np.ascontiguousarray(rgba[..., :3]))
        if self._path.suffix.lower() == ".gif":
            picture = picture.quantize(256)
        self._kept.append(picture)

    def _encode(self, rgba: U1) -> None:
        # Theora wants even sides; VTK has the bottom row first
        height, width = (side - side % 2 for side in rgba.shape[:2])
        rows = np.ascontiguousarray(rgba[:height, :width, :3][::-1]).reshape(-1, 3)
        data = vtkImageData()
        data.SetDimensions(width, height, 1)
        scalars = numpy_to_vtk(rows, deep=True)  # type: ignore[no-untyped-call]
        data.GetPointData().SetScalars(scalars)
        if self._theora is None:
            self._part.touch()  # says why a folder cannot be written to; VTK only fails
            self._theora = vtkOggTheoraWriter()
            self._theora.SetFileName(str(self._part))
            self._theora.SetQuality(_QUALITY)
            self._theora.SetRate(self._fps)
            self._theora.SetInputData(data)
            self._theora.Start()
        self._theora.SetInputData(data)
        self._theora.Write()

    def close(self) -> None:
        """Finish the file; nothing is written of a film without pictures."""
        if not self.pictures:
            return
        try:
            if self._theora is not None:
                self._theora.End()
                self._theora = None
            else:
                self._save()
            os.replace(self._part, self._path)
        finally:
            self.drop()

    def _save(self) -> None:
        first, *others = self._kept
        kind = {".gif": "GIF", ".webp": "WEBP"}.get(self._path.suffix.lower(), "PNG")
        more = {"quality": _WEBP_QUALITY} if kind == "WEBP" else {}
        first.save(
            self._part,
            format=kind,
            save_all=True,
            append_images=others,
            duration=round(_MS / self._fps),
            loop=0,
            **more,
        )

    def drop(self) -> None:
        """Leave nothing of what was begun."""
        if self._theora is not None:
            self._theora.End()
            self._theora = None
        self._kept.clear()
        self._part.unlink(missing_ok=True)
