from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from argon2 import PasswordHasher

from armillary.history.store import Store
from armillary.model.clock import NS, ManualClock
from armillary.model.fault import OrderFault
from armillary.model.message import Erase
from armillary.model.sample import batch_of
from armillary.model.series import SeriesQuery
from armillary.project import folder as projects
from armillary.recorder.persons import AUDIT_FOLDER, Persons
from armillary.recorder.tender import Tender, policy_for
from armillary.security import accounts, chain, export

NOW = 1_767_225_600 * NS
DAY = 86_400 * NS
PASSWORD = "correct horse battery"  # noqa: S105 - of nobody
TAGS = ("band.pulse", "band.name", "pump.speed")
TWINS = {
    "schema": 1,
    "twins": [
        {
            "id": "band",
            "tags": {
                "pulse": {"imported": "pulse", "personal": "direct", "subject": "kari"},
                "name": {"imported": "name", "kind": "text", "personal": "direct", "subject": "kari"},
            },
        },
        {"id": "pump", "tags": {"speed": {"imported": "speed"}}},
    ],
}


CHEAP = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash at the least cost: what is tested is not how long it takes."""
    monkeypatch.setattr(accounts, "_HASHER", CHEAP)
    accounts._dummy.cache_clear()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    project = projects.new(tmp_path / "plant", "plant")
    (project.folder / "twins.json").write_text(json.dumps(TWINS))
    people = [("anna", "Anna", "admin"), ("ben", "Ben", "engineer"), ("otto", "Otto", "operator")]
    accounts.add_all(project.folder, people, accounts.hashed(PASSWORD), NOW)
    return project.folder


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    """A hundred days of three tags, one sample a day each; one of them is a name."""
    held = Store(folder / ".armillary" / "history.duckdb")
    for tag, id_ in zip(TAGS, held.names(TAGS).tolist(), strict=True):
        t_ns = NOW - DAY * np.arange(100, 0, -1)
        values = np.arange(100.0) if tag != "band.name" else np.full(100, np.nan)
        text = dict.fromkeys(range(100), "Kari Nordmann") if tag == "band.name" else {}
        slot = np.full(100, id_, np.uint32)
        held.append(batch_of(slot, values, t_ns, t_ns + 5, 1, text=text))
    held.tidy(NOW)
    yield held
    held.close()


def count(store: Store, tag: str) -> int:
    asked_for = SeriesQuery(ids=(store.known()[tag],), from_ns=0, to_ns=NOW + DAY, width=1_000)
    return len(store.read(asked_for)[0].t_ns)


def asked(**other: object) -> Erase:
    given: dict[str, object] = {
        "asset": "kari",
        "before_ns": NOW - 10 * DAY,
        "user": "anna",
        "password": PASSWORD,
        "second": "ben",
        "second_password": PASSWORD,
        "reason": "as she asked",
    }
    return Erase(**{**given, **other})  # type: ignore[arg-type]


def test_samples_of_persons_are_kept_for_their_own_shorter_time(folder: Path, store: Store) -> None:
    tender = Tender(store, anew=lambda: policy_for(projects.read(folder)))
    tender.tend(NOW, 1_000 * NS)
    assert [count(store, tag) for tag in TAGS] == [30, 30, 100]
    settings = folder / "project.toml"
    written = settings.read_text()
    settings.write_text(written + "\n[historian]\npersonal_days = 7\n")
    tender.tend(NOW, 1_010 * NS)
    assert [count(store, tag) for tag in TAGS] == [30, 30, 100]  # it looks once an hour
    tender.tend(NOW, 4_700 * NS)
    assert [count(store, tag) for tag in TAGS] == [7, 7, 100]
    settings.write_text("this is no project")  # while somebody writes it
    tender.tend(NOW + DAY, 8_400 * NS)
    assert [count(store, tag) for tag in TAGS] == [6, 6, 100]


def test_they_go_under_the_unit_they_had_before_too(folder: Path, store: Store) -> None:
    for unit in ("1/min", "Hz"):
        store.names(["band.pulse"], [unit])
    old = next(name for name in store.known() if name.startswith("band.pulse ["))
    assert count(store, old) == 100
    Tender(store, policy_for(projects.read(folder))).tend(NOW, 1)
    assert [count(store, tag) for tag in (old, *TAGS)] == [30, 0, 30, 100]


def test_an_erasure_removes_samples_and_rollups_and_is_in_the_recorders_chain(
    folder: Path, store: Store
) -> None:
    done = Persons(folder, store, ManualClock(NOW)).erase(asked())
    assert (done.tags, done.samples, done.by) == (("band.pulse", "band.name"), 180, ("anna", "ben"))
    assert [count(store, tag) for tag in TAGS] == [10, 10, 100]
    ids = tuple(store.known()[tag] for tag in TAGS[:2])
    asked_for = SeriesQuery(ids=ids, from_ns=0, to_ns=NOW - 10 * DAY, width=50)
    assert [len(series.t_ns) for series in store.read(asked_for)] == [0, 0]
    audit = folder / ".armillary" / AUDIT_FOLDER
    assert chain.verify(audit).holds
    lines = list(export.rows(audit))
    assert [(line["action"], line["actor"], line["object"]) for line in lines] == [
        ("history.erase", "anna", "kari"),
        ("history.erased", "anna", "kari"),
    ]
    assert lines[1]["after"] == "180 samples"
    assert lines[1]["reason"] == "as she asked (with ben, engineer)"
    assert done.audit_seq == lines[1]["seq"]
    assert PASSWORD not in repr(asked())


def test_nothing_goes_without_the_two_who_may(folder: Path, store: Store) -> None:
    persons = Persons(folder, store, ManualClock(NOW))
    refused: list[tuple[dict[str, object], str]] = [
        ({"second": "anna"}, "needs two persons"),
        ({"second_password": "wrong"}, "the password is wrong"),
        ({"second": "otto"}, "role 'operator' may not"),
        ({"user": "ben", "second": "anna"}, "role 'engineer' may not"),
        ({"asset": "nobody"}, "No tag tells of 'nobody'"),
    ]
    for changes, what in refused:
        with pytest.raises(OrderFault, match=what):
            persons.erase(asked(**changes))
    assert [count(store, tag) for tag in TAGS] == [100, 100, 100]
    assert not (folder / ".armillary" / AUDIT_FOLDER).exists()


def test_a_project_without_accounts_has_nobody_who_may(folder: Path, store: Store) -> None:
    (folder / "users.toml").unlink()
    with pytest.raises(OrderFault, match="no accounts"):
        Persons(folder, store, ManualClock(NOW)).erase(asked())
