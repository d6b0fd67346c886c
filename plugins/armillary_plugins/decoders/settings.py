"""Checks of the settings in a `[decoder.NAME]`."""

from __future__ import annotations

import difflib
from typing import Any

from armillary.api import DecoderContext, ProjectFault


def check_keys(context: DecoderContext, known: tuple[str, ...]) -> None:
    """Raise ProjectFault for a setting that this decoder does not have."""
    for key in context.settings:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            raise wrong(
                context,
                f"The decoder '{context.name}' has no setting '{key}'.",
                f"Did you mean '{near[0]}'?" if near else f"Known: {', '.join(known)}.",
            )


def text(context: DecoderContext, key: str, default: str | None = None) -> str:
    """Return a text; one without a default is required. Raises ProjectFault."""
    value = context.settings.get(key, default)
    if not isinstance(value, str) or (default is None and not value):
        what = f"The setting '{key}' of the decoder '{context.name}' is "
        raise wrong(
            context, what + ("missing." if value is None else f"{value!r}."), f"Give '{key}' as a text."
        )
    return value


def given(context: DecoderContext, key: str, kind: type, default: Any) -> Any:  # Any: what TOML has
    """Return a value of one type. Raises ProjectFault."""
    value = context.settings.get(key, default)
    if not isinstance(value, kind):
        what = f"The setting '{key}' of the decoder '{context.name}' is {value!r}."
        raise wrong(context, what, f"Give a {kind.__name__}.")
    return value


def wrong(context: DecoderContext, what: str, remedy: str) -> ProjectFault:
    """Return the fault of a setting."""
    return ProjectFault(what, where=f"decoder.{context.name}", remedy=remedy)
