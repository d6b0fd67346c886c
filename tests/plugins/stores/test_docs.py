"""The table of docs/stores.md is what the stores declare."""

from __future__ import annotations

from pathlib import Path

import pytest

from armillary.history.store import Store
from armillary.model.storing import Declared, span
from armillary_plugins.stores import clickhouse, victoria

PAGE = Path(__file__).resolve().parents[3] / "docs" / "stores.md"
ROWS = ("exact", "text", "durable", "once", "corrects", "erases_by_range", "documents")


def _table() -> dict[str, list[str]]:
    """Return the columns of the table by the name of the store."""
    lines = PAGE.read_text("utf-8").partition("## What each keeps")[2].splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    head, body = cells[0], cells[2:]
    return {name: [row[i] for row in body] for i, name in enumerate(head) if name}


def _said(told: Declared) -> list[str]:
    return [span(told.resolution_ns), *("yes" if getattr(told, row) else "no" for row in ROWS)]


def test_the_table_of_stores_is_what_they_declare(tmp_path: Path) -> None:
    embedded = Store(tmp_path / "history.duckdb")
    declared = [embedded.declares, victoria.DECLARED, clickhouse.DECLARED]
    embedded.close()
    table = _table()
    assert set(table) == {"DuckDB", "PostgreSQL", "VictoriaMetrics", "ClickHouse"}
    for told in declared:
        assert table[told.name] == _said(told), told.name


def test_postgresql_declares_everything_as_the_page_says() -> None:
    pytest.importorskip("psycopg")
    from armillary_plugins.stores import postgres

    assert _table()["PostgreSQL"] == _said(postgres.DECLARED)
    assert postgres.DECLARED.lacks() == ()
