"""How many prims a scene would compose to, counted on its layers: right, quick, and never composed."""

from __future__ import annotations

from pathlib import Path

import pytest
from pxr import Sdf, Usd

from armillary.scene import multiply
from armillary.scene.check import check
from armillary.scene.multiply import Layers, excess
from armillary.scene.stage import open_stage, quiet

HEAD = "#usda 1.0\n"


def levels(arc: str, n: int, each: int, more: str = "") -> str:
    out = []
    for level in range(n):
        below = "".join(f'def "c{i}" (\n {more}{arc} = </L{level + 1}>\n)\n{{\n}}\n' for i in range(each))
        out.append(f'def "L{level}"\n{{\n{below}}}\n')
    return HEAD + "".join(out) + f'def "L{n}"\n{{\n}}\n'


def counted(text: str, limit: int = 1) -> tuple[int, tuple[multiply.Cut, ...]]:
    layer = Sdf.Layer.CreateAnonymous("scene.usda")
    assert layer.ImportFromString(text)
    return excess(Layers(layer.identifier, {layer.identifier: layer}), limit)


def composed(text: str) -> int:
    """Return what OpenUSD makes of it."""
    layer = Sdf.Layer.CreateAnonymous("scene.usda")
    assert layer.ImportFromString(text)
    with quiet():
        stage = Usd.Stage.Open(layer)
        return (
            len(
                list(
                    Usd.PrimRange(
                        stage.GetPseudoRoot(), Usd.TraverseInstanceProxies(Usd.PrimAllPrimsPredicate)
                    )
                )
            )
            - 1
        )


VARIANTS = (
    HEAD
    + """
def "A" (
    variants = {
        string size = "big"
    }
    prepend variantSets = "size"
)
{
    variantSet "size" = {
        "big" {
            def "Lid"
            {
                def "Knob"
                {
                }
            }
        }
        "small" {
            def "Other"
            {
            }
        }
    }
}
def "B" (
    references = </A>
)
{
    over "Lid"
    {
        def "Label"
        {
        }
    }
}
"""
)


@pytest.mark.parametrize(
    "text",
    [
        levels("references", 3, 4),
        levels("payload", 3, 4),
        levels("inherits", 3, 3),
        levels("specializes", 2, 4),
        levels("references", 3, 4, "instanceable = true\n"),
        VARIANTS,
    ],
    ids=["references", "payload", "inherits", "specializes", "instances", "variants"],
)
def test_the_count_is_what_composing_makes(text: str) -> None:
    assert counted(text)[0] == composed(text)


def test_what_lies_upon_another_counts_once_and_limits_are_kept_exactly() -> None:
    total = composed(VARIANTS)
    assert counted(VARIANTS, total) == (0, ())
    assert counted(VARIANTS, total - 1)[0] == total


def test_a_bomb_is_counted_in_a_moment_and_only_what_multiplies_is_left_out() -> None:
    total, cuts = counted(levels("references", 10, 10), 5_000_000)
    assert total == sum((11 - k) * 10**k for k in range(11))  # L0 of 10^10, L1 of 10^9, … and those above
    assert {cut.path for cut in cuts} >= {f"/L{level}/c{i}" for level in range(4) for i in range(10)}
    assert not any(cut.path.startswith(("/L8", "/L9", "/L10")) for cut in cuts)


def test_prims_that_lead_back_to_themselves_end() -> None:
    text = HEAD + 'def "A"\n{\n def "B" (\n  references = </A>\n )\n {\n }\n}\n' * 1
    assert counted(text)[0] in {0, 2, 3}
    assert (
        counted(HEAD + 'def "A" (\n references = </B>\n)\n{\n}\ndef "B" (\n references = </A>\n)\n{\n}\n')[0]
        == 2
    )


def test_a_scene_too_entangled_is_left_to_the_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multiply, "MOST_PLACES", 3)
    assert counted(levels("references", 5, 5), 10) == (0, ())


def test_bombs_over_files_sublayers_and_inherits_are_cut_and_the_rest_is_shown(tmp_path: Path) -> None:
    (tmp_path / "part.usda").write_text(
        levels("inherits", 8, 10).replace(HEAD, HEAD + '(\n defaultPrim = "L0"\n)\n')
    )
    entry = tmp_path / "scene.usda"
    entry.write_text(HEAD + '(\n subLayers = [@./below.usda@]\n)\ndef Cube "Fine"\n{\n}\n')
    (tmp_path / "below.usda").write_text(HEAD + 'def "Bomb" (\n references = @./part.usda@\n)\n{\n}\n')
    found = check(str(entry))
    assert [(p.code, p.where) for p in found.problems] == [("S18", "/Bomb")]
    assert "111,111,111" in found.problems[0].what
    opened = open_stage(found.root, found.layers, left_out=found.left_out)
    assert [str(p.GetPath()) for p in opened.stage.Traverse()] == ["/Fine"]
    del opened, found  # layers live as long as anybody holds them
    # the same with payloads that are not loaded is no bomb
    (tmp_path / "below.usda").write_text(HEAD + 'def "Bomb" (\n payload = @./part.usda@\n)\n{\n}\n')
    assert check(str(entry), payloads=False).problems == []
