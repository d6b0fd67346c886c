"""Templates of bindings: what a pump shows, written once, for every pump.

binding-templates.toml holds templates and their instances, binding-templates.made.json what was made of them
the last time: a field that differs from that was changed by a person and stays when the template changes.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import tomlkit

from armillary.model.binding import CHANNELS, Binding
from armillary.model.fault import ProjectFault
from armillary.model.scene import SceneProblem
from armillary.project.binding_facts import NAMES, Fact, facts
from armillary.project.locate import toml_line
from armillary.project.table import Document, Findings, Table, fault_of, nearest

TEMPLATES_FILE = "binding-templates.toml"
MADE_FILE = "binding-templates.made.json"
SCHEMA = 1
MARK = "$"
_WORD = re.compile(r"\$([A-Za-z_]\w*)")
_DIGEST = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A binding of a template. `part` is below the instance's prim, `tag` of its twin; "" = itself, none."""

    name: str
    part: str = ""
    tag: str = ""
    said: Mapping[str, object] = field(default_factory=dict)  # facts, `$name` where a parameter stands


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmLine:
    """An alarm of a template. `tag` is below the twin, "" = the twin itself; `said`: keys of rules.toml."""

    id: str  # `$thing-HOT`
    tag: str = ""
    said: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """A set of pens of a template; pens are below the twin."""

    name: str
    pens: tuple[str, ...]
    span_s: float = 0.0  # 0 = as it is


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A template: what it makes, and the parameters that an instance may give another value."""

    id: str
    title: str = ""
    model: str = ""
    parameters: Mapping[str, object] = field(default_factory=dict)
    lines: tuple[Line, ...] = ()
    alarms: tuple[AlarmLine, ...] = ()
    trends: tuple[Trend, ...] = ()

    @property
    def version(self) -> str:
        """A digest of what it makes: equal for equal templates."""
        body = [[line.name, line.part, line.tag, dict(line.said)] for line in self.lines]
        alarms = [[each.id, each.tag, dict(each.said)] for each in self.alarms]
        more = [alarms] if alarms else []
        text = json.dumps([body, dict(self.parameters), *more], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST]


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """Where a template stands. `unlinked`: names of bindings, ids of alarms that it no longer makes here."""

    template: str
    prim: str
    twin: str = ""
    tags: str = ""  # where there is no twin: what the names of the place's tags begin with
    parameters: Mapping[str, object] = field(default_factory=dict)
    unlinked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Templates:
    """All of binding-templates.toml."""

    templates: tuple[Template, ...] = ()
    instances: tuple[Instance, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a template made of one binding, and in which version."""

    template: str
    version: str
    said: Mapping[str, Fact]


# ---------------------------------------------------------------- reading


def read(text: str) -> Templates:
    """Return what binding-templates.toml says. Raises ProjectFault that names every mistake with its line."""
    found, problems = examine(text)
    if problems:
        raise fault_of(problems, TEMPLATES_FILE)
    return found


def examine(text: str) -> tuple[Templates, tuple[SceneProblem, ...]]:
    """Return what could be read of binding-templates.toml, and everything that is wrong with it."""
    findings = Findings()
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        findings.add(
            "P01", TEMPLATES_FILE, f"{TEMPLATES_FILE} cannot be read: {error}.", "Correct its syntax."
        )
        return Templates(), tuple(findings.problems)
    root = Table(Document(TEMPLATES_FILE, text, toml_line, findings), data)
    schema = root.whole("schema", SCHEMA, 1, 1_000_000)
    if schema > SCHEMA:
        root.wrong(
            "schema",
            f"The file has the schema {schema}; {SCHEMA} is known.",
            "Open the project with a newer Armillary.",
        )
        return Templates(), tuple(findings.problems)
    templates = tuple(_template(table) for table in root.tables("template"))
    known = [template.id for template in templates]
    instances = tuple(_instance(table, templates) for table in root.tables("instance"))
    for twice in sorted({id_ for id_ in known if known.count(id_) > 1}):
        root.wrong("template", f"There are two templates '{twice}'.", "Rename one of them.", "P08")
    root.done()
    return Templates(templates=templates, instances=instances), tuple(findings.errors)


