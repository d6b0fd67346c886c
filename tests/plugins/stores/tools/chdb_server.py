"""ClickHouse's own engine (the package `chdb`) behind the part of its HTTP interface that the store uses.

python chdb_server.py PORT FOLDER. It stands in for a server that Debian does not have in a useful version.
"""

from __future__ import annotations

import re
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from chdb.session import Session


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    session: Session
    lock = threading.Lock()

    def do_GET(self) -> None:
        self._say(200, b"Ok.\n")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        given = parse_qs(urlsplit(self.path).query).get("query")
        try:
            with self.lock:  # one session, many connections
                answer = self._insert(given[0], body) if given else self._ask(body.decode())
        except Exception as error:  # noqa: BLE001 - whatever the engine raises is an answer
            self._say(500, str(error).encode())
        else:
            self._say(200, answer)

    def _ask(self, query: str) -> bytes:
        plain = query.removesuffix(" FORMAT Native")
        return bytes(self.session.query(plain, "Native").bytes())

    def _insert(self, query: str, body: bytes) -> bytes:
        into, listed = re.fullmatch(r"(INSERT INTO [\w.]+ \((.*)\)) FORMAT Native", query).groups()
        with tempfile.NamedTemporaryFile(suffix=".native") as file:
            file.write(body)
            file.flush()
            self.session.query(
                f"{into} SELECT {listed} FROM file('{file.name}', 'Native') "  # noqa: S608
                "SETTINGS max_partitions_per_insert_block = 0"
            )
        return b""

    def _say(self, status: int, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_args: object) -> None:
        pass


if __name__ == "__main__":
    Handler.session = Session(str(Path(sys.argv[2]) / "data"))
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
