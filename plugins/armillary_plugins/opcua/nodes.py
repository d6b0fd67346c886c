"""What a server says about its nodes: type, unit, range, states, writability, description."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from asyncua.ua import NodeId

from armillary.api import BrowseItem, LinkFault
from armillary_plugins.opcua.address import AddressError, parse, resolve
from armillary_plugins.opcua.lib import ua
from armillary_plugins.opcua.session import Session

PROPERTIES = ("EngineeringUnits", "EURange", "EnumStrings", "EnumValues", "TrueState", "FalseState")
CURRENT_WRITE = 0x02  # bit of UserAccessLevel
PEEK = 8  # references asked for to see whether a node has children
VALUE_SHOWN = 80  # characters of a value in a browse list
DESCRIPTION_SHOWN = 300
_ATTRIBUTES = ("DisplayName", "NodeClass", "DataType", "UserAccessLevel", "Value", "Description")


async def describe(session: Session, nodes: Mapping[str, NodeId]) -> dict[str, BrowseItem]:
    """Return what is known of nodes, by the address they were given as; a few requests for 500 nodes."""
    addresses, ids = list(nodes), list(nodes.values())
    attributes = [getattr(ua.AttributeIds, name) for name in _ATTRIBUTES]
    answers = await session.read([(node, attribute) for node in ids for attribute in attributes])
    step = len(attributes)
    rows = [[value_of(answer) for answer in answers[i : i + step]] for i in range(0, len(answers), step)]
    types = list({row[2].to_string(): row[2] for row in rows if row[2] is not None}.values())
    names, states = await _types(session, types)
    properties = await _properties(session, ids)
    definitions = await session.browse(ids, ua.ObjectIds.HasTypeDefinition)
    found: dict[str, BrowseItem] = {}
    for address, row, known, defined in zip(addresses, rows, properties, definitions, strict=True):
        title, node_class, data_type, access, value, description = row
        key = data_type.to_string() if data_type is not None else ""
        low, high = _range(known.get("EURange"))
        found[address] = BrowseItem(
            address=address,
            name=_text(title),
            has_children=False,
            kind=ua.NodeClass(node_class).name if node_class is not None else "",
            data_type=names.get(key, key),
            unit=unit(known.get("EngineeringUnits")),
            value=shown(value),
            low=low,
            high=high,
            writable=bool((access or 0) & CURRENT_WRITE),
            states=_states(known) or states.get(key, ()),
            type_definition=_qualified(defined[0], session.namespaces) if defined else "",
            description=_text(description)[:DESCRIPTION_SHOWN],
        )
    return found


async def find(session: Session, address: str) -> NodeId:
    """Return the node of an address. Raises LinkFault when there is none."""
    try:
        found: Any = resolve(parse(address, session.settings.namespaces), session.namespaces)
        if isinstance(found, ua.BrowsePath):
            (found,) = await session.translate([found])
            if isinstance(found, str):
                raise AddressError(f"'{address}' is not there: {found}")
    except AddressError as error:
        text = str(error)
        raise LinkFault(
            f"{text[0].upper()}{text[1:]}.", where=session.settings.where, remedy="Correct the address."
        ) from error
    node: NodeId = found
    return node


async def _properties(session: Session, nodes: Sequence[NodeId]) -> list[dict[str, Any]]:
    """Return the values of the properties that we understand, by name, for each node."""
    references = await session.browse(nodes, ua.ObjectIds.HasProperty)
    wanted = [
        (row, reference.BrowseName.Name, local(reference.NodeId))
        for row, found in enumerate(references)
        for reference in found
        if reference.BrowseName.Name in PROPERTIES
    ]
    values = await session.read([(node, ua.AttributeIds.Value) for _, _, node in wanted])
    known: list[dict[str, Any]] = [{} for _ in nodes]
    for (row, name, _), value in zip(wanted, values, strict=True):
        known[row][name] = value_of(value)
    return known


async def _types(
    session: Session, types: Sequence[NodeId]
) -> tuple[dict[str, str], dict[str, tuple[tuple[float, str], ...]]]:
    """Return the names of data types, and the states of those that are enumerations, by id text."""
    titles = await session.read([(node, ua.AttributeIds.DisplayName) for node in types])
    names = {node.to_string(): _text(value_of(t)) for node, t in zip(types, titles, strict=True)}
    known = await _properties(session, types)
    states = {node.to_string(): _states(k) for node, k in zip(types, known, strict=True)}
    return names, {key: value for key, value in states.items() if value}


def _states(known: Mapping[str, Any]) -> tuple[tuple[float, str], ...]:
    if values := known.get("EnumValues"):
        return tuple((float(v.Value), _text(v.DisplayName)) for v in values)
    if strings := known.get("EnumStrings"):
        return tuple((float(i), _text(text)) for i, text in enumerate(strings))
    if known.get("TrueState") is not None and known.get("FalseState") is not None:
        return (0.0, _text(known["FalseState"])), (1.0, _text(known["TrueState"]))
    return ()


def value_of(answer: Any) -> Any:
    """Return the value of a read that went well, None otherwise."""
    if answer.StatusCode is not None and not answer.StatusCode.is_good():
        return None
    return answer.Value.Value if answer.Value is not None else None


def _text(value: Any) -> str:
    return str(getattr(value, "Text", value) or "")


def _qualified(reference: Any, namespaces: Sequence[str]) -> str:
    """Return the name of a type, with its namespace where that is not the standard's."""
    name, index = reference.BrowseName.Name, reference.BrowseName.NamespaceIndex
    return f"{namespaces[index]}:{name}" if 0 < index < len(namespaces) else str(name)


def unit(value: Any) -> str:
    """Return the unit that EngineeringUnits says."""
    return _text(value.DisplayName) if isinstance(value, ua.EUInformation) else ""


def _range(value: Any) -> tuple[float, float]:
    return (float(value.Low), float(value.High)) if isinstance(value, ua.Range) else (math.nan, math.nan)


def shown(value: Any) -> str:
    """Return a value as a list shows it, cut."""
    if value is None:
        return ""
    text = f"{value:g}" if isinstance(value, float) else str(getattr(value, "Text", value))
    return text[:VALUE_SHOWN]


def is_property(reference: Any) -> bool:
    """Return whether a reference leads to a property: what a node says of itself, no part of it."""
    return bool(reference.ReferenceTypeId == ua.NodeId(ua.ObjectIds.HasProperty))


def local(node: Any) -> Any:
    """Return the id of a node of this server."""
    return ua.NodeId(node.Identifier, node.NamespaceIndex, node.NodeIdType)
