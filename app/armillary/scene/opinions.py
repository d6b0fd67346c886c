"""What a layer says itself, uncomposed, as rows of text: two versions of a layer can be compared by it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pxr import Sdf

from armillary.model.fault import SceneFault
from armillary.scene import schema, sidecar
from armillary.scene.stage import quiet

MOST = 1_000_000  # rows
VALUE_CHARS = 400
_STRUCTURE = frozenset({"specifier", "typeName", "primChildren", "properties", "variantSetNames"})
_LISTS = {
    "references": "referenceList",
    "payload": "payloadList",
    "inheritPaths": "inheritPathList",
    "specializes": "specializesList",
}
Row = tuple[str, str, str]


def read(path: str) -> tuple[Row, ...]:
    """Return (prim, what of it, value) for all that a layer says, in its own order; bindings are left out.

    Raises SceneFault when the layer cannot be read, or says more than can be compared.
    """
    with quiet():
        layer = sidecar.layer_of(path)
        out: list[Row] = []
        waiting = [("/", layer.pseudoRoot)]
        while waiting:
            name, spec = waiting.pop()
            out.extend(_said(name, spec))
            if len(out) > MOST:
                raise SceneFault(
                    f"The layer says more than {MOST:,} things.", where=path, remedy="Compare it in text."
                )
            waiting.extend((str(child.path), child) for child in reversed(list(spec.nameChildren)))
    return tuple(out)


def _said(prim: str, spec: Any) -> Iterator[Row]:  # Any: a spec of pxr
    """Yield what is said of one prim; `""` as what of it = that the layer itself makes it."""
    if prim != "/" and spec.specifier != Sdf.SpecifierOver:
        yield prim, "", f"{_word(spec.specifier)} {spec.typeName}".strip()
    for key in spec.ListInfoKeys():
        if key in _STRUCTURE or (key == "apiSchemas" and _is_bindings_alone(spec)):
            continue
        yield from _info(prim, spec, key)
    if prim == "/":
        return
    for prop in spec.properties:
        if not prop.name.startswith(f"{schema.NAMESPACE}:"):
            yield prim, prop.name, _cut(_value(prop))


def _info(prim: str, spec: Any, key: str) -> Iterator[Row]:
    if key not in _LISTS:
        yield prim, key, _cut(str(spec.GetInfo(key)))
        return
    listed = getattr(spec, _LISTS[key]).GetAddedOrExplicitItems()
    for item in listed:
        at = getattr(item, "assetPath", "")
        inside = str(getattr(item, "primPath", item))
        yield prim, key, f"@{at}@" + (f"<{inside}>" if inside else "") if at else f"<{inside}>"


def _is_bindings_alone(spec: Any) -> bool:
    items = spec.GetInfo("apiSchemas").GetAddedOrExplicitItems()
    return all(item.startswith(f"{schema.API}:") for item in items)


def _value(prop: Any) -> str:
    if hasattr(prop, "targetPathList"):
        return ", ".join(f"<{path}>" for path in prop.targetPathList.GetAddedOrExplicitItems())
    samples = prop.layer.GetNumTimeSamplesForPath(prop.path)
    if samples:
        return f"{samples} time samples"
    return str(prop.default)


def _word(specifier: Any) -> str:
    return str(specifier).rpartition("Specifier")[2].lower()


def _cut(text: str) -> str:
    return text if len(text) <= VALUE_CHARS else text[: VALUE_CHARS - 1] + "…"
