"""Searching all links: a little at a time, cancellable, bounded, and honest about how much was seen."""

from __future__ import annotations

from collections.abc import Callable

from armillary.model.clock import ManualClock
from armillary.model.fault import FaultRecord
from armillary.model.link import BrowseItem, Found, LinkState, LinkStatus
from armillary.model.message import Peek, Peeked, SearchLink
from armillary.session.browsing import FOUND_AT, PAGE, Browsing
from armillary.session.searching import MOST, Searching


def status(name: str) -> LinkStatus:
    return LinkStatus(name=name, kind="mqtt", url="", state=LinkState.UP, since_ns=0)


def node(name: str, value: str = "1") -> BrowseItem:
    return BrowseItem(address=name, name=name, has_children=False, data_type="number", value=value)


class Place:
    """Links whose world answers when the test says so."""

    def __init__(self, *names: str) -> None:
        self.clock = ManualClock()
        self.links = tuple(status(name) for name in names)
        self.specs, self.twins, self.project = (), (), None
        self.asked: list[tuple[object, Callable[[object], None]]] = []
        self.browsed: list[Callable[[object], None]] = []

    def now_mono_ns(self) -> int:
        return self.clock.now_mono_ns()

    def ask_world(self, message: object, callback: Callable[[object], None], _limit: float = 0.0) -> None:
        self.asked.append((message, callback))

    def browse(self, _link: str, _under: str, callback: Callable[[object], None], _limit: int = 0) -> None:
        self.browsed.append(callback)

    def twin_of_prim(self, _prim: int) -> None:
        return None

    def answer(self, **by_link: object) -> None:
        asked, self.asked = self.asked, []
        for message, callback in asked:
            assert isinstance(message, SearchLink)
            callback(by_link[message.link])


def begun(*names: str) -> tuple[Place, Browsing, Searching]:
    place = Place(*names)
    browsing = Browsing(place, place.clock)  # type: ignore[arg-type]  a small workspace
    browsing.begin()
    return place, browsing, Searching(place, browsing, "desk")  # type: ignore[arg-type]


def names(browsing: Browsing) -> list[str]:
    root = browsing.found
    return [] if root is None else [browsing.nodes[child].name for child in root.children or ()]


def test_each_link_is_asked_again_until_it_is_done_and_hits_can_be_dragged() -> None:
    place, browsing, searching = begun("a", "b")
    assert searching.begin("flow") == ""
    assert [m.link for m, _ in place.asked if isinstance(m, SearchLink)] == ["a", "b"]
    place.answer(a=Found(items=(node("x/flow"),), seen=10, waiting=90, done=False), b=Found(seen=5))
    assert names(browsing) == ["a: x/flow"]
    assert "1 found, 15 of at least 105 nodes seen" in searching.said()
    searching.pump()
    assert place.asked == [], "not at once"
    place.clock.advance(0.2)
    searching.pump()
    assert [m.link for m, _ in place.asked if isinstance(m, SearchLink)] == ["a"]
    place.answer(a=Found(items=(node("x/flow"), node("y/flow")), seen=100))
    assert names(browsing) == ["a: x/flow", "a: y/flow"]
    assert not searching.is_running
    assert searching.said().endswith("done")
    root = browsing.found
    assert root is not None
    hit = browsing.nodes[(root.children or [0])[0]]
    assert (hit.link, hit.address, browsing.can_be_tag(hit)) == ("a", "x/flow", True)


def test_cancel_takes_the_results_away_and_late_answers_are_nobodys() -> None:
    place, browsing, searching = begun("a")
    searching.begin("flow")
    searching.cancel()
    place.answer(a=Found(items=(node("x"),), seen=1))
    assert browsing.found is None
    assert names(browsing) == []
    assert searching.begin("  ") != ""


def test_stop_keeps_what_was_found() -> None:
    place, browsing, searching = begun("a")
    searching.begin("flow")
    place.answer(a=Found(items=(node("x"),), seen=1, waiting=7, done=False))
    searching.stop()
    assert not searching.is_running
    assert names(browsing) == ["x"]
    assert "stopped" in searching.said()


def test_it_ends_when_enough_was_found() -> None:
    place, browsing, searching = begun("a")
    assert searching.begin("xy") == ""
    for begin in range(0, 2 * MOST, 50):
        if not searching.is_running:
            break
        searching.pump()
        items = tuple(node(f"x{n}") for n in range(begin, begin + 50))
        place.answer(a=Found(items=items, seen=begin, waiting=10**6, done=False))
        place.clock.advance(1.0)
    assert len(names(browsing)) == MOST
    assert "the first only" in searching.said()


def test_a_link_that_cannot_be_searched_says_why_and_the_others_go_on() -> None:
    place, browsing, searching = begun("a", "b")
    assert searching.begin("xy") == ""
    fault = FaultRecord(kind="LinkFault", what="A link of kind 'k' cannot be searched.", where="a", remedy="")
    place.answer(a=fault, b=Found(items=(node("x"),), seen=1))
    assert "a: A link of kind 'k' cannot be searched." in searching.said()
    assert names(browsing) == ["b: x"]


def test_other_links_end_the_search() -> None:
    place, browsing, searching = begun("a")
    assert searching.begin("xy") == ""
    place.links = (status("c"),)
    browsing.begin()
    assert not searching.is_shown
    assert browsing.found is None


def test_of_a_long_level_only_what_is_seen_is_read_anew() -> None:
    place, browsing, _searching = begun("a")
    root = browsing.roots[0]
    browsing.nodes[root].limit = 4 * PAGE
    browsing.open(root)
    place.browsed.pop()(tuple(node(f"n{i}") for i in range(2 * PAGE)))
    children = browsing.nodes[root].children or []
    browsing.again((root,), children[10:12])
    [(message, callback)] = place.asked
    assert message == Peek(link="a", addresses=("n10", "n11"))
    callback(Peeked(values=(("n10", "77"),)))
    shown = [browsing.nodes[child].item for child in children[10:12]]
    assert [item.value for item in shown if item is not None] == ["77", "1"]
    assert place.browsed == []


def test_found_nodes_are_peeked_by_link() -> None:
    place, browsing, searching = begun("a", "b")
    assert searching.begin("xy") == ""
    place.answer(a=Found(items=(node("x1"),), seen=1), b=Found(items=(node("x2"),), seen=1))
    root = browsing.found
    assert root is not None
    assert root.address == FOUND_AT
    links = set()
    for _ in range(2):
        browsing.again((root.number,), root.children or [])
        [(message, callback)] = place.asked
        place.asked.clear()
        callback(Peeked(values=()))
        assert isinstance(message, Peek)
        links.add(message.link)
    assert links == {"a", "b"}
