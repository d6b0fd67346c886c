from armillary.model.binding import Binding
from armillary.scene import lint
from armillary.scene.check import check
from armillary.scene.load import load
from armillary.scene.stage import open_stage

BODY = """
def Xform "W" (
    variantSets = "fit"
    variants = {
        string fit = "plain"
    }
)
{
    variantSet "fit" = {
        "plain" {
            def Cube "Cover" {
            }
        }
        "open" {
            def Xform "Frame" {
                def Cube "Bar" {
                }
            }
        }
    }
}
"""


def test_a_part_of_a_variant_that_is_not_chosen_is_told_apart_from_one_that_is_nowhere(write) -> None:
    found = check(write(BODY))
    opened = open_stage(found.root, found.layers)
    scene = load(opened.stage)
    paths = ("/W/Cover", "/W/Frame/Bar", "/W/Nowhere")
    bindings = [Binding(name="a", prim=path, signal="t") for path in paths]
    problems = lint.lint(bindings, scene, stage=lambda: opened.stage)
    assert [p.code for p in problems] == ["B33", "B04"]
    assert "fit = open of /W," in problems[0].what
    assert [p.code for p in lint.lint(bindings, scene)] == ["B04", "B04"]  # without a stage nobody knows
