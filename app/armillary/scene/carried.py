"""Bindings that other tools keep in a scene's `customData`, and a root layer that hands a twin to them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pxr import Sdf

from armillary.model import files
from armillary.model.fault import SceneFault
from armillary.scene.sidecar import layer_of, prim_specs

MOST = 100_000  # attributes with such data
_MOST_TEXT = 2_000
_KINDS = ("mqtt", "binding", "event", "request")  # dictionaries of the spellings
_FLAT = "binding_"
_METADATA = (
    "defaultPrim",
    "metersPerUnit",
    "upAxis",
    "timeCodesPerSecond",
    "startTimeCode",
    "endTimeCode",
)


def read(path: str) -> dict[str, Any]:  # Any: JSON
    """Return what attributes of a layer carry: prim, attribute, type, which spelling, and its fields as text.

    Raises SceneFault for a file that is no layer.
    """
    layer = layer_of(path)
    rows: list[dict[str, Any]] = []
    for spec in prim_specs(layer):
        for prop in spec.properties:
            if not isinstance(prop, Sdf.AttributeSpec) or not prop.HasInfo("customData"):
                continue
            held = dict(prop.customData)
            for kind, fields in _spellings(held):
                rows.append(
                    {
                        "prim": str(spec.path),
                        "attribute": str(prop.name),
                        "type": str(prop.typeName),
                        "spelling": kind,
                        "fields": {str(k)[:64]: str(v)[:_MOST_TEXT] for k, v in fields.items()},
                    }
                )
                if len(rows) >= MOST:
                    return {"rows": rows, "more": True}
    return {"rows": rows, "more": False}


def _spellings(held: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return the bindings in an attribute's customData, by their spelling."""
    out = [(kind, dict(held[kind])) for kind in _KINDS if hasattr(held.get(kind), "items")]
    flat = {key.removeprefix(_FLAT): value for key, value in held.items() if key.startswith(_FLAT)}
    return [*out, ("flat", flat)] if flat else out


def write_twin(entry: str, above: Sequence[str], output: str) -> None:
    """Write a root layer with the layers over a scene, and the scene's stage metadata copied (card 1.3).

    A stage reads its metadata from the root layer only: without the copy units, axis and times were lost.
    Raises SceneFault.
    """
    scene = layer_of(entry)
    twin = Sdf.Layer.CreateAnonymous("twin.usda")
    folder = Path(output).parent
    twin.subLayerPaths = [_relative(path, folder) for path in (*above, entry)]
    for key in _METADATA:
        if scene.pseudoRoot.HasInfo(key):
            twin.pseudoRoot.SetInfo(key, scene.pseudoRoot.GetInfo(key))
    try:
        files.replace(Path(output), twin.ExportToString().encode(), 0o644)
    except OSError as error:
        raise SceneFault(
            f"It cannot be written ({error.strerror}).", where=output, remedy="Choose another folder."
        ) from error


def _relative(path: str, folder: Path) -> str:
    text = Path(os.path.relpath(path, folder)).as_posix()
    return text if text.startswith("..") else f"./{text}"
