"""The alarms of a project as a table: rationalisation is done in spreadsheets (ISA-18.2, clause 9).

Out: a row for each alarm with all that rules.toml says of it. In: rows become edits of rules.toml, its
comments and order kept; a mistake names the line and nothing is changed.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from armillary.model.cells import formula, unformula
from armillary.model.fault import ProjectFault
from armillary.project.alarm_kinds import ALIAS, LOWEST
from armillary.project.rules import Cell, Value, alarm_tables, with_alarms
from armillary.project.table import nearest

# The order is that of a rationalisation sheet: what, when, how urgent, what to do.
WORDS = ("id", "tag", "title", "kind", "direction")
NUMBERS = ("limit", "deadband", "on_delay_s", "off_delay_s")
MORE_NUMBERS = (
    "setpoint",
    "window_s",
    "horizon_s",
    "confidence",
    "forecast_error",
    "travel_time_s",
    "time_to_respond_s",
    "re_alarm_s",
)
COUNTS = ("count", "count_clear")
FLAGS = ("latching", "ack_required", "draft")
TEXTS = ("severity", "priority_reason", "consequence", "operator_action")
COLUMNS = (
    *WORDS,
    *NUMBERS,
    *COUNTS,
    "on_bad",
    "values",
    "normal",
    "levels",
    "reference",
    "setpoint",
    "window_s",
    "horizon_s",
    "confidence",
    "forecast",
    "forecast_error",
    "command",
    "travel_time_s",
    "expression",
    "priority",
    *FLAGS,
    *TEXTS,
    "time_to_respond_s",
    "re_alarm_s",
    "class",
    "procedure",
    "camera",
    "prim",
    "action",
)
UNIT = "unit"  # told beside the limit; read back only to see that it is still the tag's
LEVEL = ("name", "limit", "priority", "deadband", "on_delay_s", "off_delay_s")  # of each level in a cell
_LEAST = 3  # of them; the others may be left out
_HEAD = (*COLUMNS[:6], UNIT, *COLUMNS[6:])
_YES, _NO = ("true", "yes", "1", "x", "wahr"), ("false", "no", "0", "falsch")
MOST_ROWS = 100_000
MOST_MISTAKES = 20
Cells = Mapping[str, str]
AlarmValue = Cell


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a row makes of one alarm; `before` is None where it is new."""

    id: str
    line: int
    before: Mapping[str, AlarmValue] | None
    keys: Mapping[str, AlarmValue | None]  # None removes a key


