"""[[rule]] of rules.toml: which tags rules become, and what is refused, where and how."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from armillary.model.clock import NS
from armillary.model.sample import batch_of
from armillary.model.tags import TagTable
from armillary.project import folder as projects
from armillary.project.lint import findings
from armillary.project.record import Project
from armillary.project.streams_related import related
from armillary.twin import state
from armillary.twin.derive import Derived

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
 {"id": "TT-1", "tags": {"value": {"address": "plc!ns=1;i=1", "unit": "°C", "range": [0, 150]}}},
 {"id": "P-1", "tags": {"power": {"address": "plc!ns=1;i=2", "unit": "kW"},
                        "on": {"address": "plc!ns=1;i=3"}}},
 {"id": "P-2", "tags": {"power": {"address": "plc!ns=1;i=4", "unit": "W"}}},
 {"id": "P-3", "tags": {"power": {"address": "plc!ns=1;i=5", "unit": "kW"}}},
 {"id": "AGV", "tags": {"x": {"address": "plc!ns=1;i=6", "unit": "m"},
                        "y": {"address": "plc!ns=1;i=7", "unit": "m"},
                        "z": {"address": "plc!ns=1;i=8", "unit": "m"}}},
 {"id": "S", "tags": {}}
], "relationships": [
 {"from": "S", "name": "feeds", "to": "P-1"}, {"from": "S", "name": "feeds", "to": "P-2"},
 {"from": "P-2", "name": "feeds", "to": "P-3"}, {"from": "P-3", "name": "feeds", "to": "S"}
]}"""
T0 = 1_790_000_000 * NS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "project.toml").write_text(PROJECT, "utf-8")
    (tmp_path / "twins.json").write_text(TWINS, "utf-8")
    return tmp_path


def put(folder: Path, text: str) -> Path:
    (folder / "rules.toml").write_text("schema = 1\n" + text, "utf-8")
    return folder


def read(folder: Path, text: str) -> Project:
    return projects.read(put(folder, text))


def wrongs(folder: Path, text: str) -> list[tuple[str, str, str]]:
    _, problems = projects.examine(put(folder, text))
    return [(p.code, p.where, f"{p.what} {p.remedy}") for p in problems]


class Running:
    """The tags of a project, ticked by hand."""

    def __init__(self, project: Project) -> None:
        self.slot = {spec.name: spec.slot for spec in project.specs}
        self.table, self.derived = TagTable(len(project.specs)), Derived(project.specs)

    def tick(self, at_s: float, **told: float) -> None:
        now = T0 + round(at_s * NS)
        names = [name.replace("__", ".").replace("_", "-") for name in told]
        slots = np.array([self.slot[name] for name in names], np.uint32)
        times = np.full(len(told), now, np.int64)
        batch = batch_of(slots, np.array(list(told.values()), np.float64), times, now, now)
        state.apply(self.table, batch)
        self.derived.evaluate(self.table, self.table.dirty, now, now, batch)
        self.table.take_dirty()

    def __getitem__(self, name: str) -> float:
        return float(self.table.value[self.slot[name]])


def test_a_window_with_a_limit_is_two_tags_and_an_alarm_may_name_it(folder: Path) -> None:
    project = read(
        folder,
        """
[[rule]]
id = "oven-hot"
kind = "window"
of = "TT-1"
seconds = 10
above = 85.0
deadband = 2
event = "Oven hot"
[[alarm]]
id = "OVEN"
tag = "oven-hot"
kind = "state"
values = [1]
consequence = "c"
operator_action = "o"
""",
    )
    [rule] = project.rules
    assert [spec.name for spec in project.specs[-2:]] == ["oven-hot.value", "oven-hot"]
    assert [spec.slot for spec in project.specs] == list(range(len(project.specs)))
    assert project.specs[rule.slot].kind == "bool"
    assert project.specs[rule.value_slot].unit == "°C"
    assert (rule.event, rule.fires, rule.span_s) == ("Oven hot", True, 10.0)
    assert project.alarms[0].slot == rule.slot
    twin = Running(project)
    for t in range(12):
        twin.tick(t, TT_1__value=80.0)
    assert (twin["oven-hot.value"], twin["oven-hot"]) == (80.0, 0.0)
    for t in range(12, 20):
        twin.tick(t, TT_1__value=100.0)
    assert twin["oven-hot"] == 1.0


