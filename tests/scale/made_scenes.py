"""Scenes made at random by the grammar of USD: well-formed text, and no value in it can be trusted."""

from __future__ import annotations

from random import Random

NUMBERS = (
    "0",
    "1",
    "-1",
    "0.5",
    "2",
    "nan",
    "inf",
    "-inf",
    "1e38",
    "1e308",
    "-1e-320",
    "2147483647",
    "3",
    "7",
)
WHOLE = ("0", "1", "2", "3", "4", "-1", "7", "2147483647", "-2147483648")
TOKENS = ("", "X", "Y", "Z", "none", "catmullClark", "leftHanded", "invisible", "guide", "proxy", "linear",
          "cubic", "bspline", "bezier", "periodic", "pinned", "vertex", "faceVarying", "uniform", "constant",
          "varying", "face", "point", "orthographic", "nonsense")  # fmt: skip
TYPES = ("Xform", "Scope", "Mesh", "Points", "BasisCurves", "NurbsCurves", "PointInstancer", "Cube", "Sphere",
         "Cylinder", "Cone", "Capsule", "Capsule_1", "Plane", "Camera", "DistantLight", "DomeLight",
         "RectLight", "Material", "Shader", "GeomSubset", "SkelRoot", "Volume", "TetMesh", "NurbsPatch",
         "Nothing", "")  # fmt: skip
# Attribute → its type; that a prim of another type has it, is a case too.
ATTRIBUTES = {
    "points": "point3f[]", "faceVertexCounts": "int[]", "faceVertexIndices": "int[]", "normals": "normal3f[]",
    "primvars:displayColor": "color3f[]", "primvars:displayColor:indices": "int[]",
    "primvars:displayOpacity": "float[]", "primvars:st": "texCoord2f[]", "primvars:normals": "normal3f[]",
    "holeIndices": "int[]", "orientation": "uniform token", "subdivisionScheme": "uniform token",
    "doubleSided": "uniform bool", "widths": "float[]", "curveVertexCounts": "int[]", "type": "uniform token",
    "basis": "uniform token", "wrap": "uniform token", "protoIndices": "int[]", "positions": "point3f[]",
    "orientations": "quath[]", "scales": "float3[]", "ids": "int64[]", "invisibleIds": "int64[]",
    "size": "double", "radius": "double", "height": "double", "axis": "uniform token", "extent": "float3[]",
    "visibility": "token", "purpose": "uniform token", "focalLength": "float", "horizontalAperture": "float",
    "clippingRange": "float2",
    "projection": "token", "inputs:intensity": "float",
    "inputs:exposure": "float", "inputs:color": "color3f", "indices": "int[]",
    "elementType": "uniform token", "familyName": "uniform token",
    "info:id": "uniform token", "inputs:file": "asset", "inputs:diffuseColor": "color3f", "knots": "double[]",
    "order": "int[]", "xformOp:translate": "double3", "xformOp:scale": "float3",
    "xformOp:rotateXYZ": "float3",
    "xformOp:transform": "matrix4d", "xformOp:orient": "quatf", "velocities": "vector3f[]",
}  # fmt: skip
_WIDTH = {"3": 3, "2": 2, "quath": 4, "quatf": 4}
_CHANCE_OF_ANOTHER_TYPE = 0.03
_SAMPLED = 0.15
MOST_LENGTH = 12


def scene(chance: Random) -> str:
    """Return the text of a layer."""
    names = [f"P{i}" for i in range(chance.randrange(1, 8))]
    head = [f'    defaultPrim = "{chance.choice([*names, "Missing"])}"']
    keys = ("metersPerUnit", "timeCodesPerSecond", "startTimeCode", "endTimeCode")
    head.extend(f"    {key} = {chance.choice(NUMBERS)}" for key in keys if chance.random() < 0.4)
    if chance.random() < 0.5:
        head.append(f'    upAxis = "{chance.choice("YZX")}"')
    return (
        "#usda 1.0\n(\n"
        + "\n".join(head)
        + "\n)\n"
        + "".join(_prim(chance, name, names, 0) for name in names)
    )


