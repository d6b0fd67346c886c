"""A SceneOffer ⇔ NodeSet2 XML with the instances: root, stages, representations, bindings (card 2.1–2.4).

The types come from the draft's own NodeSet, which a file of ours requires and does not repeat.
"""

from __future__ import annotations

import base64
import binascii
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from armillary.model import unece
from armillary.model.fault import ProjectFault
from armillary.model.openusd import EXTRA, INTENT_TYPES, NAMESPACE, OURS, Path, Represented, SceneOffer, Stage
from armillary.model.openusd_members import (
    ASSET,
    COMPONENT,
    COMPONENT_MEMBERS,
    ENUMS,
    INTENT_MEMBERS,
    INTENTS,
    LIVE_MEMBERS,
    OWN_MEMBERS,
    REPRESENTATION,
    ROOT,
    STAGE,
    STAGE_MEMBERS,
    Member,
    asset_of,
    component_of,
    live_of,
    stage_of,
)

MOST_BYTES = 256 << 20
NS0 = "http://opcfoundation.org/UA/"
_SET = "http://opcfoundation.org/UA/2011/03/UANodeSet.xsd"
_VALUE = "http://opcfoundation.org/UA/2008/02/Types.xsd"
_SERVER, _OBJECTS, _FOLDER, _OBJECT, _PROPERTY = 2253, 85, 61, 58, 68
_REFERENCES = {
    "Organizes": 35,
    "HasComponent": 47,
    "HasProperty": 46,
    "HasTypeDefinition": 40,
    "HasAddIn": 17604,
    "HasSubtype": 45,
}
_DATA = {
    "Boolean": 1, "UInt32": 7, "UInt64": 9, "Double": 11, "String": 12, "Guid": 14, "ByteString": 15,
    "NodeId": 17, "LocalizedText": 21, "RelativePath": 540, "EUInformation": 887,
}  # fmt: skip
_EU_XML, _PATH_XML = 888, 541  # encodings of the two structures
_ENUM_OF = {"RootLayerDigestAlgorithm": "DigestAlgorithm"}


# ---------------------------------------------------------------- out


def text_of(offer: SceneOffer, model: str) -> str:
    """Return an offer as NodeSet2 XML. `model`: the namespace URI that its own nodes get."""
    return _Writer(offer, model).text()