def test_units_of_what_is_measured_are_converted_and_checked(folder: Path) -> None:
    text = '[[rule]]\nid = "e"\nkind = "energy"\nof = "{of}"\nunit = "{unit}"\n'
    twin = Running(read(folder, text.format(of="P-1.power", unit="kWh")))
    for t in range(0, 3601, 60):
        twin.tick(t, P_1__power=10.0)
    assert twin["e"] == pytest.approx(10.0)
    twin = Running(read(folder, text.format(of="P-2.power", unit="MWh")))
    twin.tick(0, P_2__power=2e6)
    twin.tick(1800, P_2__power=2e6)
    assert twin["e"] == pytest.approx(1.0)
    [(code, where, what)] = wrongs(folder, text.format(of="TT-1", unit="kWh"))
    assert code == "B13"
    assert "rules.toml" in where
    assert "kWh" in what
    [(code, _, what)] = wrongs(folder, text.format(of="P-1.on", unit="kWh"))
    assert "no unit" in what


def test_a_count_of_kilowatts_has_no_unit_and_a_deviation_of_celsius_is_one_of_kelvin(folder: Path) -> None:
    text = '[[rule]]\nid = "w"\nof = "TT-1"\nseconds = 10\naggregate = "{}"\nunit = "{}"\n'
    assert read(folder, text.format("std", "K")).specs[-1].factor == 1.0
    mean = read(folder, text.format("mean", "K")).specs[-1]
    assert (mean.factor, mean.offset) == (1.0, 273.15)
    [(code, _, _)] = wrongs(folder, text.format("count", "°C"))
    assert code == "B13"


@pytest.mark.parametrize("window", ["sliding", "tumbling", "session"])
@pytest.mark.parametrize("aggregate", ["mean", "min", "max", "sum", "count", "std", "last", "integral"])
def test_every_window_has_every_aggregate(folder: Path, window: str, aggregate: str) -> None:
    length = "gap_s = 5" if window == "session" else "seconds = 10"
    text = f'[[rule]]\nid = "w"\nof = "P-1.power"\nwindow = "{window}"\naggregate = "{aggregate}"\n{length}\n'
    twin = Running(read(folder, text))
    for t in range(21):
        twin.tick(t, P_1__power=4.0)
    whole = {"sum": 40.0, "count": 10.0, "std": 0.0, "integral": 40.0}
    if window == "session":
        whole |= {"sum": 84.0, "count": 21.0, "integral": 80.0}
    wanted = whole.get(aggregate, 4.0)
    assert twin["w"] == pytest.approx(wanted, abs=wanted / 10 if window == "sliding" else 1e-9)


def test_a_window_sees_only_what_its_condition_lets_through(folder: Path) -> None:
    text = '[[rule]]\nid = "w"\nof = "TT-1"\nwhere = "P-1.on"\nseconds = 100\naggregate = "max"\n'
    twin = Running(read(folder, text))
    twin.tick(0, P_1__on=1.0, TT_1__value=20.0)
    twin.tick(10, P_1__on=0.0)
    twin.tick(20, TT_1__value=90.0)
    twin.tick(30, TT_1__value=30.0)
    twin.tick(40, P_1__on=1.0)
    assert twin["w"] == 30.0


