"""What a prim uses that is not drawn as it is written has a name."""

from __future__ import annotations

import pytest
from pxr import Sdf, Usd

from armillary.scene import features

SURFACE = """
def Material "M"
{{
    def Shader "S"
    {{
        uniform token info:id = "UsdPreviewSurface"
        {}
    }}
    def Shader "R"
    {{
        uniform token info:id = "UsdPrimvarReader_float"
        string inputs:varname = "wear"
        float outputs:result
    }}
    def Shader "C"
    {{
        uniform token info:id = "UsdPrimvarReader_float3"
        string inputs:varname = "displayColor"
        float3 outputs:result
    }}
    def Shader "T"
    {{
        uniform token info:id = "UsdUVTexture"
        asset inputs:file = @./a.png@
        float3 outputs:rgb
        float outputs:r
    }}
}}
"""


def used(text: str, path: str = "/P") -> list[str]:
    layer = Sdf.Layer.CreateAnonymous(".usda")
    layer.ImportFromString(f"#usda 1.0\n{text}")
    stage = Usd.Stage.Open(layer)
    prim = stage.GetPrimAtPath(path)
    return features.of_prim(prim, str(prim.GetTypeName()), animated=False, played=False)


@pytest.mark.parametrize(
    ("kind", "inside", "feature"),
    [
        ("Mesh", 'float[] primvars:displayOpacity = [0, 1] (interpolation = "vertex")', "VARYING_OPACITY"),
        ("Mesh", "bool doubleSided = 0", "ONE_SIDED"),
        ("Points", "vector3f[] velocities = [(0, 0, 1)]", "VELOCITIES"),
        ("GeomSubset", 'uniform token elementType = "point"', "SUBSETS"),
        ("Camera", "float fStop = 2.8", "LENS"),
        ("Camera", "float4[] clippingPlanes = [(0, 0, 1, 0)]", "LENS"),
        ("DomeLight", "asset inputs:texture:file = @./sky.png@", "DOME_IMAGE"),
        ("BasisCurves", "normal3f[] normals = [(0, 0, 1)]", "RIBBONS"),
        ("Points", 'float[] primvars:displayOpacity = [0, 1] (interpolation = "vertex")', "VARYING_OPACITY"),
    ],
)
def test_what_a_prim_uses_is_named(kind: str, inside: str, feature: str) -> None:
    without = used(f'def {kind} "P"\n{{\n}}\n')
    assert set(used(f'def {kind} "P"\n{{\n    {inside}\n}}\n')) - set(without) == {getattr(features, feature)}


@pytest.mark.parametrize(
    ("kind", "api", "inside", "feature"),
    [
        ("SphereLight", "ShapingAPI", "float inputs:shaping:cone:angle = 30", features.SHAPING),
        ("Xform", "MeshLightAPI", "", features.LIGHTS),
        ("Xform", "LODRootAPI", "", features.LODS),
        ("Xform", "ColorSpaceAPI", 'uniform token colorSpace:name = "lin_ap1_scene"', features.COLOUR_SPACES),
        ("Camera", "BackPlateAPI:sky", "", features.BACK_PLATES),
        ("Xform", "VisibilityAPI", 'uniform token guideVisibility = "visible"', features.PURPOSE_VISIBILITY),
    ],
)
def test_an_applied_schema_that_changes_nothing_is_named(
    kind: str, api: str, inside: str, feature: str
) -> None:
    assert used(f'def {kind} "P" (\n    prepend apiSchemas = ["{api}"]\n)\n{{\n    {inside}\n}}\n') == [
        feature
    ]


@pytest.mark.parametrize("kind", sorted(set(features.BY_TYPE)))
def test_every_type_that_is_not_drawn_is_named(kind: str) -> None:
    assert features.BY_TYPE[kind] in used(f'def {kind} "P"\n{{\n}}\n')


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("float inputs:metallic = 1", []),
        ("float inputs:roughness.connect = </M/T.outputs:r>", []),
        ("float inputs:displacement.connect = </M/T.outputs:r>", [features.IMAGES_OFF]),
        ("color3f inputs:emissiveColor.connect = </M/T.outputs:rgb>", []),
        ("color3f inputs:diffuseColor.connect = </M/T.outputs:rgb>", []),
        ("float inputs:clearcoat = 0.5", [features.RELIEF]),
        ("float inputs:roughness.connect = </M/R.outputs:result>", [features.READERS]),
        ("color3f inputs:diffuseColor.connect = </M/C.outputs:result>", []),
    ],
)
def test_inputs_of_a_material_that_are_not_drawn_are_named(given: str, found: list[str]) -> None:
    assert used(SURFACE.format(given), "/M/S") == found
