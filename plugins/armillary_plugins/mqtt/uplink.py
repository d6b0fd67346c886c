"""The way up of an edge by MQTT: parcels at QoS 1 on a connection that is lost as any other."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from armillary.api import (
    LinkFault,
    LinkRefused,
    LinkState,
    Parcel,
    ProjectFault,
    SourceOut,
    SubscriptionPlan,
    UplinkContext,
)
from armillary_plugins.mqtt import codec
from armillary_plugins.mqtt.connect import own, resolve
from armillary_plugins.mqtt.faults import VersionRefused
from armillary_plugins.mqtt.session import Session
from armillary_plugins.mqtt.settings import MQTT_3, lasting_id, settings_of

MOST_AT_ONCE = 16  # parcels under way: mosquitto takes 20
_ROOM = 64  # bytes of a packet beside topic, payload and what is told besides


class MqttUplink:
    """Sends while its connection is up; nothing is kept here and nothing is sent twice."""

    def __init__(self, context: UplinkContext) -> None:
        settings = settings_of(context.link, context.project)
        if settings.client != "own":
            raise ProjectFault(
                "The way up speaks for itself, not by paho.",
                where=context.link.origin or context.link.name,
                remedy='Remove client = "paho" from this source.',
            )
        # The same id at every start: a connection that hangs is thrown out, and its will comes before us.
        self._settings = replace(
            settings,
            durable=False,
            session_expiry_s=0,
            client_id=lasting_id(settings, context.project),
            is_id_fixed=True,
        )
        self._context, self._version = context, settings.version
        self._session: Session | None = None
        self._free = asyncio.Semaphore(MOST_AT_ONCE)

    async def run(self, plan: SubscriptionPlan, out: SourceOut) -> None:
        """Stay connected until cancelled. Raises LinkFault when the connection is lost."""
        del plan
        await resolve(self._settings)
        out.state(LinkState.CONNECTING, f"MQTT {'3.1.1' if self._version == MQTT_3 else '5'}")
        session = await self._open()
        self._free = asyncio.Semaphore(min(MOST_AT_ONCE, session.receive_maximum))
        self._session = session
        try:
            out.state(
                LinkState.UP,
                "The broker speaks MQTT 3.1.1 only: late data are not marked as such."
                if self._version == MQTT_3
                else "MQTT 5",
            )
            await session.until_lost()
        finally:
            self._session = None
            await session.close()

    async def send(self, parcel: Parcel) -> None:
        """Publish and return once the broker has it. Raises LinkFault or LinkRefused."""
        async with self._free:
            session = self._session
            if session is None:
                raise LinkFault("The way up is cut.", where=self._settings.where, remedy="It is tried again.")
            if session.most_bytes and len(parcel.payload) + len(parcel.topic) + _ROOM > session.most_bytes:
                raise LinkRefused(
                    f"The broker takes packets of at most {session.most_bytes} bytes.",
                    where=self._settings.where,
                    remedy="Raise max_packet_size of the broker.",
                )
            told = codec.Told(
                retain=parcel.retain,
                expiry_s=parcel.expiry_s,
                content_type=parcel.content_type,
                user=parcel.user,
            )
            code = await session.publish(parcel.topic, parcel.payload, told)
        if code >= codec.FAILED:
            raise LinkRefused(
                f"The broker refused a message on {parcel.topic} ({codec.reason(code)}).",
                where=self._settings.where,
                remedy="Give this user the right to write to the topic.",
            )

    async def _open(self) -> Session:
        words = self._context.last_words
        try:
            return await own(
                self._settings,
                self._context,
                version=self._version,
                will=(words.topic, words.payload) if words is not None else None,
            )
        except VersionRefused:
            if self._settings.may_fall_back and self._version != MQTT_3:
                self._version = MQTT_3
            raise


def make(context: UplinkContext) -> MqttUplink:
    """Return the way up of one MQTT link. Raises ProjectFault for settings that cannot be used."""
    return MqttUplink(context)
