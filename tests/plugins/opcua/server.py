"""A small OPC UA server in a process of its own: `server.py PORT SHIFT`, steered by JSON lines on stdin.

SHIFT namespaces are registered before ours, so that its index differs from one start to the next.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from asyncua import Server, ua, uamethod
from asyncua.crypto.permission_rules import User, UserRole

URI = "urn:armillary:test"


KINDS: dict[str, tuple[Any, Any]] = {
    "Level": (1.5, ua.VariantType.Double),
    "Speed": (50.0, ua.VariantType.Float),
    "Steps": (7, ua.VariantType.Int16),
    "Running": (True, ua.VariantType.Boolean),
    "Mode": (1, ua.VariantType.Int32),
    "Word": ("hello", ua.VariantType.String),
    "Broken": (3.0, ua.VariantType.Double),
    "Locked": (2.0, ua.VariantType.Double),
    "Curve": ([1.0, 2.0], ua.VariantType.Double),
    "Fast": (0, ua.VariantType.UInt32),
}


async def populate(server: Server, index: int) -> dict[str, Any]:
    plant = await server.nodes.objects.add_object(ua.NodeId("Plant", index), ua.QualifiedName("Plant", index))
    tank = await plant.add_object(ua.NodeId("Tank1", index), ua.QualifiedName("Tank1", index))
    nodes: dict[str, Any] = {}
    for name, (value, kind) in KINDS.items():
        id_, title = ua.NodeId(f"Tank1.{name}", index), ua.QualifiedName(name, index)
        nodes[name] = await tank.add_variable(id_, title, value, kind)
    for name in ("Level", "Speed", "Steps", "Running", "Mode", "Curve"):
        await nodes[name].set_writable()
    called: list[Any] = []

    @uamethod  # type: ignore[untyped-decorator]
    def start(parent: Any) -> None:
        called.append("Start")

    @uamethod  # type: ignore[untyped-decorator]
    def set_steps(parent: Any, steps: int) -> Any:
        if steps > 100:
            return ua.StatusCode(ua.StatusCodes.BadOutOfRange)
        called.append(steps)
        return None

    for name, function, kinds in (("Start", start, []), ("SetSteps", set_steps, [ua.VariantType.Int16])):
        id_, title = ua.NodeId(f"Tank1.{name}", index), ua.QualifiedName(name, index)
        await tank.add_method(id_, title, function, kinds, [])
    nodes["called"] = called
    unit = ua.EUInformation(DisplayName=ua.LocalizedText("m"), UnitId=5067858)
    await nodes["Level"].add_property(ua.NodeId("Level.EU", index), "0:EngineeringUnits", unit)
    await nodes["Level"].add_property(ua.NodeId("Level.R", index), "0:EURange", ua.Range(0.0, 5.0))
    names = [ua.LocalizedText(text) for text in ("Off", "Manual", "Auto")]
    await nodes["Mode"].add_property(ua.NodeId("Mode.E", index), "0:EnumStrings", names)
    return nodes


async def move(nodes: dict[str, Any], name: str, identifier: str) -> None:
    """Give a variable another id; it stays where it is, by its browse name."""
    old = nodes[name]
    tank, index = await old.get_parent(), old.nodeid.NamespaceIndex
    value, title = await old.read_value(), await old.read_browse_name()
    await old.delete()
    nodes[name] = await tank.add_variable(ua.NodeId(identifier, index), title, value)


async def steer(server: Server, nodes: dict[str, Any], order: dict[str, Any]) -> object:
    if "write" in order:
        name, value = order["write"]
        kind = (await nodes[name].read_data_value()).Value.VariantType
        now = datetime.now(UTC)
        data = ua.DataValue(ua.Variant(value, kind), SourceTimestamp=now, ServerTimestamp=now)
        await server.write_attribute_value(nodes[name].nodeid, data)
    elif "status" in order:
        name, code = order["status"]
        data = ua.DataValue(
            ua.Variant(3.0, ua.VariantType.Double),
            StatusCode=ua.StatusCode(code),
            SourceTimestamp=datetime.now(UTC),
        )
        await server.write_attribute_value(nodes[name].nodeid, data)
    elif "reset" in order:
        nodes["called"].clear()
        for name, (value, kind) in KINDS.items():
            data = ua.DataValue(ua.Variant(value, kind), SourceTimestamp=datetime.now(UTC))
            await server.write_attribute_value(nodes[name].nodeid, data)
    elif "called" in order:
        return nodes["called"]
    elif "read" in order:
        return await nodes[order["read"]].read_value()
    elif "move" in order:
        await move(nodes, *order["move"])
    elif "add" in order:
        tank = await nodes["Level"].get_parent()
        index = nodes["Level"].nodeid.NamespaceIndex
        id_ = ua.NodeId(f"Tank1.{order['add']}", index)
        nodes[order["add"]] = await tank.add_variable(id_, ua.QualifiedName(order["add"], index), 4.5)
    elif "burst" in order:
        for i in range(1, order["burst"] + 1):
            now = datetime.now(UTC)
            data = ua.DataValue(ua.Variant(i, ua.VariantType.UInt32), SourceTimestamp=now)
            await server.write_attribute_value(nodes["Fast"].nodeid, data)
    return None


class Users:
    """Lets everybody in but olaf."""

    def get_user(
        self, iserver: Any, username: Any = None, password: Any = None, certificate: Any = None
    ) -> Any:
        return None if username == "olaf" else User(role=UserRole.User)


def say(**words: object) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


async def main() -> None:
    logging.basicConfig(level=logging.ERROR)
    port, shift = int(sys.argv[1]), int(sys.argv[2])
    server = Server(user_manager=Users())
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    for i in range(shift):
        await server.register_namespace(f"urn:armillary:other{i}")
    index = await server.register_namespace(URI)
    nodes = await populate(server, index)
    async with server:
        say(ready=index)
        while line := await asyncio.to_thread(sys.stdin.readline):
            answer = await steer(server, nodes, json.loads(line))
            say(done=answer)


asyncio.run(main())
