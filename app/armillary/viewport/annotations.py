"""What is painted over a finished picture: labels, legends, axes and badges."""

from __future__ import annotations

import numpy as np

from armillary.model.arrays import U1
from armillary.viewport import badges as alarm_badges
from armillary.viewport import camera as eye
from armillary.viewport import overlay
from armillary.viewport.badges import Badge, Placed
from armillary.viewport.gaze import Gaze
from armillary.viewport.overlay import LegendLike, Plate
from armillary.viewport.stage import Stage
from armillary.viewport.theme import Theme

_GAP = 12  # pixels between overlays and the edge
LEGEND_SHARE = 0.6  # of the height of the view that legends may take, the first one apart


class Annotations:
    """What is shown over the picture, and where the last one had it.

    axes, labels, legend: whether these are shown. scale: of text. half, still: how badges blink.
    """

    def __init__(self) -> None:
        self.axes = self.labels = self.legend = True
        self.scale = 1.0
        self.half, self.still = 0, False
        self.badges: tuple[Badge, ...] = ()
        self.placed: tuple[Placed, ...] = ()
        self._legends: tuple[LegendLike, ...] = ()
        self._patches: list[U1] | None = None
        self._under: list[tuple[int, int, U1]] = []  # (x, y, pixels) that badges cover

    @property
    def legends(self) -> tuple[LegendLike, ...]:
        """The legends, one above the other at the lower right."""
        return self._legends

    @legends.setter
    def legends(self, legends: tuple[LegendLike, ...]) -> None:
        self._legends = legends
        self.forget()

    def forget(self) -> None:
        """Draw legends anew: the theme or the scale is another one."""
        self._patches = None

    @property
    def blinks(self) -> bool:
        """Whether a badge on the last picture blinks."""
        return not self.still and any(alarm_badges.BLINK_HALVES[min(b.priority, 4)] for b in self.placed)

    def badge_at(self, x: float, y: float) -> Placed | None:
        """Return the badge at pixel (x, y) of the last picture, None for none."""
        reach = alarm_badges.SIZE * self.scale * 0.6
        near = [b for b in self.placed if abs(b.x - x) <= reach and abs(b.y - y) <= reach]
        return near[0] if near else None

    def draw(self, rgba: U1, gaze: Gaze, theme: Theme) -> None:
        """Paint everything over a picture (h, w, 4) as `gaze` sees it."""
        h, w = rgba.shape[:2]
        gap = round(_GAP * self.scale)
        legends = self._legend_places(w, h, gap, theme)
        self.placed = self._place_badges(gaze)
        if self.labels and gaze.stage is not None and gaze.stage.look.label:
            blocked = [alarm_badges.rect(b, theme, self.scale) for b in self.placed]
            blocked += [(x, y, x + patch.shape[1], y + patch.shape[0]) for x, y, patch in legends]
            overlay.labels(rgba, self._plates(gaze, gaze.stage), theme, self.scale, blocked)
        if self.axes:
            patch = overlay.triad(*eye.basis(gaze.pose), theme, self.scale)
            overlay.blend(rgba, patch, gap, h - gap - patch.shape[0])
        for x, y, patch in legends:
            overlay.blend(rgba, patch, x, y)
        self._draw_badges(rgba, theme)

    def redraw(self, rgba: U1, theme: Theme) -> None:
        """Draw the badges of the last picture as `half` says."""
        for x, y, pixels in reversed(self._under):
            h, w = pixels.shape[:2]
            rgba[y : y + h, x : x + w] = pixels
        self._draw_badges(rgba, theme)

    def _place_badges(self, gaze: Gaze) -> tuple[Placed, ...]:
        stage = gaze.stage
        shown = [b for b in self.badges if stage is not None and 0 <= b.prim < len(stage.scene)]
        if not shown:
            return ()
        boxes = np.array([gaze.box(b.prim) for b in shown])
        at = eye.project(gaze.pose, (boxes[:, :3] + boxes[:, 3:]) / 2, gaze.size)
        return alarm_badges.place(shown, at, gaze.size, self.scale)

    def _draw_badges(self, rgba: U1, theme: Theme) -> None:
        """Draw the badges, keeping what they cover, so that a blink costs no picture."""
        self._under = []
        for badge in self.placed:
            x0, y0, x1, y1 = alarm_badges.rect(badge, theme, self.scale)
            x0, y0 = max(x0, 0), max(y0, 0)
            self._under.append((x0, y0, rgba[y0 : max(y1, 0), x0 : max(x1, 0)].copy()))
        alarm_badges.draw(rgba, self.placed, theme, self.scale, self.half, still=self.still)

    def _legend_places(self, w: int, h: int, gap: int, theme: Theme) -> list[tuple[int, int, U1]]:
        """Return (x, y, patch) of the legends, from the lower right upwards, as many as are whole."""
        if not self.legend:
            return []
        if self._patches is None:
            self._patches = [
                overlay.legend(told, theme, self.scale, marks=i == 0) for i, told in enumerate(self._legends)
            ]
        places: list[tuple[int, int, U1]] = []
        bottom = h - gap
        for patch in self._patches:
            top = bottom - patch.shape[0]
            if top < 0 or (places and top < (1.0 - LEGEND_SHARE) * h):
                break  # no room above: these wait for a taller view, which is for the scene first
            places.append((w - gap - patch.shape[1], bottom - patch.shape[0], patch))
            bottom -= patch.shape[0] + gap // 2
        return places

    @staticmethod
    def _plates(gaze: Gaze, stage: Stage) -> list[Plate]:
        labels = [
            t for t in stage.look.label if 0 <= t.prim < len(stage.scene) and stage.look.visible[t.prim]
        ]
        if not labels:
            return []
        corners = np.concatenate([eye.corners(gaze.box(label.prim)) for label in labels])
        at = eye.project(gaze.pose, corners, gaze.size).reshape(-1, 8, 3)
        # over the highest corner on the screen, so that the plate does not cover what it tells of
        x, y, depth = at[:, :, 0].mean(axis=1), at[:, :, 1].min(axis=1), at[:, :, 2].min(axis=1)
        return [
            Plate(label.text, label.quality, float(x[i]), float(y[i]), float(depth[i]))
            for i, label in enumerate(labels)
        ]
