from __future__ import annotations

import pytest

from armillary.model.fault import ProjectFault
from armillary.telemetry.path import ABSENT, compiled

DOC = {
    "a": {"b": 1, "odd name": 2, "x-y": 3},
    "list": [10, {"v": 20}],
    "sensors": [{"name": "t", "v": 1.5}, {"name": "p", "v": 2.5}, {"id": 3, "on": True, "v": 9}],
    "null": None,
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.b", 1),
        ("$.a.b", 1),
        ("a.`odd name`", 2),
        ("a.x-y", 3),
        ("list[0]", 10),
        ("list[-1].v", 20),
        ("$.list[1].v", 20),
        ('sensors[name="p"].v', 2.5),
        ("sensors[name='t'].v", 1.5),
        ("sensors[id=3].v", 9),
        ("sensors[on=true].v", 9),
        ("null", None),
        ("a.c", ABSENT),
        ("list[5]", ABSENT),
        ("list.b", ABSENT),
        ("a[0]", ABSENT),
        ('sensors[name="z"].v', ABSENT),
        ("sensors[on=1].v", ABSENT),
        ("a.b.c", ABSENT),
    ],
)
def test_a_path_finds_its_place_or_says_it_is_absent(path: str, expected: object) -> None:
    assert compiled(path)(DOC) is expected or compiled(path)(DOC) == expected


@pytest.mark.parametrize("path", ["", "$", "  "])
def test_an_empty_path_is_the_whole_document(path: str) -> None:
    assert compiled(path)(DOC) is DOC


@pytest.mark.parametrize("path", ["a..b", "a[", "a[x]", "a b", "a[0]b", "a[*", "a.", "a.b()"])
def test_a_path_that_cannot_be_understood_names_the_place_and_the_remedy(path: str) -> None:
    with pytest.raises(ProjectFault, match=r"cannot be understood.*tag p.*Write it like"):
        compiled(path, "tag p")


def test_only_a_path_of_one_plain_step_has_a_key() -> None:
    assert [compiled(p).key for p in ("a", "$.a", "a.b", "[0]", "")] == ["a", "a", None, 0, None]
