from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest

from armillary.api.ports import Source, SourceContext, SourceOut, Verdict
from armillary.model.clock import NS, ManualClock
from armillary.model.fault import LinkFault, LinkRefused, ProjectFault
from armillary.model.link import BrowseItem, LinkSpec, LinkState, SubscriptionPlan
from armillary.model.sample import batch_of
from armillary.telemetry.inbox import Inbox
from armillary.telemetry.links import Links, shown

Script = Callable[[SubscriptionPlan, SourceOut], Awaitable[None]]


class Announces(Protocol):
    announced: list[str]


class Scripted:
    """A source that does one script per run; after the last it stays up until cancelled."""

    def __init__(self, scripts: Sequence[Script]) -> None:
        self.scripts, self.runs = list(scripts), 0

    async def run(self, plan: SubscriptionPlan, out: SourceOut) -> None:
        self.runs += 1
        if self.runs <= len(self.scripts):
            await self.scripts[self.runs - 1](plan, out)
        else:
            await stay(plan, out)


async def stay(plan: SubscriptionPlan, out: SourceOut) -> None:
    for state in (LinkState.CONNECTING, LinkState.SYNCING, LinkState.UP):
        out.state(state)
    await asyncio.Event().wait()


def lose(what: str = "The broker closed the connection.") -> Script:
    async def script(plan: SubscriptionPlan, out: SourceOut) -> None:
        out.state(LinkState.CONNECTING)
        raise LinkFault(what, where="site", remedy="Wait.")

    return script


