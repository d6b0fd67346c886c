"""Reads the OpenUSD facility of a server: stages, representations, bindings, as records; in few requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from asyncua.ua import NodeId

from armillary.api import LinkRefused, OfferLimits, openusd, openusd_members, unece
from armillary_plugins.opcua.address import text_of
from armillary_plugins.opcua.lib import ua
from armillary_plugins.opcua.nodes import value_of
from armillary_plugins.opcua.session import Session

_MOST_TYPES = 16  # supertypes that are looked at
_UP_LIMIT = 100_000  # nodes asked for their owner at once
Trouble = openusd.Trouble


@dataclass(slots=True)
class Binding:
    """A binding object on its way: its node, the type's number, its record."""

    node: NodeId
    name: str
    number: int
    live: openusd.Live | None = None
    component: openusd.Component | None = None
    owner: NodeId | None = None  # of the object whose parts and sources it means
    path: Any = None  # SourceBrowsePath or ComponentBrowsePath as the server gave it
    raw: Mapping[str, Any] = field(default_factory=dict)  # NodeIds by member name, as the server gave them


@dataclass(slots=True)
class Place:
    """A representation on its way."""

    node: NodeId
    owner: NodeId | None = None
    name: str = ""
    prim: str = ""
    stage: str = ""
    bindings: list[Binding] = field(default_factory=list)


@dataclass(slots=True)
class Tree:
    """What a server has under Server/OpenUSD."""

    index: int
    stages: list[tuple[NodeId, openusd.Stage]] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)


def local(node: Any) -> NodeId:
    """Return an expanded node id as a plain one."""
    made: NodeId = ua.NodeId(node.Identifier, node.NamespaceIndex, node.NodeIdType)
    return made


def plain(value: Any, namespaces: Sequence[str]) -> Any:
    """Return a value of the server as plain data: text, number, flag, path; None for null and the rest."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, NodeId):
        return "" if value.is_null() else text_of(value, namespaces)
    if isinstance(value, UUID):
        return str(value) if value.int else ""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, ua.LocalizedText):
        return value.Text or ""
    if isinstance(value, ua.EUInformation):
        return unece.unit_of(int(value.UnitId or -1), getattr(value.DisplayName, "Text", "") or "")
    if isinstance(value, ua.RelativePath):
        steps = [e.TargetName for e in value.Elements or () if e.TargetName is not None and e.TargetName.Name]
        return tuple(
            (namespaces[s.NamespaceIndex] if s.NamespaceIndex < len(namespaces) else "", s.Name)
            for s in steps
        )
    return None


async def read_tree(session: Session, limits: OfferLimits) -> Tree:
    """Return everything under Server/OpenUSD. Raises LinkRefused for a server that has nothing there."""
    where = session.settings.where
    if openusd.NAMESPACE not in session.namespaces:
        raise LinkRefused(
            "The server publishes no scene of its own.",
            where=where,
            remedy="Bind its nodes to a scene of yours: open that, and browse the server there.",
        )
    tree = Tree(session.namespaces.index(openusd.NAMESPACE))
    stages, registry = await session.translate(
        [_facility(tree.index, "Stages"), _facility(tree.index, "Representations")]
    )
    if isinstance(stages, str) or isinstance(registry, str):
        raise LinkRefused(
            "The server knows OpenUSD bindings, but offers none: Server/OpenUSD is not there.",
            where=where,
            remedy="Ask whoever runs the server.",
        )
    found_stages, found = await session.browse([stages, registry], ua.ObjectIds.HierarchicalReferences)
    titles = {
        local(r.NodeId): str(r.BrowseName.Name)
        for r in found_stages
        if _is(r, tree.index, openusd_members.STAGE)
    }
    values = await values_of(session, list(titles))
    tree.stages = [
        (node, openusd_members.stage_of(title, text_of(node, session.namespaces), values[i][0]))
        for i, (node, title) in enumerate(titles.items())
    ]
    nodes = [local(r.NodeId) for r in found if _is(r, tree.index, openusd_members.REPRESENTATION)]
    nodes = list(dict.fromkeys(nodes))
    if len(nodes) > limits.representations:
        what = f"The server has {len(nodes)} representations; {limits.representations} are taken."
        tree.troubles.append(Trouble(where="Representations", what=what, code="too-many"))
        nodes = nodes[: limits.representations]
    await _places(session, tree, nodes, limits)
    return tree


def _facility(index: int, name: str) -> Any:
    path = ua.BrowsePath(StartingNode=ua.NodeId(ua.ObjectIds.Server))
    for step in ("OpenUSD", name):
        path.RelativePath.Elements.append(
            ua.RelativePathElement(
                ReferenceTypeId=ua.NodeId(ua.ObjectIds.HierarchicalReferences),
                IsInverse=False,
                IncludeSubtypes=True,
                TargetName=ua.QualifiedName(step, index),
            )
        )
    return path


def type_number(reference: Any, index: int) -> int:
    """Return the number of the draft's type that a browsed node has, 0 for another."""
    type_ = reference.TypeDefinition
    is_ours = type_ is not None and type_.NamespaceIndex == index and isinstance(type_.Identifier, int)
    return int(type_.Identifier) if is_ours else 0


