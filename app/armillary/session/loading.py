"""The scene side of a workspace: requests, the scene child, loading in the background, looks."""

from __future__ import annotations

import math
from collections.abc import Callable

from armillary.encoding.surfaces import misfits
from armillary.model import memory
from armillary.model.binding import Binding
from armillary.model.clock import NS, Clock
from armillary.model.fault import FaultRecord
from armillary.model.frame import Event
from armillary.model.look import Look
from armillary.model.message import (
    AskAttributes,
    Attributes,
    ChooseVariants,
    OpenScene,
    SaveBindings,
    SceneOpened,
    SceneProgress,
)
from armillary.model.quality import NEVER
from armillary.model.scene import SceneArrays, SceneProblem
from armillary.model.tags import TagSpec
from armillary.scene import cache
from armillary.session import scenery
from armillary.session.boarding import start_scene
from armillary.session.chosen import Chosen
from armillary.session.feed import SCENE, Feed
from armillary.session.opening import AGAIN, CANCELLED, Opening
from armillary.session.rebinding import Rebinding, Wish
from armillary.session.scene_files import SceneFiles
from armillary.session.scenery import Scenery
from armillary.session.showing import same, variants_wanted
from armillary.session.standing import IDLE, Standing
from armillary.wire.child import refusal

VARIANTS_NS = NS // 2  # at most two changes of variants a second
_NO_TAG = "B05"  # a binding to a tag that is not known
SCENE_S = 600.0
SAVE_S = 60.0
_DAMAGED = "is damaged or hostile: export it again"
SCENE_LOST = "S00"  # code of the problem that nothing of the scene can be shown


