"""Figures of the desk: how late its timers fire under load beside idle, its redraw, its start, its rest."""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from armillary.encoding.resolve import Options, resolve
from armillary.model.arrays import U1
from armillary.model.places import data
from armillary.model.tags import TagSpec, TagTable
from armillary.project import folder as projects
from armillary.scene.child import SceneServer
from armillary.session import scenery
from armillary.viewport.view import View
from armillary_bench import hall, load
from armillary_bench.figure import absolute, figure, plain
from armillary_bench.load_of_machine import Load
from armillary_bench.process import Driven, cpu_s, own_places

BOXES, RATE = 2_000, 50_000
TICK_HZ = 20.0  # frames a second of a world
WARM_S, MEASURED_S, REST_S = 2.0, 8.0, 6.0
LATER_MS = 3.0  # p99 under load may be this much later than idle
REDRAW_MS, START_S, REST_PERCENT = 40.0, 6.0, 5.0
WIDTH, HEIGHT = 1280, 800
DEMO_SCENE = "scenes/pumping-station"
_READY_S, _SETTLE_S, _START_LIMIT_S = 30.0, 10.0, 60.0
_SAME_RATE = 0.15  # the redraw rates of load and idle may differ by this share
_DEMO_RUNS_S = 8
_FIRST = re.compile(r"first live picture after ([0-9.]+) s")
_REPEATS = 25


def benches() -> list[dict[str, object]]:
    """Return the figures of the desk; about a minute and a half."""
    return [*lateness(), demo_redraw(), start()]


# ---------------------------------------------------------------- lateness and rest


def lateness() -> list[dict[str, object]]:
    """Return timer lateness under load and idle, messages arrived, and the CPU of a desk at rest.

    Idle is the same desk on the same boxes at the same size and redraw rate, the boxes changed by a script
    in its process, with no world and no link; measured before and after the load, and the better of the two
    counts. Raises AssertionError when load and idle did not do the same work.
    """
    with tempfile.TemporaryDirectory(prefix="armb-") as name:
        folder = Path(name)
        scene = folder / "bare" / "scene.usda"
        scene.parent.mkdir()
        scene.write_text(hall.scene_text(BOXES), "utf-8")
        with _desk(scene, folder / "idle") as desk:
            share = _at_rest(desk)
            before = _idle(desk, TICK_HZ)
            with Load() as machine:
                loaded, books = _loaded(folder)
            after = _idle(desk, loaded["frames"] / loaded["seconds"])
    _require_same(loaded, after)
    # the first was asked for as many pictures as a world has ticks; the load may leave time for fewer
    like = [run for run in (before, after) if _is_same(loaded, run)]
    idle = min(like, key=lambda run: float(run["p99_ms"]))
    return [*_late_figures(loaded, idle, books, machine), _rest_figure(share)]


def _require_same(loaded: dict[str, Any], idle: dict[str, Any]) -> None:
    """Raise AssertionError unless two runs drew as many pictures a second."""
    a, b = (run["frames"] / run["seconds"] for run in (loaded, idle))
    if not _is_same(loaded, idle):
        raise AssertionError(f"redraws a second differ: {a:.1f} under load, {b:.1f} idle; is it quiet here?")


def _is_same(loaded: dict[str, Any], idle: dict[str, Any]) -> bool:
    a, b = (run["frames"] / run["seconds"] for run in (loaded, idle))
    return bool(abs(a - b) <= _SAME_RATE * a)


def _late_figures(
    loaded: dict[str, Any], idle: dict[str, Any], books: dict[str, Any], machine: Load
) -> list[dict[str, object]]:
    rates = [run["frames"] / run["seconds"] for run in (loaded, idle)]
    work = (
        f"{BOXES} boxes, each with a tag; pixels changed in both; pictures/s: {rates[0]:.1f} under load, "
        f"{rates[1]:.1f} idle; timer ticks: {loaded['ticks']} and {idle['ticks']}; under load {machine.words}"
    )
    arrived = (
        f"{books['received']} of {books['published']} messages arrived, none was dropped, both laws "
        f"balance, and the desk shows the last value sent of all {BOXES} tags"
    )
    return [
        figure(
            "desk_lateness_p99",
            loaded["p99_ms"],
            "ms",
            against=f"idle p99 + {LATER_MS:g} ms",
            against_value=idle["p99_ms"] + LATER_MS,
            bar=1.0,
            work=f"{RATE} messages/s; {work}",
        ),
        plain("desk_lateness_p99_idle", idle["p99_ms"], "ms", work),
        plain("desk_lateness_median", loaded["median_ms"], "ms", work),
        plain("desk_lateness_median_idle", idle["median_ms"], "ms", work),
        plain("desk_frame", loaded["frame_ms"], "ms", work),
        plain("desk_frame_idle", idle["frame_ms"], "ms", work),
        figure(
            "desk_messages_arrived",
            books["received"] - books["lost"],
            "messages",
            against="published",
            against_value=books["published"],
            bar=1.0,
            work=arrived,
            better="higher",
        ),
    ]


