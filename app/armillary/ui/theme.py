"""The look of the desk: two palettes after ISA-101, the style sheet made from them, contrast figures.

Grey is normal; a colour means that something needs eyes. Colours of data never come from here: they are
the colour maps of the project.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from string import Template

from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication

from armillary.model.places import data

INK = "#1B1F24"
_FAMILIES = ("Inter", "Noto Sans", "Source Sans 3", "Cantarell", "Ubuntu", "DejaVu Sans")
_MONO = ("JetBrains Mono", "Noto Sans Mono", "Source Code Pro", "DejaVu Sans Mono")
POINT_SIZE = 9.0
_SRGB_KNEE, _SRGB_SLOPE = 0.04045, 12.92  # IEC 61966-2-1
_LUMA = (0.2126, 0.7152, 0.0722)  # WCAG 2.x relative luminance
_FLARE = 0.05
DRESSED = "armillary-theme"


@dataclass(frozen=True, slots=True, kw_only=True)
class Colours:
    """All colours of one theme, `#rrggbb` (operations 2.4: palette, computed)."""

    name: str
    ground: str  # behind everything, and the viewport
    panel: str  # docks and bars
    raised: str  # buttons, headers, cards
    field: str  # what can be typed into
    line: str  # separations: decoration only
    edge: str  # borders of controls: 3:1 on panel
    text: str
    muted: str
    focus: str  # ring, selection mark
    selected: str  # fill behind selected rows: text stays readable on it
    hover: str
    bad: str  # quality BAD: fills, with an ink outline on a light ground
    bad_text: str  # the same hue where it must carry text
    priority1: str
    priority2: str
    priority3: str
    priority4: str
    equipment: str
    replay: str
    whatif: str
    training: str
    on_mode: str  # text on a mode ribbon
    pens: tuple[str, ...]  # trend pens: 3:1 on ground, none of the alarm hues at full chroma


DARK = Colours(
    name="dark",
    ground="#1B1F24",
    panel="#262C33",
    raised="#313840",
    field="#1F242A",
    line="#3A424B",
    edge="#7A828A",
    text="#E6E8EA",
    muted="#B8BEC4",
    focus="#5692FF",
    selected="#2B3F60",
    hover="#343D47",
    bad="#E24BBE",
    bad_text="#F08AD6",
    priority1="#FF3258",
    priority2="#EE9100",
    priority3="#F3DE6E",
    priority4="#25DBD2",
    equipment="#7A828A",
    replay="#25DBD2",
    whatif="#B58CFF",
    training="#9BD15B",
    on_mode=INK,
    pens=("#7FB2E5", "#E0C58A", "#9CCB9A", "#C7A6DB", "#D99C86", "#86C9C4", "#B9BEC4", "#A9B46E"),
)
LIGHT = Colours(
    name="light",
    ground="#E6E8EA",
    panel="#F4F5F6",
    raised="#FFFFFF",
    field="#FFFFFF",
    line="#CDD2D6",
    edge="#7A828A",
    text="#1B1F24",
    muted="#4A525A",
    focus="#1F5FD0",
    selected="#CBDBF6",
    hover="#E4E9EE",
    bad="#E24BBE",
    bad_text="#A01580",
    priority1="#FF3258",
    priority2="#EE9100",
    priority3="#F3DE6E",
    priority4="#25DBD2",
    equipment="#9AA1A8",
    replay="#0B6E6A",
    whatif="#6B3FD4",
    training="#3F6B12",
    on_mode="#FFFFFF",
    pens=("#2A68A8", "#80601A", "#3C7A3A", "#7B4A9A", "#9A4A30", "#1F7A74", "#555D66", "#5F6B1E"),
)
THEMES = {DARK.name: DARK, LIGHT.name: LIGHT}


def luminance(colour: str) -> float:
    """Return the WCAG 2.x relative luminance of `#rrggbb`, 0…1."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / _SRGB_SLOPE if c <= _SRGB_KNEE else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(weight * c for weight, c in zip(_LUMA, linear, strict=True))


def contrast(a: str, b: str) -> float:
    """Return the WCAG contrast ratio of two `#rrggbb` colours, 1…21."""
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + _FLARE) / (low + _FLARE)


def _family(wanted: Sequence[str]) -> str:
    there = set(QFontDatabase.families())
    return next((name for name in wanted if name in there), wanted[-1])


def font(scale: float = 1.0) -> QFont:
    """Return the font of the desk; `scale` 0.8…2.0 (accessibility)."""
    out = QFont(_family(_FAMILIES))
    out.setPointSizeF(POINT_SIZE * scale)
    return out


def mono(scale: float = 1.0) -> QFont:
    """Return the fixed-width font for paths and addresses."""
    out = QFont(_family(_MONO))
    out.setPointSizeF(POINT_SIZE * scale)
    return out


def sheet(colours: Colours, scale: float = 1.0) -> str:
    """Return the style sheet of the whole desk for one theme."""
    table = {key: value for key, value in asdict(colours).items() if isinstance(value, str)}
    sizes = {"small": f"{POINT_SIZE * scale * 0.9:.1f}pt", "body": f"{POINT_SIZE * scale:.1f}pt"}
    sizes["large"] = f"{POINT_SIZE * scale * 1.3:.1f}pt"
    text = data("assets/theme/desk.qss").read_text(encoding="utf-8")
    return Template(text).substitute(table | sizes | {"ink": INK})


def palette(colours: Colours) -> QPalette:
    """Return the same colours as a QPalette, for what a style sheet does not reach."""
    out = QPalette()
    role = QPalette.ColorRole
    for key, colour in (
        (role.Window, colours.panel),
        (role.WindowText, colours.text),
        (role.Base, colours.field),
        (role.AlternateBase, colours.panel),
        (role.Text, colours.text),
        (role.PlaceholderText, colours.muted),
        (role.Button, colours.raised),
        (role.ButtonText, colours.text),
        (role.ToolTipBase, colours.raised),
        (role.ToolTipText, colours.text),
        (role.Highlight, colours.selected),
        (role.HighlightedText, colours.text),
        (role.Link, colours.focus),
        (role.Light, colours.raised),
        (role.Mid, colours.line),
        (role.Dark, colours.ground),
        (role.Shadow, colours.ground),
    ):
        out.setColor(key, QColor(colour))
    for key in (role.Text, role.WindowText, role.ButtonText):
        out.setColor(QPalette.ColorGroup.Disabled, key, QColor(colours.edge))
    return out


def dress(app: QApplication, colours: Colours, scale: float = 1.0) -> None:
    """Put a theme on the application; widgets that paint by hand are told by the window."""
    look = f"{colours.name} {scale:g}"
    if app.property(DRESSED) == look:
        return  # setting a sheet again polishes every widget anew: a second and more
    if app.property(DRESSED) is None:
        app.setStyle("Fusion")
    app.setProperty(DRESSED, look)
    app.setFont(font(scale))
    app.setPalette(palette(colours))
    app.setStyleSheet(sheet(colours, scale))
