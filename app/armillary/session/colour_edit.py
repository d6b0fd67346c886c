"""A colour map in hand: its stops, shown in the scene at once, written to project.toml on save."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from armillary.encoding.colour_checks import Finding, check, seen
from armillary.encoding.maps import named, rgb, table
from armillary.encoding.oklab import from_oklab, oklab
from armillary.model.binding import Binding, ColourMap
from armillary.model.fault import Fault
from armillary.project import folder as projects
from armillary.project.colormap_edit import with_colormap, without_colormap
from armillary.project.record import PROJECT_FILE
from armillary.session import limits
from armillary.session.undo import Done, Step
from armillary.session.workspace import Workspace

__all__ = ["ColourDesk", "Finding", "added", "check", "moved", "recoloured", "removed", "seen", "table"]
KINDS = {"linear": "Between stops", "steps": "In steps", "states": "One colour a state"}
_LEAST = 1e-4  # between two stops


def moved(held: ColourMap, stop: int, to: float) -> ColourMap:
    """Return a map with one stop elsewhere; it never passes its neighbours, and ends stay at 0 and 1."""
    at = [position for position, _ in held.stops]
    low = at[stop - 1] + _LEAST if stop > 0 else (0.0 if held.kind != "states" else to)
    high = at[stop + 1] - _LEAST if stop + 1 < len(at) else (1.0 if held.kind != "states" else to)
    if held.kind == "linear" and stop in (0, len(at) - 1):
        to = 0.0 if stop == 0 else 1.0
    place = min(max(to, low), high)
    return _with(held, stop, (place, held.stops[stop][1]))


def recoloured(held: ColourMap, stop: int, text: str) -> ColourMap:
    """Return a map with another colour at a stop. Raises ProjectFault for what is no colour."""
    rgb(text, held.name)
    return _with(held, stop, (held.stops[stop][0], f"#{text.strip().removeprefix('#').lower()}"))


def added(held: ColourMap, at: float) -> ColourMap:
    """Return a map with one stop more, in the colour that it has there; states get the next number."""
    if held.kind == "states":
        at = held.stops[-1][0] + 1.0
        colour = held.stops[-1][1]
    else:
        if any(abs(at - position) < _LEAST for position, _ in held.stops):
            return held
        row = table(held)[round(min(max(at, 0.0), 1.0) * 255)][:3]
        colour = "#{:02x}{:02x}{:02x}".format(*row.tolist())
    stops = tuple(sorted((*held.stops, (at, colour))))
    place = stops.index((at, colour))
    labels = (*held.labels[:place], f"state {at:g}", *held.labels[place:]) if held.labels else ()
    return replace(held, stops=stops, labels=labels)


def removed(held: ColourMap, stop: int) -> ColourMap:
    """Return a map without a stop; two stay, and so do the ends of a range."""
    least = 1 if held.kind == "states" else 2
    is_end = held.kind == "linear" and stop in (0, len(held.stops) - 1)
    if len(held.stops) <= least or is_end:
        return held
    labels = (*held.labels[:stop], *held.labels[stop + 1 :]) if held.labels else ()
    return replace(held, stops=(*held.stops[:stop], *held.stops[stop + 1 :]), labels=labels)


def turned(held: ColourMap) -> ColourMap:
    """Return a map the other way round."""
    if held.kind == "states":
        colours = [colour for _, colour in held.stops][::-1]
        stops = tuple((at, c) for (at, _), c in zip(held.stops, colours, strict=True))
        return replace(held, stops=stops)
    if held.kind == "steps":
        colours = [colour for _, colour in held.stops][::-1]
        return replace(held, stops=tuple((at, c) for (at, _), c in zip(held.stops, colours, strict=True)))
    return replace(held, stops=tuple((round(1.0 - at, 6), colour) for at, colour in reversed(held.stops)))


def of_kind(held: ColourMap, kind: str) -> ColourMap:
    """Return a map of another kind in the colours that it has."""
    if kind == held.kind:
        return held
    colours = [colour for _, colour in held.stops]
    n = len(colours)
    if kind == "states":
        return replace(held, kind=kind, stops=tuple((float(i), c) for i, c in enumerate(colours)), labels=())
    if kind == "steps":
        return replace(held, kind=kind, stops=tuple((i / n, c) for i, c in enumerate(colours)), labels=())
    if n == 1:
        colours, n = colours * 2, 2
    return replace(held, kind=kind, stops=tuple((i / (n - 1), c) for i, c in enumerate(colours)), labels=())


def softened(held: ColourMap, share: float = 0.7) -> ColourMap:
    """Return a map with so much of its chroma: further from the hues of alarms."""
    lab = oklab(np.array([rgb(c) for _, c in held.stops], np.uint8))
    lab[:, 1:] *= share
    made = from_oklab(lab).tolist()
    stops = tuple(
        (at, "#{:02x}{:02x}{:02x}".format(*row)) for (at, _), row in zip(held.stops, made, strict=True)
    )
    return replace(held, stops=stops)


def _with(held: ColourMap, stop: int, pair: tuple[float, str]) -> ColourMap:
    return replace(held, stops=(*held.stops[:stop], pair, *held.stops[stop + 1 :]))


class ColourDesk:
    """Colour maps of a project; one is in hand. What is not saved leaves no trace."""

    def __init__(self, at: Workspace) -> None:
        self._at = at
        self._saved = at.colormaps
        self._since = ""
        self.held: ColourMap | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """All maps that can be chosen: ready ones, and the project's."""
        return tuple(named(self._saved))

    @property
    def own(self) -> tuple[str, ...]:
        """The maps that the project has."""
        return tuple(m.name for m in self._saved)

    def take(self, name: str) -> ColourMap:
        """Take a map in hand; the scene shows it as it is changed."""
        self._saved = self._at.project.colormaps if self._at.project is not None else self._at.colormaps
        self._since = self._text()
        self.held = replace(named(self._saved)[name], origin="")
        return self.held

    def _text(self) -> str:
        project = self._at.project
        return limits.text_of(project.folder, PROJECT_FILE) if project is not None and project.saved else ""

    def users(self) -> tuple[Binding, ...]:
        """Return the bindings that are drawn with the map in hand."""
        name = self.held.name if self.held is not None else ""
        return tuple(b for b in self._at.authoring.saved if b.colormap == name)

    def show(self, held: ColourMap) -> None:
        """Take a map as it is now, and show it."""
        self.held = held
        if _can_be_drawn(held):
            self._show((*(m for m in self._saved if m.name != held.name), held))

    def _show(self, maps: tuple[ColourMap, ...]) -> None:
        self._at.colormaps = maps
        if self._at.scene is not None:
            self._at.rebind(self._at.bindings)

    def cancel(self) -> None:
        """Show the maps as they are saved."""
        if self._at.colormaps != self._saved:
            self._show(self._saved)
        self.held = None

    def save(self) -> str:
        """Write the map in hand; return what to tell. Raises Fault, then nothing is written."""
        held = self.held
        if held is None:
            return ""
        return self._write(f"Colour map {held.name}", lambda text: with_colormap(text, held))

    def remove(self, name: str) -> str:
        """Take a map out of the project; bindings that use it fall back. Raises Fault."""
        return self._write(f"Remove colour map {name}", lambda text: without_colormap(text, name))

    def _write(self, title: str, edit: Callable[[str], str]) -> str:
        at, project = self._at, self._at.project
        if project is None or not project.saved:
            return "The project is not saved: colour maps belong to a project."
        written = limits.edited(project.folder, PROJECT_FILE, edit, at.now_ns(), self._since)
        self._learn()
        now_ns = at.now_ns()

        def again(write: Callable[[int], None], done: Done) -> None:
            try:
                write(now_ns)
                self._learn()
            except Fault as fault:
                done(f"{fault.what} {fault.remedy}")
            else:
                done("")

        at.undo.push(
            Step(title, lambda done: again(written.back, done), lambda done: again(written.forth, done))
        )
        self._since = self._text()
        return f"Saved: {title}."

    def _learn(self) -> None:
        """Let the desk know the project as it is now, and draw with it."""
        project = self._at.project
        if project is None:
            return
        read = projects.read(project.folder)
        self._saved = read.colormaps
        self._at.learn_project(read)
        self._show(read.colormaps)


def _can_be_drawn(held: ColourMap) -> bool:
    try:
        table(held)
    except Fault:
        return False
    return True