def _prim(chance: Random, name: str, names: list[str], depth: int) -> str:
    kind = chance.choice(TYPES)
    lines = [line for line in (_attribute(chance, names) for _ in range(chance.randrange(8))) if line]
    lines = list({line.split("=")[0].split(".")[0].split()[-1]: line for line in lines}.values())
    if kind == "PointInstancer":
        lines.append(
            f"rel prototypes = [{', '.join(_path(chance, names) for _ in range(chance.randrange(3)))}]"
        )
    if chance.random() < 0.2:
        lines.append(f"rel material:binding = {_path(chance, names)}")
    ops = [n for n in ATTRIBUTES if n.startswith("xformOp:") and chance.random() < 0.3]
    if ops:
        ops += chance.choice(([], ["!resetXformStack!"], ["xformOp:nonsense"]))
        lines.append(f"uniform token[] xformOpOrder = [{', '.join(f'{chr(34)}{op}{chr(34)}' for op in ops)}]")
    below = []
    if depth < 3:
        below = [_prim(chance, f"C{i}", names, depth + 1) for i in range(chance.choice((0, 0, 1, 2, 3)))]
    meta = _metadata(chance, names)
    head = f'{chance.choice(("def", "def", "def", "over", "class"))} {kind} "{name}"'
    if meta:
        head += " (\n" + "\n".join(meta) + "\n)"
    variants = ""
    if any("variantSets" in line for line in meta):
        inner = "".join(_prim(chance, f"V{i}", names, 3) for i in range(2))
        variants = f'variantSet "v" = {{\n"a" {{\n{inner}}}\n"b" {{\n}}\n}}\n'
    return f"{head}\n{{\n" + "".join(f"{line}\n" for line in lines) + "".join(below) + variants + "}\n"


def _metadata(chance: Random, names: list[str]) -> list[str]:
    out = []
    for arc in ("references", "payload", "inherits", "specializes"):
        if chance.random() < 0.12:
            file = chance.choice(
                ("", "", "@./other.usda@", "@./missing.usda@", "@/etc/hostname@", "@x.usdz@")
            )
            file = file if arc in ("references", "payload") else ""
            out.append(f"{'prepend ' if chance.random() < 0.5 else ''}{arc} = {file}{_path(chance, names)}")
    if chance.random() < 0.2:
        out.append("instanceable = true")
    if chance.random() < 0.1:
        out.append(f"active = {chance.choice(('true', 'false'))}")
    if chance.random() < 0.1:
        out.append(f'kind = "{chance.choice(("component", "group", "nonsense"))}"')
    if chance.random() < 0.1:
        out += [f'variants = {{\nstring v = "{chance.choice("abc")}"\n}}', 'prepend variantSets = "v"']
    if chance.random() < 0.1:
        out.append('prepend apiSchemas = ["MaterialBindingAPI", "TwinBindingAPI:x", "NoSuchAPI"]')
    return out


def _path(chance: Random, names: list[str]) -> str:
    below = "".join(f"/C{chance.randrange(3)}" for _ in range(chance.choice((0, 0, 1, 2))))
    return f"</{chance.choice([*names, 'Missing'])}{below}>"


def _attribute(chance: Random, names: list[str]) -> str:
    name = chance.choice(list(ATTRIBUTES))
    kind = ATTRIBUTES[name]
    if chance.random() < _CHANCE_OF_ANOTHER_TYPE:
        kind = chance.choice(list(ATTRIBUTES.values()))
    if name.startswith("primvars:") and chance.random() < 0.5:
        of = chance.choice(TOKENS) or "vertex"
        return f'{kind} {name} = {_value(chance, kind)} (\ninterpolation = "{of}"\n)'
    if kind.startswith("uniform") or chance.random() > _SAMPLED:
        return f"{kind} {name} = {_value(chance, kind)}"
    times = sorted({chance.choice(("0", "1", "5", "-3", "1e9")) for _ in range(3)})
    return f"{kind} {name}.timeSamples = {{{', '.join(f'{t}: {_value(chance, kind)}' for t in times)}}}"


def _value(chance: Random, kind: str) -> str:
    plain = kind.removeprefix("uniform ")
    one = plain.removesuffix("[]")
    if plain != one:
        n = chance.choice((0, 1, 3, 4, chance.randrange(MOST_LENGTH)))
        return f"[{', '.join(_single(chance, one) for _ in range(n))}]"
    return _single(chance, one)


def _single(chance: Random, one: str) -> str:
    if one == "token":
        return f'"{chance.choice(TOKENS)}"'
    if one == "bool":
        return chance.choice(("true", "false"))
    if one == "asset":
        return chance.choice(("@./missing.png@", "@/etc/hostname@", "@http://x.invalid/a.png@", "@@"))
    if one.startswith("int"):
        return chance.choice(WHOLE[:6]) if chance.random() < 0.7 else chance.choice(WHOLE)
    if one == "matrix4d":
        rows = (f"({', '.join(_number(chance) for _ in range(4))})" for _ in range(4))
        return f"({', '.join(rows)})"
    width = 4 if one.startswith("quat") else 3 if "3" in one else 2 if "2" in one else 1
    numbers = [_number(chance) for _ in range(width)]
    return numbers[0] if width == 1 else f"({', '.join(numbers)})"


def _number(chance: Random) -> str:
    return chance.choice(("0", "1", "2.5", "-1")) if chance.random() < 0.8 else chance.choice(NUMBERS)
