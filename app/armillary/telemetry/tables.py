"""Messages of decoders that give columns → samples, as array operations over all channels of one form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from armillary.api.ports import Tabulates
from armillary.model.arrays import F8, I8, U4
from armillary.model.payload import Columns, Undecodable, check_size
from armillary.model.quality import worst
from armillary.model.sample import (
    SOURCE_TIME_ASSUMED,
    SampleBatch,
    WireBatch,
)
from armillary.telemetry import aside
from armillary.telemetry.chain import Chain, word
from armillary.telemetry.parts import TABLE, ChannelPlan, Part
from armillary.telemetry.payload import UNREADABLE, converted
from armillary.telemetry.reasons import explained
from armillary.telemetry.times import column_times

_NUMBERS = frozenset({"number", "bool", "enum"})
_NONE = -1


@dataclass(slots=True)
class _Form:
    """Channels whose messages have the same decoder, time and columns; they differ in their slots only."""

    decoder: Tabulates
    chain: Chain
    time: str
    columns: tuple[str, ...]
    kinds: tuple[str, ...]
    part: Part
    channel: list[int] = field(default_factory=list)
    slots: list[tuple[int, ...]] = field(default_factory=list)
    line: I8 = field(
        default_factory=lambda: np.zeros(0, np.int64)
    )  # channel -> line of `slot`, _NONE for none
    slot: U4 = field(default_factory=lambda: np.zeros((0, 0), np.uint32))

    def settle(self, channels: int) -> None:
        """Make the arrays of what was learnt."""
        self.line = np.full(channels, _NONE, np.int64)
        self.line[self.channel] = np.arange(len(self.channel))
        self.slot = np.array(self.slots, np.uint32)


class Tables:
    """Reads the messages of channels whose decoders tabulate."""

    def __init__(self) -> None:
        self._forms: dict[tuple[object, ...], _Form] = {}

    def learn(self, plans: Sequence[ChannelPlan | None], known: int) -> None:
        """Take up the channels from number `known` on."""
        for channel, plan in enumerate(plans[known:], known):
            for part in plan.parts if plan is not None and plan.how == TABLE else ():
                decoder = part.chain.table
                if decoder is None:
                    continue
                columns = tuple(r.text for r in part.readers)
                kinds = tuple(r.route.kind for r in part.readers)
                states = tuple(r.route.states for r in part.readers)
                key = (part.chain.text, part.time_text, columns, kinds, states)
                form = self._forms.setdefault(
                    key, _Form(decoder, part.chain, part.time_text, columns, kinds, part)
                )
                form.channel.append(channel)
                form.slots.append(tuple(r.route.slot for r in part.readers))
        for form in self._forms.values():
            form.settle(len(plans))

    def read(
        self, batch: WireBatch, rows: I8, units: Mapping[int, str]
    ) -> tuple[list[SampleBatch], dict[int, Undecodable]]:
        """Return the samples of some rows of a batch, and which of the rows could not be read.

        `units`: those that are expected, by slot.
        """
        out: list[SampleBatch] = []
        refused: dict[int, Undecodable] = {}
        tabulated: dict[str, tuple[I8, Columns]] = {}
        channel = batch.channel[rows].astype(np.int64)
        for chain in {form.chain.text: form.chain for form in self._forms.values()}.values():
            own = np.zeros(len(rows), np.bool_)
            for form in self._forms.values():
                if form.chain.text == chain.text:
                    own |= form.line[channel] != _NONE
            mine = rows[own]
            if len(mine):
                got = _tabulated(chain, batch, mine)
                tabulated[chain.text] = mine, got
                refused.update({int(mine[i]): why for i, why in got.refused.items()})
        for form in self._forms.values():
            if form.chain.text in tabulated:
                mine, got = tabulated[form.chain.text]
                at = np.flatnonzero(form.line[batch.channel[mine]] != _NONE)
                if len(at):
                    made = _samples(form, batch, mine, at, got)
                    message = np.repeat(mine[at], len(form.columns))
                    out.append(aside.with_units(made, message, aside.units([batch]), units))
        return out, refused


def _tabulated(chain: Chain, batch: WireBatch, rows: I8) -> Columns:
    """Return the columns of some rows; a decoder that raises refuses them all."""
    decoder = chain.table
    if decoder is None:
        raise TypeError(f"{chain.text} gives no table")
    wrapped: dict[int, Undecodable] = {}
    if chain.wraps:
        batch, wrapped = unwrapped(batch, rows, chain)
    try:
        got = decoder.tabulate(batch.payload, batch.start[rows], batch.start[rows + 1])
    except Exception as error:  # noqa: BLE001  a stranger's code may raise anything; the rows say so
        why = Undecodable(f"the decoder failed: {type(error).__name__}: {error}")
        empty = {name: np.full(len(rows), np.nan) for name in decoder.names}
        return Columns(columns=empty, refused=dict.fromkeys(range(len(rows)), why))
    if not wrapped:
        return got
    refused = {i: wrapped[row] for i, row in enumerate(rows.tolist()) if row in wrapped}
    return Columns(columns=got.columns, refused={**got.refused, **refused})


def _samples(form: _Form, batch: WireBatch, rows: I8, at: I8, got: Columns) -> SampleBatch:
    """Return the samples of the rows `rows[at]`, one for each of the form's columns."""
    message, width = rows[at], len(form.columns)
    own = np.zeros(len(at), np.int64)
    if form.time:
        own = column_times(got.columns[form.time][at])
    value: F8 = np.full((len(at), width), np.nan)
    for i, (name, kind) in enumerate(zip(form.columns, form.kinds, strict=True)):
        column = got.columns[name]
        if kind in _NUMBERS and column.ndim == 1 and column.dtype.kind in "biuf":
            value[:, i] = column[at]
    quality = np.zeros((len(at), width), np.uint16)
    bad = np.array(
        [i for i, j in enumerate(at.tolist()) if j in got.refused] if got.refused else [], np.int64
    )
    value[bad], quality[bad], own[bad] = np.nan, UNREADABLE, 0
    told = aside.times_and_qualities([batch])
    if told is not None:
        own = np.where(own == 0, told[0][message], own)
        quality = worst(quality, np.repeat(told[1][message], width).reshape(-1, width))
    arrival = batch.arrival_ns[message]
    assumed = own == 0
    flags = batch.flags[message] | np.where(assumed, SOURCE_TIME_ASSUMED, 0).astype(np.uint8)
    out = SampleBatch(
        slot=form.slot[form.line[batch.channel[message]]].reshape(-1),
        value=value.reshape(-1),
        source_ns=np.repeat(np.where(assumed, arrival, own), width),
        arrival_ns=np.repeat(arrival, width),
        arrival_mono_ns=np.repeat(batch.arrival_mono_ns[message], width),
        quality=quality.reshape(-1),
        flags=np.repeat(flags.astype(np.uint8), width),
        status=np.zeros(len(at) * width, np.uint32),
        why={int(i) * width + j: got.refused[int(at[i])].reason for i in bad.tolist() for j in range(width)},
    )
    return _with_others(form, out, at, got)


