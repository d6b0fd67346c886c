"""Runs the skid's server on the loopback until its process is ended."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import math
from collections.abc import Callable

from asyncua.server.server import Server
from asyncua.ua.uatypes import SecurityPolicyType

from armillary.api import Clock, LinkFault
from armillary_plugins.openusd_plant.skid import NAMESPACE, Skid, build

_STEP_S = 0.25


async def opened(port: int, clock: Clock) -> Skid:
    """Return a skid whose server listens. Raises LinkFault."""
    logging.getLogger("asyncua").setLevel(logging.ERROR)  # the publish loop formats every result at INFO
    server = Server()
    gc.disable()  # the standard nodes stay: the collector would look through them again and again
    try:
        await server.init()
    finally:
        gc.freeze()
        gc.enable()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/")
    server.set_server_name("Armillary skid with its own scene")
    await server.set_application_uri(f"{NAMESPACE}:server")
    server.set_security_policy([SecurityPolicyType.NoSecurity])
    skid = await build(server, clock)
    try:
        await server.start()
    except OSError as error:
        raise LinkFault(
            f"The OPC UA server cannot listen on port {port}: {error.strerror}.",
            where=f"127.0.0.1:{port}",
            remedy="End the program that uses the port, or give another one.",
        ) from error
    return skid


async def serve(port: int, ready: Callable[[], None], clock: Clock) -> None:
    """Serve until cancelled; values move a little, as a plant's do."""
    skid = await opened(port, clock)
    ready()
    began = clock.now_mono_ns()
    try:
        while True:
            t = (clock.now_mono_ns() - began) / 1e9
            await skid.write("P101.Temperature", 60.0 + 35.0 * math.sin(t / 6.0))
            await skid.write("Tank.Level", 0.7 + 0.5 * math.sin(t / 9.0))
            await skid.write("P101.Flow", 20.0 + 15.0 * math.sin(t / 4.0))
            await skid.write("P101.HighTemperature.ActiveState.Id", math.sin(t / 6.0) > 0.7)  # noqa: PLR2004
            await asyncio.sleep(_STEP_S)
    finally:
        with contextlib.suppress(asyncio.CancelledError):
            await skid.server.stop()
