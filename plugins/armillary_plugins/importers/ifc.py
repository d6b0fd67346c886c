"""IFC 2x3 and 4 → SceneTree by ifcopenshell: structure, elements, property sets, colours, shared shapes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from armillary.api import F8, ImporterContext, SceneTree, TreeBuilder, TreeMaterial, TreeMesh
from armillary_plugins.importers import files

# Any below: ifcopenshell ships no types
_UNSEEN = ("IfcOpeningElement", "IfcSpace")  # holes are cut out already; rooms would hide what is in them
_PLAIN = ("GlobalId", "Description", "ObjectType", "Tag", "LongName")
_MOST_DEPTH = 200


class Importer:
    """Reads .ifc."""

    suffixes = (".ifc",)

    def __init__(self, tolerance: float) -> None:
        self._tolerance = tolerance

    def read(self, path: Path) -> SceneTree:
        """Return the building: project, sites, buildings, storeys, spaces and the elements in them."""
        try:
            import ifcopenshell
        except ImportError as error:
            raise files.missing("ifcopenshell", "ifc", path) from error
        files.whole(path)
        try:
            model = ifcopenshell.open(str(path))
        except (OSError, RuntimeError, ValueError, ifcopenshell.Error) as error:
            raise files.damaged(path, f"{error}") from error
        return _Reader(path, model, self._tolerance).tree()


def make(context: ImporterContext) -> Importer:
    """Return the importer."""
    return Importer(context.tolerance)


class _Reader:
    def __init__(self, path: Path, model: Any, tolerance: float) -> None:
        self._path, self._model, self._tolerance = path, model, tolerance
        self._out = TreeBuilder()
        self._shapes: dict[str, tuple[int, F8]] = {}  # GlobalId → mesh, place in the world in metres
        self._world: dict[int, F8] = {-1: np.eye(4)}  # of our nodes
        self._seen: set[int] = set()
        self._materials: dict[tuple[object, ...], int] = {}

    def tree(self) -> SceneTree:
        model, out = self._model, self._out
        projects = model.by_type("IfcProject")
        if not projects:
            raise files.damaged(self._path, "it has no IfcProject.")
        self._tessellate()
        from ifcopenshell.util.unit import calculate_unit_scale

        self._scale = float(calculate_unit_scale(model))
        for project in projects:
            self._below(project, -1, 0)
        for product in model.by_type("IfcProduct"):  # what stands in no structure
            if product.GlobalId in self._shapes and product.id() not in self._seen:
                self._below(product, -1, 0)
        for kind, what in (
            ("IfcGrid", "grids"),
            ("IfcAnnotation", "annotations"),
            ("IfcDistributionPort", "ports"),
        ):
            found = model.by_type(kind)
            out.drop(what, str(found[0].Name or "") if found else "", len(found))
        spaces = [space for space in model.by_type("IfcSpace") if space.Representation]
        out.drop("shapes of spaces", str(spaces[0].Name or "") if spaces else "", len(spaces))
        return out.built(up_axis="Z", meters_per_unit=1.0)

    # ---------------------------------------------------------------- shapes

    def _tessellate(self) -> None:
        """Make the meshes of all elements; elements with the same representation share one."""
        from ifcopenshell import geom

        made: Any = geom  # half of it has types, and they are not those of the calls
        settings = made.settings()
        settings.set("use-world-coords", False)
        settings.set("weld-vertices", True)
        if self._tolerance > 0:
            settings.set("mesher-linear-deflection", self._tolerance)
        unseen = [element for kind in _UNSEEN for element in self._model.by_type(kind)]
        given = {"exclude": unseen} if unseen else {}
        iterator = made.iterator(settings, self._model, 1, **given)
        meshes: dict[str, int] = {}
        for shape in _shapes(iterator):
            key = str(shape.geometry.id)
            if key not in meshes:
                meshes[key] = self._out.add_mesh(self._mesh(shape))
            place = np.array(shape.transformation.matrix, np.float64).reshape(4, 4, order="F")
            self._shapes[str(shape.guid)] = meshes[key], place
        wanted = {
            p.GlobalId
            for p in self._model.by_type("IfcProduct")
            if p.Representation and not any(p.is_a(kind) for kind in (*_UNSEEN, "IfcAnnotation", "IfcGrid"))
        }
        failed = sorted(wanted - set(self._shapes))
        self._out.drop("elements whose shape could not be made", failed[0] if failed else "", len(failed))

    def _mesh(self, shape: Any) -> TreeMesh:
        geometry = shape.geometry
        corners = np.array(geometry.faces, np.int32)
        return TreeMesh(
            name="Body",  # several elements may show it
            points=np.array(geometry.verts, np.float64).reshape(-1, 3),
            counts=np.full(len(corners) // 3, 3, np.int32),
            indices=corners,
            face_material=self._faces(geometry),
            double_sided=True,  # surfaces of IFC need not be closed
        )

    def _faces(self, geometry: Any) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
        numbers = np.array([self._material(style) for style in geometry.materials], np.int32)
        own = np.array(geometry.material_ids, np.int64)
        if not len(numbers) or not len(own):
            return np.full(len(own), -1, np.int32)
        return np.where((own >= 0) & (own < len(numbers)), numbers[np.clip(own, 0, len(numbers) - 1)], -1)

    def _material(self, style: Any) -> int:
        colour = style.diffuse
        shown = [getattr(colour, part) for part in "rgb"]
        red, green, blue = (float(part() if callable(part) else part) for part in shown)
        clear = float(style.transparency) if style.has_transparency else 0.0
        clear = clear if np.isfinite(clear) else 0.0
        name = self._style_name(style)
        key = (name, red, green, blue, clear)
        if key not in self._materials:
            self._materials[key] = self._out.add_material(
                TreeMaterial(
                    name=name,
                    colour=files.linear_rgb(red, green, blue),
                    opacity=1.0 - min(max(clear, 0.0), 1.0),
                )
            )
        return self._materials[key]

    def _style_name(self, style: Any) -> str:
        """Return what the file calls a style; the library's own name holds its number instead."""
        try:
            found = self._model.by_id(int(style.instance_id()))
            named = getattr(found, "Name", None) or next(
                (s.Name for s in self._model.get_inverse(found) if s.is_a("IfcSurfaceStyle") and s.Name), None
            )
        except (RuntimeError, TypeError, AttributeError):
            named = None
        return str(named or style.name or "material")

    # ---------------------------------------------------------------- structure

    def _below(self, element: Any, parent: int, depth: int) -> None:
        """Add an element and what is a part of it, or stands in it."""
        if element.id() in self._seen or depth > _MOST_DEPTH:
            return
        self._seen.add(element.id())
        mesh, world = self._shapes.get(str(element.GlobalId), (-1, None))
        if world is None:
            world = self._place(element, parent)
        own = self._out.node(
            str(element.Name or element.is_a()),
            parent,
            matrix=np.linalg.inv(self._world[parent]) @ world,
            mesh=mesh,
            facts=self._facts(element),
        )
        self._world[own] = world
        for part in _parts(element):
            self._below(part, own, depth + 1)

    def _place(self, element: Any, parent: int) -> F8:
        from ifcopenshell.util.placement import get_local_placement

        placement = getattr(element, "ObjectPlacement", None)
        if placement is None:
            return self._world[parent]
        found = np.array(get_local_placement(placement), np.float64)
        found[:3, 3] *= self._scale
        usable = np.isfinite(found).all() and abs(float(np.linalg.det(found[:3, :3]))) > 1e-9  # noqa: PLR2004
        return found if usable else self._world[parent]

    def _facts(self, element: Any) -> dict[str, object]:
        from ifcopenshell.util.element import get_psets

        out: dict[str, object] = {"IfcClass": element.is_a()}
        for name in _PLAIN:
            value = getattr(element, name, None)
            if value:
                out[name] = value
        for group, values in get_psets(element).items():
            out |= {
                f"{group}.{key}": value
                for key, value in values.items()
                if key != "id" and isinstance(value, str | int | float | bool)
            }
        return out


def _shapes(iterator: Any) -> Iterator[Any]:
    if iterator.initialize():
        yield iterator.get()
        while iterator.next():
            yield iterator.get()


def _parts(element: Any) -> Iterator[Any]:
    for relation in getattr(element, "IsDecomposedBy", None) or ():
        yield from relation.RelatedObjects
    for relation in getattr(element, "IsNestedBy", None) or ():
        yield from relation.RelatedObjects
    for relation in getattr(element, "ContainsElements", None) or ():
        yield from relation.RelatedElements
