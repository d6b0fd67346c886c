"""The past of history bindings, read page by page from a server that keeps one (Part 11)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from asyncua.ua import NodeId
from asyncua.ua.uaerrors import UaStatusCodeError

from armillary.api import OfferLimits, openusd
from armillary_plugins.opcua.lib import ua
from armillary_plugins.opcua.session import Session, refusal

PAGE = 1_000  # values asked for at once
_US = 1_000


async def pasts(
    session: Session, wanted: Sequence[tuple[str, str, NodeId]], limits: OfferLimits, now_ns: int
) -> tuple[tuple[openusd.Past, ...], list[openusd.Trouble]]:
    """Return the good values of (representation, binding, node) in the span of the limits, oldest first."""
    out: list[openusd.Past] = []
    troubles: list[openusd.Trouble] = []
    if limits.history_s <= 0:
        return (), []
    end = datetime.fromtimestamp(now_ns / 1e9, UTC)
    start = end - timedelta(seconds=limits.history_s)
    for owner, binding, node in wanted:
        at = f"{owner}.{binding}"
        try:
            values, more = await _read(session, node, start, end, limits.history)
        except UaStatusCodeError as error:
            what = f"The server gives no history of it: {refusal(error)}."
            troubles.append(openusd.Trouble(where=at, what=what, code="history"))
            continue
        if more:
            what = f"Its history is longer than {limits.history:,} values: cut off."
            troubles.append(openusd.Trouble(where=at, what=what, code="history"))
        times = tuple(t for t, _ in values)
        out.append(openusd.Past(where=owner, binding=binding, t_ns=times, value=tuple(v for _, v in values)))
    return tuple(out), troubles


async def _read(
    session: Session, node: NodeId, start: datetime, end: datetime, most: int
) -> tuple[list[tuple[int, float]], bool]:
    """Return (time, value) of the good values, and whether there were more than `most`."""
    point: bytes | None = None
    found: dict[int, float] = {}
    while True:
        details = ua.ReadRawModifiedDetails(
            IsReadModified=False, StartTime=start, EndTime=end, NumValuesPerNode=PAGE, ReturnBounds=False
        )
        request = ua.HistoryReadParameters(
            HistoryReadDetails=details,
            TimestampsToReturn=ua.TimestampsToReturn.Both,
            ReleaseContinuationPoints=False,
            NodesToRead=[ua.HistoryReadValueId(NodeId=node, ContinuationPoint=point)],
        )
        (result,) = await session.raw.history_read(request)
        result.StatusCode.check()
        rows = getattr(result.HistoryData, "DataValues", None) or ()
        before = len(found)
        found |= dict(pair for pair in map(_pair, rows) if pair is not None)
        again, point = point, result.ContinuationPoint
        if len(found) > most:
            return sorted(found.items())[:most], True
        if (not point and len(rows) < PAGE) or (point and point == again) or len(found) == before:
            return sorted(found.items()), False  # the end, or a server that repeats itself
        if not point:  # a full page and no word of more: some servers cut and do not say so
            start = datetime.fromtimestamp(max(found) / 1e9, UTC)


def _pair(row: Any) -> tuple[int, float] | None:
    stamp = row.SourceTimestamp or row.ServerTimestamp
    value = row.Value.Value if row.Value is not None else None
    is_good = row.StatusCode is None or row.StatusCode.is_good()
    if not is_good or stamp is None or not isinstance(value, int | float):
        return None
    moment = stamp if stamp.tzinfo is not None else stamp.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1e6) * _US, float(value)