def _rest_figure(share: float) -> dict[str, object]:
    work = f"a bare scene for {REST_S:g} s: nothing was drawn, and the desk still answered"
    return absolute("desk_cpu_at_rest", 100 * share, "% of a core", REST_PERCENT, work)


def _desk(path: Path, places: Path) -> Driven:
    """Return a desk on a project or scene, with folders of its own."""
    environment = own_places(places)
    return Driven("armillary_bench.desk_child", [str(path)], places / "stderr.log", environment)


def _loaded(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the lateness under load, and the books: published, received, lost."""
    count = round(RATE * (2 * WARM_S + MEASURED_S))
    with hall.running_broker(folder / "broker") as port:
        project = hall.write_project(folder / "project", BOXES, port)
        job = json.dumps({"port": port, "tags": BOXES, "rate": RATE, "count": count})
        with (
            _desk(project, folder / "load") as desk,
            Driven("armillary_bench.load", [job], folder / "load.log") as source,
        ):
            source.line(_READY_S)
            _until(desk, _is_live, _READY_S, "the desk is live on the boxes")
            source.send("go")
            run = _measured(desk)
            sent = json.loads(source.line(_READY_S))
            state = _until(
                desk, lambda s: _received(s) >= sent["published"], _SETTLE_S, "all messages have arrived"
            )
            values = desk.ask("values")
    books = state["tally"][hall.LINK]
    if books["received"] != sent["published"] or books["lost"] or books["queued"] or not books["balanced"]:
        raise AssertionError(f"of {sent['published']} messages: {books}")
    expected = dict(
        zip((hall.tag_name(i) for i in range(BOXES)), load.last_values(count, BOXES), strict=True)
    )
    shown = dict(zip(values["names"], values["values"], strict=True))
    if shown != expected:
        wrong = [name for name, value in expected.items() if shown.get(name) != value]
        raise AssertionError(f"{len(wrong)} tags do not show the last value sent, among them {wrong[:3]}")
    return run, {**books, "published": sent["published"]}


def _at_rest(desk: Driven) -> float:
    """Return the share of a core that a desk and its children take while nothing changes."""
    before = _until(desk, _is_settled, _READY_S, "the desk shows the boxes")
    start, spent = time.monotonic(), cpu_s(desk.pid)
    time.sleep(REST_S)
    share = (cpu_s(desk.pid) - spent) / (time.monotonic() - start)
    drawn = desk.ask("state")["frames"] - before["frames"]
    if drawn:
        raise AssertionError(f"{drawn} pictures were drawn though nothing changed")
    return share


def _idle(desk: Driven, hz: float) -> dict[str, Any]:
    """Return the lateness of a desk whose boxes a script recolours, so many times a second."""
    if desk.ask("script", hz=hz, changes_per_s=RATE)["changing"] != BOXES:
        raise AssertionError("the script did not find the boxes")
    run = _measured(desk)
    desk.ask("script", hz=0.0, changes_per_s=0)
    return run


def _measured(desk: Driven) -> dict[str, Any]:
    """Return the lateness of a desk that is being changed, after a while of warming up."""
    time.sleep(WARM_S)
    desk.ask("begin")
    time.sleep(MEASURED_S)
    run = desk.ask("end")
    if run["changed"] < 0.01 or not run["frames"]:
        raise AssertionError(f"the picture did not change: {run}")
    if run["ticks"] < 100:
        raise AssertionError(f"only {run['ticks']} timer ticks in {run['seconds']:.1f} s")
    return run


def _is_settled(state: dict[str, Any]) -> bool:
    return bool(state["scene"] > BOXES and state["settled"])


def _is_live(state: dict[str, Any]) -> bool:
    links = state["links"]
    return bool(
        state["world"] == "LIVE"
        and state["bound"] == BOXES
        and state["scene"] > BOXES
        and links.get(hall.LINK, "").startswith("UP")
    )


def _received(state: dict[str, Any]) -> int:
    books = state["tally"].get(hall.LINK, {"received": 0, "queued": 0})
    return int(books["received"]) - int(books["queued"])


def _until(
    desk: Driven, is_so: Callable[[dict[str, Any]], bool], limit_s: float, what: str
) -> dict[str, Any]:
    """Return the desk's state once it is so. Raises AssertionError with the last state after the time."""
    end = time.monotonic() + limit_s
    while not is_so(state := desk.ask("state", limit_s)):
        if time.monotonic() > end:
            raise AssertionError(f"within {limit_s:g} s not: {what}; {state}")
        time.sleep(0.1)
    return state


# ---------------------------------------------------------------- the demo


def demo_redraw() -> dict[str, object]:
    """Return the milliseconds from new values of every tag to the finished picture of the demo scene.

    Values → look → tables → picture at 1280 × 800 without smooth edges, as while values change.
    """
    project = projects.read(data(DEMO_SCENE))
    with tempfile.TemporaryDirectory(prefix="armb-") as cache:
        request = project.scene_request(cache)
        if request is None:
            raise AssertionError("the demo project has no scene")
        opened: Any = SceneServer().answer(request)
        shown = scenery.load(opened, project.specs, project.colormaps)
        took, work = _redraws(shown, project.specs)
    return absolute("demo_redraw", took, "ms", REDRAW_MS, work)


def _redraws(shown: scenery.Scenery, specs: Sequence[TagSpec]) -> tuple[float, str]:
    """Return the median milliseconds of a redraw, and what was checked."""
    rng, times, changed = np.random.default_rng(1), [], []
    low, high = (np.array([getattr(s, end) for s in specs]) for end in ("low", "high"))
    ranged = np.isfinite(low) & np.isfinite(high)
    low, high = np.where(ranged, low, 0.0), np.where(ranged, high, 1.0)
    table = TagTable(len(specs))
    table.quality[:] = 0
    view = View(shown.scene, WIDTH, HEIGHT)
    last: U1 = view.render().copy()
    for seq in range(_REPEATS):
        table.value[:] = rng.uniform(low, high)
        start = time.perf_counter()
        written = view.apply(resolve(shown.program, table, Options(seq=seq)))
        picture = view.render()
        times.append((time.perf_counter() - start) * 1e3)
        if not written:
            raise AssertionError("new values of every tag changed no prim")
        changed.append(float((picture != last).any(axis=2).mean()))
        last = picture.copy()
    view.close()
    if min(changed[1:]) <= 0:
        raise AssertionError("new values of every tag changed no pixel")
    work = (
        f"{len(shown.scene)} prims, {len(shown.program.bindings)} bindings; each picture differed from the "
        f"one before, by {statistics.median(changed):.1%} of its pixels in the median"
    )
    return statistics.median(times), work


def start() -> dict[str, object]:
    """Return the seconds from typing `make demo` (or `armillary demo` without a checkout) to live pixels.

    The demo says how long it took from its first line on; what comes before (make, the check of the set-up,
    the interpreter) is the time of the same command asked only for its help.
    """
    makefile = _checkout()
    with tempfile.TemporaryDirectory(prefix="armb-") as name:
        picture = Path(name) / "demo.png"
        environment = own_places(Path(name))
        arguments = ["--headless", "--seconds", str(_DEMO_RUNS_S), "--screenshot", str(picture)]
        _demo(makefile, ["--help"], environment)  # so that a changed checkout is set up again now
        begin = time.monotonic()
        _demo(makefile, ["--help"], environment)
        before_s = time.monotonic() - begin
        said = _demo(makefile, arguments, environment)
        found = _FIRST.search(said)
        if found is None or not picture.exists():
            raise AssertionError(f"the demo did not say when it was live:\n{said[-600:]}")
        size = picture.stat().st_size
    command = "make demo" if makefile is not None else "armillary demo"
    work = f"{command} on a set-up machine said so itself and left a picture of {size} bytes"
    return absolute("demo_first_live_frame", before_s + float(found[1]), "s", START_S, work)


def _checkout() -> Path | None:
    """Return the Makefile of a checkout whose environment `make` has set up; None elsewhere."""
    makefile = data("assets").parent / "Makefile"
    is_set_up = (makefile.parent / ".venv" / ".armillary-demo").exists()  # left by .ci/setup
    return makefile if makefile.exists() and is_set_up else None


def _demo(makefile: Path | None, arguments: list[str], environment: dict[str, str]) -> str:
    """Run the demo to its end and return what it said. Raises AssertionError when it fails."""
    if makefile is not None:
        command = ["make", "-C", str(makefile.parent), "--no-print-directory", "demo"]
        command.append(f"ARGS={' '.join(arguments)}")
    else:
        command = [sys.executable, "-m", "armillary", "demo", *arguments]
    ended = subprocess.run(  # noqa: S603  our own commands
        command, env=environment, capture_output=True, text=True, timeout=_START_LIMIT_S, check=False
    )
    if ended.returncode:
        raise AssertionError(f"{' '.join(command[:4])} ended with {ended.returncode}:\n{ended.stderr[-600:]}")
    return ended.stdout + ended.stderr
