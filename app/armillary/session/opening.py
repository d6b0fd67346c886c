"""What is known of a scene while it is being read: how far it is, and boxes of the parts read so far."""

from __future__ import annotations

import numpy as np

from armillary.model.arrays import F4, U1
from armillary.model.message import SceneProgress

CANCELLED = "Opening was cancelled."
AGAIN = "Reading the scene again"
_TEXTS = {
    "checking": "Checking the files of the scene",
    "composing": "Putting the layers of the scene together",
    "reading": "Reading the scene",
    "building": "Building the scene",
}
_BEGIN = {"checking": 0.02, "composing": 0.1, "reading": 0.25, "building": 0.65}
_READ_SHARE = _BEGIN["building"] - _BEGIN["reading"]
MOST_BOXES = 200_000  # kept: no desk draws so many at once, and to look through more takes too long


class Opening:
    """One opening after the other. Boxes are kept only until the scene itself is there."""

    def __init__(self) -> None:
        self.cancelled = False
        self.begin()

    def begin(self) -> None:
        """Forget what was known of the opening before."""
        self._boxes: list[F4] = []
        self._colours: list[U1] = []
        self.count = 0  # boxes known
        self._kept, self._step = 0, 1  # of these, and which of the next ones are

    def add(self, told: SceneProgress) -> tuple[str, float]:
        """Take what the scene child tells; return the text to show and the share that is done, 0…1."""
        if len(told.box):
            self._boxes.append(told.box[:: self._step])
            self._colours.append(told.rgba[:: self._step])
            self._kept += len(self._boxes[-1])
            self.count += len(told.box)
            if self._kept > MOST_BOXES:
                self._thin()
        text, share = _TEXTS.get(told.what, _TEXTS["reading"]), _BEGIN.get(told.what, 0.0)
        if told.what == "reading" and told.total:
            done = min(told.done, told.total)
            return f"{text} · {done:,} of {told.total:,} parts", share + _READ_SHARE * done / told.total
        if told.what == "composing" and told.total > 1:
            text = f"Putting {told.total:,} layers of the scene together"
        return text, share

    def _thin(self) -> None:
        """Keep every second box, and of the others those that are large."""
        box, rgba = self.boxes()
        keep = np.zeros(len(box), np.bool_)
        keep[::2] = True
        size = np.linalg.norm(box[:, 3:] - box[:, :3], axis=1)
        keep[np.argpartition(size, -len(size) // 10)[-len(size) // 10 :]] = True
        self._boxes, self._colours = [box[keep]], [rgba[keep]]
        self._kept, self._step = int(keep.sum()), 2 * self._step

    def boxes(self) -> tuple[F4, U1]:
        """Return the boxes (n, 6) of parts known so far, world metres, and their colours (n, 4).

        Of many parts these are the large ones and an even share of the others.
        """
        if not self._boxes:
            return np.zeros((0, 6), np.float32), np.zeros((0, 4), np.uint8)
        if len(self._boxes) > 1:
            self._boxes, self._colours = [np.concatenate(self._boxes)], [np.concatenate(self._colours)]
        return self._boxes[0], self._colours[0]
