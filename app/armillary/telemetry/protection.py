"""How the connection of a link is protected, as its source says, else as the scheme of its url does."""

from __future__ import annotations

import functools
from typing import cast

from armillary.api.ports import Secured, Source
from armillary.model.link import LinkSpec

SECURE, PLAIN = frozenset({"mqtts", "wss"}), frozenset({"mqtt", "ws"})


@functools.cache
def _tells(kind: type) -> bool:
    """Return whether sources of a class are Secured; a protocol is slow to ask, twice a tick."""
    return issubclass(kind, Secured)


def secured(link: LinkSpec, made: Source | None, *, is_up: bool) -> str:
    """Return how a link is protected, "None" when everybody on the way can read it, "" while nobody knows."""
    if made is not None and _tells(type(made)):
        return cast("Secured", made).secured()
    scheme = link.url.partition("://")[0]
    if not is_up or scheme not in SECURE | PLAIN:
        return ""
    return "TLS" if scheme in SECURE else "None"
