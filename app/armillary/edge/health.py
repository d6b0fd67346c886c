"""How an edge is: one JSON object, for its topic, its status file and `--json`."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from armillary._version import __version__
from armillary.edge.ring import Counts
from armillary.model import files, places
from armillary.model.fault import ProjectFault
from armillary.model.frame import Flow, Tally
from armillary.model.link import LinkStatus

SCHEMA = 1
OFFLINE: Mapping[str, object] = {"schema": SCHEMA, "state": "offline"}

Answer = dict[str, Any]  # Any: what JSON holds


def link_row(status: LinkStatus, tally: Tally | None) -> Answer:
    """Return one link, with both laws where it has messages."""
    out: Answer = {"name": status.name, "state": status.state.value, "detail": status.detail}
    if tally is not None:
        out["messages"] = _flow(tally.messages, "decoded")
        out["samples"] = _flow(tally.samples, "applied") | {"late": tally.samples.late}
        out["balanced"] = tally.messages.balanced and tally.samples.balanced
    return out


def _flow(flow: Flow, done: str) -> Answer:
    return {
        "received": flow.received,
        done: flow.done,
        "coalesced": flow.coalesced,
        "queued": flow.queued,
        "dropped": dict(flow.dropped),
    }


def queue_row(counts: Counts, live: int, late: int, oldest_ns: int, limit_bytes: int) -> Answer:
    """Return the queue and its law: found + taken = live + late + waiting + dropped, in samples."""
    return {
        "found": counts.found,
        "taken": counts.taken,
        "live": live,
        "late": late,
        "waiting": counts.waiting,
        "waiting_packs": counts.waiting_packs,
        "dropped": {"full": counts.full, "aged": counts.aged},
        "damaged_packs": counts.broken,
        "oldest_ns": oldest_ns,
        "limit_bytes": limit_bytes,
        "balanced": counts.balanced and live + late == counts.done,
    }


def answer(
    name: str, t_ns: int, up: Answer, links: Sequence[Answer], queue: Answer, problems: Sequence[str]
) -> Answer:
    """Return the whole object."""
    return {
        "schema": SCHEMA,
        "state": "online",
        "edge": name,
        "version": __version__,
        "t_ns": t_ns,
        "up": up,
        "links": list(links),
        "queue": queue,
        "problems": list(problems),
    }


def file_of(folder: Path) -> Path:
    """Return where the edge of a project says how it is, for those on the same machine."""
    digest = hashlib.blake2b(str(folder.resolve()).encode(), digest_size=6).hexdigest()
    return places.runtime() / f"edge-{digest}.json"


def write(path: Path, held: Answer) -> None:
    """Replace the status file."""
    text = json.dumps({**held, "pid": os.getpid()}) + "\n"
    files.replace(path, text.encode(), synced=False)


def read(folder: Path) -> Answer:
    """Return how the edge of a project is. Raises ProjectFault when none runs."""
    path = file_of(folder)
    try:
        held: Answer = json.loads(path.read_text("utf-8"))
        os.kill(int(held["pid"]), 0)
    except (OSError, ValueError, KeyError) as error:
        raise ProjectFault(
            "No edge of this project runs on this machine.",
            where=str(folder),
            remedy="Start it: armillary edge PROJECT.",
        ) from error
    return held
