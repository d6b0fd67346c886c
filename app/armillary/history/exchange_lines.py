"""InfluxDB line protocol and MCAP read into a stage.

A signal is named `measurement.tag values.field`, the values in the order of the line; blanks become `_`.
"""

from __future__ import annotations

from pathlib import Path

import orjson

from armillary.history.exchange import Stage, quoted
from armillary.history.exchange_cells import Loaded, take
from armillary.history.exchange_mcap import read_messages
from armillary.model.fault import StoreFault

PIECE = 50_000
_LONGEST = 16 << 20  # bytes of a line
_DEPTH = 8
_HEAD = r"(?:[^\\ ]|\\.)+"
_STRING = r'"(?:[^"\\]|\\.)*"'
_LINE = rf"^({_HEAD}) +((?:{_STRING}|[^\" ])+)(?: +(-?\d+))?\s*$"
_FIELD = rf"((?:[^\\,= ]|\\.)+)=({_STRING}|[^,]+)"


_NOT_IN_NAMES = r"""[\s!`#'"]"""


def _unescaped(text: str) -> str:
    return rf"regexp_replace({text}, '\\(.)', '\1', 'g')"


def influx(stage: Stage, path: Path, loaded: Loaded) -> None:
    """Read lines `measurement,tag=a field=1.2,other=3i 1700000000000000000` into `incoming`."""
    del loaded
    stage.run(
        "CREATE OR REPLACE TABLE lines AS SELECT *, row_number() OVER () AS n FROM read_csv("  # noqa: S608
        f"{quoted(path)}, auto_detect = false, header = false, delim = '\x01', quote = '', escape = '', "
        f"columns = {{'text': 'VARCHAR'}}, nullstr = '\x02', max_line_size = {_LONGEST})"
    )
    stage.run(
        "CREATE OR REPLACE TABLE parted AS SELECT n, text, "  # noqa: S608 - ours
        f"regexp_extract(text, {quoted(_LINE)}, ['head', 'fields', 'time']) AS p FROM lines "
        "WHERE text NOT LIKE '#%' AND trim(text) <> ''"
    )
    stage.run("DROP TABLE lines")
    stage.run(
        "INSERT INTO incoming SELECT n, 'line', 0, NULL, NULL, NULL, 0, 0, false, "
        "CASE WHEN p.head = '' THEN 'no line of the protocol' ELSE 'no time' END, text FROM parted "
        "WHERE p.head = '' OR p.time = ''"
    )
    # `site=north` of the head gives `north`; names are the same for all lines of a series
    stage.run(
        "CREATE OR REPLACE TABLE series AS SELECT head, "  # noqa: S608 - ours
        "array_to_string(list_transform(regexp_extract_all(head, "
        r"'(?:[^\\,]|\\.)+'), lambda part, i: CASE WHEN i = 1 THEN part ELSE "
        r"regexp_replace(part, '^(?:[^\\=]|\\.)*=', '') END), '.') AS head_name, "
        f"{_unescaped('head_name')} AS name FROM (SELECT DISTINCT p.head AS head FROM parted)"
    )
    field = (
        "SELECT n, p.head AS head, time_of(p.time) AS t, "  # noqa: S608 - ours
        f"unnest(regexp_extract_all(p.fields, {quoted(_FIELD)}, 1)) AS key, "
        f"unnest(regexp_extract_all(p.fields, {quoted(_FIELD)}, 2)) AS value "
        "FROM parted WHERE p.head <> '' AND p.time <> ''"
    )
    cell = (
        f"CASE WHEN value[1:1] = chr(34) THEN {_unescaped('value[2:-2]')} "
        r"WHEN regexp_full_match(value, '[+-]?\d+[iu]') THEN value[:-2] "
        "WHEN lower(value) IN ('t', 'true') THEN 'true' WHEN lower(value) IN ('f', 'false') THEN 'false' "
        "ELSE value END"
    )
    name = f"regexp_replace(series.name || '.' || {_unescaped('key')}, {quoted(_NOT_IN_NAMES)}, '_', 'g')"
    take(
        stage,
        f"SELECT n, {name} AS signal, t, NULL::BIGINT AS arr, {cell} AS cell, "  # noqa: S608 - ours
        f"NULL::BIGINT AS q, NULL::BIGINT AS raw FROM ({field}) JOIN series USING (head)",
    )
    stage.run("DROP TABLE parted; DROP TABLE series")


def mcap(stage: Stage, path: Path, loaded: Loaded) -> None:
    """Read messages of JSON: ours as they are, of others each number and text under `topic.key`."""
    n, rows = 0, _Messages(stage)
    try:
        for topic, log_ns, publish_ns, data in read_messages(path):
            n += 1
            rows.add(n, topic, log_ns, publish_ns, data)
    except StoreFault as fault:
        if not n:
            raise
        loaded.told.append(f"{path.name}: {fault.what} {n:,} messages before that are whole.")
    rows.flush()
    if not n:
        raise StoreFault(
            "No message of this file is JSON.",
            where=str(path),
            remedy="Armillary reads JSON messages; convert others with the tool that wrote them.",
        )


class _Messages:
    """Collects samples of messages and hands them over in pieces."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._rows: list[tuple[int, str, int, int, str | None, int, int]] = []

    def add(self, n: int, topic: str, log_ns: int, publish_ns: int, data: bytes) -> None:
        """Take one message."""
        try:
            held = orjson.loads(data)
        except orjson.JSONDecodeError:
            held = None
        if not isinstance(held, dict):
            self._rows.append((n, topic, publish_ns, log_ns, None, 0, 0))
        elif {"signal", "v", "t_src_ns"} <= held.keys():
            t, q, raw = held["t_src_ns"], held.get("q", 0), held.get("raw", 0)
            numbers = all(isinstance(each, int) for each in (t, q, raw))
            cell = _cell(held["v"]) if numbers else None
            row = (n, str(held["signal"]), t, log_ns, cell, q, raw) if numbers else None
            self._rows.append(row or (n, topic, publish_ns, log_ns, cell, 0, 0))
        else:
            for name, value in _leaves(held, topic.strip("/").replace("/", "."), _DEPTH):
                self._rows.append((n, name, publish_ns or log_ns, log_ns, _cell(value), 0, 0))
        if len(self._rows) >= PIECE:
            self.flush()

    def flush(self) -> None:
        """Hand over what was collected."""
        if not self._rows:
            return
        columns = [list(column) for column in zip(*self._rows, strict=True)]
        kinds = ("BIGINT", "VARCHAR", "BIGINT", "BIGINT", "VARCHAR", "BIGINT", "BIGINT")
        names = ("n", "signal", "t", "arr", "cell", "q", "raw")
        asked = ", ".join(f"unnest(${i + 1}::{kind}[]) AS {names[i]}" for i, kind in enumerate(kinds))
        self._stage.connection.execute(f"CREATE OR REPLACE TEMP TABLE piece AS SELECT {asked}", columns)
        take(self._stage, "SELECT * FROM piece")
        self._rows.clear()


def _cell(value: object) -> str | None:
    if value is None:
        return "nan"
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


def _leaves(held: dict[str, object], name: str, depth: int) -> list[tuple[str, object]]:
    out: list[tuple[str, object]] = []
    for key, value in held.items():
        path = f"{name}.{key}" if name else key
        if isinstance(value, dict) and depth:
            out += _leaves(value, path, depth - 1)
        elif isinstance(value, bool | int | float | str):
            out.append((path, value))
    return out
