"""The MQTT command sink: one connection per write, nothing queued, nothing sent twice.

A connection of its own that lives for one command cannot hold anything back and deliver it later, which
is what a client library's outgoing store does after a reconnect.
"""

from __future__ import annotations

import asyncio
import json

from armillary.api import Fault, LinkFault, OrderFault, SourceContext, WireBatch, Write
from armillary_plugins.mqtt import codec
from armillary_plugins.mqtt.connect import own
from armillary_plugins.mqtt.faults import VersionRefused
from armillary_plugins.mqtt.link import NS, Hooks
from armillary_plugins.mqtt.settings import MQTT_3, is_filter, settings_of

ANSWER_S = 4.0  # less than the gate waits


class MqttSink:
    """Publishes one value at a time, QoS 1, and returns when the broker has acknowledged it.

    Topic: the setting `command_topic`, in which {topic}, {path} and {link} stand for parts of the tag's
    address `topic#path`; by default `{topic}/set`. Payload: a JSON document with the value at the path,
    or the bare value where there is no path (setting `command_payload`: auto, json, raw).

    With the setting `response_topic` (it holds {id}, so each order has its own) and MQTT 5 the device is
    asked to answer there, and `execute` waits for it: `{"ok": false, "reason": "…"}` is a refusal, any other
    answer is a yes. Without an answer in time nobody knows.
    """

    def __init__(self, context: SourceContext) -> None:
        self._context = context
        self._settings = settings_of(context.link)
        self._version = self._settings.version
        self._one_at_a_time = asyncio.Lock()  # two at once would throw each other out by their client id

    async def execute(self, write: Write) -> None:
        """Publish a write; return when the broker has it. Raises OrderFault, and then nothing comes later."""
        topic, payload = self._topic(write), self._payload(write)
        async with self._one_at_a_time:
            try:
                code = await self._published(write, topic, payload)
            except OrderFault:
                raise
            except VersionRefused as fault:
                if not self._settings.may_fall_back or self._version == MQTT_3:
                    raise _not_sent(fault, write) from fault
                self._version = MQTT_3
                code = await self._second_try(write, topic, payload)
            except Fault as fault:
                raise _not_sent(fault, write) from fault
        if code >= codec.FAILED:
            raise OrderFault(
                f"The broker refused the command ({codec.reason(code)}).",
                where=f"{write.link}!{topic}",
                remedy="Give this user the right to write to the topic.",
            )
        if code:
            raise OrderFault(
                f"Nobody took the command ({codec.reason(code)}).",
                where=f"{write.link}!{topic}",
                remedy="Start the device, or correct 'command_topic' of the source.",
            )

    async def _second_try(self, write: Write, topic: str, payload: bytes) -> int:
        """Publish by version 3.1.1: the refusal of version 5 came before anything was sent."""
        try:
            return await self._published(write, topic, payload)
        except OrderFault:
            raise
        except Fault as fault:
            raise _not_sent(fault, write) from fault

    async def _published(self, write: Write, topic: str, payload: bytes) -> int:
        """Connect, publish, wait for the answer, hang up; return the reason code."""
        clock = self._context.clock
        answer_topic = self._answer_topic(write) if self._version != MQTT_3 else ""
        answers: asyncio.Queue[bytes] = asyncio.Queue()
        session = await own(
            self._settings,
            self._context,
            version=self._version,
            suffix="-cmd",
            hooks=Hooks(batch=lambda batch: _put(batch, answers)),
        )
        try:
            if answer_topic and await session.subscribe([(answer_topic, 1)]):
                raise OrderFault(
                    "The command was not sent: the broker does not let us hear the answer.",
                    where=f"{write.link}!{answer_topic}",
                    remedy="Give this user the right to read the response topic.",
                )
            left_ns = write.not_after_ns - clock.now_ns()
            if left_ns <= 0:
                raise OrderFault(
                    "The command is too old and was not sent.",
                    where=f"{write.link}!{topic}",
                    remedy="Look at the present value and order again.",
                )
            told = codec.Told(
                expiry_s=max(1, -(-left_ns // NS)),
                correlation=write.id.encode()[:64],
                response_topic=answer_topic,
            )
            try:
                code = await session.publish(topic, payload, told)
            except LinkFault as fault:
                # Sent, perhaps received: the gate reads back; nothing is sent again.
                raise OrderFault(
                    f"The outcome is unknown: {fault.what}",
                    where=f"{write.link}!{topic}",
                    remedy="Read the value back before ordering again.",
                ) from fault
            if answer_topic and not code:
                left_s = min(ANSWER_S, (write.not_after_ns - clock.now_ns()) / NS)
                _check_answer(await asyncio.wait_for(answers.get(), max(0.0, left_s)), write, topic)
            return code
        finally:
            await session.close()

    def _topic(self, write: Write) -> str:
        channel, _, path = write.address.partition("#")
        try:
            topic = self._settings.command_topic.format(topic=channel, path=path, link=write.link)
        except (KeyError, IndexError, ValueError):
            topic = ""
        if not topic or not is_filter(topic) or "#" in topic or "+" in topic:
            raise OrderFault(
                f"The command topic of '{write.address}' cannot be used.",
                where=write.link,
                remedy="Correct 'command_topic' of the source; it may hold {topic}, {path} and {link}.",
            )
        return topic

    def _answer_topic(self, write: Write) -> str:
        template = self._settings.response_topic
        if not template:
            return ""
        try:
            topic = template.format(link=write.link, id=write.id) if "{id}" in template else ""
        except (KeyError, IndexError, ValueError):
            topic = ""
        if not topic or not is_filter(topic) or "#" in topic or "+" in topic:
            raise OrderFault(
                "The response topic cannot be used.",
                where=write.link,
                remedy="Correct 'response_topic' of the source; it must hold {id}, and may hold {link}.",
            )
        return topic

    def _payload(self, write: Write) -> bytes:
        path = write.address.partition("#")[2].strip().removeprefix("$").removeprefix(".")
        value: object = write.value
        if write.kind == "bool":
            value = bool(write.value)
        elif write.kind == "enum" and write.value.is_integer():
            value = int(write.value)
        style = self._settings.command_payload
        if style == "raw" or (style == "auto" and not path):
            return json.dumps(value).encode()
        for name in reversed(path.split(".") if path else ["value"]):
            value = {name.strip("`"): value}
        return json.dumps(value).encode()


def _put(batch: WireBatch, answers: asyncio.Queue[bytes]) -> None:
    for i in range(len(batch)):  # one answer to one order
        answers.put_nowait(batch.payload[batch.start[i] : batch.start[i + 1]])


def _check_answer(payload: bytes, write: Write, topic: str) -> None:
    """Raise OrderFault when the device said no."""
    try:
        said = json.loads(payload) if payload else {}
    except (ValueError, RecursionError):
        said = {}
    if isinstance(said, dict) and said.get("ok", True) is False:
        why = str(said.get("reason", "no reason given"))[:200]
        raise OrderFault(
            f"Refused by the plant: {why}.", where=f"{write.link}!{topic}", remedy="Mend what it says."
        )


def _not_sent(fault: Fault, write: Write) -> OrderFault:
    return OrderFault(f"The command was not sent: {fault.what}", where=write.link, remedy=fault.remedy)


def make(context: SourceContext) -> MqttSink:
    """Return a sink for one MQTT link. Raises ProjectFault for settings that cannot be used."""
    return MqttSink(context)
