"""Reading of notify.toml: who is told of alarms when nobody is at a desk."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import cast
from urllib.parse import urlsplit

from armillary.model.alarm import AlarmSpec
from armillary.model.notice import DAY_MIN, DAYS, NoticeKind, Quiet, Receiver
from armillary.model.scene import SceneProblem
from armillary.project.table import Table, nearest

NOTIFY_FILE = "notify.toml"
EVENTS = ("raised", "cleared", "acknowledged", "reset")
FIELDS = ("id", "tag", "prim", "occurrence")  # of `link`
LOWEST = 4
MOST_MIN = 7 * DAY_MIN
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_TIME = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)")
_FIELD = re.compile(r"\{([^{}]*)\}")


@dataclass(slots=True)
class Notify:
    """What notify.toml holds, as it is read. timezone: of the project, where a receiver gives none."""

    timezone: str
    areas: Sequence[str]
    receivers: list[Receiver] = field(default_factory=list)

    def read(self, root: Table) -> None:
        """Collect every receiver; mistakes are noted in the document's findings."""
        root.raw("schema")
        tables = list(root.tables("notify"))
        for table in tables:
            self._receiver(table)
        root.done()
        for receiver, table in zip(self.receivers, tables, strict=True):
            self._escalates(receiver, table)

    def _receiver(self, table: Table) -> None:
        name = table.text("name", required=True)
        if name and not _NAME.fullmatch(name):
            remedy = "Use small letters, digits, _ and -, a letter first."
            table.wrong("name", f"'{name}' cannot be a receiver's name.", remedy)
        elif name and name in [one.name for one in self.receivers]:
            table.wrong("name", f"There are two receivers '{name}'.", "Rename one of them.", "P08")
        minutes = table.number("escalate_after_min", 0.0, 0.0, MOST_MIN)
        receiver = Receiver(
            name=name,
            kind=table.text("kind", required=True),
            url=_url(table),
            enabled=table.flag("enabled", True),
            priority=table.whole("priority", LOWEST, 1, LOWEST),
            alarms=table.texts("alarms", ("*",)),
            excepted=table.texts("except"),
            categories=table.texts("categories"),
            areas=table.texts("areas"),
            prims=table.texts("prims"),
            events=_events(table),
            only_escalated=table.flag("only_escalated", False),
            quiet=tuple(quiet for one in table.tables("quiet") if (quiet := _quiet(one)) is not None),
            breaks_through=table.whole("breaks_through", 1, 0, LOWEST),
            timezone=table.zone(self.timezone),
            escalate_to=table.text("escalate_to"),
            escalate_s=60.0 * minutes,
            group_over=table.whole("group_over", 10, 1, 10_000),
            group_s=60.0 * table.number("group_min", 10.0, 0.01, MOST_MIN),
            per_hour=table.whole("most_per_hour", 60, 1, 100_000),
            undelivered_s=60.0 * table.number("undelivered_min", 10.0, 0.01, MOST_MIN),
            link=_link(table),
            origin=f"{table.document.name}:notify.{name}",
        )
        for area in receiver.areas:
            if area not in self.areas:
                remedy = nearest(area, self.areas).strip() or "Name an area of project.toml."
                table.wrong("areas", f"There is no area '{area}'.", remedy, "P10")
        for prim in receiver.prims:
            if not prim.startswith("/"):
                table.wrong("prims", f"'{prim}' is not a prim path.", "Begin it with /.")
        self.receivers.append(replace(receiver, settings=table.rest()))

    def _escalates(self, receiver: Receiver, table: Table) -> None:
        """Note an escalation that leads nowhere, or back to where it came from."""
        by_name = {one.name: one for one in self.receivers}
        if bool(receiver.escalate_to) != bool(receiver.escalate_s):
            what = "An escalation needs a receiver and a time."
            table.wrong("escalate_to", what, "Give escalate_to and escalate_after_min, or neither.", "P70")
        if receiver.escalate_to and receiver.escalate_to not in by_name:
            known = sorted(by_name)
            remedy = nearest(receiver.escalate_to, known).strip() or "Add it."
            what = f"There is no receiver '{receiver.escalate_to}'."
            table.wrong("escalate_to", what, remedy, "P70")
        seen, at = [receiver.name], receiver.escalate_to
        while at in by_name and at not in seen:
            seen.append(at)
            at = by_name[at].escalate_to
        if at == receiver.name and at:
            what = f"The escalation goes in a circle: {' → '.join([*seen, at])}."
            table.wrong("escalate_to", what, "Leave 'escalate_to' out of the last one.", "P71")


