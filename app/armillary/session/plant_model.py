"""The model of what is shown: types, twins, relations, and a query whose answer is marked in the scene."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from armillary.model.arrays import I8
from armillary.model.clock import MS_NS
from armillary.model.dtdl import Model
from armillary.model.fault import Fault
from armillary.model.tags import TagSpec
from armillary.model.twin import Relationship, TwinInstance
from armillary.project.record import Project
from armillary.session.alarm_table import AlarmTable
from armillary.session.graph_layout import ASPECT, Drawing, drawn
from armillary.session.looking_back import LookingBack
from armillary.session.marking import Marked
from armillary.session.query_now import by_twin, twins_of
from armillary.session.signal import Signal
from armillary.session.standing import Standing
from armillary.session.twin_graph import vocabulary_of
from armillary.session.twin_model import model_of
from armillary.twin.graph import Graph, build
from armillary.twin.query import Found, Query
from armillary.twin.query_complete import Candidate, candidates
from armillary.twin.query_now import NO, UNKNOWN, YES, Now
from armillary.twin.query_parse import parsed
from armillary.twin.query_text import QueryFault
from armillary.twin.vocabulary import Vocabulary

LARGE = 10_000  # tags of a plant whose words are made beside the desk's thread
Work = Callable[[Callable[[], object], Callable[[object], None]], None]
AGAIN_NS = 500 * MS_NS  # how often values are asked anew


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeRow:
    """One type in the tree of types."""

    id: str
    title: str
    count: int  # twins of it, those of derived types too
    depth: int
    is_guessed: bool  # no model names it: twins alike in shape


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeText:
    """What a twin says of itself where it is drawn."""

    title: str
    under: str
    tip: str
    verdict: int = 0  # of the query: NO, UNKNOWN, YES
    is_selected: bool = False


class PlantModel:
    """Types and twins of what is shown, and one query. Everything is for the desk's thread."""

    def __init__(
        self,
        at: Standing,
        now_mono_ns: Callable[[], int],
        work: Work | None = None,
        *,
        table: Callable[[], AlarmTable] | None = None,
        back: LookingBack | None = None,
    ) -> None:
        """work: runs a job beside the desk's thread, for plants so large that words take a second.

        table: the alarms of the world that is shown; back: what the recorder knows. Without one, what is
        asked of it is not known.
        """
        self.changed: Signal[()] = Signal()  # another model
        self.answered: Signal[()] = Signal()  # the query has another answer, a fault or none
        self.text = ""
        self.query: Query | None = None
        self.found: Found | None = None
        self.fault: QueryFault | None = None
        self._at, self._now, self._work = at, now_mono_ns, work
        self._table, self.back = table, back
        if back is not None:
            back.changed.connect(self._run)
        self._making: tuple[object, ...] = ()  # what words are being made of, beside
        self._yes: frozenset[int] = frozenset()  # the rows that were found
        self._words: Vocabulary | None = None
        self._of: tuple[object, ...] = ()  # what `_words` was made of
        self._asked_of: tuple[object, ...] = ()  # the same, with the project instead of its model
        self._told: tuple[object, ...] = ()  # what `changed` was told of last
        self._model: tuple[object, Model | None] = (None, None)
        self._told_graph: tuple[Graph | None, Graph] = (None, build((), ()))
        self._by_prim: tuple[Graph | None, dict[str, int]] = (None, {})
        self._asked_mono_ns = 0
        self._alarms_of: tuple[object, ...] = ()  # what `_alarm_twins` was made of
        self._alarm_twins: I8 = np.zeros(0, np.int64)
        for signal in (at.project_changed, at.world_changed, at.scene_changed, at.tags_compiled):
            signal.connect(self.again)
        at.frame_arrived.connect(lambda _slots: self._tick())

    # ------------------------------------------------------------ what there is

    def prepare(self) -> bool:
        """Return whether words are there; those of a large plant are made beside, and `changed` tells."""
        at = self._at
        of = (at.twins, at.specs, at.relationships, at.project)
        if self._words is not None and _are(self._asked_of, of):
            return True
        if self._work is None or len(at.specs) < LARGE:
            return self.words is not None
        if not _are(self._making, of):
            self._making = of
            self._work(lambda: _made(*of), lambda answer: self._prepared(of, answer))
        return False

    def _prepared(self, of: tuple[object, ...], answer: object) -> None:
        at = self._at
        if not _are(of, self._making):
            return  # another plant is shown meanwhile
        self._making = ()
        if isinstance(answer, tuple):  # else the model was too strange: `words` tells of it when it is asked
            model, self._words = answer
            self._model, self._asked_of = (at.project, model), of
            self._of = (at.twins, at.specs, at.relationships, model)
        self.changed.emit()

    @property
    def words(self) -> Vocabulary:
        """The words of the plant that is shown; made anew only when its twins or tags are others."""
        at = self._at
        if self._model[0] is not at.project:
            self._model = (at.project, model_of(at.project) if at.project is not None else None)
        model = self._model[1]
        of = (at.twins, at.specs, at.relationships, model)
        if self._words is None or not _are(of, self._of):
            self._words, self._of = vocabulary_of(at.twins, at.specs, at.relationships, model), of
        self._asked_of = (at.twins, at.specs, at.relationships, at.project)
        return self._words

    @property
    def graph(self) -> Graph:
        """The twins that are shown."""
        return self.words.graph

    def types(self) -> tuple[TypeRow, ...]:
        """Return the types as a tree, each below the first that it inherits from; twins of none come last."""
        graph = self.graph
        below: dict[str, list[str]] = {}
        for model in graph.types:
            above = [one for one in graph.ancestors(model)[1:] if one in graph.lineage]
            below.setdefault(above[0] if above else "", []).append(model)
        out: list[TypeRow] = []

        def add(model: str, depth: int) -> None:
            count = int(graph.of_types([model]).sum())
            title, guessed = graph.title_of(model), model in graph.guessed
            out.append(TypeRow(id=model, title=title, count=count, depth=depth, is_guessed=guessed))
            for one in sorted(below.get(model, ()), key=lambda name: graph.title_of(name).lower()):
                add(one, depth + 1)

        for model in sorted(below.get("", ()), key=lambda name: graph.title_of(name).lower()):
            add(model, 0)
        if bare := sum(not model for model in graph.models):
            out.append(TypeRow(id="", title="of no type", count=bare, depth=0, is_guessed=False))
        return tuple(out)

    def instances(self, model: str | None) -> I8:
        """Return the twins of a type, inherited ones too; "" those of none, None all."""
        graph = self.graph
        if model is None:
            return np.arange(len(graph))
        if not model:
            return np.flatnonzero([not one for one in graph.models])
        return np.flatnonzero(graph.of_types([model]))

    def drawing(self, centre: int, depth: int, relation: str = "", aspect: float = ASPECT) -> Drawing:
        """Return the twins around one, as they are drawn in a place of this width by height."""
        graph = self.graph
        known = relation if relation in graph.relations else ""
        if not 0 <= centre < len(graph):
            return Drawing()
        return drawn(graph if known else self.told, centre, depth, known, aspect=aspect)

    @property
    def told(self) -> Graph:
        """The twins with what the project says of them alone: without parts by their place in the scene."""
        if self._told_graph[0] is not self.graph:
            self._told_graph = (self.graph, self.graph.told())
        return self._told_graph[1]

    def busiest(self) -> int:
        """Return the twin with the most relations, -1 where there are no twins."""
        graph = self.told
        count = np.zeros(len(graph), np.int64)
        for edges in graph.relations.values():
            count += np.diff(edges.forth) + np.diff(edges.back)
        return int(count.argmax()) if len(count) else -1

    def node_texts(self, drawing: Drawing) -> tuple[NodeText, ...]:
        """Return the texts of the twins of a drawing."""
        graph, found, selection = self.graph, self.found, set(self._at.selection)
        yes = set(found.rows.tolist()) if found is not None else set()
        unknown = set(found.unknown.tolist()) if found is not None else set()
        out = []
        for place in drawing.places:
            row = place.row
            kind = graph.title_of(graph.models[row]) if graph.models[row] else ""
            told = [graph.ids[row], graph.titles[row], kind, graph.prims[row]]
            out.append(
                NodeText(
                    title=graph.ids[row],
                    under=graph.titles[row] or kind,
                    tip="\n".join(line for line in told if line),
                    verdict=YES if row in yes else UNKNOWN if row in unknown else NO,
                    is_selected=self.prim_of(row) in selection,
                )
            )
        return tuple(out)

    def cells(self, row: int) -> tuple[str, ...]:
        """Return what a line of the table says: twin, title, type, answer, the tags that were asked, prim."""
        graph, found = self.graph, self.found
        answer = because = ""
        if found is not None and row in found.slots:
            answer = "found" if row in self._yes else "not known"
            rows = self._at.tag_rows(found.slots[row], self._now())
            because = ", ".join(f"{one.name.rpartition('.')[2]} {one.value}" for one in rows)
        kind = graph.title_of(graph.models[row]) if graph.models[row] else ""
        return graph.ids[row], graph.titles[row], kind, answer, because, graph.prims[row]

    def row_of_prim(self, prim: int) -> int:
        """Return the twin of a prim or of its nearest ancestor, -1 for none."""
        scene, graph = self._at.scene, self.graph
        if self._by_prim[0] is not graph:
            self._by_prim = (graph, {p: row for row, p in reversed(list(enumerate(graph.prims))) if p})
        while scene is not None and prim >= 0:
            if (row := self._by_prim[1].get(scene.prim_path[prim])) is not None:
                return row
            prim = int(scene.parent[prim])
        return -1

    def prim_of(self, row: int) -> int | None:
        """Return the prim of a twin, or of what a component is inside of."""
        graph = self.graph
        path = graph.prims[row] or (graph.prims[graph.owner[row]] if graph.owner[row] >= 0 else "")
        return self._at.prim_named(path) if path else None

    # ------------------------------------------------------------ asking

    @property
    def not_known(self) -> str:
        """Why twins of the answer are not known."""
        query, back = self.query, self.back
        if query is not None and query.spans_ns and back is not None:
            if back.trouble:
                return back.trouble
            if not back.past:
                return "reading the record …"
            return "their values are or were not good, or were not recorded all the time"
        return "their values are not good"

    def candidates(self, text: str) -> tuple[Candidate, ...]:
        """Return what the last word of a query can become."""
        return candidates(text, self.words)

    def ask(self, text: str) -> None:
        """Ask a query and mark its answer in the scene; "" takes the marks away."""
        self.text, self.query, self.found, self.fault = text.strip(), None, None, None
        if self.back is not None:
            self.back.forget()
        if self.text:
            try:
                self.query = parsed(self.text, self.words)
            except QueryFault as fault:
                self.fault = fault
        self._run()

    def clear(self) -> None:
        """Forget the query and take its marks away."""
        self.ask("")

    def again(self) -> None:
        """Note that the plant may be another; words are made when somebody asks for them."""
        at = self._at
        of = (at.twins, at.specs, at.relationships, at.project)
        if not _are(of, self._told):
            self._told = of
            if self.text:
                self.ask(self.text)
            self.changed.emit()
        elif self.query is not None:
            self._mark()  # the scene may be another

    def _tick(self) -> None:
        if self.query is not None and self._now() - self._asked_mono_ns >= AGAIN_NS:
            self._run()

    def _run(self) -> None:
        self._asked_mono_ns = self._now()
        before = self.found
        table = self._at.mirror.table
        fits = len(table) >= len(self.words.specs)
        self.found = self._answer(self.query) if self.query is not None and fits else None
        if before is not None and self.found is not None and _same(before, self.found):
            return
        self._yes = frozenset(self.found.rows.tolist()) if self.found is not None else frozenset()
        self._mark()
        self.answered.emit()

    def _answer(self, query: Query) -> Found:
        alarms = None
        if query.asks_alarms and self._table is not None:
            held = self._table()
            if not _are(self._alarms_of, (held.specs, self.words)):
                self._alarms_of = (held.specs, self.words)
                self._alarm_twins = twins_of(held.specs, self.words)
            alarms = by_twin(held, self._alarm_twins)
        now = Now(table=self._at.mirror.table, alarms=alarms)
        if self.back is not None and query.spans_ns:
            self.back.follow(lambda: query.looks_back(now), self._now())
            now = replace(now, past=self.back.past)
        return query.run(now)

    def _mark(self) -> None:
        showing = self._at.showing
        before, showing.marked = showing.marked, None
        if self.found is not None and self._at.scene is not None:
            rows = np.concatenate([self.found.unknown, self.found.rows])
            known = np.repeat([False, True], [len(self.found.unknown), len(self.found.rows)])
            prims = [self.prim_of(row) for row in rows.tolist()]
            shown = np.array([prim is not None for prim in prims], np.bool_)
            at = np.array([prim for prim in prims if prim is not None], np.int64)
            showing.marked = Marked(prims=at, known=known[shown]) if len(at) else None
        if before is not None or showing.marked is not None:
            showing.wanted = True

    def row_of(self, name: str) -> int:
        """Return the twin of an id. Raises Fault for one that is not there."""
        row = self.graph.row_of.get(name)
        if row is None:
            raise Fault(f"There is no twin '{name}'.", where="model", remedy="Open its project.")
        return row


def _made(
    twins: Sequence[TwinInstance],
    specs: Sequence[TagSpec],
    relationships: Sequence[Relationship],
    project: Project | None,
) -> tuple[Model | None, Vocabulary]:
    model = model_of(project) if project is not None else None
    return model, vocabulary_of(twins, specs, relationships, model)


def _are(a: tuple[object, ...], b: tuple[object, ...]) -> bool:
    return len(a) == len(b) and all(one is other for one, other in zip(a, b, strict=True))


def _same(a: Found, b: Found) -> bool:
    return np.array_equal(a.rows, b.rows) and np.array_equal(a.unknown, b.unknown)
