"""Rows 15–19 and 21 of the fault matrix: from a real broker through world and recorder to the desk."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from byhand import Desk
from click.testing import CliRunner
from faultlog import note
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from tests.plugins.mqtt.conftest import MOSQUITTO, Broker

from armillary.cli.commands import Commands
from armillary.model.clock import NS
from armillary.model.fault import FaultRecord
from armillary.model.link import LinkState, Quarantined
from armillary.model.message import AskBetween, Enroll, Enrolled, Samples
from armillary.model.quality import BAD, CONFIG, DECODE, GOOD, RANGE, UNCERTAIN
from armillary.session.rows import TagRow
from armillary.session.workspace import WorldState
from armillary.wire.bus import Line
from armillary.wire.runs import recorder_address

pytestmark = pytest.mark.system

TOML = """[project]
schema = 1
id = "5f0d7c0e-9a7e-4c0a-9a51-4f9c3f0b6a91"
name = "Press"
[scene]
entry = "scene.usda"
[[source]]
name = "site"
kind = "mqtt"
url = "mqtt://127.0.0.1:{port}"
stale_after_s = 600
"""
SCENE = '#usda 1.0\n(\n    defaultPrim = "W"\n    metersPerUnit = 1\n    upAxis = "Z"\n)\ndef Xform "W"\n{}\n'
TEMP, RMS, COUNT, BARE, OTHER = "press.temp", "press.rms", "press.count", "press.bare", "press.other"
SLOW = "press.slow"
TWINS = {
    "schema": 1,
    "twins": [
        {
            "id": "press",
            "tags": {
                "temp": {"address": "site!press#t", "unit": "°C", "range": [-20, 200], "unit_path": "u"},
                "rms": {"address": "site!press#rms", "unit": "mm/s"},
                "count": {"address": "site!press#n", "coerce": True},
                "bare": {"address": "site!bare", "unit": "°C"},
                "other": {"address": "site!other#v"},
                "slow": {"address": "site!slow#v", "time": "t"},
            },
        }
    ],
    "relationships": [],
}


@dataclass
class Press:
    """A desk on a running world with its recorder, and whoever publishes."""

    broker: Broker
    desk: Desk
    project: Path
    sender: paho.Client

    def publish(self, topic: str, payload: bytes, **said: Any) -> int:
        """Publish and return when the broker has it; the monotonic time then."""
        properties = Properties(PacketTypes.PUBLISH)
        for name, value in said.items():
            setattr(properties, name, value)
        info = self.sender.publish(topic, payload, 1, properties=properties)
        info.wait_for_publish(10)
        assert info.is_published()
        return self.desk.clock.now_mono_ns()

    def row(self, tag: str) -> TagRow:
        at = self.desk.workspace
        slot = next(spec.slot for spec in at.specs if spec.name == tag)
        (row,) = at.tag_rows((slot,), self.desk.clock.now_mono_ns())
        return row

    def quality(self, tag: str) -> int:
        at = self.desk.workspace
        return int(at.mirror.table.quality[next(s.slot for s in at.specs if s.name == tag)])

    def shows(self, tag: str, text: str, since_ns: int, limit_s: float = 20.0) -> float:
        """Wait until the desk shows a text for a tag; return after how many seconds it did."""
        self.desk.until(lambda: self.row(tag).value == text, limit_s, f"{tag} shows {text!r}")
        return (self.desk.clock.now_mono_ns() - since_ns) / NS

    def good(self) -> None:
        """Bring every tag back to a good value: on repair the state is right without a restart."""
        self.publish("press", b'{"t":85.5,"u":"\xc2\xb0C","rms":2,"n":"7"}')
        self.publish("bare", b"20")
        self.publish("other", b'{"v":1}')
        tags = (TEMP, RMS, COUNT, BARE, OTHER)
        self.desk.until(lambda: all(self.quality(tag) == GOOD for tag in tags), 20.0, "all is good again")
        assert self.row(TEMP).note == ""

    def quarantined(self) -> tuple[Quarantined, ...]:
        got: list[tuple[Quarantined, ...] | FaultRecord] = []
        self.desk.workspace.ask_quarantine("site", got.append)
        self.desk.until(lambda: bool(got), 10.0, "the quarantine")
        assert not isinstance(got[0], FaultRecord), got[0]
        return got[0]

    def state(self) -> dict[str, Any]:
        asked = ["state", str(self.project), "--json"]
        with _places(self.project.parent):
            got = CliRunner().invoke(Commands(name="armillary"), asked, standalone_mode=False)
        assert got.exit_code == 0, got.output
        return json.loads(got.output)

    def recorded(self, tag: str) -> list[tuple[float | None, int]]:
        """Return the newest values and qualities of a tag on the recorder's disk; None for null."""
        with _places(self.project.parent):
            line = Line(recorder_address(self.project))
        try:
            enrolled = line.ask(Enroll(tags=(tag,)), timeout_s=20)
            assert isinstance(enrolled, Enrolled)
            now_ns = self.desk.clock.now_ns() + NS
            got = line.ask(AskBetween(ids=enrolled.ids, from_ns=0, to_ns=now_ns), timeout_s=20)
            assert isinstance(got, Samples)
            pairs = zip(got.batch.value.tolist(), got.batch.quality.tolist(), strict=True)
            return [(None if value != value else value, word) for value, word in pairs]
        finally:
            line.close()

    def ended(self) -> None:
        """Check both laws with nothing under way."""
        tally = lambda: self.desk.workspace.tally["site"]  # noqa: E731
        self.desk.until(lambda: tally().messages.queued == tally().samples.queued == 0, 10.0, "all is done")
        assert tally().messages.balanced
        assert tally().samples.balanced
        assert self.desk.workspace.links[0].state is LinkState.UP


