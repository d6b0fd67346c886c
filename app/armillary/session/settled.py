"""Whether a desk shows what its world said last, so that a picture of it is a picture of that moment."""

from __future__ import annotations

from armillary.session.workspace import Workspace


def is_settled(at: Workspace) -> bool:
    """Return whether scene, bindings and colours are those of the newest frame; True without a scene."""
    if at.progress[0] or at.is_rebinding or at.authored.is_coming:
        return False
    if at.scene is None:
        has_entry = at.project is not None and at.project.entry is not None
        return at.scene_problem is not None or not has_entry
    return at.scenery is not None and at.scenery.specs is at.specs and not at.showing.wanted