def test_sequence_and_absence_are_written_as_they_are_said(folder: Path) -> None:
    project = read(
        folder,
        """
[[rule]]
id = "start-then-hot"
kind = "sequence"
first = "P-1.on"
then = "TT-1.value > 50"
within_s = 10
[[rule]]
id = "start-no-power"
kind = "absence"
first = "P-1.on"
then = "P-1.power > 1"
within_s = 10
[[rule]]
id = "frozen"
kind = "absence"
of = "TT-1"
no = "change"
seconds = 20
[[rule]]
id = "quiet"
kind = "absence"
of = "TT-1.value > 50"
seconds = 20
""",
    )
    twin = Running(project)
    twin.tick(0, P_1__on=0.0, P_1__power=0.0, TT_1__value=20.0)
    twin.tick(1, P_1__on=1.0)
    twin.tick(5, TT_1__value=60.0)
    assert twin["start-then-hot"] == 1.0
    twin.tick(9)
    assert twin["start-no-power"] == 0.0
    twin.tick(13)
    assert twin["start-no-power"] == 1.0
    assert (twin["frozen"], twin["quiet"]) == (0.0, 0.0)
    twin.tick(27, TT_1__value=20.0)
    twin.tick(48)
    assert (twin["frozen"], twin["quiet"]) == (1.0, 1.0)


FENCE = '[[rule]]\nid = "dock"\nkind = "geofence"\nx = "AGV.x"\ny = "AGV.y"\n'


def test_a_geofence_tells_entering_leaving_and_staying(folder: Path) -> None:
    twin = Running(read(folder, FENCE + "polygon = [[0, 0], [4, 0], [4, 2], [0, 2]]\ndwell_s = 5\n"))
    twin.tick(0, AGV__x=1.0, AGV__y=1.0)
    assert (twin["dock.now"], twin["dock"]) == (1.0, 0.0)
    twin.tick(6)
    assert twin["dock"] == 1.0
    twin.tick(7, AGV__x=5.0)
    assert (twin["dock.now"], twin["dock"]) == (0.0, 0.0)


def test_staying_may_be_said_by_either_word(folder: Path) -> None:
    text = FENCE + "polygon = [[0, 0], [4, 0], [4, 2], [0, 2]]\n"
    told = [read(folder, text + more).specs[-1].expression for more in ("for_s = 5\n", "dwell_s = 5\n")]
    assert told[0] == told[1] == "held(`dock.now`, 5)"


def test_a_box_has_heights_and_may_be_left(folder: Path) -> None:
    text = FENCE + 'z = "AGV.z"\nlow = [0, 0, 0]\nhigh = [4, 2, 1]\nwhen = "outside"\n'
    twin = Running(read(folder, text))
    twin.tick(0, AGV__x=1.0, AGV__y=1.0, AGV__z=0.5)
    assert twin["dock"] == 0.0
    twin.tick(1, AGV__z=1.5)
    assert twin["dock"] == 1.0


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ("", "polygon or a box"),
        ('prim = "/Yard/Dock"\n', "armillary rules box PROJECT dock"),
        ("polygon = [[0, 0], [1, 1]]\n", "3 to 40 pairs"),
        ("polygon = [[0, 0], [1, 1], [2, 2]]\n", "encloses nothing"),
        ("polygon = [[0, 0], [1, 1], [nan, 2]]\n", "pairs of numbers"),
        ("low = [0, 0]\nhigh = [0, 2]\n", "the greater"),
        ("low = [0, 0]\nhigh = [4, 2]\ndwell = 5\n", "dwell_s"),
    ],
)
def test_a_geofence_that_is_none_is_refused(folder: Path, keys: str, says: str) -> None:
    [(_, where, what)] = wrongs(folder, FENCE + keys)
    assert says in what
    assert where.startswith("rules.toml")


