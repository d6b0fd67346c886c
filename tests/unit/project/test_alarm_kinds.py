"""rules.toml: kinds of alarms told by more than a limit, groups, and rules that hide alarms."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from armillary.model.alarm import AlarmLevel, AlarmSpec, of_level
from armillary.project import alarm_table, lint, loops
from armillary.project import folder as projects

PROJECT = """
[project]
schema = 1
id = "x"
name = "Plant"
[[source]]
name = "plc"
kind = "opcua"
url = "opc.tcp://127.0.0.1:4840"
"""
TWINS = """{"schema": 1, "twins": [
 {"id": "TT-1", "prim": "/Plant/Line2/TT1", "tags": {
   "value": {"address": "plc!ns=1;i=1", "unit": "°C", "range": [0, 150], "expected_interval_s": 1},
   "setpoint": {"address": "plc!ns=1;i=2", "unit": "°C"},
   "kelvin": {"address": "plc!ns=1;i=3", "unit": "K"},
   "note": {"address": "plc!ns=1;i=6", "kind": "text"}}},
 {"id": "V-1", "prim": "/Plant/Line2/V1", "tags": {
   "command": {"address": "plc!ns=1;i=4"}, "open": {"address": "plc!ns=1;i=5"}}},
 {"id": "LINE-2", "prim": "/Plant/Line2", "tags": {"state": {"address": "plc!ns=1;i=7"}}}
]}"""
SAID = 'consequence = "c"\noperator_action = "o"\n'
HIGH = '[[alarm]]\nid = "HI"\ntag = "TT-1"\nlimit = 80\nclass = "heat"\n' + SAID
STUCK = (
    '[[alarm]]\nid = "STUCK"\ntag = "V-1.open"\nkind = "discrepancy"\ncommand = "V-1.command"\n'
    "travel_time_s = 8\n" + SAID
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "project.toml").write_text(PROJECT, "utf-8")
    (tmp_path / "twins.json").write_text(TWINS, "utf-8")
    return tmp_path


def rules(folder: Path, text: str) -> Path:
    (folder / "rules.toml").write_text("schema = 1\n" + text, "utf-8")
    return folder


def alarm(folder: Path, keys: str) -> AlarmSpec:
    return projects.read(rules(folder, f'[[alarm]]\nid = "A"\n{keys}\n{SAID}')).alarms[0]


def wrongs(folder: Path, text: str) -> list[tuple[str, str]]:
    _, problems = projects.examine(rules(folder, text))
    return [(p.code, p.what) for p in problems]


def refused(folder: Path, keys: str) -> list[tuple[str, str]]:
    return wrongs(folder, f'[[alarm]]\nid = "A"\n{keys}\n{SAID}')


def test_a_rate_is_told_by_its_window_and_its_side(folder: Path) -> None:
    a = alarm(folder, 'tag = "TT-1"\nkind = "rate"\nlimit = 2\nwindow_s = 30\ndirection = "both"')
    assert (a.kind, a.limit, a.window_s, a.two_sided) == ("rate", 2.0, 30.0, True)
    assert alarm(folder, 'tag = "TT-1"\nkind = "rate"\nlimit = 2').window_s == 10.0


def test_a_deviation_is_from_a_tag_or_from_a_number(folder: Path) -> None:
    a = alarm(folder, 'tag = "TT-1"\nkind = "deviation"\nlimit = 5\nreference = "TT-1.setpoint"')
    assert (a.reference, a.reference_slot) == ("TT-1.setpoint", 1)
    b = alarm(folder, 'tag = "TT-1"\nkind = "deviation"\nlimit = 5\nsetpoint = 60')
    assert (b.reference_slot, b.setpoint) == (-1, 60.0)


def test_a_discrepancy_waits_for_the_travel_time(folder: Path) -> None:
    a = projects.read(rules(folder, STUCK)).alarms[0]
    assert (a.reference, a.reference_slot, a.on_delay_s) == ("V-1.command", 4, 8.0)


def test_an_expression_is_shown_at_the_first_tag_that_it_reads(folder: Path) -> None:
    a = alarm(folder, 'kind = "expression"\nexpression = "V-1.open < 0.1 and TT-1.value > 90"')
    assert (a.tag, a.slot) == ("V-1.open", 5)
    b = alarm(folder, 'tag = "TT-1"\nkind = "expression"\nexpression = "V-1.open < 0.1"')
    assert b.tag == "TT-1.value"


def test_levels_are_the_limits_of_one_alarm(folder: Path) -> None:
    a = alarm(
        folder,
        'tag = "TT-1"\nlevels = [{limit = 80, priority = 3}, {name = "hot", limit = 95, priority = 1}]',
    )
    assert a.levels == (
        AlarmLevel(name="H", limit=80.0, priority=3),
        AlarmLevel(name="hot", limit=95.0, priority=1),
    )
    assert (a.limit, a.priority, a.re_alarm_s) == (80.0, 3, 1800.0)


def test_a_level_may_have_a_deadband_and_delays_of_its_own(folder: Path) -> None:
    a = alarm(
        folder,
        'tag = "TT-1"\ndeadband = 2\non_delay_s = 30\nlevels = [{limit = 80, priority = 3}, '
        "{limit = 95, priority = 1, deadband = 5, on_delay_s = 0, off_delay_s = 60}]",
    )
    assert [of_level(a, level) for level in a.levels] == [
        replace(a, levels=(), limit=80.0, priority=3, deadband=2.0, on_delay_s=30.0),
        replace(a, levels=(), limit=95.0, priority=1, deadband=5.0, on_delay_s=0.0, off_delay_s=60.0),
    ]


def test_priority_1_asks_again_after_half_an_hour_and_the_others_never(folder: Path) -> None:
    assert alarm(folder, 'tag = "TT-1"\nlimit = 80\npriority = 1').re_alarm_s == 1800.0
    assert alarm(folder, 'tag = "TT-1"\nlimit = 80\npriority = 2').re_alarm_s == 0.0
    assert alarm(folder, 'tag = "TT-1"\nlimit = 80\npriority = 1\nre_alarm_s = 60').re_alarm_s == 60.0


@pytest.mark.parametrize(
    ("keys", "code", "what"),
    [
        ('tag = "TT-1"\nlimit = nan', "P02", "'limit' is nan, which is not a finite number."),
        ('tag = "TT-9"\nlimit = 1', "P10", "There is no tag 'TT-9'."),
        ('tag = "TT-1"\nlimit = 100\nunit = "K"', "P71", "The limit is in K, TT-1.value in °C."),
        (
            'tag = "TT-1"\nkind = "rate"\nlimit = 2\nunit = "°C"',
            "P71",
            "The limit is in °C, TT-1.value in °C/s.",
        ),
        (
            'tag = "TT-1"\nkind = "deviation"\nlimit = 5\nreference = "TT-1.kelvin"',
            "P71",
            "TT-1.value is in °C, TT-1.kelvin in K.",
        ),
        ('tag = "TT-1"\nkind = "deviation"\nlimit = 5', "P03", "A deviation needs a 'reference' tag or a "),
        (
            'tag = "TT-1"\nkind = "deviation"\nlimit = 5\nreference = "TT-1"',
            "P32",
            "'TT-1.value' is compared with itself.",
        ),
        (
            'tag = "TT-1.note"\nkind = "rate"\nlimit = 5',
            "P32",
            "The tag TT-1.note is a text: it has no limit.",
        ),
        (
            'tag = "V-1.open"\nkind = "discrepancy"\ncommand = "V-1.command"',
            "P03",
            "'travel_time_s' is missing.",
        ),
        ('kind = "expression"\nexpression = "1 > 0"', "P70", "'1 > 0' reads no tag: it never changes."),
        ('kind = "expression"\nexpression = "TT-1.value.real > 0"', "P70", ""),
        ('kind = "expression"\nexpression = "__import__(1)"', "P70", ""),
        (
            'kind = "expression"\nexpression = "mean(TT-1.value, 60) > 3"',
            "P70",
            "mean() looks back, which only",
        ),
        (
            'tag = "TT-1"\nkind = "rate"\nlimit = 2\ncount = 3',
            "P32",
            "'count' says nothing for an alarm of kind",
        ),
        (
            'tag = "TT-1"\nlevels = [{limit = 90, on_delay_s = -1}]',
            "P02",
            "'on_delay_s' is -1",
        ),
        (
            'tag = "TT-1"\nlevels = [{limit = 90}, {limit = 80}]',
            "P72",
            "The limit 80 of HH is not beyond 90 of H.",
        ),
        (
            'tag = "TT-1"\nlevels = [{limit = 80, priority = 1}, {limit = 90, priority = 2}]',
            "P72",
            "HH is less urgent (2) than H (1).",
        ),
        ('tag = "TT-1"\nlimit = 5\nlevels = [{limit = 80}]', "P32", "'limit' says nothing beside 'levels'"),
        (
            'tag = "V-1.open"\nkind = "state"\nvalues = [2]\nnormal = [1, 2]',
            "P32",
            "A value is normal and an alarm",
        ),
        (
            'tag = "TT-1"\nlevels = [{limit = 80, priority = 2}]\nack_required = false',
            "P31",
            "An alarm of priority 2 must be acknowledged.",
        ),
    ],
)
def test_a_mistake_has_one_clear_message(folder: Path, keys: str, code: str, what: str) -> None:
    found = refused(folder, keys)
    assert len(found) == 1, found
    assert found[0][0] == code
    assert found[0][1].startswith(what)


def test_a_rate_that_never_has_three_readings_is_told(folder: Path) -> None:
    keys = f'[[alarm]]\nid = "A"\ntag = "TT-1"\nkind = "rate"\nlimit = 1\nwindow_s = 1.5\n{SAID}'
    found = [p for p in lint.findings(projects.read(rules(folder, keys))) if p.code == "P77"]
    assert [p.what for p in found] == [
        "'A' looks 1.5 s back, and TT-1.value comes every 1 s: it never has 3 readings."
    ]


# ---------------------------------------------------------------- groups and rules that hide


def test_an_alarm_belongs_to_its_asset_unless_a_group_names_it(folder: Path) -> None:
    text = HIGH + STUCK + '[[group]]\nid = "oven"\nalarms = ["STUCK"]\n'
    assert [a.group for a in projects.read(rules(folder, text)).alarms] == ["TT-1", "oven"]


def test_an_alarm_in_two_groups_is_refused(folder: Path) -> None:
    text = HIGH + '[[group]]\nid = "a"\nalarms = ["HI"]\n[[group]]\nid = "b"\nalarms = ["HI"]\n'
    assert wrongs(folder, text) == [("P73", "The alarm 'HI' is in the groups 'a' and 'b'.")]


@pytest.mark.parametrize(
    ("attached", "hidden"),
    [
        ('alarms = ["STUCK"]', ("STUCK",)),
        ('asset = "TT-1"', ("HI",)),
        ('asset = "LINE-2"', ("HI", "STUCK")),
        ('asset = "/Plant/Line2/V1"', ("STUCK",)),
        ('class = "heat"', ("HI",)),
        ('class = "heat"\nalarms = ["HI", "STUCK"]', ("HI", "STUCK")),
    ],
)
def test_a_rule_hides_alarms_by_id_asset_or_class(
    folder: Path, attached: str, hidden: tuple[str, ...]
) -> None:
    text = HIGH + STUCK + f'[[suppress]]\nid = "stopped"\nwhen = "LINE-2.state == 0"\n{attached}\n'
    (rule,) = projects.read(rules(folder, text)).suppressions
    assert (rule.id, rule.when, rule.alarms, rule.off_delay_s) == (
        "stopped", "LINE-2.state == 0", hidden, 5.0,
    )  # fmt: skip


def test_a_rule_whose_condition_is_the_alarm_it_hides_is_refused(folder: Path) -> None:
    text = HIGH + STUCK + '[[suppress]]\nid = "s"\nwhen = "alarm.HI"\nasset = "LINE-2"\n'
    assert wrongs(folder, text) == [("P74", "'s' hides 'HI' because of that alarm: nobody would see it.")]
    good = HIGH + STUCK + '[[suppress]]\nid = "s"\nwhen = "alarm.HI"\nalarms = ["STUCK"]\n'
    assert wrongs(folder, good) == []


def test_a_rule_that_hides_an_alarm_by_its_own_tag_is_doubtful(folder: Path) -> None:
    text = HIGH + '[[suppress]]\nid = "s"\nwhen = "TT-1.value > 100"\nalarms = ["HI"]\n'
    assert [code for code, _ in wrongs(folder, text)] == ["P76"]


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ('when = "LINE-9.state == 0"\nalarms = ["HI"]', "P70"),
        ('when = "LINE-2.state == 0"\nalarms = ["HO"]', "P35"),
        ('when = "LINE-2.state == 0"\nasset = "LINE-9"', "P10"),
        ('when = "LINE-2.state == 0"\nclass = "cold"', "P75"),
        ('when = "LINE-2.state == 0"\nalarms = ["HI"]\nsuppress_off_delay_s = nan', "P02"),
        ('alarms = ["HI"]', "P03"),
    ],
)
def test_a_mistake_in_a_rule_is_named(folder: Path, keys: str, code: str) -> None:
    found = wrongs(folder, HIGH + f'[[suppress]]\nid = "s"\n{keys}\n')
    assert found[0][0] == code, found


# ---------------------------------------------------------------- as a table


def test_every_key_of_every_kind_goes_out_as_a_table_and_comes_back(folder: Path) -> None:
    text = (
        HIGH
        + STUCK
        + f"""
