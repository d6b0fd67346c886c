"""What the file of an edge says of the newest values, for an edge that was started anew."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np

from armillary.api.ports import Decoder
from armillary.edge.ring import Kept, Ring
from armillary.model.link import Route
from armillary.model.sample import SampleBatch, SampleBuilder, WireBatch
from armillary.model.tags import TagSpec

MOST_PACKS = 256  # the newest that wait; older ones hold what is newest only of tags that hardly ever change


def newest(ring: Ring, decoder: Decoder, specs: Sequence[TagSpec], now_ns: int) -> SampleBatch:
    """Return the samples of the newest packs that wait, oldest first; `ring.late` begins anew afterwards."""
    kept: deque[Kept] = deque(maxlen=MOST_PACKS)
    ring.rewind()
    while (one := ring.late(set())) is not None:
        kept.append(one)
    ring.rewind()
    payloads = [ring.payload(one) for one in kept]
    n = len(payloads)
    now = np.full(n, now_ns, np.int64)
    batch = WireBatch(
        link="",
        channel=np.zeros(n, np.uint32),
        channels=("",),
        start=np.cumsum([0, *map(len, payloads)]).astype(np.int64),
        payload=b"".join(payloads),
        arrival_ns=now,
        arrival_mono_ns=np.zeros(n, np.int64),
        flags=np.zeros(n, np.uint8),
    )
    routes = [Route(slot=spec.slot, tag=spec.name, channel="", kind=spec.kind) for spec in specs]
    into = SampleBuilder(batch)
    decoder.decode(batch, np.arange(n), routes, into)
    return into.build()
