"""`armillary notify`: who is told of alarms when nobody is at a desk, and whether it reaches them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from armillary.alarms.notices import Facts, trial_notice
from armillary.alarms.outbox import LOST
from armillary.api.ports import Closes, Notifier
from armillary.cli.answer import emit_json, table, tell
from armillary.cli.password import secret_file
from armillary.extend.discover import discover
from armillary.extend.notifiers import made
from armillary.extend.registry import Registry
from armillary.model.clock import NS, WallClock, iso
from armillary.model.fault import Fault, LinkFault, ProjectFault
from armillary.model.notice import Receiver
from armillary.project import folder as projects
from armillary.project.record import Project
from armillary.security.secrets import Secrets

KIND = "notifiers"
LIMIT_S = 30.0
FILE, AREAS = "notify.json", "areas"  # as a LIVE world writes them


@click.group()
def notify() -> None:
    """See who is told of alarms away from a desk, and try it; notify.toml of a project says who."""


@notify.command("list")
@click.argument("project")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@secret_file
def list_(project: str, as_json: bool, secrets: Path | None) -> int:
    """List the receivers of a project: what was delivered, what waits, what was given up, and why.

    Status 0 all can be made and none is in trouble, 1 one cannot or is.
    """
    opened = _opened(project)
    registry = discover((KIND,))
    rows = [_row(opened, receiver, registry, Secrets(str(secrets or ""))) for receiver in opened.receivers]
    if as_json:
        emit_json({"project": opened.name, "receivers": rows})
    elif not rows:
        tell("Nobody is told: the project has no notify.toml, or no [[notify]] in it.")
    else:
        table(
            [
                (
                    row["name"],
                    row["kind"],
                    row["to"],
                    str(row["delivered"]),
                    str(row["waiting"]),
                    str(sum(row["dropped"].values())),
                    row["last_delivered"] or "–",
                    row["trouble"],
                )
                for row in rows
            ],
            ("NAME", "KIND", "TO", "DELIVERED", "WAITING", "DROPPED", "LAST", "TROUBLE"),
        )
    return 1 if any(row["trouble"] for row in rows) else 0


@notify.command("test")
@click.argument("project")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@secret_file
def test(project: str, name: str, as_json: bool, secrets: Path | None) -> int:
    """Send one test notice to a receiver of a project, now: no quiet time, no queue, one try.

    Status 0 it was delivered, 1 it was not, 2 it could not be tried.
    """
    opened = _opened(project)
    receiver = next((one for one in opened.receivers if one.name == name), None)
    if receiver is None:
        known = ", ".join(one.name for one in opened.receivers) or "none"
        raise ProjectFault(
            f"There is no receiver '{name}'.", where=str(opened.folder), remedy=f"Known: {known}."
        )
    clock = WallClock()
    notifier = made(receiver, discover((KIND,)), Secrets(str(secrets or "")), clock, opened.folder)
    facts = Facts(project=opened.name, world="", desk=f"armillary open {opened.folder}")
    begun = clock.now_mono_ns()
    fault: Fault | None = None
    try:
        asyncio.run(_sent(notifier, receiver, facts, clock.now_ns()))
    except Fault as raised:
        fault = raised
    took_s = (clock.now_mono_ns() - begun) / NS
    if as_json:
        trouble = None if fault is None else {"what": fault.what, "remedy": fault.remedy}
        emit_json({"receiver": name, "delivered": fault is None, "took_s": took_s, "trouble": trouble})
    elif fault is None:
        tell(f"{name}: delivered in {took_s:.1f} s.")
    else:
        tell(f"{name}: not delivered. {fault.what} {fault.remedy}", err=True)
    return 0 if fault is None else 1


async def _sent(notifier: Notifier, receiver: Receiver, facts: Facts, now_ns: int) -> None:
    try:
        async with asyncio.timeout(LIMIT_S):
            await notifier.send(trial_notice(receiver, facts, now_ns))
    except TimeoutError as error:
        raise LinkFault(
            f"No answer within {LIMIT_S:.0f} s.", where=receiver.origin, remedy="See that its server runs."
        ) from error
    finally:
        if isinstance(notifier, Closes):
            await notifier.close()


def _opened(project: str) -> Project:
    opened = projects.read(Path(project).expanduser().resolve())
    if not opened.saved:
        raise ProjectFault(
            "Notifications need a project folder; a bare scene has none.",
            where=project,
            remedy="Give a folder with a project.toml.",
        )
    return opened


# Any: what JSON holds
def _row(project: Project, receiver: Receiver, registry: Registry, secrets: Secrets) -> dict[str, Any]:
    trouble, delivered, waiting, last_ns = "", 0, 0, 0
    dropped: dict[str, int] = {}
    for kept in _kept(project, receiver.name):
        counts: Mapping[str, int] = kept.get("counts", {})
        delivered += int(counts.get("delivered", 0))
        waiting += sum(len(kept.get(part, ())) for part in ("queue", "held", "gathered"))
        for name in LOST:
            if counts.get(name):
                dropped[name] = dropped.get(name, 0) + int(counts[name])
        last_ns = max(last_ns, int(kept.get("last_delivered_ns", 0)))
        trouble = str(kept.get("trouble", "")) or trouble
    try:
        made(receiver, registry, secrets, WallClock(), project.folder)
    except Fault as fault:
        trouble = fault.what
    return {
        "name": receiver.name,
        "kind": receiver.kind,
        "to": receiver.url,
        "enabled": receiver.enabled,
        "delivered": delivered,
        "waiting": waiting,
        "dropped": dropped,
        "last_delivered": iso(last_ns) if last_ns else None,
        "trouble": trouble if receiver.enabled else "",
    }


def _kept(project: Project, name: str) -> list[Mapping[str, Any]]:
    """Return what the project's LIVE worlds keep of a receiver; nothing of what cannot be read."""
    found: list[Mapping[str, Any]] = []
    for path in (project.private / FILE, *sorted((project.private / AREAS).glob(f"*/{FILE}"))):
        try:
            held = json.loads(path.read_text("utf-8"))["receivers"].get(name)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
        if isinstance(held, dict):
            found.append(held)
    return found
