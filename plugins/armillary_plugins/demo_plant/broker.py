"""The station's MQTT broker: mosquitto in place of this process, or amqtt inside it; loopback only."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import os
import shutil
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from armillary.api import LinkFault

CONFIG = "mosquitto.conf"
_PLACES = (
    "/usr/sbin/mosquitto",
    "/usr/local/sbin/mosquitto",
    "/usr/local/bin/mosquitto",
)  # sbin is not in PATH


def find() -> str | None:
    """Return where mosquitto is; None when it is not installed."""
    named = shutil.which("mosquitto")
    return named or next((place for place in _PLACES if os.access(place, os.X_OK)), None)


def config(port: int) -> str:
    """Return mosquitto's configuration: this port of the loopback, no passwords, nothing kept on disk."""
    lines = [
        f"listener {port} 127.0.0.1",
        "allow_anonymous true",
        "persistence false",
        "max_keepalive 120",
        "connection_messages false",
        "log_dest stderr",
        "log_type error",
        "log_type warning",
    ]
    if os.geteuid() == 0:
        lines.append("user root")  # else it would change to a user who may not read this file
    return "\n".join([*lines, ""])


def check_free(port: int) -> None:
    """Return when a loopback port can be listened on. Raises LinkFault."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise LinkFault(
                f"The broker cannot listen on port {port}: {error.strerror}.",
                where=f"127.0.0.1:{port}",
                remedy="End the program that uses the port, or start the demo with other ports.",
            ) from error


def serve(folder: Path, port: int, ready: Callable[[], None]) -> None:
    """Become the broker; never returns. Raises LinkFault when the port is taken or there is no broker.

    `ready` is called just before mosquitto takes over the process (same pid), so its first clients may
    still be refused for some milliseconds and have to try again, as clients of a broker do anyway.
    """
    check_free(port)
    program = find()
    if program is not None:
        _become(program, folder, port, ready)
    if importlib.util.find_spec("amqtt") is None:
        raise LinkFault(
            "There is no MQTT broker on this machine.",
            where="demo plant, part broker",
            remedy="Install one: apt-get install mosquitto (or pip install 'armillary[demo-broker]').",
        )
    asyncio.run(_amqtt(port, ready))


def _become(program: str, folder: Path, port: int, ready: Callable[[], None]) -> NoReturn:
    """Replace this process by mosquitto. What ends this process on its parent's death outlives the exec."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / CONFIG
    path.write_text(config(port), encoding="utf-8")
    ready()
    os.execv(program, [program, "-c", str(path)])  # noqa: S606  no shell, a fixed program


def amqtt_config(port: int) -> Mapping[str, Any]:
    """Return the same broker as amqtt's settings."""
    return {
        "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    }


async def _amqtt(port: int, ready: Callable[[], None]) -> None:
    broker = importlib.import_module("amqtt.broker").Broker(amqtt_config(port))
    await broker.start()
    ready()
    await asyncio.Event().wait()
