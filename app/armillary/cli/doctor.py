"""`armillary doctor`: what this machine has and lacks, each with its remedy."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import click

from armillary.cli.answer import emit_json
from armillary.cli.desk import has_display
from armillary.model import places
from armillary.model.fault import Fault
from armillary.session.voice import NO_PLAYER
from armillary.wire import child, sound

PROBE_S = 30.0
GIB = 1024**3
DISK_WANTED = 2 * GIB
LIBRARIES = ("PySide6-Essentials", "vtk", "usd-core", "pyzmq", "asyncua", "paho-mqtt", "duckdb", "numpy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing looked at. `needed` decides whether a lack is bad news."""

    what: str
    good: bool
    found: str
    remedy: str = ""
    needed: bool = True


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def doctor(as_json: bool) -> int:
    """Look at GL, display, sound, broker, keyring, free disk, ports and versions."""
    findings = [_gl(), _display(), _sound(), _broker(), _keyring(), _disk(), _ports(), *_versions()]
    bad = any(f.needed and not f.good for f in findings)
    if as_json:
        emit_json(
            {
                "machine": {
                    "system": platform.platform(),
                    "python": platform.python_version(),
                    "cores": os.cpu_count(),
                },
                "findings": [
                    {"what": f.what, "good": f.good, "needed": f.needed, "found": f.found, "remedy": f.remedy}
                    for f in findings
                ],
            }
        )
    else:
        for f in findings:
            mark = "ok  " if f.good else ("BAD " if f.needed else "note")
            click.echo(
                f"{mark} {f.what}: {f.found}" + (f"\n     {f.remedy}" if f.remedy and not f.good else "")
            )
    return int(bad)


def _gl() -> Finding:
    """Render one picture in a child: without its libraries VTK ends the process instead of raising."""
    remedy = "As root: apt-get install --no-install-recommends libegl1 libgl1"
    try:
        process = child.start("viewport.probe", {}, places.logs() / "probe.log")
        answer = process.ready(PROBE_S)
        process.stop()
    except Fault as fault:
        return Finding(what="OpenGL", good=False, found=fault.what, remedy=remedy)
    return Finding(what="OpenGL", good=True, found=f"{answer.get('renderer')}, OpenGL {answer.get('opengl')}")


def _display() -> Finding:
    if has_display():
        return Finding(what="display", good=True, found=os.environ.get("DISPLAY") or "wayland", needed=False)
    return Finding(
        what="display",
        good=False,
        found="none: DISPLAY and WAYLAND_DISPLAY are not set",
        remedy="Offscreen pictures work; for a window start it on a desktop or under Xvfb.",
        needed=False,
    )


def _sound() -> Finding:
    """Look for what can play the tones of alarms; whether a loudspeaker hangs on it nobody can tell."""
    found = [name for name in ("PySide6.QtMultimedia",) if importlib.util.find_spec(name) is not None]
    command = sound.player()
    found += [command[0]] if command else []
    return Finding(
        what="sound",
        good=bool(found),
        found=", ".join(found) or f"none: {NO_PLAYER}; the alarm bar flashes instead",
        remedy=f"{sound.INSTALL}; or: pip install PySide6-Addons",
        needed=False,
    )


def _broker() -> Finding:
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if found:
        return Finding(what="broker", good=True, found=found, needed=False)
    try:
        return Finding(
            what="broker", good=True, found=f"amqtt {version('amqtt')} (MQTT 3.1.1 only)", needed=False
        )
    except PackageNotFoundError:
        remedy = "For the demo, as root: apt-get install mosquitto, or: pip install 'armillary[demo-broker]'"
        return Finding(
            what="broker", good=False, found="no mosquitto and no amqtt", remedy=remedy, needed=False
        )


def _keyring() -> Finding:
    try:
        found = version("keyring")
    except PackageNotFoundError:
        return Finding(what="keyring", good=False, found="not installed", remedy="Install Armillary again.")
    bus = bool(os.environ.get("DBUS_SESSION_BUS_ADDRESS"))
    return Finding(
        what="keyring",
        good=bus,
        found=f"keyring {found}" + ("" if bus else ", but no desktop session to keep secrets in"),
        remedy="Secrets go into an encrypted file of this user instead; a service takes --secret-file.",
        needed=False,
    )


def _disk() -> Finding:
    free = shutil.disk_usage(places.cache()).free
    return Finding(
        what="free disk",
        good=free > DISK_WANTED,
        found=f"{free / GIB:.1f} GiB at {places.cache()}",
        remedy="Free some space: the cache of scenes and the historian need it.",
    )


def _ports() -> Finding:
    try:
        ports = child.find_ports(2)
    except OSError as error:
        return Finding(
            what="loopback ports", good=False, found=str(error), remedy="Allow sockets on 127.0.0.1."
        )
    return Finding(what="loopback ports", good=True, found=f"free ones are found, e.g. {ports[0]}")


def _versions() -> list[Finding]:
    out = []
    for name in LIBRARIES:
        try:
            out.append(Finding(what=name, good=True, found=version(name)))
        except PackageNotFoundError:
            out.append(Finding(what=name, good=False, found="missing", remedy="Install Armillary again."))
    return out
