from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from armillary.cli import run
from armillary.cli.answer import finite
from armillary.cli.commands import COMMANDS
from armillary.extend.registry import Plugin, Registry
from armillary.model import places


def test_no_world_is_said_in_words_with_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["state"]) == 2
    said = capsys.readouterr().err
    assert "No world runs here." in said
    assert "armillary demo" in said
    assert "Traceback" not in said


def test_worlds_answers_one_object_with_a_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["worlds", "--json"]) == 0
    assert orjson.loads(capsys.readouterr().out) == {"schema": 1, "worlds": []}


@pytest.mark.parametrize("command", ["info", "check", "open", "render -o x.png"])
def test_a_file_that_is_not_there_is_named(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISPLAY", ":9999")
    name, *options = command.split()
    missing = tmp_path / "missing.usda"
    assert run([name, str(missing), *options]) == 2
    said = capsys.readouterr().err
    assert "missing.usda" in said
    assert "Traceback" not in said


def test_an_unknown_command_and_option_are_refused_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fly"]) == 2
    assert run(["state", "--wings"]) == 2
    assert "No such" in capsys.readouterr().err


def test_open_without_a_display_says_what_to_do(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert run(["open"]) == 2
    assert "--screenshot" in capsys.readouterr().err


def test_a_picture_that_cannot_be_written_is_refused_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["demo", "--headless", "--screenshot", str(tmp_path / "no" / "demo.png")]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_an_unknown_bench_lists_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "nosuch"]) == 2
    assert "scene" in capsys.readouterr().err


def test_json_never_holds_nan() -> None:
    assert finite(float("nan")) is None
    assert finite(float("inf")) is None
    assert finite(1.5) == 1.5


def test_a_bench_whose_work_was_not_done_is_bad_news_and_the_others_go_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> list[dict[str, object]]:
        raise AssertionError("only 3 of 5 arrived")

    def sound() -> list[dict[str, object]]:
        return [
            {
                "name": "f",
                "value": 70_000.0,
                "unit": "1/s",
                "against": "bar",
                "ratio": 0.5,
                "bar": 1.0,
                "holds": True,
            }
        ]

    registry = Registry()
    for name, make in (("broken", broken), ("sound", sound)):
        registry.add(Plugin(kind="benches", name=name, package="t", make=make))
    monkeypatch.setattr("armillary.cli.bench.discover", lambda kinds: registry)
    assert run(["bench"]) == 1
    said = capsys.readouterr()
    assert "only 3 of 5 arrived" in said.err
    assert "70000 1/s" in said.out


BAD_USAGE = [
    [],
    ["fly"],
    *([name, "--wings"] for name in COMMANDS),
    ["demo", "moon-base"],
    ["demo", "--seconds", "nan"],
    ["demo", "--seconds", "-1"],
    ["demo", "--seed", "x"],
    ["demo", "one", "two"],
    ["open", "--after", "inf"],
    ["open", "--connect", "rubbish", "--screenshot", "x.png"],
    ["world"],
    ["world", "nowhere"],
    ["recorder"],
    ["recorder", "nowhere"],
    ["state", "nowhere"],
    ["state", "--connect", "tcp://127.0.0.1:1"],
    ["worlds", "close"],
    ["worlds", "close", "nowhere"],
    ["worlds", "fly"],
    ["info"],
    ["info", "nowhere.usd"],
    ["check"],
    ["check", "nowhere"],
    ["render", "x.usda"],
    ["render", "nowhere.usda", "-o", "x.png"],
    ["render", "nowhere.usda", "-o", "x.png", "--size", "big"],
    ["render", "nowhere.usda", "-o", "x.png", "--view", "inside"],
    ["doctor", "extra"],
    ["bench", "nosuch"],
]


@pytest.mark.parametrize("argv", BAD_USAGE, ids=" ".join)
def test_what_cannot_be_carried_out_is_said_in_words_with_status_2(
    argv: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(argv) == 2
    said = capsys.readouterr()
    assert said.err.strip()
    assert "Traceback" not in said.err + said.out
    assert "should not" not in said.err  # our own words for a defect
    assert not list(tmp_path.iterdir())


def test_the_nearest_command_is_proposed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["stat"]) == 2
    assert "Did you mean 'state'?" in capsys.readouterr().err


def test_a_defect_is_one_sentence_with_its_log_file(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> object:
        raise ZeroDivisionError("by us")

    monkeypatch.setattr("armillary.wire.runs.all_runs", broken)
    assert run(["worlds"]) == 2
    said = capsys.readouterr().err
    log = places.logs() / "cli.log"
    assert "ZeroDivisionError: by us" in said
    assert str(log) in said
    assert "Traceback" not in said
    assert "Traceback" in log.read_text()


def test_a_defect_without_any_place_for_a_log_is_still_a_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken() -> object:
        raise ZeroDivisionError("by us")

    (tmp_path / "file").write_text("")
    monkeypatch.setattr("armillary.wire.runs.all_runs", broken)
    for variable in ("XDG_STATE_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.setenv(variable, str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file"))
    assert run(["worlds"]) == 2
    said = capsys.readouterr().err
    assert "ZeroDivisionError: by us" in said
    assert "Traceback" not in said
