"""What webhook and e-mail share: settings with checks, TLS, blocking calls off the loop, a notice as JSON."""

from __future__ import annotations

import asyncio
import difflib
import math
import ssl
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

from armillary.api import Notice, ProjectFault, SourceContext

NS = 1_000_000_000
TIMEOUT_S = 15.0
_T = TypeVar("_T")


class Given:
    """The settings of one receiver, read by type; each mistake is a ProjectFault with its place."""

    def __init__(self, context: SourceContext, what: str, known: tuple[str, ...]) -> None:
        self._settings, self._context = context.link.settings, context
        self.where = context.link.origin or f"notify {context.link.name}"
        for key in self._settings:
            if key not in known:
                near = difflib.get_close_matches(key, known, 1)
                raise ProjectFault(
                    f"{what} has no setting '{key}'.",
                    where=self.where,
                    remedy=f"Did you mean '{near[0]}'?" if near else f"Known: {', '.join(known)}.",
                )

    def text(self, key: str, default: str = "", *, required: bool = False) -> str:
        """Return a text."""
        value = self._settings.get(key, default)
        if not isinstance(value, str) or (required and not value):
            raise self._wrong(key, "a text")
        return value

    def flag(self, key: str) -> bool:
        """Return true or false."""
        value = self._settings.get(key, False)
        if not isinstance(value, bool):
            raise self._wrong(key, "true or false")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Return one text or a list of them, as a list that is not empty."""
        value = self._settings.get(key, ())
        several = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else ()
        if not several or not all(isinstance(one, str) and one for one in several):
            raise self._wrong(key, "a text, or a list of texts")
        return several

    def url(self, schemes: Mapping[str, int], *, insecure: bool, is_plain: str) -> tuple[SplitResult, int]:
        """Return the parts and port of the address; one without TLS stays on this machine, or is meant."""
        url = self._context.link.url
        try:
            parts = urlsplit(url)
            port = parts.port or schemes.get(parts.scheme, 0)
        except ValueError:
            parts, port = urlsplit(""), 0
        if parts.scheme not in schemes or not parts.hostname or not port:
            known = " or ".join(f"{scheme}://" for scheme in schemes)
            raise ProjectFault(
                f"'{url}' is no address for this.", where=self.where, remedy=f"Begin it with {known}."
            )
        if parts.scheme == is_plain and not insecure and not is_loopback(parts.hostname):
            raise ProjectFault(
                "Without TLS notices may only go to this machine.",
                where=self.where,
                remedy="Use the secure scheme; or insecure = true, on a network that you trust.",
            )
        return parts, port

    def tls(self) -> ssl.SSLContext:
        """Return what verifies the server: by the system's authorities, or the file `ca` of the project."""
        ca = self.text("ca")
        try:
            file = str(Path(self._context.project) / ca) if ca else None
            context = ssl.create_default_context(cafile=file)
        except (OSError, ssl.SSLError) as error:
            raise ProjectFault(
                f"The file of certificates '{ca}' cannot be read: {error}.",
                where=self.where,
                remedy="Give a PEM file, relative to the project.",
            ) from error
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context

    def _wrong(self, key: str, meant: str) -> ProjectFault:
        value = self._settings.get(key)
        return ProjectFault(
            f"The setting {key} = {value!r} cannot be used.", where=self.where, remedy=f"Give {meant}."
        )


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def aside(call: Callable[[], _T]) -> _T:
    """Return what a blocking call gives, from a thread that keeps no process from ending."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[_T] = loop.create_future()

    def settle(result: _T | None, error: BaseException | None) -> None:
        if done.done():
            return  # nobody waits any more
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]  # there was no error, so it is a _T

    def work() -> None:
        result, raised = None, None
        try:
            result = call()
        except Exception as error:  # noqa: BLE001  handed over to whoever waits
            raised = error
        try:
            loop.call_soon_threadsafe(settle, result, raised)
        except RuntimeError:
            if not loop.is_closed():
                raise

    threading.Thread(target=work, name="notify-send", daemon=True).start()
    return await done


def iso(ns: int) -> str | None:
    """Return a time as text with milliseconds, None for none."""
    if not ns:
        return None
    return datetime.fromtimestamp(ns / NS, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def document(notice: Notice) -> dict[str, Any]:  # Any: what JSON holds
    """Return a notice as JSON holds it; what does not apply is left out."""
    whole = {
        "schema": 1,
        "id": notice.id,
        "kind": notice.kind,
        "title": notice.title,
        "text": notice.text,
        "priority": notice.priority or None,
        "alarm": notice.alarm,
        "occurrence": notice.occurrence,
        "tag": notice.tag,
        "value": notice.value if math.isfinite(notice.value) else None,
        "unit": notice.unit,
        "where": notice.where,
        "consequence": notice.consequence,
        "operator_action": notice.operator_action,
        "time_to_respond_s": notice.time_to_respond_s or None,
        "time": iso(notice.t_ns),
        "raised": iso(notice.raised_ns),
        "delayed_s": round(notice.delayed_s, 3) or None,
        "actor": notice.actor,
        "comment": notice.comment,
        "count": notice.count,
        "lines": list(notice.lines),
        "project": notice.project,
        "world": notice.world,
        "receiver": notice.receiver,
        "link": notice.link,
    }
    return {key: value for key, value in whole.items() if value not in (None, "", [])}
