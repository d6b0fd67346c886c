"""What is painted over a finished picture: labels, legends, axes and badges."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from armillary.model.arrays import F8, I8, U1
from armillary.model.look import Marks, no_marks
from armillary.viewport import badge_places, callouts, outline, overlay
from armillary.viewport import badges as alarm_badges
from armillary.viewport import camera as eye
from armillary.viewport import marks as signs
from armillary.viewport.badges import Placed
from armillary.viewport.callouts import Callout, Told
from armillary.viewport.gaze import Gaze
from armillary.viewport.marks import Signed
from armillary.viewport.outline import Painted
from armillary.viewport.overlay import LegendLike, Plate, Rect
from armillary.viewport.stage import Stage
from armillary.viewport.theme import Theme

_GAP = 12  # pixels between overlays and the edge
MANY = 40  # badges: to place and draw more is done in steps
_AT_ONCE = 4  # badges made in a step
LEGEND_SHARE = 0.6  # of the height of the view that legends may take, the first one apart


# low and high of each corner's x, y, z among the six columns of a box
_MOST_SIGNS = 2_000  # parts looked at for signs in one picture, the largest
_CORNERS = np.array([[x, y, z] for x in (0, 3) for y in (1, 4) for z in (2, 5)])


def _large(gaze: Gaze, box: F8) -> I8:
    """Return which boxes (n, 6) may be large enough on the screen for a sign, ascending, at most so many.

    Judged by their spheres, which are never smaller than they are: of a silent world all parts have signs.
    """
    w, h = gaze.size
    middle, span = (box[:, :3] + box[:, 3:]) / 2, box[:, 3:] - box[:, :3]
    at = eye.project(gaze.pose, middle, gaze.size)
    with np.errstate(invalid="ignore", divide="ignore"):
        radius = np.sqrt(np.einsum("ij,ij->i", span, span)) / 2 * eye.pixels_per_metre(gaze.pose, at[:, 2], h)
        inside = (np.abs(at[:, 0] - w / 2) < w / 2 + radius) & (np.abs(at[:, 1] - h / 2) < h / 2 + radius)
        some = np.flatnonzero((at[:, 2] > 0) & inside & (2 * radius > signs.SMALLEST_PX))
    if len(some) > _MOST_SIGNS:
        some = np.sort(some[np.argpartition(-radius[some], _MOST_SIGNS)[:_MOST_SIGNS]])
    return some


def _middles(stage: Stage, prim: I8) -> F8:
    """Return the middles (n, 3) of prims' boxes as they are now; of one with nothing to draw, its origin."""
    box = stage.boxes.of_each(prim, stage.ends[prim])
    middle = (box[:, :3] + box[:, 3:]) / 2
    at: F8 = np.where(np.isfinite(middle), middle, stage.matrix[prim, :, 3]) + stage.origin
    return at


def _meets(one: tuple[int, int, int, int], others: list[tuple[int, int, int, int]]) -> bool:
    left, top, right, low = one
    return any(left < r and x < right and top < b and y < low for x, y, r, b in others)


@dataclass(frozen=True, slots=True, eq=False)
class _Placing:
    """Where everything stands on the picture that is drawn next."""

    legends: list[tuple[int, int, U1]]
    triad: U1 | None
    blocked: list[Rect]  # places of legends and axes
    placed: tuple[Placed, ...]
    signed: tuple[Signed, ...]
    told: tuple[Told, ...]


