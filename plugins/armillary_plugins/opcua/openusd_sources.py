"""Where the sources and parts of bindings are: resolved at the server, one request for all of a kind.

One that is ambiguous or missing is told, and the rest go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from asyncua.ua import NodeId

from armillary.api import BrowseItem, openusd, unece
from armillary_plugins.opcua.address import AddressError, parse, resolve, text_of
from armillary_plugins.opcua.lib import ua
from armillary_plugins.opcua.nodes import describe
from armillary_plugins.opcua.openusd_tree import Binding, Place, Tree, local
from armillary_plugins.opcua.session import Session

MOST_PARTS = 10_000  # of one component binding
_HAS_ENTRY = 17597  # HasDictionaryEntry
_MOST_LEVELS = 12  # of an object's subtree that are searched for a semantic id
_MOST_NODES = 50_000
_ASPECT_PATHS = (("ActiveState", "Id"), ("Severity",), ("AckedState", "Id"), ("EnabledState", "Id"))
_FRAME = {
    **{(group, part): part for group in ("CartesianCoordinates",) for part in "XYZ"},
    **{("Orientation", part): part for part in "ABC"},
}
_KINDS = {"Boolean": "bool", "String": "text", "LocalizedText": "text"}
_TRANSFORM = openusd.RENDER_KINDS.index("Transform")
Found = tuple[tuple[tuple[str, NodeId], ...], str]  # (part, node)…, why there are none


def relative(start: NodeId, steps: Sequence[Any]) -> Any:
    """Return a browse path of qualified names from a node."""
    path = ua.BrowsePath(StartingNode=start)
    for name in steps:
        path.RelativePath.Elements.append(
            ua.RelativePathElement(
                ReferenceTypeId=ua.NodeId(ua.ObjectIds.HierarchicalReferences),
                IsInverse=False,
                IncludeSubtypes=True,
                TargetName=name,
            )
        )
    return path


async def one_of_each(session: Session, paths: Sequence[Any]) -> list[NodeId | str]:
    """Return the only node of each path, else why not: a path with several is ambiguous, not an error."""
    out: list[NodeId | str] = []
    for start in range(0, len(paths), 100):
        for result in await session.raw.translate_browsepaths_to_nodeids(list(paths[start : start + 100])):
            targets = list(result.Targets or ()) if result.StatusCode.is_good() else []
            if len(targets) == 1:
                out.append(local(targets[0].TargetId))
            elif targets:
                out.append(f"{len(targets)} nodes fit its path (Bad_TooManyMatches)")
            else:
                out.append(f"nothing fits its path ({result.StatusCode.name})")
    return out


async def resolved(session: Session, tree: Tree) -> dict[int, list[openusd.Resolved]]:
    """Return where the sources of each place's live bindings are, by the place's number."""
    todo = [(p, b) for p, place in enumerate(tree.places) for b in place.bindings if b.live is not None]
    nodes: dict[int, NodeId | str] = {}
    by_path: list[tuple[int, Any]] = []
    semantic: list[int] = []
    for number, (place, binding) in enumerate(todo):
        live, owner = binding.live, tree.places[place].owner
        given = binding.raw.get("SourceNodeId")
        if given is not None and not given.is_null():
            nodes[number] = given
        elif live is not None and live.semantic_id and owner is not None:
            semantic.append(number)
        elif binding.path is not None and binding.path.Elements and owner is not None:
            by_path.append((number, ua.BrowsePath(StartingNode=owner, RelativePath=binding.path)))
        else:
            nodes[number] = "" if live is not None and live.intent == "command" else "it names no source"
    await _semantic(session, tree, todo, semantic, nodes, by_path)
    for (number, _), node in zip(by_path, await one_of_each(session, [p for _, p in by_path]), strict=True):
        nodes[number] = node
    found = await _parts(session, [b for _, b in todo], nodes)
    out: dict[int, list[openusd.Resolved]] = {}
    for number, (place, binding) in enumerate(todo):
        rows, why = found[number]
        told = tuple((part, text_of(node, session.namespaces)) for part, node in rows)
        out.setdefault(place, []).append(openusd.Resolved(binding=binding.name, nodes=told, reason=why))
    return out


async def _semantic(
    session: Session,
    tree: Tree,
    todo: Sequence[tuple[int, Binding]],
    wanted: Sequence[int],
    nodes: dict[int, NodeId | str],
    by_path: list[tuple[int, Any]],
) -> None:
    """Find sources by their dictionary entries; of those with a path too, that is the second choice."""
    known: dict[NodeId, dict[str, list[NodeId]]] = {}
    for number in wanted:
        place, binding = todo[number]
        owner, live = tree.places[place].owner, binding.live
        if owner is None or live is None:
            continue
        if owner not in known:
            known[owner] = await _entries(session, owner)
        matches = known[owner].get(live.semantic_id, [])
        if len(matches) == 1:
            nodes[number] = matches[0]
        elif not matches and binding.path is not None and binding.path.Elements:
            by_path.append((number, ua.BrowsePath(StartingNode=owner, RelativePath=binding.path)))
        else:
            how = f"{len(matches)} variables have" if matches else "no variable has"
            nodes[number] = f"{how} the semantic id {live.semantic_id[:80]}"


async def _entries(session: Session, owner: NodeId) -> dict[str, list[NodeId]]:
    """Return the variables of an object's subtree by the names of their dictionary entries."""
    seen, level = {owner}, [owner]
    variables: list[NodeId] = []
    for _ in range(_MOST_LEVELS):
        following: list[NodeId] = []
        for refs in await session.browse(level, ua.ObjectIds.HierarchicalReferences):
            for reference in refs:
                node = local(reference.NodeId)
                if node in seen or len(seen) > _MOST_NODES:
                    continue
                seen.add(node)
                following.append(node)
                if reference.NodeClass == ua.NodeClass.Variable:
                    variables.append(node)
        level = following
        if not level:
            break
    out: dict[str, list[NodeId]] = {}
    for node, refs in zip(variables, await session.browse(variables, _HAS_ENTRY), strict=True):
        for reference in refs:
            out.setdefault(str(reference.BrowseName.Name), []).append(node)
    return out