def fail(error: BaseException) -> Script:
    async def script(plan: SubscriptionPlan, out: SourceOut) -> None:
        raise error

    return script


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, at most 2 s; nothing here tells when a state is entered."""
    async with asyncio.timeout(2):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0)


class Host:
    """Links with one scripted source; waits take no time but are noted, and move the clock."""

    def __init__(self, *scripts: Script, source: Source | None = None, patient: bool = False) -> None:
        self.clock, self.inbox = ManualClock(), Inbox(["site"])
        self.waits: list[float] = []
        self.patient = patient
        self.source = source or Scripted(scripts)
        link = LinkSpec(name="site", kind="scripted", url="x://here")
        self.plan = SubscriptionPlan(link=link, routes=())
        context = SourceContext(link=link, clock=self.clock, secret=str, project=Path())
        self.links = Links(
            [self.plan],
            {"scripted": lambda _context: self.source},
            {"site": context},
            self.inbox,
            self.clock,
            wait=self.wait,
            jitter=lambda low, high: high,
        )

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        if seconds == 0.25:  # the offset at the start
            return
        self.waits.append(seconds)
        if self.patient:
            await event.wait()
        else:
            self.clock.advance(seconds)
            await asyncio.sleep(0)

    async def until(self, condition: Callable[[], bool]) -> None:
        await until(condition)

    async def until_state(self, state: LinkState) -> None:
        await self.until(lambda: self.links.statuses()[0].state is state)

    async def __aenter__(self) -> Host:
        self.task = asyncio.create_task(self.links.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.links.stop()
        await self.task

    def texts(self) -> list[str]:
        return [e.text for e in self.links.take_events()]


async def test_a_link_comes_up_and_every_step_is_an_event() -> None:
    async with Host() as host:
        await host.until_state(LinkState.UP)
        assert host.texts() == ["RESOLVING", "CONNECTING", "SYNCING", "UP"]
        assert host.inbox.signs()["site"].lost_mono_ns == 0
    assert host.texts() == ["STOPPING", "OFF"]
    assert host.links.statuses()[0].state is LinkState.OFF


async def test_waits_double_up_to_the_cap_and_one_cause_is_told_once() -> None:
    async with Host(*[lose()] * 9) as host:
        await host.until_state(LinkState.UP)
        assert host.waits == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
        events = host.links.take_events()
        losses = [e for e in events if e.text.startswith("BACKOFF")]
        assert [e.level for e in losses] == ["warning"]
        assert losses[0].fault is not None
        assert losses[0].fault.what == "The broker closed the connection."
        assert events[-1].text == "UP"


async def test_a_second_cause_is_told_too() -> None:
    async with Host(lose("one."), lose("two."), lose("two.")) as host:
        await host.until_state(LinkState.UP)
        assert [t for t in host.texts() if "BACKOFF" in t] == ["BACKOFF: one. Wait.", "BACKOFF: two. Wait."]


async def test_the_wait_is_short_again_only_after_half_a_minute_up() -> None:
    async def up_for(seconds: float, out: SourceOut, host: Host) -> None:
        out.state(LinkState.UP)
        host.clock.advance(seconds)
        raise LinkFault("gone.", where="site", remedy="Wait.")

    host = Host()
    spans = [0.0, 10.0, 29.0, 30.0]
    host.source = Scripted([lambda _p, out, s=s: up_for(s, out, host) for s in spans])  # type: ignore[misc]
    async with host:
        await host.until(lambda: len(host.waits) == len(spans))
        assert host.waits == [0.5, 1.0, 2.0, 0.5]


@pytest.mark.parametrize(
    "fault",
    [
        LinkRefused("The broker refused the password.", where="site", remedy="Correct it."),
        ProjectFault("The secret 'x' is not there.", where="site", remedy="Add it."),
    ],
)
async def test_what_a_person_must_mend_is_refused_and_tried_every_five_minutes(fault: Exception) -> None:
    async with Host(fail(fault), patient=True) as host:
        await host.until_state(LinkState.REFUSED)
        status = host.links.statuses()[0]
        assert host.waits == [300.0]
        assert status.next_try_s == 300.0
        assert "it." in status.detail
        assert host.links.take_events()[-1].level == "error"
        host.links.retry("site")
        await host.until_state(LinkState.UP)


async def test_a_plugin_that_breaks_becomes_a_named_fault_and_is_tried_again(log_guard: Announces) -> None:
    log_guard.announced.append("the plugin 'scripted' failed")
    async with Host(fail(ValueError("bad byte"))) as host:
        await host.until_state(LinkState.UP)
        fault = next(e.fault for e in host.links.take_events() if e.fault)
        assert fault.what == "The plugin 'scripted' failed: ValueError: bad byte"
        assert fault.where == "site"


async def test_a_source_that_just_ends_is_tried_again() -> None:
    async def ends(plan: SubscriptionPlan, out: SourceOut) -> None:
        return

    async with Host(ends) as host:
        await host.until_state(LinkState.UP)
        assert host.waits == [0.5]


async def test_a_link_can_be_switched_off_and_on() -> None:
    async with Host() as host:
        await host.until_state(LinkState.UP)
        host.links.disable("site")
        await host.until_state(LinkState.OFF)
        assert host.inbox.signs()["site"].lost_mono_ns > 0
        host.links.enable("site")
        await host.until_state(LinkState.UP)
        assert isinstance(host.source, Scripted)
        assert host.source.runs == 2
        assert host.waits == []


async def test_a_source_that_is_ended_may_say_its_good_bye_to_the_end() -> None:
    said: list[str] = []

    async def polite(plan: SubscriptionPlan, out: SourceOut) -> None:
        try:
            await stay(plan, out)
        finally:
            for word in ("unsubscribed", "closed"):
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                said.append(word)

    async with Host(polite) as host:
        await host.until_state(LinkState.UP)
        host.links.disable("site")
        await host.until_state(LinkState.OFF)
    assert said == ["unsubscribed", "closed"]


async def test_batches_go_to_the_inbox_and_the_status_shows_rate_and_delivery() -> None:
    async def pump(plan: SubscriptionPlan, out: SourceOut) -> None:
        out.state(LinkState.UP)
        mono = host.clock.now_mono_ns()
        out.samples(batch_of(np.zeros(10, np.uint32), np.zeros(10), np.ones(10, np.int64), 1, mono))
        out.dropped("too_big", 2)
        assert out.room
        await asyncio.Event().wait()

    host = Host()
    host.source = Scripted([pump])
    host.links.statuses()
    async with host:
        await host.until_state(LinkState.UP)
        host.clock.advance(2.0)
        status = host.links.statuses()[0]
        assert status.rate_hz == 6.0
        assert status.delivery == "flowing"
        host.clock.advance(20.0)
        assert host.links.statuses()[0].delivery == "silent"
        assert host.links.statuses()[0].rate_hz == 0.0
        assert host.inbox.tally()["site"].messages.balanced


async def test_a_degraded_link_says_what_is_missing() -> None:
    async def degraded(plan: SubscriptionPlan, out: SourceOut) -> None:
        out.state(LinkState.DEGRADED, "1 of 3 subscriptions refused: a/b")
        await asyncio.Event().wait()

    async with Host(degraded) as host:
        await host.until_state(LinkState.DEGRADED)
        assert host.links.statuses()[0].detail == "1 of 3 subscriptions refused: a/b"
        assert host.inbox.signs()["site"].lost_mono_ns == 0


async def test_a_state_said_from_another_thread_arrives() -> None:
    async def threaded(plan: SubscriptionPlan, out: SourceOut) -> None:
        await asyncio.to_thread(out.state, LinkState.UP)
        await asyncio.Event().wait()

    async with Host(threaded) as host:
        await host.until_state(LinkState.UP)


async def test_a_new_plan_reaches_the_running_source() -> None:
    seen: list[SubscriptionPlan] = []
    arrived = asyncio.Event()

    async def follows(plan: SubscriptionPlan, out: SourceOut) -> None:
        out.state(LinkState.UP)
        async for changed in out.changed:
            seen.append(changed)
            arrived.set()

    async with Host(follows) as host:
        await host.until_state(LinkState.UP)
        host.links.replan(host.plan)
        async with asyncio.timeout(2):
            await arrived.wait()
        assert seen == [host.plan]


async def test_a_link_that_stands_can_be_connected_anew_at_once() -> None:
    async with Host() as host:
        await host.until_state(LinkState.UP)
        host.links.retry("site")
        assert isinstance(host.source, Scripted)
        await host.until(lambda: host.source.runs == 2)  # type: ignore[attr-defined]
        await host.until_state(LinkState.UP)
        assert host.waits == []


async def test_a_link_that_comes_and_goes_is_told_once_and_its_end_too() -> None:
    async def flap(_plan: SubscriptionPlan, out: SourceOut) -> None:
        out.state(LinkState.UP)
        host.clock.advance(3.0)
        raise LinkFault("The broker closed the connection.", where="site", remedy="Wait.")

    host = Host()
    host.source = Scripted([flap] * 8)
    async with host:
        await host.until(lambda: host.source.runs == 9)  # type: ignore[attr-defined]
        await host.until_state(LinkState.UP)
        texts = host.texts()
        assert sum("unstable" in t for t in texts) == 1
        assert sum(t.startswith("BACKOFF") for t in texts) == 2  # before it was known to be unstable
        (told,) = host.links.troubles().values()
        assert told == f"Link site is unstable: lost {host.links.statuses()[0].losses} times in 2 min"
        assert host.links.statuses()[0].losses >= 3
        host.clock.advance(121.0)
        assert host.links.troubles() == {}
        assert host.texts() == ["stable again: not lost for 2 min; UP"]


async def test_losses_before_a_link_was_ever_up_do_not_make_it_unstable() -> None:
    async with Host(*[lose()] * 6) as host:
        await host.until_state(LinkState.UP)
        assert host.links.troubles() == {}


class Probed(Scripted):
    """Brings one sample, then nothing; its probe says what it is given."""

    def __init__(self, verdict: Verdict | BaseException) -> None:
        super().__init__([])
        self.verdict, self.probes = verdict, 0
        self.out: SourceOut | None = None

    async def run(self, plan: SubscriptionPlan, out: SourceOut) -> None:
        self.runs, self.out = self.runs + 1, out
        out.state(LinkState.UP, "as usual")
        self.bring(host_clock(self).now_mono_ns())
        await asyncio.Event().wait()

    def bring(self, mono_ns: int) -> None:
        assert self.out is not None
        self.out.samples(batch_of(np.zeros(1, np.uint32), np.zeros(1), np.ones(1, np.int64), 1, mono_ns))

    async def probe(self, plan: SubscriptionPlan) -> Verdict:
        self.probes += 1
        if isinstance(self.verdict, BaseException):
            raise self.verdict
        return self.verdict


CLOCKS: dict[int, ManualClock] = {}


def host_clock(source: Probed) -> ManualClock:
    return CLOCKS[id(source)]


def probed(verdict: Verdict | BaseException) -> tuple[Host, Probed]:
    source = Probed(verdict)
    host = Host(source=source)
    CLOCKS[id(source)] = host.clock
    return host, source


async def silent(host: Host) -> None:
    await host.until_state(LinkState.UP)
    host.clock.advance(16.0)
    assert host.links.statuses()[0].delivery == "silent"


async def test_a_silent_source_behind_a_server_that_answers_degrades_the_link_and_is_not_fought() -> None:
    host, source = probed(Verdict.SILENT)
    async with host:
        await silent(host)
        await host.until_state(LinkState.DEGRADED)
        assert "The source is silent: the server answers" in host.links.statuses()[0].detail
        host.clock.advance(60.0)
        for _ in range(20):
            host.links.statuses()
            await asyncio.sleep(0)
        assert (source.probes, source.runs) == (1, 1)  # asked once, and not connected anew
        host.clock.advance(301.0)  # … in five minutes: a session may die while nothing is to be said
        await host.until(lambda: bool(host.links.statuses()) and source.probes == 2)
        assert source.runs == 1
        source.bring(host.clock.now_mono_ns())
        await host.until_state(LinkState.UP)
        assert host.links.statuses()[0].detail == "as usual"


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        (Verdict.DEAF, "Others get messages and we do not: our session is dead."),
        (
            LinkFault("The broker did not answer within 3 s.", where="site", remedy="Wait."),
            "Nothing comes, and a probe failed: The broker did not answer within 3 s.",
        ),
    ],
)
async def test_a_dead_session_is_connected_anew(verdict: Verdict | BaseException, said: str) -> None:
    host, source = probed(verdict)
    async with host:
        await silent(host)
        await host.until(lambda: source.runs == 2)
        await host.until_state(LinkState.UP)
        assert [e.fault.what for e in host.links.take_events() if e.fault] == [said]
        assert host.waits == [0.5]


async def test_a_probe_that_breaks_changes_nothing(log_guard: Announces) -> None:
    log_guard.announced.append("the probe failed")
    host, source = probed(ValueError("bad byte"))
    async with host:
        await silent(host)
        await host.until(lambda: source.probes == 1)
        await asyncio.sleep(0)
        assert host.links.statuses()[0].state is LinkState.UP


async def test_a_link_whose_silence_is_not_watched_says_so_and_is_never_probed() -> None:
    host, source = probed(Verdict.DEAF)
    link = replace(host.plan.link, settings={"silence_s": 0})
    host.links.replan(replace(host.plan, link=link))
    async with host:
        await host.until_state(LinkState.UP)
        host.clock.advance(600.0)
        status = host.links.statuses()[0]
        assert (status.delivery, status.silence_watched) == ("quiet", False)
        assert source.probes == 0


class Certain(Scripted):
    ends = 0

    def certificates(self) -> dict[str, int]:
        return {"server": self.ends} if self.runs else {}


async def test_a_certificate_that_ends_is_told_at_each_step_and_raises_one_alarm_at_a_time() -> None:
    source = Certain([])
    host = Host(source=source)
    day = 86_400
    source.ends = host.clock.now_ns() + 40 * day * NS
    async with host:
        await host.until_state(LinkState.UP)
        assert host.links.troubles() == {}
        host.texts()
        steps = []
        for days in (10.5, 10, 14, 5, 0.2, 1):
            host.clock.advance(days * day)
            troubles = host.links.troubles()
            host.links.troubles()  # told once, however often it is looked at
            (said,) = host.texts() or [""]
            steps.append((tuple(troubles), said[:44]))
        assert steps == [
            (("link:site:certificate-30",), "the server's certificate expires in 29 days "),
            (("link:site:certificate-30",), ""),
            (("link:site:certificate-7",), "the server's certificate expires in 5 days ("),
            (("link:site:certificate-1",), "the server's certificate expires in 12 hours"),
            (("link:site:certificate-1",), ""),
            (("link:site:certificate-1",), "the server's certificate has expired (2025-0"),
        ]
        assert host.links.statuses()[0].state is LinkState.UP  # the session goes on
        assert host.links.statuses()[0].certificate_ns == source.ends


class Talks(Scripted):
    async def browse(self, under: str, limit: int) -> Sequence[BrowseItem]:
        if under == "bad":
            raise RuntimeError("boom")
        return [BrowseItem(address=f"{under}/a", name="a", has_children=False)][:limit]

    def described(self) -> dict[str, BrowseItem]:
        return {"a": BrowseItem(address="a", name="a", has_children=False, unit="bar")}


async def test_a_source_can_be_browsed_and_describes_its_addresses() -> None:
    async with Host(source=Talks([])) as host:
        await host.until_state(LinkState.UP)
        assert [i.address for i in await host.links.browse("site", "x", 5)] == ["x/a"]
        assert host.links.described()["site"]["a"].unit == "bar"
        with pytest.raises(LinkFault, match="boom"):
            await host.links.browse("site", "bad", 5)


async def test_browsing_what_cannot_be_browsed_says_so() -> None:
    async with Host() as host:
        with pytest.raises(LinkFault, match="cannot be browsed"):
            await host.links.browse("site", "", 5)
        with pytest.raises(LinkFault, match="There is no link 'gone'"):
            host.links.retry("gone")


async def test_a_kind_without_a_plugin_is_refused_by_name() -> None:
    clock, inbox = ManualClock(), Inbox(["x"])
    link = LinkSpec(name="x", kind="kafka", url="")
    context = SourceContext(link=link, clock=clock, secret=str, project=Path())
    links = Links([SubscriptionPlan(link=link, routes=())], {}, {"x": context}, inbox, clock, jitter=min)
    task = asyncio.create_task(links.run())
    await until(lambda: links.statuses()[0].state is LinkState.REFUSED)
    assert "kind 'kafka'" in links.statuses()[0].detail
    await links.stop()
    await task


async def test_two_links_do_not_wait_for_each_other() -> None:
    clock, inbox = ManualClock(), Inbox(["a", "b"])
    specs = [LinkSpec(name=n, kind="scripted", url="") for n in "ab"]
    sources = {"a": Scripted([lose()] * 1000), "b": Scripted([])}
    links = Links(
        [SubscriptionPlan(link=s, routes=()) for s in specs],
        {"scripted": lambda c: sources[c.link.name]},
        {s.name: SourceContext(link=s, clock=clock, secret=str, project=Path()) for s in specs},
        inbox,
        clock,
        jitter=lambda low, high: 0.0 if not low else high,
    )
    task = asyncio.create_task(links.run())
    await until(lambda: links.statuses()[1].state is LinkState.UP)
    assert links.statuses()[0].state in (LinkState.BACKOFF, LinkState.CONNECTING, LinkState.RESOLVING)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_status_never_shows_a_countdown_while_connected() -> None:
    host = Host()
    assert host.links.statuses()[0].next_try_s == 0.0
    assert host.clock.now_mono_ns() == 1_000 * NS


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("mqtt://127.0.0.1:1883", "mqtt://127.0.0.1:1883"),
        ("opc.tcp://plc:4840/a", "opc.tcp://plc:4840/a"),
        ("wss://ann:s3cret@h:1/mqtt?token=abc", "wss://ann@h:1/mqtt?…"),
        ("h:1883", "h:1883"),
        ("", ""),
        ("mqtt://[::1", "a url that cannot be read"),
    ],
)
def test_what_a_url_keeps_secret_is_not_shown(url: str, seen: str) -> None:
    assert shown(url) == seen
