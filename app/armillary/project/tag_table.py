"""The tags of a project as a list (formats 9.2), and lists of other tools as tags, checked row by row.

A row that cannot be taken is told with its line and reason; the others are. What comes out is the text of
twins.json, which the caller reads before it is written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from armillary.model.fault import ProjectFault
from armillary.model.units import conversion
from armillary.project.edit import EMPTY
from armillary.project.record import TWINS_FILE
from armillary.project.settings import EXPRESSION_SOURCE, MAX_SECONDS
from armillary.project.table import nearest
from armillary.project.tag_columns import COLUMNS, plain
from armillary.project.tag_sheet import Cells
from armillary.project.twins import KINDS, LIVENESS, NAME, RESERVED

_NUMBERS = ("expected_interval_s", "deadband", "low", "high")
_KIND_WORDS = {
    "number": "real float double int integer dint int16 int32 int64 uint uint16 uint32 word dword byte lreal "
    "analog numeric number float32 float64 single decimal long short",
    "bool": "bool boolean bit digital discrete",
    "text": "string text char varchar",
}
_KIND_OF = {word: kind for kind, words in _KIND_WORDS.items() for word in words.split()}
LONE = "value"  # the key of a tag that is named like its twin, `TT-111`
STEP = 1_000  # rows between two words of progress
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bad:
    """A row that is not taken, and why."""

    line: int
    cells: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row that is taken: a new tag, or keys of one that there is. None removes a key."""

    line: int
    tag: str
    twin: str
    key: str
    is_new: bool
    keys: Mapping[str, object]
    before: Mapping[str, object] = field(default_factory=dict)
    model: str = ""
    note: str = ""  # taken, but worth a word


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a list does to a project."""

    rows: tuple[Row, ...]
    bad: tuple[Bad, ...]
    same: int  # rows that say what the project says

    @property
    def new(self) -> int:
        """How many tags are added."""
        return sum(row.is_new for row in self.rows)


# ---------------------------------------------------------------- out


def exported(text: str) -> Iterator[tuple[str, ...]]:
    """Yield a row of COLUMNS for each tag of twins.json that has an address. Raises ProjectFault."""
    root = _parsed(text)
    for twin in root.get("twins", []):
        model = str(twin.get("model", ""))
        for name, tag in _tags(twin, str(twin.get("id"))):
            if "address" not in tag:
                continue  # derived: an expression is no line of a list
            low, high = tag.get("range", ("", ""))
            told = {**tag, "tag": name, "model": model, "low": low, "high": high}
            yield tuple(_cell(told.get(column)) for column in COLUMNS)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.15g}" if isinstance(value, float) else str(value)


# ---------------------------------------------------------------- in


def changes(
    text: str,
    cells: Cells,
    columns: Mapping[str, str],
    sources: Sequence[str],
    *,
    source: str = "",
    progress: Progress | None = None,
) -> Found:
    """Return what the rows of a list change in twins.json. Raises ProjectFault for a text that is none.

    columns: as of `mapped`. sources: of the project. source: put before an address that names none.
    """
    root = _parsed(text)
    known = {
        name: (str(twin.get("id")), tag)
        for twin in root.get("twins", [])
        for name, tag in _tags(twin, str(twin.get("id")))
    }
    models = {str(twin.get("id")): str(twin.get("model", "")) for twin in root.get("twins", [])}
    at = {field_: cells.head.index(column) for field_, column in columns.items()}
    seen: dict[str, int] = {}
    rows: list[Row] = []
    bad: list[Bad] = []
    same = 0
    for count, (line, row) in enumerate(cells.rows):
        if progress is not None and count % STEP == 0:
            progress(count, len(cells.rows))
        said = {field_: row[i] if i < len(row) else "" for field_, i in at.items()}
        try:
            made = _row(line, said, known, models, sources, source, seen)
        except ValueError as error:
            bad.append(Bad(line=line, cells=row, why=str(error)))
            continue
        seen[made.tag] = line
        if made.keys or made.is_new:
            rows.append(made)
        else:
            same += 1
    return Found(rows=tuple(rows), bad=tuple(bad), same=same)


def _row(
    line: int,
    said: Mapping[str, str],
    known: Mapping[str, tuple[str, Mapping[str, Any]]],  # Any: parsed JSON
    models: Mapping[str, str],
    sources: Sequence[str],
    source: str,
    seen: Mapping[str, int],
) -> Row:
    """Return what a row says. Raises ValueError for one that cannot be taken."""
    name = said["tag"]
    twin, _, key = name.partition(".")
    if not name:
        raise ValueError("the tag has no name")
    if not NAME.fullmatch(name) or name.startswith(RESERVED) or not twin or name.endswith("."):
        raise ValueError(f"'{name}' cannot be a tag's name: no spaces, quotes, ` ! or #")
    if not key:
        key, name = LONE, f"{twin}.{LONE}"
    if name in seen:
        raise ValueError(f"'{name}' is in line {seen[name]} already")
    before = known.get(name, ("", {}))[1]
    keys: dict[str, object] = {}
    if address := _address(said.get("address", ""), sources, source):
        keys["address"] = address
    elif name not in known:
        raise ValueError("a new tag needs an address")
    keys |= _texts(said)
    keys |= _numbers(said, before)
    note = _unit(str(keys.get("unit", "")), str(before.get("unit", "")))
    model = said.get("model", "")
    if model and models.get(twin, "") not in ("", model):
        raise ValueError(f"the twin '{twin}' is of the model {models[twin]}, not {model}")
    changed = {k: v for k, v in keys.items() if before.get(k, _USUAL.get(k)) != v}
    return Row(
        line=line,
        tag=name,
        twin=known[name][0] if name in known else twin,
        key=key,
        is_new=name not in known,
        keys=changed if name in known else keys,
        before={k: before.get(k) for k in changed},
        model=model if models.get(twin, "") != model else "",
        note=note,
    )


_USUAL = {"kind": "number"}


def _address(text: str, sources: Sequence[str], source: str) -> str:
    """Return a whole address, "" for none. Raises ValueError."""
    if not text:
        return ""
    name, mark, rest = text.partition("!")
    if not mark:
        if not source:
            raise ValueError(f"the address '{text}' names no source: write <source>!<address>, or say which")
        return f"{source}!{text}"
    if not rest:
        raise ValueError(f"the address '{text}' cannot be read: write <source>!<address>")
    if name not in (*sources, EXPRESSION_SOURCE):
        raise ValueError(f"there is no source '{name}'{nearest(name, sources).rstrip('?').lower() or ''}")
    return text


def _texts(said: Mapping[str, str]) -> dict[str, object]:
    out: dict[str, object] = {key: said[key] for key in ("unit", "title") if said.get(key)}
    if kind := said.get("kind", ""):
        word = kind.lower() if kind.lower() in KINDS else _KIND_OF.get(plain(kind), "")
        if not word:
            raise ValueError(f"the kind '{kind}' is none of {', '.join(KINDS)}")
        if word != "number":
            out["kind"] = word
    if liveness := said.get("liveness", ""):
        if liveness.lower() not in LIVENESS:
            raise ValueError(f"the liveness '{liveness}' is none of {', '.join(LIVENESS)}")
        out["liveness"] = liveness.lower()
    return out


def _numbers(said: Mapping[str, str], before: Mapping[str, Any]) -> dict[str, object]:  # Any: parsed JSON
    found = {key: _number(key, said[key]) for key in _NUMBERS if said.get(key)}
    out: dict[str, object] = {k: v for k, v in found.items() if k in ("expected_interval_s", "deadband")}
    if found.get("expected_interval_s", 0.0) > MAX_SECONDS or min(found.get("deadband", 0.0), 0.0) < 0:
        raise ValueError("the interval or the deadband is out of reach")
    if "low" in found or "high" in found:
        old = before.get("range", (None, None))
        low, high = found.get("low", old[0]), found.get("high", old[1])
        if low is None or high is None:
            raise ValueError("a range needs both ends")
        if low >= high:
            raise ValueError(f"the range {low:g} to {high:g} is empty")
        out["range"] = [low, high]
    return out


def _number(key: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        hint = "; write a point for the decimals" if "," in text else ""
        raise ValueError(f"'{key}' is '{text}', which is not a number{hint}") from None
    if (
        value != value
        or value in (float("inf"), float("-inf"))
        or (key == "expected_interval_s" and value < 0)
    ):
        raise ValueError(f"'{key}' is '{text}', which is not a number that can be reached")
    return value


def _unit(unit: str, before: str) -> str:
    """Return a word about a unit that is not known. Raises ValueError for one of another dimension."""
    if not unit or unit == before:
        return ""
    try:
        conversion(unit, before or "kg")
    except ProjectFault as fault:
        if "is not known" in fault.what:
            return f"the unit '{unit}' is not known: it is shown, and converted to none"
        if before:
            raise ValueError(f"the unit '{unit}' measures something else than '{before}'") from None
    return ""


# ---------------------------------------------------------------- applying


def applied(text: str, found: Sequence[Row]) -> str:
    """Return twins.json with rows taken in; twins stay sorted by id, all else is as it was."""
    root = _parsed(text)
    twins = root.setdefault("twins", [])
    by_id = {str(twin.get("id")): twin for twin in twins}
    known = {name: tag for twin in twins for name, tag in _tags(twin, str(twin.get("id")))}
    for row in found:
        tag = known.get(row.tag)
        if tag is None:
            twin = by_id.get(row.twin)
            if twin is None:
                twin = by_id[row.twin] = {"id": row.twin}
                twins.append(twin)
            tag = twin.setdefault("tags", {})[row.key] = {}
            known[row.tag] = tag
        tag.update(row.keys)
        if row.model:
            by_id[row.twin]["model"] = row.model
    twins.sort(key=lambda twin: str(twin.get("id", "")))
    return json.dumps(root, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _parsed(text: str) -> dict[str, Any]:  # Any: parsed JSON
    try:
        root = json.loads(text or EMPTY)
    except ValueError as error:
        raise ProjectFault(
            f"{TWINS_FILE} cannot be read: {error}.", where=TWINS_FILE, remedy="Correct the file first."
        ) from error
    return root if isinstance(root, dict) else {}


def _tags(table: dict[str, Any], prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:  # Any: parsed JSON
    for key, tag in table.get("tags", {}).items():
        yield f"{prefix}.{key}", tag
    for key, component in table.get("components", {}).items():
        yield from _tags(component, f"{prefix}.{key}")
