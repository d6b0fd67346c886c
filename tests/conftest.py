"""Guards for every test: a logged warning fails it, and files go to its own folders."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no fault of what is tested: speed is the business of benches.
# in CI the same examples each time: chance finds much at a desk, and decides no landing
settings.register_profile(
    "armillary",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("armillary")
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


class LogGuard(logging.Handler):
    """Collects warnings; a test announces those it expects by a part of their text."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.seen: list[str] = []
        self.announced: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append(f"{record.name}: {record.getMessage()}")

    def unexpected(self) -> list[str]:
        return [s for s in self.seen if not any(a in s for a in self.announced)]


@pytest.fixture(autouse=True)
def log_guard() -> Iterator[LogGuard]:
    """Fail the test that logs a warning it did not announce."""
    guard = LogGuard()
    logging.getLogger().addHandler(guard)
    yield guard
    logging.getLogger().removeHandler(guard)
    assert not guard.unexpected(), guard.unexpected()


@pytest.fixture(autouse=True)
def no_windows_pile_up() -> Iterator[None]:
    """Let go of windows that were shut down: a theme is put on all there are, so each slows down the rest."""
    yield
    core = sys.modules.get("PySide6.QtCore")
    if core is not None and core.QCoreApplication.instance() is not None:
        core.QCoreApplication.sendPostedEvents(None, core.QEvent.Type.DeferredDelete)


@pytest.fixture(autouse=True)
def own_places(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep settings, caches, logs and run files of a test out of the user's folders."""
    home = tmp_path_factory.mktemp("xdg")
    for variable in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"):
        folder = home / variable[4:8].lower()
        folder.mkdir(mode=0o700)
        monkeypatch.setenv(variable, str(folder))
    return home
