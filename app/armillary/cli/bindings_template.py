"""`armillary bindings template`: what one pump shows, for every pump; edited once, updated everywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

import click

from armillary.cli.answer import emit_json, table, tell
from armillary.cli.history_span import JSON
from armillary.cli.scenes import SCENE_LIMIT_S, opening, scene_path
from armillary.model.binding import Binding
from armillary.model.fault import Fault
from armillary.model.message import Done, SaveBindings, SceneOpened
from armillary.project import folder as projects
from armillary.project import template_alarms, templates
from armillary.project.folder import write_atomic
from armillary.project.record import Project
from armillary.project.rules import RULES_FILE
from armillary.project.table import nearest
from armillary.project.template_alarms import alarms_of, plan_alarms
from armillary.project.template_plan import Change, Plan, plan
from armillary.project.templates import MADE_FILE, TEMPLATES_FILE, Instance, Templates, Trend
from armillary.scene import cache
from armillary.session.reading import ask_child, scene_child

_SHOWN = 60
YES = click.option("--yes", is_flag=True, help="Write without asking.")


@dataclass(slots=True)
class _Opened:
    """A project with its scene open in a child."""

    project: Project
    prims: frozenset[str]
    bindings: tuple[Binding, ...]
    save: Callable[[SaveBindings], None]

    @property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """Lowest and highest value of each tag, infinite where it has none."""
        return {spec.name: (spec.low, spec.high) for spec in self.project.specs}

    def write(self, message: SaveBindings) -> None:
        if message.bindings or message.remove:
            self.save(message)


@click.group()
def template() -> None:
    """Make templates of bindings, apply them to twins, and update all of their instances together."""


@template.command("list")
@click.argument("project")
@JSON
def list_(project: str, as_json: bool) -> int:
    """List templates, their instances, and which of these are behind."""
    folder = _folder(project)
    known, made = _known(folder)
    behind = {
        template.id: sum(m.template == template.id and m.version != template.version for m in made.values())
        for template in known.templates
    }
    count = {t.id: sum(i.template == t.id for i in known.instances) for t in known.templates}
    if as_json:
        emit_json(
            {
                "templates": [
                    {
                        "id": t.id,
                        "title": t.title,
                        "version": t.version,
                        "bindings": len(t.lines),
                        "alarms": len(t.alarms),
                        "trends": len(t.trends),
                        "parameters": dict(t.parameters),
                        "instances": count[t.id],
                        "behind": behind[t.id],
                    }
                    for t in known.templates
                ]
            }
        )
        return 0
    if not known.templates:
        tell(f"{folder / TEMPLATES_FILE} has no template yet. Make one: armillary bindings template make.")
        return 0
    rows = [
        (t.id, t.title, t.version, str(len(t.lines)), str(count[t.id]), str(behind[t.id]))
        for t in known.templates
    ]
    table(rows, ("id", "title", "version", "bindings", "instances", "bindings behind"))
    return 0


@template.command("make")
@click.argument("project")
@click.argument("id_", metavar="ID")
@click.argument("prim")
@click.option("--twin", default="", help="Whose tags they are; usually found by itself.")
@click.option("--title", default="")
@click.option(
    "--parameter",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    help="Every such value becomes a parameter that an instance may give another value.",
)
@click.option("--tags", default="", metavar="NAME", help="Without a twin: what its tags begin with.")
@click.option("--alarms", "with_alarms", is_flag=True, help="Also of the alarms of these tags.")
@click.option("--trend", "trends", multiple=True, metavar="NAME=TAG,TAG", help="Also a trend of these tags.")
def make(
    project: str,
    id_: str,
    prim: str,
    twin: str,
    title: str,
    parameters: tuple[str, ...],
    tags: str,
    with_alarms: bool,
    trends: tuple[str, ...],
) -> int:
    """Make a template of what is bound at a part and below it, with alarms and trends if wished."""
    with _opened(project) as at:
        twin = twin or next((t.id for t in at.project.twins if t.prim == prim), "")
        made = templates.template_of(id_, title, prim, twin or tags, at.bindings)
        rules = _rules(at.project.folder)
        made = replace(
            made,
            alarms=alarms_of(twin or tags, rules) if with_alarms else (),
            trends=tuple(trend_of(each) for each in trends),
        )
        made = templates.parametrised(made, templates.parsed(parameters))
        if not (made.lines or made.alarms or made.trends):
            raise Fault(
                f"Nothing is bound at {prim}.", where=prim, remedy="Bind it first, or give another part."
            )
        folder = at.project.folder
        old = templates.text_of(folder, TEMPLATES_FILE)
        text = templates.with_template(old, made)
        place = Instance(template=id_, prim=prim, twin=twin, tags="" if twin else tags)
        text = templates.with_instances(text, [place])
        known = templates.read(text)
        remembered = dict(templates.made_of(templates.text_of(folder, MADE_FILE)))
        remembered |= _taken(known, id_, prim, at)
        remembered |= template_alarms.remembered(made, place, at.ranges)
        _write(folder, text, templates.made_text(remembered))
    more = [f"{len(made.alarms)} alarms"] * bool(made.alarms) + [f"{len(made.trends)} trends"] * bool(trends)
    said = ", ".join((f"{len(made.lines)} bindings", *more))
    tell(f"{folder / TEMPLATES_FILE}: template {id_} with {said}.")
    return 0


@template.command("apply")
@click.argument("project")
@click.argument("id_", metavar="ID")
@click.option("--twin", "twins", multiple=True, metavar="GLOB", help="Twins named like this.")
@click.option("--model", default="", help="Twins of this model.")
@click.option("--prim", "parts", multiple=True, metavar="GLOB", help="Parts without a twin, by their paths.")
@click.option(
    "--tags",
    default="{name}",
    show_default=True,
    help="What the names of such a part's tags begin with; {name} is its own name.",
)
@click.option(
    "--set",
    "given",
    multiple=True,
    metavar="NAME=VALUE",
    help="A parameter's value at these twins, also where the template stands already.",
)
@YES
@JSON
def apply(
    project: str,
    id_: str,
    twins: tuple[str, ...],
    model: str,
    parts: tuple[str, ...],
    tags: str,
    given: tuple[str, ...],
    yes: bool,
    as_json: bool,
) -> int:
    """Apply a template to twins that have a part, or to parts without one; shows what it does first."""
    with _opened(project) as at:
        folder = at.project.folder
        old = templates.text_of(folder, TEMPLATES_FILE)
        known = templates.read(old or "schema = 1\n")
        if id_ not in [t.id for t in known.templates]:
            ids = [t.id for t in known.templates]
            raise Fault(
                f"There is no template '{id_}'.",
                where=TEMPLATES_FILE,
                remedy=nearest(id_, ids).strip() or "Make it first.",
            )
        wished = [
            Instance(template=id_, prim=t.prim, twin=t.id)
            for t in at.project.twins
            if t.prim and (any(fnmatchcase(t.id, glob) for glob in twins) or (model and t.model == model))
        ]
        has_twin = {t.prim for t in at.project.twins}
        wished += [
            Instance(template=id_, prim=prim, tags=tags.replace("{name}", prim.rpartition("/")[2]))
            for prim in sorted(at.prims)
            if prim not in has_twin and any(fnmatchcase(prim, glob) for glob in parts)
        ]
        if not wished:
            remedy = "Give --twin GLOB or --model, or --prim GLOB."
            raise Fault("No twin that has a part is meant, and no part.", where=project, remedy=remedy)
        text = templates.with_instances(old, wished)
        values = templates.parsed(given)
        for each in wished if values else ():
            text = templates.with_parameters(text, id_, each.prim, values)
        return _carry_out(at, text, yes=yes, as_json=as_json)


@template.command("update")
@click.argument("project")
@YES
@JSON
def update(project: str, yes: bool, as_json: bool) -> int:
    """Bring all instances up to their templates; what was changed by hand stays. Shows it first."""
    with _opened(project) as at:
        text = templates.text_of(at.project.folder, TEMPLATES_FILE)
        return _carry_out(at, text or "schema = 1\n", yes=yes, as_json=as_json)


# ---------------------------------------------------------------- doing


def _carry_out(at: _Opened, text: str, *, yes: bool, as_json: bool) -> int:
    """Show what is done, write it when that is wished; status 1 when there was something and it was not."""
    folder = at.project.folder
    old, old_made = (templates.text_of(folder, file) for file in (TEMPLATES_FILE, MADE_FILE))
    rules = _rules(folder)
    known = templates.read(text)
    found = _plan(at, known, old_made)
    alarms = plan_alarms(known, templates.made_of(old_made), rules, prims=at.prims, ranges=at.ranges)
    changes, made = (*found.changes, *alarms.changes), {**found.made, **alarms.made}
    if alarms.text != rules:
        projects.with_rules(folder, alarms.text)  # refused in words before anything is written
    if not as_json:
        _tell(changes)
    work = bool(found.new or found.old or text != old or alarms.text != rules)
    done = work and (yes or (not as_json and click.confirm("Write them?", err=True)))
    if done:
        _write(folder, text, templates.made_text(made))
        if alarms.text != rules:
            write_atomic(folder / RULES_FILE, alarms.text)
        kept = {(b.prim, b.name) for b in found.new}
        gone = tuple((b.prim, b.name) for b in found.old if (b.prim, b.name) not in kept)
        try:
            at.write(SaveBindings(bindings=found.new, remove=gone))
        except Fault:
            _write(folder, old, old_made)
            if alarms.text != rules:
                write_atomic(folder / RULES_FILE, rules)
            raise
    if as_json:
        emit_json({"written": done, "changes": [_entry(change) for change in changes]})
    elif done:
        count = sum(change.kind in ("new", "changed") for change in alarms.changes)
        more = f", {count} alarms" if alarms.changes else ""
        tell(f"{len(found.new)} bindings written{more}.")
    return 0 if done or not work else 1


def _plan(at: _Opened, known: Templates, made: str) -> Plan:
    return plan(known, templates.made_of(made), at.bindings, prims=at.prims, ranges=at.ranges)


def _taken(known: Templates, id_: str, prim: str, at: _Opened) -> dict[str, templates.Made]:
    """Return what is remembered of the bindings that a template was made of: they are its first instance."""
    only = Templates(
        templates=tuple(t for t in known.templates if t.id == id_),
        instances=tuple(i for i in known.instances if i.template == id_ and i.prim == prim),
    )
    return dict(plan(only, {}, (), prims=at.prims, ranges=at.ranges).made)


def _write(folder: Path, text: str, made: str) -> None:
    for file, content in ((TEMPLATES_FILE, text), (MADE_FILE, made)):
        if content:
            write_atomic(folder / file, content)
        else:
            (folder / file).unlink(missing_ok=True)


def _rules(folder: Path) -> str:
    path = folder / RULES_FILE
    return path.read_text("utf-8") if path.exists() else ""


def trend_of(text: str) -> Trend:
    """Return a trend of `Bearings=bearing_temp,speed`. Raises Fault."""
    name, sign, pens = text.partition("=")
    tags = tuple(pen.strip() for pen in pens.split(",") if pen.strip())
    if not sign or not name.strip() or not tags:
        raise Fault(f"'{text}' is no trend.", where="--trend", remedy="Write it as NAME=TAG,TAG.")
    return Trend(name=name.strip(), pens=tags)


def _folder(project: str) -> Path:
    return projects.read(scene_path(project)).folder


def _known(folder: Path) -> tuple[Templates, dict[str, templates.Made]]:
    text = templates.text_of(folder, TEMPLATES_FILE)
    made = templates.made_of(templates.text_of(folder, MADE_FILE))
    return templates.read(text or "schema = 1\n"), made


@contextmanager
def _opened(project: str) -> Iterator[_Opened]:
    read = projects.read(scene_path(project))
    if read.bindings is None:
        raise Fault(
            "There is no binding layer to write.",
            where=str(read.folder),
            remedy="Save it as a project first.",
        )
    question = opening(read)
    with scene_child() as (line, process):
        answer = ask_child(line, process, question, SCENE_LIMIT_S, question.entry)
        if not isinstance(answer, SceneOpened):
            raise click.ClickException("the scene child answered something else")

        def save(message: SaveBindings) -> None:
            if not isinstance(ask_child(line, process, message, SCENE_LIMIT_S, question.entry), Done):
                raise click.ClickException("the scene child answered something else")

        prims = frozenset(cache.read(Path(answer.arrays)).prim_path)
        yield _Opened(read, prims, answer.bindings, save)


def _tell(changes: Sequence[Change]) -> None:
    if not changes:
        tell("All instances are as their templates: nothing to change.")
    for change in changes[:_SHOWN]:
        parts = [f"{name} {_said(before)} → {_said(after)}" for name, before, after in change.fields]
        own = f" (kept as changed by hand: {', '.join(change.own)})" if change.own else ""
        why = f": {change.why}" if change.why else f": {', '.join(parts)}" if parts else ""
        tell(f"{change.kind:8} {change.prim}#{change.name}{why}{own}")
    if len(changes) > _SHOWN:
        tell(f"… {len(changes) - _SHOWN} more; --json tells all")


def _said(value: object) -> str:
    return "–" if value is None else str(value)


def _entry(change: Change) -> dict[str, object]:
    return {
        "kind": change.kind,
        "template": change.template,
        "prim": change.prim,
        "name": change.name,
        "fields": {name: {"before": before, "after": after} for name, before, after in change.fields},
        "own": change.own,
        "why": change.why,
    }
