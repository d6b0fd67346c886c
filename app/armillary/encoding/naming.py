"""What the names of plants say: words, numbers that tell one thing from the next, and what is measured.

Spellings differ from tool to tool (`P-101A`, `pump_101a`, `Pump101A`), what is meant does not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

_BREAKS = re.compile(r"(?<=[a-zà-ÿ])(?=[A-ZÀ-Þ])|(?<=[A-ZÀ-Þ])(?=[A-ZÀ-Þ][a-zà-ÿ])")
_PIECE = re.compile(r"\d+(?:·[A-Za-z])?|[^\W\d_]+")
_LETTER = re.compile(r"(?<=\d)([A-Za-z])(?![A-Za-z\d])|(?<=\d)[\s_.\-]([A-Za-z])$")  # of P-101A, of P-101-A
_NOT_NAME = re.compile(r"[^0-9a-zà-ÿ]+")

# word as plants write it -> the word that is meant
_MEANT = {
    short: whole
    for whole, shorts in {
        "temperature": "temp tmp temper temperatur temperatuur therm thermometer tt tic te ti",
        "pressure": "press prs druck druk pt pic pi pdt dp",
        "level": "lvl lev niveau niv fuellstand lt lic li",
        "flow": "flw flowrate durchfluss debiet ft fic fq fi",
        "speed": "spd rpm velocity drehzahl toerental rotation st",
        "position": "pos posn opening open stroke travel stellung stand slag zt lage",
        "vibration": "vib vibr vt acceleration schwingung trilling",
        "power": "pwr leistung vermogen kw jt",
        "current": "cur curr amps amp strom stroom",
        "voltage": "volt volts spannung spanning",
        "energy": "kwh energie",
        "frequency": "freq hz",
        "weight": "wt mass masse load",
        "humidity": "rh hum humid",
        "torque": "trq drehmoment",
        "angle": "ang heading yaw",
        "state": "stat sts status mode zustand toestand",
        "running": "run runs on betrieb bedrijf",
        "fault": "flt err error trip alarm failure stoerung storing",
        "setpoint": "sp setp sollwert target setpunt",
        "pump": "pmp pu pumpe pomp",
        "valve": "vlv xv hv bv cv fv pv1 ventil klep afsluiter",
        "motor": "mtr mot drive drv antrieb aandrijving",
        "tank": "tk tnk vessel behaelter",
        "bearing": "brg bear lager",
        "conveyor": "conv",
        "exchanger": "hx hex heatexchanger",
        "fan": "blower ventilator luefter",
        "zone": "zn",
        "concentration": "conc konzentration concentratie",
        "winding": "wicklung wikkeling",
        "shell": "mantel",
        "water": "wasser",
        "liquid": "fluessigkeit vloeistof",
        "coupling": "kupplung koppeling",
        "pipe": "leitung leiding rohr rohrleitung",
        "stem": "stange spindel",
        "analyser": "analyzer",
        "overflow": "ueberlauf overloop ovl",
        "line": "ln",
        "discharge": "disch dis pers druckstutzen druckseite",
        "suction": "suct suc saug saugstutzen saugseite zuig",
        "cylinder": "cyl",
        "controller": "ctrl ctl control",
        "sensor": "sens sns",
        "compressor": "compr cmp",
        "agitator": "mixer stirrer agit",
        "robot": "rob",
        "joint": "jnt axis",
        "damper": "dmp klappe",
    }.items()
    for short in shorts.split()
}
MEASURED = frozenset((
    "temperature", "pressure", "level", "flow", "speed", "position", "vibration", "power", "current",
    "voltage", "energy", "frequency", "weight", "humidity", "torque", "angle", "state", "running",
    "fault", "setpoint", "concentration",
))  # fmt: skip
"""Words that say what is measured, and nothing of what it is measured at."""
IMPLIED = {
    "level": ("fluid", "liquid", "water", "content", "contents", "fill", "medium"),
    "speed": ("impeller", "rotor", "shaft", "blade", "blades", "propeller"),
    "position": ("disc", "disk", "lever", "handle", "stem", "flap", "pointer", "handwheel"),
}
"""Parts that a quantity speaks of without naming them: a level is that of the water in the tank."""
FITS = {
    "speed": ("motor", "fan", "conveyor", "pump", "agitator", *IMPLIED["speed"]),
    "level": ("tank", "silo", *IMPLIED["level"]),
    "position": ("valve", "damper", "gate", "door", "cylinder", *IMPLIED["position"]),
    "temperature": ("bearing", "oven", "zone", "winding", "exchanger", "furnace", "burner", "casing"),
    "vibration": ("bearing", "motor", "pump", "gearbox"),
    "flow": ("pipe", "line", "duct", "meter"),
    "pressure": ("discharge", "suction", "vessel", "header"),
    "current": ("motor",),
    "angle": ("joint", "valve", "arm"),
    "power": ("motor", "heater", "panel"),
}
"""Things at which a quantity is usually measured."""
NOISE = frozenset((
    "value", "val", "pv", "act", "actual", "measurement", "measured", "process", "data", "raw", "out",
    "output", "mesh", "geo", "geom", "geometry", "shape", "xform", "grp", "group", "node", "asm",
    "assembly", "body1", "root", "obj", "object", "part", "the", "of", "and", "is",
))  # fmt: skip
# ISA-5.1, table 4.1: what the first letter of an instrument's tag measures
_ISA = {
    "t": "temperature",
    "p": "pressure",
    "l": "level",
    "f": "flow",
    "s": "speed",
    "z": "position",
    "v": "vibration",
    "w": "weight",
    "j": "power",
    "i": "current",
    "e": "voltage",
}
_ISA_TAG = re.compile(r"[a-z](?:[dfqs])?(?:[tei]|i?c|it|ic|ir|ica|ahh?|all?|sh|sl|y)")
_ISA_VALVE = re.compile(r"[xhfltpz]?[cs]?v")
_UNITS = {
    unit: what
    for what, units in {
        "temperature": "°C K °F degC degF degree_Celsius",
        "concentration": "mg/l mg/L g/l g/L ppm ppb mmol/l",
        "pressure": "bar mbar Pa kPa MPa psi bar(g) hPa",
        "flow": "m³/h m3/h m³/s l/s l/min l/h kg/h kg/s t/h Nm³/h",
        "speed": "rpm 1/min min⁻¹ rev/min m/s rad/s",
        "vibration": "mm/s mm/s² m/s² g",
        "power": "W kW MW kVA",
        "current": "A mA",
        "voltage": "V kV mV",
        "energy": "Wh kWh MWh J",
        "frequency": "Hz kHz",
        "weight": "kg t",
        "torque": "Nm N·m",
        "angle": "° deg degree rad",
    }.items()
    for unit in units.split()
}
_OF_UNIT: dict[str, tuple[str, ...]] = {
    "%": ("level", "position", "humidity", "power", "speed", "setpoint", "flow")
}
_OF_UNIT |= dict.fromkeys(("m", "mm", "cm"), ("level", "position"))


_FLAT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
# words that others are joined to, as German and Dutch do it: Speisewasser|pumpe, motor|stroom
_JOINED = (  # long ones first
    "temperatuur", "durchfluss", "fuellstand", "temperatur", "ventilator", "behaelter", "toerental",
    "drehzahl", "leistung", "stellung", "wicklung", "antrieb", "leiding", "leitung", "luefter", "debiet",
    "filter", "kelder", "kessel", "klappe", "mantel", "niveau", "stroom", "ventil", "wasser", "druck",
    "ketel", "lager", "motor", "pumpe", "strom", "water", "druk", "klep", "pers", "pomp", "saug", "tank",
    "zuig",
)  # fmt: skip
_LEAST_JOINED = 3  # letters of the other half
_PLURAL = 5  # letters of a word whose last s is left out
_LETTERED = re.compile(r"([^\W\d_]{3,})[_\-]([A-Ha-h])")  # pump_a
_TWIN = re.compile(r"[A-Ha-h]")  # of two or more that are alike
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_SHORTEST = 3  # a word without vowels that is shorter says nothing
_PARTS = (  # of machines, beside the words above
    "wall inlet outlet actuator shell belt guard casing housing impeller rotor shaft gearbox winding flange "
    "seal tubes nozzle filter heater cooler burner cabinet panel drum roller header water fluid jacket"
)


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of a path, `P-101A`: its words as they are meant, its numbers (`101a`), and both together."""

    words: tuple[str, ...]
    numbers: tuple[str, ...]
    keys: tuple[str, ...]  # `p#101a`: the first letter of the word before a number, and the number
    plain: str  # letters and digits in lower case
    isa: str = ""  # what an instrument of that letter measures, "" for none

    @property
    def things(self) -> tuple[str, ...]:
        """The words that say what it is, not what is measured."""
        return tuple(word for word in self.words if word not in MEASURED)


