"""Ten minutes of the demo plant on disk, written directly: every tag each second, as its own model computes
it, with an alarm that came and was acknowledged, and orders that were sent to the plant."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from armillary.api.ports import SimulatorContext
from armillary.history.store import Store
from armillary.model import places
from armillary.model.alarm import AlarmEvent, AlarmState, ProcessState
from armillary.model.clock import NS
from armillary.model.frame import Event
from armillary.model.link import LinkState, LinkStatus
from armillary.model.order import OrderState, Receipt
from armillary.model.sample import batch_of
from armillary.model.simulation import SimStart, values_of
from armillary.project import folder as projects
from armillary.project.record import Project
from armillary.wire import marks
from armillary_plugins.demo_plant.model import make

SECONDS = 600
ALARM, ALARM_FROM_S, ALARM_ACK_S, ALARM_TO_S = "T-102-HI", 90, 150, 420
ORDERS = ((60, "P-101B.run", 0.0, 1.0), (300, "V-101.sp", 60.0, 45.0), (480, "P-101B.run", 1.0, 0.0))
HALT_S = 91  # when an automatic action was sent


def project_at(folder: Path, ports: Mapping[str, int]) -> Path:
    """Copy the demo's project, its links pointing at these ports; `broker` and `opcua`."""
    shutil.copytree(
        places.data("scenes/pumping-station"), folder, ignore=shutil.ignore_patterns(".armillary")
    )
    path = folder / "project.toml"
    text = path.read_text("utf-8")
    for before, name in (("1883", "broker"), ("4840", "opcua")):
        text, count = re.subn(rf'(url = "[^"]*:){before}"', rf'\g<1>{ports[name]}"', text)
        assert count, f"no link of the demo goes to the {name}"
    path.write_text(text, "utf-8")
    return folder


def record(folder: Path, start_ns: int) -> Project:
    """Write the record of a project: SECONDS from a time on."""
    project = projects.read(folder)
    store = Store(folder / ".armillary" / "history.duckdb")
    _tags(store, project, start_ns)
    _marks(store, project, start_ns)
    store.close()
    return project


def _tags(store: Store, project: Project, start_ns: int) -> None:
    model = make(SimulatorContext(project=project.folder))
    info = model.describe()
    out = [v for v in info.variables if v.causality == "output"]
    rows = [model.start(SimStart(t_ns=start_ns)).values[0]]
    nothing = values_of({})
    rows += [model.step(nothing, start_ns + s * NS).values[0] for s in range(1, SECONDS)]
    shown = np.stack(rows)
    known = {spec.name for spec in project.specs}
    columns = [i for i, v in enumerate(out) if v.tag in known]
    ids = store.names([out[i].tag for i in columns])
    derived = [spec.name for spec in project.specs if spec.name not in {out[i].tag for i in columns}]
    t = start_ns + np.arange(SECONDS, dtype=np.int64) * NS
    when = np.repeat(t, len(ids))
    store.append(batch_of(np.tile(ids, SECONDS), shown[:, columns].ravel(), when, when, 0))
    others = store.names(derived)
    when = np.repeat(t, len(others))
    store.append(batch_of(np.tile(others, SECONDS), np.ones(len(when)), when, when, 0))


def _marks(store: Store, project: Project, start_ns: int) -> None:
    rows: list[tuple[int, str, float, str]] = [(start_ns - 1, marks.WORLD, 1.0, "")]
    for link in project.links:
        status = LinkStatus(
            name=link.name, kind=link.kind, url=link.url, state=LinkState.UP, since_ns=start_ns
        )
        rows.append((start_ns, marks.LINK + link.name, marks.LINK_CODES[LinkState.UP], marks.text_of(status)))
    before = ProcessState.NORM
    for second, event, after in (
        (ALARM_FROM_S, "RAISE", ProcessState.UNACK),
        (ALARM_ACK_S, "ACK", ProcessState.ACKED),
        (ALARM_TO_S, "CLEAR", ProcessState.NORM),
    ):
        t_ns = start_ns + second * NS
        state = AlarmState(
            id=ALARM, process=after, occurrence="o-1", raised_ns=start_ns + ALARM_FROM_S * NS, changed_ns=t_ns
        )
        told = AlarmEvent(
            id=ALARM, occurrence="o-1", event=event, before=before, after=after, t_ns=t_ns, priority=2
        )
        rows.append((t_ns, marks.ALARM + ALARM, marks.ALARM_CODES[after], marks.text_of(state)))
        rows.append((t_ns, marks.ALARM_EVENTS, 2.0, marks.text_of(told)))
        before = after
    halt = Event(t_ns=start_ns + HALT_S * NS, level="warning", source=ALARM, text="sent: halt P-101A")
    rows.append((halt.t_ns, marks.EVENTS, 1.0, marks.text_of(halt)))
    for number, (second, tag, old, value) in enumerate(ORDERS):
        for after_s, state_ in ((0, OrderState.SENT), (2, OrderState.VERIFIED)):
            t_ns = start_ns + (second + after_s) * NS
            receipt = Receipt(
                order=f"recorded-{number}",
                tag=tag,
                state=state_,
                t_ns=t_ns,
                actor="anna",
                old=old,
                value=value,
                unit="",
            )
            rows.append((t_ns, marks.ORDERS, 2.0 + after_s, marks.text_of(receipt)))
    rows.sort(key=lambda row: row[0])
    ids = dict(zip(names := sorted({row[1] for row in rows}), store.names(names), strict=True))
    t = np.array([row[0] for row in rows], np.int64)
    batch = batch_of(
        np.array([ids[row[1]] for row in rows], np.uint32),
        np.array([row[2] for row in rows], np.float64),
        t,
        t,
        0,
        text={i: row[3] for i, row in enumerate(rows) if row[3]},
    )
    store.append(batch)
