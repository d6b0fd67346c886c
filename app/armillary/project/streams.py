"""Reading of `[[rule]]` in rules.toml: each rule becomes derived tags, so the world needs to know no more."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from armillary.model import expression
from armillary.model.expression_past import AGGREGATES, BRIEFEST_S, LONGEST_S, SHORTEST_S
from armillary.model.fault import ProjectFault
from armillary.model.rule import Level, RuleKind, RuleSpec
from armillary.model.tags import TagSpec
from armillary.model.twin import Relationship
from armillary.project import streams_made as made
from armillary.project.streams_fence import corners_of
from armillary.project.streams_made import Made
from armillary.project.streams_related import gathered
from armillary.project.table import Table, nearest
from armillary.project.twins import NAME, RESERVED

KINDS = (
    "window",
    "expression",
    "sequence",
    "absence",
    "geofence",
    "energy",
    "relation",
    "correlation",
    "anomaly",
)
WINDOWS = ("sliding", "tumbling", "session")
METHODS = {"robust": 5.0, "fading": 6.0, "seasonal": 6.0, "novelty": 3.0}  # and from which score on they fire
MOST_RULES = 10_000
LONGEST_ID = 100
_STATES = ((0.0, "no"), (1.0, "yes"))
VALUE, NOW, HELD = ".value", ".now", ".held"


@dataclass(slots=True)
class Streams:
    """The rules of a project, as they are read. `tags` grows by those that rules are made of."""

    tags: dict[str, TagSpec]
    relationships: Sequence[Relationship] = ()
    twins: Sequence[str] = ()
    rules: list[RuleSpec] = field(default_factory=list)
    specs: list[TagSpec] = field(default_factory=list)  # made here, in the order of their slots

    def read(self, root: Table) -> None:
        """Collect every rule; mistakes are noted and the rule left out."""
        tables = list(root.tables("rule"))
        if len(tables) > MOST_RULES:
            what = f"There are {len(tables)} rules, more than {MOST_RULES}."
            root.document.wrong(("rule",), what, "Let one rule watch several, or split the project.", "P80")
            return
        for table in tables:
            _Reading(self, table).read()


@dataclass(slots=True)
class _Reading:
    """One `[[rule]]` that is being read."""

    out: Streams
    table: Table
    id: str = ""
    unit: str = ""
    twin: str = ""
    history: bool = True
    prim: str = ""
    dwell_s: float = 0.0  # of a geofence: its word for `for_s`
    rest_s: float = 0.0  # where the file names none
    new: list[TagSpec] = field(default_factory=list)

    def read(self) -> None:
        table, found = self.table, self.table.document.findings
        before = len(found.errors)
        self.id = self._id()
        kind = cast("RuleKind", table.choice("kind", KINDS, "window"))
        title, self.unit, self.twin = table.text("title"), table.text("unit"), table.text("twin")
        self.history = table.flag("history", True)
        event, event_end = table.text("event"), table.text("event_end")
        level = cast("Level", table.choice("level", ("info", "warning"), "info"))
        value, condition = self._made(kind)
        fires, span_s = self._tags(value, condition, title)
        if (event or event_end) and not fires:
            table.document.wrong(
                (*table.path, "event" if event else "event_end"),
                f"The rule '{self.id}' has nothing that begins: it only measures.",
                "Give it 'above' or 'below', or remove the event.",
                "P80",
            )
        table.done()
        if len(found.errors) > before or not self.new:
            return
        tag = self.new[-1]
        measured = [spec.slot for spec in self.new if spec.name == self.id + VALUE]
        self.out.specs += self.new
        self.out.tags.update((spec.name, spec) for spec in self.new)
        self.out.rules.append(
            RuleSpec(
                id=self.id,
                kind=kind,
                slot=tag.slot,
                fires=fires,
                title=title,
                value_slot=measured[0] if measured else -1,
                made=tuple(spec.slot for spec in self.new),
                event=event,
                event_end=event_end,
                level=level,
                prim=self.prim,
                span_s=span_s,
                origin=tag.origin,
            )
        )

    # ---------------------------------------------------------------- its tags

    def _tags(self, value: Made | None, condition: str, title: str) -> tuple[bool, float]:
        """Make the tags; return whether the rule fires, and how far it looks back."""
        limits = self._limits()
        for_s = max(self._seconds("for_s", 0.0), self.dwell_s)
        deadband = self.table.number("deadband", 0.0, 0.0)
        rest_s = self.table.number("rest_s", self.rest_s, 0.0, LONGEST_S)
        if value is not None and limits != (None, None):
            self._add(VALUE, value, title, self.unit)
            condition = made.limited(made.quoted(self.id + VALUE), *limits, deadband)
        elif "deadband" in self.table or limits != (None, None):
            key = "deadband" if "deadband" in self.table else "above" if limits[0] is not None else "below"
            self.table.wrong(key, f"'{key}' says nothing here.", "Remove it, or give a limit.", "P80")
        if not condition:
            for key in ("for_s", "rest_s"):
                if for_s if key == "for_s" else key in self.table:
                    self.table.wrong(key, f"'{key}' says nothing here.", "Give a limit, or remove it.", "P80")
            if value is not None:
                self._add("", value, title, self.unit)
            return False, value.span_s if value is not None else 0.0
        if for_s:
            self._add(NOW, Made(condition), title, "", fires=True)
            condition = f"held({made.quoted(self.id + NOW)}, {made.number(for_s)})"
        if rest_s:
            before = HELD if for_s else NOW
            self._add(before, Made(condition), title, "", fires=True)
            condition = made.rested(made.quoted(self.id + before), rest_s)
        self._add("", Made(condition), title, "", fires=True)
        return True, for_s + rest_s + (value.span_s if value is not None else 0.0)

    def _add(self, ending: str, what: Made, title: str, unit: str, *, fires: bool = False) -> None:
        name = self.id + ending
        if name in self.out.tags:
            self.table.wrong("id", f"There is a tag '{name}' already.", "Rename the rule.", "P08")
            return
        origin = f"{self.table.document.name}:{self.id}"
        known = ChainMap({spec.name: spec for spec in self.new}, self.out.tags)
        try:
            expression.compile(what.text, known, origin, past=True)
        except ProjectFault as fault:
            self.table.document.wrong(self.table.path, f"'{self.id}': {fault.what}", fault.remedy, "B14")
            return
        self.new.append(
            TagSpec(
                slot=len(self.out.tags) + len(self.new),
                name=name,
                expression=what.text,
                kind="bool" if fires else "number",
                states=_STATES if fires else (),
                unit=unit,
                factor=what.factor,
                offset=what.offset,
                history=self.history,
                twin=self.twin,
                title=title,
                origin=origin,
            )
        )

    # ---------------------------------------------------------------- kinds

    def _made(self, kind: RuleKind) -> tuple[Made | None, str]:
        """Return (what it measures, the condition that it is) of a kind; one of them."""
        match kind:
            case "window":
                return self._window(), ""
            case "expression":
                return self._expression()
            case "sequence":
                first, then = self._condition("first"), self._condition("then")
                within = made.number(self._seconds("within_s", 10.0))
                return None, f"sequence({first}, {then}, {within})" if first and then else ""
            case "absence":
                return None, self._absence()
            case "geofence":
                return None, self._fence()
            case "energy":
                return self._energy(), ""
            case "relation":
                return self._relation(), ""
            case "correlation":
                return self._correlation(), ""
            case "anomaly":
                return self._anomaly(), ""

    def _window(self) -> Made | None:
        table = self.table
        window = table.choice("window", WINDOWS, "sliding")
        aggregate = table.choice("aggregate", tuple(AGGREGATES), "mean")
        seconds, gap_s = 0.0, 0.0
        if window == "session":
            gap_s = self._seconds("gap_s", 60.0)
        else:
            seconds = self._seconds("seconds", 60.0, SHORTEST_S)
        of, spec = self._of()
        where = table.text("where").strip()
        if not of:
            return None
        out = made.windowed(made.watched(of, where, self.out.tags), window, aggregate, seconds, gap_s)
        return self._in_unit(out, spec, aggregate)

    def _expression(self) -> tuple[Made | None, str]:
        if ("of" in self.table) == ("when" in self.table):
            what = "A rule of kind 'expression' has 'of', which it measures, or 'when', which is true or not."
            self.table.document.wrong(self.table.path, what, "Give one of them.", "P03")
            self.table.text("of"), self.table.text("when")
            return None, ""
        if "when" in self.table:
            return None, self._condition("when")
        of, spec = self._of()
        return (self._in_unit(Made(made.watched(of, "", self.out.tags)), spec, "last") if of else None), ""

    def _absence(self) -> str:
        if "first" in self.table or "then" in self.table:
            first, then = self._condition("first"), self._condition("then")
            within = made.number(self._seconds("within_s", 10.0))
            return f"missing({first}, {then}, {within})" if first and then else ""
        no = self.table.choice("no", ("condition", "sample", "change"), "condition")
        of, _ = self._of()
        seconds = made.number(self._seconds("seconds", 60.0))
        plain = made.watched(of, "", self.out.tags) if of else ""
        if not plain:
            return ""
        if no == "change":
            return f"time_since_change({plain}) > {seconds}"
        return f"{'silent' if no == 'sample' else 'absent'}({plain}, {seconds})"

    def _fence(self) -> str:
        table = self.table
        places = [self._place(key, required=key != "z") for key in ("x", "y", "z")]
        when = table.choice("when", ("inside", "outside"), "inside")
        dwell_s = self._seconds("dwell_s", 0.0)
        self.prim = table.text("prim")
        corners, depth = corners_of(table, self.id, self.prim, has_z=bool(places[2]))
        if not (places[0] and places[1] and corners):
            return ""
        condition = made.fenced(places[0], places[1], places[2], corners, depth)
        if when == "outside":
            condition = f"not ({condition})"
        self.dwell_s = dwell_s
        return condition

    def _energy(self) -> Made | None:
        table = self.table
        period = table.choice("period", ("total", "day"), "total")
        counter = table.flag("counter", False)
        wrap = table.number("wrap", 0.0, 0.0)
        of, spec = self._of()
        if wrap and not counter:
            table.wrong(
                "wrap", "Only a counter begins anew.", "Remove 'wrap', or give counter = true.", "P80"
            )
        if not of:
            return None
        today = "_today" if period == "day" else ""
        plain = made.watched(of, "", self.out.tags)
        if counter:
            ends = f", {made.number(wrap)}" if wrap else ""
            return self._in_unit(Made(f"metered{today}({plain}{ends})"), spec, "sum")
        self.unit = self.unit or "kWh"
        if spec is not None and not spec.unit:
            what = f"The tag {spec.name} has no unit: nobody can say how much energy it is."
            table.wrong("of", what, "Give the tag its unit in twins.json, kW or W.", "B13")
        return self._in_unit(Made(f"integral{today}({plain})"), spec, "integral")

    def _relation(self) -> Made | None:
        found = gathered(self.table, self.out.tags, self.out.relationships, self.out.twins, self.unit)
        if found is None:
            return None
        out, self.unit = found
        return out

    def _correlation(self) -> Made | None:
        seconds = self._seconds("seconds", 300.0, SHORTEST_S)
        pair = [self._tag(key) for key in ("of", "with")]
        if pair[0] is None or pair[1] is None:
            return None
        return made.correlated(pair[0], pair[1], seconds)

    def _anomaly(self) -> Made | None:
        method = self.table.choice("method", tuple(METHODS), "robust")
        key = "period_s" if method == "seasonal" else "seconds"
        seconds = self._seconds(key, 86_400.0 if method == "seasonal" else 600.0, SHORTEST_S)
        period_s = 0.0
        if method == "novelty":
            period_s = self.table.number("period_s", 86_400.0, 0.0, LONGEST_S)
            self.rest_s = seconds
        resolution = self.table.number("resolution", 0.0, 0.0)
        of, spec = self._of()
        if not of:
            return None
        watched = made.watched(of, "", self.out.tags)
        if method == "novelty":
            return made.novel(watched, seconds, period_s, resolution)
        return made.strange(watched, method, seconds, spec, resolution)

    # ---------------------------------------------------------------- keys

    def _id(self) -> str:
        id_ = self.table.text("id", required=True)
        if not id_:
            return ""
        if not NAME.fullmatch(id_) or id_.startswith(RESERVED) or len(id_) > LONGEST_ID:
            remedy = f"Use no spaces, quotes, ` ! or #, at most {LONGEST_ID} characters, no {RESERVED} first."
            self.table.wrong("id", f"'{id_}' cannot be the id of a rule.", remedy)
            return ""
        return id_

    def _limits(self) -> tuple[float | None, float | None]:
        numbers = {key: self.table.number(key, 0.0) for key in ("above", "below")}
        above, below = (number if key in self.table else None for key, number in numbers.items())
        if above is None and below is None and self.table.data.get("kind") == "anomaly":
            above = METHODS.get(str(self.table.data.get("method", "robust")), 5.0)
        return above, below

    def _seconds(self, key: str, usual: float, least: float = BRIEFEST_S) -> float:
        return self.table.number(key, usual, least, LONGEST_S)

    def _of(self) -> tuple[str, TagSpec | None]:
        """Return what is watched, and the tag that it is alone."""
        text = self.table.text("of", required=True).strip()
        return text, made.alone(text, self.out.tags)

    def _condition(self, key: str) -> str:
        text = self.table.text(key, required=True).strip()
        return made.watched(text, "", self.out.tags) if text else ""

    def _tag(self, key: str) -> TagSpec | None:
        text = self.table.text(key, required=True)
        found = made.alone(text, self.out.tags) if text else None
        if text and found is None:
            remedy = nearest(text, sorted(self.out.tags)).strip() or "Add it."
            self.table.wrong(key, f"There is no tag '{text}'.", remedy, "P10")
        return found

    def _place(self, key: str, *, required: bool) -> str:
        text = self.table.text(key, required=required).strip()
        return made.watched(text, "", self.out.tags) if text else ""

    def _in_unit(self, what: Made, spec: TagSpec | None, aggregate: str) -> Made:
        """Return what is measured in the rule's unit; that of the tag where it names none."""
        if spec is None:
            return what
        if not self.unit:
            self.unit = "" if aggregate in ("count", "integral") else spec.unit
        try:
            factor, offset = made.in_unit(spec.unit, self.unit, aggregate, self.id)
        except ProjectFault as fault:
            self.table.wrong("unit", f"'{self.id}': {fault.what}", fault.remedy, "B13")
            return what
        return replace(what, factor=factor, offset=offset)