def _is(reference: Any, index: int, number: int) -> bool:
    return type_number(reference, index) == number


async def values_of(session: Session, nodes: Sequence[NodeId]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return the properties of nodes by name, (plain, as given): one browse and one read for all."""
    found = await session.browse(nodes, ua.ObjectIds.HasProperty)
    wanted = [(row, str(r.BrowseName.Name), local(r.NodeId)) for row, refs in enumerate(found) for r in refs]
    answers = await session.read([(node, ua.AttributeIds.Value) for _, _, node in wanted])
    out: list[tuple[dict[str, Any], dict[str, Any]]] = [({}, {}) for _ in nodes]
    for (row, name, _), answer in zip(wanted, answers, strict=True):
        value = value_of(answer)
        if value is not None:
            out[row][0][name] = plain(value, session.namespaces)
            out[row][1][name] = value
    return out


async def _places(session: Session, tree: Tree, nodes: Sequence[NodeId], limits: OfferLimits) -> None:
    """Read representations: their own values, the objects that have them, their bindings and the types'."""
    values = await values_of(session, nodes)
    owners = await inverse(session, nodes, ua.ObjectIds.Aggregates)
    below = await session.browse(nodes, ua.ObjectIds.HasComponent)
    for node, (told, _), owner, refs in zip(nodes, values, owners, below, strict=True):
        name, prim = (owner.BrowseName.Name if owner is not None else ""), told.get("PrimPath")
        place = Place(
            node=node,
            owner=local(owner.NodeId) if owner is not None else None,
            name=str(name or text_of(node, session.namespaces)),
            prim=prim if isinstance(prim, str) else "",
            stage=str(told.get("Stage") or ""),
        )
        if place.owner is None:
            what = "No object has this representation as a part: its relative sources cannot be found."
            tree.troubles.append(Trouble(where=place.name, what=what, code="no-owner"))
        place.bindings = [_binding(r, tree.index) for r in refs if type_number(r, tree.index) in _BINDINGS]
        tree.places.append(place)
    await _inherit(session, tree)
    every = [binding for place in tree.places for binding in place.bindings]
    if len(every) > limits.bindings:
        what = f"The server has {len(every)} bindings; {limits.bindings} are taken."
        tree.troubles.append(Trouble(where="Representations", what=what, code="too-many"))
        left = limits.bindings
        for place in tree.places:
            place.bindings = place.bindings[: max(left, 0)]
            left -= len(place.bindings)
        every = [binding for place in tree.places for binding in place.bindings]
    await _fill(session, every)
    for place in tree.places:
        _suppress(place)


_BINDINGS = {*openusd_members.INTENTS, openusd_members.COMPONENT}


def _binding(reference: Any, index: int) -> Binding:
    return Binding(local(reference.NodeId), str(reference.BrowseName.Name), type_number(reference, index))


async def _fill(session: Session, bindings: Sequence[Binding]) -> None:
    for binding, (told, given) in zip(
        bindings, await values_of(session, [b.node for b in bindings]), strict=True
    ):
        binding.raw = {name: value for name, value in given.items() if isinstance(value, NodeId)}
        if binding.number == openusd_members.COMPONENT:
            binding.component = openusd_members.component_of(binding.name, told)
            binding.path = given.get("ComponentBrowsePath")
        else:
            intent = openusd_members.INTENTS[binding.number]
            binding.live = openusd_members.live_of(binding.name, intent, told)
            binding.path = given.get("SourceBrowsePath")


async def _inherit(session: Session, tree: Tree) -> None:
    """Add the bindings that an object's type declares; one of the object's own with the same id hides them.

    Read for each type once, up its supertypes.
    """
    owners = [place.owner for place in tree.places if place.owner is not None]
    types: dict[NodeId, list[NodeId]] = {}
    for owner, type_ in zip(
        owners, await inverse(session, owners, ua.ObjectIds.HasTypeDefinition, forward=True), strict=True
    ):
        if type_ is not None and type_.NodeId.NamespaceIndex:
            types.setdefault(local(type_.NodeId), []).append(owner)
    chain: dict[NodeId, list[NodeId]] = {type_: [type_] for type_ in types}
    waiting = list(types)
    for _ in range(_MOST_TYPES):
        above = await inverse(session, waiting, ua.ObjectIds.HasSubtype)
        following: list[NodeId] = []
        for type_, found in zip(waiting, above, strict=True):
            if found is None or not found.NodeId.NamespaceIndex:
                continue
            parent = local(found.NodeId)
            for line in chain.values():
                if line[-1] == type_ and parent not in line:
                    line.append(parent)
                    following.append(parent)
        waiting = list(dict.fromkeys(following))
        if not waiting:
            break
    declared = await _declared(session, tree.index, {t for line in chain.values() for t in line})
    by_owner = {owner: type_ for type_, found in types.items() for owner in found}
    for place in tree.places:
        found_type = by_owner.get(place.owner) if place.owner is not None else None
        for type_ in chain[found_type] if found_type is not None else ():
            own = {binding.name for binding in place.bindings}
            place.bindings += [
                Binding(b.node, b.name, b.number) for b in declared.get(type_, ()) if b.name not in own
            ]


async def _declared(session: Session, index: int, types: set[NodeId]) -> dict[NodeId, list[Binding]]:
    """Return the bindings below the representations that types have."""
    order = list(types)
    parts: dict[NodeId, NodeId] = {}
    for type_, refs in zip(order, await session.browse(order, ua.ObjectIds.HasComponent), strict=True):
        for reference in refs:
            if _is(reference, index, openusd_members.REPRESENTATION):
                parts[local(reference.NodeId)] = type_
    out: dict[NodeId, list[Binding]] = {}
    nodes = list(parts)
    for node, refs in zip(nodes, await session.browse(nodes, ua.ObjectIds.HasComponent), strict=True):
        found = [_binding(r, index) for r in refs if type_number(r, index) in _BINDINGS]
        out.setdefault(parts[node], []).extend(found)
    return out


def _suppress(place: Place) -> None:
    """Keep of bindings with one id the first: the object's own, then its type's. A tombstone counts too."""
    seen: set[str] = set()
    kept: list[Binding] = []
    for binding in place.bindings:
        record = binding.live or binding.component
        id_ = record.id if record is not None else ""
        if not id_ or id_ not in seen:
            kept.append(binding)
        seen.add(id_)
    place.bindings = kept


async def inverse(
    session: Session, nodes: Sequence[NodeId], reference: int, *, forward: bool = False
) -> list[Any]:
    """Return the first reference of each node, against its direction or with it; None where there is none."""
    out: list[Any] = []
    direction = ua.BrowseDirection.Forward if forward else ua.BrowseDirection.Inverse
    for start in range(0, len(nodes), 100):
        request = ua.BrowseParameters(RequestedMaxReferencesPerNode=2)
        request.NodesToBrowse = [
            ua.BrowseDescription(
                NodeId=node,
                BrowseDirection=direction,
                ReferenceTypeId=ua.NodeId(reference),
                IncludeSubtypes=True,
                ResultMask=ua.BrowseResultMask.All,
            )
            for node in nodes[start : start + 100]
        ]
        for result in await session.raw.browse(request):
            found = list(result.References or ())
            out.append(found[0] if found else None)
    return out
