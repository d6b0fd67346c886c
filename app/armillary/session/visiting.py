"""The desk over several worlds: home goes on behind, another world of the project is shown meanwhile."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from armillary.model import places
from armillary.model.clock import NS
from armillary.model.control import Loop, Play, Seek, SnapshotInfo, Step, StepBy, TakeSnapshot
from armillary.model.fault import Fault, FaultRecord, WorldFault
from armillary.model.frame import Event, WorldKind
from armillary.model.scenario import Fork
from armillary.session import worlds
from armillary.session.batch import Batch
from armillary.session.beside import Beside, Lost
from armillary.session.loading import fault_of
from armillary.session.side import Side
from armillary.session.visit import Visit
from armillary.session.worlds import ENTRIES

WELCOME_S = 12.0  # a world that has not welcomed us by then is not there
WARM_AFTER_S, WARM_AGAIN_S = 4.0, 3.0  # after the live picture; between two starts
WARM_TRIES = 3  # of one kind: then it is started when it is wanted
SNAPSHOT_S = 30.0
SEEK_S = 10.0
STARTING_S = 30.0  # the same for one that we have just started: on a busy machine that takes its time
_count = itertools.count(1)


class Visiting(Beside):
    """A standing that can show another world than the one it has opened (home)."""

    # ------------------------------------------------------------ going from world to world

    def start_replay(self, t_ns: int) -> None:
        """Show the past at a time: the picture changes when it is there. Raises WorldFault when it cannot."""
        if why := self.why_no_replay():
            raise WorldFault(f"The past cannot be shown: {why}", where=self.title, remedy="Open a project.")
        now = self._clock.now_mono_ns()
        if self._shown is not None and self.kind is WorldKind.REPLAY:
            self._shown.seek(t_ns, now)
            return
        if self.home_kind is WorldKind.REPLAY:
            self.go_live()
            self._seek_home(t_ns)
            return
        visit = self._ours(WorldKind.REPLAY) or self._start(WorldKind.REPLAY, idle=True)
        self._expect(visit)
        visit.seek(t_ns, now)

    def visit(self, address: str) -> None:
        """Show the world at an address as soon as it has welcomed us."""
        home = self._home.mirror.world if self._home is not None else self.mirror.world
        found = next((v for v in self._visits if v.address == address or v.id == address), None)
        if found is self._shown and found is not None:
            return
        row = next((w for w in self.worlds if address in (w.address, w.id)), None)
        if row is not None and (row.is_home or row.id == home):
            self.go_live()
            return
        if found is None:
            kind = row.kind if row is not None else WorldKind.REPLAY
            found = self._add(kind)
            found.connect(row.address if row is not None else address)
        found.is_idle = False
        self._expect(found)

    def go_live(self) -> None:
        """Return to home at once."""
        for visit in self._visits:
            visit.wants_show = False
        shown, home = self._shown, self._home
        if shown is None or home is None:
            self.home_changed.emit()
            return
        shown.side = self._kept()
        self._shown, self._home = None, None
        if not shown.is_ours:
            self._drop(shown)
        elif shown.kind is WorldKind.REPLAY:
            shown.ask(Play(speed=0.0), lambda _answer: None)
        self._switch(home)

    def revisit(self) -> None:
        """Start the world that was lost again, where it was."""
        lost, self.lost = self.lost, None
        if lost is None:
            return
        if lost.kind is WorldKind.REPLAY:
            self.start_replay(lost.t_ns)
        elif lost.address:
            self.visit(lost.address)
        self.world_changed.emit()

    def close_world(self, name: str) -> None:
        """End a world by id. Raises WorldFault for home; where it is shown, home is shown first."""
        row = next((w for w in self.worlds if w.id == name), None)
        if row is None:
            raise WorldFault(
                f"No world {name} runs here.", where=self.title, remedy="See the list of worlds."
            )
        if row.why_not_close:
            raise WorldFault(row.why_not_close, where=name, remedy="Close the project: File ▸ Close.")
        visit = next((v for v in self._visits if v.id == name), None)
        if visit is not None and visit is self._shown:
            self.go_live()
        if visit is not None and visit in self._visits:
            self._drop(visit)
        if visit is None or not visit.is_ours:
            self._ended_ids.add(name)
            self._work(lambda: worlds.end(row.address), partial(self._not_ended, name))
        self._listed_mono_ns = 0
        self.world_changed.emit()

    def _not_ended(self, name: str, answer: object) -> None:
        if isinstance(answer, FaultRecord):
            self._ended_ids.discard(name)  # it runs on: list it again
        self._tell(answer)

    # ------------------------------------------------------------ the clock of what is shown

    def play(self, speed: float) -> None:
        """Let the shown world's clock run; 0 pauses, negative runs backwards."""
        if speed:
            self.speed = abs(speed)
        if self.kind is WorldKind.TRAINING:
            self.training.play(speed)
            return
        self.ask_world(Play(speed=speed), self._tell)

    def step(self, by: StepBy, count: int) -> None:
        """Step the shown world while it pauses."""
        if self.kind is WorldKind.TRAINING:
            self.training.step(by, count)
            return
        slots = self.tags_of_selection() if by in ("sample", "change") else ()
        tags = tuple(self.specs[slot].name for slot in slots)
        self.ask_world(Step(by=by, count=count, tags=tags), self._tell)

    def loop(self, from_ns: int, to_ns: int) -> None:
        """Let the shown replay repeat a span; an empty one ends that."""
        self.ask_world(Loop(from_ns=from_ns, to_ns=to_ns), self._tell)

    def seek(self, t_ns: int) -> None:
        """Show another time: in a world with a cursor its own, from home a REPLAY world's."""
        if self._shown is not None and self.kind in (WorldKind.REPLAY, WorldKind.WHATIF):
            self._shown.seek(t_ns, self._clock.now_mono_ns())
        elif self.kind is WorldKind.TRAINING and self.training.is_over:
            self.training.seek(t_ns)
        else:
            self.start_replay(t_ns)

    def _seek_home(self, t_ns: int) -> None:
        """Move a home that replays; while it is on its way to a time, the newest wish waits."""
        if self._home_seek_ns is not None:
            self._home_seek_ns = t_ns
            return
        self._home_seek_ns = t_ns

        def answered(answer: object) -> None:
            wanted, self._home_seek_ns = self._home_seek_ns, None
            self._tell(answer)
            if wanted is not None and wanted != t_ns:
                self._seek_home(wanted)

        self.ask_home(Seek(t_ns=t_ns), answered, SEEK_S)

    def snapshot(self, title: str, done: Callable[[SnapshotInfo | FaultRecord], None]) -> None:
        """Write a snapshot file of the world that is shown."""

        def answered(answer: object) -> None:
            done(answer if isinstance(answer, SnapshotInfo) else fault_of(answer))

        self.ask_world(TakeSnapshot(title=title), answered, SNAPSHOT_S)

    # ------------------------------------------------------------ futures and exercises

    def why_no_fork(self) -> str:
        """Return why no what-if can be started from here, "" when it can."""
        if why := self.why_no_replay():
            return why
        if self.mirror.world and self._address_of(self.mirror.world):
            return ""
        return "The world that is shown has no address to be forked from."

    def fork(self, scenario: str = "", t_ns: int = 0, title: str = "") -> None:
        """Start a what-if from the world that is shown, at a time (0 = the one shown), and show it."""
        if why := self.why_no_fork():
            raise WorldFault(why, where=self.title, remedy="Open a project whose live world runs.")
        source = self._address_of(self.mirror.world)
        at_ns = t_ns or (self.picture_ns() if self.away else 0)
        self._begin_fork(Fork(source=source, t_ns=at_ns, scenario=scenario, title=title))

    def reopen_fork(self, name: str) -> None:
        """Show a fork that is on disk, with what was computed of it. Raises WorldFault."""
        if why := self.why_no_replay():
            raise WorldFault(why, where=self.title, remedy="Open its project.")
        self._begin_fork(Fork(fork=name))

    def _begin_fork(self, wish: Fork) -> None:
        visit = self._ours(WorldKind.WHATIF, idle=True) or self._start(WorldKind.WHATIF, idle=True)
        visit.begin_with(wish, self.people.by_ticket())
        self._expect(visit)
        visit.go(self._clock.now_mono_ns())

    def why_no_training(self) -> str:
        """Return why no exercise can be started from here, "" when it can."""
        if self.project is None or not self.project.saved:
            return "A project must be open."
        if any(v.kind is WorldKind.TRAINING and v.is_ours for v in self._visits):
            return "An exercise runs already: end it in the list of worlds first."
        if self.kind is WorldKind.TRAINING and self.mirror.frames:
            return "This desk shows an exercise."
        return ""

    def train(self, scenario: str, snapshot: str = "") -> None:
        """Start an exercise in a world of its own and show it; `snapshot`: a state file to start from."""
        if why := self.why_no_training():
            raise WorldFault(why, where=self.title, remedy="See the list of worlds.")
        if self.project is None:
            return
        visit = self._add(WorldKind.TRAINING)
        args = {"project": str(self.project.folder), "scenario": scenario, "snapshot": snapshot}
        visit.launch("world.training", args, places.logs() / f"training-{os.getpid()}-{next(_count)}.log")
        self._expect(visit)

    # ------------------------------------------------------------ the loop

    def _take_world(self, batch: Batch, now_ns: int, now_mono_ns: int) -> None:
        raise NotImplementedError  # the workspace shows what comes

    def _pump_visits(self, now_ns: int, now_mono_ns: int) -> None:
        for visit in tuple(self._visits):
            batch = visit.feed.take()
            if batch.welcome is not None:
                visit.welcomed(batch.welcome.world)
            if visit is self._shown:
                self._take_world(batch, now_ns, now_mono_ns)
            else:
                self._take_behind(visit.side, batch, now_mono_ns)
            self.stale_answers += visit.answered(batch)
            for _peer, why in batch.ended:
                self._visit_ended(visit, why, now_ns)
                break
        for visit in tuple(self._visits):
            visit.go(now_mono_ns)
            limit_s = STARTING_S if visit.is_ours else WELCOME_S
            if visit.lost or (not visit.is_welcomed and now_mono_ns - visit.begun_mono_ns > limit_s * NS):
                self._gave_up(visit, now_ns)
            elif visit.wants_show and visit.is_ready(now_mono_ns):
                self._show(visit)
        self._keep_warm(now_mono_ns)

    def _take_behind(self, side: Side, batch: Batch, now_mono_ns: int) -> None:
        """Keep a world that is not shown up to date."""
        if batch.welcome is not None:
            side.welcome(batch.welcome, now_mono_ns)
            if side is self._home:
                self.proposals.forget()
                self.proposals.take(batch.welcome.frame)
        if batch.live is not None:
            side.set_live(batch.live, f"{side.kind.value} · {self.title}")
        for frame in batch.frames:
            if side is self._home:
                self.proposals.take(frame)
            urgent = side.take(frame, now_mono_ns)
            if side is self._home and urgent:
                spec_of = {spec.id: spec for spec in side.alarm_specs}
                for state in urgent:
                    if (spec := spec_of.get(state.id)) is not None:
                        self.home_alarm.emit(spec, state)
        if side is self._home:
            said = (self.home_text(), side.stopped)
            if said != self._home_said:
                self._home_said = said
                self.home_changed.emit()

    def _visits_due_s(self, now_mono_ns: int) -> list[float]:
        """Return after how many seconds something of a visit is due."""
        waits = [due for visit in self._visits if (due := visit.seek_due_s(now_mono_ns)) is not None]
        if any(visit.wants_show or not visit.is_welcomed for visit in self._visits):
            waits.append(0.1)
        if self._wants_warm() is not None:
            waits.append(1.0)
        return waits

    def _visit_ended(self, visit: Visit, why: FaultRecord, now_ns: int) -> None:
        """A world that we visit is gone. Where it was shown, home is: nobody looks at a dead picture."""
        if visit not in self._visits:
            return
        is_shown, kind = visit is self._shown, visit.kind
        if visit.is_idle and not visit.wants_show:
            self._warm_failed[visit.asked_kind] = self._warm_failed.get(visit.asked_kind, 0) + 1
            self._drop(visit)
            return
        lost = Lost(
            kind=kind,
            t_ns=self.mirror.t_ns if is_shown else visit.asked_seek_ns or (visit.seek_ns or 0),
            address="" if visit.is_ours else visit.address,
            what=why.what,
            where=why.where,
            can_restart=kind is WorldKind.REPLAY,
        )
        wanted = is_shown or visit.wants_show
        if is_shown:
            self.go_live()
        if visit in self._visits:
            self._drop(visit)
        back = " You are back at home." if is_shown else ""
        text = f"The {kind.value} world ended: {why.what}{back} Log: {why.where}"
        self._add_event(Event(t_ns=now_ns, level="error", source=kind.value, text=text, fault=why))
        if wanted:
            self.lost = lost
        self._listed_mono_ns = 0
        self.world_changed.emit()

    def _gave_up(self, visit: Visit, now_ns: int) -> None:
        """A world did not welcome us in time, or refused the time that was asked for."""
        why = visit.lost or "It did not answer in time."
        if visit.is_welcomed and visit.lost:
            visit.lost, visit.wants_show = "", False
            what = "That time cannot be shown" if visit.began else "The what-if could not begin"
            text, refusal, visit.refusal = f"{what}: {why}", visit.refusal, None
            self._add_event(Event(t_ns=now_ns, level="warning", source=visit.kind.value, text=text))
            if refusal is not None and not visit.began:  # a time is asked for again by the next click
                self.refused.emit(replace(refusal, what=f"{what}: {refusal.what}"))
            self.world_changed.emit()
            return
        where = visit.address or self.title
        fault = FaultRecord(kind="WorldFault", what=why, where=where, remedy="Try again.")
        self._visit_ended(visit, fault, now_ns)

    # ------------------------------------------------------------ warm spares

    def _wants_warm(self) -> WorldKind | None:
        """Return the kind of world to be started ahead, None when all are there or cannot be had."""
        if (
            not self.warm
            or self.home_kind is WorldKind.REPLAY
            or self.why_no_replay()
            or (self._home is None and not self.mirror.live)
        ):
            return None
        for kind in ENTRIES:
            spare = self._ours(kind, idle=kind is WorldKind.WHATIF)
            if spare is None and self._warm_failed.get(kind, 0) < WARM_TRIES:
                return kind
        return None

    def _keep_warm(self, now_mono_ns: int) -> None:
        kind = self._wants_warm()
        if kind is None:
            return
        if not self._warm_mono_ns:
            self._warm_mono_ns = now_mono_ns + int(WARM_AFTER_S * NS)
        if now_mono_ns < self._warm_mono_ns or self.progress[0] or self.coming is not None:
            return
        self._warm_mono_ns = now_mono_ns + int(WARM_AGAIN_S * NS)
        try:
            self._start(kind, idle=True)
        except Fault:
            self._warm_failed[kind] = WARM_TRIES