class _Writer:
    """Makes one document."""

    def __init__(self, offer: SceneOffer, model: str) -> None:
        self._offer = offer
        self._uris = [NS0, model, NAMESPACE, OURS]
        self._root = ET.Element("UANodeSet", {"xmlns": _SET, "xmlns:uax": _VALUE})
        self._nodes: list[ET.Element] = []

    def text(self) -> str:
        top = self._object("OpenUSD", (2, "OpenUSD"), ROOT, ("HasComponent", f"i={_SERVER}"))
        stages = self._folder("OpenUSD.Stages", "Stages", top)
        registry = self._folder("OpenUSD.Representations", "Representations", top)
        given = self._offer.stages or (Stage(name="Stage", root_layer="scene.usda"),)
        by_name = {stage.name: self._stage(stage, stages) for stage in given}
        first = next(iter(by_name.values()))
        for each in self._offer.represented:
            self._represented(each, registry, by_name.get(each.stage, first))
        self._head()
        self._root.extend(self._nodes)
        ET.indent(self._root, " ")
        return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(self._root, encoding="unicode") + "\n"

    def _head(self) -> None:
        uris = ET.SubElement(self._root, "NamespaceUris")
        for uri in self._uris[1:]:
            ET.SubElement(uris, "Uri").text = uri
        models = ET.SubElement(self._root, "Models")
        own = ET.SubElement(models, "Model", {"ModelUri": self._uris[1]})
        for uri in (NS0, NAMESPACE):
            ET.SubElement(own, "RequiredModel", {"ModelUri": uri})
        aliases = ET.SubElement(self._root, "Aliases")
        for name, number in (*_REFERENCES.items(), *_DATA.items()):
            ET.SubElement(aliases, "Alias", {"Alias": name}).text = f"i={number}"

    def _index(self, uri: str) -> int:
        if uri not in self._uris:
            self._uris.append(uri)
        return self._uris.index(uri)

    def _id(self, address: str) -> str:
        """Return `nsu=<uri>;s=…` with the index that the uri has in this file."""
        head, _, rest = address.partition(";")
        if not head.startswith("nsu="):
            return address
        index = self._index(head.removeprefix("nsu=").replace("%3B", ";").replace("%25", "%"))
        return f"ns={index};{rest}" if index else rest

    def _object(self, key: str, name: tuple[int, str], of_type: int, parent: tuple[str, str]) -> str:
        node = f"ns=1;s={key}"
        self._node("UAObject", node, name, f"ns=2;i={of_type}" if of_type >= ROOT else f"i={of_type}", parent)
        return node

    def _folder(self, key: str, name: str, parent: str) -> str:
        return self._object(key, (2, name), _FOLDER, ("HasComponent", parent))

    def _node(
        self, kind: str, node: str, name: tuple[int, str], of_type: str, parent: tuple[str, str]
    ) -> ET.Element:
        made = ET.Element(kind, {"NodeId": node, "BrowseName": f"{name[0]}:{name[1]}"})
        if parent[0] != "Organizes":
            made.set("ParentNodeId", parent[1])
        ET.SubElement(made, "DisplayName").text = name[1]
        references = ET.SubElement(made, "References")
        ET.SubElement(references, "Reference", {"ReferenceType": "HasTypeDefinition"}).text = of_type
        back = {"ReferenceType": parent[0], "IsForward": "false"}
        ET.SubElement(references, "Reference", back).text = parent[1]
        self._nodes.append(made)
        return made

    def _stage(self, stage: Stage, parent: str) -> str:
        node = self._object(f"Stage.{stage.name}", (1, stage.name), STAGE, ("Organizes", parent))
        self._members(node, STAGE_MEMBERS, stage, {})
        return node

    def _represented(self, one: Represented, registry: str, stage: str) -> None:
        key = one.name
        owner = self._object(f"Object.{key}", (1, one.name), _OBJECT, ("Organizes", f"i={_OBJECTS}"))
        node = f"ns=1;s=Representation.{key}"
        made = self._node(
            "UAObject", node, (2, "OpenUsdRepresentation"), f"ns=2;i={REPRESENTATION}", ("HasAddIn", owner)
        )
        references = made.find("References")
        if references is not None:
            back = {"ReferenceType": "Organizes", "IsForward": "false"}
            ET.SubElement(references, "Reference", back).text = registry
        self._property(node, (2, "Stage"), Member("", 0, "NodeId"), stage)
        self._property(node, (2, "PrimPath"), Member("", 0, "String"), one.prim)
        for live in one.live:
            number = INTENT_TYPES[live.intent][0]
            child = f"ns=1;s=Representation.{key}.{live.name}"
            self._node("UAObject", child, (1, live.name), f"ns=2;i={number}", ("HasComponent", node))
            members = {**LIVE_MEMBERS, **INTENT_MEMBERS[live.intent], **OWN_MEMBERS}
            self._members(child, members, live, {"TargetStage": stage})
        for component in one.components:
            child = f"ns=1;s=Representation.{key}.{component.name}"
            self._node("UAObject", child, (1, component.name), f"ns=2;i={COMPONENT}", ("HasComponent", node))
            self._members(child, COMPONENT_MEMBERS, component, {})

    def _members(
        self, node: str, members: Mapping[str, Member], record: Any, given: Mapping[str, str]
    ) -> None:
        for name, member in members.items():
            value = given.get(name) or getattr(record, member.field, None)
            if value is None or (value in ("", ()) and not member.mandatory):
                continue
            self._property(node, (3 if name == EXTRA else 2, name), member, value)

    def _property(self, parent: str, name: tuple[int, str], member: Member, value: Any) -> None:
        enum = ENUMS.get(_ENUM_OF.get(name[1], name[1]))
        of_type = f"ns=2;i={enum}" if member.type == "Enum" and enum else member.type
        made = self._node(
            "UAVariable", f"{parent}.{name[1]}", name, f"i={_PROPERTY}", ("HasProperty", parent)
        )
        made.set("DataType", of_type)
        made.set("ValueRank", "-1")
        told = ET.SubElement(made, "Value")
        self._value(told, member.type, value)

    def _value(self, told: ET.Element, kind: str, value: Any) -> None:
        match kind:
            case "Boolean":
                ET.SubElement(told, "uax:Boolean").text = "true" if value else "false"
            case "Double":
                ET.SubElement(told, "uax:Double").text = repr(float(value))
            case "Enum":
                ET.SubElement(told, "uax:Int32").text = str(int(value))
            case "UInt32" | "UInt64":
                ET.SubElement(told, f"uax:{kind}").text = str(int(value))
            case "Guid":
                ET.SubElement(ET.SubElement(told, "uax:Guid"), "uax:String").text = str(value)
            case "NodeId":
                ET.SubElement(ET.SubElement(told, "uax:NodeId"), "uax:Identifier").text = (
                    self._id(str(value)) or "i=0"
                )
            case "ByteString":
                made = base64.b64encode(bytes.fromhex(str(value))).decode()
                ET.SubElement(told, "uax:ByteString").text = made
            case "EUInformation":
                self._units(told, str(value))
            case "RelativePath":
                self._path(told, value)
            case _:
                ET.SubElement(told, "uax:String").text = str(value)

    def _structure(self, told: ET.Element, encoding: int, name: str) -> ET.Element:
        whole = ET.SubElement(told, "uax:ExtensionObject")
        ET.SubElement(ET.SubElement(whole, "uax:TypeId"), "uax:Identifier").text = f"i={encoding}"
        return ET.SubElement(ET.SubElement(whole, "uax:Body"), f"uax:{name}")

    def _units(self, told: ET.Element, unit: str) -> None:
        body = self._structure(told, _EU_XML, "EUInformation")
        ET.SubElement(body, "uax:NamespaceUri").text = unece.URI
        ET.SubElement(body, "uax:UnitId").text = str(unece.packed(unece.code_of(unit)))
        for name in ("DisplayName", "Description"):
            ET.SubElement(ET.SubElement(body, f"uax:{name}"), "uax:Text").text = unit

    def _path(self, told: ET.Element, path: Path) -> None:
        elements = ET.SubElement(self._structure(told, _PATH_XML, "RelativePath"), "uax:Elements")
        for uri, name in path:
            one = ET.SubElement(elements, "uax:RelativePathElement")
            ET.SubElement(ET.SubElement(one, "uax:ReferenceTypeId"), "uax:Identifier").text = "i=33"
            ET.SubElement(one, "uax:IsInverse").text = "false"
            ET.SubElement(one, "uax:IncludeSubtypes").text = "true"
            target = ET.SubElement(one, "uax:TargetName")
            ET.SubElement(target, "uax:NamespaceIndex").text = str(self._index(uri))
            ET.SubElement(target, "uax:Name").text = name


