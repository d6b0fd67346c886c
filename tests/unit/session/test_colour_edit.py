"""A colour map in hand: stops that are dragged, added, coloured; where its range comes from."""

import numpy as np
import pytest

from armillary.encoding.colour_checks import check
from armillary.encoding.maps import table
from armillary.model.binding import ColourMap
from armillary.model.fault import ProjectFault
from armillary.model.quality import BAD
from armillary.model.tags import TagSpec
from armillary.session import colour_edit as edit
from armillary.session import ranges

LINE = ColourMap(name="m", kind="linear", stops=((0.0, "#000000"), (0.4, "#808080"), (1.0, "#ffffff")))
STATES = ColourMap(name="s", kind="states", stops=((0.0, "#111111"), (4.0, "#eeeeee")), labels=("off", "on"))


def test_a_dragged_stop_never_passes_its_neighbours_and_the_ends_stay() -> None:
    assert edit.moved(LINE, 1, 0.7).stops[1][0] == 0.7
    assert edit.moved(LINE, 1, 3.0).stops[1][0] == pytest.approx(0.9999)
    assert edit.moved(LINE, 1, -3.0).stops[1][0] == pytest.approx(0.0001)
    assert edit.moved(LINE, 2, 0.5).stops == LINE.stops


def test_a_new_stop_changes_no_colour() -> None:
    made = edit.added(LINE, 0.7)
    assert len(made.stops) == 4
    assert np.abs(table(made).astype(int) - table(LINE)).max() <= 3
    assert edit.added(LINE, 0.4) == LINE


def test_states_get_the_next_number_and_keep_their_labels() -> None:
    made = edit.added(STATES, 0.5)
    assert (made.stops[-1][0], made.labels) == (5.0, ("off", "on", "state 5"))
    assert edit.removed(made, 0).labels == ("on", "state 5")


def test_ends_and_the_last_two_stops_stay() -> None:
    assert edit.removed(LINE, 0) == LINE
    two = edit.removed(LINE, 1)
    assert len(two.stops) == 2
    assert edit.removed(two, 1) == two


def test_a_colour_is_taken_or_refused() -> None:
    assert edit.recoloured(LINE, 0, "A0B0C0").stops[0] == (0.0, "#a0b0c0")
    with pytest.raises(ProjectFault, match="no colour"):
        edit.recoloured(LINE, 0, "#12345")


def test_turning_twice_is_the_same_map() -> None:
    for held in (LINE, STATES):
        assert edit.turned(edit.turned(held)) == held
    assert edit.turned(LINE).stops[1] == (0.6, "#808080")


@pytest.mark.parametrize("kind", ["steps", "states", "linear"])
def test_another_kind_keeps_the_colours_and_can_be_drawn(kind: str) -> None:
    for held in (LINE, STATES):
        made = edit.of_kind(held, kind)
        assert [c for _, c in made.stops] == [c for _, c in held.stops]
        assert table(made).shape == (256, 4)


def test_softer_colours_leave_the_hues_of_alarms() -> None:
    loud = ColourMap(name="m", kind="linear", stops=((0.0, "#2a1030"), (1.0, "#ff3258")))
    assert any("priority 1" in f.text for f in check(loud))
    assert not any("priority 1" in f.text for f in check(edit.softened(loud, 0.5)))


def test_a_range_comes_from_the_tag_or_from_what_was_recorded() -> None:
    assert ranges.of_tag(TagSpec(slot=0, name="t", low=1.0, high=9.0)).words == "The tag's range: 1 … 9"
    assert ranges.of_tag(TagSpec(slot=0, name="t")).why_not
    value = np.concatenate([np.linspace(10.0, 20.0, 200), [999.0]])
    quality = np.zeros(201, np.uint16)
    found = ranges.of_past(value, quality)
    assert 10.0 <= found.low < 10.3
    assert 19.7 < found.high <= 20.0, "a stray does not stretch it"
    quality[:] = BAD
    assert ranges.of_past(value, quality).why_not
    assert "all the time" in ranges.of_past(np.ones(50), np.zeros(50, np.uint16)).why_not


def test_shares_of_a_range_are_those_of_good_values() -> None:
    value = np.array([0.1, 0.1, 0.9, 5.0])
    shares = ranges.shares(value, np.zeros(4, np.uint16), 0.0, 1.0, 2)
    assert shares.tolist() == [1.0, 0.5]
    assert ranges.shares(value, np.zeros(4, np.uint16), 1.0, 1.0, 2).tolist() == [0.0, 0.0]
