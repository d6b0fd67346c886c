"""A binding layer means the same whether OpenUSD reads it or we read the text that we wrote."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pxr import Sdf, Tf

from armillary.model.binding import Binding, FieldSpec, MapSpec
from armillary.scene import author, overs, plain_text
from armillary.scene.stage import quiet

WORDS = st.text(st.characters(exclude_categories=("Cs",)), max_size=6)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
PATHS = st.sampled_from(["/A", "/A/B", "/A/B/C", "/A/D", "/E/F_1"])
MAPS = st.builds(
    MapSpec,
    kind=st.sampled_from(["none", "linear", "states", "steps"]),
    scale=NUMBERS,
    clamp=st.tuples(NUMBERS, NUMBERS),
    state_keys=st.lists(WORDS, max_size=2).map(tuple),
)
BINDINGS = st.builds(
    Binding,
    name=st.sampled_from(["heat", "level_2"]),
    prim=PATHS,
    signal=WORDS,
    channel=st.sampled_from(["displayColor", "label"]),
    targets=st.lists(st.sampled_from(["/A/B", "/E.size", "/E.a:b"]), unique=True).map(tuple),
    map=MAPS,
    field=st.builds(FieldSpec, sensors=st.just(()), radius=NUMBERS, neighbours=st.integers(1, 99)),
    ends=st.tuples(NUMBERS, NUMBERS),
    enabled=st.booleans(),
    fallback=WORDS,
)
ONE = """#usda 1.0

over "Plant"
{
    over "Tank" (
        prepend apiSchemas = ["TwinBindingAPI:heat", "TwinBindingAPI:level"]
        customData = {
            string armillaryPart = 'a "b"'
        }
    )
    {
        uniform token twin:heat:channel = "label"
        uniform bool twin:heat:enabled = 0
        uniform double2 twin:heat:range = (-0.5, 1e30)
        uniform int twin:heat:schemaVersion = 1
        uniform string[] twin:heat:stateKeys = ["a", 'b"', ""]
        rel twin:heat:target = </A/C>
        uniform string twin:level:signal = "x.é"
        rel twin:level:target = [
            </A/C>,
            </A/D.x:y>,
        ]

        over "Lid"
        {
        }
    }
}
"""
CHARACTERS = st.sampled_from(
    [*"\"'\\\n\t #(){}[]<>/,:.=_-0129eaZé;@$", "\r", "\x00", "\u2028", "over", "-0", "inf"]
)


def by_openusd(text: str) -> overs.Overs | None:
    """Return what OpenUSD reads, None where it refuses."""
    layer = Sdf.Layer.CreateAnonymous("b.usda")
    try:
        with quiet():
            layer.ImportFromString(text)
    except Tf.ErrorException:
        return None
    return overs.parse(layer, "b.usda", ())


@given(bindings=st.lists(BINDINGS, min_size=1, max_size=4, unique_by=lambda b: (b.prim, b.name)))
def test_what_we_wrote_is_read_as_openusd_reads_it(
    bindings: list[Binding], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("layer") / "bindings.usda"
    author.save(str(path), tuple(bindings), ())
    text = Path(path).read_text("utf-8")
    found = plain_text.read(text)
    assert found is None or found == by_openusd(text)


@given(st.integers(0, len(ONE)), st.integers(0, 3), CHARACTERS)
@example(0, 0, "")
def test_with_any_one_mistake_it_is_left_to_openusd_or_read_alike(at: int, without: int, more: str) -> None:
    text = ONE[:at] + more + ONE[at + without :]
    found = plain_text.read(text)
    assert found is None or found == by_openusd(text)


def test_what_is_usually_written_needs_no_openusd() -> None:
    found = plain_text.read(ONE)
    assert found is not None
    assert found == by_openusd(ONE)
    assert found.fields["/Plant/Tank", "heat"]["range"] == (-0.5, 1e30)
    assert found.memory == {"/Plant/Tank": 'a "b"'}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"x.é"', '"x\\n"'),
        ("uniform token", "token"),
        ('channel = "label"', 'channel = "loud"'),
        ('over "Lid"', 'def "Lid"'),
        ("twin:level:signal", "twin:pressure:signal"),
        ("schemaVersion = 1", "schemaVersion = 1.5"),
        ('over "Lid"\n        {\n        }', 'variantSet "v" = {\n }'),
    ],
)
def test_all_else_is_left_to_openusd(old: str, new: str) -> None:
    text = ONE.replace(old, new)
    assert text != ONE
    assert plain_text.read(text) is None