def findings_of(folder: Path) -> tuple[SceneProblem, ...]:
    """Return what is wrong with the templates of a project, for `armillary check`."""
    try:
        text = text_of(folder, TEMPLATES_FILE)
        made_of(text_of(folder, MADE_FILE))
    except ProjectFault as fault:
        problem = SceneProblem(
            code="P01", severity="error", where=fault.where, what=fault.what, remedy=fault.remedy
        )
        return (problem,)
    return examine(text)[1] if text else ()


def _template(table: Table) -> Template:
    id_ = table.text("id", required=True)
    parameters = dict(table.table("parameters").data)
    lines: list[Line] = []
    for each in table.tables("binding"):
        name = each.text("name", required=True)
        part, tag = each.text("part").strip("/"), each.text("tag")
        each.choice("channel", CHANNELS, "displayColor")
        said = {key: each.raw(key) for key in NAMES if key in each}
        for key, value in said.items():
            for word in _asked(value):
                if word not in (*parameters, "low", "high", "twin"):
                    each.wrong(
                        key,
                        f"There is no parameter '{word}'.",
                        nearest(word, list(parameters)).strip() or "Add it to [template.parameters].",
                    )
        each.done()
        if name in [line.name for line in lines if line.part == part]:
            each.wrong("name", f"There are two bindings '{name}' of one part.", "Rename one of them.", "P08")
        lines.append(Line(name=name, part=part, tag=tag, said=said))
    alarms = tuple(_alarm(each, parameters) for each in table.tables("alarm"))
    trends = tuple(_trend(each) for each in table.tables("trend"))
    out = Template(
        id=id_,
        title=table.text("title"),
        model=table.text("model"),
        parameters=parameters,
        lines=tuple(lines),
        alarms=alarms,
        trends=trends,
    )
    table.done()
    return out


def _alarm(table: Table, parameters: Mapping[str, object]) -> AlarmLine:
    """Return an alarm of a template; rules.toml judges its keys when it is made."""
    id_, tag = table.text("id", required=True), table.text("tag")
    said = {key: table.raw(key) for key in table.rest() if key not in ("id", "tag")}
    if id_ and MARK not in id_:
        table.wrong("id", f"Every place would make an alarm '{id_}'.", "Write '$thing' into the id.")
    for key, value in {"id": id_, **said}.items():
        for word in _WORD.findall(value) if isinstance(value, str) else ():
            if word not in (*parameters, "low", "high", "twin", "thing", "name"):
                hint = nearest(word, list(parameters)).strip()
                table.wrong(key, f"There is no parameter '{word}'.", hint or "Add it to the parameters.")
    table.done()
    return AlarmLine(id=id_, tag=tag, said=said)


def _trend(table: Table) -> Trend:
    name, pens = table.text("name", required=True), table.texts("pens")
    if not pens:
        table.wrong("pens", "A trend needs a pen.", "Give the names of tags below the twin.")
    out = Trend(name=name, pens=pens, span_s=table.number("span_s", 0.0, 0.0))
    table.done()
    return out


def _instance(table: Table, templates: Sequence[Template]) -> Instance:
    known = {template.id: template for template in templates}
    id_ = table.text("template", required=True)
    given = table.table("parameters")
    if id_ and id_ not in known:
        table.wrong(
            "template",
            f"There is no template '{id_}'.",
            nearest(id_, list(known)).strip() or "Add it.",
            "P10",
        )
    for key in given.data:
        if id_ in known and key not in known[id_].parameters:
            hint = nearest(key, list(known[id_].parameters)).strip()
            given.wrong(key, f"The template '{id_}' has no parameter '{key}'.", hint or "Remove it.", "P04")
    prim = table.text("prim", required=True)
    if prim and not prim.startswith("/"):
        table.wrong("prim", f"'{prim}' is not a prim path.", "Begin it with /.")
    out = Instance(
        template=id_,
        prim=prim,
        twin=table.text("twin"),
        tags=table.text("tags"),
        parameters=dict(given.data),
        unlinked=table.texts("unlinked"),
    )
    table.done()
    return out


