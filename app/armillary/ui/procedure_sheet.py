"""The sheet of procedures: steps as a list, one step as a form, its condition now, a walk in the scene."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QWidget

from armillary.model.fault import Fault, FaultRecord
from armillary.model.procedure import ProcedureStep
from armillary.session import handing_out
from armillary.session.condition_now import MARKS, Conditions
from armillary.session.procedure_form import (
    Draft,
    change,
    listed,
    look_of,
    opened,
    seconds,
    texts_of,
)
from armillary.session.workspace import Workspace
from armillary.ui import ask_file
from armillary.ui.canvas import Canvas
from armillary.ui.procedure_fields import ProcedureFields

NEW = "New procedure"


class ProcedureSheet(ProcedureFields):
    """It stands beside the scene: parts and views are taken from there. Nothing is written before *Save*."""

    def __init__(
        self, workspace: Workspace, canvas: Canvas, say: Callable[[str], None], parent: QWidget | None = None
    ) -> None:
        scene = workspace.scene
        self._specs = {spec.name: spec for spec in workspace.plant_specs}
        acts = {
            "add": lambda: self._add(copy=False),
            "twice": lambda: self._add(copy=True),
            "up": lambda: self._move(-1),
            "down": lambda: self._move(1),
            "out": self._remove,
            "take": self.take_parts,
            "keep": self.keep_view,
            "forget": self._forget_view,
            "walk": self._walk,
            "save": self._save,
            "delete": self._delete,
            "export": self._export,
        }
        cameras = [camera.path for camera in scene.cameras] if scene is not None else []
        super().__init__(cameras, tuple(self._specs), acts, parent)
        self._at, self._canvas, self._say = workspace, canvas, say
        self._files: dict[str, str] = {}
        self._conditions = Conditions()
        self._is_filling = False
        self._open_name = ""
        self.draft: Draft | None = None
        self._connect()
        self.load()

    def _connect(self) -> None:
        self.choice.currentTextChanged.connect(lambda _text: self._switch())
        self.steps.currentRowChanged.connect(lambda _row: self._fill_step())
        for line in (self.id, self.title, self.about):
            line.textEdited.connect(lambda _text: self._typed_head())
        self.role.currentTextChanged.connect(lambda _text: self._typed_head())
        for line in (self.step_id, self.step_title, self.prims, self.until, self.unit, self.held):
            line.textChanged.connect(lambda _text: self._typed_step())
        self.text.textChanged.connect(self._typed_step)
        self.camera.currentTextChanged.connect(lambda _text: self._typed_step())
        self.skip.currentTextChanged.connect(lambda _text: self._typed_step())
        self.confirm.toggled.connect(lambda _on: self._typed_step())
        stop = self._at.frame_arrived.connect(lambda _slots: self._live())
        self.finished.connect(lambda _code: stop())
        self.destroyed.connect(lambda: stop())  # noqa: PLW0108  with the window, unasked

    # ------------------------------------------------------------ what is edited

    def load(self, chosen: str = "") -> None:
        """List the procedures as they are now and open one."""
        project = self._at.project
        if project is None:
            return
        self._files = listed(project.folder)
        self.choice.blockSignals(True)
        self.choice.clear()
        self.choice.addItems([*self._files, NEW])
        self.choice.setCurrentText(chosen if chosen in self._files else self.choice.itemText(0))
        self.choice.blockSignals(False)
        self._open()

    def edited(self) -> object:
        """Return the procedure as it stands in the sheet."""
        return self.draft.procedure if self.draft is not None else None

    def _switch(self) -> None:
        """Open another procedure; asks first where this one is changed."""
        wanted, here = self.choice.currentIndex(), self.choice.findText(self._open_name)

        def go() -> None:
            self._show_choice(wanted)
            self._open()

        if not self.ask_first(go):
            self._show_choice(here)

    def _show_choice(self, index: int) -> None:
        self.choice.blockSignals(True)
        self.choice.setCurrentIndex(index)
        self.choice.blockSignals(False)

    def _open(self) -> None:
        project = self._at.project
        if project is None:
            return
        is_new = self.choice.currentIndex() == self.choice.count() - 1
        try:
            self.draft = opened(
                project.folder, "" if is_new else self._files[self.choice.currentText()], self._specs
            )
        except Fault as fault:
            self.draft = None
            self.steps.clear()
            self._tell(f"{fault.what} {fault.remedy}")
            return
        procedure = self.draft.procedure
        self._is_filling = True
        self.id.setText(procedure.id)
        self.title.setText(procedure.title)
        self.about.setText(procedure.text)
        self.role.setCurrentText(procedure.role)
        self._is_filling = False
        self.delete.setEnabled(bool(self.draft.file))
        self.export.setEnabled(bool(self.draft.file))
        self._open_name = self.choice.currentText()
        self._show_steps(0)
        self.mark()

    def _show_steps(self, row: int) -> None:
        if self.draft is None:
            return
        steps = self.draft.procedure.steps
        self.steps.blockSignals(True)
        self.steps.clear()
        self.steps.addItems([step.title or step.id for step in steps])
        self.steps.setCurrentRow(min(max(row, 0), len(steps) - 1))
        self.steps.blockSignals(False)
        self._fill_step()
        self._judge()

    @property
    def step(self) -> ProcedureStep | None:
        """The step that is being edited."""
        row = self.steps.currentRow()
        found = self.draft.procedure.steps if self.draft is not None else ()
        return found[row] if 0 <= row < len(found) else None

    def _fill_step(self) -> None:
        step = self.step
        if step is None:
            return
        self._is_filling = True
        texts = texts_of(step)
        for line, key in (
            (self.step_id, "id"),
            (self.step_title, "title"),
            (self.prims, "prims"),
            (self.until, "until"),
            (self.unit, "unit"),
            (self.held, "held_s"),
        ):
            line.setText(texts[key])
        self.text.setPlainText(step.text)
        self.camera.setCurrentText(step.camera)
        self.skip.setCurrentText(step.skip)
        self.confirm.setChecked(step.confirm)
        self._is_filling = False
        self._show_view(step)
        self._live()

    def _show_view(self, step: ProcedureStep) -> None:
        at = step.look.position if step.look is not None else None
        self.view_text.setText(f"A view kept at {at[0]:g}, {at[1]:g}, {at[2]:g} m" if at is not None else "")

    # ------------------------------------------------------------ changes

    def _typed_head(self) -> None:
        if self.draft is not None and not self._is_filling:
            self.draft = self.draft.with_head(
                id=self.id.text().strip(),
                title=self.title.text(),
                text=self.about.text(),
                role=self.role.currentText(),
            )
            self._judge()

    def _typed_step(self) -> None:
        if self._is_filling or self.step is None:
            return
        prims = (part.strip() for part in self.prims.text().split(","))
        self._change(
            id=self.step_id.text().strip(),
            title=self.step_title.text(),
            text=self.text.toPlainText(),
            prims=tuple(prim for prim in prims if prim),
            camera=self.camera.currentText().strip(),
            until=self.until.text().strip(),
            unit=self.unit.text().strip(),
            held_s=seconds(self.held.text()),
            confirm=self.confirm.isChecked(),
            skip=self.skip.currentText(),
        )

    def _change(self, **changes: Any) -> None:  # Any: fields of ProcedureStep
        row = self.steps.currentRow()
        if self.draft is None or self.step is None:
            return
        self.draft = self.draft.with_step(row, **changes)
        self._judge()
        self._live()

    def take_parts(self) -> None:
        """Let the step be about the parts that are selected in the scene."""
        scene = self._at.scene
        if scene is not None and self._at.selection:
            self.prims.setText(", ".join(scene.prim_path[prim] for prim in self._at.selection))

    def keep_view(self) -> None:
        """Let the step be seen from where the eye is now."""
        pose = self._canvas.view.pose
        self._change(look=look_of(pose.position, pose.focus, pose.up))
        if self.step is not None:
            self._show_view(self.step)

    def _forget_view(self) -> None:
        self._change(look=None)
        if self.step is not None:
            self._show_view(self.step)

    def _add(self, *, copy: bool) -> None:
        row = self.steps.currentRow()
        if self.draft is not None:
            self.draft = self.draft.added(row, copy=copy)
            self._show_steps(row + 1)

    def _move(self, by: int) -> None:
        row = self.steps.currentRow()
        if self.draft is not None:
            self.draft = self.draft.moved(row, by)
            self._show_steps(min(max(row + by, 0), self.steps.count() - 1))

    def _remove(self) -> None:
        row = self.steps.currentRow()
        if self.draft is not None and self.step is not None:
            self.draft = self.draft.removed(row)
            self._show_steps(row)

    # ------------------------------------------------------------ what it would mean

    def _judge(self) -> None:
        if self.draft is None:
            return
        scene = self._at.scene
        prims = frozenset(scene.prim_path) if scene is not None else None
        why, found = self.draft.judged(self._specs, prims, self._files)
        self.findings.setText("\n".join(f"{p.code}: {p.what} {p.remedy}" for p in found))
        self.findings.setVisible(bool(found))
        self._tell(why)
        try:
            is_other = self.draft.text() != self.draft.since
        except Fault:
            is_other = False
        self.save.setEnabled(not why and is_other)

    def _tell(self, why: str) -> None:
        self.why.setText(why)
        self.why.setVisible(bool(why))
        if why:
            self.save.setEnabled(False)
        self.walk.setEnabled(self.step is not None)

    def _live(self) -> None:
        """Show the step's condition on the values of now, and of all steps whether theirs holds."""
        at = self._at
        if self.draft is None:
            return
        now_ns = at.now_mono_ns()
        for row, step in enumerate(self.draft.procedure.steps):
            mark = "·"
            if step.until:
                read = self._conditions.now(step.until, at.specs, at.mirror, now_ns)
                mark = MARKS[read.verdict]
                if row == self.steps.currentRow():
                    self.now.setText(read.words)
            elif row == self.steps.currentRow():
                self.now.setText("No condition: a person says when it is done.")
            if row < self.steps.count():
                self.steps.item(row).setText(f"{mark}  {row + 1}. {step.title or step.id}")

    def _walk(self) -> None:
        if self.draft is not None:
            self._at.guide.try_out(self.draft.procedure, max(0, self.steps.currentRow()))

    # ------------------------------------------------------------ saving

    def _save(self) -> None:
        if self.draft is not None and self.save.isEnabled():
            self._write(self.draft, self.draft.text(), self.draft.procedure.id)

    def _delete(self) -> None:
        if self.draft is not None and self.draft.file:
            self._write(self.draft, "", "")

    def _export(self) -> None:
        """Ask for a folder, and write the saved procedure there as a model and a page."""
        project, draft = self._at.project, self.draft
        if project is None or draft is None or not draft.file:
            return
        if self.is_unsaved:
            self._tell("Save it first: what is exported is what is saved.")
            return
        ask_file.to_write_into(
            self,
            "Export the procedure into a folder",
            str(project.folder.parent),
            lambda path: self._hand_out(project.folder, draft.procedure.id, path),
        )

    def _hand_out(self, project: Path, id_: str, folder: Path) -> None:
        self.export.setEnabled(False)
        self._say(f"{id_} is being exported …")
        self._at.work(lambda: handing_out.hand_out(project, id_, folder), self._handed_out)

    def _handed_out(self, answer: object) -> None:
        self.export.setEnabled(True)
        if isinstance(answer, FaultRecord):
            self._tell(f"Not exported: {answer.what} {answer.remedy}")
            self.save.setEnabled(self.is_unsaved)
        else:
            self._say(str(answer))

    def _write(self, draft: Draft, text: str, chosen: str) -> None:
        at = self._at
        if at.project is None:
            return
        folder = at.project.folder
        if self.save_or_say(
            lambda: change(folder, at.undo, draft.name, draft.since, text, self._specs), self._say
        ):
            self.load(chosen)
