"""A process that left the network reaches none, by Python or natively, and local sockets go on working."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

TRY = """
import ctypes, json, os, socket, struct, sys, tempfile
from armillary.wire import isolation
if sys.argv[1] == "hook":
    isolation._own_network = lambda: False
how = isolation.isolate()
assert isolation.isolate() == how == isolation.current()
port = int(sys.argv[2])
def words(call):
    try:
        call()
    except OSError as error:
        return type(error).__name__ + str(error.errno)
    return "reached"
libc = ctypes.CDLL(None, use_errno=True)
def native():
    s = libc.socket(socket.AF_INET, socket.SOCK_STREAM, 0)
    to = struct.pack("=HH4s8s", socket.AF_INET, socket.htons(port), bytes([127, 0, 0, 1]), b"")
    return libc.connect(s, to, len(to))
path = os.path.join(tempfile.mkdtemp(), "s")
server = socket.socket(socket.AF_UNIX)
server.bind(path)
server.listen()
socket.socket(socket.AF_UNIX).connect(path)
print(json.dumps({
    "how": how,
    "tcp": words(lambda: socket.create_connection(("127.0.0.1", port), 2)),
    "udp": words(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", port))),
    "six": words(lambda: socket.socket(socket.AF_INET6).connect(("::1", port))),
    "native": native(),
    "landlock": isolation._version(),
    "uid": os.getuid() == int(sys.argv[3]),
}))
"""


@pytest.mark.parametrize("way", ["best", "hook"])
def test_no_network_is_left(way: str) -> None:
    import os
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.settimeout(0.2)
        command = [sys.executable, "-c", textwrap.dedent(TRY), way]
        command += [str(listener.getsockname()[1]), str(os.getuid())]
        run = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
        with pytest.raises(TimeoutError):
            listener.accept()
    told = json.loads(run.stdout)
    assert told["how"] == ("hook" if way == "hook" else told["how"])
    assert told["how"] in ("namespace", "hook")
    assert told["uid"]
    for kind in ("tcp", "udp", "six"):
        assert told[kind] != "reached", told
    if told["how"] == "namespace" or told["landlock"] >= 4:
        assert told["native"] == -1
    if told["how"] == "hook":
        assert told["tcp"] == "PermissionError1"


def test_confined_code_sees_its_folder_only(tmp_path: Path) -> None:
    mine, other = tmp_path / "mine", tmp_path / "other"
    mine.mkdir()
    other.mkdir()
    (other / "secret").write_text("x")
    code = textwrap.dedent(
        f"""
        from pathlib import Path
        from armillary.wire import isolation
        done = isolation.confine([Path("/usr"), Path("/not/there")], [Path({str(mine)!r})])
        Path({str(mine / "a")!r}).write_text("x")
        def refused(call):
            try:
                call()
            except PermissionError:
                return True
            return False
        secret = Path({str(other / "secret")!r})
        tries = (secret.read_text, lambda: secret.write_text("y"), secret.unlink)
        print(done, *map(refused, tries))
        """
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    done, *refused = run.stdout.split()
    assert refused == ["True"] * 3 or done == "False"
    assert (other / "secret").read_text() == "x" or done == "False"
