from __future__ import annotations

from armillary.project.locate import json_line, toml_line

TOML = """[project]
name = "x"

[[source]]
name = "a"
url = "1"

[[source]]
name = "b"
tls.ca = "x"
[colormap.level]
stops = []
"""
JSON = """{"schema": 1,
 "twins": [
  {"id": "a", "tags": {"x": {"unit": "m"}}},
  {"id": "b, [",
   "tags": {
    "x": {
     "unit": "s"}}}]}
"""


def test_the_line_of_a_toml_entry_is_found_also_in_the_second_of_two_tables() -> None:
    assert toml_line(TOML, ("project", "name")) == 2
    assert toml_line(TOML, ("source", 0, "url")) == 6
    assert toml_line(TOML, ("source", 1, "name")) == 9
    assert toml_line(TOML, ("source", 1, "tls", "ca")) == 10
    assert toml_line(TOML, ("colormap", "level", "stops")) == 12


def test_an_entry_that_is_not_there_has_the_line_of_what_should_hold_it() -> None:
    assert toml_line(TOML, ("source", 1, "url")) == 8
    assert toml_line(TOML, ("limits",)) == 1
    assert json_line(JSON, ("twins", 0, "tags", "y")) == 3
    assert json_line(JSON, ("nothing",)) == 1


def test_the_line_of_a_json_value_is_found_past_strings_that_look_like_structure() -> None:
    assert json_line(JSON, ("schema",)) == 1
    assert json_line(JSON, ("twins", 0, "tags", "x", "unit")) == 3
    assert json_line(JSON, ("twins", 1, "tags", "x", "unit")) == 7
    assert json_line(JSON, ("twins", 1, "tags")) == 5
