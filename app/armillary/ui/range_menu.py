"""The button that fills a range: from the tag, its source, or what was recorded of it in the last day."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PySide6.QtWidgets import QMenu, QToolButton

from armillary.model.tags import TagSpec
from armillary.session import ranges
from armillary.session.limits_trial import Past
from armillary.session.ranges import Range
from armillary.session.workspace import Workspace

MOST_STATES = 24


class RangeMenu(QToolButton):
    """Asks the recorder when it is opened; what is not known says why."""

    def __init__(
        self, workspace: Workspace, current: Callable[[], TagSpec | None], take: Callable[[Range], None]
    ) -> None:
        super().__init__()
        self._at, self._current, self._take = workspace, current, take
        self._past: Past | None = None
        self.setText("Range from…")
        self.setAccessibleName("Take the range from the tag, its source or its history")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.list = QMenu(self)
        self.setMenu(self.list)
        self.list.aboutToShow.connect(self.ask)

    def ask(self) -> None:
        """Offer what is known now, and ask the recorder for the rest."""
        spec = self._current()
        if spec is None:
            return
        if self._past is None or self._past.tag != spec.name:
            self._past = Past(self._at.ask_recorder, spec.name, self._at.now_ns(), self._known)
        self._offer(spec)

    def _known(self, past: Past) -> None:
        spec = self._current()
        if spec is not None and spec.name == past.tag:
            self._past = past
            self._offer(spec)

    def seen(self, spec: TagSpec, most: int = MOST_STATES) -> tuple[float, ...]:
        """Return the values that were recorded of a tag, () where they are too many to be states."""
        past = self._past
        if past is None or not past.is_known or past.tag != spec.name:
            return ()
        values = np.unique(past.value[np.isfinite(past.value)])
        return tuple(values.tolist()) if len(values) <= most else ()

    def found(self, spec: TagSpec) -> tuple[Range, ...]:
        """Return where the range of a tag can come from."""
        past = self._past
        recorded = (
            ranges.of_past(past.value, past.quality)
            if past is not None and past.is_known
            else Range("history", why_not="Nothing of its last 24 h is known.")
        )
        return ranges.of_tag(spec), ranges.of_source(self._at.browsing, spec), recorded

    def _offer(self, spec: TagSpec) -> None:
        self.list.clear()
        for each in self.found(spec):
            entry = self.list.addAction(each.words)
            entry.setEnabled(not each.why_not)
            entry.triggered.connect(lambda _checked=False, each=each: self._take(each))
