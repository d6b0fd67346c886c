"""notify.toml: what is read, what is refused and where, and what is hardly meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from armillary.model.clock import parse_iso
from armillary.model.notice import Quiet, Receiver, is_quiet
from armillary.project import folder as projects
from armillary.project.lint import findings

PROJECT = """
[project]
schema = 1
id = "x"
name = "Plant"
timezone = "Europe/Oslo"
[[source]]
name = "plc"
kind = "opcua"
url = "opc.tcp://127.0.0.1:4840"
"""
TWINS = '{"schema": 1, "twins": [{"id": "TT-212", "tags": {"value": {"address": "plc!ns=1;i=1"}}}]}'
RULES = """schema = 1
[[alarm]]
id = "O210-Z2-HTT"
tag = "TT-212"
limit = 85.0
consequence = "c"
operator_action = "o"
"""
ONE = 'name = "duty"\nkind = "webhook"\nurl = "https://call.example/hook"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "project.toml").write_text(PROJECT, "utf-8")
    (tmp_path / "twins.json").write_text(TWINS, "utf-8")
    (tmp_path / "rules.toml").write_text(RULES, "utf-8")
    return tmp_path


def notify(folder: Path, text: str) -> Path:
    (folder / "notify.toml").write_text("schema = 1\n" + text, "utf-8")
    return folder


def wrongs(folder: Path, text: str) -> list[tuple[str, str, str]]:
    _, problems = projects.examine(notify(folder, text))
    return [(p.code, p.where, f"{p.what} {p.remedy}") for p in problems]


def linted(folder: Path, text: str) -> list[tuple[str, str]]:
    project = projects.read(notify(folder, text))
    return [(p.code, p.what) for p in findings(project) if p.where.startswith("notify.toml")]


def test_receiver_is_read_with_all_that_it_says(folder: Path) -> None:
    text = f"""
[[notify]]
{ONE}
priority = 2
alarms = ["O210-*"]
except = ["O210-Z9-*"]
prims = ["/Plant/Oven"]
events = ["raised", "cleared"]
quiet = [{{ days = ["mon-fri", "sun"], from = "22:00", to = 06:00:00 }}]
breaks_through = 2
escalate_to = "boss"
escalate_after_min = 10
group_over = 5
group_min = 5
most_per_hour = 20
undelivered_min = 3
link = "https://wiki.example/{{id}}"
secret = "hook"

