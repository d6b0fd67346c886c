"""Real receivers of notices on loopback: an HTTP server and a mail server that do as a test says."""

from __future__ import annotations

import base64
import json
import socketserver
import ssl
import threading
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass
class Posted:
    """One request that came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # Any: what JSON holds
        return json.loads(self.body)


@dataclass
class Hook:
    """An HTTP server; `answers` are given one after the other, the last again and again."""

    tls: ssl.SSLContext | None = None
    answers: list[int] = field(default_factory=lambda: [204])
    got: list[Posted] = field(default_factory=list)
    port: int = 0

    def __enter__(self) -> Self:
        hook = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 20

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = hook.answers[0] if len(hook.answers) == 1 else hook.answers.pop(0)
                hook.got.append(Posted(self.path, dict(self.headers), body))
                self.send_response(status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_said: object) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_of: object) -> None:
                """A client that does not accept our certificate is meant."""

            def get_request(self) -> Any:
                request, address = super().get_request()
                if hook.tls is not None:
                    request.settimeout(20)
                    request = hook.tls.wrap_socket(request, server_side=True, do_handshake_on_connect=False)
                return request, address

        self._server = Server(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(20)


@dataclass
class Post:
    """A mail server: STARTTLS where it has a certificate, AUTH PLAIN where it has a password."""

    tls: ssl.SSLContext | None = None
    password: str = ""
    refuses: tuple[str, ...] = ()  # recipients that it does not know
    busy: int = 0  # so many messages are put off
    got: list[EmailMessage] = field(default_factory=list)
    was_tls: list[bool] = field(default_factory=list)
    port: int = 0

    def __enter__(self) -> Self:
        post = self

        class Handler(socketserver.StreamRequestHandler):
            timeout = 20

            def say(self, text: str) -> None:
                self.wfile.write(text.encode() + b"\r\n")

            def handle(self) -> None:
                is_tls, to = False, 0
                self.say("220 post ready")
                while line := self.rfile.readline():
                    word = line.decode("ascii").strip()
                    verb = word[:4].upper()
                    if verb == "EHLO":
                        offered = ["250-post"]
                        offered += ["250-STARTTLS"] if post.tls is not None and not is_tls else []
                        offered += ["250-AUTH PLAIN"] if post.password else []
                        self.say("\r\n".join([*offered, "250 8BITMIME"]))
                    elif verb == "STAR" and post.tls is not None:
                        self.say("220 go on")
                        self.request = post.tls.wrap_socket(self.request, server_side=True)
                        self.connection, is_tls = self.request, True
                        self.setup()
                    elif verb == "AUTH":
                        given = base64.b64decode(word.split()[-1]).decode().split("\0")
                        self.say("235 in" if given[-1] == post.password else "535 who are you")
                    elif verb == "MAIL":
                        to = 0
                        self.say("250 ok")
                    elif verb == "RCPT":
                        refused = any(name in word for name in post.refuses)
                        to += not refused
                        self.say("550 nobody of that name" if refused else "250 ok")
                    elif verb == "DATA":
                        self.say("354 go on")
                        data = b""
                        while (part := self.rfile.readline()) not in (b".\r\n", b""):
                            data += part.removeprefix(b".")  # RFC 5321: a dot at its start is doubled
                        if post.busy:
                            post.busy -= 1
                            self.say("451 come again")
                            continue
                        post.was_tls.append(is_tls)
                        message = message_from_bytes(data, policy=default)
                        assert isinstance(message, EmailMessage)
                        post.got.append(message)
                        self.say("250 taken")
                    elif verb == "QUIT":
                        self.say("221 bye")
                        return
                    else:
                        self.say("250 ok")

            def finish(self) -> None:
                try:
                    super().finish()
                except OSError:
                    pass
                finally:
                    self.connection.close()

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True

            def handle_error(self, *_of: object) -> None:
                """A client that hangs up is meant."""

        self._server = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(20)
