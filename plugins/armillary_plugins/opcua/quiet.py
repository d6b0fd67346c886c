"""asyncua's log, in our words: what it calls a warning is a link state here and told as such."""

from __future__ import annotations

import logging

log = logging.getLogger(__name__)


class _Relay(logging.Handler):
    """Passes warnings of the library on as plain information, one line, without its tracebacks."""

    def emit(self, record: logging.LogRecord) -> None:
        log.info("asyncua: %s", record.getMessage())


def quieten() -> None:
    """Route asyncua's log through ours; a second call changes nothing.

    Its level stays at WARNING: at INFO the publish loop formats whole results (seen in 2.1.0).
    """
    logger = logging.getLogger("asyncua")
    if not any(isinstance(handler, _Relay) for handler in logger.handlers):
        logger.addHandler(_Relay(logging.WARNING))
        logger.setLevel(logging.WARNING)
        logger.propagate = False