# ---------------------------------------------------------------- in


@dataclass(slots=True)
class _Node:
    """One node of a file: references are (type, target), targets `nsu=` texts."""

    id: str
    name: str
    of_type: str = ""
    value: ET.Element | None = None
    children: list[tuple[str, str]] = field(default_factory=list)


def read(text: str, where: str) -> SceneOffer:
    """Return what a NodeSet2 file says of OpenUSD. Raises ProjectFault for one that cannot be read."""
    if len(text) > MOST_BYTES or re.search(r"<!(DOCTYPE|ENTITY)", text[:100_000], re.IGNORECASE):
        raise ProjectFault(
            "The file was refused: it is too long, or declares entities.",
            where=where,
            remedy="Give a NodeSet2 file as modelling tools write it.",
        )
    try:
        root = ET.fromstring(text)  # noqa: S314  no entity can be declared: refused above
    except ET.ParseError as error:
        raise ProjectFault(f"This is no XML: {error}.", where=where, remedy="Export it again.") from error
    if root.tag != f"{{{_SET}}}UANodeSet":
        raise ProjectFault("This is no NodeSet2 file.", where=where, remedy="Give another file.")
    found = _Reader(root).offer()
    if not (found.represented or found.stages):
        raise ProjectFault(
            "The file has no instance of an OpenUSD type.",
            where=where,
            remedy="Give the NodeSet that holds the instances, not the types alone.",
        )
    return found


