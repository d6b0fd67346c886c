"""What the command palette finds and what choosing it does."""

from __future__ import annotations

from collections.abc import Callable

from armillary.model.fault import Fault
from armillary.model.message import Matches
from armillary.session.actions import ACTIONS, Action, action
from armillary.session.loading import fault_of
from armillary.session.palette import Entry, fitting, search
from armillary.session.seeking import Query, fits, query_of, question
from armillary.session.view_actions import listed_as
from armillary.session.workspace import Workspace

MOST_PARTS = 2_000  # selected at once: the outline of each is drawn, and panels list them
MOST_LISTED = 50  # parts of a query that are listed one by one
ASK_S = 30.0


class Finder:
    """Commands, tags, kept views and parts as one list, made when it is first asked for."""

    def __init__(
        self,
        workspace: Workspace,
        *,
        run: Callable[[Action], None],
        frame: Callable[[tuple[int, ...]], None],
        reveal: Callable[[int], None],
        go: Callable[[str], None],
        say: Callable[[str], None],
    ) -> None:
        self._workspace, self._run, self._frame, self._reveal = workspace, run, frame, reveal
        self._go, self._say = go, say
        self._entries: list[Entry] = []

    def forget(self) -> None:
        """Make the list anew when it is asked for: scene or tags are others."""
        self._entries = []

    def find(self, text: str) -> list[Entry]:
        """Return what fits, best first."""
        query = query_of(text)
        if query is not None:
            return self._found(query, text)
        ws = self._workspace
        if not self._entries:
            self._entries = [Entry("action", a.id, a.title, a.shortcut) for a in ACTIONS]
            self._entries += [Entry("tag", s.name, s.name, s.title or s.unit) for s in ws.specs]
            if (scene := ws.scene) is not None:
                kinds = [scene.type_names[k] for k in scene.prim_type.tolist()]
                self._entries += [
                    Entry("prim", path, path, kind) for path, kind in zip(scene.prim_path, kinds, strict=True)
                ]
        found = [*search(text, self._views()), *search(text, self._entries)]
        parts = fitting(text, self._entries)
        if len(parts) > 1:  # outlined in the picture, all at once
            shown = min(len(parts), MOST_PARTS)
            found.insert(
                min(1, len(found)),
                Entry("parts", text, f"Select the {_of(shown, len(parts))} parts with “{text}”"),
            )
        return found

    def _views(self) -> list[Entry]:
        """Return the kept views; they may have been written by another desk, so they are asked for anew."""
        ws = self._workspace
        if ws.scene is None:
            return []
        try:
            views = ws.views.listed(ws.role)
        except Fault:
            return []  # told where they are kept and gone to
        return [Entry("view", v.name, f"View: {listed_as(v, ws.role)}", "kept view") for v in views]

    def _found(self, query: Query, text: str) -> list[Entry]:
        """Return the parts that fit a query: all together first, then one by one."""
        ws = self._workspace
        if ws.scenery is None:
            return []
        rows = fits(query, ws.scenery, ws.twins)
        if query.attributes:
            return [Entry("query", text, f"Select the parts with {text}", "asks the scene")]
        if not len(rows):
            return []
        shown = min(len(rows), MOST_PARTS)
        scene = ws.scenery.scene
        return [
            Entry("query", text, f"Select the {_of(shown, len(rows))} parts with {text}"),
            *(
                Entry("prim", scene.prim_path[i], scene.prim_path[i], scene.type_names[scene.prim_type[i]])
                for i in rows[:MOST_LISTED].tolist()
            ),
        ]

    def take(self, entry: Entry) -> None:
        """Run a command, select and frame parts, go to a view, or show a tag and select its part."""
        ws = self._workspace
        if entry.kind == "action":
            self._run(action(entry.key))
        elif entry.kind == "view":
            self._go(entry.key)
        elif entry.kind == "query":
            self._select_query(entry.key)
        elif entry.kind == "parts":
            paths = [e.key for e in fitting(entry.key, self._entries)[:MOST_PARTS]]
            self._select(tuple(p for path in paths if (p := ws.prim_named(path)) is not None))
        elif entry.kind == "prim" and (prim := ws.prim_named(entry.key)) is not None:
            self._select((prim,))
        elif (slot := next((s.slot for s in ws.specs if s.name == entry.key), None)) is not None:
            self._reveal(slot)
            if (prim := ws.prim_of_tag(slot)) is not None:
                ws.select((prim,))

    def _select(self, prims: tuple[int, ...]) -> None:
        self._workspace.select(prims)
        self._frame(prims)

    def _select_query(self, text: str) -> None:
        ws, query = self._workspace, query_of(text)
        if query is None or ws.scenery is None:
            return
        asked = question(query, MOST_PARTS)
        if asked is None:
            rows = fits(query, ws.scenery, ws.twins)
            self._select(tuple(rows[:MOST_PARTS].tolist()))
            return

        def answered(answer: object) -> None:
            if ws.scenery is None:
                return
            if not isinstance(answer, Matches):
                fault = fault_of(answer)
                self._say(f"{fault.what} {fault.remedy}")
                return
            allowed = set(fits(query, ws.scenery, ws.twins).tolist())
            prims = tuple(
                p for path in answer.paths if (p := ws.prim_named(path)) in allowed and p is not None
            )
            more = f"; only the first {MOST_PARTS:,} are selected" if answer.more else ""
            self._say(f"{len(prims):,} parts with {text}{more}" if prims else f"No part has {text}.")
            if prims:
                self._select(prims)

        ws.ask_about_scene(asked, answered, ASK_S)


def _of(shown: int, count: int) -> str:
    return f"first {shown} of {count}" if shown < count else f"all {shown}"
