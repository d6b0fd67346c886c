"""Rows of four numbers on the graphics card, read by row in a shader; only changed rows travel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from vtkmodules.util.vtkConstants import VTK_FLOAT, VTK_UNSIGNED_CHAR
from vtkmodules.vtkRenderingOpenGL2 import vtkOpenGLRenderWindow, vtkShaderProgram, vtkTextureObject

_PARTS = 4


class Table:
    """An array of shape (rows, 4), u1 or f4, and its copy in a texture. Write to `array`, then `touch`."""

    def __init__(self, name: str, rows: int, dtype: type[np.uint8] | type[np.float32]) -> None:
        self.name = name
        self.array: npt.NDArray[np.uint8 | np.float32] = np.zeros((max(rows, 1), _PARTS), dtype)
        self._type = VTK_UNSIGNED_CHAR if dtype is np.uint8 else VTK_FLOAT
        self._texture: vtkTextureObject | None = None
        self._first, self._last = 0, len(self.array)
        self._shift = 0

    @property
    def is_new(self) -> bool:
        """Whether the card has nothing of it yet."""
        return self._texture is None

    def fill(self, rows: npt.NDArray[np.uint8 | np.float32]) -> None:
        """Hold these rows (n, 4) from now on, as they are: for a table that is written once."""
        if len(rows):
            self.array = rows
        self._first, self._last = 0, len(self.array)

    def touch(self, first: int, last: int) -> None:
        """Note that rows first … last - 1 differ from those on the card."""
        self._first, self._last = min(self._first, first), max(self._last, last)

    def upload(self, window: vtkOpenGLRenderWindow) -> int:
        """Send the touched rows and return how many; the window's context must be current."""
        first, last = self._first, self._last
        if last <= first:
            return 0
        if self._texture is None:
            self._create(window)
        else:
            self._texture.UpdateTextureBuffer2DRegion(
                first, last - first, _PARTS, self._type, self.array[first:last]
            )
        self._first, self._last = len(self.array), 0
        return last - first

    def _create(self, window: vtkOpenGLRenderWindow) -> None:
        texture = vtkTextureObject()
        texture.SetContext(window)
        widest = texture.GetMaximumTextureSize(window)
        self._shift = widest.bit_length() - 1  # sizes of textures are powers of two
        rows = len(self.array)
        # VTK cuts the rows into lines of the widest texture and reads the last line whole
        total = rows if rows <= widest else -(-rows // widest) * widest
        data = self.array
        if total > rows:
            data = np.zeros((total, _PARTS), self.array.dtype)
            data[:rows] = self.array
        texture.EmulateTextureBufferWith2DTexturesFromRaw(total, _PARTS, self._type, data)
        texture.SetMinificationFilter(vtkTextureObject.Nearest)
        texture.SetMagnificationFilter(vtkTextureObject.Nearest)
        self._texture = texture

    @property
    def shift(self) -> int:
        """The texture holds 2^shift rows in a line; the same for all tables of a window."""
        return self._shift

    def bind(self, program: vtkShaderProgram) -> None:
        """Make the table readable by a shader program under its name."""
        if self._texture is not None:
            self._texture.Activate()
            program.SetUniformi(self.name, self._texture.GetTextureUnit())

    def unbind(self) -> None:
        """Give the place back that `bind` took: there are some dozens for all tables together."""
        if self._texture is not None:
            self._texture.Deactivate()

    def release(self, window: vtkOpenGLRenderWindow) -> None:
        """Give the memory on the card back; the next upload sends everything again."""
        if self._texture is not None:
            self._texture.Deactivate()
            self._texture.ReleaseGraphicsResources(window)
            self._texture = None
        self._first, self._last = 0, len(self.array)
