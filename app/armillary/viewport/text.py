"""Words as pixels: one font, cached, with the signs that units need."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
_SYSTEM = Path("/usr/share/fonts/truetype/dejavu")


def _file(bold: bool) -> Path | None:
    """Return a font with °, ³, µ and ∅: matplotlib, which VTK depends on, brings one; else the system's."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    spec = find_spec("matplotlib")
    folders = [_SYSTEM]
    if spec is not None and spec.origin is not None:
        folders.insert(0, Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf")
    return next((folder / name for folder in folders if (folder / name).exists()), None)


@lru_cache(maxsize=16)
def font(size: int, bold: bool = False) -> Font:
    """Return the font of the picture at a height in pixels."""
    path = _file(bold)
    return ImageFont.truetype(str(path), size) if path is not None else ImageFont.load_default(size)


@lru_cache(maxsize=512)
def width(words: str, size: int, bold: bool = False) -> int:
    """Return how many pixels words are wide."""
    return round(font(size, bold).getlength(words))


def write(
    image: Image.Image,
    at: tuple[float, float],
    words: str,
    colour: tuple[int, int, int],
    size: int,
    *,
    bold: bool = False,
    anchor: str = "lm",
) -> None:
    """Write words into an image; `anchor` as Pillow has it, `lm` being left and middle of the line."""
    ImageDraw.Draw(image).text(at, words, font=font(size, bold), fill=colour, anchor=anchor)
