"""A list of tags in hand on the desk: read, its columns mapped, checked, taken in as one step of undo."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from armillary.model.fault import Fault, ProjectFault
from armillary.project import tag_columns, tag_sheet, tag_table
from armillary.project.record import TWINS_FILE, Project
from armillary.project.tag_sheet import Cells
from armillary.project.tag_table import Found
from armillary.session import limits
from armillary.session.loading import fault_of
from armillary.session.signal import Signal
from armillary.session.undo import Done, Step, Undo

FIELDS = tag_columns.COLUMNS
SLOW = 5_000  # rows: more are read and checked beside the desk's thread


class Place(Protocol):
    """What a list needs of the workspace."""

    undo: Undo

    @property
    def project(self) -> Project | None: ...
    def now_ns(self) -> int: ...
    def work(self, job: Callable[[], object], callback: Callable[[object], None]) -> None: ...


class TagList:
    """One list. Nothing is written before `take_in`."""

    def __init__(self, place: Place) -> None:
        self._at = place
        self.changed: Signal[()] = Signal()
        self.path: Path | None = None
        self.cells: Cells | None = None
        self.columns: dict[str, str] = {}  # field → column
        self.source = ""  # of addresses that name none
        self.found: Found | None = None
        self.why = ""  # why it cannot be taken in
        self.doing = ""
        self._text = ""
        self._turn = 0

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources of the project."""
        project = self._at.project
        return tuple(link.name for link in project.links) if project is not None else ()

    def open(self, path: Path, sheet: str = "") -> None:
        """Read a file; what is in it comes with `changed`."""
        self._turn += 1
        self.path, self.cells, self.found, self.why, self.doing = path, None, None, "", "Reading the list …"
        if not self.source and self.sources:
            self.source = self.sources[0]
        turn = self._turn
        size = path.stat().st_size if path.exists() else 0

        def answered(answer: object) -> None:
            if turn != self._turn:
                return
            self.doing = ""
            if isinstance(answer, Cells):
                self.cells, self.columns = answer, tag_columns.guessed(answer.head)
                self.check()
            else:
                fault = answer.record if isinstance(answer, _Refused) else fault_of(answer)
                self.why = f"{fault.what} {fault.remedy}"
                self.changed.emit()

        self._run(lambda: tag_sheet.read(path, sheet), answered, slow=size > SLOW * 20)

    def map(self, field: str, column: str) -> None:
        """Say which column holds a field; "" = none."""
        self.columns = {f: c for f, c in self.columns.items() if f != field and c != column}
        if column:
            self.columns[field] = column
        self.check()

    def use_source(self, source: str) -> None:
        """Say which source addresses are of that name none."""
        self.source = source
        self.check()

    def check(self) -> None:
        """Check every row against the project."""
        cells, project = self.cells, self._at.project
        self.found = None
        if cells is None or project is None or self.path is None:
            return
        self._turn += 1
        turn, columns, source, sources = self._turn, dict(self.columns), self.source, self.sources
        try:
            tag_columns.mapped(cells.head, columns, self.path.name)
            self._text = text = limits.text_of(project.folder, TWINS_FILE)
            self.why = ""
        except Fault as fault:
            self.why = f"{fault.what} {fault.remedy}"
            self.changed.emit()
            return
        self.doing = f"Checking {len(cells.rows):,} rows …"

        def answered(answer: object) -> None:
            if turn != self._turn:
                return
            self.doing = ""
            if isinstance(answer, Found):
                self.found = answer
            else:
                fault = answer.record if isinstance(answer, _Refused) else fault_of(answer)
                self.why = f"{fault.what} {fault.remedy}"
            self.changed.emit()

        self._run(
            lambda: tag_table.changes(text, cells, columns, sources, source=source),
            answered,
            slow=len(cells.rows) > SLOW,
        )
        self.changed.emit()

    def _run(self, job: Callable[[], object], answered: Callable[[object], None], *, slow: bool) -> None:
        if slow:
            self._at.work(job, answered)
            return
        try:
            answered(job())
        except Fault as fault:
            answered(_Refused(fault))

    def take_in(self) -> str:
        """Write the rows that can be taken; return what to tell. Raises ProjectFault; then nothing is."""
        found, project, at = self.found, self._at.project, self._at
        if found is None or project is None or self.path is None or not found.rows:
            raise ProjectFault("There is nothing to take in.", where="tags", remedy="Choose another list.")
        after = tag_table.applied(self._text, found.rows)
        written = limits.Written(project.folder, project.folder / TWINS_FILE, self._text, after)
        written.forth(at.now_ns())
        title = f"Take in {len(found.rows)} tags of {self.path.name}"

        def again(write: Callable[[int], None], done: Done) -> None:
            try:
                write(at.now_ns())
            except Fault as fault:
                done(f"{fault.what} {fault.remedy}")
            else:
                done("")

        at.undo.push(
            Step(title, lambda done: again(written.back, done), lambda done: again(written.forth, done))
        )
        return f"Saved: {title}. {limits.NEXT}"

    def write_bad(self, path: Path) -> int:
        """Write the rows that are not taken, with their reasons; return how many. Raises ProjectFault."""
        found, cells = self.found, self.cells
        if found is None or cells is None:
            return 0
        head = (*cells.head, "line", "why it was not taken")
        wide = len(cells.head)
        rows = [
            (*row.cells[:wide], *[""] * (wide - len(row.cells)), str(row.line), row.why) for row in found.bad
        ]
        return tag_sheet.write(path, head, rows)


class _Refused:
    """A fault of a job that ran at once."""

    def __init__(self, fault: Fault) -> None:
        self.record = fault


def export(project: Project, path: Path) -> int:
    """Write the tags of a project as a list; return how many. Raises ProjectFault."""
    rows = list(tag_table.exported(limits.text_of(project.folder, TWINS_FILE)))
    return tag_sheet.write(path, tag_columns.COLUMNS, rows)
