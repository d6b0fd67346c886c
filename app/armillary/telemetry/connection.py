"""One link's life: the state machine around a Source plugin, with back-off (operations: connection states).

The host owns retries: a source connects once, pumps, and raises when it is over.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable

from armillary.api.ports import Probes, Source, SourceContext, Verdict
from armillary.model.clock import NS, Clock
from armillary.model.fault import Fault, LinkFault, LinkRefused, record
from armillary.model.frame import Event
from armillary.model.link import LinkState, SubscriptionPlan
from armillary.telemetry.inbox import Inbox
from armillary.telemetry.out import Out, out_of

BASE_S, CAP_S, REFUSED_S = 0.5, 30.0, 300.0
LEAST_S = 0.1  # the shortest wait
RESET_AFTER_S = 30.0  # up this long: the next loss starts with a short wait again
STOP_S = 2.0  # what a source gets to say good-bye
PROBE_S = 12.0  # what a probe of a silent link may take: an answer, a second connection, a listen
LOSSES, LOSSES_NS = 3, 120 * NS  # lost so often within so long: the link is unstable, told once

Wait = Callable[[asyncio.Event, float], Awaitable[None]]
Jitter = Callable[[float, float], float]

_ALIVE = frozenset({LinkState.UP, LinkState.DEGRADED})
_PASSING = frozenset({LinkState.RESOLVING, LinkState.CONNECTING, LinkState.SYNCING})
_LEVELS = {LinkState.DEGRADED: "warning", LinkState.BACKOFF: "warning", LinkState.REFUSED: "error"}
SILENT, FLOODED = "silent", "flooded"  # kinds of what is wrong with a link that is up
MANY = 1_000  # losses remembered
_MAX_DOUBLINGS = 16  # keeps 2 ** n small; the cap is reached long before

log = logging.getLogger("armillary.links")


class Connection:
    """Runs one source over and over; all methods belong to the loop's thread, the properties to any."""

    def __init__(
        self,
        plan: SubscriptionPlan,
        make: Callable[[SourceContext], Source],
        context: SourceContext,
        inbox: Inbox,
        clock: Clock,
        tell: Callable[[Event], None],
        wait: Wait,
        jitter: Jitter,
    ) -> None:
        self.plan = plan
        self.state, self.detail = LinkState.OFF, ""
        self.since_ns = clock.now_ns()
        self.next_try_mono_ns = 0
        self._make, self._context = make, context
        self._inbox, self._clock, self._tell = inbox, clock, tell
        self._wait, self._jitter = wait, jitter
        self._source: Source | None = None
        self._runner: asyncio.Task[None] | None = None
        self._out: Out | None = None
        self._is_enabled, self._is_stopping = True, False
        self._wake = asyncio.Event()  # a person acted: enabled, retry now, stop
        self._halted = asyncio.Event()  # a person ended the present run
        self._attempt = 0  # losses in a row
        self._up_mono_ns = 0
        self._losses: deque[int] = deque(maxlen=MANY)  # when it was lost after it was up
        self._was_unstable = False
        self._said = (LinkState.OFF, "")  # what the source said last
        self._wrongs: dict[str, str] = {}  # what is wrong while it is up, besides what its source says
        self._verdict: Fault | None = None  # why the present run was ended from here
        self._prober: asyncio.Task[None] | None = None
        self._told = ""  # cause of the loss that was told last; told once, however often it repeats

    @property
    def name(self) -> str:
        """The link's name."""
        return self.plan.link.name

    def source(self) -> Source:
        """Return the source, made at the first call. Raises what the plugin raises."""
        if self._source is None:
            self._source = self._make(self._context)
        return self._source

    @property
    def made(self) -> Source | None:
        """The source, if it was made already."""
        return self._source

    async def live(self, offset_s: float = 0.0) -> None:
        """Connect, pump, lose, wait, again; returns after `stop`."""
        if offset_s:
            await self._wait(self._wake, offset_s)
        while not self._is_stopping:
            self._wake.clear()
            if not self._is_enabled:
                self._set(LinkState.OFF, "Switched off. Enable the link to receive again.")
                await self._wake.wait()
                continue
            fault = await self._once()
            self._inbox.carrier(self.name, False, self._clock.now_mono_ns())
            if fault is not None and self._is_wanted():
                await self._back_off(fault)
        self._set(LinkState.OFF, "")

    def retry(self) -> None:
        """End the present wait and try at once; while connected: hang up and connect anew."""
        self._attempt = 0
        if self.state in (LinkState.BACKOFF, LinkState.REFUSED):
            self._wake.set()
        else:
            self._halt()

    def losses(self, now_mono_ns: int) -> int:
        """Return how often the link was lost in the last two minutes."""
        while self._losses and now_mono_ns - self._losses[0] > LOSSES_NS:
            self._losses.popleft()
        return len(self._losses)

    def unstable(self, now_mono_ns: int) -> str:
        """Return one sentence when the link comes and goes, "" otherwise; its end is told here."""
        count = self.losses(now_mono_ns)
        if count >= LOSSES:
            return f"Link {self.name} is unstable: lost {count} times in 2 min"
        if self._was_unstable and not count:
            self._was_unstable = False
            self._tell_text("info", f"stable again: not lost for 2 min; {self.state.value}")
        return ""

    def heard(self, delivery: str) -> None:
        """Take what the arrivals say (`watch.delivery`); each call that says silent probes the link."""
        if delivery == "silent" and self.state in _ALIVE:
            if self._prober is None or self._prober.done():
                self._prober = asyncio.create_task(self._probe(), name=f"probe {self.name}")
        elif delivery != "silent":
            self.wrong(SILENT, "")

    def wrong(self, kind: str, text: str) -> None:
        """Say what is wrong with the link while it is up, "" when it is over; it shows as DEGRADED."""
        if self._wrongs.get(kind, "") == text:
            return
        self._wrongs[kind] = text
        if self.state in _ALIVE:
            self._set(*self._said)

    async def _probe(self) -> None:
        """Find out why nothing comes: the server, our session, or the source."""
        source, out = self.source(), self._out
        received = self._inbox.signs()[self.name].received
        if not isinstance(source, Probes):
            return  # nobody can tell a silent source from one that has nothing to say
        try:
            async with asyncio.timeout(PROBE_S):
                verdict = await source.probe(self.plan)
        except (Fault, TimeoutError) as error:
            what = error.what if isinstance(error, Fault) else f"no answer within {PROBE_S:g} s"
            fault = LinkFault(
                f"Nothing comes, and a probe failed: {what}",
                where=self.name,
                remedy="It is connected anew; check the server.",
            )
            self._fail(fault, out)
            return
        except Exception:  # a plugin's probe that breaks says nothing about the link
            log.exception("link %r: the probe failed", self.name)
            return
        if self._inbox.signs()[self.name].received > received:
            return  # it speaks again
        if verdict is Verdict.DEAF:
            fault = LinkFault(
                "Others get messages and we do not: our session is dead.",
                where=self.name,
                remedy="It is connected and subscribed anew.",
            )
            self._fail(fault, out)
        elif out is self._out and self.state in _ALIVE:
            self.wrong(
                SILENT,
                "The source is silent: the server answers, and sends nobody anything. "
                "Look at the devices behind it.",
            )

    def _fail(self, fault: Fault, out: Out | None) -> None:
        """End the run that was probed; it is lost for this reason."""
        if out is not None and out is self._out and self._runner is not None and not self._runner.done():
            self._verdict = fault
            self._halted.set()
            self._runner.cancel()

    def enable(self, is_enabled: bool) -> None:
        """Switch the link on or off."""
        self._is_enabled = is_enabled
        self._wake.set()
        if not is_enabled:
            self._halt()

    def replan(self, plan: SubscriptionPlan) -> None:
        """Take a new plan; a running source hears of it by its `changed`."""
        self.plan = plan
        if self._out is not None:
            self._out.plans.put_nowait(plan)

    def stop(self) -> None:
        """Let `live` come to its end; the source gets 2 s."""
        self._is_stopping = True
        self._wake.set()
        self._halt()

    def _is_wanted(self) -> bool:
        return self._is_enabled and not self._is_stopping

    def _halt(self) -> None:
        if self._runner is not None and not self._runner.done():
            self._set(LinkState.STOPPING, "")
            self._halted.set()
            self._runner.cancel()

    async def _once(self) -> Fault | None:
        """Run the source to its end; return why it ended, None when a person ended it."""
        self._up_mono_ns = 0
        self._verdict, self._wrongs = None, {}
        self._halted.clear()
        self._set(LinkState.RESOLVING, "")
        out = self._out = out_of(self.name, self.said, self._inbox, asyncio.get_running_loop())
        runner = self._runner = asyncio.create_task(self._pump(out), name=f"link {self.name}")
        halted = asyncio.create_task(self._halted.wait())
        try:
            await asyncio.wait({runner, halted}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            halted.cancel()
            if self._prober is not None:
                self._prober.cancel()
            out.is_over = True
            self._out = None
            if not runner.done():
                if not self._halted.is_set():  # else it was cancelled then
                    runner.cancel()
                await asyncio.wait({runner}, timeout=STOP_S)
            if not runner.done():  # cancelled twice at once, its good-bye would be cut short
                runner.cancel()
                await asyncio.wait({runner}, timeout=LEAST_S)
            # Fetched in any case: asyncio logs an exception that nobody asked for.
            error = runner.exception() if runner.done() and not runner.cancelled() else None
        if not runner.done():
            log.warning("link %r: the source did not stop within %g s and was left behind", self.name, STOP_S)
            return None
        if self._verdict is not None:
            return self._verdict
        if self._halted.is_set() or runner.cancelled():
            return None
        return self._cause(error)

    async def _pump(self, out: Out) -> None:
        await self.source().run(self.plan, out)

    def _cause(self, error: BaseException | None) -> Fault:
        if isinstance(error, Fault):
            return error
        kind = self.plan.link.kind
        if error is None:
            return LinkFault(
                "The source ended by itself.", where=self.name, remedy=f"Report this to the plugin '{kind}'."
            )
        log.error("link %r: the plugin %r failed", self.name, kind, exc_info=error)
        return LinkFault(
            f"The plugin '{kind}' failed: {type(error).__name__}: {error}",
            where=self.name,
            remedy="The link is tried again; the log has the details.",
        )

    async def _back_off(self, fault: Fault) -> None:
        """Wait with full jitter; what a person must mend is tried every five minutes only."""
        now = self._clock.now_mono_ns()
        if self._up_mono_ns and now - self._up_mono_ns >= RESET_AFTER_S * NS:
            self._attempt = 0
        # A Fault that is no LinkFault (a missing secret, a broken setting) needs a person just as well.
        refused = isinstance(fault, LinkRefused) or not isinstance(fault, LinkFault)
        if refused:
            pause = REFUSED_S
        else:
            pause = self._jitter(LEAST_S, min(CAP_S, BASE_S * 2 ** min(self._attempt, _MAX_DOUBLINGS)))
        self._attempt += 1
        if self._up_mono_ns:
            self._losses.append(now)
        self.next_try_mono_ns = now + int(pause * NS)
        self._wake.clear()
        self._set(LinkState.REFUSED if refused else LinkState.BACKOFF, f"{fault.what} {fault.remedy}", fault)
        await self._wait(self._wake, pause)

    def _set(self, state: LinkState, detail: str, fault: Fault | None = None) -> None:
        """Enter a state and tell of it; of a loss that repeats with one cause only the first is told.

        Of a link that comes and goes only that is told.
        """
        wrong = " ".join(text for text in self._wrongs.values() if text)
        if wrong and state in _ALIVE:
            state, detail = LinkState.DEGRADED, f"{detail} {wrong}" if state is LinkState.DEGRADED else wrong
        if (state, detail) == (self.state, self.detail):
            return
        self.state, self.detail, self.since_ns = state, detail, self._clock.now_ns()
        if state in _ALIVE:
            now = self._clock.now_mono_ns()
            self._up_mono_ns = self._up_mono_ns or now
            self._inbox.carrier(self.name, True, now)
            self._told = ""
        if self._is_unstable_told():
            return
        if fault is not None:
            if fault.what == self._told:
                return
            self._told = fault.what
        elif state in _PASSING and self._told:
            return
        self._tell_text(
            _LEVELS.get(state, "info"), f"{state.value}: {detail}" if detail else state.value, fault
        )

    def _is_unstable_told(self) -> bool:
        """Return whether single losses are not told any more; tell so the first time."""
        if self._was_unstable:
            return self.state not in (LinkState.OFF, LinkState.REFUSED)
        text = self.unstable(self._clock.now_mono_ns())
        if text:
            self._was_unstable = True
            self._tell_text("warning", f"{text}. Single losses are not told until it is stable again.")
        return bool(text)

    def _tell_text(self, level: str, text: str, fault: Fault | None = None) -> None:
        self._tell(
            Event(
                t_ns=self._clock.now_ns(),
                level=level,
                source=self.name,
                text=text,
                fault=record(fault) if fault is not None else None,
            )
        )

    def said(self, state: LinkState, detail: str) -> None:
        """Take a state from the source; only those that are its to say, and none once it is stopping."""
        if self.state is not LinkState.STOPPING and (state in _PASSING or state in _ALIVE):
            self._said = (state, detail)
            self._set(state, detail)
