"""Messages of one link → samples: by channel to its routes, by decoder to values.

Built in: `raw` (one bare value), `json` (paths into a document), `auto` (by what the sender says, by path,
else by first byte). Others come by name as plugins, alone or in chains (`gzip|json`). Payload content never
raises: a message that cannot be read is dropped as `undecodable`, kept in the quarantine list, and its tags
turn BAD|DECODE, so that nobody takes the value before it for the present one. A place that a document does
not have keeps its value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from armillary.api.ports import AnyDecoder, Decoder
from armillary.model.arrays import I8
from armillary.model.link import Route, SubscriptionPlan
from armillary.model.payload import ABSENT, RELATIVE_NS, Several, Undecodable
from armillary.model.sample import SampleBatch, SampleBuilder, WireBatch, empty_batch, joined
from armillary.telemetry import aside, tables
from armillary.telemetry.chain import guesses
from armillary.telemetry.devices import Devices
from armillary.telemetry.heap import Found, Heap
from armillary.telemetry.parts import LOOP, PLUGIN, TABLE, ByTopic, ChannelPlan, Part, channel_plans
from armillary.telemetry.payload import UNREADABLE, converted, epoch_unit, is_suspect, parsed_number, scalar
from armillary.telemetry.quarantine import KEPT_BYTES, Quarantine, payload_of
from armillary.telemetry.reasons import CONFLICT, conflict, explained
from armillary.telemetry.tap import Tap
from armillary.telemetry.together import UNCHECKED, Together, merged


@dataclass(slots=True, kw_only=True)
class Decoded:
    """Samples of some messages; messages = len of the batches = done + the sum of dropped."""

    samples: SampleBatch
    messages: int
    dropped: dict[str, int] = field(default_factory=dict)


class Decoding:
    """Decodes the messages of one link. Keeps what it learns of channels between calls."""

    def __init__(self, plan: SubscriptionPlan, decoders: Mapping[str, AnyDecoder] | None = None) -> None:
        self._decoders = decoders or {}
        by_channel, self.problems = channel_plans(plan.routes, self._decoders)
        self._by_topic = ByTopic(by_channel)
        self._channels: tuple[str, ...] = ()
        self._plans: list[ChannelPlan | None] = []
        self._how: I8 = np.zeros(0, np.int64)  # by channel: LOOP, PLUGIN or TABLE
        self._tables = tables.Tables()
        self._together = Together()
        self.devices = Devices(plan)
        self._unit_of = {route.slot: route.unit for route in plan.routes if route.unit}
        self._told: set[int] = set()  # channels that tell of devices and hold no values
        self._also: list[int] = []  # channels that tell of devices and are tags, too
        self.quarantine = Quarantine(plan.link.name)
        self.tap = Tap(plan.link.name)
        self.time_units: dict[str, str] = {}  # channel -> the unit its first epoch time was taken to be in

    def decode(self, batches: Sequence[WireBatch]) -> Decoded:
        """Return the samples of some batches in order of arrival, before units, ranges and time checks."""
        if not batches:
            return Decoded(samples=empty_batch(), messages=0)
        heap = Heap()
        base = 0
        batches = merged(batches)
        for batch in batches:
            self._learn(batch.channels)
            self.tap.look(batch)
            self._read(batch, base, heap)
            base += len(batch)
        done = base - sum(heap.dropped.values())
        samples = heap.build(batches, self._unit_of)
        if heap.foreign:
            samples = joined([samples, *heap.foreign])
        return Decoded(samples=samples, messages=done, dropped=heap.dropped)

    def slots_of(self, channel: str) -> tuple[int, ...]:
        """Return the slots that a channel feeds."""
        plan = self._by_topic.plan(channel)
        return () if plan is None else tuple(route.slot for route in plan.routes)

    def _learn(self, channels: tuple[str, ...]) -> None:
        """Bring the list of plans in line with a batch's channel table, which only grows in a session."""
        if channels is self._channels:
            return
        known = len(self._channels)
        if channels[:known] != self._channels:
            self._plans.clear()
            self._tables = tables.Tables()
            self._together = Together()
            known = 0
            self._told.clear()
            self._also.clear()
        for number, name in enumerate(channels[known:], known):
            plan = self._by_topic.plan(name)
            self._plans.append(plan)
            if plan is None and self.devices.hears(name):
                self._told.add(number)
            elif plan is not None and self.devices.describes(name):
                self._also.append(number)
            self._together.add(plan)
        new = np.array([LOOP if plan is None else plan.how for plan in self._plans[known:]], np.int64)
        self._how = np.concatenate((self._how[:known], new))
        self._tables.learn(self._plans, known)
        told = self._told
        strangers = [plan is None and n not in told for n, plan in enumerate(self._plans[known:], known)]
        self.tap.learn(strangers, known)
        self._channels = channels

    def _read(self, batch: WireBatch, base: int, heap: Heap) -> None:
        """Decode one batch. The short way is for plain JSON documents with their numbers at plain keys.

        Anything unusual in a message sends that message the long way, which judges each field alone.
        """
        if self._also:
            for row in np.flatnonzero(np.isin(batch.channel, self._also)).tolist():
                self.devices.hear(batch.channels[batch.channel[row]], payload_of(batch, row))
        how = self._how[batch.channel]
        chunks, rows = self._together.read(batch, aside.maybe_json(batch), base)
        heap.chunks += chunks
        if not how.any():
            if len(rows):
                self._one_by_one(batch, base, heap, rows if chunks else None)
            return
        rows = rows[how[rows] == LOOP]
        if len(rows):
            self._one_by_one(batch, base, heap, rows)
        rows = np.flatnonzero(how == TABLE)
        if len(rows):
            made, refused = self._tables.read(batch, rows, self._unit_of)
            heap.foreign.extend(made)
            for row, error in refused.items():
                self.quarantine.put(batch, row, error.reason, error.offset)
            if refused:
                heap.drop("undecodable", len(refused))
        rows = np.flatnonzero(how == PLUGIN)
        for channel in np.unique(batch.channel[rows]).tolist():
            self._by_plugin(batch, rows[batch.channel[rows] == channel], channel, heap)

    def _one_by_one(self, batch: WireBatch, base: int, heap: Heap, rows: I8 | None = None) -> None:
        """Decode messages (all, or some rows) whose decoder takes one at a time."""
        plans, payload = self._plans, batch.payload
        values, slots, times, hits, widths = heap.values, heap.slots, heap.times, heap.hits, heap.widths
        said = aside.decoders(batch)
        filtered = 0
        if rows is None:
            starts = batch.start.tolist()
            cuts = zip(range(len(batch)), batch.channel.tolist(), starts[:-1], starts[1:], strict=True)
        else:
            begins, ends = batch.start[rows].tolist(), batch.start[rows + 1].tolist()
            cuts = zip(rows.tolist(), batch.channel[rows].tolist(), begins, ends, strict=True)
        for row, channel, begin, end in cuts:
            data, plan = payload[begin:end], plans[channel]
            if plan is None:
                if channel in self._told:
                    self.devices.hear(batch.channels[channel], data)
                else:
                    filtered += 1
                continue
            if said is not None and plan.is_auto and said[row]:
                self._long_way(batch, base, row, plan, data, heap, said[row])
                continue
            if (
                plan.is_plain
                and plan.seen
                and (plan.checks_itself or len(data) <= UNCHECKED or not is_suspect(data))
            ):
                try:
                    found = plan.loads(data)
                    if type(found) is Several:
                        self._several(plan, found, base + row, int(batch.arrival_ns[row]), heap)
                        continue
                    got = plan.keys(found)
                    time = None if plan.time is None else plan.time(found)
                except Exception:  # noqa: BLE001  whatever it is, the long way names it
                    self._together.leave(channel)
                    self._long_way(batch, base, row, plan, data, heap)
                    continue
                if plan.width == 1:
                    values.append(got)
                else:
                    values.extend(got)
                slots.extend(plan.slots)
                times.append(time)
                hits.append(base + row)
                widths.append(plan.width)
            else:
                self._long_way(batch, base, row, plan, data, heap)
        if filtered:
            heap.drop("filtered", filtered)

    def _several(self, plan: ChannelPlan, found: Several, at: int, arrival_ns: int, heap: Heap) -> None:
        """Take the documents of one payload the short way, all or none. Raises for what is unusual."""
        keys, time, documents = plan.keys, plan.time, found.documents
        got = [keys(document) for document in documents]
        if time is not None:
            times: list[object] = [time(document) for document in documents]
        else:
            times = [_absolute(own, arrival_ns) for own in found.times] or [None] * len(got)
        if plan.width == 1:
            heap.values.extend(got)
        else:
            for values in got:
                heap.values.extend(values)
        heap.slots.extend(plan.slots * len(got))
        heap.times.extend(times)
        heap.hits.extend([at] * len(got))
        heap.widths.extend([plan.width] * len(got))

    def _long_way(
        self,
        batch: WireBatch,
        base: int,
        row: int,
        plan: ChannelPlan,
        data: bytes,
        heap: Heap,
        said: str = "",
    ) -> None:
        """Decode one message field by field; what cannot be read at all goes to quarantine."""
        parts = self._parts_said(plan, said) if said else plan.parts
        try:
            for part in parts:
                self._part(part, base + row, data, heap, batch, row)
            plan.seen = True
            if plan.is_auto and plan.is_plain and not said:
                self._learn_form(plan, data)
            self._together.learn(plan)
        except Undecodable as error:
            self.quarantine.put(batch, row, error.reason, error.offset)
            heap.drop("undecodable", 1)
            for part in plan.parts:
                unread = [(r.route.slot, float("nan"), UNREADABLE, None, error.reason) for r in part.readers]
                heap.add(base + row, None, unread)

    def _parts_said(self, plan: ChannelPlan, said: str) -> tuple[Part, ...]:
        """Return the parts for what the sender says a payload is; as ever where that tells nothing."""
        if said not in plan.by_content:
            routes = [replace(route, decoder=said) for route in plan.routes]
            plans, problems = channel_plans(routes, self._decoders)
            usable = not problems and len(plans) == 1 and all(p.how == LOOP for p in plans.values())
            plan.by_content[said] = next(iter(plans.values())).parts if usable else plan.parts
        return plan.by_content[said]

    def _learn_form(self, plan: ChannelPlan, data: bytes) -> None:
        """Read the next message of a channel first as this one was; one that differs goes the long way."""
        chain = plan.parts[0].chain
        for name in guesses(data):
            is_wrap, read = chain.guessed.get(name, (True, None))
            if read is not None and not is_wrap:
                plan.loads, plan.checks_itself = read, True
                return
        plan.loads, plan.checks_itself = chain.loads(), chain.checks_itself

    def _part(self, part: Part, at: int, data: bytes, heap: Heap, batch: WireBatch, row: int) -> None:
        """Decode the routes of one part (same decoder, same time path) from one payload."""
        if not part.is_document and part.is_raw(data):
            data = part.chain.unwrapped(data)
            heap.add(at, None, [_bare(data, r.route) for r in part.readers])
            return
        whole = part.chain.document(data)
        channel = batch.channels[batch.channel[row]]
        if isinstance(whole, Several):
            arrival = int(batch.arrival_ns[row])
            times = whole.times or (None,) * len(whole.documents)
            for one, own in zip(whole.documents, times, strict=True):
                own_ns = None if own is None else _absolute(own, arrival)
                self._document(part, at, one, heap, channel, own_ns)
            return
        self._document(part, at, whole, heap, channel, None)

    def _document(self, part: Part, at: int, whole: object, heap: Heap, channel: str, time: object) -> None:
        """Take the values of one document; `time` is its own where its decoder knows it."""
        found: list[Found] = []
        for reader in part.readers:
            route = reader.route
            value = reader.path(whole)
            if value is ABSENT:
                if route.absent == "keep":
                    continue
                value = 0 if route.absent == "zero" else None
            elif reader.is_many and route.kind == "array" and not isinstance(value, list):
                value = [value]
            number, quality, other = converted(value, route.kind, route.states, route.coerce)
            words = explained(value, route.kind) if quality else ""
            if reader.unit is not None and not quality:
                said = reader.unit(whole)
                words = conflict(said, route.unit) if isinstance(said, str) else ""
                quality = CONFLICT if words else 0
            found.append((route.slot, number, quality, other, words))
        if part.time_path is not None:
            own = part.time_path(whole)
            time = time if own is ABSENT else own
            if channel not in self.time_units and isinstance(own, int | float | str):
                self.time_units[channel] = "text" if isinstance(own, str) else epoch_unit(own)
        heap.add(at, time, found)

    def _by_plugin(self, batch: WireBatch, rows: I8, channel: int, heap: Heap) -> None:
        """Decode the rows of one channel by its plugin; a plugin that raises rejects them all."""
        plan = self._plans[channel]
        if plan is None or plan.chain is None or not isinstance(plan.chain.last, Decoder):
            return
        refused: dict[int, Undecodable] = {}
        if plan.chain.wraps:
            batch, refused = tables.unwrapped(batch, rows, plan.chain)
            rows = np.array([row for row in rows.tolist() if row not in refused], np.int64)
        builder = SampleBuilder(batch)
        try:
            plan.chain.last.decode(batch, rows, plan.routes, builder)
            aside.fill(builder, batch)
        except Exception as error:  # noqa: BLE001  a stranger's code may raise anything; the rows say so
            builder = SampleBuilder(batch)
            for row in rows.tolist():
                builder.reject(row, f"the decoder failed: {type(error).__name__}: {error}")
        for row, why in refused.items():
            builder.reject(row, why.reason, why.offset)
        for row, reason in builder.rejected.items():
            self.quarantine.put(batch, row, reason, builder.offsets.get(row, 0))
            for route in plan.routes:
                builder.why[len(builder.row)] = reason
                builder.add(row, route.slot, float("nan"), 0, UNREADABLE)
        if builder.rejected:
            heap.drop("undecodable", len(builder.rejected))
        made = builder.build()
        heap.foreign.append(
            aside.with_units(made, np.array(builder.row, np.int64), aside.units([batch]), self._unit_of)
        )


def _bare(data: bytes, route: Route) -> Found:
    number, quality, text = scalar(data, route.kind, route.states)
    shown = data[:KEPT_BYTES].decode("utf-8", "replace").strip()
    spelled = parsed_number(shown) if quality else None
    why = explained(shown if spelled is None else spelled, route.kind) if quality else ""
    return route.slot, number, quality, text, why


def _absolute(own_ns: int, arrival_ns: int) -> int | None:
    """Return a time of `Several` in ns since 1970, None for the arrival."""
    if not own_ns:
        return None
    return own_ns if own_ns >= RELATIVE_NS else arrival_ns + own_ns
