"""What the processes of a desk tell it: frames, greetings, silence, ends, answers; starting them again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from armillary.model.arrays import U4
from armillary.model.clock import NS
from armillary.model.fault import FaultRecord
from armillary.model.frame import Event, Frame, WorldKind
from armillary.model.message import AskHistory, HistoryInfo, Welcome
from armillary.session import rows
from armillary.session.authoring import Authoring
from armillary.session.batch import Batch
from armillary.session.boarding import (
    AREA,
    Boarding,
    WorldState,
    joined,
    start_area,
    start_recorder,
    start_world,
)
from armillary.session.disk import Disk
from armillary.session.feed import RECORDER, SCENE, WORLD
from armillary.session.mirror import Mirror
from armillary.session.reopening import Reopening
from armillary.session.side import Side
from armillary.session.visiting import Visiting
from armillary.wire import runs
from armillary.wire.bus import served

STARTED_AGAIN = "It is started again; the end of its log file says more."
STARTED_LATER = "It is started again in {:g} s; the end of its log file says more."
AT_ONCE_S = 1.0
REPLAYS = "replay"  # source of what a replay says of itself
HISTORY_S = 10.0  # for a recorder to say what its store keeps
LOOK_NS = NS  # between two looks for the world, or the recorder, that somebody else may have started


class Hearing(Visiting):
    """A desk that takes what comes over the wire."""

    authoring: Authoring
    disk: Disk
    reopening: Reopening

    def _take(self, batch: Batch, now_ns: int, now_mono_ns: int) -> None:
        if self._home is not None:
            if batch.welcome is not None:
                self._know(batch.welcome)
            self._take_behind(self._home, batch, now_mono_ns)
        else:
            self._take_world(batch, now_ns, now_mono_ns)
        for peer, why in batch.ended:
            self._ended(peer, why, peer in batch.died, now_ns, now_mono_ns)
        for peer, notice in batch.notices:
            text = f"{notice.what} It is kept as {notice.where}."
            self._add_event(Event(t_ns=now_ns, level="warning", source=peer, text=text, fault=notice))
        if RECORDER in batch.ready:
            self.timeline.begin()
            self.timebar.read()
            self._ask(RECORDER, AskHistory(), self._told_history, HISTORY_S)
        for told in batch.told:
            self._scene_told(told)
        for number, answer in batch.answers:
            callback = self._callbacks.pop(number, None)
            if callback is None:
                self.stale_answers += 1
            else:
                callback(answer)

    def _take_world(self, batch: Batch, now_ns: int, now_mono_ns: int) -> None:
        """Take what came from the world that is shown."""
        slots: list[U4] = []
        if batch.welcome is not None:
            slots.append(self._welcome(batch.welcome, now_mono_ns))
        if batch.live is not None and self._feed is not None:
            self._lived(batch.live, now_ns)
        slots.extend(self._frame(frame, now_mono_ns) for frame in batch.frames)
        if slots:
            if self.home_kind is WorldKind.REPLAY and self.timebar.following and self.mirror.t_ns:
                self._show_record(self.mirror.t_ns)
            changed = slots[0] if len(slots) == 1 else np.unique(np.concatenate(slots))
            self.showing.note(changed)
            self.showing.follow(self.mirror.t_ns)
            self.showing.wanted |= self.showing.ages
            self.frame_arrived.emit(changed)

    def _show_record(self, t_ns: int) -> None:
        """Let the time bar of a home that replays show where it is: nothing goes on that it could follow."""
        at = self.cursor
        if at is not None and 0 < at.to_ns - at.from_ns < self.timebar.span_s * NS:
            self.timebar.show(at.from_ns, at.to_ns)
        self.timebar.reveal(t_ns)

    def _welcome(self, welcome: Welcome, now_mono_ns: int) -> U4:
        specs_differ = welcome.specs != self.specs
        if specs_differ:
            self.authoring.cancel()  # it is drawn with the tags as they were
            before, self.specs = self.specs, welcome.specs
            self._repen(before)
        self.twins, self.relationships, self.role = welcome.twins, welcome.relationships, welcome.role
        self.about, self.templates = welcome.about, welcome.templates
        if self._home is None:
            self.proposals.forget()
        self.people.welcome(welcome)
        self.training.visited()
        self.mirror = Mirror(len(self.specs))
        self.mirror.live = True
        known = set(self.events)  # of this world before we lost it, or of our own
        news = tuple(event for event in welcome.frame.events if event not in known)
        self.alarms.welcome(welcome.alarms)
        slots = self._frame(replace(welcome.frame, events=news), now_mono_ns)
        if self._home is None:
            self._know(welcome)
            if welcome.frame.kind is WorldKind.REPLAY:
                self.timeline.visit(WorldKind.REPLAY)
        if specs_differ:
            self._recompile()
        self.showing.wanted = True
        return slots

    def _know(self, welcome: Welcome) -> None:
        """Complete our plan by what the home world said of itself."""
        before = self._plan
        if before is not None:
            self._plan = joined(before, welcome.project, welcome.name, welcome.recorder)
            self._learn(before, self._plan)
        self.disk.greeted(welcome)  # a desk that was connected knows the project only now

    def _learn(self, before: Boarding, now: Boarding) -> None:
        """Act on what a world told of itself that we did not know: its recorder, its project and scene."""
        if now.recorder and not before.recorder and self._feed is not None:
            self._feed.connect(RECORDER, now.recorder)
        if now.project is not None and before.project is None:
            self.colormaps = now.project.colormaps
            self._open_scene()
        if now != before:
            self.project_changed.emit()

    def _lived(self, live: bool, now_ns: int) -> None:
        self.mirror.live = live
        self.showing.wanted = True
        if live:
            self.stopped_mono_ns = 0
            self._say_live()
        elif self.world_state is not WorldState.CONNECTING:
            self._stopped(self, self._clock.now_mono_ns())
            since = rows.clock_text(self.mirror.t_ns or now_ns)
            self._set_world(WorldState.NOT_LIVE, f"Not live: the world is silent since {since}.")
            self.orders.disarm("the world is silent.")
            if self.paused:
                self.showing.wanted = True
        self.world_changed.emit()

    def _say_live(self) -> None:
        """Say what is shown; of several worlds shown as one, which of them are silent."""
        kind = self.mirror.kind
        text = "Live" if kind is WorldKind.LIVE else kind.value
        silent = f" · silent: {self.silent}" if self.silent else ""
        self._set_world(WorldState.LIVE, f"{text} · {self.title}{silent}")
        self.world_changed.emit()

    def _frame(self, frame: Frame, now_mono_ns: int) -> U4:
        slots = self.mirror.take(frame, now_mono_ns)
        self.history = frame.history
        self.recording = self._not_recorded(frame.recording) if self._home is None else frame.recording
        if frame.silent != self.silent:
            self.silent = frame.silent
            self._say_live()
        self.cursor, self.stopped = frame.cursor or self.cursor, frame.stopped
        self.tally = frame.tally or self.tally
        if frame.links:
            self.links = frame.links
            self.orders.watch(frame.links)
            self.links_changed.emit()
        if frame.anew:
            self._replace_events(frame.events)
        else:
            for event in frame.events:
                self._add_event(event)
        self.alarms.take(frame)
        if self._home is None:
            self.proposals.take(frame)
        if frame.kind in (WorldKind.LIVE, WorldKind.TRAINING):
            self.orders.take(frame.orders)  # receipts that a replay reads back are nobody's orders
        self.timeline.take(frame)
        return slots

    def _replace_events(self, events: tuple[Event, ...]) -> None:
        """List what had happened by the time that is shown; what the replay says of itself stays."""
        own = [event for event in self.events if event.source == REPLAYS]
        self.events.clear()
        self.events.extend((*events, *own))
        self.events_changed.emit()

    def _not_recorded(self, why: str) -> str:
        """Return why nothing is recorded, by what our recorder said itself where it did; "" = recorded."""
        if not why:
            self._no_recorder = None
        said = self._no_recorder
        return why if said is None else f"{said.what} {said.remedy} ({said.where})"

    def _ended(self, peer: str, why: FaultRecord, died: bool, now_ns: int, now_mono_ns: int) -> None:
        """A process of ours ended (`died`), or could not be started."""
        is_area = peer.startswith(AREA)
        is_news = peer != RECORDER or died or self._no_recorder is None or self._no_recorder.what != why.what
        if (died and (is_area or peer == WORLD)) or (peer == RECORDER and self._is_ours):
            wait_s = self._restarts.died(peer, now_mono_ns)
            if died:
                why = replace(
                    why, remedy=STARTED_AGAIN if wait_s <= AT_ONCE_S else STARTED_LATER.format(wait_s)
                )
        if is_news:
            level = "error" if peer == WORLD or is_area else "warning"
            self._add_event(Event(t_ns=now_ns, level=level, source=peer, text=why.what, fault=why))
        if peer == WORLD:
            self._stopped(self._home or self, now_mono_ns)
            self._set_home(WorldState.NOT_LIVE, f"Not live: {why.what} {why.remedy} Log: {why.where}")
            if self._home is not None:
                self._home.mirror.live = False
                self.home_changed.emit()
            else:
                self.mirror.live = False
                self.showing.wanted = True
                self.orders.disarm("the world ended.")
            self.world_changed.emit()
        elif peer == RECORDER and self._plan is not None and self._plan.recorder and self._feed is not None:
            self._no_recorder = why
            self._feed.connect(RECORDER, self._plan.recorder)  # another one may serve this project
        elif peer == SCENE:
            self._scene_child, self._scene_died = False, why if died else None

    def _start_again(self, now_mono_ns: int) -> None:
        """Start what died and is due; what somebody else has started is joined."""
        for peer in self._restarts.take_due(now_mono_ns):
            plan = self._plan
            if plan is None or self._feed is None:
                continue
            if peer == WORLD:
                self._again()
            elif peer.startswith(AREA):
                start_area(plan, self._feed, peer.removeprefix(AREA))
            elif served(plan.recorder):  # there is never more than one: it may be another's, and end too
                self._restarts.again(RECORDER, now_mono_ns + LOOK_NS)
            else:
                start_recorder(plan, self._feed)

    @property
    def _is_ours(self) -> bool:
        """Whether this desk starts the processes of the project that is open."""
        return self._plan is not None and self._plan.starts_world and bool(self._plan.recorder)

    def _stopped(self, side: Side | Hearing, now_mono_ns: int) -> None:
        """Note since when the data of a world have stopped."""
        if not side.stopped_mono_ns and side.mirror.frames:
            side.stopped_mono_ns = now_mono_ns

    @property
    def outage(self) -> str:
        """What a bar says while data have stopped and their world is started again, "" otherwise."""
        is_coming = self.world_state is WorldState.CONNECTING or self._restarts.is_due(WORLD)
        if not self.stopped_mono_ns or self.away or not is_coming:
            return ""
        since_s = (self._clock.now_mono_ns() - self.stopped_mono_ns) / NS
        return f"Live data stopped {max(1.0, since_s):.0f} s ago. Restarting…"

    @property
    def history_text(self) -> str:
        """What the chip of the historian says: whether everything is recorded, else what is done about it."""
        kept, why = (self._home or self).history, (self._home or self).recording
        if not why:
            return "Recording in part" if self.history_lacks else "Recording"
        spill = f" (spill {kept.behind_s:.0f} s)" if kept.waiting else ""
        if kept.state == "full":
            return f"History: disk full{spill}"
        if self._is_ours and kept.state == "away":
            return f"History: restarting{spill}"
        return f"Not recording{spill}"

    @property
    def history_tip(self) -> str:
        """What is told of the historian where there is room: why nothing is recorded, or what is not kept."""
        why = (self._home or self).recording
        if why:
            return why
        if not self.history_lacks:
            return "Every sample is written to the historian."
        return "\n".join((f"Samples are written to {self.history_store}.", *self.history_lacks))

    def _told_history(self, answer: object) -> None:
        """Take what the recorder's store says of itself."""
        if isinstance(answer, HistoryInfo):
            self.history_store, self.history_lacks = answer.store, answer.lacks
            self.world_changed.emit()

    def _follow(self, now_mono_ns: int) -> None:
        """Look whether a world that another started, and that is silent, was started anew elsewhere."""
        plan, feed = self._plan, self._feed
        is_silent = (self._home or self).world_state in (WorldState.NOT_LIVE, WorldState.CONNECTING)
        if plan is None or feed is None or plan.starts_world or not is_silent or plan.project is None:
            return
        if plan.areas:
            return  # the line to all areas looks after that itself
        if now_mono_ns - self._followed_mono_ns < LOOK_NS:
            return
        self._followed_mono_ns = now_mono_ns
        folder = str(plan.project.folder)
        for run in runs.all_runs():
            if run.project == folder and run.kind == self.home_kind and run.address != plan.address:
                self._plan = replace(plan, address=run.address)
                feed.connect(WORLD, run.address)
                return
        if self.reopening.inherits and not served(plan.address):
            self.reopening.took_over()
            self._plan = replace(plan, address="", starts_world=True)
            start_recorder(self._plan, feed)
            self._again()

    def _set_world(self, state: WorldState, text: str) -> None:
        self.world_state, self.world_text = state, text

    def _set_home(self, state: WorldState, text: str) -> None:
        """Note how our own world stands, shown or not."""
        if self._home is None:
            self._set_world(state, text)
        else:
            self._home.world_state, self._home.world_text = state, text

    def restart_world(self) -> None:
        """Start our own world anew when it ended, or connect to a foreign one again."""
        plan, feed = self._plan, self._feed
        if plan is None or feed is None or self.world_state is WorldState.NONE:
            return
        self._again()

    def _again(self) -> None:
        """Start or connect our own world."""
        plan, feed = self._plan, self._feed
        if plan is None or feed is None:
            return
        self._restarts.cancel(WORLD)
        self._set_home(WorldState.CONNECTING, f"Starting the world of {plan.title} anew …")
        if plan.starts_world:
            start_world(plan, feed)
        else:
            feed.connect(WORLD, plan.address)
        self.world_changed.emit()
