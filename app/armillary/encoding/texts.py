"""Values as texts: at most four significant digits, always the unit, always the quality."""

from __future__ import annotations

import contextlib
import math

from armillary.model.quality import BAD, NEVER, STALE, SUBSTITUTED, UNCERTAIN, reasons

NO_DATA = "no data yet"
NONE, EMPTY = "—", "∅"  # in place of a bad value, and of one that never came
_MINUS = "−"  # a real minus sign: as wide as a plus, and not taken for a hyphen
_DIGITS = 4
_PLAIN_LOW, _PLAIN_HIGH = 1e-4, 1e6  # outside of these a power of ten reads better
_UTF8, _CUT = 4, 4096  # bytes of the longest character; how much of a payload is kept
_SPACE, _DELETE = 0x20, 0x7F
_BREAKS = dict.fromkeys(map(ord, "\t\r\n"))
_WHY_BAD = {
    "decode": "not a number",
    "sensor": "sensor failure",
    "comm": "no communication",
    "config": "configuration",
    "range": "out of range",
    "clock": "clock",
}


def number(value: float, unit: str = "") -> str:
    """Return a number with at most four significant digits and its unit: `71.2 °C`, `12 040 m`, `–`."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        digits = "∞"
    elif value == 0.0:
        digits = "0"
    elif _PLAIN_LOW <= abs(value) < _PLAIN_HIGH:
        rounded = float(f"{abs(value):.{_DIGITS}g}")
        places = max(0, _DIGITS - 1 - math.floor(math.log10(rounded)))
        digits = f"{rounded:.{places}f}"
        digits = digits.rstrip("0").rstrip(".") if "." in digits else digits
        if rounded >= 10_000:  # noqa: PLR2004  four digits need no group
            digits = f"{rounded:,.0f}".replace(",", "\u2009")
    else:
        mantissa, _, exponent = f"{abs(value):.{_DIGITS - 1}e}".partition("e")
        digits = f"{mantissa.rstrip('0').rstrip('.')}·10^{int(exponent)}"
    sign = _MINUS if value < 0 else ""
    return f"{sign}{digits} {unit}".rstrip() if unit != "%" else f"{sign}{digits} %"


def age(seconds: float) -> str:
    """Return an age as a person says it: `0.4 s`, `12 s`, `4 min`, `3 h`, `2 d`; `–` when negative.

    A whole number of seconds has no decimals.
    """
    if seconds < 0 or math.isnan(seconds):
        return "–"
    if seconds < 10:  # noqa: PLR2004
        return f"{seconds} s" if isinstance(seconds, int) else f"{seconds:.1f} s"
    for limit, size, unit in ((120, 1, "s"), (7_200, 60, "min"), (172_800, 3_600, "h")):
        if seconds < limit:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds // 86_400)} d"


def value(
    x: float,
    unit: str = "",
    quality: int = 0,
    *,
    text: str | None = None,
    state: str | None = None,
    age_s: float = -1.0,
    why: str = "",
) -> str:
    """Return a value with its quality: `71.2 °C`, `71.2 °C ?`, `71.2 °C · 4 min old`, `bad: not a number`.

    `text` is the value of a text tag, `state` the name of an enum's or bool's value; both go before x. `why`
    is what the world says of a value that is not good.
    """
    rank = quality & 0xFF
    if rank >= NEVER:
        return f"no data: {why}" if why else NO_DATA
    if rank == BAD:
        return "bad: " + (why or why_bad(quality, x))
    shown = text if text is not None else state if state is not None else number(x, unit)
    if rank == STALE:
        return f"{shown} · {age(age_s)} old" if age_s >= 0 else f"{shown} · old"
    return f"{shown}{ {SUBSTITUTED: ' S', UNCERTAIN: ' ?'}.get(rank, '') }"


def because(
    quality: int, why: str = "", low: float = -math.inf, high: float = math.inf, unit: str = ""
) -> str:
    """Return why a value is not good, in words: what the world says, else what its reasons do; "" = nothing.

    `low`, `high`: the plausible range of the tag.
    """
    if why:
        return why
    named = reasons(quality)
    if "range" in named and not (math.isinf(low) and math.isinf(high)):
        named = tuple(_outside(low, high, unit) if r == "range" else r for r in named)
    return ", ".join(named)


def _outside(low: float, high: float, unit: str) -> str:
    if math.isinf(low):
        return f"outside plausible range: above {number(high, unit)}"
    if math.isinf(high):
        return f"outside plausible range: below {number(low, unit)}"
    return f"outside plausible range: {number(low)} to {number(high, unit)}"


def cell(told: str, quality: int) -> str:
    """Return a value's text as a table or a faceplate has it: no number where there is none to be read."""
    rank = quality & 0xFF
    return f"{EMPTY} {told}" if rank >= NEVER else f"{NONE} {told}" if rank == BAD else told


def why_bad(quality: int, x: float = float("nan")) -> str:
    """Return the reason of a bad value in words."""
    words = [_WHY_BAD[r] for r in reasons(quality) if r in _WHY_BAD]
    if words:
        return ", ".join(words)
    return "not a number" if math.isnan(x) else "bad at its source"


def decoded(head: bytes) -> str | None:
    """Return the first bytes of a payload as the text that they are, None for what nobody can read.

    A character that was cut in two at the end does not count.
    """
    for lost in range(_UTF8 if len(head) >= _CUT else 1):
        with contextlib.suppress(UnicodeDecodeError):
            text = head[: len(head) - lost].decode()
            return text if text.translate(_BREAKS).isprintable() else None
    return None


def dump(head: bytes, most: int = 256) -> str:
    """Return the first bytes of a payload in lines of 16: offset, hexadecimal, and what is readable."""
    lines = []
    for at in range(0, min(len(head), most), 16):
        piece = head[at : at + 16]
        plain = "".join(chr(b) if _SPACE <= b < _DELETE else "." for b in piece)
        lines.append(f"{at:04x}  {piece.hex(' '):<47}  {plain}")
    return "\n".join(lines)
