"""What the desk opens and writes: projects and scenes, foreign files, pictures, exports, other versions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMainWindow, QMenu

from armillary.model.fault import Fault, FaultRecord
from armillary.session.exporting import export
from armillary.session.importing import FORMATS, is_foreign, lines
from armillary.session.offers import Report, is_server
from armillary.session.offline import Replaying, is_offline
from armillary.session.settings import Settings
from armillary.session.workspace import Workspace
from armillary.ui import ask_file
from armillary.ui.import_sheet import ImportSheet
from armillary.ui.notify import Cards, Notice, of_fault
from armillary.ui.offline_sheet import OfflineSheet
from armillary.ui.server_sheet import ServerSheet

_VERSIONS = "Scenes and projects (*.usd *.usda *.usdc *.usdz project.toml);;All files (*)"
_NOTES = 8  # of a server, on its card
_SCENES = (
    "Scenes and projects (*.usd *.usda *.usdc *.usdz project.toml);;"
    f"To import ({' '.join(f'*{suffix}' for suffix in FORMATS)});;"
    "Recorded samples (*.parquet *.csv *.tsv *.mcap *.lp);;All files (*)"
)


class Files:
    """Files of one window. A fault of what a person chose becomes a card."""

    def __init__(
        self,
        window: QMainWindow,
        workspace: Workspace,
        settings: Settings,
        cards: Cards,
        *,
        draw_now: Callable[[], None],
        say: Callable[[str], None],
    ) -> None:
        self._window, self._at, self._settings, self._cards = window, workspace, settings, cards
        self._draw_now, self._say = draw_now, say
        self.import_sheet: ImportSheet | None = None
        self.offline_sheet: OfflineSheet | None = None
        self.server_sheet: ServerSheet | None = None
        self._replaying: Replaying | None = None
        self.recent = QMenu("Open recent", window)
        self.recent.aboutToShow.connect(self._fill_recent)

    def tried(self, run: Callable[[], None]) -> None:
        """Run; a fault becomes a card."""
        try:
            run()
        except Fault as fault:
            self._fault(fault)

    def _fault(self, fault: Fault) -> None:
        self._cards.add(of_fault(fault))

    @property
    def _folder(self) -> str:
        return self._settings.get("folder", "")

    # ------------------------------------------------------------ opening
    def ask_open(self) -> None:
        """Ask for a project or scene and open it."""
        ask_file.to_read(
            self._window, "Open a project or a scene", _SCENES, self._folder, lambda p: self.open(str(p))
        )

    def ask_server(self, url: str = "") -> None:
        """Ask for the address of a server that publishes its own scene, and open what it offers."""
        above = Path(self._folder) if self._folder else Path.home()
        self.server_sheet = ServerSheet(above, self._read_server, self._window, url)
        self.server_sheet.open()  # not exec: nothing stands still while it is open

    def _read_server(self, report: Report) -> None:
        self.open(report.project)
        what = f"{report.bindings} bindings, {report.tags} tags and {report.parts} parts of the server."
        notes = [f"{note.where}: {note.what}" for note in report.notes]
        more = f"\n… and {len(notes) - _NOTES} more" if len(notes) > _NOTES else ""
        self._cards.add(Notice("info", what, report.project, "\n".join(notes[:_NOTES]) + more))

    def open(self, path: str) -> None:
        """Open a project folder, its project.toml, a scene file or an address; a fault becomes a card."""
        place = Path(path)
        target = str(place.parent) if place.name == "project.toml" else path
        if place.exists():
            self._settings.set("folder", str(place.parent))
        self._cards.clear()
        if is_server(path):
            self.ask_server(path)
            return
        if is_foreign(path) and place.is_file():
            self.import_from(place)
            return
        if is_offline(place):
            self.offline_sheet = OfflineSheet(place, self._replayed, self._window)
            self.offline_sheet.open()
            return
        self.tried(lambda: self._at.open(target))

    def _replayed(self, replaying: Replaying) -> None:
        """Show the replay of files that have no project; the one before it is ended."""
        before, self._replaying = self._replaying, replaying
        self.tried(lambda: self._at.open(replaying.address))
        if before is not None:
            before.close()

    def close(self) -> None:
        """End what was started for files without a project."""
        if self._replaying is not None:
            self._replaying.close()
            self._replaying = None

    def import_from(self, path: Path) -> None:
        """Ask how to import a foreign file, import it and open what came of it."""
        self.import_sheet = ImportSheet(path, self._imported, self._window)
        self.import_sheet.open()  # not exec: nothing stands still while it is open

    def _imported(self, report: Mapping[str, Any]) -> None:  # Any: a parsed report
        first, *more = lines(report)
        self.open(str(report["output"]))
        self._cards.add(Notice("info", f"Imported: {first}.", str(report["source"]), "\n".join(more)))

    def _fill_recent(self) -> None:
        self.recent.clear()
        for path in self._settings.recent:
            self.recent.addAction(path, partial(self.open, path))
        if self.recent.isEmpty():
            nothing = QAction("Nothing was opened yet", self.recent)
            nothing.setEnabled(False)
            self.recent.addAction(nothing)

    # ------------------------------------------------------------ writing
    def ask_picture(self) -> None:
        """Ask for a file and write the whole window into it."""
        ask_file.to_write(
            self._window,
            "Save a picture",
            "PNG (*.png)",
            self._folder,
            lambda path: self.tried(lambda: self.save_picture(path)),
            suffix="png",
        )

    def save_picture(self, path: Path) -> None:
        """Write the whole window, viewport included, as PNG. Raises Fault when the file cannot be written."""
        self._draw_now()
        if not self._window.grab().save(str(path), "PNG"):
            raise Fault(
                "The picture could not be written.",
                where=str(path),
                remedy="Choose a folder you may write to.",
            )
        self._say(f"Saved {path}.")

    def ask_export(self) -> None:
        """Ask for a file and export the scene as it is shown."""
        ask_file.to_write(
            self._window,
            "Export the scene",
            "OpenUSD (*.usdc *.usda *.usd)",
            self._folder,
            lambda path: self.tried(lambda: self.export_to(path)),
            suffix="usdc",
        )

    def export_to(self, path: Path) -> None:
        """Write what is shown as a flattened layer over what is there. Raises Fault."""

        def done(answer: str | FaultRecord) -> None:
            if isinstance(answer, FaultRecord):
                self._fault(answer.fault())
            else:
                self._say(f"Exported {answer}.")

        export(self._at, path, force=True, done=done)

    # ------------------------------------------------------------ other versions
    def ask_compare(self) -> None:
        """Ask for another version of the scene and show what differs."""
        ask_file.to_read(
            self._window,
            "Compare with an older version",
            _VERSIONS,
            self._folder,
            lambda path: self.tried(lambda: self.compare_with(path)),
        )

    def compare_with(self, path: Path) -> None:
        """Compare the shown scene with another version. Raises Fault."""

        def done(fault: FaultRecord | None) -> None:
            if fault is not None:
                self._fault(fault.fault())

        self._at.versions.compare(path, done)
