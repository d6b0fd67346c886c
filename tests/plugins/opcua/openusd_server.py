"""The skid with its own scene, in a process of its own: `openusd_server.py PORT`, steered by JSON lines."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
from typing import Any

from asyncua import Server, ua

from armillary.api import WallClock
from armillary_plugins.openusd_plant import server as running
from armillary_plugins.openusd_plant.skid import NAMESPACE, Skid, build

HOSTILE = (
    ("../up.usda", b"#usda 1.0\n"),
    ("/etc/evil.usda", b"#usda 1.0\n"),
    ("C:/evil.usda", b"#usda 1.0\n"),
    ("a\\b.usda", b"#usda 1.0\n"),
    ("parts//x.usda", b"#usda 1.0\n"),
    ("parts/.hidden.usda", b"#usda 1.0\n"),
    ("run.exe", b"MZ"),
    ("http://example/x.usda", b"#usda 1.0\n"),
    ("skid.USDA", b"#usda 1.0\n"),
)


async def hostile(skid: Skid) -> None:
    """Add files with bad names, a wrong digest, and a part that is its own whole."""
    offering = skid.offering
    assert skid.stage is not None
    assert skid.line is not None
    (folder,) = [
        node for node in await skid.stage.get_children() if (await node.read_browse_name()).Name == "Assets"
    ]
    for name, data in HOSTILE:
        await offering.asset(folder, name, 2, data)
    await offering.asset(folder, "lie.usda", 2, b"#usda 1.0\n", digest=hashlib.sha256(b"x").digest())
    ring = await skid.object(skid.line, "Ring", "Ring")
    part = await offering.represent(ring, skid.stage, "/Skid/Line/Ring")
    await offering.compose(
        part,
        "Itself",
        {
            "Enabled": True,
            "Cardinality": 1,
            "CompositionArc": 1,
            "TargetPrimPath": "/Skid/Line/Ring",
            "ComponentAssetReference": "@../../etc/passwd@</X>",
        },
    )
    await offering.bind(
        part,
        "Escape",
        "value",
        {"Enabled": True, "TargetPrimPath": "/Skid/../x{v=1}y", "SourceNodeId": ring.nodeid},
    )


async def steer(skid: Skid, order: dict[str, Any]) -> object:
    if "write" in order:
        name, value, status = order["write"]
        await skid.write(name, value, status)
    elif "add" in order:
        await skid.add_pump(order["add"])
    elif "remove" in order:
        await skid.remove_pump(order["remove"])
    elif "read" in order:
        return await skid.nodes[order["read"]].read_value()
    elif "hostile" in order:
        await hostile(skid)
    return None


async def official(port: int, nodeset: str) -> Skid:
    """Return a skid on the types of the draft's own NodeSet file instead of ours."""
    server = Server()
    await server.init()
    await server.import_xml(nodeset)
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/")
    await server.set_application_uri(f"{NAMESPACE}:server")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    skid = await build(server, WallClock(), with_types=False)
    await server.start()
    return skid


async def main() -> None:
    port = int(sys.argv[1])
    nodeset = os.environ.get("OPENUSD_NODESET", "") if "--official" in sys.argv else ""
    skid = await official(port, nodeset) if nodeset else await running.opened(port, WallClock())
    sys.stdout.write(json.dumps({"ready": skid.index}) + "\n")
    sys.stdout.flush()
    while line := await asyncio.to_thread(sys.stdin.readline):
        answer = await steer(skid, json.loads(line))
        sys.stdout.write(json.dumps({"done": answer}) + "\n")
        sys.stdout.flush()
    await skid.server.stop()


asyncio.run(main())
