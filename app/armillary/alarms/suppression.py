"""Suppression by design: which alarms the state of the plant hides, tick by tick.

Rules are those of the project, and one of our own for each link and device: while it is silent, the alarms on
the quality of its tags say nothing new.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from armillary.alarms.devices import DeviceWatch
from armillary.alarms.links import PREFIX
from armillary.alarms.signals import truth
from armillary.model import expression
from armillary.model.alarm import SUPPRESS_OFF_S, AlarmSpec, AlarmState, Suppression
from armillary.model.arrays import B1, F8, I8, U2
from armillary.model.clock import NS
from armillary.model.expression import Expression
from armillary.model.fault import ProjectFault
from armillary.model.quality import GOOD
from armillary.model.tags import TagSpec, TagTable

ALARM = "alarm."  # before an id in a condition: 1 while that alarm is active
UNKNOWN_NS = 60 * NS  # a condition that nobody knows hides for so long what it hid; then alarms are shown
_NEVER = -1


class _Group:
    """Conditions of one shape: n rules that read k inputs each, tags and alarms."""

    def __init__(self, rules: Sequence[int], made: Expression, reads: Sequence[Sequence[int]]) -> None:
        """reads: a slot, or −1 − row of an alarm."""
        self.rules: I8 = np.array(rules, np.int64)
        self.made = made
        every = np.array(reads, np.int64).reshape(len(rules), -1).T
        self._is_tag: B1 = every >= 0
        self._slot: I8 = np.where(self._is_tag, every, 0)
        self._row: I8 = np.where(self._is_tag, 0, -1 - every)
        self._value: F8 | None = None
        self._word: U2 | None = None
        self._found: F8 = np.full(len(rules), np.nan)

    def look(self, table: TagTable, active: B1, now_mono_ns: int) -> F8:
        """Return 1, 0 or NaN for each rule, (n,)."""
        is_tag = self._is_tag
        value: F8 = np.where(is_tag, table.value[self._slot], active[self._row])
        word: U2 = np.where(is_tag, table.quality[self._slot], GOOD).astype(np.uint16)
        is_same = (
            self._value is not None
            and self._word is not None
            and np.array_equal(word, self._word)
            and np.array_equal(value, self._value, equal_nan=True)
        )
        if not is_same or self.made.reads_age:
            self._value, self._word = value, word
            alive = np.where(is_tag, table.alive_mono_ns[self._slot], now_mono_ns)
            self._found, _ = truth(self.made, value, word, alive, now_mono_ns)
        return self._found


class Suppressor:
    """R rules over A alarms; used by one thread at a time."""

    def __init__(
        self,
        rules: Sequence[Suppression],
        specs: Sequence[AlarmSpec],
        tags: Sequence[TagSpec],
        devices: DeviceWatch | None = None,
    ) -> None:
        """Alarms that are not among `specs` are left out, and rules on the state of such: of other areas.

        The project was read before: a condition that is refused here is one of those.
        """
        row = {spec.id: i for i, spec in enumerate(specs)}
        advisory = {spec.id for spec in specs if spec.is_advisory}  # it never trips anything
        rules = [rule for rule in rules if _is_ours(rule, row, tags, advisory)]
        behind = _of_devices(specs, devices) if devices is not None else []
        own = [*_of_links(specs, tags), *((row, below) for row, below, _ in behind)]
        self.ids = (*(rule.id for rule in rules), *(specs[link].id for link, _ in own))
        self._alarms = [
            *([row[id_] for id_ in rule.alarms if id_ in row] for rule in rules),
            *(below for _, below in own),
        ]
        off_s = [*(rule.off_delay_s for rule in rules), *(SUPPRESS_OFF_S for _ in own)]
        self._off_ns: I8 = (np.array(off_s) * NS).astype(np.int64)
        self._groups = _groups(rules, row, tags)
        self._links: I8 = np.array([link for link, _ in own], np.int64)
        # of a rule by the alarm of many devices: which of them it speaks for; -1 = it is by another
        self._member: I8 = np.full(len(own), _NEVER, np.int64)
        self._member[len(own) - len(behind) :] = [member for _, _, member in behind]
        self._first_link = len(rules)
        self._of: dict[int, list[int]] = defaultdict(list)  # row of an alarm -> its rules, in order
        for number, alarms in enumerate(self._alarms):
            for alarm in alarms:
                self._of[alarm].append(number)
        count = len(self.ids)
        self._on: B1 = np.zeros(count, np.bool_)
        self._off_since: I8 = np.full(count, _NEVER, np.int64)
        self._unknown_since: I8 = np.full(count, _NEVER, np.int64)
        self._is_first = True

    def __len__(self) -> int:
        return len(self.ids)

    def knows(self, row: int) -> bool:
        """Return whether a rule that an alarm is hidden by is one of ours."""
        return row in self._of

    def restore(self, states: Iterable[tuple[int, AlarmState]]) -> None:
        """Go on with the rules that hid something; what they hide now is told by the next look."""
        number = {id_: i for i, id_ in enumerate(self.ids)}
        for row, state in states:
            rule = number.get(state.hiding.rule) if state.hiding is not None else None
            if rule is not None and rule in self._of.get(row, ()):
                self._on[rule] = True
        self._is_first = True

    def look(self, table: TagTable, active: B1, now_mono_ns: int, joined: B1 | None = None) -> dict[int, str]:
        """Return the alarms whose rule is another one now, row → its id, "" = none hides it.

        active: (A,) which alarms are; joined: which devices the alarm of many speaks for. The first time all
        that have a rule are returned.
        """
        found: F8 = np.full(len(self.ids), np.nan)
        for group in self._groups:
            found[group.rules] = group.look(table, active, now_mono_ns)
        if len(self._links):
            holds = active[self._links]
            if joined is not None and len(joined):
                holds = holds & ((self._member < 0) | joined[np.maximum(self._member, 0)])
            found[self._first_link :] = holds
        before = self._on
        self._on = self._held(found, now_mono_ns)
        changed = np.flatnonzero(before != self._on).tolist()
        rows = list(self._of) if self._is_first else [a for number in changed for a in self._alarms[number]]
        self._is_first = False
        return {row: self._rule(row) for row in rows}

    def _held(self, found: F8, now_ns: int) -> B1:
        """Return which rules hide: at once when true, and for a time after that and while it is not known."""
        true, unknown = found == 1.0, np.isnan(found)
        since = np.where(self._unknown_since == _NEVER, now_ns, self._unknown_since)
        self._unknown_since = np.where(unknown, since, _NEVER)
        is_over = ~true & (~unknown | (now_ns - since >= UNKNOWN_NS))
        off = np.where(self._off_since == _NEVER, now_ns, self._off_since)
        self._off_since = np.where(is_over & self._on, off, _NEVER)
        ended = is_over & (now_ns - off >= self._off_ns)
        out: B1 = true | (self._on & ~ended)
        return out

    def _rule(self, row: int) -> str:
        return next((self.ids[number] for number in self._of[row] if self._on[number]), "")


def _is_ours(
    rule: Suppression, row: Mapping[str, int], tags: Sequence[TagSpec], advisory: Collection[str]
) -> bool:
    """Return whether all that a rule reads is here, no prediction, and something that it hides."""
    names = {tag.name for tag in tags} | {ALARM + id_ for id_ in row if id_ not in advisory}
    try:
        expression.compile(rule.when, names, rule.origin)
    except ProjectFault:
        return False
    return any(id_ in row for id_ in rule.alarms)


def _groups(rules: Sequence[Suppression], row: dict[str, int], tags: Sequence[TagSpec]) -> list[_Group]:
    slots = {tag.name: tag.slot for tag in tags}
    names = {**slots, **{ALARM + id_: -1 - i for id_, i in row.items()}}
    shapes: dict[str, list[tuple[int, Expression]]] = defaultdict(list)
    for number, rule in enumerate(rules):
        made = expression.compile(rule.when, names, rule.origin or rule.id)
        shapes[made.shape].append((number, made))
    return [
        _Group(
            [number for number, _ in members],
            members[0][1],
            [[names[name] for name in made.names] for _, made in members],
        )
        for members in shapes.values()
        if members[0][1].names
    ]


def _of_links(specs: Sequence[AlarmSpec], tags: Sequence[TagSpec]) -> list[tuple[int, list[int]]]:
    """Return (row of a link's alarm, rows of the alarms on the quality of its tags), where there are any."""
    link_of = {tag.slot: tag.link for tag in tags}
    below: dict[str, list[int]] = defaultdict(list)
    for row, spec in enumerate(specs):
        if spec.kind == "quality" and link_of.get(spec.slot):
            below[PREFIX + link_of[spec.slot]].append(row)
    return [
        (row, below[spec.id]) for row, spec in enumerate(specs) if spec.kind == "link" and spec.id in below
    ]


def _of_devices(specs: Sequence[AlarmSpec], devices: DeviceWatch) -> list[tuple[int, list[int], int]]:
    """Return (alarm, rows of the alarms on the quality of its tags, -1) of each device that has some.

    And the same for the alarm of many devices, with the device's number.
    """
    of: dict[int, list[int]] = defaultdict(list)
    for row, spec in enumerate(specs):
        if spec.kind == "quality" and (device := devices.of_slot(spec.slot)) >= 0:
            of[device].append(row)
    own = [(devices.row(device), below, _NEVER) for device, below in of.items()]
    many = [(int(devices.many[devices.link[device]]), below, device) for device, below in of.items()]
    return [*own, *(each for each in many if each[0] >= 0)]