def _with_others(form: _Form, out: SampleBatch, at: I8, got: Columns) -> SampleBatch:
    """Put in what is no plain number: texts, lists, and texts that name a state."""
    text: dict[int, str] = {}
    array: dict[int, npt.NDArray[np.float32]] = {}
    why = dict(out.why)
    width = len(form.columns)
    for i, reader in enumerate(form.part.readers):
        column = got.columns[form.columns[i]]
        if form.kinds[i] in _NUMBERS and column.ndim == 1 and column.dtype.kind in "biuf":
            continue
        for row, j in enumerate(at.tolist()):
            if j in got.refused:
                continue
            cell = column[j]
            raw = word(cell) if isinstance(cell, bytes) else cell.tolist()
            number, quality, other = converted(raw, form.kinds[i], reader.route.states, reader.route.coerce)
            k = row * width + i
            out.value[k], out.quality[k] = number, quality
            if quality:
                why[k] = explained(raw, form.kinds[i])
            if isinstance(other, str):
                text[k] = other
            elif other is not None:
                array[k] = other
    return replace(out, text=text, array=array, why=why) if text or array or why else out


def unwrapped(batch: WireBatch, rows: I8, chain: Chain) -> tuple[WireBatch, dict[int, Undecodable]]:
    """Return the batch with the payloads of some rows out of their wrappers, and the rows that were not."""
    refused: dict[int, Undecodable] = {}
    pieces = [batch.payload[begin:end] for begin, end in zip(batch.start[:-1], batch.start[1:], strict=True)]
    for row in rows.tolist():
        try:
            pieces[row] = chain.unwrapped(pieces[row])
            check_size(pieces[row])
        except Undecodable as error:
            refused[row] = error
    start = np.concatenate(([0], np.cumsum([len(piece) for piece in pieces]))).astype(np.int64)
    return replace(batch, payload=b"".join(pieces), start=start), refused
