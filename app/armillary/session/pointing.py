"""What a person does to the picture: select, hide, isolate, ghost, take apart, hold."""

from __future__ import annotations

from collections.abc import Sequence

from armillary.session.hearing import Hearing
from armillary.session.showing import GREYS


class Pointing(Hearing):
    """A desk on which parts are chosen and shown in other ways. Nothing of it leaves the desk."""

    def select(self, prims: Sequence[int]) -> None:
        """Select prims, in this order."""
        chosen = tuple(dict.fromkeys(int(p) for p in prims))
        if chosen != self.selection:
            self.selection = chosen
            self.orders.disarm("something else was selected.")
            self.showing.wanted |= self.ghost
            self.selection_changed.emit(chosen)
            self._refresh()

    def toggle_visible(self, prim: int) -> None:
        """Hide a prim with its subtree, or show it again."""
        self.showing.hidden ^= {prim}
        self._refresh(changed=True)

    def show_all(self) -> None:
        """Show everything again: nothing hidden, nothing isolated, no ghosts."""
        self.showing.hidden.clear()
        self.showing.isolated, self.showing.ghost = (), False
        self.showing.ghost_normal = False
        self._refresh(changed=True)

    def isolate(self, prims: Sequence[int]) -> None:
        """Show only these subtrees; none shows everything again."""
        self.showing.isolated = tuple(dict.fromkeys(prims))
        self._refresh(changed=True)

    def set_ghost(self, ghost: bool) -> None:
        """Draw everything but the selection faintly, or no longer."""
        self.showing.ghost = ghost
        self._refresh(changed=True)

    def set_ghost_normal(self, ghost: bool) -> None:
        """Draw everything that is normal faintly: without an alarm, its values good; or no longer."""
        self.showing.ghost_normal = ghost
        self._refresh(changed=True)

    def go_in_scene(self, at: float) -> None:
        """Show the scene at a time code of its own."""
        self.showing.go_to(at)
        self._refresh()

    def set_explode(self, share: float) -> None:
        """Move parts out by a share of their way from what holds them; 0 puts them back."""
        self.showing.explode = min(max(share, 0.0), 2.0)
        self._refresh(changed=True)

    def set_paused(self, paused: bool) -> None:
        """Hold the picture (frames are still taken, tables go on)."""
        self.paused = paused
        self._refresh(changed=True)

    def set_theme(self, theme: str) -> None:
        """Draw equipment grey as the theme has it."""
        self.showing.grey = GREYS.get(theme, GREYS["dark"])
        self._refresh(changed=True)