_WHOLE_WORDS = frozenset((*_MEANT.values(), *_PARTS.split(), *NOISE))
_BONES = tuple(
    (word[:1] + "".join(c for c in word[1:] if c not in "aeiouy"), word)
    for word in sorted({*_MEANT.values(), *_PARTS.split()})
)


@lru_cache(maxsize=65_536)
def segment(text: str) -> Segment:
    """Return what a part of a path says."""
    words: list[str] = []
    numbers: list[str] = []
    keys: list[str] = []
    isa, before = "", ""
    for each in _PIECE.finditer(_BREAKS.sub(" ", _LETTER.sub(r"·\1\2 ", text))):
        piece = each[0].lower().translate(_FLAT)
        if piece[0].isdigit():
            number = piece.replace("·", "").lstrip("0") or "0"  # P-101A and P-101B are two
            numbers.append(number)
            keys += [
                f"{letter}#{number}" for letter in dict.fromkeys((before[:1], _MEANT.get(before, before)[:1]))
            ]
            isa = isa or measured_by(before)
            continue
        before = piece
        if piece not in NOISE:
            words += _meant(piece)
    return Segment(
        tuple(dict.fromkeys(words)),
        tuple(dict.fromkeys(numbers)),
        tuple(dict.fromkeys(keys)),
        _NOT_NAME.sub("", text.lower()),
        isa,
    )