@contextmanager
def _places(folder: Path) -> Iterator[None]:
    """Keep run files and the rest in a folder of the module: every test has others of its own."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CONFIG_HOME", "CACHE_HOME", "STATE_HOME", "RUNTIME_DIR"):
            (folder / name).mkdir(mode=0o700, exist_ok=True)
            patch.setenv(f"XDG_{name}", str(folder / name))
        yield


@pytest.fixture(scope="module")
def press(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Press]:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    folder = tmp_path_factory.mktemp("press")
    with _places(folder):
        broker, desk = Broker(folder), Desk()
        sender = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        try:
            broker.start()
            up = threading.Event()
            sender.on_connect = lambda *_: up.set()
            sender.connect("127.0.0.1", broker.port)
            sender.loop_start()
            assert up.wait(10)
            project = folder / "project"
            project.mkdir()
            (project / "scene.usda").write_text(SCENE)
            (project / "project.toml").write_text(TOML.format(port=broker.port))
            (project / "twins.json").write_text(json.dumps(TWINS))
            desk.workspace.open(str(project))
            desk.until(lambda: desk.workspace.world_state is WorldState.LIVE, 60.0, "live")
            links = lambda: [link.state for link in desk.workspace.links]  # noqa: E731
            desk.until(lambda: links() == [LinkState.UP], 30.0, "the link is up")
            yield Press(broker, desk, project, sender)
        finally:
            desk.workspace.close()
            sender.disconnect()
            sender.loop_stop()
            broker.end()


def test_row_15_what_is_no_json_makes_its_tags_bad_and_is_kept(press: Press) -> None:
    press.good()
    began = press.publish("press", b'{"t":85.0,"rms":2,,}')
    found = press.shows(TEMP, "bad: not JSON at byte 18", began)
    assert press.row(RMS).value == "bad: not JSON at byte 18"
    assert press.quality(OTHER) == GOOD
    kept = press.quarantined()[-1]
    assert (kept.channel, kept.reason, kept.head) == ("press", "not JSON at byte 18", b'{"t":85.0,"rms":2,,}')
    state = press.state()
    (link,) = state["links"]
    assert link["state"] == "UP"
    assert link["quarantine"][-1]["text"] == '{"t":85.0,"rms":2,,}'
    tag = next(tag for tag in state["tags"] if tag["name"] == TEMP)
    assert (tag["quality"], tag["value"], tag["why"]) == ("BAD", None, "not JSON at byte 18")
    press.ended()
    press.good()
    note(
        "15",
        "malformed JSON on one topic (desk)",
        found,
        None,
        "0; raw in quarantine",
    )


def test_row_15_the_quarantine_keeps_the_last_hundred_and_4_kib_of_each(press: Press) -> None:
    for i in range(105):
        press.sender.publish("other", b"{%03d" % i + b"x" * 5_000, 1)
    press.publish("other", b"{last")
    press.desk.until(lambda: press.row(OTHER).quality == BAD, 20.0, "the tag is bad")
    press.desk.until(lambda: press.quarantined()[-1].head == b"{last", 20.0, "the last one is kept")
    kept = press.quarantined()
    assert len(kept) == 100
    assert {len(q.head) for q in kept[:-1]} == {4096}
    assert kept[0].head[:4] == b"{006"
    assert kept[0].size == 5_004
    press.ended()
    press.good()


@pytest.mark.parametrize("ahead_s", [-20, 3])
def test_row_15_a_tag_whose_clock_is_off_is_bad_at_once_and_good_at_once(press: Press, ahead_s: int) -> None:
    def publish(value: int, after_s: int) -> int:
        ms = began_ms + (ahead_s + after_s) * 1_000
        return press.publish("slow", b'{"v":%d,"t":%d}' % (value, ms))

    began_ms = press.desk.clock.now_ns() // 1_000_000
    press.shows(SLOW, "1", publish(1, 0))
    press.shows(SLOW, "bad: not JSON at byte 1", press.publish("slow", b"{,"))
    found = press.shows(SLOW, "2", publish(2, 1))
    press.ended()
    whose = f"{abs(ahead_s)} s {'ahead' if ahead_s > 0 else 'behind'}"
    note("15", f"malformed JSON from a clock {whose}: good again with the next (desk)", found, None)


def test_row_16_what_is_no_utf_8_makes_its_tag_bad(press: Press) -> None:
    press.good()
    began = press.publish("press", b'{"t":"\xff\xfe"}')
    found = press.shows(TEMP, "bad: not UTF-8 at byte 6", began)
    press.publish("bare", b"\xff20")
    press.shows(BARE, "bad: not UTF-8 at byte 0", began)
    press.desk.until(lambda: press.state()["links"][0]["quarantine"][-1].get("hex") == "ff3230", 10.0, "hex")
    press.ended()
    press.good()
    note("16", "payload that is not UTF-8 (desk)", found, None, "0; raw in quarantine")


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (b"NaN", "bad: not a number"),
        (b"Infinity", "bad: not a number: beyond 1e308"),
        (b"-Infinity", "bad: not a number: beyond 1e308"),
        (b"1e400", "bad: not a number: beyond 1e308"),
        (b"null", "bad: null"),
    ],
)
def test_row_17_a_number_that_is_none_makes_its_own_field_bad_only(
    press: Press, said: bytes, shown: str
) -> None:
    press.good()
    began = press.publish("press", b'{"t":' + said + b',"u":"\xc2\xb0C","rms":3.25,"n":8}')
    found = press.shows(TEMP, shown, began)
    assert press.row(RMS).value == "3.25 mm/s"
    assert (press.quality(TEMP), press.quality(RMS), press.quality(COUNT)) == (BAD | DECODE, GOOD, GOOD)
    press.desk.until(lambda: press.recorded(TEMP)[-1:] == [(None, BAD | DECODE)], 20.0, "null, with quality")
    press.desk.until(lambda: press.recorded(RMS)[-1:] == [(3.25, GOOD)], 20.0, "the field beside it")
    press.ended()
    press.good()
    note("17", f"{said.decode()} in one field: that field only; null in the history (desk)", found, None)


def test_row_18_a_text_for_a_number_is_bad_unless_the_tag_takes_texts(press: Press) -> None:
    press.good()
    began = press.publish("press", b'{"t":"ERR7","rms":"2.5","n":" 12.5 "}')
    found = press.shows(TEMP, "bad: text instead of a number: 'ERR7'", began)
    assert press.row(RMS).value == "bad: text instead of a number: '2.5'"
    assert press.row(COUNT).value == "12.5"
    press.publish("press", b'{"t":[1,2],"rms":{"x":1},"n":"ERR7"}')
    press.shows(COUNT, "bad: text instead of a number: 'ERR7'", began)
    assert press.row(TEMP).value == "bad: a list instead of a number"
    assert press.row(RMS).value == "bad: a group of fields instead of a number"
    press.ended()
    press.good()
    note("18", "wrong type; a numeric text counts only with coerce (desk)", found, None)


def test_row_19_a_changed_unit_is_told_by_its_range_and_by_the_unit_where_it_comes(press: Press) -> None:
    press.good()
    began = press.publish("press", b'{"t":358.65,"rms":2,"n":1}')
    found = press.shows(TEMP, "358.6 °C ?", began)
    assert press.quality(TEMP) == UNCERTAIN | RANGE
    assert press.row(TEMP).note == "uncertain: outside plausible range: −20 to 200 °C"
    press.publish("press", b'{"t":100,"u":"K","rms":2,"n":1}')
    press.shows(TEMP, "bad: unit conflict: it says K, °C is expected", began)
    assert press.quality(TEMP) == BAD | CONFIG
    assert press.quality(RMS) == GOOD
    press.good()
    press.publish("bare", b"21", UserProperty=[("unit", "degF")])
    press.shows(BARE, "bad: unit conflict: it says degF, °C is expected", began)
    press.publish("bare", b"21.5", UserProperty=[("unit", "Cel")])
    press.shows(BARE, "21.5 °C", began)
    press.ended()
    note("19", "unit changed: by the plausible range; by a unit in payload or property (desk)", found, None)


def test_row_21_hostile_documents_are_refused_by_their_shape(press: Press) -> None:
    press.good()
    began = press.publish("press", b'{"t":' + b"[" * 100_000 + b"]" * 100_000 + b"}")
    found = press.shows(TEMP, "bad: too deep: the limit is 64 levels", began)
    note("21", "JSON nested 100,000 deep (desk)", found, None, "0; raw in quarantine")
    press.good()
    fields = b",".join(b'"%05d":1' % i for i in range(95_000))
    began = press.publish("press", b"{" + fields + b"}")
    found = press.shows(TEMP, "bad: too many fields: 95000, the limit is 10000", began)
    assert len(press.quarantined()[-1].head) == 4096
    press.ended()
    press.good()
    note("21", "JSON with 95,000 fields, 0.95 MB (desk)", found, None, "0; raw in quarantine")
