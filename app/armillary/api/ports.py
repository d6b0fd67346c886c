"""The plugin protocols. One required method each; anything more is a separate small protocol.

A plugin never sees a world, a session or a widget of ours. Entry points name a `make` function:

    armillary.sources   make(context: SourceContext) -> Source
    armillary.sinks     make(context: SourceContext) -> CommandSink
    armillary.uplinks   make(context: UplinkContext) -> Uplink
    armillary.decoders  make() -> Decoder, Unpacks, Unwraps or Tabulates
    armillary.stores    make(context: StoreContext) -> HistoryStore
    armillary.plants    make() -> Plant
    armillary.simulators make(context: SimulatorContext) -> Simulator
    armillary.importers make(context: ImporterContext) -> Importer
    armillary.notifiers make(context: SourceContext) -> Notifier
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from armillary.model.arrays import F8, I8, U4
from armillary.model.clock import Clock
from armillary.model.condition import Condition, ConditionAsk
from armillary.model.link import BrowseItem, Found, LinkSpec, LinkState, Route, SubscriptionPlan, Survey
from armillary.model.message import AskDensity, Density
from armillary.model.notice import Notice, Standing
from armillary.model.openusd import SceneOffer
from armillary.model.order import Write
from armillary.model.payload import Columns
from armillary.model.sample import SampleBatch, SampleBuilder, WireBatch
from armillary.model.series import Series, SeriesQuery
from armillary.model.simulation import ModelInfo, SimStart, SimStarted, SimStepped, Values
from armillary.model.storing import Declared, Extent
from armillary.model.tree import SceneTree
from armillary.model.trust import Identity, TrustAsked


@runtime_checkable
class Trust(Protocol):
    """Certificates, as one link needs them: ours, and whether a server's is trusted. May block."""

    def identities(self) -> tuple[Identity, ...]:
        """Return who we are, newest first; made at the first call. Raises a Fault when it cannot be kept.

        A server that does not know the newest yet is shown the one before.
        """

    def check(self, chain: bytes, application_uri: str) -> None:
        """Return when a server may be spoken to. `chain`: DER, its own certificate first.

        Raises LinkRefused with what is wrong; one that nobody knows is kept, and waits in `asked`.
        """

    def pinned(
        self,
    ) -> str: ...  # how the address was secured when it last was UP: `None`, `Sign`, …; "" = never
    def pin(self, mode: str) -> None: ...  # it is UP so: less is not taken any more
    def clear(self) -> None: ...  # nobody has to judge anything any more
    @property
    def asked(self) -> TrustAsked | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceContext:
    """What a source or sink is made with."""

    link: LinkSpec
    clock: Clock
    secret: Callable[[str], str]  # by name, from the secret store; raises a Fault when it is not there
    project: Path
    trust: Trust | None = (
        None  # None: this host keeps no certificates, so no link of it can be secured by them
    )


@runtime_checkable
class SourceOut(Protocol):
    """Given by the host to a source; every method may be called from any thread."""

    def wire(self, batch: WireBatch) -> None: ...
    def samples(self, batch: SampleBatch) -> None: ...  # for typed protocols: raw value, slot from Route
    def alive(self, mono_ns: int) -> None: ...  # the carrier is proven alive: keep-alive, ping answer
    def state(self, state: LinkState, detail: str = "") -> None: ...  # CONNECTING, SYNCING, UP, DEGRADED
    def dropped(self, reason: str, count: int) -> None: ...  # messages given up before they got here
    @property
    def room(self) -> bool: ...  # False: the inbox is nearly full, stop reading the socket
    @property
    def changed(self) -> AsyncIterator[SubscriptionPlan]: ...  # live edits of the plan


@runtime_checkable
class Keeps(Protocol):
    """A SourceOut that can tell when what it was given is safe: an edge writes to disk before it is."""

    def kept(self, then: Callable[[], None]) -> None: ...  # calls it, on the loop's thread


@runtime_checkable
class TakesConditions(Protocol):
    """A SourceOut of a LIVE world: it shows the alarms that a server owns. From any thread."""

    def conditions(self, found: Sequence[Condition], *, is_all: bool) -> None:
        """Tell how conditions are now; `is_all`: what is not among them is gone (after each connect)."""


