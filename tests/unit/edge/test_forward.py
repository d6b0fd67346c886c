"""Live first, late beside it at a limited rate, and nothing is ever forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from armillary.api import LinkFault, LinkRefused, ManualClock, Parcel
from armillary.edge.forward import Forwarder
from armillary.edge.pack import AGAIN, LIVE, PAST
from armillary.edge.ring import LEAST_BYTES, Kept, Pack, Ring


class Above:
    """The server above: takes parcels while it may."""

    def __init__(self) -> None:
        self.got: list[tuple[bytes, str]] = []
        self.fault: Exception | None = None

    async def send(self, parcel: Parcel) -> None:
        await asyncio.sleep(0)
        if self.fault is not None:
            raise self.fault
        assert parcel.topic == "edge/north/data"
        self.got.append((parcel.payload, "".join(name for name, _ in parcel.user)))


class Bench:
    def __init__(self, folder: Path, late_per_s: float) -> None:
        self.above, self.clock = Above(), ManualClock()
        self.ring = Ring(folder / "edge.ring", LEAST_BYTES)
        self.forwarder = Forwarder(
            self.ring,
            self.above.send,
            self.clock,
            topic="edge/north/data",
            content="application/senml+json",
            expiry_s=60,
            late_per_s=late_per_s,
        )

    def keep(self, *texts: str, samples: int = 10, kind: int = LIVE) -> list[Kept]:
        packs = [Pack(text.encode(), samples, 0, 0, kind) for text in texts]
        kept = self.ring.append(packs, self.clock.now_ns())
        self.forwarder.offer(kept, [p.payload for p in packs])
        return kept

    async def turn(self, seconds: float = 0.0) -> None:
        """Let time pass, then let it do all that it may now."""
        self.clock.advance(seconds)
        for _ in range(40):
            self.forwarder._step()
            await asyncio.sleep(0)

    @property
    def got(self) -> list[str]:
        return [f"{data.decode()} {how}".strip() for data, how in self.above.got]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path, 100.0)
    yield made
    made.ring.close()


async def test_what_comes_while_the_way_is_up_goes_as_it_is(bench: Bench) -> None:
    bench.forwarder.carrier(True)
    bench.keep("a", "b")
    bench.keep("c", kind=PAST)
    bench.keep("d", kind=AGAIN)
    await bench.turn()
    assert bench.got == ["a", "b", "c historical", "d repeated"]
    assert (bench.ring.counts.waiting, bench.forwarder.live, bench.forwarder.late) == (0, 30, 10)


async def test_late_packs_go_in_order_at_their_rate_and_live_ones_before_them(bench: Bench) -> None:
    bench.keep(*[f"old{i}" for i in range(12)])
    assert bench.got == []
    bench.forwarder.carrier(True)
    await bench.turn(1.0)  # a burst of half a second at most: 50 samples
    assert bench.got == [f"old{i} historical" for i in range(5)]
    bench.keep("new")
    await bench.turn(0.2)
    assert bench.got[5:] == ["new", "old5 historical", "old6 historical"]
    for _ in range(10):
        await bench.turn(0.1)
    assert bench.got[8:] == [f"old{i} historical" for i in range(7, 12)]
    assert bench.ring.counts.waiting == 0
    assert bench.ring.counts.balanced


async def test_what_nobody_acknowledged_waits_and_goes_as_late(bench: Bench) -> None:
    bench.forwarder.carrier(True)
    bench.above.fault = LinkFault("cut", where="", remedy="")
    bench.keep("a")
    await bench.turn()
    bench.forwarder.carrier(False)
    bench.keep("b")
    bench.above.fault = None
    bench.forwarder.carrier(True)
    bench.keep("c")
    await bench.turn(1.0)
    assert bench.got == ["c", "a historical", "b historical"]


async def test_a_server_that_refuses_is_asked_again_later_and_said(bench: Bench) -> None:
    bench.forwarder.carrier(True)
    bench.above.fault = LinkRefused("The broker refused a message.", where="", remedy="")
    bench.keep("a")
    await bench.turn()
    assert bench.forwarder.trouble == "The broker refused a message."
    bench.above.fault = None
    await bench.turn(5.0)
    assert bench.got == []
    await bench.turn(6.0)
    assert bench.got == ["a historical"]
    assert bench.forwarder.trouble == ""


async def test_more_than_can_go_waits_in_the_ring(bench: Bench) -> None:
    bench.forwarder.carrier(True)
    bench.keep(*[f"p{i}" for i in range(40)])
    for _ in range(60):
        await bench.turn(0.2)
    assert bench.got[:16] == [f"p{i}" for i in range(16)]
    assert sorted(bench.got[16:]) == sorted(f"p{i} historical" for i in range(16, 40))
    assert bench.ring.counts.waiting == 0
    assert bench.forwarder.live + bench.forwarder.late == 400


async def test_what_is_newest_goes_once_as_what_may_be_known(bench: Bench) -> None:
    bench.forwarder.carrier(True)
    bench.forwarder.refresh([b"newest"])
    await bench.turn()
    assert bench.got == ["newest repeated"]
