"""Decoded values of some messages on their way to arrays: lists while they come, arrays made once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from armillary.model.arrays import F4, I8, U2
from armillary.model.quality import worst
from armillary.model.sample import SOURCE_TIME_ASSUMED, SampleBatch, Text, WireBatch, empty_batch, taken
from armillary.telemetry import aside
from armillary.telemetry.times import source_times
from armillary.telemetry.together import Chunk, numbers

_Scalar = TypeVar("_Scalar", bound=np.generic)
Found = tuple[int, float, int, Text | F4 | None, str]
"""One value of a message: slot, number, quality, text or array, and why the quality is not GOOD."""


class Heap:
    """Decoded rows of several batches, as lists; arrays are made once, in `build`."""

    def __init__(self) -> None:
        self.values: list[object] = []  # per sample; the short way puts in whatever stood there
        self.slots: list[int] = []  # per sample
        self.times: list[object] = []  # per message, raw
        self.hits: list[int] = []  # per message with samples: its row over all batches
        self.widths: list[int] = []  # per message: how many samples
        self.quality: dict[int, int] = {}  # sample -> quality, where not GOOD
        self.text: dict[int, Text] = {}
        self.array: dict[int, F4] = {}
        self.why: dict[int, str] = {}
        self.dropped: dict[str, int] = {}
        self.chunks: list[Chunk] = []
        self.foreign: list[SampleBatch] = []

    def drop(self, reason: str, count: int) -> None:
        self.dropped[reason] = self.dropped.get(reason, 0) + count

    def add(self, at: int, time: object, found: Sequence[Found]) -> None:
        """Add the samples of the message at row `at`."""
        if not found:
            return
        for slot, number, quality, text, why in found:
            if quality:
                self.quality[len(self.values)] = quality
                self.why[len(self.values)] = why
            if isinstance(text, str):
                self.text[len(self.values)] = text
            elif text is not None:
                self.array[len(self.values)] = text
            self.values.append(number)
            self.slots.append(slot)
        self.times.append(time)
        self.hits.append(at)
        self.widths.append(len(found))

    def build(self, batches: Sequence[WireBatch], units: Mapping[int, str]) -> SampleBatch:
        """Return the samples as arrays, in the order of their messages; `units`: the expected, by slot."""
        if not self.values and not self.chunks:
            return empty_batch()
        chunks = [*([self._own_chunk()] if self.values else ()), *self.chunks]
        row = _joined([np.repeat(c.row, c.width) if c.width > 1 else c.row for c in chunks])
        own = _joined([np.repeat(c.own_ns, c.width) if c.width > 1 else c.own_ns for c in chunks])
        quality: U2 = _joined([c.quality for c in chunks])
        told = aside.times_and_qualities(batches)
        if told is not None:
            own = np.where(own == 0, told[0][row], own)
            quality = worst(quality, told[1][row])
        arrival = _column(batches, "arrival_ns")[row]
        assumed = own == 0
        flags = _column(batches, "flags")[row] | np.where(assumed, SOURCE_TIME_ASSUMED, 0).astype(np.uint8)
        samples = SampleBatch(
            slot=_joined([c.slot for c in chunks]),
            value=_joined([c.value for c in chunks]),
            source_ns=np.where(assumed, arrival, own),
            arrival_ns=arrival,
            arrival_mono_ns=_column(batches, "arrival_mono_ns")[row],
            quality=quality,
            flags=flags.astype(np.uint8),
            status=np.zeros(len(row), np.uint32),
            text=self.text,
            array=self.array,
            why=_reasons(chunks),
        )
        samples = aside.with_units(samples, row, aside.units(batches), units)
        if len(chunks) > 1 and (row[1:] < row[:-1]).any():
            return taken(samples, np.argsort(row, kind="stable"))
        return samples

    def _own_chunk(self) -> Chunk:
        """Return what was read one by one, its widths spread out already."""
        value, quality, why = numbers(self.values)
        for i, word in self.quality.items():
            quality[i] = word
        return Chunk(
            row=np.repeat(np.array(self.hits, np.int64), self.widths),
            width=1,
            slot=np.array(self.slots, np.uint32),
            value=value,
            quality=quality,
            own_ns=np.repeat(source_times(self.times), self.widths),
            why={**why, **self.why},
        )


def _reasons(chunks: Sequence[Chunk]) -> dict[int, str]:
    """Return the reasons of all chunks by sample."""
    out: dict[int, str] = {}
    base = 0
    for chunk in chunks:
        out |= {base + i: words for i, words in chunk.why.items()} if base else chunk.why
        base += len(chunk.slot)
    return out


def _joined(arrays: list[npt.NDArray[_Scalar]]) -> npt.NDArray[_Scalar]:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _column(batches: Sequence[WireBatch], name: str) -> I8:
    out: I8 = np.concatenate([getattr(b, name) for b in batches])
    return out
