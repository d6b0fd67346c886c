"""Colours of the picture, by theme, and the codes of outlines; the palette is computed in operations 2.4."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from armillary.model.arrays import U1
from armillary.model.quality import BAD, NEVER, STALE, UNCERTAIN

Rgb = tuple[int, int, int]

# Codes of the outline plane, in order of precedence: where two meet, the higher one is drawn.
PLAIN, DOTTED, HOLLOW, WRONG = range(4)
ACKED_4, ACKED_3, ACKED_2, ACKED_1 = range(4, 8)  # acknowledged alarms: one pixel wide
ALARM_4, ALARM_3, ALARM_2, ALARM_1, HOVERED, SELECTED = range(8, 14)
ALARMS = (ALARM_4, ALARM_3, ALARM_2, ALARM_1)
ACKED = (ACKED_4, ACKED_3, ACKED_2, ACKED_1)
THIN = (*ACKED, HOVERED)
INK: Rgb = (0x1B, 0x1F, 0x24)  # lies around shapes of alarms in every theme
# by the high nibble of a look's state: priorities 1 to 4, then the same acknowledged
_ALARM_CODES = (PLAIN, ALARM_1, ALARM_2, ALARM_3, ALARM_4, ACKED_1, ACKED_2, ACKED_3, ACKED_4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """The colours of one theme, sRGB."""

    name: str
    ground: Rgb
    grid: Rgb
    grid_axis: Rgb
    panel: Rgb  # plates of labels and legends
    text: Rgb
    muted: Rgb
    equipment: Rgb  # what STALE and BAD parts are painted with
    ink: Rgb  # hatch lines
    hovered: Rgb
    selected: Rgb
    bad: Rgb = (0xE2, 0x4B, 0xBE)
    alarms: tuple[Rgb, Rgb, Rgb, Rgb] = (
        (0xFF, 0x32, 0x58),
        (0xEE, 0x91, 0x00),
        (0xF3, 0xDE, 0x6E),
        (0x25, 0xDB, 0xD2),
    )

    def outlines(self) -> U1:
        """Return the colour of each outline code, shape (14, 3)."""
        one, two, three, four = self.alarms
        rows = (
            self.ground,
            self.muted,
            self.muted,
            self.bad,
            four,
            three,
            two,
            one,
            four,
            three,
            two,
            one,
            self.hovered,
            self.selected,
        )
        return np.array(rows, np.uint8)


DARK = Theme(
    name="dark",
    ground=(0x1B, 0x1F, 0x24),
    grid=(0x2A, 0x30, 0x37),
    grid_axis=(0x3E, 0x46, 0x4F),
    panel=(0x26, 0x2C, 0x33),
    text=(0xE6, 0xE8, 0xEA),
    muted=(0xB8, 0xBE, 0xC4),
    equipment=(0x7A, 0x82, 0x8A),
    ink=(0x1B, 0x1F, 0x24),
    hovered=(0xE6, 0xE8, 0xEA),
    selected=(0x56, 0x92, 0xFF),
)
LIGHT = Theme(
    name="light",
    ground=(0xE6, 0xE8, 0xEA),
    grid=(0xD3, 0xD6, 0xDA),
    grid_axis=(0xB4, 0xBA, 0xC0),
    panel=(0xF4, 0xF5, 0xF6),
    text=(0x1B, 0x1F, 0x24),
    muted=(0x4A, 0x52, 0x5A),
    equipment=(0x9A, 0xA1, 0xA8),
    ink=(0x1B, 0x1F, 0x24),
    hovered=(0x1B, 0x1F, 0x24),
    selected=(0x1F, 0x5F, 0xD0),
)
THEMES = {theme.name: theme for theme in (DARK, LIGHT)}


def _code(state: int) -> int:
    """Return the outline of a state byte: an alarm outranks what the quality asks for."""
    rank, priority = state & 0x0F, state >> 4
    if 0 < priority < len(_ALARM_CODES):
        return _ALARM_CODES[priority]
    return {UNCERTAIN: DOTTED, BAD: WRONG, NEVER: HOLLOW}.get(rank, PLAIN)


# state byte → what the shader needs to know of it
RANK_OF_STATE: U1 = (np.arange(256) & 0x0F).clip(0, NEVER).astype(np.uint8)
CODE_OF_STATE: U1 = np.array([_code(state) for state in range(256)], np.uint8)
PATTERNED = (STALE, BAD)  # ranks whose colour is taken away