[[notify]]
name = "boss"
kind = "email"
url = "smtps://mail.example"
to = ["boss@site.example"]
only_escalated = true
"""
    duty, boss = projects.read(notify(folder, text)).receivers
    assert (duty.priority, duty.alarms, duty.excepted) == (2, ("O210-*",), ("O210-Z9-*",))
    assert duty.quiet == (Quiet(days=(0, 1, 2, 3, 4, 6), from_min=1320, to_min=360),)
    assert (duty.escalate_to, duty.escalate_s, duty.group_s, duty.per_hour) == ("boss", 600.0, 300.0, 20)
    assert duty.timezone == "Europe/Oslo"  # the project's
    assert duty.settings == {"secret": "hook"}
    assert boss.only_escalated
    assert boss.settings == {"to": ["boss@site.example"]}
    assert linted(folder, text) == []


def test_project_without_the_file_tells_nobody(folder: Path) -> None:
    assert projects.read(folder).receivers == ()


def test_mistakes_are_named_with_line_and_remedy(folder: Path) -> None:
    found = wrongs(folder, f'[[notify]]\n{ONE}escalate_to = "bos"\n[[notify]]\n{ONE.replace("duty", "boss")}')
    assert [(code, where) for code, where, _ in found] == [("P70", "notify.toml:6")] * 2
    assert "escalate_after_min" in found[0][2]
    assert "Did you mean 'boss'?" in found[1][2]


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ('events = ["raise"]', "P02", "Did you mean 'raised'?"),
        ('quiet = [{ from = "25:00", to = "06:00" }]', "P02", "no time of day"),
        ('quiet = [{ days = ["mo"], from = "22:00", to = "06:00" }]', "P02", "no day"),
        ('quiet = [{ from = "22:00", to = "06:00", day = "mon" }]', "P04", "Did you mean 'days'?"),
        ('timezone = "Mars/Olympus"', "P02", "not known"),
        ("priority = 5", "P02", "between 1 and 4"),
        ('areas = ["north"]', "P10", "no area"),
        ('prims = ["Plant"]', "P02", "Begin it with /"),
        ('link = "https://wiki.example/{alarm}"', "P02", "{id}"),
        ('escalate_to = "duty"\nescalate_after_min = 5', "P71", "duty → duty"),
    ],
)
def test_what_cannot_be_meant_is_refused(folder: Path, text: str, code: str, says: str) -> None:
    found = wrongs(folder, f"[[notify]]\n{ONE}{text}\n")
    assert [one[0] for one in found] == [code], found
    assert says in found[0][2]


def test_password_in_the_url_is_refused_and_its_text_is_not_repeated(folder: Path) -> None:
    found = wrongs(
        folder, '[[notify]]\nname = "m"\nkind = "email"\nurl = "smtps://me:hunter2@mail.example"\n'
    )
    assert [one[0] for one in found] == ["P21"]
    assert "hunter2" not in str(found)


def test_two_receivers_of_one_name_are_refused(folder: Path) -> None:
    assert [one[0] for one in wrongs(folder, f"[[notify]]\n{ONE}[[notify]]\n{ONE}")] == ["P08"]


def test_lint_names_patterns_without_alarms_and_receivers_that_nobody_escalates_to(folder: Path) -> None:
    text = f'[[notify]]\n{ONE}alarms = ["O310-*", "link:*"]\nonly_escalated = true\npassword = "x"\n'
    assert [code for code, _ in linted(folder, text)] == ["P21", "P73", "P72"]


def test_lint_says_when_the_most_urgent_is_not_told_at_night(folder: Path) -> None:
    text = f'[[notify]]\n{ONE}quiet = [{{ from = "22:00", to = "06:00" }}]\nbreaks_through = 0\n'
    assert [code for code, _ in linted(folder, text)] == ["P74"]


@pytest.mark.parametrize(
    ("when", "quiet"),
    [
        ("2026-03-13T20:30:00Z", False),  # Friday 21:30 in Oslo
        ("2026-03-13T21:30:00Z", True),  # Friday 22:30
        ("2026-03-14T04:30:00Z", True),  # Saturday 05:30: the night that began on Friday
        ("2026-03-14T05:00:00Z", False),  # 06:00 is not part of it
        ("2026-03-14T21:30:00Z", False),  # Saturday night is none of Friday's
        ("2026-07-10T20:30:00Z", True),  # Friday 22:30 in summer
    ],
)
def test_quiet_time_goes_by_the_local_clock_and_the_day_on_which_it_begins(when: str, quiet: bool) -> None:
    receiver = Receiver(
        name="duty",
        kind="webhook",
        url="",
        quiet=(Quiet(days=(4,), from_min=22 * 60, to_min=6 * 60),),
        timezone="Europe/Oslo",
    )
    assert is_quiet(receiver, parse_iso(when)) is quiet


def test_quiet_all_day_is_from_midnight_to_midnight() -> None:
    whole = Receiver(name="d", kind="", url="", quiet=(Quiet(days=(5, 6), from_min=0, to_min=1440),))
    assert is_quiet(whole, parse_iso("2026-03-14T00:00:00Z"))
    assert is_quiet(whole, parse_iso("2026-03-15T23:59:00Z"))
    assert not is_quiet(whole, parse_iso("2026-03-16T00:00:00Z"))


def test_example_of_the_guide_is_read_without_a_finding(folder: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "guide.md").read_text("utf-8")
    (example,) = (block for block in page.split("```") if block.startswith("toml\nschema"))
    assert linted(folder, example.removeprefix("toml\nschema = 1")) == []
    assert [one.kind for one in projects.read(folder).receivers] == ["webhook", "email", "mqtt"]
