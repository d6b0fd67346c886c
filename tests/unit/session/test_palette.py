from armillary.session.palette import Entry, search

ENTRIES = [
    Entry("prim", "/Plant/Pump_1", "/Plant/Pump_1", "Xform"),
    Entry("prim", "/Plant/Pump_1/Bearing", "/Plant/Pump_1/Bearing", "Mesh"),
    Entry("tag", "P-101.bearing.temp", "P-101.bearing.temp", "°C"),
    Entry("action", "project.open", "Open…", "Ctrl+O"),
    Entry("action", "view.frame", "Frame the selection", "F"),
]


def keys(query: str) -> list[str]:
    return [entry.key for entry in search(query, ENTRIES)]


def test_without_a_query_the_commands_come_first() -> None:
    assert keys("  ")[:2] == ["project.open", "view.frame"]
    assert len(keys("")) == len(ENTRIES)


def test_all_words_must_be_found_in_any_order_and_case() -> None:
    assert keys("TEMP bearing") == ["P-101.bearing.temp"]


def test_the_name_of_a_part_counts_more_than_where_it_is() -> None:
    assert keys("bear")[:2] == ["/Plant/Pump_1/Bearing", "P-101.bearing.temp"]
    assert keys("pump")[0] == "/Plant/Pump_1"


def test_a_slip_of_the_finger_still_finds() -> None:
    assert "P-101.bearing.temp" in keys("baering")
    assert "view.frame" in keys("selecton")


def test_nothing_is_found_for_what_is_nowhere() -> None:
    assert keys("zzzzqqq") == []


def test_at_most_as_many_as_asked_for() -> None:
    many = [Entry("tag", f"t{i}", f"tank{i}") for i in range(500)]
    assert len(search("tank", many, 20)) == 20
    assert len(search("", many, 20)) == 20