async def _parts(
    session: Session, bindings: Sequence[Binding], nodes: dict[int, NodeId | str]
) -> list[Found]:
    """Go from a condition to its aspect, and from a frame to its six numbers; the others stay."""
    out: list[Found] = []
    for number in range(len(bindings)):
        node = nodes.get(number, "it names no source")
        out.append(((), node) if isinstance(node, str) else ((("", node),), ""))
    classes = await _classes(session, [rows[0][1] for rows, _ in out if rows])
    for number, binding in enumerate(bindings):
        rows, _ = out[number]
        if not rows or binding.live is None:
            continue
        node = rows[0][1]
        if binding.live.intent == "alarm" and classes.get(node) == ua.NodeClass.Object:
            steps = _ASPECT_PATHS[binding.live.aspect or 0]
            (aspect,) = await one_of_each(session, [relative(node, [ua.QualifiedName(s, 0) for s in steps])])
            out[number] = (
                ((), f"the condition shows no {'/'.join(steps)}")
                if isinstance(aspect, str)
                else ((("", aspect),), "")
            )
        elif classes.get(node) == ua.NodeClass.Object:
            out[number] = ((), "its source is an object, which has no value")
        elif classes.get(node) is None:
            out[number] = ((), "the server does not know its source's node")
        elif binding.live.render_kind == _TRANSFORM or binding.live.target_property == "xformOp:transform":
            paths = [relative(node, [ua.QualifiedName(s, 0) for s in steps]) for steps in _FRAME]
            six = await one_of_each(session, paths)
            if all(isinstance(each, NodeId) for each in six):
                out[number] = (tuple(zip(_FRAME.values(), six, strict=True)), "")  # type: ignore[arg-type]  # all are nodes
    return out


async def _classes(session: Session, nodes: Sequence[NodeId]) -> dict[NodeId, Any]:
    answers = await session.read([(node, ua.AttributeIds.NodeClass) for node in nodes])
    good = [a.Value.Value if a.StatusCode is None or a.StatusCode.is_good() else None for a in answers]
    return {n: None if c is None else ua.NodeClass(c) for n, c in zip(nodes, good, strict=True)}


async def signals(session: Session, addresses: Iterable[str]) -> tuple[openusd.Signal, ...]:
    """Return what the server says of variables: name, kind, unit, range, states."""
    wanted: dict[str, NodeId] = {}
    for address in addresses:
        try:
            found = resolve(parse(address, {}), session.namespaces)
        except AddressError:
            continue
        if isinstance(found, NodeId):
            wanted[address] = found
    known = await describe(session, wanted)
    return tuple(_signal(address, item) for address, item in known.items())


def _signal(address: str, item: BrowseItem) -> openusd.Signal:
    kind = _KINDS.get(item.data_type, "number")
    return openusd.Signal(
        node=address,
        name=item.name,
        kind="enum" if item.states and kind == "number" else kind,
        unit=unece.spelt(item.unit),
        low=item.low,
        high=item.high,
        states=item.states,
        writable=item.writable,
    )


# ---------------------------------------------------------------- components


async def composed(
    session: Session, place: Place, places: dict[NodeId, str]
) -> tuple[openusd.Component, ...]:
    """Return component bindings with the parts that they found. `places`: owner → its representation."""
    out: list[openusd.Component] = []
    for binding in place.bindings:
        if binding.component is None:
            continue
        parts, why = await _components(session, place, binding, places)
        out.append(replace(binding.component, parts=parts, reason=why))
    return tuple(out)


async def _components(
    session: Session, place: Place, binding: Binding, places: dict[NodeId, str]
) -> tuple[tuple[openusd.Part, ...], str]:
    one = binding.component
    if one is None or not one.enabled:
        return (), ""
    if one.server_uri or one.endpoint:
        return (), "it lives on another server, which is not followed"
    start = place.owner
    if start is None:
        return (), "no object has its representation"
    if binding.path is not None and binding.path.Elements:
        (found,) = await one_of_each(session, [ua.BrowsePath(StartingNode=start, RelativePath=binding.path)])
        if isinstance(found, str):
            return (), found
        if not one.many:
            return (_part(session, found, one.name, places),), ""
        start = found
    given = binding.raw.get("ComponentReferenceType")
    reference: Any = (
        given if given is not None and not given.is_null() else ua.NodeId(ua.ObjectIds.HasComponent)
    )
    type_ = binding.raw.get("ComponentTypeDefinition")
    (refs,) = await session.browse([start], reference.Identifier) if not reference.NamespaceIndex else ([],)
    rows = [
        r
        for r in refs
        if r.NodeClass == ua.NodeClass.Object
        and (type_ is None or type_.is_null() or local(r.TypeDefinition) == type_)
        and (type_ is not None or local(r.NodeId) in places)
    ]
    if not one.many and len(rows) > 1:
        return (), f"{len(rows)} parts fit, and one was meant (Bad_TooManyMatches)"
    parts = [_part(session, local(r.NodeId), str(r.BrowseName.Name), places) for r in rows[:MOST_PARTS]]
    return tuple(parts), "" if parts or one.many else "no part fits"


def _part(session: Session, node: NodeId, name: str, places: dict[NodeId, str]) -> openusd.Part:
    return openusd.Part(node=text_of(node, session.namespaces), name=name, represented=places.get(node, ""))
