"""Rows of samples as PostgreSQL's binary COPY has them: arrays in, arrays out, no Python for each sample."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)  # then: flags, and the length of an extension that is not there
END = b"\xff\xff"

# Any: columns of several types by name
Columns = dict[str, npt.NDArray[Any]]


class Layout:
    """The columns of one COPY, none of them ever NULL. `types`: numpy's, such as i4, i8, f8."""

    def __init__(self, types: Mapping[str, str]) -> None:
        self.names = tuple(types)
        fields: list[tuple[str, str]] = [("fields", ">i2")]
        for name, kind in types.items():
            fields += [(f"size of {name}", ">i4"), (name, f">{kind}")]
        self._types = dict(types)
        self._row = np.dtype(fields)

    def packed(self, columns: Mapping[str, npt.NDArray[Any]]) -> bytes:
        """Return the bytes of a COPY … FROM STDIN (FORMAT binary)."""
        count = len(columns[self.names[0]])
        rows = np.empty(count, self._row)
        rows["fields"] = len(self.names)
        for name in self.names:
            rows[f"size of {name}"] = self._row[name].itemsize
            rows[name] = columns[name]
        return b"".join((SIGNATURE, rows.tobytes(), END))

    def unpacked(self, data: bytes) -> Columns:
        """Return the columns of a COPY … TO STDOUT (FORMAT binary), in this machine's byte order."""
        body = len(data) - len(SIGNATURE) - len(END)
        rows = np.frombuffer(data, self._row, body // self._row.itemsize, len(SIGNATURE))
        return {name: rows[name].astype(f"={self._types[name]}") for name in self.names}