def _meant(piece: str) -> tuple[str, ...]:
    """Return the words that a piece means: one, or the two of a word that is joined of them."""
    if piece in _MEANT:
        return (_MEANT[piece],)
    if piece in _WHOLE_WORDS:
        return (piece,)
    if len(piece) >= _PLURAL and piece.endswith("s") and piece[-2] not in "aiousy":
        return (_MEANT.get(piece[:-1], piece[:-1]),)
    for word in _JOINED:
        rest = len(piece) - len(word)
        if rest < _LEAST_JOINED:
            continue
        if piece.endswith(word):
            first = piece[:rest]
            return (_MEANT.get(first, first), _MEANT.get(word, word))
        if piece.startswith(word) and piece[len(word) :] in _MEANT:
            return (_MEANT.get(word, word), _MEANT[piece[len(word) :]])
    return (_hurried(piece),)


def _hurried(word: str) -> str:
    """Return the known word that is written without its vowels, `brng`, else the word itself."""
    if len(word) < _SHORTEST or _bones(word) != word:
        return word
    return min((w for bones, w in _BONES if bones.startswith(word)), key=len, default=word)


def _bones(word: str) -> str:
    return word[:1] + "".join(c for c in word[1:] if c not in "aeiouy")


def spoken(path: tuple[str, ...]) -> tuple[str, ...]:
    """Return a path without groups that say only that values are in them: `status`, `data`."""
    return tuple(
        text
        for i, text in enumerate(path)
        if i in (0, len(path) - 1) or (said := segment(text)).things or said.numbers
    )


def whole(path: tuple[str, ...]) -> tuple[Segment, ...]:
    """Return what a path says. A number that is a segment by itself belongs to the word before it.

    So does a letter that is one, with the number above it: of `DS-201/pump/a` the pump is `P-201A`.
    """
    out: list[Segment] = []
    digits = ""
    for text in path:
        each = segment(text)
        if digits and (two := _LETTERED.fullmatch(text)) and not each.numbers:
            called, number = segment(two[1]).words[-1:] or (two[1].lower(),), f"{digits}{two[2].lower()}"
            each = Segment(called, (number,), (f"{called[0][:1]}#{number}",), each.plain, each.isa)
        if digits and _TWIN.fullmatch(text) and out and out[-1].words and not out[-1].numbers:
            word, number = out[-1].words[-1], f"{digits}{text.lower()}"
            each = Segment((word,), (number,), (f"{word[:1]}#{number}",), f"{out[-1].plain}{text.lower()}")
        digits = next((n.rstrip(_LETTERS) for n in reversed(each.numbers)), digits)
        if out and each.numbers and not each.words and out[-1].words:
            word = out[-1].words[-1]
            keys = tuple(f"{word[:1]}{key}" if key.startswith("#") else key for key in each.keys)
            each = replace(each, words=(word,), keys=keys, plain=out[-1].plain + each.plain)
        out.append(each)
    return tuple(out)


def model_word(model: str) -> str:
    """Return the word of a model's name that says what it is: `dtmi:acme:Pump;1` → pump."""
    return next(iter(segment(re.split(r"[:/#]", model.partition(";")[0])[-1]).words[::-1]), "")


def measured_by(letters: str) -> str:
    """Return what an instrument with these letters of ISA-5.1 measures: `tt` temperature, `xv` a valve."""
    if _ISA_VALVE.fullmatch(letters) and len(letters) > 1:
        return "position"
    if len(letters) > 1 and _ISA_TAG.fullmatch(letters):
        return _ISA.get(letters[0], "")
    return ""


def quantity(segments: tuple[Segment, ...], unit: str = "") -> str:
    """Return what is measured: of the unit, else of the last word that says so, else of ISA letters."""
    if segments and "setpoint" in segments[-1].words:
        return "setpoint"  # what is wanted, not what is
    if what := _UNITS.get(unit):
        return what
    named = next((w for s in reversed(segments) for w in reversed(s.words) if w in MEASURED), "")
    isa = next((s.isa for s in reversed(segments) if s.isa), "")
    if unit in _OF_UNIT:
        allowed = _OF_UNIT[unit]
        return named if named in allowed else isa if isa in allowed else named or isa
    return named or isa
