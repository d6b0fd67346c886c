"""Alarms out by MQTT: states stay with the broker, events pass once, our end is told."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest

from armillary.api import (
    LinkFault,
    LinkSpec,
    Notice,
    ProjectFault,
    Reflects,
    SourceContext,
    Standing,
    WallClock,
)
from armillary_plugins.mqtt import notifier

HOT = Standing(
    id="HOT", title="Oven", priority=1, state="UNACK", presentation="SHOWN", active=True, unacknowledged=True
)
COLD = Standing(
    id="line/1#x",
    title="Pump",
    priority=3,
    state="NORM",
    presentation="SHOWN",
    active=False,
    unacknowledged=False,
)
NOTICE = Notice(id="n1", kind="raised", receiver="out", title="Oven", text="hot", priority=1, alarm="HOT")


def made(port: int, **settings: object) -> notifier.MqttNotifier:
    link = LinkSpec(
        name="out", kind="mqtt", url=f"mqtt://127.0.0.1:{port}", settings={"topic": "site/alarms", **settings}
    )
    return notifier.make(
        SourceContext(link=link, clock=WallClock(), secret={}.__getitem__, project=Path("/p"))
    )


class Ear:
    """A subscriber that keeps (topic, payload, retained)."""

    def __init__(self, port: int) -> None:
        self.heard: list[tuple[str, bytes, bool]] = []
        self._news, up = threading.Condition(), threading.Event()
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._client.on_connect = lambda client, *_: client.subscribe("site/#", 1)
        self._client.on_subscribe = lambda *_: up.set()
        self._client.on_message = self._hear
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert up.wait(20)

    def _hear(self, _client: object, _data: object, message: Any) -> None:
        with self._news:
            self.heard.append((message.topic, message.payload, message.retain))
            self._news.notify_all()

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait beside the loop: it has to go on."""
        assert await asyncio.to_thread(self._waited, true), self.heard

    def _waited(self, true: Callable[[], bool]) -> bool:
        with self._news:
            return self._news.wait_for(true, 20)

    def last(self, topic: str) -> bytes | None:
        return next((payload for name, payload, _ in reversed(self.heard) if name == topic), None)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


async def test_states_stay_with_the_broker_and_events_pass_once(broker: Any) -> None:
    out = made(broker.port)
    assert isinstance(out, Reflects)
    await out.reflect((HOT, COLD))
    await out.send(NOTICE)
    ear = Ear(broker.port)  # it comes too late for the event, and sees how all stands
    try:
        await ear.until(lambda: len(ear.heard) >= 3)
        assert {(topic, kept) for topic, _, kept in ear.heard} == {
            ("site/alarms/status", True),
            ("site/alarms/state/HOT", True),
            ("site/alarms/state/line_1_x", True),
        }
        hot = json.loads(ear.last("site/alarms/state/HOT") or b"")
        assert (hot["schema"], hot["state"], hot["value"]) == (1, "UNACK", None)
        assert json.loads(ear.last("site/alarms/state/line_1_x") or b"")["id"] == "line/1#x"
        await out.reflect((replace(HOT, state="ACKED"),))
        await out.send(NOTICE)
        await ear.until(lambda: ear.last("site/alarms/event") is not None)
        assert json.loads(ear.last("site/alarms/state/HOT") or b"")["state"] == "ACKED"
        assert json.loads(ear.last("site/alarms/event") or b"")["id"] == "n1"
        await out.close()
        await ear.until(lambda: ear.last("site/alarms/status") == b"offline")
    finally:
        ear.close()
        await out.close()


async def test_broker_that_went_is_told_once_and_then_connected_anew(make_broker: Callable[..., Any]) -> None:
    broker = make_broker()
    out = made(broker.port)
    await out.reflect((HOT,))
    broker.end()
    with pytest.raises(LinkFault):
        await out.reflect(())  # the host says everything anew after that
    broker.start()
    await out.reflect((HOT, COLD))
    ear = Ear(broker.port)
    try:
        await ear.until(lambda: ear.last("site/alarms/state/HOT") is not None)
    finally:
        ear.close()
        await out.close()


async def test_will_says_that_we_are_gone(broker: Any) -> None:
    out = made(broker.port)
    await out.send(NOTICE)
    ear = Ear(broker.port)
    try:
        await ear.until(lambda: ear.last("site/alarms/status") == b"online")
        assert out._session is not None
        out._session._transport.abort()  # type: ignore[union-attr]  # as a kill does
        await ear.until(lambda: ear.last("site/alarms/status") == b"offline")
    finally:
        ear.close()
        await out.close()


@pytest.mark.parametrize("topic", ["", "site/+", "$SYS/x", "site/#", 3])
def test_topic_that_is_none_is_refused(topic: object) -> None:
    with pytest.raises(ProjectFault, match="topic"):
        made(1883, topic=topic)
