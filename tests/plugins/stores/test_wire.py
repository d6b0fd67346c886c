"""What goes over the wire, without the real servers: HTTP, ClickHouse's Native, PostgreSQL's COPY, series."""

from __future__ import annotations

import base64
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import numpy as np
import orjson
import pytest
from storehouse import context, free_port

from armillary.api import StoreContext, StoreFault, WallClock, batch_of, quality
from armillary_plugins.stores import buckets, clickhouse, clickhouse_sql, native, victoria, victoria_lines
from armillary_plugins.stores.http import Http
from armillary_plugins.stores.rows import SIGNATURE, Layout

MS, S = 1_000_000, 1_000_000_000


@dataclass
class Asked:
    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes


@dataclass
class Standin:
    """A small HTTP server that answers as a test says and keeps what it was asked."""

    answer: Callable[[Asked], tuple[int, bytes]] = lambda _: (200, b"")
    asked: list[Asked] = field(default_factory=list)
    hangs_up: bool = False  # after each answer, without saying so
    url: str = ""


@pytest.fixture
def standin() -> Iterator[Standin]:
    held = Standin()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            one = Asked(self.command, parts.path, parse_qs(parts.query), dict(self.headers), body)
            held.asked.append(one)
            status, data = held.answer(one)
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
            self.close_connection = held.hangs_up

        do_GET = do_POST  # noqa: N815 - the name that the library calls

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    held.url = f"http://127.0.0.1:{server.server_port}"
    yield held
    server.shutdown()
    thread.join()
    server.server_close()


def _http(url: str, secret: str = "") -> Http:
    return Http(context(url, "x", secret=secret), "TheServer", 1)


# ---------------------------------------------------------------- HTTP
def test_a_connection_that_was_closed_meanwhile_is_made_anew(standin: Standin) -> None:
    standin.hangs_up = True
    http = _http(standin.url)
    assert [http.ask("GET", "/a") for _ in range(3)] == [b"", b"", b""]
    assert len(standin.asked) == 3
    http.close()


def test_a_secret_is_a_password_where_there_is_a_user_and_else_a_token(standin: Standin) -> None:
    for url, said in (
        (standin.url.replace("//", "//anna@"), f"Basic {base64.b64encode(b'anna:pw').decode()}"),
        (standin.url, "Bearer pw"),
    ):
        http = _http(url, "pw")
        http.ask("GET", "/")
        http.close()
        assert standin.asked[-1].headers["Authorization"] == said


def test_a_secret_is_never_sent_in_the_open_to_another_machine() -> None:
    with pytest.raises(StoreFault, match="not sent in the open"):
        _http("http://db.example:1", "pw").ask("GET", "/")


@pytest.mark.parametrize(
    ("status", "said"),
    [(401, "does not let us in"), (403, "does not let us in"), (500, r"refuses it \(500\)")],
)
def test_what_a_server_says_is_told(standin: Standin, status: int, said: str) -> None:
    standin.answer = lambda _: (status, b"because\nso")
    http = _http(standin.url)
    with pytest.raises(StoreFault, match=f"TheServer {said}.*because so"):
        http.ask("GET", "/")
    http.close()


def test_a_server_that_is_not_there_is_one_clear_message() -> None:
    with pytest.raises(StoreFault, match=r"TheServer does not answer: .*It is tried again"):
        _http(f"http://127.0.0.1:{free_port()}").ask("GET", "/")


def test_another_kind_of_url_is_refused() -> None:
    with pytest.raises(StoreFault, match="'ftp' is no way to TheServer"):
        _http("ftp://a")