@runtime_checkable
class OwnsAlarms(Protocol):
    """A source whose server has alarms of its own, and lets them be acknowledged."""

    async def acknowledge(self, condition: str, event_id: bytes, comment: str) -> None:
        """Ask the server; that it did is told by an event. Raises OrderFault when it refuses."""


@runtime_checkable
class ActsOnAlarms(OwnsAlarms, Protocol):
    """A source whose server lets people do more with its alarms than acknowledge them."""

    async def act_on(self, ask: ConditionAsk) -> None:
        """Ask the server; that it did is told by an event. Raises OrderFault when it refuses."""


@runtime_checkable
class Source(Protocol):
    """Connects, subscribes and pumps until cancelled; raises a LinkFault on loss.

    The host owns retry and back-off; a source never reconnects by itself.
    """

    async def run(self, plan: SubscriptionPlan, out: SourceOut) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """One message for the way up, with what is told beside its payload where the protocol can."""

    topic: str
    payload: bytes
    content_type: str = ""
    retain: bool = False
    expiry_s: int = 0  # nobody wants it after so long; 0 = no end
    user: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UplinkContext(SourceContext):
    """What a way up is made with."""

    last_words: Parcel | None = None  # said by the server for us when we are gone without a good-bye


@runtime_checkable
class Uplink(Protocol):
    """The way up of an edge: it runs as a source does, and brings nothing.

    The host owns retries. `send` returns once the server has the parcel. It raises LinkFault when that is not
    known, and LinkRefused when the server does not want it; a parcel is never kept here.
    """

    async def run(self, plan: SubscriptionPlan, out: SourceOut) -> None: ...
    async def send(self, parcel: Parcel) -> None: ...


@runtime_checkable
class Notifier(Protocol):
    """Tells people who are not at a desk. Made by LIVE worlds only; `context.link` is its `[[notify]]`.

    `send` returns once the receiver has the notice. It raises LinkFault when that is not known: the host
    tries again with back-off, and a receiver tells by `Notice.id` what it has already. It raises LinkRefused
    when a person must act first (tried again rarely), and OrderFault for a notice that will never be taken:
    that one is dropped and counted. The host owns queue, retries, quiet times and rates; a notifier keeps
    nothing, and never blocks the loop.
    """

    async def send(self, notice: Notice) -> None: ...


@runtime_checkable
class Reflects(Protocol):
    """A notifier that shows how alarms stand now, to whoever comes later.

    `reflect` gets all of them first and after every fault, then those that changed; every 10 s an empty call
    asks whether it still stands. It raises as `send` does.
    """

    async def reflect(self, standings: Sequence[Standing]) -> None: ...


@runtime_checkable
class Closes(Protocol):
    """What has a connection to hang up when its world ends."""

    async def close(self) -> None: ...


@runtime_checkable
class Browsable(Protocol):
    """A source that can list its server's nodes or topics; opens a connection of its own if need be."""

    async def browse(self, under: str, limit: int) -> Sequence[BrowseItem]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferLimits:
    """What a server may cost that offers a scene of its own; past one of them its files are refused."""

    representations: int = 20_000
    bindings: int = 200_000
    assets: int = 1_000
    asset_bytes: int = 512 << 20  # one file
    total_bytes: int = 2 << 30
    seconds: float = 240.0
    history_s: float = 0.0  # of history bindings, back from now; 0 = none is read
    history: int = 100_000  # values of one


@runtime_checkable
class OffersScene(Protocol):
    """A source whose server carries a scene and its bindings (OPC UA–OpenUSD); nothing it says is trusted."""

    async def fetch(self, folder: Path, limits: OfferLimits) -> SceneOffer:
        """Read everything, and write the files that are delivered into a folder that is ours.

        Only files whose names stay inside and whose digests agree are there afterwards; the rest is told in
        `troubles`. Raises LinkFault, and LinkRefused for a server that offers nothing.
        """

    def changes(self) -> AsyncIterator[str]:
        """Yield a word whenever the server tells that its model has changed; ends with the connection."""


@runtime_checkable
class Searches(Protocol):
    """A Browsable that can look for nodes by words: name, address, description, unit."""

    async def search(self, words: Sequence[str], token: str, limit: int) -> Found:
        """Look on for a short while (about 0.2 s) and return what is new; the next call goes on.

        `token` tells one search from another; one that is not asked for any more is forgotten.
        """