def test_an_aggregate_goes_along_relationships_and_converts_units(folder: Path) -> None:
    text = '[[rule]]\nid = "all"\nkind = "relation"\nof = "S"\nrelation = "feeds"\ntag = "power"\n'
    twin = Running(read(folder, text + 'aggregate = "sum"\ndeep = true\n'))
    twin.tick(0, P_1__power=3.0, P_2__power=2000.0, P_3__power=4.0)
    assert twin["all"] == pytest.approx(9.0)
    assert Running(read(folder, text)).table.value.shape == (9,)
    for change, says in (
        ('of = "S"|of = "Z"', "no twin 'Z'"),
        ('"feeds"|"feds"', "Did you mean 'feeds'"),
        ('"power"|"flow"', "has 'flow'"),
    ):
        old, new = change.split("|")
        [(_, _, what)] = wrongs(folder, text.replace(old, new))
        assert says in what


def test_relations_that_run_in_a_circle_end(folder: Path) -> None:
    project = read(folder, "")
    assert related(project.relationships, "S", "feeds", is_back=False, is_deep=True) == ["P-1", "P-2", "P-3"]
    assert related(project.relationships, "P-1", "feeds", is_back=True, is_deep=False) == ["S"]


def test_two_tags_that_go_together_correlate_and_a_constant_does_not(folder: Path) -> None:
    text = '[[rule]]\nid = "r"\nkind = "correlation"\nof = "TT-1"\nwith = "P-1.power"\nseconds = 60\n'
    twin = Running(read(folder, text + "below = 0.5\n"))
    rng = np.random.default_rng(2)
    a = rng.normal(0, 1, 200)
    b = 0.6 * a + 0.8 * rng.normal(0, 1, 200)
    for t in range(200):
        twin.tick(t, TT_1__value=50 + a[t], P_1__power=1e4 + 5 * b[t])
    exact = np.corrcoef(a[140:], b[140:])[0, 1]
    assert twin["r.value"] == pytest.approx(exact, abs=0.05)
    for t in range(200, 280):
        twin.tick(t, TT_1__value=50.0)
    assert np.isnan(twin["r.value"])


@pytest.mark.parametrize("method", ["robust", "fading", "seasonal"])
def test_a_spike_has_a_score_and_the_rule_fires(folder: Path, method: str) -> None:
    length = "period_s = 192" if method == "seasonal" else "seconds = 60"
    text = f'[[rule]]\nid = "odd"\nkind = "anomaly"\nof = "TT-1"\nmethod = "{method}"\n{length}\n'
    twin = Running(read(folder, text))
    rng = np.random.default_rng(2)
    fired = 0.0
    for t in range(800):
        twin.tick(t, TT_1__value=50 + float(rng.normal(0, 1)))
        fired += np.nan_to_num(twin["odd"]) if t > 600 else 0.0
    assert fired < 5
    twin.tick(800, TT_1__value=90.0)
    assert twin["odd"] == 1.0


def test_novelty_fires_once_for_what_goes_on_and_rests_before_it_fires_again(folder: Path) -> None:
    text = '[[rule]]\nid = "odd"\nkind = "anomaly"\nof = "TT-1"\nmethod = "novelty"\n'
    text += "seconds = 10\nperiod_s = 0\n"
    project = read(folder, text)
    assert [spec.name for spec in project.specs[-3:]] == ["odd.value", "odd.now", "odd"]
    assert project.specs[-3].expression == "novelty(`TT-1.value`, 10, 0)"
    assert project.rules[0].span_s == 2_010.0  # as long as it learns, and its rest
    twin = Running(project)
    rng = np.random.default_rng(2)
    on = []
    for t in range(600):
        shaken = 12.0 if 400 <= t < 406 or 412 <= t < 415 else 1.0
        twin.tick(t, TT_1__value=50 + shaken * float(rng.normal(0, 1)))
        on.append(np.nan_to_num(twin["odd"]) > 0)
    begins = [t for t in range(300, 600) if on[t] and not on[t - 1]]
    assert len(begins) == 1
    assert 400 <= begins[0] < 406
    assert not on[-1]


