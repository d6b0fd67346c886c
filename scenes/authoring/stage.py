"""Writing of stages: meshes, materials, references, cameras, with little text and stable order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pxr import Gf, Kind, Sdf, Usd, UsdGeom, UsdShade, Vt

from authoring.shapes import Point, Shape

DIGITS, NORMAL_DIGITS = 4, 2  # 0.1 mm, half a degree
# Equipment is grey, colour is kept for what needs eyes (ISA-101).
# name -> sRGB, roughness, metallic, opacity
PALETTE: dict[str, tuple[str, float, float, float]] = {
    "Concrete": ("a3a4a2", 0.95, 0.0, 1.0),
    "ConcreteDark": ("838582", 0.95, 0.0, 1.0),
    "Asphalt": ("6a6b6c", 0.95, 0.0, 1.0),
    "Grass": ("7b8474", 1.0, 0.0, 1.0),
    "Leaves": ("6c7d63", 1.0, 0.0, 1.0),
    "Bark": ("6e6459", 1.0, 0.0, 1.0),
    "SteelFrame": ("6d757c", 0.6, 0.3, 1.0),
    "Galvanised": ("b4b9bc", 0.45, 0.6, 1.0),
    "Sheet": ("c6cacc", 0.6, 0.1, 1.0),
    "TankShell": ("c3c8ca", 0.5, 0.15, 1.0),
    "CastIron": ("7a828a", 0.7, 0.2, 1.0),
    "Machined": ("aab0b5", 0.3, 0.8, 1.0),
    "MotorPaint": ("8d959b", 0.5, 0.1, 1.0),
    "DarkPaint": ("565d64", 0.6, 0.1, 1.0),
    "Pipe": ("98a3ab", 0.5, 0.2, 1.0),
    "Bolt": ("5c6166", 0.4, 0.7, 1.0),
    "Rubber": ("3e4246", 0.9, 0.0, 1.0),
    "Cabinet": ("d3d5d3", 0.6, 0.0, 1.0),
    "Screen": ("262c33", 0.3, 0.0, 1.0),
    "White": ("e6e8ea", 0.6, 0.0, 1.0),
    "Ink": ("33393f", 0.7, 0.0, 1.0),
    "Glass": ("d9e3e8", 0.1, 0.0, 0.22),
    "Water": ("6f9bb5", 0.15, 0.0, 0.85),
    "Plastic": ("e1e3de", 0.5, 0.0, 0.45),
    "Hypochlorite": ("c9c89a", 0.3, 0.0, 0.9),
    "Lamp": ("cfd3d6", 0.4, 0.0, 1.0),
}


class Builder:
    """One stage that is being written: a file of ours, Z up, metres."""

    def __init__(self, path: Path, root: str) -> None:
        self.path, self.root = path, f"/{root}"
        path.parent.mkdir(parents=True, exist_ok=True)
        self.stage = Usd.Stage.CreateNew(str(path))
        UsdGeom.SetStageUpAxis(self.stage, UsdGeom.Tokens.z)
        UsdGeom.SetStageMetersPerUnit(self.stage, 1.0)
        self.stage.SetDefaultPrim(self.xform(self.root))
        self._looks: dict[str, Any] = {}

    # ---------------------------------------------------------------- structure
    def xform(
        self,
        path: str,
        at: Point = (0.0, 0.0, 0.0),
        turn: Point = (0.0, 0.0, 0.0),
        size: float | Point = 1.0,
        kind: str = "",
    ) -> Usd.Prim:
        """Define an Xform; `turn` in degrees about x, y, z in this order."""
        prim = UsdGeom.Xform.Define(self.stage, path).GetPrim()
        self.place(prim, at, turn, size)
        if kind:
            Usd.ModelAPI(prim).SetKind(kind)
        return prim

    def place(
        self,
        prim: Usd.Prim,
        at: Point = (0.0, 0.0, 0.0),
        turn: Point = (0.0, 0.0, 0.0),
        size: float | Point = 1.0,
    ) -> None:
        """Author translate, rotate and scale, as far as they do something."""
        xform = UsdGeom.Xformable(prim)
        if any(at):
            xform.AddTranslateOp().Set(Gf.Vec3d(*at))
        if any(turn):
            xform.AddRotateXYZOp(UsdGeom.XformOp.PrecisionFloat).Set(Gf.Vec3f(*turn))
        scale = (size, size, size) if isinstance(size, (int, float)) else size
        if tuple(scale) != (1.0, 1.0, 1.0):
            xform.AddScaleOp().Set(Gf.Vec3f(*scale))

    def group(self, path: str) -> Usd.Prim:
        """Define an Xform that is a group of models."""
        return self.xform(path, kind=Kind.Tokens.group)

    def reference(
        self,
        path: str,
        asset: str,
        at: Point = (0.0, 0.0, 0.0),
        turn: Point = (0.0, 0.0, 0.0),
        size: float = 1.0,
    ) -> Usd.Prim:
        """Define a component from a file whose parts stay editable, as they are bound one by one."""
        prim = self.xform(path, at, turn, size, kind=Kind.Tokens.component)
        prim.GetReferences().AddReference(asset)
        return prim

    def instance(
        self,
        path: str,
        asset: str,
        at: Point = (0.0, 0.0, 0.0),
        turn: Point = (0.0, 0.0, 0.0),
        size: float | Point = 1.0,
    ) -> Usd.Prim:
        """Define an instance of a part's file."""
        prim = self.xform(path, at, turn, size)
        prim.GetReferences().AddReference(asset)
        prim.SetInstanceable(True)
        return prim

    # ---------------------------------------------------------------- geometry
    def mesh(
        self,
        path: str,
        shape: Shape,
        look: str,
        at: Point = (0.0, 0.0, 0.0),
        turn: Point = (0.0, 0.0, 0.0),
        two_sided: bool = False,
    ) -> Usd.Prim:
        """Define a mesh with its own normals and a material."""
        mesh = UsdGeom.Mesh.Define(self.stage, path)
        points = np.round(shape.point, DIGITS).astype(np.float32) + np.float32(0.0)
        normals = np.round(shape.normal, NORMAL_DIGITS).astype(np.float32) + np.float32(0.0)
        mesh.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(points))
        mesh.CreateNormalsAttr(Vt.Vec3fArray.FromNumpy(normals))
        mesh.SetNormalsInterpolation(UsdGeom.Tokens.vertex)
        mesh.CreateFaceVertexCountsAttr(Vt.IntArray.FromNumpy(shape.count.astype(np.int32)))
        mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(shape.index.astype(np.int32)))
        mesh.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
        mesh.CreateExtentAttr(
            Vt.Vec3fArray([Gf.Vec3f(*map(float, points.min(0))), Gf.Vec3f(*map(float, points.max(0)))])
        )
        if two_sided:
            mesh.CreateDoubleSidedAttr(True)
        prim: Usd.Prim = mesh.GetPrim()
        self.place(prim, at, turn)
        self.bind(prim, look)
        return prim

    def cube(self, path: str, at: Point, size: Point, look: str, turn: Point = (0.0, 0.0, 0.0)) -> Usd.Prim:
        """Define a Cube, centred at a point."""
        cube = UsdGeom.Cube.Define(self.stage, path)
        cube.CreateSizeAttr(1.0)
        cube.CreateExtentAttr(Vt.Vec3fArray([Gf.Vec3f(-0.5), Gf.Vec3f(0.5)]))
        self.place(cube.GetPrim(), at, turn, size)
        self.bind(cube.GetPrim(), look)
        return cube.GetPrim()

    def round_(
        self, path: str, type_name: str, at: Point, radius: float, height: float, look: str, axis: str = "Z"
    ) -> Usd.Prim:
        """Define a Cylinder, Cone, Capsule or Sphere (height unused), centred at a point."""
        prim = self.stage.DefinePrim(path, type_name)
        prim.GetAttribute("radius").Set(radius)
        reach = radius
        if type_name != "Sphere":
            prim.GetAttribute("height").Set(height)
            prim.GetAttribute("axis").Set(axis)
            reach = height / 2.0 + (radius if type_name == "Capsule" else 0.0)
        half = [radius, radius, radius]
        half["XYZ".index(axis)] = reach
        UsdGeom.Boundable(prim).CreateExtentAttr(
            Vt.Vec3fArray([Gf.Vec3f(*[-h for h in half]), Gf.Vec3f(*half)])
        )
        self.place(prim, at)
        self.bind(prim, look)
        return prim

    # ---------------------------------------------------------------- looks
    def looks(self, *names: str) -> None:
        """Define materials now: inside a variant it would be too late."""
        for name in names:
            if name not in self._looks:
                self._looks[name] = self._material(name)

    def bind(self, prim: Usd.Prim, look: str) -> None:
        """Bind a material of the palette; it is defined under Materials when first used."""
        self.looks(look)
        UsdShade.MaterialBindingAPI.Apply(prim).Bind(self._looks[look])

    def _material(self, name: str) -> UsdShade.Material:
        colour, roughness, metallic, opacity = PALETTE[name]
        path = f"{self.root}/Materials/{name}"
        UsdGeom.Scope.Define(self.stage, f"{self.root}/Materials")
        material = UsdShade.Material.Define(self.stage, path)
        shader = UsdShade.Shader.Define(self.stage, f"{path}/Surface")
        shader.CreateIdAttr("UsdPreviewSurface")
        linear = [
            round(((c / 255 + 0.055) / 1.055) ** 2.4 if c > 10 else c / 255 / 12.92, 4)
            for c in bytes.fromhex(colour)
        ]
        shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).Set(Gf.Vec3f(*linear))
        shader.CreateInput("roughness", Sdf.ValueTypeNames.Float).Set(roughness)
        shader.CreateInput("metallic", Sdf.ValueTypeNames.Float).Set(metallic)
        if opacity < 1.0:
            shader.CreateInput("opacity", Sdf.ValueTypeNames.Float).Set(opacity)
        surface = shader.CreateOutput("surface", Sdf.ValueTypeNames.Token)
        material.CreateSurfaceOutput().ConnectToSource(surface)
        return material

    # ---------------------------------------------------------------- cameras, files
    def camera(self, path: str, eye: Point, to: Point, fov_deg: float = 40.0) -> None:
        """Define a camera that looks from one point to another."""
        camera = UsdGeom.Camera.Define(self.stage, path)
        view = Gf.Matrix4d().SetLookAt(Gf.Vec3d(*eye), Gf.Vec3d(*to), Gf.Vec3d(0, 0, 1)).GetInverse()
        matrix = Gf.Matrix4d([[round(view[i][j], 6) for j in range(4)] for i in range(4)])
        camera.AddTransformOp().Set(matrix)
        aperture = 20.955 * 9 / 16
        camera.CreateHorizontalApertureAttr(20.955)
        camera.CreateVerticalApertureAttr(round(aperture, 4))
        camera.CreateFocalLengthAttr(round(aperture / 2 / float(np.tan(np.radians(fov_deg) / 2)), 3))
        camera.CreateClippingRangeAttr(Gf.Vec2f(0.1, 500.0))

    def save(self) -> None:
        """Write the file; equal scenes give equal bytes."""
        self.stage.GetRootLayer().Save()
