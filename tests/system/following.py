"""A line to a world that takes its frames, and keeps what they said at which time."""

from __future__ import annotations

import os

from stations import until

from armillary.model.control import Play, Seek
from armillary.model.frame import Frame, apply_frame
from armillary.model.link import LinkStatus
from armillary.model.message import Credit, Hello, Welcome
from armillary.model.order import Receipt
from armillary.model.tags import TagTable
from armillary.wire import marks
from armillary.wire.bus import Line

NEVER_RAISED = '"occurrence":"",'


class Follower:
    """A desk with its mirror: rows, alarms, links and the newest order."""

    def __init__(self, address: str) -> None:
        self.line = Line(address)
        welcome = self.line.ask(Hello(actor=f"local:{os.getuid()}", desk="test"), 10)
        assert isinstance(welcome, Welcome)
        self.welcome, self.last = welcome, welcome.frame
        self.table = TagTable(len(welcome.specs))
        self.frames: list[Frame] = []
        self.alarms: dict[str, str] = {}  # id → its state as text, since NaN is not itself
        self.links: tuple[LinkStatus, ...] = ()
        self.order: Receipt | None = None
        self._take(welcome.frame)

    def _take(self, frame: Frame) -> None:
        apply_frame(self.table, frame)
        self.alarms.update((state.id, marks.text_of(state)) for state in frame.alarms)
        self.links = frame.links or self.links
        self.order = frame.orders[-1] if frame.orders else self.order
        self.last = frame
        self.frames.append(frame)

    def look(self, seconds: float = 0.05) -> Frame:
        """Ask for the next frame and take what comes."""
        self.line.send(Credit(seq=self.last.seq))
        for _, got in self.line.poll(seconds):
            if isinstance(got, Frame):
                self._take(got)
        return self.last

    def at(self, t_ns: int) -> Frame:
        """Show a time of a record."""
        self.order = None  # a seek tells the newest order of its time anew, where there is one
        self.line.ask(Play(speed=0.0), 10)  # while it runs, the very frame of a time may be passed over
        self.line.ask(Seek(t_ns=t_ns), 10)
        until(lambda: self.look().t_ns == t_ns, 20, "the frame of the time")
        return self.last

    def told(self) -> tuple[object, ...]:
        """Return what is shown beside the values: alarms, links and the newest order."""
        links = tuple((s.name, str(s.state), s.detail, s.delivery, s.since_ns) for s in self.links)
        raised = {id_: text for id_, text in sorted(self.alarms.items()) if NEVER_RAISED not in text}
        return raised, links, marks.text_of(self.order) if self.order else ""
