"""CPU a change from a publish result's bytes to the state, beside asyncua decoding the same bytes.

The floor is asyncua's own batch decode: no client of this library can do with less. Ours is the same decode
and then all that follows: SampleBatch, inbox, conditions, state, in ticks.
"""

from __future__ import annotations

import gc
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from asyncua import ua as _ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary, struct_to_binary

from armillary.model.link import LinkSpec
from armillary.model.tags import TagSpec, TagTable
from armillary.telemetry.inbox import Inbox
from armillary.telemetry.intake import Intake
from armillary.telemetry.plan import plans
from armillary.twin.state import apply
from armillary_bench import opcua_browse
from armillary_bench.figure import figure, plain
from armillary_plugins.opcua.values import sample_batch, targets

ua: Any = _ua  # Any: asyncua's field annotations accept no plain values

TAGS, CHANGES, RESULTS = 1_000, 500, 60
RESULTS_PER_TICK = 5
ROUNDS = 5
BAR = 1.3
WORK = "every change was applied, and the state holds the last value and source time of every tag"


def measure() -> dict[str, float]:
    """Return µs of CPU a change: decode alone, decode to SampleBatch, decode to state; ratios to the first.

    The best of five rounds, the three ways taking turns. Raises AssertionError when work was left undone.
    """
    messages, last_ns = _messages()
    best = dict.fromkeys(("decode_us", "to_batch_us", "to_state_us"), float("inf"))
    for _ in range(ROUNDS):
        for name, way in (("decode_us", _decode), ("to_batch_us", _to_batch)):
            best[name] = min(best[name], way(messages))
        best["to_state_us"] = min(best["to_state_us"], _to_state(messages, last_ns))
    ratios = {
        "ratio_to_batch": best["to_batch_us"] / best["decode_us"],
        "ratio_to_state": best["to_state_us"] / best["decode_us"],
    }
    return best | ratios


def benches() -> list[dict[str, object]]:
    """Return the figures of an OPC UA change."""
    us = measure()
    floor = us["decode_us"]
    against = "asyncua decoding the same bytes"
    name = "opcua_change_to"
    return [
        figure(
            f"{name}_state",
            us["to_state_us"],
            "µs",
            against=against,
            against_value=floor,
            bar=BAR,
            work=WORK,
        ),
        figure(
            f"{name}_batch",
            us["to_batch_us"],
            "µs",
            against=against,
            against_value=floor,
            bar=BAR,
            work="every result became a batch with its values",
        ),
        plain("opcua_decode", floor, "µs", "every result had its changes"),
        *opcua_browse.benches(),
    ]


def _messages() -> tuple[list[bytes], int]:
    """Return the bytes of publish responses as a server sends them, and the source time of the last."""
    begin, out = datetime.now(UTC).replace(microsecond=0), []
    stamp = begin
    for i in range(RESULTS):
        note = ua.DataChangeNotification()
        stamp = begin + timedelta(milliseconds=i)
        for j in range(CHANGES):
            value = ua.DataValue(
                ua.Variant(_value(i, j), ua.VariantType.Double), SourceTimestamp=stamp, ServerTimestamp=stamp
            )
            handle = (i * CHANGES + j) % TAGS
            note.MonitoredItems.append(ua.MonitoredItemNotification(ClientHandle=handle, Value=value))
        response = ua.PublishResponse()
        response.Parameters.NotificationMessage.NotificationData = [note]
        out.append(bytes(struct_to_binary(response)))
    return out, int(stamp.timestamp()) * 1_000_000_000 + stamp.microsecond * 1_000


def _value(result: int, row: int) -> float:
    return result + row / CHANGES


def _items(message: bytes) -> Any:
    response = struct_from_binary(ua.PublishResponse, Buffer(message))
    return response.Parameters.NotificationMessage.NotificationData[0].MonitoredItems


def _decode(messages: list[bytes]) -> float:
    gc.collect()
    before, seen = time.process_time(), 0
    for message in messages:
        seen += len(_items(message))
    spent = time.process_time() - before
    if seen != RESULTS * CHANGES:
        raise AssertionError(f"{seen} changes were decoded")
    return spent / seen * 1e6


def _to_batch(messages: list[bytes]) -> float:
    to = targets([[i] for i in range(TAGS)], [False] * TAGS, {})
    gc.collect()
    before, total = time.process_time(), 0.0
    for message in messages:
        items = _items(message)
        handles = np.array([item.ClientHandle for item in items], np.int64)
        batch = sample_batch(handles, [item.Value for item in items], to, 1, 1)
        total += float(batch.value.sum())
    spent = time.process_time() - before
    expected = sum(_value(i, j) for i in range(RESULTS) for j in range(CHANGES))
    if not np.isclose(total, expected):
        raise AssertionError(f"the values sum to {total}, not {expected}")
    return spent / (RESULTS * CHANGES) * 1e6


def _to_state(messages: list[bytes], last_ns: int) -> float:
    link = LinkSpec(name="o", kind="opcua", url="opc.tcp://127.0.0.1:4840")
    tags = [TagSpec(slot=i, name=f"t{i}", link="o", address=f"i={i + 1}") for i in range(TAGS)]
    inbox, table = Inbox(["o"]), TagTable(TAGS)
    intake = Intake(plans([link], tags), tags, inbox)
    to = targets([[i] for i in range(TAGS)], [False] * TAGS, {})
    gc.collect()
    before = time.process_time()
    for i, message in enumerate(messages, 1):
        items = _items(message)
        handles = np.array([item.ClientHandle for item in items], np.int64)
        values = [item.Value for item in items]
        inbox.put("o", sample_batch(handles, values, to, time.time_ns(), time.monotonic_ns()))
        if i % RESULTS_PER_TICK == 0:
            batch = intake.take()
            intake.settle(batch, apply(table, batch).outcome)
    spent = time.process_time() - before
    flow = inbox.tally()["o"].samples
    if not flow.balanced or flow.done + flow.coalesced != RESULTS * CHANGES:
        raise AssertionError(f"changes were lost: {flow}")
    rows = [_value(RESULTS - 2 + (i >= CHANGES), i % CHANGES) for i in range(TAGS)]
    if not np.array_equal(table.value, rows) or table.source_ns.max() != last_ns:
        raise AssertionError("the state does not hold the last values sent")
    return spent / (RESULTS * CHANGES) * 1e6


if __name__ == "__main__":
    print(json.dumps({k: round(v, 3) for k, v in measure().items()}, indent=1))
