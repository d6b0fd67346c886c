"""The card that opens when a tag is dropped on a part: what it drives, how, with live preview.

It stands in the inspector, so that it never covers the part that is being bound.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import isfinite

from PySide6.QtCore import QMimeData

from armillary.model.binding import Binding
from armillary.model.clock import NS
from armillary.session.author_actions import may_not_author
from armillary.session.binding_check import y_words
from armillary.session.browsing import NOTHING, Node, proposed, value_of
from armillary.session.draft import (
    OFFERED,
    Draft,
    edited,
    proposal,
)
from armillary.session.draft_fields import as_binding, judged, whys
from armillary.session.workspace import Workspace
from armillary.ui.bind_form import BindForm
from armillary.ui.mime import NODE_MIME, TAG_MIME, numbers


class BindCard(BindForm):
    """One draft in hand. Escape gives it up."""

    def __init__(self, workspace: Workspace, say: Callable[[str], None], reveal: Callable[[], None]) -> None:
        super().__init__(workspace, say)
        self._say, self._reveal = say, reveal
        self._nodes: tuple[int, ...] = ()  # of the link browser, that a draft makes tags of
        self.save.clicked.connect(workspace.authoring.save)
        self.cancel.clicked.connect(workspace.authoring.cancel)
        workspace.authoring.changed.connect(self.refresh)
        workspace.authoring.told.connect(say)
        workspace.undo.told.connect(say)
        workspace.browsing.values.connect(self._read)
        workspace.frame_arrived.connect(lambda _slots: self._tell_now())
        workspace.people.changed.connect(self._person_changed)
        self.hide()

    # ------------------------------------------------------------ drop → draft
    def drop(self, slots: tuple[int, ...], prim: int) -> bool:
        """Begin to bind the first of these tags to a prim; says why when that is not allowed."""
        ws = self._workspace
        if why := may_not_author(ws):
            self._say(f"Bind: {why}")
            return False
        if ws.scene is None or not slots or not 0 <= prim < len(ws.scene) or slots[0] >= len(ws.specs):
            return False
        path, value = ws.scene.prim_path[prim], float(ws.mirror.table.value[slots[0]])
        ws.select((prim,))
        self._reveal()
        ws.authoring.begin(proposal(ws.specs[slots[0]], path, value, ws.bindings))
        return True

    def edit(self, binding: Binding) -> bool:
        """Take a saved binding in hand; says why when that is not allowed."""
        ws = self._workspace
        spec = next((spec for spec in ws.specs if spec.name == binding.signal), None)
        if why := may_not_author(ws) or ("" if spec is not None else f"There is no tag '{binding.signal}'."):
            self._say(f"Edit: {why}")
            return False
        prim = ws.prim_named(binding.prim)
        if spec is None or binding.channel not in OFFERED:
            field = "A field of sensors has a card of its own: Edit ▸ Spread sensors."
            self._say(f"Edit: {field if binding.channel == 'field' else f'{binding.channel} is not drawn.'}")
            return False
        if prim is not None:
            ws.select((prim,))
        self._reveal()
        self.more.button.setChecked(False)
        ws.authoring.begin(judged(edited(binding, spec), self._at()))
        return True

    def edit_named(self, prim: str, name: str) -> bool:
        """Take the saved binding of a part in hand by its name."""
        saved = self._workspace.authoring.saved
        found = next((b for b in saved if (b.prim, b.name) == (prim, name)), None)
        return found is not None and self.edit(found)

    def take(self, data: QMimeData, prim: int) -> bool:
        """Begin to bind what was dropped on a prim: nodes of a link, or tags."""
        if nodes := numbers(data, NODE_MIME):
            return self.drop_nodes(nodes, prim)
        return self.drop(numbers(data, TAG_MIME), prim)

    def drop_nodes(self, numbers: tuple[int, ...], prim: int) -> bool:
        """Begin to bind nodes of a link to a prim: the first drives it, all that are none become tags."""
        ws = self._workspace
        browsing = ws.browsing
        if why := may_not_author(ws) or ("" if ws.project is not None else "No project is open."):
            self._say(f"Bind: {why}")
            return False
        if ws.scene is None or not 0 <= prim < len(ws.scene):
            return False
        nodes = [browsing.nodes[n] for n in numbers if 0 <= n < len(browsing.nodes)]
        fresh = [node for node in nodes if browsing.slot_of(node) == NOTHING and browsing.can_be_tag(node)]
        known = tuple(slot for node in nodes if (slot := browsing.slot_of(node)) != NOTHING)
        if not fresh:
            if not known:
                self._say("Bind: these nodes have no value that a tag can hold.")
            return self.drop(known, prim)
        ws.select((prim,))
        self._reveal()
        self._nodes = tuple(node.number for node in fresh)
        ws.authoring.begin(proposed(browsing, fresh, prim, ws.scene.prim_path[prim], ws.bindings))
        return True

    def _read(self, _number: int) -> None:
        """Take the newest value that a new tag's node showed into the preview."""
        draft = self._draft
        if draft is None or not draft.new or not self._nodes or self._nodes[0] >= len(self._browsed):
            return
        item = self._browsed[self._nodes[0]].item
        if item is not None and value_of(item) != draft.seen:
            self._workspace.authoring.change(replace(draft, seen=value_of(item)))

    @property
    def _browsed(self) -> list[Node]:
        return self._workspace.browsing.nodes

    def wanted_level(self) -> int:
        """Return the node of the link browser whose level the preview is fed by, NOTHING for none."""
        draft = self._draft
        if draft is None or not draft.new or not self._nodes or self._nodes[0] >= len(self._browsed):
            return NOTHING
        return self._browsed[self._nodes[0]].parent

    def _person_changed(self) -> None:
        """Give the draft up when whoever is there now may not author."""
        if self._draft is not None and may_not_author(self._workspace):
            self._workspace.authoring.cancel()

    def _tell_now(self) -> None:
        """Tell the value that the part is drawn with."""
        ws, draft = self._workspace, self._draft
        if draft is None:
            return
        if draft.trial is not None:
            text = "Shown with the test value; nothing is sent to the plant."
        elif draft.new:
            unit = f" {draft.tag.unit}" if draft.tag.unit else ""
            text = (
                f"Now {draft.seen:.4g}{unit}, as read from the link"
                if isfinite(draft.seen)
                else "No value yet"
            )
        else:
            [row] = (
                ws.tag_rows((draft.tag.slot,), ws.now_mono_ns()) if draft.tag.slot < len(ws.specs) else [None]
            )
            text = f"Now {row.value}{self._now_drawn(draft)}" if row is not None else ""
        if text != self.now.text():
            self.now.setText(text)

    def _now_drawn(self, draft: Draft) -> str:
        """Return what the binding makes of the present value: ` → 0.64`."""
        ws, at = self._workspace, self._at()
        if draft.why_not():
            return ""

        def read(name: str) -> float:
            return float(ws.mirror.table.value[at.specs[name].slot])

        value, t_s = float(ws.mirror.table.value[draft.tag.slot]), ws.mirror.t_ns / NS
        made = y_words(as_binding(draft), at, value, read, t_s)
        return f" → {made}" if made else ""

    def _why_not(self, draft: Draft) -> str:
        """Return why a draft cannot be saved, "" when it can."""
        names = {spec.name for spec in self._workspace.specs} if draft.new else set()
        taken = next((new.name for new in draft.new if new.name in names), "")
        return draft.why_not() or (f"There is a tag '{taken}' already: give another name." if taken else "")

    def refresh(self) -> None:
        """Show the draft in hand, or nothing."""
        authoring = self._workspace.authoring
        draft = self._draft
        self.setVisible(draft is not None)
        if draft is None:
            return
        if not self._filling and not self._typing():
            self._fill(draft)
        self._show_rows(draft)
        self.regularity.show_tag(None if draft.new else draft.tag)
        gone = authoring.replaced()
        why = self._why_not(draft)
        more = [new.name for new in draft.new[1:]]
        others = (
            f"Makes {len(more)} more tag{'s' if len(more) > 1 else ''}: {', '.join(more)}." if more else ""
        )
        taken = f"Replaces the binding to {gone[0].signal or gone[0].address}." if gone else ""
        told = whys(draft)
        here = "A field above is not right yet." if told else why
        self.hint.setText(" ".join(part for part in (here or draft.hint, others, taken) if part))
        self.save.setEnabled(not why and not authoring.saving)
        self.cancel.setEnabled(not authoring.saving)
        self.trial.show_draft(draft)
        self._tell_now()