# ---------------------------------------------------------------- ClickHouse
def test_columns_come_back_from_native_as_they_went_in() -> None:
    rng = np.random.default_rng(1)
    columns: dict[str, tuple[str, native.Column]] = {
        "i": ("UInt32", rng.integers(0, 2**32, 300, np.uint32)),
        "t": ("Int64", rng.integers(-(2**62), 2**62, 300)),
        "v": ("Float64", np.append(rng.normal(size=299), np.nan)),
        "s": ("String", [bytes(rng.integers(0, 256, n % 200, np.uint8)) for n in range(300)]),
        "e": ("String", [b""] * 300),
    }
    data = native.packed(columns)
    wanted = {name: kind for name, (kind, _) in columns.items()}
    got = native.unpacked(data + data, wanted)  # two blocks
    assert list(got["s"]) == [*columns["s"][1]] * 2
    assert got["e"] == [b""] * 600
    for name in "itv":
        assert got[name].tobytes() == np.asarray(columns[name][1]).tobytes() * 2
    assert len(native.unpacked(b"", wanted)["i"]) == 0
    for cut in (1, 7, 50, len(data) // 2, len(data) - 1):
        with pytest.raises(StoreFault, match="cannot be read"):
            native.unpacked(data[:cut], wanted)


def _answers(asked: Asked) -> tuple[int, bytes]:
    """Answer as a ClickHouse whose space is there and has one tag."""
    query = asked.body.decode("latin-1")
    replies: dict[str, dict[str, tuple[str, native.Column]]] = {
        "system.tables": {"name": ("String", [b"schema_1"])},
        "version()": {"name": ("String", [b"26.9"])},
        ".tag ": {
            "id": ("UInt32", np.array([1])), "name": ("String", [b"a"]),
            "unit": ("String", [b"m"]), "last": ("UInt64", np.array([4])),
        },
    }  # fmt: skip
    return 200, next((native.packed(reply) for words, reply in replies.items() if words in query), b"")


def test_samples_go_to_clickhouse_as_one_insert_of_columns(standin: Standin) -> None:
    standin.answer = _answers
    store = clickhouse.make(context(standin.url, "north", secret="pw"))  # noqa: S106 - a test's own
    assert store.declares.name == "ClickHouse 26.9"
    assert not store.declares.once
    assert store.names(["a"]).tolist() == [1]
    standin.asked.clear()
    t = np.array([S, 2 * S])
    store.append(batch_of(np.array([1, 1], np.uint32), np.array([1.5, np.nan]), t, t + 7, 0, text={1: "ö"}))
    (one,) = standin.asked
    assert one.headers["Authorization"] == f"Basic {base64.b64encode(b'default:pw').decode()}"
    assert one.query["query"][0].startswith("INSERT INTO north.sample (id, t, n, value, lag, quality, ")
    sent = native.unpacked(one.body, clickhouse_sql.SAMPLE)
    assert (sent["t"].tolist(), sent["lag"].tolist()) == (t.tolist(), [7, 7])
    assert sent["text"] == [b"", "ö".encode()]
    assert sent["n"][1] == sent["n"][0] + 1
    store.append(batch_of(np.zeros(0, np.uint32), np.zeros(0), t[:0], t[:0], 0), {"s": 3})
    assert standin.asked[-1].query["query"] == ["INSERT INTO north.received (session, seq) FORMAT Native"]
    assert store.received("s") == 3
    store.close()


def test_a_newer_space_in_clickhouse_is_refused(standin: Standin) -> None:
    standin.answer = lambda _: (200, native.packed({"name": ("String", [b"schema_2"])}))
    with pytest.raises(StoreFault, match="of version 2; this Armillary knows 1"):
        clickhouse.make(context(standin.url, "north"))


# ---------------------------------------------------------------- VictoriaMetrics
def test_samples_go_to_victoriametrics_as_series_and_come_back(standin: Standin) -> None:
    standin.answer = lambda asked: (200, b'{"data":{"result":[]}}' if "query" in asked.path else b"")
    store = victoria.make(context(standin.url, "north"))
    ids = store.names(["a", "b"], ["m", ""])
    registered = [orjson.loads(line) for line in standin.asked[-1].body.splitlines()]
    assert [line["metric"] for line in registered] == [
        {"__name__": "armillary_tag", "space": "north", "id": "1", "tag": "a", "unit": "m"},
        {"__name__": "armillary_tag", "space": "north", "id": "2", "tag": "b", "unit": ""},
    ]
    t = np.array([1_000, 2_000, 3_000, 4_000]) * MS
    value = np.array([1.5, np.nan, np.inf, 9.0])
    words = np.array([0, quality.BAD, 0, 0], np.uint16)
    slot = np.array([1, 2, 1, 1], np.uint32)
    store.append(batch_of(slot, value, t, t + 5_000, 0, quality=words, text={3: "OPEN"}))
    sent = [orjson.loads(line) for line in standin.asked[-1].body.splitlines()]
    names = [(line["metric"]["__name__"].removeprefix("armillary_"), line["metric"]["tag"]) for line in sent]
    assert names == [("lag", "a"), ("value", "a"), ("quality", "a"), ("lag", "b"), ("quality", "b")]
    back = victoria_lines.samples(sent)
    assert back.slot.tolist() == [1, 1, 2]  # what has words is left out
    assert back.source_ns.tolist() == [t[0], t[2], t[1]]
    assert back.value.tolist()[:2] == [1.5, np.inf]
    assert np.isnan(back.value[2])
    assert back.quality.tolist() == [0, 0, quality.BAD]
    assert (back.arrival_ns - back.source_ns).tolist() == [5_000] * 3
    assert ids.tolist() == [1, 2]
    with pytest.raises(StoreFault, match="-retentionPeriod"):
        store.forget(0, None)
    store.close()


# ---------------------------------------------------------------- PostgreSQL
def test_rows_of_a_copy_are_as_postgresql_reads_them() -> None:
    layout = Layout({"id": "i4", "t": "i8", "value": "f8", "flags": "i2"})
    columns = {"id": np.array([1, 2]), "t": np.array([-5, 2**62]), "value": np.array([0.5, np.nan]),
               "flags": np.array([0, 7], np.uint8)}  # fmt: skip
    data = layout.packed(columns)
    row = struct.Struct(">hiiiqidih")
    assert data.startswith(SIGNATURE)
    first = row.unpack_from(data, len(SIGNATURE))
    assert first == (4, 4, 1, 8, -5, 8, 0.5, 2, 0)
    assert len(data) == len(SIGNATURE) + 2 * row.size + 2
    assert data.endswith(b"\xff\xff")


def _unreachable(url: str) -> StoreContext:
    return StoreContext(url=url, space="x", secret=lambda: "", clock=WallClock())


def test_a_postgresql_that_is_not_there_is_one_clear_message() -> None:
    pytest.importorskip("psycopg")
    from armillary_plugins.stores import postgres

    url = f"postgresql://armillary@127.0.0.1:{free_port()}/plant"
    said = r"PostgreSQL does not answer: .*refused.*It is tried again"
    with pytest.raises(StoreFault, match=said) as raised:
        postgres.make(_unreachable(url))
    assert raised.value.where.endswith("/plant")


def test_months_are_told_apart_and_odd_times_share_one_part() -> None:
    pytest.importorskip("psycopg")
    from armillary_plugins.stores import postgres_tables

    t = np.array([0, 1_735_689_599 * S, 1_735_689_600 * S, 2**62])  # 1970; the turn of 2024; 2116
    assert [name for name, _, _ in postgres_tables.months(t)] == ["sample_2024_12", "sample_2025_01"]
    (_, begin, end), _ = postgres_tables.months(t)
    assert end == 1_735_689_600 * S
    assert begin == end - 31 * 86_400 * S
    assert "PARTITION BY RANGE" in postgres_tables.making(timescale=False)
    assert "create_hypertable('sample', 't'" in postgres_tables.making(timescale=True)
    assert "PARTITION" not in postgres_tables.making(timescale=True)


# ---------------------------------------------------------------- buckets
def test_thinning_keeps_extremes_and_what_is_not_good() -> None:
    value = np.sin(np.arange(10_000) / 700)
    value[[1_234, 8_765]] = (50.0, -50.0)
    words = np.zeros(10_000, np.uint16)
    words[4_321] = quality.BAD
    rows = buckets.of_samples(np.arange(10_000), value, words)
    thin = buckets.thinned(rows, 100)
    assert len(thin) <= 110
    assert {1_234, 8_765, 4_321} <= set(thin.t_ns.tolist())
    assert buckets.thinned(rows, 20_000) is rows
