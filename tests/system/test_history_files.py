"""Files into a project's history and out of it, and files replayed without a project: real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import windows
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from pytestqt.qtbot import QtBot
from stations import until

from armillary.cli import run
from armillary.model.clock import NS
from armillary.model.fault import Fault
from armillary.model.frame import WorldKind
from armillary.project import folder as projects
from armillary.session import history_import, offline
from armillary.session.history_import import Wish
from armillary.session.recorders import recorder
from armillary.wire import runs
from armillary.wire.bus import served

pytestmark = pytest.mark.system
T0 = 1_767_225_600 * NS  # 2026-01-01T00:00:00Z
ROWS, PIECE = 6_000, 5_000  # rows of two signals: three pieces
MANY = 200_000
LIMIT_MS = 60_000


@pytest.fixture
def project(own_places: Path, tmp_path: Path) -> Path:
    return projects.new(tmp_path / "plant", "plant").folder


@pytest.fixture
def recorded(project: Path) -> Iterator[Path]:
    """A project whose recorder runs meanwhile, as it does when its plant is up."""
    with recorder(project, read_only=False):
        yield project


def measured(path: Path, rows: int) -> Path:
    """Write a table as plants' historians give them: a column a tag, a second a row, the zone said."""
    select = (
        "SELECT strftime(make_timestamp(1767225600000000 + i * 1000000), '%Y-%m-%dT%H:%M:%SZ') AS time, "
        'round(20 + sin(i / 50), 3) AS "TT-1.temp", i % 7 AS "FT-1.flow"'
    )
    with duckdb.connect() as own:
        own.execute(f"COPY ({select} FROM range({rows}) t(i)) TO '{path}' (HEADER)")
    return path


def asked(capsys: pytest.CaptureFixture[str], *words: str | Path, status: int = 0) -> dict[str, object]:
    capsys.readouterr()
    assert run([*map(str, words), "--json"]) == status
    answer: dict[str, object] = json.loads(capsys.readouterr().out)
    return answer


def test_an_import_that_was_ended_goes_on_without_a_gap_and_without_doubles(
    recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_import, "PIECE", PIECE)
    file = measured(tmp_path / "export.csv", ROWS)
    sent: list[str] = []

    def tell(text: str, _share: float) -> None:
        sent.extend([text] if "samples" in text else [])

    wish = Wish(project=recorded, files=(file,))
    with pytest.raises(Fault, match="cancelled"):
        history_import.run(wish, tell, lambda: bool(sent))  # after its first piece
    first = asked(capsys, "history", "info", recorded)
    assert first["samples"] == PIECE
    again = asked(capsys, "history", "import", recorded, file)
    assert (again["samples"], again["already"], again["created"]) == (2 * ROWS, PIECE, [])
    once_more = asked(capsys, "history", "import", recorded, file)
    assert once_more["already"] == 2 * ROWS
    whole = asked(capsys, "history", "info", recorded)
    assert whole["samples"] == 2 * ROWS
    assert whole["tags"] == ["FT-1.flow", "TT-1.temp"]
    # a longer export of the same plant: what is known is not stored again
    longer = measured(tmp_path / "longer.csv", ROWS + 100)
    asked(capsys, "history", "import", recorded, longer)
    assert asked(capsys, "history", "info", recorded)["samples"] == 2 * (ROWS + 100)

    out = tmp_path / "out.parquet"
    told = asked(capsys, "history", "export", recorded, "-o", out, "--tag", "TT-1.temp")
    assert told["samples"] == ROWS + 100
    with duckdb.connect() as own:
        held = own.execute("SELECT count(DISTINCT t_src), min(v), max(v) FROM read_parquet($1)", [str(out)])
        assert held.fetchall() == [(ROWS + 100, 19.0, 21.0)]
    got = asked(capsys, "history", "query", recorded, "--tag", "TT-1.temp", "--width", "4")
    series = got["series"]
    assert isinstance(series, list)
    assert (min(series[0]["low"]), max(series[0]["high"])) == (19.0, 21.0)


