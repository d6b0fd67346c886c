"""What a wish aims at: a writable tag, or the target of a template with the limits that it sets. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from armillary.model.account import Right
from armillary.model.command import Template
from armillary.model.fault import OrderFault
from armillary.model.order import Arm, Write
from armillary.model.tags import TagSpec, TagTable
from armillary.world.permit import raw_value

NOWHERE = -1  # slot of a target that no tag shows


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """Where a command goes, as the tag that would be written; `spec.slot` may be NOWHERE."""

    spec: TagSpec
    template: Template | None = None

    @property
    def right(self) -> Right:
        """What a role needs for it."""
        engineer = self.template is not None and self.template.role == "engineer"
        return Right.COMMAND_ENGINEER if engineer else Right.COMMAND

    @property
    def title(self) -> str:
        """For people."""
        return (self.template.title if self.template else self.spec.title) or self.spec.name

    def shown(self, table: TagTable) -> float:
        """Return what the target shows now, NaN when nothing shows it."""
        return math.nan if self.spec.slot == NOWHERE else float(table.value[self.spec.slot])

    def write(self, *, id: str, value: float, not_after_ns: int) -> Write:  # noqa: A002 - as Write has it
        """Return what a sink is to do. Raises OrderFault for a value that the plant's unit cannot hold."""
        spec, template = self.spec, self.template
        raw = raw_value(spec, value)
        is_call = template is not None and (template.kind == "method" or template.calls)
        has_value = template is not None and (template.parameter is not None or math.isfinite(template.value))
        has_value &= (
            template is not None and not template.calls
        )  # the value of a stop only says that it is one
        return Write(
            id=id,
            link=spec.link,
            address=spec.address,
            value=raw,
            kind=spec.kind,
            not_after_ns=not_after_ns,
            key="",  # the gate seals it
            is_call=is_call,
            owner=template.owner if template is not None else "",
            arguments=(raw,) if is_call and has_value else (),
        )


class Aims:
    """Resolves wishes of one world."""

    def __init__(self, specs: Sequence[TagSpec], templates: Iterable[Template] = ()) -> None:
        self._tags = {spec.name: spec for spec in specs}
        self._templates = {template.id: template for template in templates}

    def of(self, tag: str, template: str) -> Aim:
        """Return what is meant by a tag, or by a template's id. Raises OrderFault."""
        if not template:
            spec = self._tags.get(tag)
            if spec is None:
                raise OrderFault("There is no such tag.", where=tag, remedy="Choose a tag of this world.")
            return Aim(spec=spec)
        found = self._templates.get(template)
        if found is None:
            raise OrderFault(
                f"There is no template '{template}'.", where=tag or template, remedy="See commands.toml."
            )
        if found.two_person:
            raise OrderFault(
                f"'{found.title}' needs a second person, which Armillary cannot ask for yet.",
                where=found.origin,
                remedy="Command it at the plant.",
            )
        return Aim(spec=self._target(found), template=found)

    def fixed(self, aim: Aim, wish: Arm) -> Arm:
        """Return a wish with what its template settles: the tag, the unit, a value that is not asked for."""
        template, spec = aim.template, aim.spec
        if template is None:
            return wish
        if wish.tag not in ("", spec.name):
            raise OrderFault(
                f"The template '{template.id}' is not for '{wish.tag}'.",
                where=template.origin,
                remedy=f"It is for '{spec.name}'.",
            )
        value = wish.value
        if template.parameter is None:
            settled = template.value if math.isfinite(template.value) else 1.0  # a method without a value
            if not math.isnan(value) and value != settled:
                raise OrderFault(
                    f"'{template.title}' takes no value; it always sends {settled:g}.",
                    where=template.origin,
                    remedy="Leave the value out.",
                )
            value = settled
        return replace(wish, tag=spec.name, value=value, unit=wish.unit or spec.unit)

    def _target(self, template: Template) -> TagSpec:
        parameter = template.parameter
        value = template.value if math.isfinite(template.value) else 1.0
        low, high = (parameter.low, parameter.high) if parameter else (value, value)
        if template.tag:
            spec = self._tags[template.tag]
            if spec.writable and spec.kind == "number":  # a template narrows what the tag allows
                low, high = max(low, spec.write_low), min(high, spec.write_high)
            return replace(spec, writable=True, write_low=low, write_high=high)
        return TagSpec(
            slot=NOWHERE,
            name=f"{template.link}!{template.address}",
            link=template.link,
            address=template.address,
            unit=parameter.unit if parameter else "",
            writable=True,
            write_low=low,
            write_high=high,
            title=template.title,
            origin=template.origin,
        )
