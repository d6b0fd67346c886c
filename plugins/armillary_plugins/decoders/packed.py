"""Packed binary payloads of one fixed form, by a format line: many at once, as arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from armillary.api import I8, Columns, DecoderContext, Undecodable
from armillary_plugins.decoders.layout import Field, FormatError, Layout, layout
from armillary_plugins.decoders.settings import check_keys, given, text, wrong

_Array = npt.NDArray[np.generic]
_ELEMENTS = 1024  # of a list that have names of their own


class Packed:
    """The decoder `struct`. It reads nothing until it is set up with a format."""

    names: tuple[str, ...] = ()
    needs = "format"

    def __init__(self, form: Layout | None = None, *, more: bool = False) -> None:
        self._more = more
        self._form = form
        if form is None:
            return
        self.needs = ""
        self._dtype = form.dtype
        self._places: dict[str, tuple[int, int]] = {}  # name -> field, element (-1: all of it)
        for i, field in enumerate(form.fields):
            self._places[field.name] = (i, -1)
            for k in range(min(field.count, _ELEMENTS) if field.count > 1 else 0):
                self._places[f"{field.name}[{k}]"] = (i, k)
        self.names = tuple(self._places)

    def configured(self, context: DecoderContext) -> Packed:
        """Return the decoder of a format line. Raises ProjectFault with the column that is wrong."""
        check_keys(context, ("format", "more"))
        line = text(context, "format")
        try:
            return Packed(layout(line), more=given(context, "more", bool, False))
        except FormatError as error:
            raise wrong(
                context,
                f"The format '{line}' cannot be read at column {error.column}: {error.what}.",
                "Write it like <HhIf:id,temp*0.1,count,flow.",
            ) from None

    def tabulate(self, data: bytes, start: I8, stop: I8) -> Columns:
        """Return the fields of n payloads; one of another size is refused, at the byte where it ends."""
        if self._form is None:
            raise ValueError("it has no format")
        size, n = self._form.size, len(start)
        lengths = stop - start
        fits = lengths >= size if self._more else lengths == size
        if fits.all() and not self._more and (start[1:] == stop[:-1]).all():
            records = np.frombuffer(data, self._dtype, n, int(start[0]) if n else 0)
            return Columns(columns=_Lazy(self._form, self._places, records))
        records = np.zeros(n, self._dtype)
        good = np.flatnonzero(fits)
        if len(good):
            flat = np.frombuffer(data, np.uint8)
            lines = flat[start[good][:, None] + np.arange(size)]
            records[good] = lines.view(self._dtype)[:, 0]
        refused = {
            row: Undecodable(f"{size} bytes are due and {length} came", min(size, length))
            for row, length in zip(np.flatnonzero(~fits).tolist(), lengths[~fits].tolist(), strict=True)
        }
        return Columns(columns=_Lazy(self._form, self._places, records), refused=refused)


class _Lazy(Mapping[str, _Array]):
    """Columns made when they are asked for: most payloads hold more than is bound."""

    def __init__(self, form: Layout, places: Mapping[str, tuple[int, int]], records: _Array) -> None:
        self._form, self._places, self._records = form, places, records
        self._made: dict[str, _Array] = {}

    def __getitem__(self, name: str) -> _Array:
        if name not in self._made:
            number, element = self._places[name]
            raw: _Array = self._records[f"f{number}"]  # type: ignore[call-overload]  # a record array has names
            self._made[name] = _scaled(raw if element < 0 else raw[:, element], self._form.fields[number])
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def _scaled(raw: _Array, field: Field) -> _Array:
    """Return a column out of its bits and in its scale."""
    if field.is_text:
        return raw
    column: npt.NDArray[np.number] = raw  # type: ignore[assignment]
    if field.bits is not None:
        first, end = field.bits
        width = 8 * raw.dtype.itemsize
        # Up to the top, then down: the shift of a signed word brings its sign along.
        column = (column << (width - end)) >> (width - end + first)  # type: ignore[operator]
    if field.scale != 1.0 or field.offset != 0.0:
        return column.astype(np.float64) * field.scale + field.offset
    return column


def make() -> Packed:
    """Return the decoder `struct`, to be set up by a project."""
    return Packed()
