"""Rows 53 and 54 of the fault matrix on a disk that is really full: nothing more can be written to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import faultlog
import numpy as np
import pytest
from process_faults import (
    EACH_SECOND,
    HOT,
    PATIENCE,
    Faulty,
    faulty,
    full,
    longest_gap_s,
    small_disk,
)

from armillary.alarms.system import DISK_SHORT, HISTORY_FULL
from armillary.model.alarm import ProcessState
from armillary.model.order import OrderState
from armillary.session.draft import Draft
from armillary.session.workspace import WorldState

pytestmark = pytest.mark.system
TAG, PART = "P-101B.speed_sp", "/Station/PumpHall/P_101B"


@pytest.fixture
def plant(own_places: Path, tmp_path: Path) -> Iterator[Faulty]:
    with small_disk(tmp_path / "disk", "200m") as disk, faulty(disk) as made:
        yield made


def lines(folder: Path) -> list[dict[str, object]]:
    return [json.loads(t) for p in sorted(folder.glob("*.jsonl")) for t in p.read_text("utf-8").splitlines()]


def test_on_a_full_disk_alarms_and_audit_are_written_and_history_and_edits_are_kept(plant: Faulty) -> None:
    desk, at = plant.desk, plant.desk.workspace
    desk.until(lambda: at.scene is not None, 60, "the scene")
    private = plant.project / ".armillary"
    standing = lambda name: name in at.alarms.states and at.alarms.states[name].active  # noqa: E731
    desk.until(lambda: standing(DISK_SHORT), 60, "less than 1 GiB is told")
    assert " GiB free on the disk of the project" in at.alarms.states[DISK_SHORT].text
    desk.until(lambda: desk.can_command(TAG), 60, "it can be commanded")
    bindings = plant.project / "bindings.usda"
    before, began = bindings.read_bytes(), plant.now_ns()

    with full(plant.project):
        found = desk.until(lambda: standing(HISTORY_FULL), 4 * PATIENCE, f"history {at.history}")
        assert at.history_text.startswith("History: disk full (spill ")
        # alarms and what people do are written all the same, in blocks that nobody else can take
        plant.raise_alarm()
        at.alarms.acknowledge((HOT,))
        desk.until(lambda: at.alarms.states[HOT].process is ProcessState.ACKED, 30, "acknowledged")
        desk.until(
            lambda: any(x["event"] == "ACK" and x["alarm_id"] == HOT for x in lines(private / "journal")),
            10,
            "in the journal",
        )
        spec = next(s for s in at.specs if s.name == TAG)
        at.orders.arm(spec.slot, spec.write_low + 0.3 * (spec.write_high - spec.write_low))
        desk.until(lambda: at.orders.armed is not None, 20, "armed")
        desk.rest(0.6)
        at.orders.execute()
        desk.until(lambda: OrderState.VERIFIED in {r.state for r in at.receipts.values()}, 20, "verified")
        assert "command.verified" in [x["action"] for x in lines(private / "audit")]

        told: list[str] = []
        at.authoring.told.connect(told.append)
        at.authoring.begin(Draft(tag=spec, prim=PART, name="trial"))
        at.authoring.save()
        desk.until(lambda: bool(told), 60, "said")
        assert told[0].startswith("Not saved: disk full.")
        assert "Your edits are kept in memory and in " in told[0]
        assert Path(told[0].rpartition(" and in ")[2].removesuffix(".")).exists()
        assert bindings.read_bytes() == before
        assert at.authoring.draft is not None
        assert at.world_state is WorldState.LIVE
        assert plant.law_holds()

    back = desk.until(lambda: not at.recording, 8 * PATIENCE, "recorded again")
    caught_up = at.history.offered
    desk.until(lambda: at.history.stored >= caught_up, 60, "what waited is stored")
    assert at.history.dropped == 0
    assert plant.law_holds()
    desk.until(lambda: not standing(HISTORY_FULL), 30, "the alarm is over")
    t_ns = plant.times(EACH_SECOND, began)
    assert len(np.unique(t_ns)) == len(t_ns)
    assert longest_gap_s(t_ns) < 2.5
    at.authoring.save()  # what was kept in memory
    desk.until(lambda: len(told) > 1, 60, "saved")
    assert told[1].startswith("Saved: ")
    assert b"trial" in bindings.read_bytes()
    faultlog.note("53", "disk really full (tmpfs): the alarm", found, 2.0, patience=2 * PATIENCE)
    faultlog.note("53", "… recorded again once there is room", back, 2.0, patience=4 * PATIENCE)
    faultlog.note("54", "disk full at a save: old file intact, edit kept", None, None)
