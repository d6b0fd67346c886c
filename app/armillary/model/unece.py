"""Engineering units as OPC UA writes them (UNECE Recommendation 20) and as we write them.

UnitId is the ASCII of the code, packed big-endian (OPC 10000-8, 5.6.3.2): `C81` = 4405297 = rad.
"""

from __future__ import annotations

URI = "http://www.opcfoundation.org/UA/units/un/cefact"
CODES = {
    "C81": "rad", "DD": "degree", "MTR": "m", "CMT": "cm", "MMT": "mm", "KMT": "km", "4H": "um",
    "FOT": "ft", "INH": "inch", "MTK": "m²", "MTQ": "m³", "LTR": "l", "MLT": "ml", "CMQ": "cm³",
    "SEC": "s", "C26": "ms", "MIN": "min", "HUR": "h", "DAY": "d", "HTZ": "Hz", "KHZ": "kHz",
    "RPM": "rpm", "2A": "rad/s", "E96": "degree/s", "C97": "1/s", "C94": "1/min",
    "MTS": "m/s", "C16": "mm/s", "KMH": "km/h", "MSK": "m/s²", "C42": "mm/s²",
    "KGM": "kg", "GRM": "g", "TNE": "t", "MGM": "mg", "NEW": "N", "B47": "kN", "NU": "N·m",
    "PAL": "Pa", "KPA": "kPa", "MPA": "MPa", "BAR": "bar", "MBR": "mbar", "PS": "psi",
    "KEL": "K", "CEL": "°C", "FAH": "°F", "WTT": "W", "KWT": "kW", "MAW": "MW",
    "JOU": "J", "KJO": "kJ", "3B": "MJ", "WHR": "Wh", "KWH": "kWh", "MWH": "MWh",
    "AMP": "A", "4K": "mA", "VLT": "V", "2Z": "mV", "KVT": "kV", "OHM": "ohm", "D46": "V·A", "KVA": "kV·A",
    "P1": "%", "59": "ppm", "CDL": "cd", "LUX": "lux", "LUM": "lm",
    "G51": "l/s", "L2": "l/min", "E32": "l/h", "MQH": "m³/h", "MQS": "m³/s",
    "KGS": "kg/s", "E93": "kg/h", "F31": "kg/min", "KMQ": "kg/m³", "GL": "g/l", "M1": "mg/l",
    "D54": "W/m²", "G42": "µS/cm", "2N": "dB",
}  # fmt: skip
_BY_UNIT = {unit: code for code, unit in CODES.items()}
_WORDS = {
    "deg": "degree", "°": "degree", "degrees": "degree", "radian": "rad", "Cel": "°C", "cel": "°C",
    "℃": "°C", "C": "°C", "1/min": "rpm", "r/min": "rpm", "m3/h": "m³/h", "m3": "m³", "m2": "m²",
    "Nm": "N·m", "percent": "%", "uS/cm": "µS/cm", "L/min": "l/min", "L/s": "l/s", "mm/s2": "mm/s²",
    "m/s2": "m/s²", "[psi]": "psi", "degC": "°C", "sec": "s", "VA": "V·A", "kVA": "kV·A",
}  # fmt: skip


def code_of(unit: str) -> str:
    """Return the UNECE code of a unit as we write it, "" where the table has none."""
    return _BY_UNIT.get(unit, "")


def packed(code: str) -> int:
    """Return the UnitId of a code, -1 for none."""
    return int.from_bytes(code.encode("ascii"), "big") if code else -1


def unit_of(unit_id: int, name: str = "") -> str:
    """Return our unit of a UnitId, else of the unit's name as a server shows it, else that name."""
    if 0 < unit_id < 1 << 32:
        code = unit_id.to_bytes(4, "big").lstrip(b"\0").decode("ascii", "replace")
        if code in CODES:
            return CODES[code]
    return spelt(name)


def spelt(name: str) -> str:
    """Return a unit's name in our spelling: that of a common word, else what was said."""
    text = name.strip()
    return _WORDS.get(text, text)
