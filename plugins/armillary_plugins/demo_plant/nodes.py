"""OPC UA's types as the station uses them: node ids, typed values with a time, units."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from typing import Any

from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaprotocol_auto import EUInformation
from asyncua.ua.uatypes import (
    DataValue,
    DateTime,
    Int16,
    Int32,
    LocalizedText,
    NodeId,
    StatusCode,
    String,
    UInt32,
    Variant,
    VariantType,
)

from armillary_plugins.demo_plant.signals import Signal

WAITING = StatusCodes.BadWaitingForInitialData
LAST_KNOWN = StatusCodes.UncertainLastUsableValue
GOOD = StatusCodes.Good
_TYPES = {"number": VariantType.Double, "bool": VariantType.Boolean, "enum": VariantType.Int32}
_UNITS_URI = "http://www.opcfoundation.org/UA/units/un/cefact"
_UNECE = {  # common codes of UNECE Recommendation 20
    "rpm": "RPM", "m/s": "MTS", "l/min": "L2", "kW": "KWT", "N·m": "NU", "s": "SEC",
    "l/s": "G51", "m³/h": "MQH", "m³": "MTQ", "m": "MTR", "bar": "BAR", "°C": "CEL",
    "%": "P1", "A": "AMP", "h": "HUR", "µS/cm": "G42",
}  # fmt: skip


def node_id(name: str, index: int) -> NodeId:
    """Return the id `ns=<index>;s=<name>`."""
    return NodeId(String(name), Int16(index))


def variant(signal: Signal, value: float) -> Variant:
    """Return a value as the node's data type."""
    cast: Callable[[float], Any] = {"bool": bool, "enum": int}.get(signal.kind, float)
    return Variant(cast(value), _TYPES[signal.kind])


def stamped(value: Variant | None, t_ns: int, status: int = GOOD) -> DataValue:
    """Return a value with its status and the plant's time, ns since 1970 UTC."""
    return DataValue(
        value, StatusCode(UInt32(status)), SourceTimestamp=DateTime.fromtimestamp(t_ns / 1e9, UTC)
    )


def unit_of(text: str) -> EUInformation:
    """Return engineering units; the id is the UNECE code packed big-endian, as OPC UA Part 8 says."""
    out = EUInformation()
    out.NamespaceUri = String(_UNITS_URI)
    out.UnitId = Int32(int.from_bytes(_UNECE[text].encode(), "big") if text in _UNECE else -1)
    out.DisplayName = out.Description = LocalizedText(String(text))
    return out