class Annotations:
    """What is shown over the picture, and where the last one had it.

    axes, labels, legend, calling (callouts): whether these are shown. scale: of text. half, still: how
    badges blink.
    """

    def __init__(self) -> None:
        self.axes = self.labels = self.legend = self.calling = True
        self.scale = 1.0
        self.half, self.still = 0, False
        self._table: I8 = np.zeros((0, 3), np.int64)  # badges: prim, priority, count; the worst first
        self._ready: _Placing | None = None  # worked out aside for the next `draw`
        self.placed: tuple[Placed, ...] = ()
        self.callouts: tuple[Callout, ...] = ()
        self.told: tuple[Told, ...] = ()
        self._blocked: list[Rect] = []  # places of legends and axes
        self.marks: Marks = no_marks()
        self.signed: tuple[Signed, ...] = ()
        self._legends: tuple[LegendLike, ...] = ()
        self._outlined = outline.nothing()
        self._patches: list[U1] | None = None
        self._under: list[tuple[int, int, U1]] = []  # (x, y, pixels) that signs and badges cover

    def take_badges(self, table: I8) -> bool:
        """Take the alarms that wait for a person, (n, 3) prim, priority and count; whether they differ."""
        table = table[np.lexsort((table[:, 0], table[:, 1]))]
        if np.array_equal(table, self._table):
            return False
        self._table = table
        return True

    @property
    def is_many(self) -> bool:
        """Whether to place and draw badges takes as long as a small scene: better in steps."""
        return len(self._table) > MANY

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
        """Whether a badge or an outline on the last picture blinks."""
        found = {min(b.priority, 4) for b in self.placed} | set(np.unique(self._outlined.priority).tolist())
        return not self.still and any(alarm_badges.BLINK_HALVES[priority] for priority in found)

    def badge_at(self, x: float, y: float) -> Placed | None:
        """Return the badge at pixel (x, y) of the last picture, None for none."""
        reach = alarm_badges.SIZE * self.scale * 0.6
        near = [b for b in self.placed if abs(b.x - x) <= reach and abs(b.y - y) <= reach]
        return near[0] if near else None

    def get_ready(self, gaze: Gaze, theme: Theme) -> Iterator[None]:
        """Work out what the next `draw` needs, as `gaze` sees it, in steps; the last picture stays."""
        w, h = gaze.size
        gap = round(_GAP * self.scale)
        legends = self._legend_places(w, h, gap, theme)
        placed = self._place_badges(gaze)
        yield
        signed = self._place_signs(gaze, theme, placed)
        triad = overlay.triad(*eye.basis(gaze.pose), theme, self.scale) if self.axes else None
        blocked = [(x, y, x + patch.shape[1], y + patch.shape[0]) for x, y, patch in legends]
        if triad is not None:
            blocked.append((gap, h - gap - triad.shape[0], gap + triad.shape[1], h - gap))
        yield
        for at in range(0, len(placed), _AT_ONCE):
            alarm_badges.make(placed[at : at + _AT_ONCE], theme, self.scale, self.half, still=self.still)
            yield
        told = self._place_callouts(gaze, theme, placed, signed, blocked)
        yield
        for each in told:
            callouts.make(each, theme, self.scale)
            yield
        self._ready = _Placing(legends, triad, blocked, placed, signed, told)

    def get_unready(self) -> None:
        """Forget what was worked out: the picture that it was for is given up."""
        self._ready = None

    def draw(self, rgba: U1, gaze: Gaze, theme: Theme, outlined: Painted) -> None:
        """Paint everything over a picture (h, w, 4) as `gaze` sees it. outlined: what of it may blink."""
        h = rgba.shape[0]
        gap = round(_GAP * self.scale)
        if self._ready is None:
            for _ in self.get_ready(gaze, theme):
                pass
        ready, self._ready = self._ready, None
        if ready is None:
            return
        legends, triad, self._blocked = ready.legends, ready.triad, ready.blocked
        self.placed, self.signed, self.told = ready.placed, ready.signed, ready.told
        if self.labels and gaze.stage is not None and gaze.stage.look.label:
            blocked = [alarm_badges.rect(b, theme, self.scale) for b in self.placed]
            blocked += [signs.rect(s, theme, self.scale) for s in self.signed]
            blocked += [callouts.rect(t, self.scale) for t in self.told] + self._blocked
            overlay.labels(rgba, self._plates(gaze, gaze.stage), theme, self.scale, blocked)
        if triad is not None:
            overlay.blend(rgba, triad, gap, h - gap - triad.shape[0])
        for x, y, patch in legends:
            overlay.blend(rgba, patch, x, y)
        self._outlined = outlined.still_there(rgba)
        self._flash(rgba)
        self._draw_badges(rgba, theme)

    def redraw(self, rgba: U1, theme: Theme) -> None:
        """Draw what blinks on the last picture anew, as `half` says; the scene is not drawn again."""
        self._uncover(rgba)
        self._flash(rgba)
        self._draw_badges(rgba, theme)

    def restamp(self, rgba: U1, gaze: Gaze, theme: Theme) -> None:
        """Draw `marks` and `callouts` over the last picture in place of those that it has."""
        self._uncover(rgba)
        self.signed = self._place_signs(gaze, theme, self.placed)
        self.told = self._place_callouts(gaze, theme, self.placed, self.signed, self._blocked)
        self._draw_badges(rgba, theme)

    def _flash(self, rgba: U1) -> None:
        """Show the outlines of those priorities whose badges are full in this half second."""
        full = [p for p in (1, 2, 3, 4) if alarm_badges.style_of(p, self.half, still=self.still) != "hollow"]
        self._outlined.show(rgba, tuple(full))

    def _uncover(self, rgba: U1) -> None:
        for x, y, pixels in reversed(self._under):
            h, w = pixels.shape[:2]
            rgba[y : y + h, x : x + w] = pixels

    def _place_signs(self, gaze: Gaze, theme: Theme, placed: Sequence[Placed]) -> tuple[Signed, ...]:
        stage, marks = gaze.stage, self.marks
        if stage is None or not len(marks) or int(marks.prim[-1]) >= len(stage.scene):
            return ()
        box = stage.boxes.of_each(marks.prim, stage.ends[marks.prim]) + np.tile(stage.origin, 2)
        # parts that are drawn by instances have no pieces of their own: where they rest must do
        box = np.where(np.isnan(box), stage.scene.box[marks.prim], box)
        kept_rows = _large(gaze, box)
        marks = Marks(prim=marks.prim[kept_rows], kind=marks.kind[kept_rows], age_s=marks.age_s[kept_rows])
        corner = box[kept_rows][:, _CORNERS].reshape(-1, 3)
        at = eye.project(gaze.pose, corner, gaze.size).reshape(-1, 8, 3)
        found = signs.place(marks, at, gaze.size, self.scale)
        kept = [alarm_badges.rect(b, theme, self.scale) for b in placed] if found else []
        return tuple(s for s in found if not _meets(signs.rect(s, theme, self.scale), kept))

    def _place_callouts(
        self,
        gaze: Gaze,
        theme: Theme,
        placed: Sequence[Placed],
        signed: Sequence[Signed],
        blocked: Sequence[Rect],
    ) -> tuple[Told, ...]:
        if not self.calling or not self.callouts:
            return ()
        taken = [*blocked, *(alarm_badges.rect(b, theme, self.scale) for b in placed)]
        taken += [signs.rect(s, theme, self.scale) for s in signed]
        return callouts.place(self.callouts, placed, gaze.size, self.scale, taken)

    def _place_badges(self, gaze: Gaze) -> tuple[Placed, ...]:
        stage = gaze.stage
        if stage is None or not len(self._table):
            return ()
        table = self._table[(self._table[:, 0] >= 0) & (self._table[:, 0] < len(stage.scene))]
        middle = _middles(stage, table[:, 0])
        at = eye.project(gaze.pose, middle, gaze.size)
        return badge_places.place_arrays(table, at, gaze.size, self.scale, still=self.still)

    def _draw_badges(self, rgba: U1, theme: Theme) -> None:
        """Draw what lies over the scene and keep what it covers: a blink or a second costs no picture."""
        self._under = []
        for signed in self.signed:
            self._keep(rgba, signs.rect(signed, theme, self.scale))
        signs.draw(rgba, self.signed, theme, self.scale)
        for told in self.told:
            self._keep(rgba, callouts.whole(told, self.scale))
        callouts.draw(rgba, self.told[::-1], theme, self.scale)
        for badge in self.placed:
            self._keep(rgba, alarm_badges.rect(badge, theme, self.scale))
        alarm_badges.draw(rgba, self.placed, theme, self.scale, self.half, still=self.still)

    def _keep(self, rgba: U1, place: Rect) -> None:
        x0, y0, x1, y1 = (max(at, 0) for at in place)
        self._under.append((x0, y0, rgba[y0:y1, x0:x1].copy()))

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