def test_queries_and_drift_are_asked_of_the_record(
    recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tags = {"flow": {"address": "s!a", "unit": "m³/h"}}
    twins = {"schema": 1, "twins": [{"id": "FT-1", "tags": tags}, {"id": "FT-2", "tags": tags}]}
    (recorded / "twins.json").write_text(json.dumps(twins), "utf-8")
    settings = (recorded / "project.toml").read_text("utf-8")
    source = '\n[[source]]\nname = "s"\nkind = "mqtt"\nurl = "mqtt://127.0.0.1:1"\n'
    (recorded / "project.toml").write_text(settings + source, "utf-8")
    file = measured(tmp_path / "export.csv", 1_000)  # FT-1.flow goes from 0 to 6 every seven seconds
    asked(capsys, "history", "import", recorded, file, "--create")

    def ids(text: str) -> tuple[list[str], list[str]]:
        answer = asked(capsys, "model", "query", recorded, text)
        found, unknown = answer["found"], answer["unknown"]
        assert isinstance(found, list)
        assert isinstance(unknown, list)
        return [one["id"] for one in found], [one["id"] for one in unknown]

    assert ids("anything with mean flow over the last 10 min between 2.9 and 3.1 m³/h") == (
        ["FT-1"],
        ["FT-2"],
    )
    assert ids("anything with flow > 5 m³/h for 5 min") == ([], ["FT-2"])
    assert ids("anything with flow > 5 m³/h in the last 5 min") == (["FT-1"], ["FT-2"])

    drift = asked(capsys, "model", "drift", recorded, "--record", "1", status=1)
    assert drift["counts"] == {"D02": 1}  # FT-2 never came


@pytest.mark.scale
def test_an_import_that_is_killed_goes_on_when_it_is_given_again(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = measured(tmp_path / "export.csv", MANY)
    for _ in range(4):
        command = [sys.executable, "-m", "armillary", "history", "import", str(project), str(file)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
            assert process.stderr is not None
            told = next((line for line in process.stderr if "samples" in line), "")
            os.kill(process.pid, signal.SIGKILL)
        assert told
        until(lambda: not served(runs.recorder_address(project)), 30, "the recorder of a dead import ends")
    asked(capsys, "history", "import", project, file)
    assert asked(capsys, "history", "info", project)["samples"] == 2 * MANY


def test_unknown_signals_and_units_are_told_and_never_made_by_accident(
    recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = tmp_path / "first.csv"
    first.write_text("time,P-1.pressure\n#unit,bar\n2026-01-01T00:00:00Z,1.5\n")
    asked(capsys, "history", "import", recorded, first)
    second = tmp_path / "second.csv"
    second.write_text("time,P-1.pressure,P-2.pressure\n#unit,kPa,kPa\n2026-01-01T00:00:01Z,250,1\n")
    got = asked(capsys, "history", "import", recorded, second, status=1)
    assert got["unknown"] == {"P-2.pressure": 1}
    assert got["told"] == ["P-1.pressure: converted from kPa to bar."]
    series = asked(capsys, "history", "query", recorded, "--tag", "P-1.pressure")["series"]
    assert isinstance(series, list)
    assert (series[0]["unit"], series[0]["mean"]) == ("bar", [1.5, 2.5])
    third = tmp_path / "third.csv"
    third.write_text("time,P-1.pressure\n#unit,°C\n2026-01-01T00:00:02Z,3\n")
    assert run(["history", "import", str(recorded), str(third)]) == 2
    assert "is in °C in the file and in bar in the project" in capsys.readouterr().err
    other = tmp_path / "other.csv"
    other.write_text("time,Q-9\n2026-01-01T00:00:02Z,3\n")
    assert run(["history", "import", str(recorded), str(other)]) == 2
    assert "None of the signals is a tag of the project: Q-9" in capsys.readouterr().err
    pairs = tmp_path / "map.csv"
    pairs.write_text("signal,tag\nQ-9,P-1.pressure\n")
    assert asked(capsys, "history", "import", recorded, other, "--map", pairs)["samples"] == 1
    made = asked(capsys, "history", "import", recorded, other, "--create")
    assert made["created"] == ["imported.Q-9"]


def test_samples_older_than_the_project_keeps_are_refused(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = tmp_path / "first.csv"
    first.write_text("time,P-1.pressure\n2026-01-01T00:00:00Z,1.5\n")
    asked(capsys, "history", "import", project, first)
    settings = project / "project.toml"
    settings.write_text(settings.read_text().replace("retention_days = 36500", "retention_days = 400"))
    old = tmp_path / "old.csv"
    old.write_text("time,P-1.pressure\n2019-01-01T00:00:00Z,1.5\n")
    assert run(["history", "import", str(project), str(old)]) == 2
    told = capsys.readouterr().err
    assert "the project keeps 400" in told
    assert "historian.retention_days" in told


SCENE = '#usda 1.0\n(\n    defaultPrim = "Hall"\n    metersPerUnit = 1\n)\n\ndef Cube "Hall" {}\n'


def folder_of_files(tmp_path: Path) -> Path:
    """Return a folder as somebody was sent it: two files of samples, one cut, a scene and a text."""
    folder = tmp_path / "from the plant"
    folder.mkdir()
    measured(folder / "january.csv", 600)
    (folder / "states.csv").write_text(
        "signal,t_src,v,s\nV-1.state,2026-01-01T00:00:00Z,,shut\nV-1.state,2026-01-01T00:05:00Z,,open\n"
    )
    (folder / "cut.parquet").write_bytes(b"PAR1 and then nothing")
    (folder / "hall.usda").write_text(SCENE)
    (folder / "readme.txt").write_text("As agreed.")
    return folder


def test_a_folder_of_files_is_replayed_without_a_plant_and_stays_as_it_was(
    own_places: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = folder_of_files(tmp_path)
    before = {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in folder.iterdir()}
    got = asked(capsys, "replay", folder, "--headless", "--from", "2026-01-01T00:01:00Z")
    assert (got["from"], got["to"]) == ("2026-01-01T00:01:00.000Z", "2026-01-01T00:09:59.000Z")
    assert (got["samples"], got["frames"]) == (2 * 539 + 1, 539)
    assert {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in folder.iterdir()} == before
    project = projects.read(offline.home_of(folder))
    assert project.entry == folder / "hall.usda"
    assert [(spec.name, spec.kind) for spec in project.specs] == [
        ("FT-1.flow", "number"),
        ("TT-1.temp", "number"),
        ("V-1.state", "text"),
    ]
    stored = project.history_file.stat().st_mtime_ns
    assert offline.prepare(folder, offline.how_of("")) == project.folder
    assert project.history_file.stat().st_mtime_ns == stored  # it is not read again
    (folder / "states.csv").write_text("signal,t_src,v,s\nV-1.state,2026-01-01T00:00:00Z,,shut\n")
    got = asked(capsys, "replay", folder, "--headless")
    assert got["samples"] == 2 * 599  # the state came at the first moment


def test_a_folder_dropped_on_the_desk_is_shown_as_a_replay(
    qtbot: QtBot, own_places: Path, tmp_path: Path
) -> None:
    folder = folder_of_files(tmp_path)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(folder))])
    with windows.shown(tmp_path) as desk:
        buttons = (Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
        desk.dropEvent(QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, data, *buttons))
        sheet = desk.files.offline_sheet
        assert sheet is not None
        sheet.start()
        at = desk.workspace
        qtbot.waitUntil(lambda: at.mirror.kind is WorldKind.REPLAY and at.mirror.seq > 0, timeout=LIMIT_MS)
        names = [spec.name for spec in at.specs]
        qtbot.waitUntil(
            lambda: at.mirror.table.text.get(names.index("V-1.state")) == "shut", timeout=LIMIT_MS
        )
        qtbot.waitUntil(lambda: at.scene is not None, timeout=LIMIT_MS)


def test_what_is_recorded_of_a_person_is_taken_out_and_erased_by_two(
    recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "band.csv"
    file.write_text("time,band.pulse,pump.speed\n2026-01-01T00:00:00Z,71,5\n2026-01-02T00:00:00Z,72,6\n")
    asked(capsys, "history", "import", recorded, file)
    twins = recorded / "twins.json"
    marked = '"imported": "band.pulse", "personal": "direct", "subject": "kari"'
    twins.write_text(twins.read_text().replace('"imported": "band.pulse"', marked))
    password = tmp_path / "password"
    password.write_text("kettle bridge onion\n")
    for name, role in (("anna", "admin"), ("ben", "engineer")):
        words = ["user", "add", recorded, name, "--role", role, "--password-file", password]
        assert run([*map(str, words)]) == 0
    out = tmp_path / "out.csv"
    told = asked(capsys, "history", "export", recorded, "-o", out)
    assert told["left_out"] == ["band.pulse"]
    assert "pulse" not in out.read_text()
    assert run(["history", "query", str(recorded), "--tag", "band.pulse"]) == 2
    assert "tells of a person" in capsys.readouterr().err
    about = ["history", "export", recorded, "--asset", "kari", "-o", tmp_path / "kari"]
    assert run([*map(str, about)]) == 2  # nobody said who they are
    anna = ["--user", "anna", "--password-file", password]
    assert asked(capsys, *about, *anna)["samples"] == 2
    assert "2 samples of 1 tags" in (tmp_path / "kari" / "index.md").read_text()
    words = ["history", "erase", recorded, "--asset", "kari", "--before", "2026-01-01T12:00:00Z", *anna]
    second = ["--second", "ben", "--second-password-file", password]
    done = asked(capsys, *words, *second, "--yes")
    assert (done["samples"], done["by"]) == (1, ["anna", "ben"])
    assert asked(capsys, "audit", "verify", recorded, "--chain", "recorder")["count"] == 2
    assert asked(capsys, "history", "info", recorded)["samples"] == 3