def findings(receivers: Sequence[Receiver], alarms: Sequence[AlarmSpec]) -> Iterator[SceneProblem]:
    """Yield receivers that are never told anything, and what else is hardly meant."""
    reached = {one.escalate_to for one in receivers if one.enabled}
    for one in receivers:
        if one.only_escalated and one.name not in reached:
            what = f"Nobody escalates to '{one.name}', so it is never told anything."
            remedy = f'Give a receiver escalate_to = "{one.name}", or remove only_escalated.'
            yield _problem("P73", "warning", one.origin, what, remedy)
        for pattern in one.alarms:
            if pattern != "*" and not any(fnmatchcase(alarm.id, pattern) for alarm in alarms):
                what = f"'{pattern}' of '{one.name}' is no alarm of the project."
                near = nearest(pattern, [alarm.id for alarm in alarms]).strip()
                remedy = near or "Correct the pattern; alarms of links begin with link:."
                if not pattern.startswith(("link:", "system:", "opcua:")):
                    yield _problem("P72", "warning", one.origin, what, remedy)
        if one.quiet and not one.breaks_through:
            what = f"'{one.name}' is not told of priority 1 in its quiet times."
            yield _problem("P74", "info", one.origin, what, "Leave breaks_through out if that is not meant.")


def _problem(code: str, severity: str, where: str, what: str, remedy: str) -> SceneProblem:
    return SceneProblem(code=code, severity=severity, where=where, what=what, remedy=remedy)


def _url(table: Table) -> str:
    url = table.text("url", required=True)
    try:
        parts = urlsplit(url)
        fine, password = bool(parts.scheme and parts.hostname), parts.password
    except ValueError:
        fine, password = False, None
    if url and not fine:
        remedy = "Give one such as https://host/path, smtps://host:465 or mqtts://host."
        table.wrong("url", f"'{url}' is not the address of a server.", remedy)
    if password:
        remedy = 'Take it out and keep it by: armillary secret set NAME; here stands secret = "NAME" only.'
        table.wrong("url", "The url holds a password in plain text.", remedy, "P21")
    return url


def _events(table: Table) -> tuple[NoticeKind, ...]:
    given = table.texts("events", ("raised",))
    for name in given:
        if name not in EVENTS:
            remedy = f"Give some of {', '.join(EVENTS)}.{nearest(name, EVENTS)}"
            table.wrong("events", f"'{name}' is no event that is told.", remedy)
    return cast("tuple[NoticeKind, ...]", tuple(name for name in given if name in EVENTS))


def _link(table: Table) -> str:
    text = table.text("link")
    for name in _FIELD.findall(text):
        if name not in FIELDS:
            remedy = f"It may hold {', '.join('{' + one + '}' for one in FIELDS)}."
            table.wrong("link", f"'{{{name}}}' says nothing in a link.", remedy)
    return text


def _quiet(table: Table) -> Quiet | None:
    """Return one quiet time, `{ days = ["mon-fri"], from = "22:00", to = "06:00" }`."""
    days: list[int] = []
    for text in table.texts("days", ("mon-sun",)):
        first, _, last = text.lower().partition("-")
        if first not in DAYS or (last and last not in DAYS):
            table.wrong("days", f"'{text}' is no day.", 'Give such as ["mon-fri", "sun"].')
            continue
        begin = DAYS.index(first)
        length = (DAYS.index(last) - begin) % len(DAYS) if last else 0
        days += [(begin + i) % len(DAYS) for i in range(length + 1)]
    ends = [_minute(table, "from"), _minute(table, "to")]
    table.done()
    if not days or ends[0] is None or ends[1] is None:
        return None
    return Quiet(days=tuple(sorted(set(days))), from_min=ends[0], to_min=ends[1])


def _minute(table: Table, key: str) -> int | None:
    raw = table.raw(key)
    text = raw if isinstance(raw, str) else raw.isoformat("minutes") if hasattr(raw, "isoformat") else ""
    found = _TIME.fullmatch(text)
    minute = int(found[1]) * 60 + int(found[2]) if found else DAY_MIN + 1
    if minute > DAY_MIN:
        table.wrong(key, f"'{key}' is {raw!r}, which is no time of day.", 'Give such as "22:00".')
        return None
    return minute
