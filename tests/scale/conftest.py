"""The same running station as in tests/system, the same broker and rig as in tests/plugins/mqtt."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import faultlog
import pytest

TESTS = Path(__file__).parents[1]


def _load(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


station = _load("system_conftest", TESTS / "system" / "conftest.py").station
_mqtt = _load("mqtt_conftest", TESTS / "plugins" / "mqtt" / "conftest.py")
broker, make_broker, make_rig, client = _mqtt.broker, _mqtt.make_broker, _mqtt.make_rig, _mqtt.client


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the fault tests measured, and keep it as a page of the documentation."""
    log = Path(os.environ.get("FAULT_LOG") or os.devnull)
    if log.is_file() and log.stat().st_size:
        page = faultlog.table(log)
        (TESTS.parent / "docs" / "faults.md").write_text(page, "utf-8")
        terminalreporter.write_line(page)
