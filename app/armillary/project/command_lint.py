"""What is doubtful in a command template though it can be read: no command of it is refused for that."""

from __future__ import annotations

from collections.abc import Mapping

from armillary.model import expression
from armillary.model.command import Template
from armillary.model.fault import ProjectFault
from armillary.model.tags import TagSpec
from armillary.project.operands import misfit
from armillary.project.table import Table

_WARNING = "warning"


def judge(table: Table, template: Template, specs: Mapping[str, TagSpec]) -> None:
    """Note what an engineer should look at again."""
    document, path = table.document, table.path
    proof = template.read_back
    if proof is not None and "verify_timeout_s" not in table.data["read_back"]:
        document.wrong(
            (*path, "read_back"),
            f"The template '{template.id}' does not say how long its read-back may take.",
            f"Give 'verify_timeout_s'; {proof.verify_timeout_s:g} s is meant.",
            "P95",
            _WARNING,
        )
    spec = specs.get(template.tag)
    _range(table, template, spec)
    for text in template.preconditions:
        if sides := misfit(text, specs):
            what = f"{sides[0]} is compared with {sides[1]}."
            document.wrong((*path, "preconditions"), what, "Compare what has the same unit.", "P97", _WARNING)
    _read_back(table, template, spec, specs)
    read = [names for text in template.preconditions if (names := _names(text, specs))]
    if spec is not None and read and all(names == {spec.name} for names in read):
        document.wrong(
            (*path, "preconditions"),
            f"The preconditions of '{template.id}' read nothing but its target '{spec.name}'.",
            "Name what else must hold, a valve or a level.",
            "P98",
            _WARNING,
        )


def _range(table: Table, template: Template, spec: TagSpec | None) -> None:
    """Note limits that the tag does not allow: what is beyond them is always refused."""
    parameter = template.parameter
    if spec is None or not spec.writable or spec.kind != "number":
        return
    low, high = (parameter.low, parameter.high) if parameter is not None else (template.value, template.value)
    if low < spec.write_low or high > spec.write_high:
        table.document.wrong(
            (*table.path, "parameter" if parameter is not None else "value"),
            f"{low:g} to {high:g} {spec.unit} is wider than what '{spec.name}' takes, {spec.write_low:g} to "
            f"{spec.write_high:g} {spec.unit}.",
            "Narrow it, or widen the tag's write_range.",
            "P96",
            _WARNING,
        )


def _read_back(table: Table, template: Template, spec: TagSpec | None, specs: Mapping[str, TagSpec]) -> None:
    """Note a read-back that is compared with the value sent and has another unit."""
    proof = template.read_back
    if proof is None:
        return
    unit = (
        template.parameter.unit if template.parameter is not None else spec.unit if spec is not None else ""
    )
    is_compared = proof.tolerance == proof.tolerance  # NaN: it is a condition
    read = specs.get(proof.expression.strip().strip("`"))
    if is_compared and read is not None and unit and read.unit != unit:
        table.document.wrong(
            (*table.path, "read_back"),
            f"'{template.id}' sends {unit}, and its read-back '{read.name}' is in {read.unit or 'no unit'}.",
            "Read back what has the same unit, or compare: P-1.speed > 900.",
            "P97",
            _WARNING,
        )


def _names(text: str, specs: Mapping[str, TagSpec]) -> set[str]:
    try:
        return set(expression.compile(text, specs).names)
    except ProjectFault:
        return set()  # told already, as an error
