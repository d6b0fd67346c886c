"""Reading of commands.toml: templates of commands, and interlocks."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from armillary.model import expression
from armillary.model.command import Interlock, Parameter, Proof, Template, TemplateKind
from armillary.model.fault import ProjectFault
from armillary.model.link import LinkSpec
from armillary.model.tags import TagSpec
from armillary.project.command_lint import judge
from armillary.project.table import Table, nearest

COMMANDS_FILE = "commands.toml"
KINDS = ("setpoint", "pulse", "method", "stop")
ROLES = ("operator", "engineer")  # operations 5.1: nobody else commands the plant
_ID = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_MAX_S = 3_600.0
_PULSE_S = 2.0  # the longest pulse: while it lasts the gate waits to end it
_POLICY_KEYS = ("id", "template", "loop", "max_per_hour", "expires", "signatures")


@dataclass(slots=True)
class Commands:
    """What commands.toml holds, as it is read."""

    specs: Mapping[str, TagSpec]
    links: Mapping[str, LinkSpec]
    templates: list[Template] = field(default_factory=list)
    interlocks: list[Interlock] = field(default_factory=list)

    def read(self, root: Table) -> None:
        """Read the whole file; mistakes are noted in its document's findings."""
        root.raw("schema")
        for table in root.tables("template"):
            self._template(table)
        self._undone_by(root)
        for table in root.tables("interlock"):
            self._interlock(table)
        for table in root.tables("policy"):  # of closed loops: kept for them, checked for its keys only
            for key in _POLICY_KEYS:
                table.raw(key)
            table.done()
        root.done()

    def _template(self, table: Table) -> None:
        id_ = self._id(table, [t.id for t in self.templates])
        kind = cast("TemplateKind", table.choice("kind", KINDS, "setpoint"))  # `choice` returns one of them
        spec, link, address = self._target(table)
        parameter, value = self._parameter(table, spec), self._value(table)
        is_call = kind == "method" or (kind == "stop" and table.flag("method", False))
        if kind == "stop" and (parameter is not None or math.isnan(value)):
            table.wrong("value", "A stop has one fixed value.", "Give 'value' and no 'parameter'.")
        elif kind != "method" and (parameter is None) == math.isnan(value):
            table.wrong("value", "A command needs a 'parameter' or a fixed 'value'.", "Give one of them.")
        pulse_s = table.number("pulse_s", 0.5, 0.05, _PULSE_S) if kind == "pulse" else 0.0
        rest = table.number("rest", 0.0) if kind == "pulse" else 0.0
        template = Template(
            id=id_,
            kind=kind,
            title=table.text("title", id_),
            link=link,
            address=address,
            tag=spec.name if spec is not None else "",
            owner=table.text("object") if is_call else "",
            calls=kind == "stop" and is_call,
            parameter=parameter,
            value=value,
            rest=rest,
            pulse_s=pulse_s,
            role=table.choice("role", ROLES, "operator"),
            preconditions=self._conditions(table, "preconditions"),
            read_back=self._proof(table),
            effect=table.text("effect"),
            two_person=table.flag("two_person", False),
            reversible_by=table.text("reversible_by"),
            origin=table.document.where(table.path),
        )
        self.templates.append(template)
        judge(table, template, self.specs)
        table.done()

    def _undone_by(self, root: Table) -> None:
        """Note a template that is to be taken back by one that there is not."""
        known = [template.id for template in self.templates]
        for number, template in enumerate(self.templates):
            if template.reversible_by and template.reversible_by not in known:
                root.document.wrong(
                    ("template", number, "reversible_by"),
                    f"There is no template '{template.reversible_by}' to take '{template.id}' back.",
                    nearest(template.reversible_by, known).strip() or "Correct it, or leave it out.",
                )

    def _interlock(self, table: Table) -> None:
        id_ = self._id(table, [i.id for i in self.interlocks])
        targets = table.texts("targets")
        known = [*self.specs, *(t.id for t in self.templates)]
        if not targets:
            table.wrong("targets", "The interlock blocks nothing.", "Name tags or templates in 'targets'.")
        for target in targets:
            if target not in known:
                table.wrong(
                    "targets",
                    f"'{target}' is no tag and no template.",
                    nearest(target, known).strip() or "Correct it.",
                )
        condition = table.text("blocks_when", required=True)
        if condition:
            self._compiles(table, "blocks_when", condition)
        self.interlocks.append(
            Interlock(
                id=id_,
                targets=targets,
                blocks_when=condition,
                text=table.text("text"),
                origin=table.document.where(table.path),
            )
        )
        table.done()

    def _id(self, table: Table, taken: Sequence[str]) -> str:
        id_ = table.text("id", required=True)
        if id_ and not _ID.fullmatch(id_):
            table.wrong(
                "id", f"'{id_}' cannot be an id.", "Use small letters, digits, _ and -, a letter first."
            )
        if id_ in taken or id_ in self.specs:
            table.wrong("id", f"The id '{id_}' is taken.", "Give another.")
        return id_

    def _target(self, table: Table) -> tuple[TagSpec | None, str, str]:
        """Return (tag at the target or None, link, address): `link!address`, or the name of a tag."""
        text = table.text("target", required=True)
        spec = self.specs.get(text)
        if spec is not None:
            if not spec.link:
                table.wrong("target", f"'{text}' is derived; nothing can be written.", "Name another tag.")
            return spec, spec.link, spec.address
        link, mark, address = text.partition("!")
        if text and (not mark or link not in self.links):
            known = [*self.specs, *self.links]
            table.wrong(
                "target",
                f"'{text}' is no tag and no address of a source.",
                nearest(link if mark else text, known).strip() or "Give a tag, or source!address.",
            )
        found = (s for s in self.specs.values() if s.link == link and s.address == address)
        return next(found, None), link, address

    def _parameter(self, table: Table, spec: TagSpec | None) -> Parameter | None:
        if "parameter" not in table:
            return None
        held = table.table("parameter")
        unit = held.text("unit", spec.unit if spec is not None else "")
        low, high = (held.number(key, math.nan) for key in ("low", "high"))
        name = held.text("name", "value")
        if not low <= high:  # also when one is missing
            held.wrong("low", "A parameter needs limits.", "Give 'low' and 'high', low below high.")
        if spec is not None and unit != spec.unit:
            held.wrong(
                "unit", f"The unit is '{unit}', that of '{spec.name}' is '{spec.unit}'.", "Give the same."
            )
        held.done()
        return Parameter(name=name, unit=unit, low=low, high=high)

    def _value(self, table: Table) -> float:
        return table.number("value", math.nan)

    def _proof(self, table: Table) -> Proof | None:
        if "read_back" not in table:
            return None
        held = table.table("read_back")
        text = held.text("expression", required=True)
        if text:
            self._compiles(held, "expression", text)
        proof = Proof(
            expression=text,
            tolerance=held.number("tolerance", math.nan, 0.0),
            verify_timeout_s=held.number("verify_timeout_s", 30.0, 0.1, _MAX_S),
        )
        held.done()
        return proof if text else None

    def _conditions(self, table: Table, key: str) -> tuple[str, ...]:
        texts = table.texts(key)
        for text in texts:
            self._compiles(table, key, text)
        return texts

    def _compiles(self, table: Table, key: str, text: str) -> None:
        try:
            expression.compile(text, self.specs, table.document.name)
        except ProjectFault as fault:
            table.wrong(key, fault.what, fault.remedy, "P99")