def written(rules: str, units: Mapping[str, str]) -> str:
    """Return the alarms of a rules.toml as CSV; `units` by tag. Raises ProjectFault."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_HEAD)
    for facts in alarm_tables(rules):
        tag = str(facts.get("tag", ""))
        cells = {**facts, UNIT: units.get(tag, units.get(tag + ALIAS, ""))}
        writer.writerow([unformula(_cell(cells.get(key))) for key in _HEAD])
    return out.getvalue()


def changes(rules: str, table: str, name: str, units: Mapping[str, str] | None = None) -> tuple[Change, ...]:
    """Return what a CSV changes in a rules.toml, alarm by alarm. Raises ProjectFault naming file and line.

    A column that the file has not, and a row that it has not, change nothing; an empty cell removes the key.
    """
    known = {str(facts.get("id")): facts for facts in alarm_tables(rules)}
    found: list[Change] = []
    wrong: list[str] = []
    seen: dict[str, int] = {}
    for line, cells in _rows(table, name):
        try:
            id_ = formula(cells.get("id", "").strip())
            if not id_:
                raise ValueError("the alarm has no id")
            if id_ in seen:
                raise ValueError(f"'{id_}' is in line {seen[id_]} already")
            seen[id_] = line
            keys = _keys(cells, known.get(id_), units or {})
        except ValueError as error:
            wrong.append(f"line {line}: {error}")
            continue
        if keys or id_ not in known:
            found.append(Change(id=id_, line=line, before=known.get(id_), keys=keys))
    if wrong:
        more = f" (and {len(wrong) - MOST_MISTAKES} more)" if len(wrong) > MOST_MISTAKES else ""
        raise ProjectFault(
            f"{'; '.join(wrong[:MOST_MISTAKES])}{more}.",
            where=name,
            remedy="Correct the lines; nothing was changed.",
        )
    return tuple(found)


def applied(rules: str, found: Sequence[Change]) -> str:
    """Return rules.toml with all changes made; not checked, see `folder.save_rules`. Raises ProjectFault."""
    return with_alarms(rules, {change.id: change.keys for change in found})


# ---------------------------------------------------------------- cells


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "|".join(_cell(each) for each in value)
    if isinstance(value, Mapping):  # a level
        cells = [_cell(value.get(key)) for key in LEVEL]
        while len(cells) > _LEAST and not cells[-1]:
            cells.pop()
        return ":".join(cells)
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _rows(table: str, name: str) -> Iterator[tuple[int, Cells]]:
    """Yield (line, cells by column). Raises ProjectFault for a head that is none."""
    text = table.removeprefix("\ufeff")
    first = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(first))
    try:
        head = [cell.strip().lower() for cell in next(reader, [])]
        _must_know(head, name)
        for count, row in enumerate(reader, 1):
            if count > MOST_ROWS:
                raise ProjectFault(
                    f"There are more than {MOST_ROWS:,} rows.", where=name, remedy="Split the file."
                )
            if any(cell.strip() for cell in row):
                if len(row) > len(head):
                    what = f"line {reader.line_num}: {len(row)} cells under {len(head)} columns."
                    raise ProjectFault(
                        what, where=name, remedy="Quote cells that hold the separator; nothing was changed."
                    )
                yield reader.line_num, dict(zip(head, row, strict=False))
    except csv.Error as error:
        raise ProjectFault(
            f"This is no CSV: {error}.", where=f"{name}:{reader.line_num}", remedy="Save it as CSV (UTF-8)."
        ) from error


def _separator(head: str) -> str:
    return max(",;\t", key=head.count)


def _must_know(head: Sequence[str], name: str) -> None:
    if "id" not in head:
        raise ProjectFault(
            "The table has no column 'id'.",
            where=f"{name}:1",
            remedy=f"The first line names the columns: {', '.join(_HEAD)}.",
        )
    for column in head:
        if column and column not in _HEAD:
            raise ProjectFault(
                f"There is no column '{column}'.{nearest(column, _HEAD)}",
                where=f"{name}:1",
                remedy=f"The columns are {', '.join(_HEAD)}; a column may be left out.",
            )
    twice = next((column for column in head if column and head.count(column) > 1), "")
    if twice:
        raise ProjectFault(
            f"The column '{twice}' is there twice.", where=f"{name}:1", remedy="Remove one of them."
        )


def _keys(
    cells: Cells, before: Mapping[str, AlarmValue] | None, units: Mapping[str, str]
) -> dict[str, AlarmValue | None]:
    """Return the keys that a row changes. Raises ValueError for a cell that cannot be read."""
    out: dict[str, AlarmValue | None] = {}
    for key in COLUMNS:
        if key == "id" or key not in cells:
            continue
        value = _value(key, formula(cells[key].strip()))
        if value != (before or {}).get(key):
            out[key] = value
    unit = formula(cells.get(UNIT, "").strip())
    tag = str(out.get("tag") or (before or {}).get("tag", ""))
    ours = units.get(tag, units.get(tag + ALIAS, ""))
    if unit and unit != ours:
        raise ValueError(f"the limit is in '{unit}', the tag {tag} in '{ours or 'no unit'}'")
    return out


def _value(key: str, text: str) -> AlarmValue | None:
    if not text:
        return None
    if key in FLAGS:
        if text.lower() not in (*_YES, *_NO):
            raise ValueError(f"'{key}' is '{text}', neither true nor false")
        return text.lower() in _YES
    if key in (*NUMBERS, *MORE_NUMBERS):
        return _number(key, text)
    if key in COUNTS or key == "priority":
        number = _number(key, text)
        if number != int(number) or (key == "priority" and not 1 <= number <= LOWEST):
            raise ValueError(f"'{key}' is '{text}', which is not a whole number that fits")
        return int(number)
    if key in ("values", "normal"):
        return [_number(key, part) for part in text.split("|")]
    return [_level(part) for part in text.split("|")] if key == "levels" else text


def _level(text: str) -> Mapping[str, Value]:
    """Return a limit of several, `HH:95:1`, or `HH:95:1:0.5:10:60` with a deadband and delays of its own."""
    parts = [part.strip() for part in text.split(":")]
    if not _LEAST <= len(parts) <= len(LEVEL):
        raise ValueError(f"'levels' is '{text}', which is not {':'.join(LEVEL[:_LEAST])}")
    name, limit, priority, *more = parts
    out: dict[str, Value] = {"name": name} if name else {}
    out["limit"] = _number("levels", limit)
    if priority:
        if priority not in [str(number) for number in range(1, LOWEST + 1)]:
            raise ValueError(f"'levels' has the priority '{priority}', which is none of 1 to {LOWEST}")
        out["priority"] = int(priority)
    out.update((key, _number(key, part)) for key, part in zip(LEVEL[_LEAST:], more, strict=False) if part)
    return out


def _number(key: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        hint = "; write a point for the decimals" if "," in text else ""
        raise ValueError(f"'{key}' is '{text}', which is not a number{hint}") from None
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError(f"'{key}' is '{text}', which is not a number that can be reached")
    return value