@runtime_checkable
class Peeks(Protocol):
    """A Browsable that can read the values of some nodes anew without listing their level."""

    async def peek(self, addresses: Sequence[str]) -> Mapping[str, str]: ...  # address → value as shown


@runtime_checkable
class Describes(Protocol):
    """A source that learns units, ranges and writability of its addresses while connecting."""

    def described(self) -> Mapping[str, BrowseItem]: ...


@runtime_checkable
class Surveys(Protocol):
    """A source that looks after the nodes of its server: where they are, which are gone, which are new."""

    def survey(self) -> Survey: ...  # another object when something has changed


class Verdict(StrEnum):
    """What a probe of a silent link found; a server that does not answer raises a LinkFault instead."""

    SILENT = "silent"  # the server answers and sends nobody anything: the source is silent
    DEAF = "deaf"  # others get messages and we do not: our session is dead


@runtime_checkable
class Probes(Protocol):
    """A source that can find out why nothing comes, without writing anything."""

    async def probe(self, plan: SubscriptionPlan) -> Verdict: ...


@runtime_checkable
class Refuses(Protocol):
    """A source whose server may refuse some of its channels: their tags say so, each."""

    def refused(self) -> Mapping[str, str]: ...  # channel of a route -> why; another mapping when it changes


@runtime_checkable
class Certified(Protocol):
    """A source that knows until when the certificates of its connection are valid, ns UTC."""

    def certificates(self) -> Mapping[str, int]: ...  # by whose: server, own


@runtime_checkable
class Secured(Protocol):
    """A source that knows how its connection is protected; of others the scheme of the url tells."""

    def secured(self) -> str: ...  # `Basic256Sha256, signed and encrypted`; "None" = not; "" = not connected


@runtime_checkable
class Acknowledges(Protocol):
    """A source whose server keeps messages until we say that we have them on disk (`WireBatch.receipt`)."""

    def stored(self, receipt: int) -> None: ...  # all batches up to this receipt; on the loop's thread


@runtime_checkable
class Decoder(Protocol):
    """Pure: bytes in, samples out; no I/O, no clock, never raises for a payload's content."""

    def decode(self, batch: WireBatch, rows: I8, routes: Sequence[Route], into: SampleBuilder) -> None:
        """Decode messages `rows` of one channel for all routes that it feeds."""


@runtime_checkable
class Unpacks(Protocol):
    """A decoder of payloads that say themselves what is where: bytes → document.

    The host does the rest: paths, times, kinds, quality. Pure, and bounded as a Decoder is.
    """

    def unpack(self, data: bytes) -> object:
        """Return a document of dicts, lists, numbers, texts, datetimes; `Several` for more than one.

        Raises Undecodable with the reason and the byte at which reading failed.
        """


@runtime_checkable
class Navigates(Protocol):
    """An Unpacks whose documents are not dicts and lists, or whose paths are names of its own."""

    def place(self, path: str) -> Callable[[object], object]:
        """Return what gives the value at a path of one document, ABSENT where there is none.

        Raises ProjectFault for a path that no document can have.
        """

    def places(self, paths: Sequence[str]) -> Callable[[object], Any] | None:  # Any: as operator.itemgetter
        """Return what gives the numbers at some paths at once, or None where some may be absent.

        As `operator.itemgetter` does: of one path the value, of more a tuple. It may raise KeyError.
        """


@runtime_checkable
class Tabulates(Protocol):
    """A decoder of payloads of one fixed form: many at once to columns. A path is a column's name."""

    names: tuple[str, ...]

    def tabulate(self, data: bytes, start: I8, stop: I8) -> Columns:
        """Return the columns of n payloads, `data[start[i]:stop[i]]`; every name has its column."""


