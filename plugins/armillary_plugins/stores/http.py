"""Questions to a server that speaks HTTP: one connection a thread, kept open, made anew when it was lost."""

from __future__ import annotations

import base64
import http.client
import ssl
import threading
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode, urlsplit

from armillary.api import StoreContext, StoreFault

TIMEOUT_S = 30.0
MOST_BYTES = 1 << 30  # of one answer
LOCAL = ("localhost", "127.0.0.1", "::1")
OK, REFUSED = range(200, 300), (401, 403)
_SHOWN = 300  # characters of what a server says


class Http:
    """A server by its url. Raises StoreFault, whatever goes wrong."""

    def __init__(self, context: StoreContext, name: str, default_port: int, user: str = "") -> None:
        """`name`: of the product. `user`: where the url names none, "" = the secret is a token."""
        parts = urlsplit(context.url)
        self.name, self._tls = name, parts.scheme == "https"
        self._host, self._port = parts.hostname or "localhost", parts.port or default_port
        self._path = parts.path.rstrip("/")
        self.where = f"{self._host}:{self._port}{self._path}"
        self._user, self._context = parts.username or user, context
        self._local, self._lock = threading.local(), threading.Lock()
        self._made: list[http.client.HTTPConnection] = []
        if parts.scheme not in ("http", "https"):
            raise StoreFault(
                f"'{parts.scheme}' is no way to {name}.",
                where=self.where,
                remedy=f"Give historian.url such as http://localhost:{default_port}.",
            )

    def ask(
        self,
        method: str,
        path: str,
        parameters: Sequence[tuple[str, str]] = (),
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """Return the answer's body. Only for what may be asked twice: a closed connection is tried anew."""
        target = f"{self._path}{path}" + (f"?{urlencode(parameters)}" if parameters else "")
        given = {**self._credentials(), **(headers or {})}
        connection: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        try:
            if connection is not None:
                try:
                    return self._answer(connection, method, target, body, given)
                except (http.client.RemoteDisconnected, ConnectionError, http.client.CannotSendRequest):
                    connection.close()  # it had been open for a while: the server may close such
            self._local.connection = connection = self._connect()
            with self._lock:
                self._made = [one for one in self._made if one.sock is not None] + [connection]
            return self._answer(connection, method, target, body, given)
        except (OSError, http.client.HTTPException) as error:
            self._local.connection = None
            if connection is not None:
                connection.close()
            text = str(error) or type(error).__name__
            raise StoreFault(
                f"{self.name} does not answer: {text}.",
                where=self.where,
                remedy="It is tried again; what is measured meanwhile is kept and sent then.",
            ) from error

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            for one in self._made:
                one.close()

    def _connect(self) -> http.client.HTTPConnection:
        if self._tls:
            tls = ssl.create_default_context()
            return http.client.HTTPSConnection(self._host, self._port, timeout=TIMEOUT_S, context=tls)
        return http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT_S)

    def _credentials(self) -> dict[str, str]:
        secret = self._context.secret()
        if not secret:
            return {}
        if not self._tls and self._host not in LOCAL:
            raise StoreFault(
                "A password is not sent in the open.",
                where=self.where,
                remedy="Use https:// in historian.url, or no secret.",
            )
        if not self._user:
            return {"Authorization": f"Bearer {secret}"}
        pair = base64.b64encode(f"{self._user}:{secret}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}

    def _answer(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        target: str,
        body: bytes | None,
        headers: Mapping[str, str],
    ) -> bytes:
        connection.request(method, target, body, dict(headers))
        answer = connection.getresponse()
        data = answer.read(MOST_BYTES)
        if answer.read(1):
            connection.close()
            raise StoreFault(
                f"{self.name} answers with more than can be taken.", where=self.where, remedy="Ask for less."
            )
        if answer.status in OK:
            return data
        text = " ".join(data[:_SHOWN].decode("utf-8", "replace").split())
        if answer.status in REFUSED:
            raise StoreFault(
                f"{self.name} does not let us in ({answer.status}): {text}",
                where=self.where,
                remedy="Correct historian.url, or its secret: armillary secret set NAME.",
            )
        raise StoreFault(
            f"{self.name} refuses it ({answer.status}): {text}", where=self.where, remedy="See its log."
        )
