"""MaterialX documents → layers: their surface materials with the values and images behind their inputs.

OpenUSD's own reader is not in its Python package. What a document says of geometry, looks and custom nodes
is left out: a material here only has to give a part its colour.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml  # entities, the hostile part of XML, are refused before parsing

from pxr import Gf, Sdf, Tf, Usd, UsdShade

import armillary.scene.schema  # noqa: F401 - registers the schema before pxr builds its registry
from armillary.scene.sniff import damaged

SUFFIX = ".mtlx"
MOST_BYTES = 16_777_216
MOST_NODES = 256  # of one material
_VALUES: dict[str, tuple[Any, int]] = {
    "float": (Sdf.ValueTypeNames.Float, 1),
    "integer": (Sdf.ValueTypeNames.Int, 1),
    "color3": (Sdf.ValueTypeNames.Color3f, 3),
    "vector3": (Sdf.ValueTypeNames.Vector3f, 3),
}
_OUTPUT = "out"
_INCLUDE = re.compile(rb"<xi:include[^>]*>")  # definitions of nodes; the namespace is often not declared


def read(path: str) -> Any:
    """Return a layer in memory with </MaterialX/Materials/…>. Raises SceneFault for what is no MaterialX."""
    try:
        if os.path.getsize(path) > MOST_BYTES:
            raise damaged(path, ValueError("a MaterialX document of that size"))
        data = _INCLUDE.sub(b"", Path(path).read_bytes().strip())
        if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
            raise damaged(path, ValueError("a MaterialX document has no entities"))
        document = Xml.fromstring(data)  # noqa: S314 - no entities
    except (Xml.ParseError, OSError, ValueError, RecursionError) as error:
        raise damaged(path, error) from error
    if document.tag != "materialx":
        raise damaged(path, ValueError("not a MaterialX document"))
    layer = Sdf.Layer.CreateAnonymous(f"{Path(path).name}.usda")
    stage = Usd.Stage.Open(layer)
    stage.SetDefaultPrim(stage.DefinePrim("/MaterialX", "Scope"))
    stage.DefinePrim("/MaterialX/Materials", "Scope")
    for node in document.iter("surfacematerial"):
        _Material(stage, document, os.path.dirname(path)).write(node)
    return layer


@dataclass(slots=True)
class _Material:
    """One surface material, with the nodes that it needs as children."""

    stage: Any
    document: Xml.Element
    folder: str
    shaders: dict[int, Any] = field(default_factory=dict)  # id of the element -> shader

    def write(self, node: Xml.Element) -> None:
        path = Sdf.Path(f"/MaterialX/Materials/{Tf.MakeValidIdentifier(node.get('name', 'material'))}")
        material = UsdShade.Material.Define(self.stage, path)
        waiting: list[tuple[Xml.Element, Xml.Element]] = []
        given = next((i for i in node.iter("input") if i.get("name") == "surfaceshader"), None)
        behind = None if given is None else self._behind(given, self.document)
        if behind is None:
            return
        shader = self._shader(path, *behind, waiting)
        material.CreateSurfaceOutput("mtlx").ConnectToSource(shader.ConnectableAPI(), _OUTPUT)
        while waiting and len(self.shaders) < MOST_NODES:
            element, scope = waiting.pop(0)
            self._inputs(path, element, scope, waiting)

    def _shader(
        self,
        path: Any,
        element: Xml.Element,
        scope: Xml.Element,
        waiting: list[tuple[Xml.Element, Xml.Element]],
    ) -> Any:
        """Return the shader of a node, made when first asked for."""
        if id(element) not in self.shaders:
            kind = element.get("type", "")
            name = Tf.MakeValidIdentifier(f"{element.get('name', 'node')}_{len(self.shaders)}")
            shader = UsdShade.Shader.Define(self.stage, path.AppendChild(name))
            shader.CreateIdAttr(f"ND_{element.tag}_{kind}")
            shader.CreateOutput(_OUTPUT, Sdf.ValueTypeNames.Token)
            self.shaders[id(element)] = shader
            waiting.append((element, scope))
        return self.shaders[id(element)]

    def _inputs(
        self,
        path: Any,
        element: Xml.Element,
        scope: Xml.Element,
        waiting: list[tuple[Xml.Element, Xml.Element]],
    ) -> None:
        shader = self.shaders[id(element)]
        for own in element.findall("input"):
            name, kind = own.get("name", ""), own.get("type", "")
            if not Tf.IsValidIdentifier(name):
                continue
            asked = own.get("interfacename")
            outer = scope.findall("input") if asked else ()
            given = next((i for i in outer if i.get("name") == asked), own)
            behind = self._behind(given, scope)
            if behind is not None:
                source = self._shader(path, *behind, waiting)
                made = shader.CreateInput(name, _VALUES.get(kind, (Sdf.ValueTypeNames.Token, 0))[0])
                made.ConnectToSource(source.ConnectableAPI(), _OUTPUT)
            elif kind == "filename" and given.get("value"):
                prefix = (
                    element.get("fileprefix")
                    or scope.get("fileprefix")
                    or self.document.get("fileprefix", "")
                )
                file = os.path.join(self.folder, f"{prefix}{given.get('value')}")
                made = shader.CreateInput(name, Sdf.ValueTypeNames.Asset)
                made.Set(Sdf.AssetPath(os.path.normpath(file)))
                space = given.get("colorspace") or scope.get("colorspace") or self.document.get("colorspace")
                if space:
                    made.GetAttr().SetColorSpace(space)
            elif kind in _VALUES and given.get("value"):
                value = _numbers(given.get("value", ""), kind)
                if value is not None:
                    shader.CreateInput(name, _VALUES[kind][0]).Set(value)

    def _behind(self, given: Xml.Element, scope: Xml.Element) -> tuple[Xml.Element, Xml.Element] | None:
        """Return the node that an input is connected to, and the graph that the node is in."""
        graph = given.get("nodegraph")
        if graph:
            inside = next((g for g in self.document.findall("nodegraph") if g.get("name") == graph), None)
            if inside is None:
                return None
            wanted = given.get("output")
            outputs = [o for o in inside.findall("output") if wanted is None or o.get("name") == wanted]
            return self._behind(outputs[0], inside) if outputs and outputs[0].get("nodename") else None
        named = given.get("nodename")
        if not named:
            return None
        for place in (scope, self.document):
            node = next((n for n in place if n.get("name") == named and n.tag != "nodegraph"), None)
            if node is not None:
                return node, place
        return None


def _numbers(text: str, kind: str) -> Any:
    """Return the value of a text such as "0.8, 0.8, 0.8", None where it is none of that kind."""
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        return None
    if len(numbers) != _VALUES[kind][1]:
        return None
    if len(numbers) > 1:
        return Gf.Vec3f(*numbers)
    return int(numbers[0]) if kind == "integer" else numbers[0]
