"""What a desk sees of tags that tell of a person: `•••`, unless whoever is on its line was granted it.

Masked in the world, before a frame leaves it: a desk never has what it may not show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from armillary.model.alarm import AlarmEvent, AlarmSpec, AlarmState
from armillary.model.arrays import B1, U4
from armillary.model.control import StateAnswer
from armillary.model.frame import Frame
from armillary.model.logbook import Note
from armillary.model.tags import TagSpec
from armillary.twin import past_pack

MASK = "•••"


class Masking:
    """Of one project. `slots`: those that are masked, ascending; of most projects there are none."""

    def __init__(self, specs: Sequence[TagSpec], alarms: Sequence[AlarmSpec]) -> None:
        self.specs = specs
        self.slots: U4 = np.array([s.slot for s in specs if s.personal == "direct"], np.uint32)
        self._hidden = frozenset(self.slots.tolist())
        names = {specs[slot].name for slot in self._hidden}
        self._alarms = frozenset(alarm.id for alarm in alarms if alarm.tag in names)
        self._tags = names

    def __bool__(self) -> bool:
        return bool(self._hidden)

    def frame(self, frame: Frame) -> Frame:
        """Return a frame without what tells of a person."""
        hidden = np.isin(frame.slot, self.slots)
        shown: B1 = ~np.isin(frame.array_slot, self.slots)
        ends = np.repeat(shown, frame.array_size) if len(shown) else np.zeros(0, np.bool_)
        texts = tuple((slot, text) for slot, text in frame.text if slot not in self._hidden)
        return replace(
            frame,
            value=np.where(hidden, np.nan, frame.value),
            text=(*texts, *((slot, MASK) for slot in frame.slot[hidden].tolist())),
            array_slot=frame.array_slot[shown],
            array_size=frame.array_size[shown],
            array=frame.array[ends],
            why=tuple((slot, why) for slot, why in frame.why if slot not in self._hidden),
            good=np.where(hidden, np.nan, frame.good) if len(frame.good) else frame.good,
            alarms=tuple(self._alarm(alarm) for alarm in frame.alarms),
            alarm_events=tuple(self._event(event) for event in frame.alarm_events),
            orders=tuple(order for order in frame.orders if order.tag not in self._tags),
        )

    def note(self, note: Note) -> Note:
        """Return an entry of the logbook without what was written of a person: on such a tag or its alarm."""
        about = note.tag in self._tags or note.alarm in self._alarms
        return replace(note, text=MASK) if about and note.text else note

    def state(self, answer: StateAnswer) -> StateAnswer:
        """Return a state without it; it names its tags, so that it need not be of this world's slots."""
        hidden = np.isin(np.array(answer.tags, np.object_), list(self._tags))
        rows = np.flatnonzero(hidden).tolist()
        texts = {row: text for row, text in answer.text.items() if not hidden[row]}
        return replace(
            answer,
            value=np.where(hidden, np.nan, answer.value),
            text={**texts, **dict.fromkeys(rows, MASK)},
            alarms=tuple(self._alarm(alarm) for alarm in answer.alarms),
            past=past_pack.without(answer.past, self._tags),
        )

    def _alarm(self, alarm: AlarmState) -> AlarmState:
        return replace(alarm, value=float("nan"), text=MASK) if alarm.id in self._alarms else alarm

    def _event(self, event: AlarmEvent) -> AlarmEvent:
        return replace(event, value=float("nan"), text=MASK) if event.id in self._alarms else event
