"""Icons: our own SVG drawings, tinted with a colour of the theme."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QIcon, QImage, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from armillary.model.link import LinkState
from armillary.model.places import data
from armillary.model.quality import SUBSTITUTED
from armillary.ui.theme import INK, Colours

SIZES = (16, 24, 32)
_TYPES = {
    "Xform": "xform",
    "SkelRoot": "xform",
    "Scope": "scope",
    "": "scope",
    "Mesh": "mesh",
    "Cube": "cube",
    "Sphere": "sphere",
    "Cylinder": "cylinder",
    "Cylinder_1": "cylinder",
    "Cone": "cone",
    "Capsule": "capsule",
    "Capsule_1": "capsule",
    "Plane": "plane",
    "Points": "points",
    "BasisCurves": "curves",
    "NurbsCurves": "curves",
    "PointInstancer": "instancer",
    "Camera": "camera",
    "Material": "material",
    "Shader": "shader",
    "NodeGraph": "shader",
    "GeomSubset": "shader",
}
SUBSTITUTED_PILL = "#9FB3C8"  # blue-grey, ink on it
_QUALITY = ("good", "substituted", "uncertain", "stale", "bad", "never")
_LINKS = {
    LinkState.OFF: ("link-off", "edge"),
    LinkState.RESOLVING: ("link-busy", "muted"),
    LinkState.CONNECTING: ("link-busy", "muted"),
    LinkState.SYNCING: ("link-busy", "muted"),
    LinkState.UP: ("link-up", "edge"),  # grey: a link that works needs no eyes
    LinkState.DEGRADED: ("link-degraded", "priority3"),
    LinkState.BACKOFF: ("link-down", "priority2"),
    LinkState.REFUSED: ("link-refused", "priority1"),
    LinkState.STOPPING: ("link-off", "edge"),
}


@lru_cache(maxsize=256)
def _drawing(name: str) -> str:
    return data(f"assets/icons/{name}.svg").read_text(encoding="utf-8")


@lru_cache(maxsize=1024)
def pixmap(name: str, colour: str, size: int = 16) -> QPixmap:
    """Return a drawing of `assets/icons` as a square pixmap. Raises ProjectFault for an unknown name."""
    renderer = QSvgRenderer(QByteArray(_drawing(name).replace("currentColor", colour).encode()))
    image = QImage(size, size, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    renderer.render(painter, QRectF(0, 0, size, size))
    painter.end()
    return QPixmap.fromImage(image)


@lru_cache(maxsize=512)
def icon(name: str, colour: str, disabled: str = "") -> QIcon:
    """Return a drawing as an icon in three sizes; `disabled` is the colour it has when it cannot be used."""
    out = QIcon()
    for size in SIZES:
        for mode in (QIcon.Mode.Normal, QIcon.Mode.Selected, QIcon.Mode.Active):
            out.addPixmap(pixmap(name, colour, size), mode)
        if disabled:
            out.addPixmap(pixmap(name, disabled, size), QIcon.Mode.Disabled)
    return out


def prim_icon(type_name: str) -> str:
    """Return the drawing for a USD type."""
    if type_name.endswith("Light"):
        return "prim-light"
    return f"prim-{_TYPES.get(type_name, 'other')}"


def quality_icon(rank: int) -> str:
    """Return the drawing for a quality rank."""
    return f"quality-{_QUALITY[min(rank, len(_QUALITY) - 1)]}"


def quality_colour(rank: int, colours: Colours) -> str:
    """Return the colour of a quality mark: grey, except where the source says that it is wrong."""
    return (colours.edge, colours.focus, colours.text, colours.text, colours.bad_text, colours.muted)[
        min(rank, 5)
    ]


@lru_cache(maxsize=64)
def quality_mark(rank: int, colours: Colours) -> QIcon:
    """Return the mark of a quality; what a person entered has a pill, as in the picture."""
    colour = quality_colour(rank, colours)
    if rank != SUBSTITUTED:
        return icon(quality_icon(rank), colour)
    out = QIcon()
    for size in SIZES:
        out.addPixmap(_pill(size))
    return out


def _pill(size: int) -> QPixmap:
    image = QImage(size, size, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(QColor(SUBSTITUTED_PILL))
    painter.setPen(Qt.PenStyle.NoPen)
    around = QRectF(0.5, 0.5, size - 1, size - 1)
    painter.drawRoundedRect(around, size * 0.28, size * 0.28)
    face = QFont(painter.font())
    face.setBold(True)
    face.setPixelSize(round(size * 0.72))
    painter.setFont(face)
    painter.setPen(QColor(INK))
    painter.drawText(around, Qt.AlignmentFlag.AlignCenter, "S")
    painter.end()
    return QPixmap.fromImage(image)


def link_icon(state: LinkState) -> tuple[str, str]:
    """Return the drawing for a link's state and the name of its colour in Colours."""
    return _LINKS[state]


def link_colour(state: LinkState, colours: Colours) -> str:
    """Return the colour of a link's mark; in the light theme ink where a hue alone would not be seen."""
    name = _LINKS[state][1]
    return (
        str(getattr(colours, name)) if colours.name == "dark" or name in {"edge", "muted"} else colours.text
    )


def tinted(colour: str, alpha: int) -> QColor:
    """Return a colour of the theme with an opacity, 0…255."""
    out = QColor(colour)
    out.setAlpha(alpha)
    return out
