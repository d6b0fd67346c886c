"""The quality word: u2, low byte the rank, high byte the reasons (OR-ed)."""

from __future__ import annotations

import numpy as np

from armillary.model.arrays import U2, U4

GOOD, SUBSTITUTED, UNCERTAIN, STALE, BAD, NEVER = range(6)  # in order of badness
WORDS = ("GOOD", "SUBSTITUTED", "UNCERTAIN", "STALE", "BAD", "NEVER")

COMM, SENSOR, RANGE, CLOCK = 0x0100, 0x0200, 0x0400, 0x0800
CONFIG, MANUAL, DERIVED, DECODE = 0x1000, 0x2000, 0x4000, 0x8000
REASON_WORDS = ("comm", "sensor", "range", "clock", "config", "manual", "derived", "decode")

RANK_MASK, REASON_MASK = np.uint16(0x00FF), np.uint16(0xFF00)
_REASON_SHIFT = 8

# OPC 10000-4, 7.39: the two top bits are the severity; some codes say more than their severity.
_SEVERITY_SHIFT = np.uint32(30)
_CODE_MASK = np.uint32(0xFFFF0000)
_SEVERITY = np.array([GOOD, UNCERTAIN, BAD, BAD], np.uint16)
_OPCUA_CODES = {
    0x00960000: SUBSTITUTED | MANUAL,  # Good_LocalOverride
    0x40910000: UNCERTAIN | MANUAL,  # Uncertain_SubstituteValue
    0x80310000: BAD | COMM,  # Bad_NoCommunication
    0x80320000: NEVER,  # Bad_WaitingForInitialData
    0x808C0000: BAD | SENSOR,  # Bad_SensorFailure
    0x80340000: BAD | CONFIG,  # Bad_NodeIdUnknown
}


def worst(a: U2, b: U2) -> U2:
    """Combine two quality words: the worse rank, all reasons of both. Shape (n,) each."""
    combined: U2 = np.maximum(a & RANK_MASK, b & RANK_MASK) | ((a | b) & REASON_MASK)
    return combined


def rank(quality: U2) -> U2:
    """Return the rank, 0 (GOOD) to 5 (NEVER), of each word."""
    low: U2 = quality & RANK_MASK
    return low


def word(quality: int) -> str:
    """Return the name of one quality word's rank, as it goes into files and JSON answers."""
    return WORDS[min(int(quality) & 0xFF, NEVER)]


def reasons(quality: int) -> tuple[str, ...]:
    """Return the names of the reason bits of one quality word."""
    high = int(quality) >> _REASON_SHIFT
    return tuple(name for bit, name in enumerate(REASON_WORDS) if high >> bit & 1)


def from_opcua(status: U4) -> U2:
    """Return quality words for OPC UA status codes, shape (n,) (formats: OPC 10000-4 and 10000-8)."""
    out: U2 = _SEVERITY[status >> _SEVERITY_SHIFT].copy()
    code = status & _CODE_MASK
    for value, quality in _OPCUA_CODES.items():
        out[code == np.uint32(value)] = quality
    return out
