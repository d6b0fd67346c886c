"""The words of a search for parts: what is a query, and what it asks for."""

import pytest

from armillary.session.seeking import query_of, question


def test_plain_words_are_no_query() -> None:
    assert query_of("pump bearing") is None
    assert query_of("") is None


def test_words_with_a_key_are_taken_apart_and_the_others_are_names() -> None:
    query = query_of('type:Mesh Tag:T-101 "pump hall" attr:radius>=0.5')
    assert query is not None
    assert (query.types, query.tags, query.names) == (("mesh",), ("t-101",), ("pump hall",))
    assert query.attributes == (("radius", ">=", "0.5"),)


@pytest.mark.parametrize(
    ("text", "attribute"),
    [
        ("attr:radius", ("radius", "", "")),
        ("attr:primvars:displayColor=(1,0,0)", ("primvars:displayColor", "=", "(1,0,0)")),
        ('attr:"label=Pump 1"', ("label", "=", "Pump 1")),
        ("attr:a<3", ("a", "<", "3")),
    ],
)
def test_an_attribute_has_a_name_a_comparison_and_a_value(text: str, attribute: tuple[str, str, str]) -> None:
    query = query_of(text)
    assert query is not None
    asked = question(query, 10)
    assert asked is not None
    assert asked.attributes == (attribute,)
    assert asked.most == 10


def test_without_attributes_nothing_is_asked_of_the_scene() -> None:
    query = query_of("type:mesh")
    assert query is not None
    assert question(query, 10) is None
