"""The whole data plane on real servers: what is shown when a server stops, and what a write does."""

from __future__ import annotations

import json
import os
import signal
import uuid

import psutil
import pytest
from stations import CLOCK, Station, until

from armillary.cli import run
from armillary.model.clock import NS
from armillary.model.order import Arm, Armed, Order, OrderState, Receipt
from armillary.model.quality import GOOD, STALE

pytestmark = pytest.mark.system


def links_of(station: Station) -> dict[str, str]:
    return {s.name: s.link for s in station.welcome().specs}


def all_good(station: Station) -> bool:
    return set(station.ranks().values()) == {GOOD}


def test_state_lists_over_100_good_tags_and_only_mqtt_turns_stale_without_its_broker(
    station: Station, capsys: pytest.CaptureFixture[str]
) -> None:
    until(lambda: all_good(station), 10, "all tags GOOD")
    query = [
        "model",
        "query",
        str(station.plant.project),
        "pumps feeding T-102 where vibration is good",
        "--json",
    ]
    assert run(query) == 0  # a running world is asked for values
    found = json.loads(capsys.readouterr().out)
    assert found["world"]["id"] == station.welcome().world
    assert [one["id"] for one in found["found"]] == ["P-101A", "P-101B"]
    assert {tag["unit"] for one in found["found"] for tag in one["tags"]} == {"mm/s"}
    assert run(["state", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert len(answer["tags"]) > 100
    assert {t["quality"] for t in answer["tags"]} == {"GOOD"}
    assert all(t["alive_s"] < 3 for t in answer["tags"])
    for link in answer["links"]:
        m, s = link["messages"], link["samples"]
        assert m["received"] == m["decoded"] + sum(m["dropped"].values()) + m["queued"]
        assert s["received"] == s["applied"] + s["coalesced"] + sum(s["dropped"].values()) + s["queued"]

    kinds = {link["name"]: link["kind"] for link in answer["links"]}
    by_link = links_of(station)
    os.kill(station.plant.parts["broker"].pid, signal.SIGKILL)

    def only_mqtt_is_stale() -> bool:
        ranks = station.ranks()
        mqtt = [r for name, r in ranks.items() if kinds.get(by_link[name]) == "mqtt"]
        opcua = [r for name, r in ranks.items() if kinds.get(by_link[name]) == "opcua"]
        return bool(mqtt and opcua) and min(mqtt) >= STALE and set(opcua) == {GOOD}

    until(only_mqtt_is_stale, 12, "MQTT tags stale, OPC UA tags good")


def test_a_broker_that_goes_silent_without_closing_turns_its_tags_stale(station: Station) -> None:
    until(lambda: all_good(station), 10, "all tags GOOD")
    by_link = links_of(station)
    broker = station.plant.parts["broker"].pid
    os.kill(broker, signal.SIGSTOP)
    try:
        until(
            lambda: any(
                r >= STALE for n, r in station.ranks().items() if by_link[n] and by_link[n].endswith("mqtt")
            ),
            15,
            "tags of a silent broker stale",
        )
    finally:
        os.kill(broker, signal.SIGCONT)
    until(lambda: all_good(station), 40, "all tags GOOD again after the broker woke")


def test_a_setpoint_goes_through_the_gate_once_and_reads_back(station: Station) -> None:
    until(lambda: all_good(station), 10, "all tags GOOD")
    welcome = station.welcome()
    spec = next(s for s in welcome.specs if s.writable and s.kind == "number" and s.name.startswith("P-101A"))
    old = station.value(spec.name)
    wish = spec.write_low + 0.6 * (spec.write_high - spec.write_low)
    if abs(wish - old) < 1:
        wish += 10
    actor = f"local:{os.getuid()}"
    armed = station.line.ask(
        Arm(tag=spec.name, value=wish, unit=spec.unit, actor=actor, seen_seq=station.welcome().frame.seq)
    )
    assert isinstance(armed, Armed)
    assert (armed.old, armed.new) == (pytest.approx(old), wish)
    order = Order(
        id=str(uuid.uuid4()),
        world=welcome.world,
        tag=spec.name,
        value=wish,
        unit=spec.unit,
        actor=actor,
        token=armed.token,
        not_after_ns=CLOCK.now_ns() + 5 * NS,
        expect_seq=station.welcome().frame.seq,
    )
    receipt = station.line.ask(order, timeout_s=10)
    assert isinstance(receipt, Receipt)
    assert receipt.state is OrderState.SENT, receipt
    until(lambda: station.value(spec.name) == pytest.approx(wish), 10, "the setpoint reads back")

    def verified() -> bool:
        return any(
            r.order == order.id and r.state is OrderState.VERIFIED for r in station.welcome().frame.orders
        )

    until(verified, 30, "the order is verified")
    again = station.line.ask(order, timeout_s=10)
    assert isinstance(again, Receipt)
    assert again.state is OrderState.REFUSED
    trail = next((station.plant.project / ".armillary" / "audit").glob("*.jsonl")).read_text("utf-8")
    assert trail.index("command.intent") < trail.index("command.sent") < trail.index("command.verified")


def test_killing_the_recorder_loses_nothing_that_was_acknowledged(station: Station) -> None:
    until(lambda: all_good(station), 10, "all tags GOOD")
    until(lambda: station.history().samples > 500, 20, "500 samples on disk", every_s=0.5)
    before = station.history()
    assert station.recorder is not None
    os.kill(station.recorder.pid, signal.SIGKILL)
    station.recorder.stop()
    until(lambda: bool(station.welcome().frame.recording), 10, "the world says that nothing is recorded")
    station.start_recorder()
    until(lambda: not station.welcome().frame.recording, 15, "recording goes on")
    after = station.history()
    assert after.samples >= before.samples
    assert after.first_ns == before.first_ns
    until(lambda: station.history().samples > after.samples + 100, 15, "new samples follow", every_s=0.5)


def test_a_world_that_is_killed_leaves_no_run_file_behind_for_long(
    station: Station, capsys: pytest.CaptureFixture[str]
) -> None:
    os.kill(station.world.pid, signal.SIGKILL)
    station.world.stop()
    until(lambda: not psutil.pid_exists(station.world.pid), 20, "the world is gone")
    assert run(["state", str(station.plant.project)]) == 2
    assert "No world" in capsys.readouterr().err