[[alarm]]
id = "R"
tag = "TT-1"
kind = "rate"
direction = "both"
window_s = 20.0
levels = [{{name = "H", limit = 1.5, priority = 3, deadband = 0.5, off_delay_s = 20.0}}, {{limit = 3.0}}]
re_alarm_s = 60.0
{SAID}
[[alarm]]
id = "D"
tag = "TT-1"
kind = "deviation"
limit = 5.0
setpoint = 60.0
procedure = "look"
camera = "/Plant/Cameras/Oven"
{SAID}
[[alarm]]
id = "P"
tag = "TT-1"
kind = "predicted"
limit = 85.0
horizon_s = 600.0
window_s = 900.0
confidence = 0.95
priority = 4
{SAID}
[[alarm]]
id = "M"
tag = "TT-1"
kind = "predicted"
limit = 85.0
forecast = "TT-1.setpoint"
forecast_error = 1.5
{SAID}
[[alarm]]
id = "S"
tag = "V-1.open"
kind = "state"
normal = [0.0, 1.0]
{SAID}
[[alarm]]
id = "E"
kind = "expression"
expression = "V-1.open < 0.1 and TT-1.value > 90"
{SAID}"""
    )
    rules_text = "schema = 1\n" + text
    before = projects.read(rules(folder, text))
    out = alarm_table.written(rules_text, {})
    assert alarm_table.changes(rules_text, out, "a.csv") == ()
    anew = alarm_table.applied("schema = 1\n", alarm_table.changes("schema = 1\n", out, "a.csv"))
    (folder / "rules.toml").write_text(anew, "utf-8")
    assert projects.read(folder).alarms == before.alarms


@pytest.mark.parametrize(
    ("cell", "what"),
    [
        ("H:80:3:1:2:3:4", "'levels' is 'H:80:3:1:2:3:4', which is not name:limit:priority"),
        ("H:80:3:x", "'deadband' is 'x', which is not a number"),
        ("80", "'levels' is '80', which is not name:limit:priority"),
        ("H:eighty:3", "'levels' is 'eighty', which is not a number"),
        ("H:80:7", "'levels' has the priority '7', which is none of 1 to 4"),
        ("H:nan:1", "'levels' is 'nan', which is not a number that can be reached"),
    ],
)
def test_a_cell_of_levels_that_cannot_be_read_is_named_with_its_line(cell: str, what: str) -> None:
    with pytest.raises(Exception, match="line 2") as caught:
        alarm_table.changes("schema = 1\n", f"id,levels\nA,{cell}\n", "a.csv")
    assert what in str(caught.value)


# ---------------------------------------------------------------- predictions

HOT = f'[[alarm]]\nid = "HOT"\ntag = "TT-1"\nlimit = 85\n{SAID}'


def test_a_prediction_has_a_horizon_a_window_and_a_confidence(folder: Path) -> None:
    a = alarm(folder, 'tag = "TT-1"\nkind = "predicted"\nlimit = 85')
    assert (a.horizon_s, a.window_s, a.confidence, a.category) == (1800.0, 1800.0, 0.9, "advisory")
    assert (a.priority, a.ack_required, a.is_advisory) == (3, False, True)
    b = alarm(folder, 'tag = "TT-1"\nkind = "predicted"\nlimit = 85\nhorizon_s = 600\nconfidence = 0.95')
    assert (b.horizon_s, b.window_s, b.confidence) == (600.0, 600.0, 0.95)
    c = alarm(
        folder,
        'tag = "TT-1"\nkind = "predicted"\nlimit = 85\nforecast = "TT-1.setpoint"\nforecast_error = 1.5',
    )
    assert (c.reference, c.reference_slot, c.forecast_error) == ("TT-1.setpoint", 1, 1.5)


@pytest.mark.parametrize(
    ("keys", "code", "what"),
    [
        ("priority = 2", "P79", "'A' only says what may come: its priority is 3 or 4."),
        ('action = "halt"', "P79", "'A' only says what may come: it carries out nothing."),
        ("confidence = 1.0", "P02", "'confidence' is 1.0"),
        ("confidence = 0.2", "P02", "'confidence' is 0.2"),
        ("horizon_s = 0", "P02", "'horizon_s' is 0"),
        ('forecast = "TT-1.valu"', "P10", "There is no tag 'TT-1.valu'."),
        ('forecast = "TT-1.value"', "P32", "'TT-1.value' is no forecast of itself."),
        ('forecast = "TT-1.kelvin"', "P71", "TT-1.value is in °C, TT-1.kelvin in K."),
        ('forecast = "TT-1.setpoint"\nwindow_s = 60', "P32", "'window_s' says nothing beside 'forecast'"),
        ("forecast_error = 1", "P32", "'forecast_error' says nothing without 'forecast'"),
        ("count = 3", "P32", "'count' says nothing for an alarm of kind 'predicted'."),
        ("levels = [{limit = 90}]", "P32", "'levels' says nothing for an alarm of kind 'predicted'."),
    ],
)
def test_a_prediction_that_cannot_be_says_why(folder: Path, keys: str, code: str, what: str) -> None:
    text = f'[[alarm]]\nid = "A"\ntag = "TT-1"\nkind = "predicted"\nlimit = 85\n{keys}\n{SAID}'
    assert any(found == code and what in words for found, words in wrongs(folder, HOT + text))


def test_nothing_hangs_on_a_prediction(folder: Path) -> None:
    text = HOT + f'[[alarm]]\nid = "A"\ntag = "TT-1"\nkind = "predicted"\nlimit = 85\n{SAID}'
    rule = '[[suppress]]\nid = "r"\nwhen = "alarm.A"\nalarms = ["HOT"]\n'
    assert ("P79", "'A' only says what may come: nothing is done because of it.") in wrongs(
        folder, text + rule
    )
    project = projects.read(rules(folder, text))
    (folder / "loops.toml").write_text(
        'schema = 1\n[[loop]]\nid = "l"\ndetect = "A"\nscenario = "s"\n', "utf-8"
    )
    specs = {spec.name: spec for spec in project.specs}
    found = loops.examine(folder, specs, ["A", "HOT"], (), ["A"])
    assert ("P79", "'A' only says what may come: nothing is done because of it.") in [
        (p.code, p.what) for p in found
    ]


@pytest.mark.parametrize(
    ("keys", "code", "what"),
    [
        ("horizon_s = 900\nwindow_s = 300", "P78", "looks 900 s ahead and only 300 s back"),
        ("horizon_s = 5", "P77", "comes every 1 s: it never has 8 readings"),
    ],
)
def test_a_prediction_that_sees_too_little_is_doubted(folder: Path, keys: str, code: str, what: str) -> None:
    text = HOT + f'[[alarm]]\nid = "A"\ntag = "TT-1"\nkind = "predicted"\nlimit = 85\n{keys}\n{SAID}'
    found = lint.findings(projects.read(rules(folder, text)))
    assert [p.what for p in found if p.code == code and what in p.what]


def test_a_predicted_limit_that_no_alarm_watches_is_mentioned(folder: Path) -> None:
    text = f'[[alarm]]\nid = "A"\ntag = "TT-1"\nkind = "predicted"\nlimit = 84\n{SAID}'
    found = {(p.code, p.severity) for p in lint.findings(projects.read(rules(folder, HOT + text)))}
    assert ("P78", "info") in found
    found = {
        (p.code, p.severity)
        for p in lint.findings(projects.read(rules(folder, HOT + text.replace("84", "85"))))
    }
    assert ("P78", "info") not in found
