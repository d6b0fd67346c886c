"""Cells of tables that spreadsheets open: none of them may be a formula (CWE-1236)."""

from __future__ import annotations

_BEGINS = "=+-@\t\r"


def unformula(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula: numbers stay, else an apostrophe leads."""
    return f"'{cell}" if cell[:1] in _BEGINS and cell and not _is_number(cell) else cell


def formula(cell: str) -> str:
    """Return what `unformula` was given."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in _BEGINS and len(cell) > 1 else cell


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
