"""Addresses of nodes: `nsu=<uri>;s=…` (i, s, g, b) and browse paths `nsu=<uri>;/0:Objects/Tank1/Level`.

A namespace is named by its URI, never by its index: indices change when a server starts anew.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote

from asyncua.ua import BrowsePath, NodeId
from asyncua.ua.uaerrors import UaError

from armillary_plugins.opcua.lib import ua

NS0 = "http://opcfoundation.org/UA/"
_ROOTS = ("Objects", "Types", "Views")  # what stands below Root is namespace 0 without being told
_NODE = re.compile(r"[isgb]=")
_STEP = re.compile(r"(?:[^/&]|&.)+")  # & hides the character after it (OPC 10000-4, A.2)


Steps = Sequence[tuple[str, str]]  # (URI, name), from Root


class AddressError(ValueError):
    """An address that cannot be read or not be found; its text is one sentence."""


@dataclass(frozen=True, slots=True)
class Address:
    """An address as written: a node id or a path of (URI, name) from Root, its indices still open."""

    uri: str
    node: str  # `s=…`; "" for a path
    path: tuple[tuple[str, str], ...] = ()


def parse(text: str, aliases: Mapping[str, str]) -> Address:
    """Return an address. Raises AddressError with what is wrong."""
    if _NODE.match(text):
        return Address(NS0, text)
    if text.startswith("ns="):
        raise AddressError(f"'{text}' names a namespace by its index, which changes: use nsu=<uri>;…")
    head, _, rest = text.partition(";")
    if not head.startswith("nsu=") or not rest or head == "nsu=":
        raise AddressError(f"'{text}' is no node: write nsu=<uri>;s=… or nsu=<uri>;/Objects/…")
    uri = unquote(head.removeprefix("nsu="))
    if rest.startswith("/"):
        return Address(uri, "", tuple(_steps(text, rest, uri, aliases)))
    if not _NODE.match(rest):
        raise AddressError(f"'{text}' has no identifier after its namespace: i=, s=, g= or b=")
    return Address(uri, rest)


def _steps(text: str, path: str, uri: str, aliases: Mapping[str, str]) -> list[tuple[str, str]]:
    steps: list[tuple[str, str]] = []
    if _STEP.sub("", path).strip("/") or not path.strip("/"):
        raise AddressError(f"'{text}' has a path that cannot be read")
    for step in _STEP.findall(path):
        prefix, colon, name = step.partition(":")
        if colon and prefix == "0":
            where = NS0
        elif colon and prefix in aliases:
            where = aliases[prefix]
        elif colon and prefix.isdigit():
            raise AddressError(f"'{text}' has the namespace index {prefix}, which changes: use an alias")
        else:
            where, name = (NS0 if not steps and step in _ROOTS else uri), step
        steps.append((where, re.sub(r"&(.)", r"\1", name)))
    return steps


def resolve(address: Address, namespaces: Sequence[str]) -> NodeId | BrowsePath:
    """Return the node id, or the path to be translated, by a server's present namespace array."""
    if address.node:
        try:
            plain = ua.NodeId.from_string(address.node)
        except UaError as error:
            raise AddressError(f"'{address.node}' is no node identifier") from error
        found: NodeId = ua.NodeId(plain.Identifier, _index(address.uri, namespaces), plain.NodeIdType)
        return found
    return _translatable(address.path, namespaces)


def resolve_path(text: str, namespaces: Sequence[str]) -> BrowsePath:
    """Return a path as `written` wrote it, to be translated. Raises AddressError."""
    steps = [step.partition("|") for step in text.split("/")]
    return _translatable([(unquote(uri), unquote(name)) for uri, _, name in steps], namespaces)


def written(steps: Steps) -> str:
    """Return a path as one text that names every namespace: `uri|name/uri|name`, both percent-encoded."""
    return "/".join(f"{quote(uri, safe='')}|{quote(name, safe='')}" for uri, name in steps)


def _translatable(steps: Steps, namespaces: Sequence[str]) -> BrowsePath:
    path: BrowsePath = ua.BrowsePath(StartingNode=ua.NodeId(ua.ObjectIds.RootFolder))
    for uri, name in steps:
        path.RelativePath.Elements.append(
            ua.RelativePathElement(
                ReferenceTypeId=ua.NodeId(ua.ObjectIds.HierarchicalReferences),
                IsInverse=False,
                IncludeSubtypes=True,
                TargetName=ua.QualifiedName(name, _index(uri, namespaces)),
            )
        )
    return path


def _index(uri: str, namespaces: Sequence[str]) -> int:
    try:
        return namespaces.index(uri)
    except ValueError:
        raise AddressError(f"the server has no namespace '{uri}'") from None


def text_of(node: NodeId, namespaces: Sequence[str]) -> str:
    """Return the address of a node id, stable across connections."""
    uri = getattr(node, "NamespaceUri", None)
    if not uri:
        index = node.NamespaceIndex
        uri = namespaces[index] if index < len(namespaces) else ""
    identifier = ua.NodeId(node.Identifier, 0, node.NodeIdType).to_string()
    return f"nsu={uri.replace('%', '%25').replace(';', '%3B')};{identifier}"