@runtime_checkable
class Unwraps(Protocol):
    """What stands before another decoder in a chain: bytes → bytes, at most 1 MiB of them."""

    def unwrap(self, data: bytes) -> bytes:
        """Return what was wrapped. Raises Undecodable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderContext:
    """What a decoder is set up with: one `[decoder.NAME]` of project.toml."""

    name: str
    settings: Mapping[str, Any]  # Any: plain TOML values; the decoder checks them and raises a ProjectFault
    project: Path


@runtime_checkable
class TakesSettings(Protocol):
    """A decoder that can be set up by a project, under a name of its own."""

    needs: str  # the setting without which it cannot be used, e.g. "format"; "" = it can be used as it is

    def configured(self, context: DecoderContext) -> AnyDecoder:
        """Return the decoder with these settings. Raises ProjectFault for settings that cannot be used."""


AnyDecoder = Decoder | Unpacks | Tabulates | Unwraps


@runtime_checkable
class CommandSink(Protocol):
    """Writes to the plant. Constructed only by world.live, called only by world.gate.

    Returns when the server has answered (or raises OrderFault); never queues, never retries.
    """

    async def execute(self, write: Write) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreContext:
    """What a store is made with: `[historian]` of project.toml."""

    url: str  # of its server, without a password
    space: str  # what keeps this project apart from others in one server: letters, digits and _
    secret: Callable[[], str]  # the password or token, "" = none wanted; raises a Fault when it is not there
    clock: Clock
    read_only: bool = False
    mark: str = "~"  # names that begin so are marks: kept like tags, not counted as samples


@runtime_checkable
class HistoryStore(Protocol):
    """Keeps samples. Slots never reach a store: it has ids of its own, permanent, from 1.

    Appended to by one thread, read by any. What cannot be done raises StoreFault, and so does everything
    while a server does not answer; the next call tries again. `make` raises it too: the recorder is then
    started again. What `declares` leaves out is refused with a StoreFault (`keep`, `forget` of some) or left
    out (words).

    - `names`: ids of tags, made when new. A tag whose unit is another gets a new id; the samples before stay
      under `name [old unit]`, and a unit that returns takes its samples up again.
    - `append`: `slot` holds ids of this store. `marks`: session -> number of its last message in the batch,
      kept with it; `received` tells it, -1 for none. Rows flagged DUPLICATE, HISTORICAL or WAITED that are
      there with the same tag, time, value and text are passed over.
    - `at`: the last sample <= t of each id that has one, in the order of the ids; `between`: from <= t < to
      in the order of source time. Both with everything: words, quality, arrival, flags, status.
    - `known_at`, `known_between`: the same by arrival (`known_ns`), without HISTORICAL ones: what a world
      showed. The second about `limit` rows at most, and up to when that is everything.
    - `read`: one series an id: samples while they fit the width, else buckets with their extremes.
    - `tidy`: work of quiet moments (roll-ups), a little at a time; whether there is more.
    - `forget`: samples before a time, of all or of some ids; how many went.
    """

    @property
    def declares(self) -> Declared: ...
    @property
    def read_only(self) -> bool: ...
    def names(self, tags: Sequence[str], units: Sequence[str] = ()) -> U4: ...
    def known(self) -> Mapping[str, int]: ...
    def units(self) -> Mapping[str, str]: ...
    def append(self, batch: SampleBatch, marks: Mapping[str, int] | None = None) -> None: ...
    def received(self, session: str) -> int: ...
    def at(self, ids: U4, t_ns: int) -> SampleBatch: ...
    def between(self, ids: U4, from_ns: int, to_ns: int) -> Iterator[SampleBatch]: ...
    def known_at(self, ids: U4, t_ns: int, since_ns: int = 0) -> SampleBatch: ...
    def known_between(self, ids: U4, from_ns: int, to_ns: int, limit: int) -> tuple[SampleBatch, int]: ...
    def read(self, query: SeriesQuery) -> tuple[Series, ...]: ...
    def extent(self) -> Extent: ...
    def tidy(self, now_ns: int) -> bool: ...
    def forget(self, before_ns: int, ids: U4 | None) -> int: ...
    def close(self) -> None: ...


@runtime_checkable
class KeepsDocuments(Protocol):
    """A store that declares `documents`: bytes by kind, key and time, durable when `keep` returns."""

    def keep(self, kind: str, key: str, t_ns: int, data: bytes) -> None: ...
    def kept(
        self, kind: str, t_ns: int, key: str = ""
    ) -> tuple[str, int, bytes] | None: ...  # the newest at or before t, of any key or of one
    def kept_list(
        self, kind: str, from_ns: int, to_ns: int
    ) -> Sequence[tuple[str, int]]: ...  # from <= t < to


@runtime_checkable
class Tends(Protocol):
    """A store whose `tidy` is for a thread of its own; of the others the thread that appends calls it.

    It lets go of what is fine before what is coarse.
    """

    def expire(self, raw_before_ns: int, minutes_before_ns: int, hours_before_ns: int) -> int: ...
    def rest(self) -> None: ...  # ends what `tidy` does now, and for good: the store is about to be closed


@runtime_checkable
class Summarises(Protocol):
    """A store that makes the time bar's strip by itself; of others it is made from their marks."""

    def density(self, ask: AskDensity) -> Density: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorContext:
    """What a simulator is made with. It gets no clock, no socket and no secret."""

    project: Path
    file: str = ""  # of the scenario's simulator, absolute; "" = none
    step_s: float = 0.0  # asked for; 0 = the model's own
    call_timeout_s: float = 5.0


