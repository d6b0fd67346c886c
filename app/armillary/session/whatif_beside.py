"""Another run of a what-if in a second picture, at the same time as the first."""

from __future__ import annotations

from armillary.model.clock import NS, Clock
from armillary.model.control import AskRunFrame
from armillary.model.frame import Frame
from armillary.model.look import Look
from armillary.session.mirror import Mirror
from armillary.session.showing import Showing
from armillary.session.signal import Signal
from armillary.session.whatif import Futures
from armillary.session.whatif_difference import Pictured

ASK_NS = NS // 5  # frames of the other run: at most so often
ASK_S = 5.0


class Beside:
    """The run beside the shown one; off until somebody asks."""

    def __init__(self, host: Pictured, futures: Futures, clock: Clock) -> None:
        self.changed: Signal[()] = Signal()  # on, off, another run
        self.look_changed: Signal[Look] = Signal()
        self.run = ""  # its id; "" = off
        self.t_ns = 0  # of the newest picture
        self._host, self._futures, self._clock = host, futures, clock
        self._showing = Showing()
        self._shown: object = None  # run, time and scene of the newest look
        self._waits = False
        self._asked_ns = 0
        host.frame_arrived.connect(lambda _slots: self.follow())
        host.visited.connect(self.off)

    @property
    def is_on(self) -> bool:
        return bool(self.run)

    @property
    def title(self) -> str:
        """What the second picture shows, "" for nothing."""
        card = self._futures.card(self.run)
        return card.title if card is not None else ""

    def other(self) -> str:
        """Return the run to put beside the shown one: that which does nothing as long, else the next."""
        shown = self._futures.shown
        if shown is None:
            return ""
        base = self._futures.baseline_of(shown.id)
        ids = (base, *self._futures.compared, *(card.id for card in self._futures.cards))
        return next((name for name in ids if name != shown.id and self._futures.card(name)), "")

    def why_not(self) -> str:
        """Return why there is nothing to put beside, "" when there is."""
        if self._futures.shown is None:
            return "No what-if is shown."
        if self._host.showing.scenery is None:
            return "No scene is shown."
        return "" if self.other() else "There is no other run."

    def show(self, run: str) -> None:
        """Show a run beside."""
        self.run, self._shown, self._waits = run, None, False
        self._asked_ns = self._clock.now_mono_ns() - ASK_NS
        self.changed.emit()
        self.follow()

    def off(self) -> None:
        """Show one picture again."""
        if self.run:
            self.run = ""
            self.changed.emit()

    def follow(self) -> None:
        """Ask how the other run stands at the time that is shown, where that is not known."""
        mirror, scenery, now = self._host.mirror, self._host.showing.scenery, self._clock.now_mono_ns()
        wanted = (self.run, mirror.t_ns, id(scenery))
        is_idle = not self.run or scenery is None or self._waits
        if is_idle or wanted == self._shown or now - self._asked_ns < ASK_NS:
            return
        self._waits, self._asked_ns = True, now
        run, t_ns = self.run, mirror.t_ns

        def answered(answer: object) -> None:
            self._waits = False
            if isinstance(answer, Frame) and self.run == run and self._host.showing.scenery is scenery:
                self._shown = wanted
                self._take(answer)

        self._host.ask_world(AskRunFrame(id=run, t_ns=t_ns), answered, ASK_S)

    def _take(self, frame: Frame) -> None:
        scenery, now = self._host.showing.scenery, self._clock.now_mono_ns()
        if self._showing.scenery is not scenery:
            self._showing.show(scenery)
        self._showing.grey = self._host.showing.grey
        self._showing.hidden = self._host.showing.hidden
        mirror = Mirror(len(self._host.specs))
        mirror.take(frame, now)
        mirror.live = True
        look = self._showing.resolve(mirror, (), now)
        if look is not None:
            self.t_ns = frame.t_ns
            self.look_changed.emit(look)
