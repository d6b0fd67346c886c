"""The list of processes without a network is part of the closed table."""

from __future__ import annotations

from armillary.wire import isolation
from armillary.wire.child import ENTRIES


def test_every_offline_entry_is_isolated() -> None:
    assert set(isolation.ISOLATED) <= set(ENTRIES)
    kinds = ("world.", "simulate.", "extend.importer")
    offline = {e for e in ENTRIES if e.startswith(kinds)} - {"world.live"}
    assert set(isolation.ISOLATED) == offline


def test_this_process_is_not() -> None:
    assert isolation.current() == ""
