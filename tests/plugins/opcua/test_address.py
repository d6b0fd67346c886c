from __future__ import annotations

import uuid
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from armillary_plugins.opcua.address import NS0, AddressError, parse, resolve, text_of
from armillary_plugins.opcua.lib import ua

URIS = (NS0, "urn:server", "urn:demo:tank", "http://di/", "urn:odd;100%")
ALIASES = {"di": "http://di/"}


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("nsu=urn:demo:tank;s=Tank1.Level", ua.NodeId("Tank1.Level", 2)),
        ("nsu=urn:demo:tank;s=a;b=c#d", ua.NodeId("a;b=c#d", 2)),
        ("nsu=urn:demo:tank;i=1234", ua.NodeId(1234, 2)),
        ("i=2258", ua.NodeId(2258, 0)),
        ("nsu=urn:odd%3B100%25;i=1", ua.NodeId(1, 4)),
        (
            "nsu=urn:server;g=09087e75-8e5e-499b-954f-f2a9603db28a",
            ua.NodeId(uuid.UUID("09087e75-8e5e-499b-954f-f2a9603db28a"), 1),
        ),
        ("nsu=urn:server;b=AQID", ua.NodeId(b"\x01\x02\x03", 1)),
    ],
)
def test_a_node_is_found_by_its_uri_and_told_again_the_same(text: str, node: object) -> None:
    found = resolve(parse(text, {}), URIS)
    assert found == node
    assert resolve(parse(text_of(found, URIS), {}), URIS) == node  # type: ignore[arg-type]


def test_an_index_moves_with_the_namespace_array() -> None:
    address = parse("nsu=urn:demo:tank;s=X", {})
    assert resolve(address, URIS) == ua.NodeId("X", 2)
    assert resolve(address, (NS0, "urn:server", "urn:new", "urn:demo:tank")) == ua.NodeId("X", 3)


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("/Objects/Tank1/Level", [(0, "Objects"), (2, "Tank1"), (2, "Level")]),
        ("/0:Objects/0:Server", [(0, "Objects"), (0, "Server")]),
        ("/Objects/di:DeviceSet/Tank1", [(0, "Objects"), (3, "DeviceSet"), (2, "Tank1")]),
        ("/Objects/a:b", [(0, "Objects"), (2, "a:b")]),
        ("/Objects/a&/b/c", [(0, "Objects"), (2, "a/b"), (2, "c")]),
    ],
)
def test_a_path_names_each_step_by_namespace(path: str, steps: list[tuple[int, str]]) -> None:
    found = resolve(parse(f"nsu=urn:demo:tank;{path}", ALIASES), URIS)
    assert isinstance(found, ua.BrowsePath)
    names = [e.TargetName for e in found.RelativePath.Elements]
    assert [(n.NamespaceIndex, n.Name) for n in names] == steps


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ns=2;s=Level", "by its index"),
        ("nsu=urn:demo:tank;/Objects/2:Tank", "index 2"),
        ("nsu=urn:demo:tank", "is no node"),
        ("nsu=;s=X", "is no node"),
        ("", "is no node"),
        ("Level", "is no node"),
        ("nsu=urn:demo:tank;Level", "no identifier"),
        ("nsu=urn:demo:tank;/", "path that cannot be read"),
        ("nsu=urn:demo:tank;/Objects&", "path that cannot be read"),
        ("nsu=urn:elsewhere;s=X", "no namespace 'urn:elsewhere'"),
        ("nsu=urn:demo:tank;i=many", "no node identifier"),
        ("nsu=urn:demo:tank;g=1", "no node identifier"),
    ],
)
def test_an_address_that_cannot_be_meant_says_why(text: str, why: str) -> None:
    with pytest.raises(AddressError, match=why):
        resolve(parse(text, ALIASES), URIS)


@given(st.text(max_size=60))
def test_no_text_breaks_the_parser(text: str) -> None:
    for address in (text, f"nsu=urn:demo:tank;{text}", f"nsu=urn:demo:tank;/{text}"):
        with suppress(AddressError):  # anything else fails the test
            assert resolve(parse(address, ALIASES), URIS) is not None
