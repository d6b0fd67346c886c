"""Which store a recorder opens, and what is said when it cannot be had."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from armillary.api.ports import HistoryStore, StoreContext
from armillary.history.store import Store
from armillary.model.clock import NS, ManualClock
from armillary.model.fault import StoreFault
from armillary.model.message import AskHistory, HistoryInfo
from armillary.model.storing import Declared
from armillary.model.tags import TagSpec
from armillary.project.record import Historian, Project
from armillary.recorder import stores
from armillary.recorder.keeper import answer
from armillary.recorder.tender import Policy, Tender
from armillary.security.secrets import Secrets


class Poor:
    """A store that promises little: the embedded one behind another declaration."""

    def __init__(self, path: Path) -> None:
        self._store = Store(path)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    @property
    def declares(self) -> Declared:
        return Declared(name="Poor", resolution_ns=1_000_000, text=False, erases_by_range=False)


@pytest.fixture
def plugin() -> Iterator[types.ModuleType]:
    """Return a module that an entry point may name; its `make` is set by the test."""
    module = types.ModuleType("a_store_of_a_test")
    sys.modules[module.__name__] = module
    yield module
    del sys.modules[module.__name__]


FOUND = [EntryPoint(name="other", value="a_store_of_a_test:make", group="armillary.stores")]


def _project(folder: Path, **historian: object) -> Project:
    given = {"store": "other", "url": "http://127.0.0.1:1", **historian}
    return Project(
        folder=folder, saved=True, read_only=False, schema=1, id="Nord-Werk 2", name="N",
        historian=Historian(**given),  # type: ignore[arg-type]
    )  # fmt: skip


def _opened(project: Project, found: list[EntryPoint] | None = None) -> HistoryStore:
    secrets = Secrets(folder=project.folder)
    return stores.opened(project, ManualClock(), secrets, found=FOUND if found is None else found)


def test_the_store_that_a_project_names_is_made_with_what_it_says(
    tmp_path: Path, plugin: types.ModuleType
) -> None:
    made: list[StoreContext] = []

    def make(context: StoreContext) -> Store:
        made.append(context)
        return Store(tmp_path / "x.duckdb")

    plugin.make = make  # type: ignore[attr-defined]
    store = _opened(_project(tmp_path))
    assert isinstance(store, HistoryStore)
    store.close()
    (context,) = made
    assert (context.url, context.space, context.mark) == ("http://127.0.0.1:1", "armillary_nord_werk_2", "~")
    assert context.secret() == ""
    store = _opened(_project(tmp_path, space="mine", secret="of the test"))  # noqa: S106 - a name
    store.close()
    assert made[-1].space == "mine"
    with pytest.raises(Exception, match=r"of the test.*not in the secret store"):
        made[-1].secret()


def test_a_store_that_is_not_installed_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StoreFault, match=r"The store 'other' is not installed\..*historian.store to duckdb"):
        _opened(_project(tmp_path), [])


def test_a_plugin_that_cannot_be_imported_says_why(tmp_path: Path) -> None:
    broken = EntryPoint(name="other", value="no_such_module_here:make", group="armillary.stores")
    with pytest.raises(StoreFault, match=r"not installed\. The plugin other was .*no_such_module"):
        _opened(_project(tmp_path), [broken])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda _: object(), "cannot be opened"),
        (lambda _: 1 / 0, r"cannot be opened \(ZeroDivisionError"),
        (lambda _: types.SimpleNamespace(declares=Declared(name="x")), "is no store of history"),
    ],
)
def test_a_plugin_that_makes_no_store_is_one_clear_message(
    tmp_path: Path,
    plugin: types.ModuleType,
    make: Callable[[StoreContext], object],
    said: str,
    log_guard: Any,  # the guard of tests/conftest.py
) -> None:
    log_guard.announced.append("the store other failed")
    plugin.make = make  # type: ignore[attr-defined]
    with pytest.raises(StoreFault, match=said):
        _opened(_project(tmp_path))


def test_a_server_that_does_not_answer_is_told_as_the_plugin_tells_it(
    tmp_path: Path, plugin: types.ModuleType
) -> None:
    def make(_: StoreContext) -> Store:
        raise StoreFault("It does not answer.", where="db:1", remedy="Wait.")

    plugin.make = make  # type: ignore[attr-defined]
    with pytest.raises(StoreFault, match=r"It does not answer\. \[db:1\] Wait\."):
        _opened(_project(tmp_path))


def test_what_tells_of_persons_is_not_given_to_a_store_that_cannot_erase(
    tmp_path: Path, plugin: types.ModuleType
) -> None:
    plugin.make = lambda _: Poor(tmp_path / "x.duckdb")  # type: ignore[attr-defined]
    badge = TagSpec(slot=0, name="badge.place", personal="direct")
    project = replace(_project(tmp_path), specs=(badge,))
    with pytest.raises(StoreFault, match=r"'badge.place' tells of a person, and Poor cannot erase"):
        _opened(project)
    _opened(replace(project, specs=(replace(badge, personal="indirect"),))).close()


def test_a_project_has_one_recorder(tmp_path: Path) -> None:
    project = _project(tmp_path)
    first = stores.lease(project)
    with pytest.raises(StoreFault, match="Another recorder of this project runs"):
        stores.lease(project)
    first.release()
    stores.lease(project).release()


def test_what_a_store_lacks_is_told_with_what_it_holds(tmp_path: Path) -> None:
    store = Poor(tmp_path / "x.duckdb")
    info = answer(store, AskHistory())
    store.close()
    assert isinstance(info, HistoryInfo)
    assert info.store == "Poor"
    assert [sentence.split()[0] for sentence in info.lacks] == ["Times", "Words", "Old"]


@pytest.mark.parametrize("erases", [True, False])
def test_what_cannot_be_erased_is_left_to_the_server(erases: bool) -> None:
    store: Any = types.SimpleNamespace(
        read_only=False,
        declares=Declared(name="x", erases_by_range=erases),
        extent=lambda: types.SimpleNamespace(first_ns=1_000 * NS),
        forget=lambda before_ns, ids: forgot.append(before_ns),
        tidy=lambda now_ns: False,
    )
    forgot: list[int] = []
    Tender(store, Policy(raw_days=1)).tend(100 * 86_400 * NS, 1)
    assert forgot == ([99 * 86_400 * NS] if erases else [])


def test_every_lack_has_a_sentence_and_a_whole_store_none() -> None:
    assert Declared(name="x").lacks() == ()
    nothing = Declared(
        name="x", resolution_ns=10**9, exact=False, text=False, durable=False, once=False, corrects=False,
        erases_by_range=False, documents=False,
    )  # fmt: skip
    assert len(nothing.lacks()) == 8
    assert nothing.lacks()[0] == "Times are kept to 1 s."