@runtime_checkable
class Simulator(Protocol):
    """A model that runs beside the plant: same inputs and seed give the same outputs, bit for bit.

    It runs in a child process (`simulate.child`) and imports no network module. m members step as arrays
    where `describe().is_batched`; otherwise m is 1.
    """

    def describe(self) -> ModelInfo: ...
    def start(self, start: SimStart) -> SimStarted: ...
    def step(self, inputs: Values, to_ns: int) -> SimStepped: ...  # inputs are held until they are set again


@runtime_checkable
class Forkable(Protocol):
    """A simulator whose whole state is bytes; absent: a fork replays its inputs from the start."""

    def save(self) -> bytes: ...
    def load(self, state: bytes) -> SimStepped: ...


@runtime_checkable
class Plant(Protocol):
    """A simulated plant with its real servers; used by demo, training and tests alike."""

    parts: tuple[str, ...]  # e.g. ("broker", "opcua", "simulator")

    def prepare(self, folder: Path, ports: Mapping[str, int]) -> Path:
        """Write a runnable project with these ports into a folder; return the project folder."""

    def serve(
        self, part: str, folder: Path, ports: Mapping[str, int], seed: int, ready: Callable[[], None]
    ) -> None:
        """Run one part until the process is ended; call `ready` once it can be connected to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastPiece:
    """What a simulated plant told in a span of its invented past: k tags at n moments, ascending."""

    t_ns: I8  # (n,)
    tags: tuple[str, ...]  # (k,) as the project names them
    value: F8  # (k, n) in the tags' units; NaN for texts
    text: Mapping[str, tuple[str, ...]]  # (n,) by tag


@runtime_checkable
class TellsPast(Protocol):
    """A plant that can also tell what it would have told before it was started: for demonstrations only."""

    def past(
        self, seed: int, from_ns: int, to_ns: int, hours_ns: Sequence[int], offset_s: int
    ) -> Iterator[PastPiece]:
        """Yield all of from ≤ t < to in order, a day or less at a time: every minute one moment.

        hours_ns: where hours begin in which something goes wrong and each second is told, the chief one
        first. offset_s: local time less UTC. Equal arguments give equal pasts.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class ImporterContext:
    """What an importer is made with."""

    tolerance: float = 0.0  # m, how far flat faces may be from a curved surface; 0 = the importer's own


@runtime_checkable
class Importer(Protocol):
    """Reads a foreign scene; runs in `extend.importer` without network, and never imports OpenUSD.

    It may read the folder of the file and nothing else of the user's. `read` raises SceneFault for a file
    that it cannot read; what of a file does not come over is counted (`TreeBuilder.drop`), never silent.
    """

    suffixes: tuple[str, ...]  # in small letters, with the dot

    def read(self, path: Path) -> SceneTree: ...


__all__ = [
    "ActsOnAlarms",
    "AnyDecoder",
    "Browsable",
    "Certified",
    "Closes",
    "CommandSink",
    "Decoder",
    "DecoderContext",
    "Describes",
    "Forkable",
    "HistoryStore",
    "Importer",
    "ImporterContext",
    "Keeps",
    "KeepsDocuments",
    "Navigates",
    "Notifier",
    "OfferLimits",
    "OffersScene",
    "OwnsAlarms",
    "Parcel",
    "PastPiece",
    "Plant",
    "Probes",
    "Reflects",
    "Refuses",
    "Secured",
    "Simulator",
    "SimulatorContext",
    "Source",
    "SourceContext",
    "SourceOut",
    "StoreContext",
    "Summarises",
    "Surveys",
    "Tabulates",
    "TakesConditions",
    "TakesSettings",
    "TellsPast",
    "Tends",
    "Trust",
    "Unpacks",
    "Unwraps",
    "Uplink",
    "UplinkContext",
    "Verdict",
]
