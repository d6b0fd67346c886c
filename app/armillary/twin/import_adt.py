"""DTDL instances: a graph of twins as JSON (twins, relationships and, if it has them, their models)."""

from __future__ import annotations

from collections.abc import Mapping

from armillary.twin.imports import Imported, Json, Known, Taking, nobody, refused, text_of

_ROOTS = ("digitalTwinsGraph", "digitalTwins")


def is_adt(document: Json) -> bool:
    """Return whether a document is a graph of DTDL instances, or one instance."""
    if isinstance(document, list):
        return bool(document) and all(isinstance(one, dict) and "$dtId" in one for one in document)
    return isinstance(document, dict) and (any(key in document for key in _ROOTS) or "$dtId" in document)


def imported(document: Json, known: Known = nobody) -> Imported:
    """Return the twins of a graph. Raises ProjectFault for what is none."""
    if not is_adt(document):
        raise refused("This is no graph of DTDL instances: no `digitalTwinsGraph` and no `$dtId`.")
    taking = Taking("dtdl")
    root = document if isinstance(document, dict) else {"digitalTwins": document}
    if "$dtId" in root:
        root = {"digitalTwins": [root]}
    graph = root.get("digitalTwinsGraph", root)
    graph = graph if isinstance(graph, dict) else {}
    for key in root:
        if key not in (*_ROOTS, "digitalTwinsFileInfo", "digitalTwinsModels", "relationships"):
            taking.leave("part", key, "It is not known.")
    for i, model in enumerate(_list(root, "digitalTwinsModels", taking)):
        if isinstance(model, dict) and isinstance(model.get("@id"), str):
            taking.interfaces.append(model)
            taking.take("interface", model["@id"])
        else:
            taking.leave("interface", f"number {i + 1}", "It has no @id.")
    for i, twin in enumerate(_list(graph, "digitalTwins", taking)):
        if isinstance(twin, dict) and isinstance(twin.get("$dtId"), str):
            _twin(twin, taking)
        else:
            taking.leave("twin", f"number {i + 1}", "It has no $dtId.")
    for i, edge in enumerate(_list(graph, "relationships", taking)):
        _relationship(edge, i, taking)
    return taking.done(known)


def _list(root: Mapping[str, Json], key: str, taking: Taking) -> list[Json]:
    found = root.get(key, [])
    if isinstance(found, list):
        return found
    taking.leave("part", key, "It is no list.")
    return []


def _twin(given: Mapping[str, Json], taking: Taking) -> None:
    foreign = str(given["$dtId"])
    twin = taking.twin(foreign, name=foreign, model=_model(given), title=text_of(given.get("displayName")))
    _members(given, twin, foreign, taking)


def _model(given: Mapping[str, Json]) -> str:
    meta = given.get("$metadata")
    return str(meta.get("$model", "")) if isinstance(meta, dict) else ""


def _members(given: Mapping[str, Json], holder: dict[str, Json], told: str, taking: Taking) -> None:
    for name, value in given.items():
        where = f"{told}.{name}"
        if name == "$dtId" or (name == "$metadata" and isinstance(value, dict)):
            if name == "$metadata":
                for key in value:
                    if key != "$model":
                        taking.leave("metadata", f"{where}.{key}", "The service keeps it, not the twin.")
        elif name.startswith("$"):
            taking.leave("metadata", where, "The service keeps it, not the twin.")
        elif isinstance(value, dict) and "$metadata" in value:
            part: dict[str, Json] = {"model": _model(value)} if _model(value) else {}
            holder.setdefault("components", {})[name] = part
            taking.take("component", where)
            _members(value, part, where, taking)
        else:
            taking.put(holder, name, value, where)


def _relationship(edge: Json, i: int, taking: Taking) -> None:
    ends = (
        [edge.get(key) for key in ("$sourceId", "$relationshipName", "$targetId")]
        if isinstance(edge, dict)
        else []
    )
    if len(ends) < 3 or not all(isinstance(end, str) and end for end in ends):  # noqa: PLR2004
        taking.leave("relationship", f"number {i + 1}", "It has no source, name or target.")
        return
    source, name, target = (str(end) for end in ends)
    given = {key: value for key, value in edge.items() if not key.startswith("$")}
    taking.relate(source, name, target, given)
