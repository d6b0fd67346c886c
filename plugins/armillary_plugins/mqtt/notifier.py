"""Alarms out by MQTT: how each stands, retained, and what happens, as a stream; a connection of its own.

`TOPIC/state/ID` holds the newest state of an alarm, for whoever subscribes later. `TOPIC/event` has each
notice once, not retained. `TOPIC/status` is `online`, and `offline` once we are gone (our will).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from armillary.api import (
    Fault,
    LinkFault,
    LinkRefused,
    Notice,
    OrderFault,
    ProjectFault,
    SourceContext,
    Standing,
)
from armillary_plugins.mqtt import codec
from armillary_plugins.mqtt.connect import own
from armillary_plugins.mqtt.faults import VersionRefused
from armillary_plugins.mqtt.link import Hooks
from armillary_plugins.mqtt.session import Session
from armillary_plugins.mqtt.settings import MQTT_3, is_filter, lasting_id, settings_of

_EXPIRY_S = 24 * 3_600
MOST_AT_ONCE = 16  # under way: mosquitto takes 20


class MqttNotifier:
    """Connects when there is something to say; the host says when to try again."""

    def __init__(self, context: SourceContext) -> None:
        """Raises ProjectFault for settings that cannot be used."""
        given = dict(context.link.settings)
        topic = given.pop("topic", "")
        self._where = context.link.origin or f"notify {context.link.name}"
        if not isinstance(topic, str) or not is_filter(topic) or set("+#") & set(topic) or topic[0] == "$":
            raise ProjectFault(
                f"The setting topic = {topic!r} cannot be used.",
                where=self._where,
                remedy='Give one such as topic = "site/alarms": no wildcards, no $ at its start.',
            )
        self._topic = topic.rstrip("/")
        link = replace(context.link, settings=given)
        self._context = replace(context, link=link)
        settings = settings_of(link, context.project)
        self._settings = replace(
            settings,
            durable=False,
            session_expiry_s=0,
            client_id=f"{lasting_id(settings, context.project)}-notify",
            is_id_fixed=True,
        )
        self._version = settings.version
        self._session: Session | None = None
        self._keeper: asyncio.Task[None] | None = None  # pings while the session stands

    async def send(self, notice: Notice) -> None:
        """Publish what happened; return when the broker has it."""
        told = codec.Told(expiry_s=_EXPIRY_S, content_type="application/json")
        await self._publish(f"{self._topic}/event", _text(asdict(notice)), told)

    async def reflect(self, standings: Sequence[Standing]) -> None:
        """Publish how alarms stand, retained; with none only ask whether the connection stands."""
        if not standings:
            await self._asked(await self._connected())
        told = codec.Told(retain=True, content_type="application/json")
        for at in range(0, len(standings), MOST_AT_ONCE):
            some = standings[at : at + MOST_AT_ONCE]
            names = [f"{self._topic}/state/{level(one.id)}" for one in some]
            texts = [_text(asdict(one)) for one in some]
            await self._connected()  # once, before they go side by side
            sent = [self._publish(name, text, told) for name, text in zip(names, texts, strict=True)]
            for result in await asyncio.gather(*sent, return_exceptions=True):
                if isinstance(result, BaseException):
                    raise result

    async def close(self) -> None:
        """Say good-bye, and hang up."""
        session = self._session
        if session is not None:
            with contextlib.suppress(Fault, OSError, TimeoutError):
                await session.publish(f"{self._topic}/status", b"offline", codec.Told(retain=True))
        await self._drop()

    async def _asked(self, session: Session) -> None:
        try:
            await session.ping()
        except LinkFault:
            await self._drop()
            raise

    async def _publish(self, topic: str, payload: bytes, told: codec.Told) -> None:
        session = await self._connected()
        if session.most_bytes and len(payload) + len(topic) + 64 > session.most_bytes:
            what = f"The broker takes packets of at most {session.most_bytes} bytes."
            raise OrderFault(what, where=self._where, remedy="Raise max_packet_size of the broker.")
        try:
            code = await session.publish(topic, payload, told)
        except LinkFault:
            await self._drop()
            raise
        if code >= codec.FAILED:
            raise LinkRefused(
                f"The broker refused a message on {topic} ({codec.reason(code)}).",
                where=self._where,
                remedy="Give this user the right to write to the topic.",
            )

    async def _connected(self) -> Session:
        """Return an open connection. Raises LinkFault; a lost one is told first, so that all is said anew."""
        session = self._session
        if session is not None and session.lost.done():
            await self._drop()
            raise LinkFault("The broker was lost.", where=self._where, remedy="It is tried again.")
        if session is None:
            try:
                session = await self._opened()
            except VersionRefused:
                if not self._settings.may_fall_back or self._version == MQTT_3:
                    raise
                self._version = MQTT_3
                session = await self._opened()
            self._session, self._keeper = session, asyncio.create_task(_kept(session))
            await session.publish(f"{self._topic}/status", b"online", codec.Told(retain=True))
        return session

    async def _opened(self) -> Session:
        return await own(
            self._settings,
            self._context,
            version=self._version,
            hooks=Hooks(),
            will=(f"{self._topic}/status", b"offline"),
        )

    async def _drop(self) -> None:
        session, self._session = self._session, None
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
        if session is not None:
            await session.close()


async def _kept(session: Session) -> None:
    """Keep a session alive until it is lost; who uses it next learns why."""
    with contextlib.suppress(LinkFault):
        await session.until_lost()


def level(id_: str) -> str:
    """Return an alarm's id as one level of a topic."""
    return id_.replace("/", "_").replace("+", "_").replace("#", "_")


def _text(held: dict[str, Any]) -> bytes:  # Any: what JSON holds
    value = held.get("value")
    if isinstance(value, float) and not math.isfinite(value):
        held["value"] = None
    return json.dumps({"schema": 1, **held}, ensure_ascii=False).encode("utf-8", "replace")


def make(context: SourceContext) -> MqttNotifier:
    """Return the notifier of one receiver of kind mqtt."""
    return MqttNotifier(context)