def _tag(name: str) -> str:
    return f"{{{_SET}}}{name}"


class _Reader:
    """One document, its nodes by id."""

    def __init__(self, root: ET.Element) -> None:
        self._uris = [
            NS0,
            *(uri.text or "" for uri in root.iterfind(f"{_tag('NamespaceUris')}/{_tag('Uri')}")),
        ]
        self._aliases = {
            alias.get("Alias", ""): (alias.text or "").strip()
            for alias in root.iterfind(f"{_tag('Aliases')}/{_tag('Alias')}")
        }
        self._nodes: dict[str, _Node] = {}
        for kind in ("UAObject", "UAVariable"):
            for each in root.iterfind(_tag(kind)):
                self._add(each)
        for each in (*root.iterfind(_tag("UAObject")), *root.iterfind(_tag("UAVariable"))):
            self._refer(each)

    def _id(self, said: str | None) -> str:
        """Return a node id of the file as `nsu=<uri>;…`, aliases resolved."""
        text = (said or "").strip()
        text = self._aliases.get(text, text)
        if text in ("", "i=0"):  # the null node id
            return ""
        index, rest = 0, text
        if text.startswith("ns="):
            number, _, rest = text.removeprefix("ns=").partition(";")
            index = int(number) if number.isdigit() else 0
        uri = self._uris[index] if index < len(self._uris) else ""
        return f"nsu={uri.replace('%', '%25').replace(';', '%3B')};{rest}"

    def _add(self, each: ET.Element) -> None:
        node = self._id(each.get("NodeId"))
        name = each.get("BrowseName", "").rpartition(":")[2]
        self._nodes[node] = _Node(node, name, value=each.find(_tag("Value")))

    def _refer(self, each: ET.Element) -> None:
        node = self._id(each.get("NodeId"))
        for reference in each.iterfind(f"{_tag('References')}/{_tag('Reference')}"):
            kind = self._id(reference.get("ReferenceType")).rpartition(";")[2]
            other = self._id(reference.text)
            forward = reference.get("IsForward", "true") != "false"
            if kind == f"i={_REFERENCES['HasTypeDefinition']}":
                self._nodes[node].of_type = other
            elif forward and (kind, other) not in self._nodes[node].children:
                self._nodes[node].children.append((kind, other))
            elif not forward and other in self._nodes and (kind, node) not in self._nodes[other].children:
                self._nodes[other].children.append((kind, node))

    def _number(self, node: _Node) -> int:
        """Return the number of a node's type, 0 when it is none of the draft's."""
        head = f"nsu={NAMESPACE};i="
        rest = node.of_type.removeprefix(head)
        return int(rest) if node.of_type.startswith(head) and rest.isdigit() else 0

    def offer(self) -> SceneOffer:
        numbers = {id_: self._number(node) for id_, node in self._nodes.items()}
        stages = [n for n in self._nodes.values() if numbers[n.id] == STAGE]
        names = {n.id: n.name for n in stages}
        return SceneOffer(
            stages=tuple(stage_of(n.name, n.id, self._values(n)) for n in stages),
            represented=tuple(
                self._represented(n, numbers, names)
                for n in self._nodes.values()
                if numbers[n.id] == REPRESENTATION and self._values(n).get("PrimPath")
            ),
            assets=tuple(
                asset_of(n.id, self._values(n)) for n in self._nodes.values() if numbers[n.id] == ASSET
            ),
        )

    def _represented(self, node: _Node, numbers: Mapping[str, int], stages: Mapping[str, str]) -> Represented:
        values = self._values(node)
        owner = next((n for n in self._owners(node)), None)
        children = [self._nodes[c] for _, c in node.children if c in self._nodes]
        return Represented(
            name=owner.name if owner is not None else node.name,
            prim=str(values.get("PrimPath", "")),
            node=node.id,
            owner=owner.id if owner is not None else "",
            stage=stages.get(str(values.get("Stage", "")), ""),
            live=tuple(
                live_of(c.name, INTENTS[numbers[c.id]], self._values(c))
                for c in children
                if numbers[c.id] in INTENTS
            ),
            components=tuple(
                component_of(c.name, self._values(c)) for c in children if numbers[c.id] == COMPONENT
            ),
        )

    def _owners(self, node: _Node) -> Iterator[_Node]:
        """Yield what has a representation as a part; the registry only organizes it."""
        organizes = f"i={_REFERENCES['Organizes']}"
        for other in self._nodes.values():
            if any(kind != organizes and child == node.id for kind, child in other.children):
                yield other

    def _values(self, node: _Node) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for kind, child in node.children:
            found = self._nodes.get(child)
            if kind == f"i={_REFERENCES['HasProperty']}" and found is not None and found.value is not None:
                out[found.name] = self._plain(found.value)
        return out

    def _plain(self, told: ET.Element) -> Any:
        """Return a value as plain data, None where it is of a kind that no member has."""
        if not len(told):
            return None
        value = told[0]
        kind, text = value.tag.rpartition("}")[2], (value.text or "").strip()
        match kind:
            case "Boolean":
                return text == "true"
            case "Double" | "Float":
                return _float(text)
            case "Int32" | "UInt32" | "UInt64" | "Int64" | "UInt16" | "Byte":
                return int(text) if re.fullmatch(r"-?\d{1,19}", text) else None
            case "String":
                return value.text or ""
            case "Guid":
                return _inner(value, "String")
            case "NodeId" | "ExpandedNodeId":
                return self._id(_inner(value, "Identifier"))
            case "LocalizedText":
                return _inner(value, "Text")
            case "ByteString":
                return _hex(text)
            case "ExtensionObject":
                return self._structure(value)
        return None

    def _structure(self, value: ET.Element) -> Any:
        body = value.find(f"{{{_VALUE}}}Body")
        if body is None or not len(body):
            return None
        inner = body[0]
        if inner.tag.endswith("}EUInformation"):
            number = _inner(inner, "UnitId")
            name = inner.find(f"{{{_VALUE}}}DisplayName")
            shown = _inner(name, "Text") if name is not None else ""
            return unece.unit_of(int(number) if re.fullmatch(r"-?\d{1,10}", number) else -1, shown)
        if inner.tag.endswith("}RelativePath"):
            return tuple(
                self._step(step) for step in inner.iter(f"{{{_VALUE}}}TargetName") if _inner(step, "Name")
            )
        return None

    def _step(self, step: ET.Element) -> tuple[str, str]:
        index = _inner(step, "NamespaceIndex")
        number = int(index) if index.isdigit() else 0
        return (self._uris[number] if number < len(self._uris) else ""), _inner(step, "Name")


def _inner(value: ET.Element, name: str) -> str:
    found = value.find(f"{{{_VALUE}}}{name}")
    return "" if found is None else (found.text or "").strip()


def _float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _hex(text: str) -> str:
    try:
        return base64.b64decode(text).hex()
    except binascii.Error:
        return ""
