"""MCAP: a channel for each signal, JSON messages `armillary.Sample`, chunks with zstd (extra `exchange`).

The format frames each message by itself, so here samples pass one by one; the other formats go by columns.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

import orjson

from armillary.history.exchange import Stage
from armillary.model.fault import StoreFault

PIECE = 50_000  # samples at a time
SCHEMA_NAME = "armillary.Sample"
_SCHEMA = {
    "title": SCHEMA_NAME,
    "type": "object",
    "properties": {
        "signal": {"type": "string"},
        "v": {"type": ["number", "string", "null"]},
        "q": {"type": "integer"},
        "raw": {"type": "integer"},
        "t_src_ns": {"type": "integer"},
    },
    "required": ["signal", "v", "t_src_ns"],
}
_JSON = "json"


def write_mcap(stage: Stage, path: Path, meta: Mapping[str, str]) -> int:
    """Write what a stage holds; return the number of samples. Raises StoreFault without the extra."""
    try:
        from mcap.writer import CompressionType, Writer
    except ImportError as error:
        raise missing(path) from error
    count = 0
    with path.open("wb") as stream:
        writer = Writer(stream, compression=CompressionType.ZSTD)
        writer.start(profile="", library="armillary")
        schema = writer.register_schema(SCHEMA_NAME, "jsonschema", orjson.dumps(_SCHEMA))
        writer.add_metadata("armillary", dict(meta))
        names = {id_: name for id_, name, _ in stage.signals()}
        channels = {id_: writer.register_channel(name, _JSON, schema) for id_, name in names.items()}
        for rows in stage.in_order(PIECE):
            columns = (rows.signal, rows.t_ns, rows.arrival_ns, rows.value, rows.quality, rows.status)
            for i, (id_, t_ns, arrival_ns, v, q, raw) in enumerate(
                zip(*(column.tolist() for column in columns), strict=True)
            ):
                # a value without a number is null: JSON has no NaN, and orjson writes it so
                said = {"signal": names[id_], "v": rows.text.get(i, v), "q": q, "raw": raw, "t_src_ns": t_ns}
                writer.add_message(channels[id_], arrival_ns, orjson.dumps(said), t_ns)
            count += len(rows)
        writer.finish()  # type: ignore[no-untyped-call]
    return count


def read_messages(path: Path) -> Iterator[tuple[str, int, int, bytes]]:
    """Yield (topic, log time, publish time, JSON) of a file's messages in the order of the file.

    Raises StoreFault without the extra, and where the file is cut or damaged: what was yielded before is
    good. Messages of other encodings than JSON are left out.
    """
    try:
        from mcap.exceptions import McapError
        from mcap.reader import NonSeekingReader
        from zstandard import ZstdError
    except ImportError as error:
        raise missing(path) from error
    with path.open("rb") as stream:
        reader = NonSeekingReader(stream, validate_crcs=True)
        try:
            for _, channel, message in reader.iter_messages(log_time_order=False):
                if channel.message_encoding == _JSON:
                    yield channel.topic, message.log_time, message.publish_time, message.data
        except (McapError, ZstdError, EOFError, struct.error, RuntimeError) as error:
            raise StoreFault(
                "The MCAP file is cut or damaged.",
                where=str(path),
                remedy="Copy it again; `mcap recover` saves what is whole.",
            ) from error


def missing(path: Path) -> StoreFault:
    """Return what to say where the extra is not installed."""
    return StoreFault(
        "MCAP needs a part of Armillary that is not installed.",
        where=str(path),
        remedy="Install it: pip install 'armillary[exchange]'.",
    )
