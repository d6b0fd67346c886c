"""A LIVE world keeps what its project was when bindings are saved; a replay of before reads that."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from following import Follower
from recorded import project_at
from stations import CLOCK, until

from armillary.model import places
from armillary.model.clock import NS
from armillary.model.message import Append, AskKeptList, Enroll, Enrolled, KeptList, Stored
from armillary.model.sample import batch_of
from armillary.project import folder as projects
from armillary.project import version
from armillary.wire import child
from armillary.wire.bus import Line
from armillary.wire.runs import recorder_address

pytestmark = pytest.mark.system
SAVED = "\n# saved while the world ran\n"


def test_a_replay_shows_the_bindings_that_the_live_world_had_then(own_places: Path, tmp_path: Path) -> None:
    folder = project_at(tmp_path / "station", {"broker": 1, "opcua": 1})
    layer = projects.read(folder).bindings
    assert layer is not None
    was = layer.read_text("utf-8")
    recorder = child.start("recorder.service", {"project": str(folder)}, tmp_path / "recorder.log")
    line: Line | None = None
    live: child.Child | None = None
    replay: child.Child | None = None
    try:
        recorder.ready(60)
        live = child.start("world.live", {"project": str(folder)}, tmp_path / "live.log")
        live.ready(60)
        line = Line(recorder_address(folder))

        def kept() -> KeptList:
            assert line is not None
            answer = line.ask(AskKeptList(kind=version.KIND, from_ns=0, to_ns=2**62), 20.0)
            assert isinstance(answer, KeptList)
            return answer

        until(lambda: len(kept().keys) == 1, 60, "the version that runs is kept")
        layer.write_text(was + SAVED, "utf-8")
        until(lambda: len(kept().keys) == 2, 60, "the one that was saved is kept")
        (old, new), (_, since_ns) = kept().keys, kept().t_ns
        assert old != new
        assert CLOCK.now_ns() - 60 * NS < since_ns < CLOCK.now_ns()
        live.stop(5)
        known = line.ask(Enroll(tags=("T-101.level",)), 20.0)
        assert isinstance(known, Enrolled)
        t_ns = since_ns + np.array([-1, 1]) * NS  # there is no plant: two samples, before it and after
        samples = batch_of(np.repeat(known.ids, 2), np.array([1.0, 2.0]), t_ns, t_ns, 0)
        assert line.ask(Append(seq=1, batch=samples, session="test"), 20.0) == Stored(seq=1)
        replay = child.start("world.replay", {"project": str(folder), "idle": True}, tmp_path / "replay.log")
        desk = Follower(str(replay.ready(60)["address"]))
        try:
            for at_ns, key in ((since_ns - 1, old), (since_ns + NS, "")):
                cursor = desk.at(at_ns).cursor
                assert cursor is not None
                assert cursor.version == key
                assert cursor.note.startswith("as authored ") is bool(key)
        finally:
            desk.line.close()
        read = [path.read_text("utf-8") for path in places.cache().rglob(layer.name)]
        assert read == [was], "what it reads is the layer as it was then"
    finally:
        if line is not None:
            line.close()
        for process in (replay, live, recorder):
            if process is not None:
                process.stop(5)
