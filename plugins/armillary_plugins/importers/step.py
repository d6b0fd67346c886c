"""STEP → SceneTree by OpenCASCADE: the assembly tree with names and colours; parts are tessellated once."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from armillary.api import F8, ImporterContext, SceneTree, TreeBuilder, TreeMaterial, TreeMesh
from armillary_plugins.importers import files

# Any below: OCP ships no types that mypy follows
_ANGLE = 0.35  # radians between facets of a curved surface
_RELATIVE = 0.002  # of the size of a part: how far facets may be off, where no tolerance is given
_MM = 1000.0
_MOST_DEPTH = 200


class Importer:
    """Reads .step and .stp."""

    suffixes = (".step", ".stp")

    def __init__(self, tolerance: float) -> None:
        self._tolerance = tolerance

    def read(self, path: Path) -> SceneTree:
        """Return the assembly in millimetres, which is what OpenCASCADE reads any unit as."""
        if find_spec("OCP") is None:
            raise files.missing("OpenCASCADE (cadquery-ocp-novtk)", "step", path)
        files.whole(path)
        return _Reader(path, self._tolerance).tree()


def make(context: ImporterContext) -> Importer:
    """Return the importer."""
    return Importer(context.tolerance)


class _Reader:
    def __init__(self, path: Path, tolerance: float) -> None:
        self._path, self._tolerance = path, tolerance
        self._out = TreeBuilder()
        self._meshes: dict[str, int] = {}  # entry of a label → mesh
        self._materials: dict[tuple[float, ...], int] = {}

    def tree(self) -> SceneTree:
        from OCP.collections import Sequence_TDF_Label
        from OCP.XCAFDoc import XCAFDoc_DocumentTool

        document = self._opened()
        self._shapes: Any = XCAFDoc_DocumentTool.ShapeTool_s(document.Main())
        self._colours: Any = XCAFDoc_DocumentTool.ColorTool_s(document.Main())
        free = Sequence_TDF_Label()
        self._shapes.GetFreeShapes(free)
        for i in range(1, free.Length() + 1):
            self._node(free.Value(i), -1, np.eye(4), "", 0)
        return self._out.built(up_axis="Z", meters_per_unit=1 / _MM)

    def _opened(self) -> Any:
        from OCP.IFSelect import IFSelect_ReturnStatus
        from OCP.STEPCAFControl import STEPCAFControl_Reader
        from OCP.TCollection import TCollection_ExtendedString
        from OCP.TDocStd import TDocStd_Document

        document = TDocStd_Document(TCollection_ExtendedString("XmlOcaf"))
        reader = STEPCAFControl_Reader()
        reader.SetNameMode(True)
        reader.SetColorMode(True)
        if reader.ReadFile(str(self._path)) != IFSelect_ReturnStatus.IFSelect_RetDone:
            raise files.damaged(self._path, "OpenCASCADE cannot read it.")
        if not reader.Transfer(document):
            raise files.damaged(self._path, "OpenCASCADE finds no shapes in it.")
        return document

    def _node(self, label: Any, parent: int, matrix: F8, named: str, depth: int) -> None:
        """Add a part, or an assembly with its components."""
        from OCP.collections import Sequence_TDF_Label
        from OCP.TDF import TDF_Label

        if depth > _MOST_DEPTH:
            self._out.drop(f"assemblies nested more than {_MOST_DEPTH} deep", named)
            return
        name = named or _name(label) or "part"
        if not self._shapes.IsAssembly_s(label):
            self._out.node(name, parent, matrix=matrix, mesh=self._mesh(label, name))
            return
        own = self._out.node(name, parent, matrix=matrix)
        components = Sequence_TDF_Label()
        self._shapes.GetComponents_s(label, components)
        for i in range(1, components.Length() + 1):
            component, referred = components.Value(i), TDF_Label()
            if self._shapes.GetReferredShape_s(component, referred):
                place = _matrix(self._shapes.GetLocation_s(component))
                told = _name(component)  # writers that have no name for it say NAUO and a number
                known = told if told and not told.startswith(("NAUO", "=>[")) else _name(referred)
                self._node(referred, own, place, known, depth + 1)

    def _mesh(self, label: Any, name: str) -> int:
        from OCP.TCollection import TCollection_AsciiString
        from OCP.TDF import TDF_Tool

        entry = TCollection_AsciiString()
        TDF_Tool.Entry_s(label, entry)
        key = str(entry.ToCString())
        name = _name(label) or name  # of the part, not of its place
        if key not in self._meshes:
            shape = self._shapes.GetShape_s(label)
            self._meshes[key] = self._out.add_mesh(self._tessellated(shape, name, self._colour(label)))
        return self._meshes[key]

    def _tessellated(self, shape: Any, name: str, colour: int) -> TreeMesh:
        from OCP.BRep import BRep_Tool
        from OCP.BRepMesh import BRepMesh_IncrementalMesh
        from OCP.TopAbs import TopAbs_ShapeEnum
        from OCP.TopExp import TopExp_Explorer
        from OCP.TopLoc import TopLoc_Location
        from OCP.TopoDS import TopoDS

        off = self._tolerance * _MM
        BRepMesh_IncrementalMesh(shape, off or _RELATIVE, off == 0, _ANGLE, False)
        points, corners, materials, start = [], [], [], 0
        faces = TopExp_Explorer(shape, TopAbs_ShapeEnum.TopAbs_FACE)
        while faces.More():
            face = TopoDS.Face(faces.Current())
            place = TopLoc_Location()
            found = BRep_Tool.Triangulation_s(face, place)
            faces.Next()
            if found is None:
                self._out.drop("faces that could not be tessellated", name)
                continue
            at, triangles = _arrays(found)
            moved = _matrix(place)
            points.append(at @ moved[:3, :3].T + moved[:3, 3])
            reverse = str(face.Orientation()).endswith("REVERSED")
            corners.append((triangles[:, ::-1] if reverse else triangles) + start)
            own = self._shape_colour(face)
            materials.append(np.full(len(triangles), colour if own < 0 else own, np.int32))
            start += len(at)
        indices = np.concatenate(corners) if corners else np.zeros((0, 3), np.int32)
        return TreeMesh(
            name=name,
            points=np.concatenate(points) if points else np.zeros((0, 3)),
            counts=np.full(len(indices), 3, np.int32),
            indices=indices.reshape(-1).astype(np.int32),
            face_material=np.concatenate(materials) if materials else np.zeros(0, np.int32),
        )

    # ---------------------------------------------------------------- colours

    def _colour(self, label: Any) -> int:
        from OCP.Quantity import Quantity_ColorRGBA
        from OCP.XCAFDoc import XCAFDoc_ColorType

        found = Quantity_ColorRGBA()
        for kind in (XCAFDoc_ColorType.XCAFDoc_ColorSurf, XCAFDoc_ColorType.XCAFDoc_ColorGen):
            if self._colours.GetColor_s(label, kind, found):
                return self._material(found)
        return self._shape_colour(self._shapes.GetShape_s(label))

    def _shape_colour(self, shape: Any) -> int:
        from OCP.Quantity import Quantity_ColorRGBA
        from OCP.XCAFDoc import XCAFDoc_ColorType

        found = Quantity_ColorRGBA()
        for kind in (XCAFDoc_ColorType.XCAFDoc_ColorSurf, XCAFDoc_ColorType.XCAFDoc_ColorGen):
            if self._colours.GetColor(shape, kind, found):
                return self._material(found)
        return -1

    def _material(self, found: Any) -> int:
        rgb = found.GetRGB()  # linear: the reader has converted it
        key = (float(rgb.Red()), float(rgb.Green()), float(rgb.Blue()), float(found.Alpha()))
        if key not in self._materials:
            shown = "_".join(f"{round(255 * v):02x}" for v in key[:3])
            self._materials[key] = self._out.add_material(
                TreeMaterial(name=f"colour_{shown}", colour=key[:3], opacity=key[3])
            )
        return self._materials[key]


def _arrays(found: Any) -> tuple[F8, np.ndarray[tuple[int, ...], np.dtype[np.int32]]]:
    """Return points and triangles of a face; one by one, as the library gives them."""
    points = np.empty((found.NbNodes(), 3))
    for i in range(len(points)):
        node = found.Node(i + 1)
        points[i] = node.X(), node.Y(), node.Z()
    triangles = np.empty((found.NbTriangles(), 3), np.int32)
    for i in range(len(triangles)):
        triangles[i] = found.Triangle(i + 1).Get()
    return points, triangles - 1


def _matrix(location: Any) -> F8:
    out = np.eye(4)
    moved = location.Transformation()
    out[:3] = [[moved.Value(row, column) for column in range(1, 5)] for row in range(1, 4)]
    return out


def _name(label: Any) -> str:
    from OCP.TDataStd import TDataStd_Name

    found = TDataStd_Name()
    if not label.FindAttribute(TDataStd_Name.GetID_s(), found):
        return ""
    return str(found.Get().ToExtString()).strip()
