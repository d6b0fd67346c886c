"""What the command palette finds and what choosing it does."""

from __future__ import annotations

from collections.abc import Callable

from armillary.session.actions import ACTIONS, Action, action
from armillary.session.palette import Entry, fitting, search
from armillary.session.workspace import Workspace

MOST_PARTS = 2_000  # selected at once: the outline of each is drawn, and panels list them


class Finder:
    """Commands, tags and parts as one list, made when it is first asked for."""

    def __init__(
        self,
        workspace: Workspace,
        *,
        run: Callable[[Action], None],
        frame: Callable[[tuple[int, ...]], None],
        reveal: Callable[[int], None],
    ) -> None:
        self._workspace, self._run, self._frame, self._reveal = workspace, run, frame, reveal
        self._entries: list[Entry] = []

    def forget(self) -> None:
        """Make the list anew when it is asked for: scene or tags are others."""
        self._entries = []

    def find(self, text: str) -> list[Entry]:
        """Return what fits, best first."""
        ws = self._workspace
        if not self._entries:
            self._entries = [Entry("action", a.id, a.title, a.shortcut) for a in ACTIONS]
            self._entries += [Entry("tag", s.name, s.name, s.title or s.unit) for s in ws.specs]
            if (scene := ws.scene) is not None:
                kinds = [scene.type_names[k] for k in scene.prim_type.tolist()]
                self._entries += [
                    Entry("prim", path, path, kind) for path, kind in zip(scene.prim_path, kinds, strict=True)
                ]
        found = search(text, self._entries)
        parts = fitting(text, self._entries)
        if len(parts) > 1:  # outlined in the picture, all at once
            shown = min(len(parts), MOST_PARTS)
            of = f"first {shown} of {len(parts)}" if shown < len(parts) else f"all {shown}"
            found.insert(min(1, len(found)), Entry("parts", text, f"Select the {of} parts with “{text}”"))
        return found

    def take(self, entry: Entry) -> None:
        """Run a command, select and frame a part, or show a tag and select its part."""
        ws = self._workspace
        if entry.kind == "action":
            self._run(action(entry.key))
        elif entry.kind == "parts":
            paths = [e.key for e in fitting(entry.key, self._entries)[:MOST_PARTS]]
            prims = tuple(p for path in paths if (p := ws.prim_named(path)) is not None)
            ws.select(prims)
            self._frame(prims)
        elif entry.kind == "prim" and (prim := ws.prim_named(entry.key)) is not None:
            ws.select((prim,))
            self._frame((prim,))
        elif (slot := next((s.slot for s in ws.specs if s.name == entry.key), None)) is not None:
            self._reveal(slot)
            if (prim := ws.prim_of_tag(slot)) is not None:
                ws.select((prim,))