class Loading(Standing):
    """A standing that asks other processes, loads scenes and makes looks."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.stale_answers = 0  # answers that nobody waits for any more
        self._feed: Feed | None = None
        self._callbacks: dict[int, Callable[[object], None]] = {}
        self._progress_of: Callable[[str, float], None] | None = None
        self._scene_problem: SceneProblem | None = None
        self._scene_child = False
        self._scene_died: FaultRecord | None = None  # how the child ended while it ran
        self._attributes_asked = 0
        self.scene_files = SceneFiles()
        self.opening = Opening()
        self.prepare: Callable[[SceneArrays], object] = lambda _scene: None
        """Run in the background before a scene is shown: what would hold up the thread of the desk."""
        self.prepared: object = None  # what it returned for `scene`
        self._turn = 0  # of opening a scene; an answer for an earlier one is dropped
        self.with_payloads = True  # False: begin without, whatever the project says
        self._chosen = Chosen()
        self._variants: tuple[tuple[str, str, str], ...] = ()
        self._variants_mono_ns = 0
        self._misfits: tuple[SceneProblem, ...] = ()  # lists of values that do not fit their mesh
        self._rebinding = Rebinding(self._job_of, self._work, self._rebound)

    @property
    def scene_problem(self) -> SceneProblem | None:
        """Why nothing of the scene can be shown; None while it can, or while it is being read."""
        return self._scene_problem

    def _forget_scene(self) -> None:
        self._callbacks.clear()
        self._rebinding.forget()
        self._variants, self._scene_problem, self._scene_child = (), None, False
        self._chosen = Chosen()
        self._misfits = ()
        self.scene_files.forget()
        self._scene_died = None
        self.opening.begin()
        self.opening.cancelled, self.prepared = False, None
        self._turn += 1

    # ------------------------------------------------------------ requests

    def _ask(
        self, peer: str, message: object, callback: Callable[[object], None], timeout_s: float = 10.0
    ) -> None:
        if self._feed is None:
            callback(fault_of(None))
            return
        self._callbacks[self._feed.ask(peer, message, timeout_s)] = callback

    def _work(self, job: Callable[[], object], callback: Callable[[object], None]) -> None:
        if self._feed is not None:
            self._callbacks[self._feed.work(job)] = callback

    def _tell(self, answer: object) -> None:
        """Put a refused request among the events; one that was carried out needs no word."""
        if isinstance(answer, FaultRecord):
            text = f"{answer.what} {answer.remedy}"
            now_ns = self._clock.now_ns()
            self._add_event(Event(t_ns=now_ns, level="error", source=answer.where, text=text, fault=answer))

    def tell_event(self, event: Event) -> None:
        """Put an event of this desk itself among the events."""
        self._add_event(event)

    def _add_event(self, event: Event) -> None:
        self.events.append(event)
        self.event_added.emit(event)

    # ------------------------------------------------------------ the scene

    def _open_scene(self) -> None:
        request = self._start_scene_child()
        if request is None:
            return
        self._begin_opening("Reading the scene")
        self._ask(SCENE, request, self._of_this_turn(self._scene_opened), SCENE_S)

    def _begin_opening(self, text: str) -> None:
        self.opening.begin()
        self.opening.cancelled = False
        self._say(text, 0.01)

    def _of_this_turn(self, callback: Callable[[object], None]) -> Callable[[object], None]:
        """Return a callback that does nothing once the opening it belongs to was cancelled."""
        turn = self._turn

        def answered(answer: object) -> None:
            if turn == self._turn:
                callback(answer)
            else:
                self.stale_answers += 1

        return answered

    def _scene_told(self, told: SceneProgress) -> None:
        """Say how far the scene child is; what it tells after a cancelled opening is of no interest."""
        if self.progress[0]:
            self._say(*self.opening.add(told))

    def cancel_opening(self) -> None:
        """Give up reading a scene: what was shown before stays, and the reader's process is ended."""
        if not self.progress[0] or self._feed is None:
            return
        self._feed.kill(SCENE, CANCELLED)
        self._scene_child = False  # a fresh one is started when it is next needed
        self._turn += 1
        self.opening.begin()
        self.opening.cancelled = self.scene is None
        self._add_event(
            Event(t_ns=self._clock.now_ns(), level="info", source="desk", text=f"{CANCELLED} {self.title}")
        )
        self._say(*IDLE)
        if self.scene is None:
            self.scene_changed.emit()  # its boxes go

    def reload_scene(self) -> None:
        """Read the scene again as it is on disk; selection, view and bindings stay, by path."""
        if self._plan is None or self._feed is None or self.progress[0]:
            return
        self.scene_files.reloading()
        if not self._scene_child or self.scene is None:
            self._open_scene()
            return
        self._begin_opening(AGAIN)
        # with nothing chosen anew: what was chosen of variants and payloads stays
        project = self._plan.project
        composed = str(project.composed or "") if project is not None else ""
        roots = () if project is None else (str(project.folder), *map(str, project.roots))
        again = ChooseVariants(composed=composed, roots=roots)
        self._ask(SCENE, again, self._of_this_turn(self._reloaded), SCENE_S)

    def _reloaded(self, answer: object) -> None:
        """Show the scene as it was read again; one that cannot be read leaves the picture as it is."""
        if isinstance(answer, SceneOpened):
            self._scene_opened(answer)
        else:
            self._say(*IDLE)
            self._tell(answer)

    def _scene_opened(self, answer: object) -> None:
        if not isinstance(answer, SceneOpened):
            self._scene_failed(answer)
            return
        self.scene_files.opened(answer.files)
        self._say("Preparing the picture", 0.8)
        specs, colormaps, prepare = self.specs, self.colormaps, self.prepare

        def made() -> tuple[Scenery, object]:
            loaded = scenery.load(answer, specs, colormaps)
            return loaded, prepare(loaded.scene)

        self._work(made, self._of_this_turn(self._scene_made))

    def _scene_made(self, answer: object) -> None:
        if not isinstance(answer, tuple):
            self._scene_failed(answer)
            return
        loaded, self.prepared = answer
        self._scene_loaded(loaded)

    def _scene_loaded(self, answer: Scenery) -> None:
        self.opening.begin()
        old, chosen = self.scene, self.selection
        hidden, isolated = self.hidden, self.isolated
        self._rebinding.forget()  # bindings under way are for the arrays that were
        self.showing.show(answer)
        if old is not None:  # the same scene with other variants: what a person chose stays, by path
            self.selection = self._moved(old, chosen)
            self.showing.hidden.update(self._moved(old, tuple(hidden)))
            self.showing.isolated = self._moved(old, isolated)
        self._scene_problem = None
        self._say(*IDLE)
        self._gather_problems()
        if answer.specs is not self.specs:
            self._recompile()  # the world had other tags than the project when this began
        self.scene_changed.emit()
        self.selection_changed.emit(self.selection)

    def _moved(self, old: SceneArrays, prims: tuple[int, ...]) -> tuple[int, ...]:
        found = (self.prim_named(old.prim_path[p]) for p in prims)
        return tuple(p for p in found if p is not None)

    def drawn_whole(self) -> None:
        """Hear that a picture shows all of the scene: its arrays are on the graphics card now."""
        scene = self.scene
        if scene is None:
            return

        def give_back() -> None:
            cache.let_go(scene)
            memory.trim()

        self._work(give_back, lambda _answer: None)

    def _scene_failed(self, answer: object) -> None:
        self.opening.begin()
        fault = fault_of(answer)
        where = str(self.project.entry) if self.project is not None and self.project.entry else fault.where
        # its end may be told by the answer alone, before the process is found to have ended
        died, self._scene_died = self._scene_died or (fault if refusal(fault.what) else None), None
        if died is not None:
            refused = refusal(died.what)
            what = f"The scene was refused: {refused}." if refused else f"It crashed its reader. {died.what}"
            advice = "is hostile, or far larger than it looks: open a part of it" if refused else _DAMAGED
            fault = FaultRecord(
                kind="SceneFault", what=what, where=where, remedy=f"The file {advice}. Log: {died.where}"
            )
        self._scene_problem = SceneProblem(
            code=SCENE_LOST,
            severity="error",
            where=fault.where or where,
            what=fault.what,
            remedy=fault.remedy,
        )
        self._say(*IDLE)
        self._gather_problems()
        self.scene_changed.emit()

    def _recompile(self) -> None:
        old = self.scenery
        if old is None:
            return
        specs, colormaps, bindings = self.specs, self.colormaps, self.bindings
        self._rebinding.forget()  # it would be for other tags
        self._work(
            lambda: scenery.compiled(old.scene, bindings, old.layer_problems, specs, colormaps, None, old),
            self._recompiled_for_tags,
        )

    def _recompiled_for_tags(self, answer: object) -> None:
        self._recompiled(answer)
        self.tags_compiled.emit()

    def rebind(
        self,
        bindings: tuple[Binding, ...],
        trial: TagSpec | None = None,
        value: float = math.nan,
        quality: int = NEVER,
    ) -> None:
        """Show the same scene with other bindings: at once for few, else as soon as they are compiled.

        trial: a tag that no world has, for a binding in hand, with its value and quality.
        """
        if self.scenery is not None:
            shown = (value, quality) if trial is not None else None
            self._rebinding.wish(Wish(bindings=bindings, trial=trial, shown=shown))

    @property
    def bindings(self) -> tuple[Binding, ...]:
        """The bindings of the scene, as wished last: a picture of them may still be on its way."""
        newest = self._rebinding.newest
        return newest.bindings if newest is not None else super().bindings

    @property
    def is_rebinding(self) -> bool:
        """Whether bindings are still being compiled, so that the picture is of those before."""
        return self._rebinding.newest is not None

    def _job_of(self, wish: Wish) -> Callable[[], object]:
        old, specs, colormaps = self.scenery, self.specs, self.colormaps

        def compiled() -> object:
            if old is None:
                return fault_of(None)
            found = old.layer_problems
            return scenery.compiled(old.scene, wish.bindings, found, specs, colormaps, wish.trial, old)

        return compiled

    def _rebound(self, wish: Wish, answer: object) -> None:
        if isinstance(answer, Scenery) and answer.specs is not self.specs:
            self._rebinding.wish(wish)  # the world has other tags since
            return
        if not isinstance(answer, Scenery):
            self._tell(answer)
            return
        self.showing.trial = wish.shown
        self._recompiled(answer)
        self._refresh(changed=True)

    def try_value(self, value: float, quality: int) -> None:
        """Show another value of the tag on trial; nothing is compiled for that."""
        self._rebinding.retry((value, quality))
        if self.showing.trial is not None and self.showing.trial != (value, quality):
            self.showing.trial = (value, quality)
            self._refresh(changed=True)

    def save_bindings(self, message: SaveBindings, callback: Callable[[object], None]) -> None:
        """Have the scene child write the binding layer; answered by Done or a FaultRecord."""
        self._need_scene_child()
        self._ask(SCENE, message, callback, SAVE_S)

    def _recompiled(self, answer: object) -> None:
        if isinstance(answer, Scenery) and self.scene is answer.scene:
            self.showing.recompiled(answer)
            self._gather_problems()
            self.bindings_changed.emit()

    def _choose_variants(self, look: Look, now_mono_ns: int) -> None:
        """Ask for the arrays of the variants that bindings choose; at most twice a second."""
        if self.scene is None or not (look.variant or self._variants):
            return
        wanted = variants_wanted(look, self.scene)
        if not wanted or wanted == self._variants or now_mono_ns - self._variants_mono_ns < VARIANTS_NS:
            return
        self._variants, self._variants_mono_ns = wanted, now_mono_ns
        wish = ChooseVariants(variants=wanted)
        self._chosen.note(wish)
        self._ask(SCENE, wish, self._variant_opened, SCENE_S)

    def choose_variant(self, path: str, name: str, choice: str) -> None:
        """Show another variant of a prim, until the scene is closed; nothing is saved.

        Where a binding chooses in the same set, its choice comes back with the next look.
        """
        if any((p, s) == (path, name) for p, s, _ in self._variants):
            self._variants = ()
        self._change_scene(ChooseVariants(variants=((path, name, choice),)))

    def load_payload(self, path: str, on: bool) -> None:
        """Load the payload of a prim and of all below it, or leave it out, until the scene is closed."""
        self.load_payloads((path,), on)

    def load_payloads(self, paths: tuple[str, ...], on: bool) -> None:
        """Load the payloads of branches, or leave them out, until the scene is closed: read once for all."""
        self._change_scene(ChooseVariants(payloads=tuple((path, on) for path in paths)))

    def _change_scene(self, wish: ChooseVariants) -> None:
        self._need_scene_child()
        self._chosen.note(wish)
        self._ask(SCENE, wish, self._variant_opened, SCENE_S)

    def _variant_opened(self, answer: object) -> None:
        if isinstance(answer, SceneOpened):
            self._scene_opened(answer)
        else:
            self._tell(answer)

    def _gather_problems(self) -> None:
        found = [*(self.project.problems if self.project is not None else ())]
        if self._scene_problem is not None:
            found.append(self._scene_problem)
        if self.scenery is not None:
            found += self.scenery.scene.problems
            found += self.scenery.layer_problems
            told = {(p.code, p.where) for p in self.scenery.layer_problems}  # by who knows the scene better
            waits = [b for b in self.bindings if b.signal in self.coming_tags]
            told |= {(_NO_TAG, where) for b in waits for where in (b.origin, b.where)}
            found += [p for p in self.scenery.compile_problems if (p.code, p.where) not in told]
            found += self._misfits
        self.problems = tuple(dict.fromkeys(found))
        self.problems_changed.emit()

    def _say(self, text: str, share: float) -> None:
        self.progress = (text, share)
        self.opening_changed.emit()
        if self._progress_of is not None:
            self._progress_of(text, share)

    def attributes(self, path: str, callback: Callable[[Attributes | FaultRecord], None]) -> None:
        """Ask the scene child for a prim's attributes; an answer for an older request is discarded."""
        self._attributes_asked += 1
        asked = self._attributes_asked

        def answered(answer: object) -> None:
            if asked != self._attributes_asked:
                self.stale_answers += 1
                return
            callback(answer if isinstance(answer, Attributes) else fault_of(answer))

        self._need_scene_child()
        self._ask(SCENE, AskAttributes(path=path), answered, SCENE_S)

    def ask_about_scene(self, message: object, callback: Callable[[object], None], timeout_s: float) -> None:
        """Ask the scene child about what is open, a fresh one where ours died."""
        self._need_scene_child()
        self._ask(SCENE, message, callback, timeout_s)

    def _need_scene_child(self) -> None:
        """Start a fresh scene child if ours died; it reads its cache, and what follows waits for it."""
        if self._scene_child or self.scene is None:
            return
        request = self._start_scene_child()
        if request is not None:
            self._ask(SCENE, request, lambda _answer: None, SCENE_S)

    def _start_scene_child(self) -> OpenScene | None:
        """Start a scene child and return what to ask it for, None when there is no scene."""
        if self._plan is None or self._feed is None:
            return None
        request = start_scene(self._plan, self._feed, with_payloads=self.with_payloads)
        if request is None:
            return None
        self._scene_child, self._scene_died = True, None
        return self._chosen.asked_of(request)

    # ------------------------------------------------------------ looks

    def _resolve(self, now_mono_ns: int) -> None:
        if self.scenery is not None and self.scenery.specs is not self.specs:
            return  # it is being compiled for the tags that the world has now
        old = self.showing.look
        new = self.showing.resolve(self.mirror, self.selection, now_mono_ns)
        if old is None or new is None:
            return
        self._choose_variants(new, now_mono_ns)
        if self.mirror.table.array or self._misfits:
            self._judge_lists(self.scenery)
        if not same(old, new):
            self.look_changed.emit(old, new)

    def _judge_lists(self, scenery: Scenery | None) -> None:
        """Tell of lists that do not have one value for each point of their mesh, and when they do again."""
        found: tuple[SceneProblem, ...] = ()
        if scenery is not None:
            table, scene = self.mirror.table, scenery.scene
            found = misfits(scenery.program.fields, table.array, scene, scenery.specs)
        if found != self._misfits:
            self._misfits = found
            self._gather_problems()

    def show_anew(self) -> None:
        """Show at once that the colours stand for something else now."""
        self._refresh(changed=True)

    def _refresh(self, *, changed: bool = False) -> None:
        """Show at once what a person changed, also while the picture is held."""
        self.showing.wanted |= changed
        if self.showing.wanted:
            self._resolve(self._clock.now_mono_ns())


def fault_of(answer: object) -> FaultRecord:
    if isinstance(answer, FaultRecord):
        return answer
    what = "Nothing is open." if answer is None else f"The answer was a {type(answer).__name__}."
    return FaultRecord(kind="WorldFault", what=what, where="desk", remedy="Open a project and try again.")
