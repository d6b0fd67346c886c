"""What the trend's menu carries out: sets, notes, comparison, pictures and tables. Part of the panel."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QMimeData, Qt
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QApplication, QInputDialog, QWidget

from armillary.model import files
from armillary.model.clock import NS
from armillary.model.fault import Fault
from armillary.session.trend_book import Note, PenSet, set_of, slots_of
from armillary.session.trend_table import range_text, wide
from armillary.session.workspace import Workspace
from armillary.ui import ask_file
from armillary.ui.mode import mode_of, ribbon_text
from armillary.ui.theme import Colours
from armillary.ui.trend.picture import picture, save


class Doer:
    """Carries out what does not belong to drawing. `say` shows a short text, `fault` a card."""

    def __init__(
        self,
        panel: QWidget,
        workspace: Workspace,
        body: Callable[[], QWidget],
        say: Callable[[str], None],
        colours: Colours,
    ) -> None:
        self._panel, self._at, self._body, self.say, self.colours = panel, workspace, body, say, colours
        self.dialog: QInputDialog | None = None
        self.fault: Callable[[Fault], None] = lambda fault: say(f"{fault.what} {fault.remedy}")

    def tried(self, work: Callable[[], object]) -> None:
        """Carry something out; what goes wrong is said."""
        try:
            work()
        except Fault as fault:
            self.fault(fault)
        except OSError as error:
            why = error.strerror or str(error)
            self.fault(
                Fault(f"The file could not be written: {why}.", where="trends", remedy="Choose another.")
            )

    # ------------------------------------------------------------ sets and notes
    def apply_set(self, pens: PenSet) -> tuple[int, ...]:
        """Return the slots of a set as it applies here, and say what is missing."""
        near = (*self._at.tags_of_selection(), *self._at.timeline.slots)
        slots, missing = slots_of(pens, self._at.specs, self._at.twins, near)
        if missing:
            names = ", ".join(missing[:3]) + (" …" if len(missing) > 3 else "")  # noqa: PLR2004  enough to tell
            self.say(f"{len(missing)} of {len(pens.pens)} tags are not here: {names}")
        return slots

    def ask_set(self, by_model: bool, strips: bool) -> None:
        """Ask for a name and keep the pens shown under it."""
        self._ask("Keep these pens", "Name of the set:", partial(self.keep_set, by_model, strips))

    def keep_set(self, by_model: bool, strips: bool, name: str) -> None:
        """Keep the pens shown. Raises Fault."""
        at = self._at
        kept = set_of(name, at.timeline.slots, at.specs, at.twins, by_model=by_model)
        span_s = at.timeline.span_s if at.timeline.following else 0.0
        at.trends.book.keep_set(
            PenSet(name=kept.name, pens=kept.pens, model=kept.model, span_s=span_s, strips=strips)
        )
        self.say(f"Kept {len(kept.pens)} pens as {name.strip()}.")

    def ask_note(self, t_ns: int, to_ns: int) -> None:
        """Ask for a text and keep it at a time, or on a span."""
        self._ask("Add a note", "What happened:", partial(self.keep_note, t_ns, to_ns))

    def keep_note(self, t_ns: int, to_ns: int, text: str) -> None:
        """Keep a note. Raises Fault."""
        self._at.trends.book.note(Note(t_ns=t_ns, to_ns=to_ns, text=text, who=self._at.actor))

    def _ask(self, title: str, words: str, take: Callable[[str], None]) -> None:
        self.dialog = dialog = QInputDialog(self._panel)
        dialog.setWindowTitle(title)
        dialog.setLabelText(words)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.textValueSelected.connect(lambda typed: self.tried(partial(take, typed)))
        dialog.open()  # not exec: nothing stands still while it is open

    # ------------------------------------------------------------ pictures and tables
    def picture(self) -> QPixmap:
        """Return what is shown with its heading, and the ribbon of a world that is not LIVE."""
        at = self._at
        mirror = at.mirror
        mode = mode_of(at)
        words = "" if mode == "live" else ribbon_text(mirror.kind, mirror.run, mirror.t_ns, at.cursor)
        return picture(self._body(), at.timeline.view_ns(), at.title, (mode, words), self.colours)

    def copy_picture(self) -> None:
        """Put the picture on the clipboard."""
        QApplication.clipboard().setPixmap(self.picture())
        self.say("Copied the picture.")

    def save_picture(self) -> None:
        """Ask for a file and write the picture."""

        def take(path: Path) -> None:
            save(self.picture(), path)
            self.say(f"Saved {path}.")

        self._file("Save the trend as a picture", "PNG (*.png)", "png", take)

    def copy_table(self, range_ns: tuple[int, int]) -> None:
        """Put the samples of a range on the clipboard: tabs for spreadsheets, commas as text/csv."""
        columns = self._at.trends.columns()
        data = QMimeData()
        data.setText(wide(columns, *range_ns, delimiter="\t"))
        data.setData("text/csv", wide(columns, *range_ns).encode())
        QApplication.clipboard().setMimeData(data)
        self.say(f"Copied {sum(len(c.stretch.t_ns) for c in columns)} values of {len(columns)} pens.")

    def save_table(self, range_ns: tuple[int, int]) -> None:
        """Ask for a file and write the range as a table."""

        def take(path: Path) -> None:
            files.replace(path, wide(self._at.trends.columns(), *range_ns).encode(), 0o644)
            self.say(f"Saved {path}.")

        self._file("Save the range as a table", "CSV (*.csv)", "csv", take)

    def save_samples(self, range_ns: tuple[int, int]) -> None:
        """Ask for a file and write every sample of the range."""
        kinds = "Parquet (*.parquet);;CSV, long (*.csv);;MCAP (*.mcap)"

        def take(path: Path) -> None:
            from armillary.session.trend_files import write_samples  # it loads DuckDB: only when asked for

            write_samples(self._at, path, range_ns, self._written)
            self.say(f"Writing {path} …")

        self._file("Save the samples of the range", kinds, "parquet", take)

    def _written(self, text: str, fault: Fault | None) -> None:
        if fault is not None:
            self.fault(fault)
        else:
            self.say(text)

    def _file(self, title: str, kinds: str, suffix: str, take: Callable[[Path], None]) -> None:
        folder = Path.home()
        start, end = self._at.timeline.view_ns()
        name = f"{self._at.title or 'trend'}-{range_text(start, max(end, start + NS))}.{suffix}"
        ask_file.to_write(
            self._panel,
            title,
            kinds,
            str(folder / name.replace("/", "-")),
            lambda path: self.tried(lambda: take(path)),
            suffix=suffix,
        )
