"""The address spaces of the links, level by level, and the tag that a node would become."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, cast

from armillary.model.binding import Binding
from armillary.model.clock import MS_NS, Clock
from armillary.model.fault import FaultRecord
from armillary.model.link import PROFILES, BrowseItem, LinkSpec, LinkStatus
from armillary.model.message import Peek, Peeked
from armillary.model.tags import Kind, TagSpec
from armillary.model.twin import TwinInstance
from armillary.project.edit import NewTag
from armillary.project.record import Project
from armillary.session.draft import Draft, proposal
from armillary.session.signal import Signal
from armillary.telemetry.profiles import SHORT, place_of

PAGE = 200  # children asked for at first; *more…* doubles it
PEEK_S = 10.0
QUICK_MS = 300  # a level that came as quickly is asked again for its values
NOTHING = -1
FOUND, FOUND_AT = "Found", "@found"  # a root of its own, while there is a search
TYPED = "opcua"  # links of this kind report changes only: their tags live by the link
_TEXTS = ("String", "LocalizedText", "text", "DateTime", "Guid", "ByteString", "QualifiedName", "NodeId")
_NUMBERS = re.compile(r"S?Byte|U?Int\d*|U?Integer|Float|Double|Number|Decimal|Duration|number")
_BOOLS = ("Boolean", "bool")
_NO_VALUE = ("Object", "Method", "View")


@dataclass(slots=True)
class Node:
    """One node. `item` is None for a link itself."""

    number: int
    parent: int
    link: str
    item: BrowseItem | None
    children: list[int] | None = None  # None: not asked yet
    asking: bool = False
    why: str = ""  # the level could not be read
    limit: int = PAGE
    has_more: bool = False
    took_ms: int = 0

    @property
    def address(self) -> str:
        """What is asked for below it."""
        return self.item.address if self.item is not None else ""

    @property
    def name(self) -> str:
        return self.item.name if self.item is not None else self.link

    @property
    def opens(self) -> bool:
        """Whether there may be something below."""
        return self.item is None or self.item.has_children


Answer = Callable[[tuple[BrowseItem, ...] | FaultRecord], None]


class Place(Protocol):
    """What browsing needs of the workspace."""

    specs: tuple[TagSpec, ...]
    links: tuple[LinkStatus, ...]
    twins: tuple[TwinInstance, ...]

    @property
    def project(self) -> Project | None: ...
    def browse(self, link: str, under: str, callback: Answer, limit: int = ...) -> None: ...
    def ask_world(
        self, message: object, callback: Callable[[object], None], timeout_s: float = ...
    ) -> None: ...
    def twin_of_prim(self, prim: int) -> TwinInstance | None: ...


@dataclass(slots=True)
class _Known:
    specs: tuple[TagSpec, ...] = ()
    slots: dict[tuple[str, str], int] = field(default_factory=dict)


class Browsing:
    """The tree as far as it was opened. A level is asked for once, and again only for its values."""

    def __init__(self, place: Place, clock: Clock) -> None:
        self._place, self._clock = place, clock
        self.changed: Signal[int] = Signal()  # the level below this node was read, or could not be
        self.values: Signal[int] = Signal()  # the same nodes, with newer values
        self.reset: Signal[()] = Signal()
        self.rooting: Signal[bool] = (
            Signal()
        )  # the root of what was found comes (True) or goes: before it does
        self.rooted: Signal[bool] = Signal()  # it has
        self.nodes: list[Node] = []
        self.roots: list[int] = []
        self._known = _Known()
        self._round = 0  # answers of an earlier round are nobody's
        self._asking, self._peeking, self._turn = 0, False, 0

    def begin(self) -> None:
        """Show the links of the world; what was opened before is forgotten when they are others."""
        names = [link.name for link in self._place.links]
        if names == [self.nodes[root].link for root in self.roots if self.nodes[root].item is None]:
            return
        self._round += 1
        self._asking, self._peeking = 0, False
        self.nodes, self.roots = [], []
        self.roots = [self._add(NOTHING, name, None).number for name in names]
        self.reset.emit()

    def _add(self, parent: int, link: str, item: BrowseItem | None) -> Node:
        node = Node(number=len(self.nodes), parent=parent, link=link, item=item)
        self.nodes.append(node)
        return node

    # ------------------------------------------------------------ what was found

    @property
    def found(self) -> Node | None:
        """The root of what was found, None while there is no search."""
        first = self.nodes[self.roots[0]] if self.roots else None
        return first if first is not None and first.address == FOUND_AT else None

    def show_found(self, title: str) -> None:
        """Begin a root for what is found; "" takes it away."""
        if self.found is not None:
            self.rooting.emit(False)
            del self.roots[0]
            self.rooted.emit(False)
        if title:
            self.rooting.emit(True)
            item = BrowseItem(address=FOUND_AT, name=title, has_children=True, kind="Object")
            node = self._add(NOTHING, "", item)
            node.children = []
            self.roots.insert(0, node.number)
            self.rooted.emit(True)

    def title_found(self, title: str) -> None:
        """Say how far the search is."""
        if (node := self.found) is not None and node.item is not None:
            node.item = replace(node.item, name=title)
            self.changed.emit(node.number)

    def add_found(self, items: Sequence[tuple[str, BrowseItem]]) -> None:
        """Put (link, node) below the root of what is found."""
        if (node := self.found) is not None:
            more = [self._add(node.number, link, item).number for link, item in items]
            node.children = [*(node.children or ()), *more]
            self.changed.emit(node.number)

    # ------------------------------------------------------------ levels

    def open(self, number: int) -> None:
        """Ask for what is below a node, unless it is known or being asked for."""
        node = self.nodes[number]
        if node.children is None and not node.asking and node.opens:
            self._ask(node)

    def more(self, number: int) -> None:
        """Ask for twice as many children."""
        node = self.nodes[number]
        if node.has_more and not node.asking:
            node.limit *= 2
            self._ask(node)

    def retry(self, number: int) -> None:
        """Ask for a level again that could not be read."""
        node = self.nodes[number]
        if node.why and not node.asking:
            node.why = ""
            self._ask(node)

    def again(self, numbers: Iterable[int], seen: Sequence[int] = ()) -> None:
        """Ask for the values of levels again where that is quick; one at a time is under way.

        seen: the nodes that are on the screen. Of a long level, and of what was found, only those are read.
        """
        if self._asking or self._peeking:
            return
        for number in numbers:
            node = self.nodes[number]
            if node.children and (len(node.children) > PAGE or node.address == FOUND_AT):
                self._peek(number, [child for child in seen if self.nodes[child].parent == number])
                return
            if node.children and 0 < node.took_ms <= QUICK_MS:
                self._ask(node)
                return

    def _peek(self, level: int, seen: Sequence[int]) -> None:
        """Read the values of some nodes below a level anew; of what was found, those of one link a time."""
        if not seen:
            return
        self._turn += 1
        links = sorted({self.nodes[child].link for child in seen})
        link = links[self._turn % len(links)]
        some = {self.nodes[child].address: child for child in seen if self.nodes[child].link == link}
        self._peeking, turn = True, self._round

        def answered(answer: object) -> None:
            self._peeking = False
            if turn != self._round or not isinstance(answer, Peeked):
                return
            for address, value in answer.values:
                node = self.nodes[some[address]] if address in some else None
                if node is not None and node.item is not None:
                    node.item = replace(node.item, value=value)
            self.values.emit(level)

        self._place.ask_world(Peek(link=link, addresses=tuple(some)), answered, PEEK_S)

    def _ask(self, node: Node) -> None:
        node.asking = True
        self._asking += 1
        asked_ns, turn = self._clock.now_mono_ns(), self._round

        def answered(answer: tuple[BrowseItem, ...] | FaultRecord) -> None:
            if turn == self._round:
                node.asking = False
                self._asking -= 1
                took_ms = max(1, (self._clock.now_mono_ns() - asked_ns) // MS_NS)
                node.took_ms = min(node.took_ms or took_ms, took_ms)  # one slow answer stops nothing
                self._take(node, answer)

        self._place.browse(node.link, node.address, answered, node.limit)

    def _take(self, node: Node, answer: tuple[BrowseItem, ...] | FaultRecord) -> None:
        if isinstance(answer, FaultRecord):
            node.why = f"{answer.what} {answer.remedy}"
            self.changed.emit(node.number)
            return
        node.why, node.has_more = "", len(answer) >= node.limit
        old = [self.nodes[child] for child in node.children or ()]
        if node.children is not None and [child.address for child in old] == [i.address for i in answer]:
            for child, item in zip(old, answer, strict=True):
                child.item = item
            self.values.emit(node.number)
            return
        kept = {child.address: child for child in old}
        children = []
        for item in answer:
            child = kept.get(item.address) or self._add(node.number, node.link, item)
            child.item = item
            children.append(child.number)
        node.children = children
        self.changed.emit(node.number)

    # ------------------------------------------------------------ tags

    def slot_of(self, node: Node) -> int:
        """Return the tag that a node is already, NOTHING for none."""
        if self._known.specs is not self._place.specs:
            project = self._place.project
            links = {link.name: link for link in project.links} if project is not None else {}
            slots = {
                (s.link, plain(whole(links.get(s.link), s.address))): s.slot
                for s in self._place.specs
                if s.link
            }
            self._known = _Known(self._place.specs, slots)
        return self._known.slots.get((node.link, plain(node.address)), NOTHING) if node.item else NOTHING

    def can_be_tag(self, node: Node) -> bool:
        """Return whether a node has a value of its own that a tag can hold."""
        return node.item is not None and node.item.kind not in _NO_VALUE and kind_of(node.item) != ""

    def new_tag(self, node: Node, prim: int, path: str, taken: Iterable[str] = ()) -> NewTag:
        """Return the tag that a node would become on a prim: of its twin, else of one named after it."""
        item = node.item or BrowseItem(address="", name=node.link, has_children=False)
        twin = self._place.twin_of_prim(prim)
        name = twin.id if twin is not None else new_id(path, [t.id for t in self._place.twins])
        names = {*(spec.name for spec in self._place.specs), *taken}
        status = next((link for link in self._place.links if link.name == node.link), None)
        span = (item.low, item.high) if math.isfinite(item.low) and item.low < item.high else None
        return NewTag(
            twin=name,
            prim="" if twin is not None else path,
            key=free_key(item.name, name, names),
            address=f"{node.link}!{item.address}",
            kind=kind_of(item) or "number",
            unit=item.unit,
            title=item.name if "/" not in item.name else "",
            span=span if span is None or math.isfinite(span[1]) else None,
            states=item.states,
            liveness="link" if status is not None and status.kind == TYPED else "tag",
        )


def spec_of(new: NewTag) -> TagSpec:
    """Return the tag as the world will have it, without a slot."""
    low, high = new.span if new.span is not None else (-math.inf, math.inf)
    link, _, address = new.address.partition("!")
    return TagSpec(
        slot=NOTHING,
        name=new.name,
        link=link,
        address=address,
        kind=cast("Kind", new.kind),
        unit=new.unit,
        low=low,
        high=high,
        states=new.states,
        twin=new.twin,
        title=new.title,
    )


def value_of(item: BrowseItem) -> float:
    """Return the value that a node showed when it was read, NaN where that is no number."""
    text = item.value.strip()
    named = {name.lower(): value for value, name in item.states} | {"true": 1.0, "false": 0.0}
    if (state := named.get(text.lower())) is not None:
        return state
    try:
        return float(text.split(" ")[0])
    except ValueError:
        return math.nan


def proposed(
    browsing: Browsing, nodes: Sequence[Node], prim: int, path: str, existing: Sequence[Binding]
) -> Draft:
    """Return the first draft for nodes dropped on a part: the first one is bound, all become tags."""
    made: list[NewTag] = []
    for node in nodes:
        made.append(browsing.new_tag(node, prim, path, [new.name for new in made]))
    item = nodes[0].item
    seen = value_of(item) if item is not None else math.nan
    draft = proposal(spec_of(made[0]), path, seen, existing)
    return replace(draft, new=tuple(made), seen=seen)


def renamed(new: NewTag, name: str) -> NewTag:
    """Return the same tag with the name that a person typed; its twin keeps its part of the name."""
    key = name.strip().removeprefix(f"{new.twin}.")
    return replace(new, key=key)


def whole(link: LinkSpec | None, address: str) -> str:
    """Return an address as Browse has it: topic and path of one that a profile makes short."""
    if link is None or link.profile not in PROFILES or not address.startswith(SHORT):
        return address
    place = place_of(link, address)
    return f"{place.channel}#{place.path}" if place.path else place.channel


def plain(address: str) -> str:
    """Return an address as it is compared: `topic#$.a.b` and `topic#a.b` are one field."""
    return address.replace("#$.", "#")


def kind_of(item: BrowseItem) -> str:
    """Return the kind of tag for what a server says of a type, "" where no tag can hold it."""
    if item.data_type in _BOOLS:
        return "bool"
    if item.states:
        return "enum"
    if _NUMBERS.fullmatch(item.data_type):
        return "number"
    return "text" if item.data_type in _TEXTS else ""


def new_id(path: str, taken: Iterable[str]) -> str:
    """Return an id for the twin of a prim that no twin has yet."""
    return _free(re.sub(r"[\s!`#'\"~]", "-", path.rsplit("/", 1)[-1]) or "twin", set(taken))


def free_key(name: str, twin: str, taken: set[str]) -> str:
    """Return a key for a tag: `P-101A.DischargePressure` in `P-101A` becomes `discharge_pressure`."""
    leaf = name.rsplit("/", 1)[-1].removeprefix(f"{twin}.")
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", leaf).lower()
    base = re.sub(r"[^\w.\-]+", "_", words).strip("_.") or "value"
    full = _free(f"{twin}.{base}", taken)
    return full.removeprefix(f"{twin}.")


def _free(base: str, taken: set[str]) -> str:
    number, out = 1, base
    while out in taken:
        number += 1
        out = f"{base}_{number}"
    return out
