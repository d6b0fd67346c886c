"""The tick with a scripted source: what arrives becomes a frame, and nothing is lost uncounted."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from armillary.alarms.evaluate import Evaluator
from armillary.model.alarm import AlarmSpec
from armillary.model.clock import NS, ManualClock
from armillary.model.frame import WorldKind
from armillary.model.link import LinkSpec
from armillary.model.quality import GOOD, NEVER, STALE, UNCERTAIN
from armillary.model.sample import HISTORICAL, SOURCE_TIME_ASSUMED, WireBatch, batch_of
from armillary.model.tags import TagSpec
from armillary.telemetry.inbox import Inbox
from armillary.telemetry.intake import Intake
from armillary.telemetry.plan import plans
from armillary.telemetry.watch import Watch
from armillary.twin.derive import Derived
from armillary.twin.turns import Turns
from armillary.world.core import Core, Tick
from armillary.world.links_supply import LinksSupply

LINK = LinkSpec(name="site", kind="mqtt", url="mqtt://127.0.0.1", settings={"silence_s": 0})
SPECS = (
    TagSpec(slot=0, name="T-1.level", link="site", address="t1#$.v", unit="m", high=10.0, expected_ms=1000),
    TagSpec(slot=1, name="T-2.level", link="site", address="t2#$.v", unit="m", expected_ms=1000),
    TagSpec(slot=2, name="total", expression="T-1.level + T-2.level", unit="m"),
)


class Bench:
    def __init__(self, alarms: Evaluator | None = None) -> None:
        self.clock = ManualClock()
        self.inbox = Inbox([LINK.name])
        self.inbox.carrier(LINK.name, True, self.clock.now_mono_ns())
        intake = Intake(plans([LINK], SPECS), SPECS, self.inbox)
        self.core = Core(
            world="w",
            kind=WorldKind.LIVE,
            tags=len(SPECS),
            supply=LinksSupply(self.inbox, intake, Watch(SPECS, [LINK])),
            derived=Derived(SPECS),
            alarms=alarms,
        )

    def arrive(self, *messages: tuple[str, bytes]) -> None:
        channels = ("t1", "t2", "other")
        sizes = [len(p) for _, p in messages]
        n = len(messages)
        batch = WireBatch(
            link=LINK.name,
            channel=np.array([channels.index(c) for c, _ in messages], np.uint32),
            channels=channels,
            start=np.concatenate(([0], np.cumsum(sizes))).astype(np.int64),
            payload=b"".join(p for _, p in messages),
            arrival_ns=np.full(n, self.clock.now_ns(), np.int64),
            arrival_mono_ns=np.full(n, self.clock.now_mono_ns(), np.int64),
            flags=np.zeros(n, np.uint8),
        )
        self.inbox.put(LINK.name, batch)

    def tick(self, after_s: float = 0.05):  # type: ignore[no-untyped-def]
        self.clock.advance(after_s)
        return self.core.tick(self.clock.now_ns(), self.clock.now_mono_ns())


def test_a_message_becomes_a_frame_with_its_derived_tag() -> None:
    bench = Bench()
    bench.arrive(("t1", b'{"v": 2.5}'), ("t2", b'{"v": 4}'))
    frame = bench.tick().frame
    assert dict(zip(frame.slot.tolist(), frame.value.tolist(), strict=True)) == {0: 2.5, 1: 4.0, 2: 6.5}
    assert set((frame.quality & 0xFF).tolist()) == {GOOD}


def test_a_tick_without_news_makes_an_empty_frame_with_the_next_number() -> None:
    bench = Bench()
    first, second = bench.tick().frame, bench.tick().frame
    assert (len(second), second.seq) == (0, first.seq + 1)


def test_a_silent_tag_turns_stale_and_takes_its_derived_tag_along() -> None:
    bench = Bench()
    bench.arrive(("t1", b'{"v": 2.5}'), ("t2", b'{"v": 4}'))
    bench.tick()
    for _ in range(4):
        bench.arrive(("t2", b'{"v": 4}'))
        frame = bench.tick(1.0).frame
    word = bench.core.table.quality & 0xFF
    assert word.tolist() == [STALE, GOOD, STALE]
    assert frame.seq > 1


def test_a_value_outside_the_instrument_range_is_uncertain() -> None:
    bench = Bench()
    bench.arrive(("t1", b'{"v": 99}'))
    bench.tick()
    assert bench.core.table.quality[0] & 0xFF == UNCERTAIN


def test_a_tag_that_never_arrived_stays_never() -> None:
    bench = Bench()
    bench.arrive(("t1", b'{"v": 1}'))
    bench.tick()
    assert bench.core.table.quality[1] & 0xFF == NEVER


def test_every_sample_goes_to_the_historian_though_only_the_newest_is_shown() -> None:
    bench = Bench()
    for i in range(5):
        bench.clock.advance(0.001)
        bench.arrive(("t1", b'{"v": %d}' % i))
    tick = bench.tick()
    assert tick.frame.value[tick.frame.slot == 0].tolist() == [4.0]
    assert tick.samples.value[tick.samples.slot == 0].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]


PAYLOADS = st.sampled_from(
    [b'{"v": 1}', b'{"v": 2}', b"not json", b'{"w": 1}', b'{"v": NaN}', b'{"v": "x"}', b""]
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.tuples(st.sampled_from(["t1", "t2", "other"]), PAYLOADS), max_size=8), max_size=8)
)
def test_both_laws_hold_in_every_frame(ticks: list[list[tuple[str, bytes]]]) -> None:
    bench = Bench()
    received = 0
    for messages in ticks:
        if messages:
            bench.arrive(*messages)
        received += len(messages)
        bench.tick()
        tally = bench.inbox.tally()[LINK.name]
        assert tally.messages.received == received
        assert tally.messages.balanced
        assert tally.samples.balanced
        assert np.isfinite(bench.core.table.value[(bench.core.table.quality & 0xFF) < STALE]).all()


def test_equal_inputs_give_equal_frames() -> None:
    frames = []
    for _ in range(2):
        bench = Bench()
        bench.arrive(("t1", b'{"v": 2.5}'))
        frames.append(bench.tick().frame)
    assert frames[0].value.tobytes() == frames[1].value.tobytes()
    assert frames[0].tick_mono_ns == frames[1].tick_mono_ns


def test_a_clock_step_of_the_wall_does_not_age_anything() -> None:
    bench = Bench()
    bench.arrive(("t1", b'{"v": 2.5}'))
    bench.tick()
    bench.core.tick(bench.clock.now_ns() + 3600 * NS, bench.clock.now_mono_ns())
    assert bench.core.table.quality[0] & 0xFF == GOOD


class Links(Bench):
    """The same with what a LIVE world has for its links."""

    def __init__(self) -> None:
        super().__init__()
        self.core._turns = Turns(SPECS, [LINK])

    def bare(self, value: float, wall_ns: int) -> Tick:
        """A value without a time of its own, stamped by a wall, and the tick after it."""
        batch = batch_of(
            np.zeros(1, np.uint32),
            np.array([value]),
            np.array([wall_ns]),
            wall_ns,
            self.clock.now_mono_ns(),
            flags=np.array([SOURCE_TIME_ASSUMED], np.uint8),
        )
        self.inbox.put(LINK.name, batch)
        self.clock.advance(0.05)
        return self.core.tick(self.clock.now_ns(), self.clock.now_mono_ns())


def test_a_wall_that_is_set_back_holds_no_value_back() -> None:
    bench = Links()
    hour_ahead = bench.clock.now_ns() + 3600 * NS
    bench.bare(1.0, hour_ahead)
    bench.core.moved(bench.clock.now_ns())
    assert bench.core.table.source_ns[0] == bench.clock.now_ns()
    assert bench.bare(2.0, bench.clock.now_ns()).frame.value.tolist()[:1] == [2.0]


def test_a_sample_stamped_before_the_wall_was_set_back_holds_nothing_back() -> None:
    bench = Links()
    tick = bench.bare(1.0, bench.clock.now_ns() + 3600 * NS)  # it was still queued when the wall moved
    assert bench.core.table.source_ns[0] == bench.core.table.arrival_ns[0] == bench.clock.now_ns()
    assert tick.samples.source_ns.tolist()[0] == bench.clock.now_ns()
    assert bench.bare(2.0, bench.clock.now_ns()).frame.value.tolist()[:1] == [2.0]


def test_what_is_late_is_told_beside_what_is_recorded() -> None:
    bench = Links()
    bench.arrive(("t1", b'{"v": 5}'))
    bench.tick()
    tick = bench.bare(1.0, bench.clock.now_ns() - 1800 * NS)
    assert tick.late.value.tolist() == [1.0]
    assert tick.samples.flags.tolist() == [SOURCE_TIME_ASSUMED | HISTORICAL]
    assert bench.core.table.value[0] == 5.0


def test_a_prediction_reaches_the_frame_and_its_text_follows_the_time_left() -> None:
    soon = AlarmSpec(
        id="SOON", slot=0, tag="T-1.level", kind="predicted", limit=8.0, window_s=40.0, horizon_s=40.0
    )
    bench = Bench(Evaluator((soon,), SPECS))
    texts: list[str] = []
    events: list[str] = []
    for i in range(60):
        bench.arrive(("t1", b'{"v": %.2f}' % (0.1 * i)))
        frame = bench.tick(1.0).frame
        texts += [state.text for state in frame.alarms]
        events += [event.event for event in frame.alarm_events]
    assert events == ["RAISE"]
    assert texts[0] == "T-1.level will be above 8 m in 40 s (90 % sure within 40 s)"
    assert texts[-1].startswith("T-1.level will be above 8 m in 2")
    assert 3 <= len(texts) <= 8  # not with every reading