def test_any_rule_with_a_limit_may_rest_and_without_one_it_says_nothing(folder: Path) -> None:
    rule = '[[rule]]\nid = "hot"\nkind = "expression"\nof = "TT-1"\nabove = 80\nrest_s = 30\nfor_s = 2\n'
    project = read(folder, rule)
    assert [spec.name for spec in project.specs[-4:]] == ["hot.value", "hot.now", "hot.held", "hot"]
    twin = Running(project)
    on = []
    for t in range(120):
        twin.tick(t, TT_1__value=90.0 if t in range(10, 15) or t in range(30, 36) else 20.0)
        on.append(twin["hot"] == 1.0)
    assert [t for t in range(1, 120) if on[t] != on[t - 1]] == [12, 66]
    [(code, _, words)] = wrongs(folder, rule.replace("above = 80\n", "").replace("for_s = 2\n", ""))
    assert code == "P80"
    assert "'rest_s' says nothing here" in words


HOSTILE = [
    "TT-1.__class__",
    "().__class__.__bases__",
    "__import__('os').system('true')",
    "[x for x in TT-1]",
    "(lambda: TT-1)()",
    "TT-1 ** TT-1",
    "9 ** 9 ** 9 ** TT-1",
    " + ".join(["TT-1"] * 3_000),
    "(" * 500 + "TT-1" + ")" * 500,
    "mean(mean(TT-1, 10), 10)",
    "TT-1; TT-1",
    "open('/etc/passwd')",
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("key", ["of", "when"])
def test_hostile_and_endless_expressions_are_refused_with_their_place(
    folder: Path, text: str, key: str
) -> None:
    quoted = text.replace("\\", "\\\\")
    rule = f'[[rule]]\nid = "h"\nkind = "expression"\n{key} = """{quoted}"""\n'
    if text.startswith("mean"):
        rule = f'[[rule]]\nid = "h"\nof = "{text}"\nseconds = 10\n'
    found = wrongs(folder, rule)
    assert [code for code, _, _ in found] == ["B14"]
    assert found[0][1].startswith("rules.toml")


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ('[[rule]]\nid = "r"\nof = "TT-2"\nseconds = 9\n', "B14", "TT-2"),
        ('[[rule]]\nof = "TT-1"\n', "P03", "'id' is missing"),
        ('[[rule]]\nid = "r"\nof = "TT-1"\nabove = nan\n', "P02", "finite"),
        ('[[rule]]\nid = "r"\nof = "TT-1"\nsecond = 5\n', "P04", "seconds"),
        ('[[rule]]\nid = "r"\nof = "TT-1"\nevent = "e"\n', "P80", "nothing that begins"),
        ('[[rule]]\nid = "r"\nof = "TT-1"\ndeadband = 1\n', "P80", "says nothing"),
        ('[[rule]]\nid = "P-1.on"\nof = "TT-1"\n', "P08", "already"),
        ('[[rule]]\nid = "a b"\nof = "TT-1"\n', "P02", "cannot be the id"),
        ('[[rule]]\nid = "r"\nof = "TT-1"\nseconds = 1e12\n', "P02", "between"),
        ('[[rule]]\nid = "r"\nkind = "windows"\n', "P02", "window"),
    ],
)
def test_mistakes_are_told_with_their_remedy(folder: Path, text: str, code: str, says: str) -> None:
    found = wrongs(folder, text)
    assert (code, True) in [(c, says in what) for c, _, what in found], found


def test_a_rule_reads_those_above_it_and_the_project_lints_clean(folder: Path) -> None:
    text = '[[rule]]\nid = "a"\nof = "TT-1"\nseconds = 10\n'
    text += '[[rule]]\nid = "b"\nof = "a"\nseconds = 60\nabove = 3\n'
    project = read(folder, text)
    assert [rule.id for rule in project.rules] == ["a", "b"]
    assert [f.code for f in findings(project)] == []
