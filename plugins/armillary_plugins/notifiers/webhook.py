"""The webhook: one JSON POST for each notice, signed by HMAC-SHA256, over verified TLS."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import socket
import ssl

from armillary.api import Fault, LinkFault, LinkRefused, Notice, OrderFault, SourceContext
from armillary_plugins.notifiers.common import NS, TIMEOUT_S, Given, aside, document

KNOWN = ("secret", "ca", "insecure", "token")
_TAKEN, _NEVER = range(200, 300), (400, 413, 415, 422)
_LATER = (408, 425, 429)  # and all of 500 … 599
_SHOWN = 200  # characters of what a server says


class Webhook:
    """Posts to one address. Redirects are not followed: a signature is for whom it was made."""

    def __init__(self, context: SourceContext) -> None:
        """Raises ProjectFault for settings that cannot be used."""
        given = Given(context, "A webhook", KNOWN)
        parts, self._port = given.url(
            {"https": 443, "http": 80}, insecure=given.flag("insecure"), is_plain="http"
        )
        self._host, self._where = parts.hostname or "", given.where
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._tls = given.tls() if parts.scheme == "https" else None
        self._secret, self._token = given.text("secret"), given.text("token")
        self._context = context

    async def send(self, notice: Notice) -> None:
        """Post a notice; return when the server has said yes."""
        body = json.dumps(document(notice), ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
        headers = self._headers(notice, body)
        status, reason, said = await aside(lambda: self._post(body, headers))
        if status in _TAKEN:
            return
        what = f"The server answered {status} {reason}"
        what = f"{what}: {said}." if said else f"{what}."
        if status in _NEVER:
            raise OrderFault(what, where=self._where, remedy="It does not take this notice; see its log.")
        if status in _LATER or status >= 500:  # noqa: PLR2004  errors of the server
            raise LinkFault(what, where=self._where, remedy="It is tried again.")
        raise LinkRefused(what, where=self._where, remedy="Correct url, secret or token of this receiver.")

    def _headers(self, notice: Notice, body: bytes) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Armillary",
            "Armillary-Notice": notice.id,
        }
        if self._secret:
            key = self._context.secret(self._secret).encode()
            seconds = str(self._context.clock.now_ns() // NS)
            mark = hmac.new(key, seconds.encode() + b"." + body, hashlib.sha256).hexdigest()
            headers["Armillary-Signature"] = f"t={seconds},v1={mark}"
        if self._token:
            headers["Authorization"] = f"Bearer {self._context.secret(self._token)}"
        return headers

    def _post(self, body: bytes, headers: dict[str, str]) -> tuple[int, str, str]:
        """Return status, reason and the beginning of the answer. Raises Fault."""
        connection = (
            http.client.HTTPSConnection(self._host, self._port, timeout=TIMEOUT_S, context=self._tls)
            if self._tls is not None
            else http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT_S)
        )
        try:
            connection.request("POST", self._path, body, headers)
            answer = connection.getresponse()
            said = " ".join(answer.read(4 * _SHOWN).decode("utf-8", "replace").split())[:_SHOWN]
            return answer.status, answer.reason, "" if said.startswith("<") else said
        except (OSError, http.client.HTTPException) as error:
            raise fault_of(error, self._where) from error
        finally:
            connection.close()


def fault_of(error: Exception, where: str) -> Fault:
    """Return what an error of a connection means."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return LinkRefused(
            f"The certificate of the server is not accepted: {error.verify_message}.",
            where=where,
            remedy="Name its authority by 'ca', or have the certificate renewed.",
        )
    if isinstance(error, ConnectionRefusedError):
        return LinkFault("Nothing listens at the address.", where=where, remedy="It is tried again.")
    if isinstance(error, TimeoutError):
        return LinkFault("The server does not answer.", where=where, remedy="It is tried again.")
    if isinstance(error, socket.gaierror):
        return LinkFault("The server's name is not known.", where=where, remedy="It is tried again.")
    text = str(error) or type(error).__name__
    return LinkFault(f"The connection failed: {text}.", where=where, remedy="It is tried again.")


def make(context: SourceContext) -> Webhook:
    """Return the notifier of one receiver of kind webhook."""
    return Webhook(context)
