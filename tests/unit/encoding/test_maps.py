import numpy as np
import pytest

from armillary.encoding import maps
from armillary.model.binding import ColourMap
from armillary.model.fault import ProjectFault

ALARMS = ["#ff3258", "#ee9100", "#f3de6e", "#25dbd2", "#e24bbe"]


def two(kind: str = "linear") -> ColourMap:
    return ColourMap(name="two", kind=kind, stops=((0.0, "#000000"), (0.5, "#ff0000"), (1.0, "#ffffff")))


def test_a_linear_map_begins_and_ends_with_its_stops() -> None:
    table = maps.table(two())
    assert table.shape == (256, 4)
    assert table[0].tolist() == [0, 0, 0, 255]
    assert table[-1].tolist() == [255, 255, 255, 255]


def test_oklab_goes_forth_and_back_without_loss() -> None:
    colours = np.array([[0, 0, 0], [255, 255, 255], [122, 130, 138], [200, 10, 90]], np.uint8)
    assert np.array_equal(maps.from_oklab(maps.oklab(colours)), colours)


def test_grey_in_the_middle_is_as_far_from_black_as_from_white_to_the_eye() -> None:
    grey = ColourMap(name="g", kind="linear", stops=((0.0, "#000000"), (1.0, "#ffffff")))
    lightness = maps.oklab(maps.table(grey)[[0, 127, 255], :3])[:, 0]
    assert lightness[1] == pytest.approx(0.5, abs=0.01)


def test_a_stepped_map_changes_at_its_positions_only() -> None:
    table = maps.table(two("steps"))
    assert table[127, :3].tolist() == [0, 0, 0]
    assert table[128, :3].tolist() == [255, 0, 0]
    assert len(np.unique(table, axis=0)) == 3


def test_built_in_maps_stay_away_from_the_colours_of_alarms() -> None:
    alarm = maps.oklab(np.array([maps.rgb(a) for a in ALARMS], np.uint8))
    for built_in in maps.BUILT_IN:
        lab = maps.oklab(maps.table(built_in)[:, :3])
        nearest = np.linalg.norm(lab[:, None] - alarm[None], axis=2).min()
        assert nearest > 0.08, built_in.name


def test_a_map_of_the_project_replaces_the_built_in_one_of_its_name() -> None:
    mine = ColourMap(name="heat", kind="linear", stops=((0.0, "#101010"), (1.0, "#202020")))
    assert maps.named([mine])["heat"] is mine
    assert "level" in maps.named([mine])


@pytest.mark.parametrize("text", ["red", "#12", "#gggggg", ""])
def test_a_word_that_is_no_colour_is_refused_with_the_remedy(text: str) -> None:
    with pytest.raises(ProjectFault, match=r"is no colour.*#rrggbb"):
        maps.rgb(text, "project.toml")


def test_a_map_without_stops_or_out_of_order_is_refused() -> None:
    with pytest.raises(ProjectFault, match="no stops"):
        maps.table(ColourMap(name="e", kind="linear", stops=()))
    with pytest.raises(ProjectFault, match="ascending"):
        maps.table(ColourMap(name="e", kind="linear", stops=((1.0, "#000000"), (0.0, "#ffffff"))))


def test_a_legend_tells_range_unit_ends_and_the_looks_of_quality() -> None:
    legend = maps.legend(two(), (20.0, 90.0), "°C", "Bearing")
    assert (legend.title, legend.low, legend.high, legend.unit) == ("Bearing", "20", "90", "°C")
    assert legend.bar.shape == (256, 3)
    assert legend.under.text == "below 20"
    assert legend.over.rgb == (255, 255, 255)
    assert {m.text for m in legend.marks} == {"stale", "bad", "no data yet"}


def test_a_legend_of_states_names_them() -> None:
    states = ColourMap(
        name="valve", kind="states", stops=((0.0, "#111111"), (1.0, "#eeeeee")), labels=("closed", "open")
    )
    legend = maps.legend(states)
    assert [s.text for s in legend.steps] == ["closed", "open"]
    assert legend.bar.shape == (0, 3)