def _asked(value: object) -> list[str]:
    """Return the parameters that a fact names."""
    each = value if isinstance(value, list) else [value]
    return [word[1:] for word in each if isinstance(word, str) and word.startswith(MARK)]


def made_of(text: str) -> dict[str, Made]:
    """Return what was made, by `prim#name`. Raises ProjectFault for a file that cannot be read."""
    if not text:
        return {}
    try:
        root = json.loads(text)
        return {
            key: Made(template=e["template"], version=e["version"], said=_frozen(e["said"]))
            for key, e in root["made"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ProjectFault(
            f"{MADE_FILE} cannot be read: {error}.",
            where=MADE_FILE,
            remedy="Restore it from version control; without it, what is changed by hand cannot be told.",
        ) from error


def made_text(made: Mapping[str, Made]) -> str:
    """Return the text of the file that remembers, a binding a line. It is written by us alone."""
    rows = [
        f"  {json.dumps(key)}: "
        + json.dumps({"template": m.template, "version": m.version, "said": dict(m.said)}, ensure_ascii=False)
        for key, m in sorted(made.items())
    ]
    return '{"schema": 1,\n "made": {\n' + ",\n".join(rows) + "\n }}\n"


def _frozen(said: Mapping[str, object]) -> dict[str, Fact]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in said.items()}  # type: ignore[misc]  # JSON of our own


# ---------------------------------------------------------------- editing


def template_of(
    id_: str, title: str, prim: str, twin: str, bindings: Sequence[Binding], model: str = ""
) -> Template:
    """Return a template of the bindings of a part and of what is below it, for a twin's tags."""
    lines: list[Line] = []
    for b in sorted(bindings, key=lambda b: (b.prim, b.name)):
        if b.prim != prim and not b.prim.startswith(f"{prim}/"):
            continue
        said: dict[str, object] = {
            k: list(v) if isinstance(v, tuple) else v for k, v in facts(b).items() if k != "signal"
        }
        tag = b.signal
        if twin and tag.startswith(f"{twin}."):
            tag = tag.removeprefix(f"{twin}.")
        elif tag:
            said["signal"], tag = tag, ""  # another twin's: the same for every instance
        lines.append(Line(name=b.name, part=b.prim[len(prim) + 1 :], tag=tag, said=said))
    return Template(id=id_, title=title, model=model, lines=tuple(lines))


def with_template(text: str, template: Template) -> str:
    """Return binding-templates.toml with a template put in, in place of one of that id; all else stays."""
    document = tomlkit.parse(text or f"schema = {SCHEMA}\n")
    table = tomlkit.table()
    table["id"] = template.id
    for key, value in (("title", template.title), ("model", template.model)):
        if value:
            table[key] = value
    if template.parameters:
        table["parameters"] = dict(template.parameters)
    made = tomlkit.aot()
    for line in template.lines:
        each = tomlkit.table()
        each["name"] = line.name
        for key, value in (("part", line.part), ("tag", line.tag)):
            if value:
                each[key] = value
        for key, said in line.said.items():
            each[key] = said
        made.append(each)
    if template.lines:
        table["binding"] = made
    if template.alarms:
        table["alarm"] = _tables(
            {"id": each.id, **({"tag": each.tag} if each.tag else {}), **each.said}
            for each in template.alarms
        )
    if template.trends:
        table["trend"] = _tables(
            {"name": each.name, "pens": list(each.pens), **({"span_s": each.span_s} if each.span_s else {})}
            for each in template.trends
        )
    templates = document.setdefault("template", tomlkit.aot())
    at = next((i for i, one in enumerate(templates) if one.get("id") == template.id), None)
    if at is None:
        templates.append(table)
    else:
        templates[at] = table
    return tomlkit.dumps(document)


def _tables(rows: Iterable[Mapping[str, object]]) -> tomlkit.items.AoT:
    out = tomlkit.aot()
    for row in rows:
        table = tomlkit.table()
        for key, value in row.items():
            table[key] = value
        out.append(table)
    return out


def with_instances(text: str, instances: Sequence[Instance]) -> str:
    """Return binding-templates.toml with instances added; one that is there stays as it is."""
    document = tomlkit.parse(text or f"schema = {SCHEMA}\n")
    there = document.setdefault("instance", tomlkit.aot())
    known = {(one.get("template"), one.get("prim")) for one in there}
    for instance in instances:
        if (instance.template, instance.prim) in known:
            continue
        table = tomlkit.table()
        table["template"], table["prim"] = instance.template, instance.prim
        if instance.twin:
            table["twin"] = instance.twin
        if instance.tags:
            table["tags"] = instance.tags
        if instance.parameters:
            table["parameters"] = tomlkit.inline_table()
            table["parameters"].update(instance.parameters)
        there.append(table)
    return tomlkit.dumps(document)


def parsed(words: Sequence[str]) -> dict[str, object]:
    """Return parameters of `limit=90` and the like; a number where it reads as one. Raises ProjectFault."""
    out: dict[str, object] = {}
    for each in words:
        name, mark, value = (part.strip() for part in each.partition("="))
        if not mark or not name.isidentifier() or not value:
            raise ProjectFault(
                f"'{each}' is no parameter.", where=TEMPLATES_FILE, remedy="Write it as limit=90."
            )
        try:
            out[name] = float(value)
        except ValueError:
            out[name] = value
    return out


def parametrised(template: Template, parameters: Mapping[str, object]) -> Template:
    """Return a template in which every value that equals a parameter's is that parameter."""

    def named(value: object) -> object:
        if isinstance(value, list):
            return [named(each) for each in value]
        if isinstance(value, bool):
            return value
        return next((f"{MARK}{name}" for name, usual in parameters.items() if usual == value), value)

    fixed = ("channel", "map", "axis", "intent", "enabled")
    lines = tuple(
        replace(line, said={k: v if k in fixed else named(v) for k, v in line.said.items()})
        for line in template.lines
    )
    alarms = tuple(
        replace(line, said={key: named(value) for key, value in line.said.items()})
        for line in template.alarms
    )
    return replace(template, parameters=dict(parameters), lines=lines, alarms=alarms)


def with_parameters(text: str, template: str, prim: str, parameters: Mapping[str, object]) -> str:
    """Return binding-templates.toml in which an instance gives parameters values of its own."""
    document = tomlkit.parse(text)
    for one in document.get("instance", ()):
        if (one.get("template"), one.get("prim")) == (template, prim):
            table = tomlkit.inline_table()
            table.update({**one.get("parameters", {}), **parameters})
            one["parameters"] = table
    return tomlkit.dumps(document)


def with_unlinked(text: str, prim: str, names: Sequence[str]) -> str:
    """Return binding-templates.toml with bindings of the instance at a prim made independent of it."""
    document = tomlkit.parse(text)
    for one in document.get("instance", ()):
        if one.get("prim") == prim:
            one["unlinked"] = sorted({*one.get("unlinked", ()), *names})
    return tomlkit.dumps(document)


def with_prims(text: str, to: Mapping[str, str]) -> str:
    """Return binding-templates.toml with the prims of instances replaced, old path → new path."""
    document = tomlkit.parse(text)
    for one in document.get("instance", ()):
        if one.get("prim") in to:
            one["prim"] = to[one["prim"]]
    return tomlkit.dumps(document)


def text_of(folder: Path, file: str) -> str:
    """Return the text of one of the two files, "" where there is none. Raises ProjectFault."""
    path = folder / file
    try:
        return path.read_text("utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectFault(f"{file} cannot be read: {error}.", where=str(path), remedy="Check it.") from error
