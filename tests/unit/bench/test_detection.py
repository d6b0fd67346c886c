"""The whole way of `bench detection`, over series made here in the forms of the public ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from armillary.model.clock import NS
from armillary.model.fault import Fault
from armillary_bench import detection, detection_data, detection_skab
from armillary_bench.detection_run import BEGINS_NS, forwards, lengths, run
from armillary_bench.detection_score import judged


def checkout(root: Path) -> Path:
    """A corpus of two series in NAB's form, one with a window of what is odd."""
    rng = np.random.default_rng(8)
    windows = {}
    for name, odd in (("group/odd.csv", True), ("group/even.csv", False)):
        x = 20 + rng.normal(0, 1, 280)
        if odd:
            x[200:220] += 8
        t = np.datetime64("2026-01-01T00:00:00") + np.arange(280) * np.timedelta64(300, "s")
        lines = [f"{str(at).replace('T', ' ')},{value:.4f}" for at, value in zip(t, x, strict=True)]
        path = root / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("timestamp,value\n" + "\n".join(lines) + "\n", "utf-8")
        ends = [str(t[i]).replace("T", " ") + ".000000" for i in (190, 229)]
        windows[name] = [ends] if odd else []
    (root / "labels").mkdir()
    (root / "labels" / "combined_windows.json").write_text(json.dumps(windows), "utf-8")
    return root


def test_a_rule_over_labelled_series_finds_what_is_odd_and_tells_what_that_is_worth(tmp_path: Path) -> None:
    series = detection_data.nab(checkout(tmp_path))
    assert [(each.name, each.windows.tolist()) for each in series] == [
        ("group/even.csv", []),
        ("group/odd.csv", [[190, 229]]),
    ]
    seconds = lengths(series)
    assert seconds == [9_000.0, 9_000.0]
    answers = run(series, ['method = "novelty"\nseconds = 9000\nperiod_s = 0\n'] * 2)
    known = [judged(each) for each in series]
    figures = detection.of_method("novelty", series, known, answers, [9_000 * NS] * 2)
    by_name = {str(each["name"]): each for each in figures}
    best, shipped = by_name["nab_novelty_standard"], by_name["nab_novelty_shipped_standard"]
    assert float(str(best["value"])) > 80
    assert best["against_value"] == 39.6
    # what the world's own rule fired is what the sweep counts at the same limit
    again = detection.worth_of(
        [
            detection.fired(np.nan_to_num(score), forwards(each.t_ns), 3.0, 9_000 * NS)
            for score, each in zip(answers.score, series, strict=True)
        ],
        series,
        known,
    )
    assert again.scores[0] == pytest.approx(float(str(shipped["value"])))
    assert by_name["nab_novelty_group"]["value"] == best["value"]


def test_a_clock_that_was_set_back_goes_forwards_for_the_rules() -> None:
    t_ns = np.array([0, 10, 10, 5, 30], np.int64) * NS
    assert ((forwards(t_ns) - BEGINS_NS) // NS).tolist() == [0, 10, 11, 12, 30]


def test_absent_series_are_said_and_nothing_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NAB", raising=False)
    monkeypatch.setenv("SKAB", "/nowhere/at/all")
    figures = detection.benches()
    assert [each["name"] for each in figures] == ["nab_series", "skab_series"]
    assert all("not measured" in str(each["against"]) and each["holds"] for each in figures)
    assert "github.com/numenta/NAB" in str(figures[0]["against"])


def test_a_folder_that_is_no_checkout_is_told_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(Fault, match="not the labelled series"):
        detection_data.nab(tmp_path)


def rig(rows: int = 600) -> detection_data.Runs:
    rng = np.random.default_rng(6)
    value = 5 + rng.normal(0, 1, (3, rows))
    value[:2, 500:] += 4  # two of three sensors
    anomaly = np.arange(rows) >= 500
    change = np.zeros(rows, np.bool_)
    change[500] = True
    t_ns = np.arange(rows, dtype=np.int64) * NS
    return detection_data.Runs(
        name="a/0.csv",
        group="a",
        sensors=("p", "q", "r"),
        t_ns=t_ns,
        value=value,
        anomaly=anomaly,
        change=change,
    )


def test_sensors_that_go_astray_together_are_one_rule() -> None:
    [score] = detection_skab.scores_of([rig()], 10)
    assert np.isfinite(score[200:]).all()
    assert score[502:520].max() > 2 * score[200:500].max()


def test_changes_are_worth_what_skab_says() -> None:
    run_ = rig()
    assert detection_skab.changes([run_], [np.array([500])]) == ((100.0, 100.0, 100.0), 0, 0)
    assert detection_skab.changes([run_], [np.zeros(0, np.int64)]) == ((0.0, 0.0, 0.0), 1, 0)
    (standard, _, _), missed, alarms = detection_skab.changes([run_], [np.array([450, 530])])
    assert (missed, alarms) == (0, 1)
    middle = (1.0 - 0.11) / 2  # half a minute behind it: half way from a hit's worth to a false alarm's
    assert standard == pytest.approx(100 * (middle - 0.11 + 1) / 2)


def test_states_are_counted_behind_what_is_learnt_by() -> None:
    run_ = rig()
    over = np.ones(600, np.bool_)
    assert detection_skab.states([run_], [over]) == (pytest.approx(2 / 3), 100.0, 0.0)
    assert detection_skab.states([run_], [run_.anomaly]) == (1.0, 0.0, 0.0)
