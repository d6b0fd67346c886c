"""What is doubtful in a command template is told, and what is edited keeps its comments."""

from __future__ import annotations

import tomllib

import pytest

from armillary.model.fault import ProjectFault
from armillary.model.link import LinkSpec
from armillary.model.tags import TagSpec
from armillary.project import locate
from armillary.project.command_edit import template_facts, template_ids, with_template, without_template
from armillary.project.commands import Commands
from armillary.project.table import Document, Findings, Table

SPECS = {
    spec.name: spec
    for spec in (
        TagSpec(
            slot=0,
            name="V-1.sp",
            unit="%",
            link="ua",
            address="s",
            writable=True,
            write_low=0,
            write_high=100,
        ),
        TagSpec(slot=1, name="V-1.position", unit="%", link="ua", address="p"),
        TagSpec(slot=2, name="F-1.flow", unit="m³/h", link="ua", address="f"),
    )
}
TEXT = """\
schema = 1   # keep

# opens and closes
[[template]]
id = "set_v1"
target = "V-1.sp"   # the controller has it
parameter = { name = "opening", unit = "%", low = 0.0, high = 100.0 }
preconditions = ["good(V-1.position)"]
read_back = { expression = "V-1.position", tolerance = 1.0, verify_timeout_s = 30.0 }

# the other
[[template]]
id = "shut_v1"
target = "V-1.sp"
value = 0
"""


def found(text: str) -> list[tuple[str, str]]:
    findings = Findings()
    document = Document("commands.toml", text, locate.toml_line, findings)
    links = {"ua": LinkSpec(name="ua", kind="opcua", url="opc.tcp://127.0.0.1:4840")}
    Commands(SPECS, links).read(Table(document, tomllib.loads(text)))
    return [(p.code, p.severity) for p in findings.problems]


def test_the_templates_of_the_card_are_fine() -> None:
    assert found(TEXT) == []


@pytest.mark.parametrize(
    ("old", "new", "code", "severity"),
    [
        (", verify_timeout_s = 30.0", "", "P95", "warning"),
        ("high = 100.0", "high = 250.0", "P96", "warning"),
        ("value = 0", "value = -5", "P96", "warning"),
        ('["good(V-1.position)"]', '["V-1.position < F-1.flow"]', "P97", "warning"),
        ('expression = "V-1.position"', 'expression = "F-1.flow"', "P97", "warning"),
        ('["good(V-1.position)"]', '["V-1.sp > 1"]', "P98", "warning"),
        ('["good(V-1.position)"]', '["good(V-9.position)"]', "P99", "error"),
        ("value = 0", 'value = 0\nreversible_by = "set_v2"', "P02", "error"),
    ],
)
def test_what_is_doubtful_is_told(old: str, new: str, code: str, severity: str) -> None:
    assert found(TEXT.replace(old, new)) == [(code, severity)]


def test_a_read_back_that_is_a_condition_may_have_any_unit() -> None:
    text = TEXT.replace('"V-1.position", tolerance = 1.0', '"F-1.flow > 3"')
    assert found(text) == []


def test_a_template_that_is_taken_back_by_another_is_fine() -> None:
    assert found(TEXT.replace("value = 0", 'value = 0\nreversible_by = "set_v1"')) == []


def test_only_what_was_changed_is_changed() -> None:
    facts = template_facts(TEXT, "set_v1")
    assert with_template(TEXT, "set_v1", facts) == TEXT
    text = with_template(TEXT, "set_v1", {"effect": "It moves.", "preconditions": None})
    assert text.replace('effect = "It moves."\n', "") == TEXT.replace(
        'preconditions = ["good(V-1.position)"]\n', ""
    )


def test_a_template_is_added_and_taken_out_again() -> None:
    text = with_template(TEXT, "open_v1", {"target": "V-1.sp", "value": 100.0})
    assert template_ids(text) == ("set_v1", "shut_v1", "open_v1")
    assert "# the other" in text
    assert found(text) == []
    assert template_ids(without_template(text, "open_v1")) == ("set_v1", "shut_v1")


def test_a_first_template_makes_the_file() -> None:
    text = with_template("", "open_v1", {"target": "V-1.sp", "value": 100.0})
    assert found(text) == []
    assert without_template(text, "open_v1").strip() == "schema = 1"


def test_a_key_that_is_none_is_refused() -> None:
    with pytest.raises(ProjectFault, match="no key of a template"):
        with_template(TEXT, "set_v1", {"colour": "red"})
