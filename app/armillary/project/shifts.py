"""Reading of `[[shift]]` and `[[figure]]` of project.toml: who works when, and what a shift is judged by."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from armillary.model.shift import DAY_MIN, DAYS, HOW, USUAL, FigureSpec, ShiftSpec
from armillary.model.tags import TagSpec
from armillary.project.table import Table, nearest

_CLOCK = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)", re.ASCII)
_NAME = re.compile(r"[^\W\d][\w-]{0,31}")
_TAKEN = ("last", "now", "today", "yesterday")  # words that mean another shift, or a time
ALIAS = ".value"  # TT-212 alone means TT-212.value


def shifts(root: Table, zone: str) -> tuple[ShiftSpec, ...]:
    """Return the shifts of a project; where it names none the usual three, by its own time zone."""
    out: list[ShiftSpec] = []
    for table in root.tables("shift"):
        spec = ShiftSpec(
            name=_name(table),
            from_min=_minute(table, "from") % DAY_MIN,
            to_min=_minute(table, "to") % DAY_MIN,
            days=_days(table),
            zone=table.zone(zone),
        )
        table.done()
        for other in out:
            if other.name.lower() == spec.name.lower() and set(other.days) & set(spec.days):
                what = f"There are two shifts '{spec.name}' on one day."
                table.wrong("name", what, "Rename one of them, or give them other days.", "P08")
                break
        out.append(spec)
    return tuple(out) or tuple(replace(spec, zone=zone) for spec in USUAL)


def _name(table: Table) -> str:
    name = table.text("name", required=True)
    if name and (not _NAME.fullmatch(name) or name.lower() in _TAKEN):
        remedy = f"Use letters, digits, _ and -, a letter first, and none of {', '.join(_TAKEN)}."
        table.wrong("name", f"'{name}' cannot be a shift's name.", remedy)
    return name


def _minute(table: Table, key: str) -> int:
    raw = table.text(key, required=True)
    found = _CLOCK.fullmatch(raw)
    if found is None or int(found[1]) * 60 + int(found[2]) > DAY_MIN:
        if raw:
            table.wrong(key, f"'{raw}' is no time of the day.", 'Write it as "06:00".')
        return 0
    return int(found[1]) * 60 + int(found[2])


def _days(table: Table) -> tuple[str, ...]:
    given = table.texts("days", DAYS)
    for day in given:
        if day not in DAYS:
            table.wrong("days", f"'{day}' is no day.", f"Use {', '.join(DAYS)}.")
    days = tuple(day for day in DAYS if day in given)
    if not days:
        table.wrong("days", "The shift is on no day.", f"Give some of {', '.join(DAYS)}, or leave it out.")
    return days


def figures(given: Sequence[tuple[Table, FigureSpec]], specs: Sequence[TagSpec]) -> tuple[FigureSpec, ...]:
    """Return the key figures with their tags' whole names; a tag that is none is noted."""
    known = {spec.name: spec for spec in specs}
    out: list[FigureSpec] = []
    for table, figure in given:
        tag = known.get(figure.tag) or known.get(figure.tag + ALIAS)
        if tag is None:
            if figure.tag:
                remedy = nearest(figure.tag, list(known)).strip() or "Name a tag of twins.json."
                table.wrong("tag", f"There is no tag '{figure.tag}'.", remedy)
        elif tag.kind != "number":
            table.wrong("tag", f"'{figure.tag}' is no number.", "Name a tag that is one.")
        else:
            out.append(replace(figure, tag=tag.name, title=figure.title or tag.title or tag.name))
    return tuple(out)


def given_figures(root: Table) -> list[tuple[Table, FigureSpec]]:
    """Return each `[[figure]]` as it stands; `figures` judges what it names when the tags are known."""
    out: list[tuple[Table, FigureSpec]] = []
    for table in root.tables("figure"):
        how = table.choice("how", HOW, "mean")
        spec = FigureSpec(
            title=table.text("title"),
            tag=table.text("tag", required=True),
            how=how,
            limit=table.number("limit", 0.0),
        )
        if how.startswith("time") and "limit" not in table:
            table.wrong("limit", f"'{how}' needs a limit.", "Add 'limit', in the tag's unit.", "P03")
        table.done()
        out.append((table, spec))
    return out
