"""Templates of bindings on the desk: made of what is bound, applied to twins, updated; undone as one step.

What an update does is seen before it is saved. A field that a person changed stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Protocol

from armillary.model.binding import Binding
from armillary.model.fault import Fault, ProjectFault
from armillary.model.scene import SceneArrays, index_of
from armillary.model.tags import TagSpec
from armillary.model.twin import TwinInstance
from armillary.project import folder as projects
from armillary.project import template_alarms, templates
from armillary.project.binding_facts import facts
from armillary.project.record import Project
from armillary.project.rules import RULES_FILE
from armillary.project.template_alarms import AlarmPlan, alarms_of, plan_alarms
from armillary.project.template_plan import Change as Planned
from armillary.project.template_plan import Plan, plan
from armillary.project.templates import MADE_FILE, TEMPLATES_FILE, Instance, Made, Template, Templates, Trend
from armillary.session import limits
from armillary.session.bulk import Bulk, Change, Text
from armillary.session.signal import Signal
from armillary.session.trend_book import MOST_SETS, PenSet

EMPTY = "schema = 1\n"


class Place(Protocol):
    """What templates need of the workspace."""

    specs: tuple[TagSpec, ...]
    twins: tuple[TwinInstance, ...]
    selection: tuple[int, ...]

    @property
    def project(self) -> Project | None: ...
    @property
    def scene(self) -> SceneArrays | None: ...
    @property
    def bindings(self) -> tuple[Binding, ...]: ...
    def twin_of_prim(self, prim: int) -> TwinInstance | None: ...


@dataclass(frozen=True, slots=True)
class Stand:
    """A twin that a template could stand at."""

    twin: str
    prim: str
    model: str
    has: bool  # it is an instance already
    tags: str = ""  # of a part without a twin: what the names of its tags begin with

    @property
    def title(self) -> str:
        """What it is called."""
        return self.twin or self.tags or self.prim.rpartition("/")[2]


class TemplateWork:
    """The templates of the open project. Everything is for the desk's thread."""

    def __init__(self, place: Place, bulk: Bulk) -> None:
        self._at, self._bulk = place, bulk
        self.changed: Signal[()] = Signal()
        self.told: Signal[str] = Signal()
        self.known = Templates()
        self.made: dict[str, Made] = {}
        self.why = ""  # why the files cannot be read
        self._text = self._made_text = self._rules_text = ""

    def read(self) -> None:
        """Read the files of the project anew."""
        folder = self._folder
        self.known, self.made, self.why = Templates(), {}, ""
        if folder is not None:
            try:
                self._text = templates.text_of(folder, TEMPLATES_FILE)
                self._made_text = templates.text_of(folder, MADE_FILE)
                self._rules_text = limits.text_of(folder, RULES_FILE)
                self.known = templates.read(self._text or EMPTY)
                self.made = templates.made_of(self._made_text)
            except Fault as fault:
                self.why = f"{fault.what} {fault.remedy}"
        self.changed.emit()

    @property
    def _folder(self) -> Path | None:
        project = self._at.project
        return project.folder if project is not None and project.saved else None

    def mark(self, binding: Binding) -> str:
        """Return in words which template a binding is of, and what of it is its own; "" for none."""
        made = self.made.get(f"{binding.prim}#{binding.name}")
        if made is None:
            return ""
        mine = facts(binding)
        own = [key for key in {**mine, **made.said} if mine.get(key) != made.said.get(key)]
        return f"of template {made.template}" + (f", changed here: {', '.join(own)}" if own else "")

    def stands(self, id_: str) -> tuple[Stand, ...]:
        """Return the twins that a template could stand at, those of its model first."""
        there = {(i.template, i.prim) for i in self.known.instances}
        model = next((t.model for t in self.known.templates if t.id == id_), "")
        found = [Stand(t.id, t.prim, t.model, (id_, t.prim) in there) for t in self._at.twins if t.prim]
        found.sort(key=lambda s: (s.model != model, s.twin))
        known = {stand.prim for stand in found}
        parts = [i for i in self.known.instances if i.template == id_ and i.prim not in known]
        return (*found, *(Stand(i.twin, i.prim, "", True, i.tags) for i in parts))

    def stands_of_selection(self, tags: str) -> tuple[Stand, ...]:
        """Return the selected parts that no twin stands for; `tags`: what their tags begin with."""
        scene, taken = self._at.scene, {t.prim for t in self._at.twins}
        paths = [scene.prim_path[prim] for prim in self._at.selection] if scene is not None else []
        return tuple(
            Stand("", path, "", False, (tags or "{name}").replace("{name}", path.rpartition("/")[2]))
            for path in paths
            if path not in taken
        )

    def pen_sets(self) -> tuple[PenSet, ...]:
        """Return the trends of all places, as the trend offers them."""
        found = islice(template_alarms.trends_of(self.known), MOST_SETS)
        return tuple(PenSet(name=name, pens=pens, span_s=trend.span_s) for name, trend, pens in found)

    # ------------------------------------------------------------ what would be done

    def text_with(self, id_: str, stands: Sequence[Stand]) -> str:
        """Return the text of the templates with a template applied to twins."""
        wished = [
            Instance(template=id_, prim=s.prim, twin=s.twin, tags="" if s.twin else s.tags)
            for s in stands
            if not s.has
        ]
        return templates.with_instances(self._text, wished) if wished else self._text

    def plan_of(self, text: str) -> Plan:
        """Return what the templates would do with the bindings. Raises ProjectFault."""
        prims, ranges = self._facts()
        return plan(templates.read(text or EMPTY), self.made, self._at.bindings, prims=prims, ranges=ranges)

    def alarms_of(self, text: str) -> AlarmPlan:
        """Return what the templates would do with the alarms. Raises ProjectFault."""
        prims, ranges = self._facts()
        known = templates.read(text or EMPTY)
        return plan_alarms(known, self.made, self._rules_text, prims=prims, ranges=ranges)

    def _facts(self) -> tuple[Mapping[str, int], dict[str, tuple[float, float]]]:
        scene = self._at.scene
        prims = index_of(scene.prim_path) if scene is not None else {}
        return prims, {spec.name: (spec.low, spec.high) for spec in self._at.specs}

    # ------------------------------------------------------------ doing

    def make(
        self,
        id_: str,
        prim: int,
        parameters: str = "",
        *,
        with_alarms: bool = False,
        trend: Sequence[str] = (),
    ) -> None:
        """Make a template of the bindings of a part and of what is below it; they are its first instance.

        parameters: `limit=90, low=0`: every such value becomes a parameter. with_alarms: also of the alarms
        of the twin's tags. trend: names of tags that become a trend of the template.
        """
        at, scene = self._at, self._at.scene
        if scene is None or not id_.strip():
            self.told.emit("Give the template a name.")
            return
        twin = at.twin_of_prim(prim)
        path, id_ = scene.prim_path[prim], id_.strip()
        made = templates.template_of(
            id_,
            "",
            path,
            twin.id if twin is not None else "",
            at.bindings,
            twin.model if twin is not None else "",
        )
        thing = twin.id if twin is not None else ""
        pens = tuple(name.removeprefix(f"{thing}.") for name in trend if name.startswith(f"{thing}."))
        try:
            if with_alarms and thing:
                made = replace(made, alarms=alarms_of(thing, self._rules_text))
            if pens:
                made = replace(made, trends=(Trend(name=id_, pens=pens),))
            made = templates.parametrised(made, templates.parsed(_words(parameters)))
        except ProjectFault as fault:
            self.told.emit(f"{fault.what} {fault.remedy}")
            return
        if not (made.lines or made.alarms or made.trends):
            self.told.emit(f"Nothing is bound at {path} or below.")
            return
        first = Instance(template=id_, prim=path, twin=thing)
        text = templates.with_instances(templates.with_template(self._text, made), [first])
        remembered = {**self.made, **self._remembered(text, made, path)}
        remembered |= template_alarms.remembered(made, first, self._facts()[1])
        self._save(f"Make template {id_}", text, remembered, (), ())

    def _remembered(self, text: str, made: Template, prim: str) -> dict[str, Made]:
        known = templates.read(text)
        only = Templates(
            templates=(made,),
            instances=tuple(i for i in known.instances if i.template == made.id and i.prim == prim),
        )
        scene = self._at.scene
        ranges = {spec.name: (spec.low, spec.high) for spec in self._at.specs}
        prims = index_of(scene.prim_path) if scene is not None else {}
        return dict(plan(only, {}, (), prims=prims, ranges=ranges).made)

    def set_parameters(self, id_: str, prim: str, parameters: str) -> None:
        """Give parameters values of their own at one place, and update what it shows."""
        try:
            text = templates.with_parameters(self._text, id_, prim, templates.parsed(_words(parameters)))
        except ProjectFault as fault:
            self.told.emit(f"{fault.what} {fault.remedy}")
            return
        self.carry_out(text)

    def parameters_at(self, id_: str, prim: str) -> str:
        """Return the parameters of one place in words, `limit=90`."""
        usual = next((t.parameters for t in self.known.templates if t.id == id_), {})
        own = next((i.parameters for i in self.known.instances if (i.template, i.prim) == (id_, prim)), {})
        told = {**usual, **own}
        return ", ".join(f"{k}={v:g}" if isinstance(v, float) else f"{k}={v}" for k, v in told.items())

    def carry_out(self, text: str) -> None:
        """Save templates and what they make, as one step."""
        try:
            found, alarms = self.plan_of(text), self.alarms_of(text)
            if alarms.text != self._rules_text and self._folder is not None:
                projects.with_rules(self._folder, alarms.text)  # refused in words before anything is written
        except ProjectFault as fault:
            self.told.emit(f"{fault.what} {fault.remedy}")
            return
        count = len({*((b.prim, b.name) for b in (*found.new, *found.old))})
        many = sum(change.kind in ("new", "changed", "removed") for change in alarms.changes)
        title = f"Update {count} bindings by templates"
        if many:
            title = f"Update {count} bindings and {many} alarms by templates"
        made = {**found.made, **alarms.made}
        self._save(title, text, made, found.new, found.old, rules=alarms.text)

    def unlink(self, prims: Sequence[str]) -> int:
        """Make the bindings of parts independent of their templates; return how many are."""
        text, left, count = self._text, dict(self.made), 0
        for instance in self.known.instances:
            lines = next((t.lines for t in self.known.templates if t.id == instance.template), ())
            names = []
            for line in lines:
                prim = f"{instance.prim}/{line.part}" if line.part else instance.prim
                if prim in prims and f"{prim}#{line.name}" in left:
                    del left[f"{prim}#{line.name}"]
                    names.append(line.name)
            if names:
                text = templates.with_unlinked(text, instance.prim, names)
                count += len(names)
        if count:
            self._save(f"Make {count} bindings independent", text, left, (), ())
        return count

    def _save(
        self,
        title: str,
        text: str,
        made: Mapping[str, Made],
        new: Sequence[Binding],
        old: Sequence[Binding],
        rules: str | None = None,
    ) -> None:
        folder = self._folder
        if folder is None:
            self.told.emit("Templates belong to a project that is saved.")
            return
        texts = [
            Text(folder / TEMPLATES_FILE, self._text, text),
            Text(folder / MADE_FILE, self._made_text, templates.made_text(made)),
        ]
        if rules is not None and rules != self._rules_text:
            texts.append(Text(folder / RULES_FILE, self._rules_text, rules))

        def ended(why: str) -> None:
            self.told.emit(why or f"Saved: {title}.")
            self.read()

        change = Change(title=title, new=tuple(new), old=tuple(old), texts=tuple(texts))
        self._bulk.save(change, ended)


def _words(text: str) -> list[str]:
    return [part for part in (each.strip() for each in text.split(",")) if part]


def lines_of(changes: Sequence[Planned]) -> tuple[tuple[str, ...], ...]:
    """Return (what, part, binding, in words) of each change, as a table shows them."""
    out = []
    for change in changes:
        parts = [
            f"{name} {_said(after)}" if change.kind == "new" else f"{name} {_said(before)} → {_said(after)}"
            for name, before, after in change.fields
        ]
        own = f"; kept as changed here: {', '.join(change.own)}" if change.own else ""
        out.append((change.kind, change.prim, change.name, (change.why or ", ".join(parts)) + own))
    return tuple(out)


def _said(value: object) -> str:
    return "–" if value is None else str(value)
