"""No attribute of an entity is lost silently, and any JSON is read or refused in words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from armillary.model.fault import ProjectFault
from armillary.twin import import_aas, import_adt, import_ngsi, import_wot

scalars = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.floats(), st.text(max_size=6))
documents = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                (
                    "id",
                    "type",
                    "value",
                    "object",
                    "idShort",
                    "modelType",
                    "submodels",
                    "submodelElements",
                    "title",
                    "properties",
                    "forms",
                    "href",
                    "$dtId",
                    "$metadata",
                    "digitalTwins",
                    "relationships",
                    "statements",
                    "assetAdministrationShells",
                    "assetInformation",
                    "languageMap",
                    "links",
                    "keys",
                    "x",
                    "observedAt",
                )
            ),
            inner,
            max_size=5,
        ),
    ),
    max_leaves=20,
)


def place(at: list[float]) -> dict[str, Any]:
    return {"type": "GeoProperty", "value": {"type": "Point", "coordinates": at}}


def said(texts: dict[str, str]) -> dict[str, Any]:
    return {"type": "LanguageProperty", "languageMap": texts}


attributes = st.dictionaries(
    st.text("abcdefgh", min_size=1, max_size=3),
    st.one_of(
        scalars,
        st.builds(lambda value: {"type": "Property", "value": value}, scalars),
        st.builds(
            lambda value: {"value": value, "observedAt": "2026-01-01T00:00:00Z", "unitCode": "CEL"}, scalars
        ),
        st.builds(
            lambda to: {"type": "Relationship", "object": to}, st.one_of(st.none(), st.text(max_size=3))
        ),
        st.builds(place, st.lists(st.floats(0, 9))),
        st.builds(said, st.dictionaries(st.text(max_size=2), st.text(max_size=3))),
        st.lists(st.integers(), max_size=2),
    ),
    max_size=6,
)


@settings(deadline=None, max_examples=150)
@given(attributes)
def test_every_attribute_of_an_entity_is_taken_or_left_by_name(given_attributes: dict[str, Any]) -> None:
    made = import_ngsi.imported({"id": "urn:x:E", "type": "T", **given_attributes})
    told = [name for names in made.taken.values() for name in names] + [one.name for one in made.left]
    for name in given_attributes:
        assert any(one.startswith((f"urn:x:E.{name}", f"urn:x:E {name}")) for one in told), name


@settings(deadline=None, max_examples=150)
@given(documents, st.sampled_from((import_aas, import_adt, import_ngsi, import_wot)))
def test_any_json_is_read_or_refused_in_words(document: object, reader: Any) -> None:
    try:
        made = reader.imported(document)
    except ProjectFault:
        return
    assert made.twins or made.left or made.taken
    ids = [one["id"] for one in made.twins]
    assert len(ids) == len(set(ids))


def test_a_very_deep_document_does_not_break_the_reader() -> None:
    deep: dict[str, Any] = {"a": 1}
    for _ in range(300):
        deep = {"a": deep}
    made = import_ngsi.imported({"id": "urn:x:E", "type": "T", "deep": {"type": "Property", "value": deep}})
    assert made.left
    with pytest.raises(ProjectFault):
        import_adt.imported(deep)
