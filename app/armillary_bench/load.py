"""Publishes a counted load over MQTT at an even pace: a process of its own, bounded, encoded beforehand.

Started as `python -m armillary_bench.load JOB`. It says "ready", begins at a line on stdin, and says what it
did as one JSON line once the broker has taken the last message.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Sequence

TOPIC = "bench/%d"
STEP_S = 0.01  # messages of so much time are sent together
AT_ONCE = 500  # messages, where there is no pace
_LIMIT_S = 20.0
_CONNECT = b"\x10\x16\x00\x04MQTT\x04\x02\x00\x00\x00\x0abench-load"  # 3.1.1, clean, no keep-alive
_PINGREQ, _PINGRESP, _DISCONNECT = b"\xc0\x00", b"\xd0\x00", b"\xe0\x00"


def value_of(i: int) -> float:
    """Return the value that message i carries, 0 … 1, of three decimals."""
    return i % 997 / 1000


def packet(i: int, tags: int, t_ms: int = 0) -> bytes:
    """Return message i as a PUBLISH of QoS 0 to the topic of its tag, with the time of its source if any."""
    topic = (TOPIC % (i % tags)).encode()
    time = b'"t":%d,' % t_ms if t_ms else b""
    body = len(topic).to_bytes(2, "big") + topic + b'{%b"v":%.3f}' % (time, value_of(i))
    return bytes((0x30, len(body))) + body  # shorter than 128, so its length is one byte


def pieces(count: int, tags: int, rate: int, t_ms: int = 0) -> list[bytes]:
    """Return `count` messages, those of each step joined; without a rate (0) a step is `AT_ONCE` of them.

    t_ms: the time that the first carries; each round of all tags carries a millisecond more.
    """
    step = max(1, round(rate * STEP_S)) if rate else AT_ONCE
    return [
        b"".join(packet(i, tags, t_ms and t_ms + i // tags) for i in range(at, min(at + step, count)))
        for at in range(0, count, step)
    ]


def last_values(count: int, tags: int) -> list[float]:
    """Return the value that each tag has after `count` messages; every tag must have had one."""
    if count < tags:
        raise ValueError(f"{count} messages do not reach {tags} tags")
    return [value_of(count - 1 - (count - 1 - tag) % tags) for tag in range(tags)]


def main(argv: Sequence[str]) -> int:
    """Run one job: port, tags, rate (messages/s; 0: as fast as the broker takes), count, t (ms; 0: none)."""
    job = json.loads(argv[0])
    rate, sent = job["rate"], pieces(job["count"], job["tags"], job["rate"], job.get("t", 0))
    with socket.create_connection(("127.0.0.1", job["port"]), _LIMIT_S) as broker:
        broker.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        broker.sendall(_CONNECT)
        _expect(broker, b"\x20\x02\x00\x00")
        print("ready", flush=True)
        if not sys.stdin.readline():
            return 1  # nobody wants it any more
        begin, late_s = time.monotonic(), 0.0
        step_s = max(1, round(rate * STEP_S)) / rate if rate else 0.0
        for i, piece in enumerate(sent):
            if rate:
                wait = begin + i * step_s - time.monotonic()
                if wait > 0:
                    time.sleep(wait)
                late_s = max(late_s, -wait)
            broker.sendall(piece)
        seconds = time.monotonic() - begin
        broker.sendall(_PINGREQ)
        _expect(broker, _PINGRESP)  # packets are taken in order, so all before it are
        broker.sendall(_DISCONNECT)
    print(json.dumps({"published": job["count"], "seconds": seconds, "late_ms": late_s * 1e3}), flush=True)
    return 0


def _expect(broker: socket.socket, answer: bytes) -> None:
    got = b""
    while len(got) < len(answer):
        part = broker.recv(len(answer) - len(got))
        if not part:
            raise ConnectionError("the broker closed the connection")
        got += part
    if got != answer:
        raise ConnectionError(f"the broker answered {got.hex()}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
