"""Makes the notifiers that a project names. Only LIVE worlds and `armillary notify` may import this."""

from __future__ import annotations

import logging
from pathlib import Path

from armillary.api.ports import Notifier, SourceContext
from armillary.extend.registry import Registry
from armillary.model.clock import Clock
from armillary.model.fault import Fault, ProjectFault
from armillary.model.link import LinkSpec
from armillary.model.notice import Receiver
from armillary.security.secrets import Secrets

log = logging.getLogger(__name__)


def made(receiver: Receiver, registry: Registry, secrets: Secrets, clock: Clock, folder: Path) -> Notifier:
    """Return the notifier of a receiver. Raises Fault when it cannot be made."""
    link = LinkSpec(
        name=receiver.name,
        kind=receiver.kind,
        url=receiver.url,
        settings=receiver.settings,
        origin=receiver.origin,
    )
    context = SourceContext(link=link, clock=clock, secret=secrets.of(receiver.url), project=folder)
    try:
        notifier = registry.make("notifiers", receiver.kind)(context)
    except Fault:
        raise
    except Exception as error:  # a border: a stranger's code may raise anything
        log.exception("the notifier %s could not be made", receiver.name)
        raise ProjectFault(
            f"The plugin '{receiver.kind}' failed: {type(error).__name__}: {error}.",
            where=receiver.origin,
            remedy="It is not used; the log has the details.",
        ) from error
    if not isinstance(notifier, Notifier):
        raise ProjectFault(
            f"The plugin '{receiver.kind}' makes no notifier.",
            where=receiver.origin,
            remedy="It is not used; update or remove the package that brings it.",
        )
    return notifier
