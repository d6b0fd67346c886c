"""`[[shift]]` and `[[figure]]` of project.toml."""

from __future__ import annotations

from pathlib import Path

import pytest

from armillary.project import folder as projects

HEAD = """
[project]
schema = 1
id = "x"
name = "Plant"
timezone = "Europe/Berlin"
[[source]]
name = "plc"
kind = "opcua"
url = "opc.tcp://127.0.0.1:4840"
"""
TWINS = """{"schema": 1, "twins": [
 {"id": "TT-212", "tags": {"value": {"address": "plc!ns=1;i=1", "unit": "°C"},
  "note": {"address": "plc!ns=1;i=3", "kind": "text"}}}]}"""


def examined(folder: Path, text: str) -> tuple[projects.Project, list[tuple[str, str]]]:
    (folder / "project.toml").write_text(HEAD + text, "utf-8")
    (folder / "twins.json").write_text(TWINS, "utf-8")
    project, problems = projects.examine(folder)
    assert project is not None
    return project, [(p.code, f"{p.where} {p.what} {p.remedy}") for p in problems if p.severity == "error"]


def test_a_project_without_shifts_has_the_usual_three_by_its_own_clock(tmp_path: Path) -> None:
    project, wrong = examined(tmp_path, "")
    assert not wrong
    assert [(s.name, s.zone) for s in project.shifts] == [
        (name, "Europe/Berlin") for name in ("early", "late", "night")
    ]


def test_shifts_and_figures_are_read(tmp_path: Path) -> None:
    project, wrong = examined(
        tmp_path,
        '[[shift]]\nname = "Tag"\nfrom = "7:30"\nto = "24:00"\ndays = ["sun", "mon"]\ntimezone = "UTC"\n'
        '[[figure]]\ntag = "TT-212"\nhow = "time above"\nlimit = 85\n',
    )
    assert not wrong
    (shift,) = project.shifts
    assert (shift.from_min, shift.to_min, shift.days, shift.zone) == (450, 0, ("mon", "sun"), "UTC")
    (figure,) = project.figures
    assert (figure.tag, figure.title, figure.limit) == ("TT-212.value", "TT-212.value", 85.0)


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ('[[shift]]\nname = "a"\nfrom = "6h"\nto = "14:00"', "P02", "'6h' is no time of the day"),
        ('[[shift]]\nname = "a"\nfrom = "24:30"\nto = "14:00"', "P02", "'24:30' is no time"),
        ('[[shift]]\nname = "now"\nfrom = "06:00"\nto = "14:00"', "P02", "'now' cannot be a shift's name"),
        (
            '[[shift]]\nname = "a"\nfrom = "06:00"\nto = "14:00"\ndays = ["mo"]',
            "P02",
            "'mo' is no day",
        ),
        ('[[shift]]\nname = "a"\nfrom = "06:00"\nto = "14:00"\ndays = []', "P02", "on no day"),
        (
            '[[shift]]\nname = "a"\nfrom = "06:00"\nto = "7:00"\ntimezone = "Mars"',
            "P02",
            "'Mars' is not known",
        ),
        ('[[shift]]\nname = "a"\nfrom = "06:00"\nto = "7:00"\n' * 2, "P08", "two shifts 'a' on one day"),
        ('[[shift]]\nname = "a"\nfrm = "06:00"\nto = "7:00"', "P04", "frm"),
        ('[[figure]]\ntag = "TT-213"', "P02", "no tag 'TT-213'"),
        ('[[figure]]\ntag = "TT-212.note"', "P02", "is no number"),
        ('[[figure]]\ntag = "TT-212"\nhow = "time above"', "P03", "needs a limit"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, text: str, code: str, said: str) -> None:
    _, wrong = examined(tmp_path, text)
    assert any(c == code and said in words and "project.toml:" in words for c, words in wrong), wrong
