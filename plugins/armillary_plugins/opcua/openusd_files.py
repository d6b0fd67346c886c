"""The files of a scene that a server delivers: chosen, read by Part 5, verified, and only then kept.

A server's names are untrusted: a name never leaves the folder, sizes have limits, a wrong digest is refused.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from asyncua.ua import NodeId
from asyncua.ua.uaerrors import UaError, UaStatusCodeError

from armillary.api import OfferLimits, openusd, openusd_members
from armillary_plugins.opcua.address import text_of
from armillary_plugins.opcua.lib import ua
from armillary_plugins.opcua.nodes import find
from armillary_plugins.opcua.openusd_tree import local, type_number, values_of
from armillary_plugins.opcua.session import Session, refusal

CHUNK = 256 << 10
MOST_NAME = 400  # characters
MOST_DEPTH = 20  # folders
_ROOT_LAYER = 0
_HASHES = {1: "sha256", 2: "sha384", 3: "sha512"}
_SUFFIXES = frozenset(
    {
        ".usd", ".usda", ".usdc", ".usdz", ".png", ".jpg", ".jpeg", ".exr", ".hdr", ".tif", ".tiff", ".tga",
        ".bmp", ".mtlx", ".glsl", ".txt", ".json", ".webp", ".avif",
    }
)  # fmt: skip
_DEVICES = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
_BAD = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\]')


def safe_name(said: str) -> tuple[str, str]:
    """Return (relative path, "") for an asset's identifier, or ("", what is wrong with it)."""
    text = said.removeprefix("./")
    if not text or len(text) > MOST_NAME:
        return "", "its name is empty or too long"
    if _BAD.search(text):
        return "", "its name has a backslash, a colon or a control character"
    if text.startswith("/") or "://" in text:
        return "", "its name is absolute"
    parts = text.split("/")
    if len(parts) > MOST_DEPTH:
        return "", "its folders are too deep"
    for part in parts:
        if part in ("", ".", "..") or part != part.strip(" .") or _DEVICES.match(part):
            return "", f"its name has the part '{part[:20]}'"
        if part.startswith("."):
            return "", "its name has a hidden part"
    if Path(text).suffix.lower() not in _SUFFIXES:
        return "", f"'{Path(text).suffix[:12]}' is no kind of file that a scene has"
    return text, ""


def chosen(
    assets: Sequence[openusd.Asset], limits: OfferLimits
) -> tuple[list[openusd.Asset], list[openusd.Trouble]]:
    """Return the assets that may be read, each with its file's name, and what is refused and why. Pure."""
    out: list[openusd.Asset] = []
    troubles: list[openusd.Trouble] = []
    taken: set[str] = set()
    total = 0

    def refuse(asset: openusd.Asset, code: str, why: str) -> None:
        name = asset.identifier[:80] or "an asset"
        troubles.append(openusd.Trouble(where=name, what=f"The file is left out: {why}.", code=code))

    for asset in assets:
        name, wrong = safe_name(asset.identifier)
        if wrong:
            refuse(asset, "unsafe-path", wrong)
        elif name.casefold() in taken:
            refuse(asset, "twice", "another has its name")
        elif len(out) >= limits.assets:
            refuse(asset, "too-many", f"there are more than {limits.assets}")
        elif asset.size > limits.asset_bytes:
            refuse(asset, "too-big", f"it has {asset.size:,} bytes, the most is {limits.asset_bytes:,}")
        elif total + asset.size > limits.total_bytes:
            refuse(asset, "too-big", f"all together have more than {limits.total_bytes:,} bytes")
        elif asset.algorithm not in _HASHES or not asset.digest:
            refuse(asset, "digest", "the server tells no digest to check it by")
        else:
            total += asset.size
            taken.add(name.casefold())
            out.append(replace(asset, file=name))
    roots = [a for a in out if a.kind == _ROOT_LAYER]
    if assets and len(roots) != 1:
        what = f"{len(roots)} root layers are delivered, one is meant: the scene is not opened."
        troubles.append(openusd.Trouble(where="Assets", what=what, code="root-layer"))
        out = [] if len(roots) > 1 else out
    return out, troubles


def agrees(data: bytes, digest: str, algorithm: int) -> bool:
    """Return whether bytes have a digest."""
    found = hashlib.new(_HASHES[algorithm], data).hexdigest()
    return hmac.compare_digest(found, digest.lower())


async def listed(session: Session, index: int, stage: NodeId) -> list[openusd.Asset]:
    """Return the assets that a stage lists, [] where it delivers none."""
    (below,) = await session.browse([stage], ua.ObjectIds.HierarchicalReferences)
    folders = [
        local(r.NodeId)
        for r in below
        if (r.BrowseName.NamespaceIndex, r.BrowseName.Name) == (index, "Assets")
    ]
    nodes: list[NodeId] = []
    for refs in await session.browse(folders, ua.ObjectIds.HierarchicalReferences):
        nodes += [local(r.NodeId) for r in refs if type_number(r, index) == openusd_members.ASSET]
    nodes = list(dict.fromkeys(nodes))
    values = await values_of(session, nodes)
    return [
        openusd_members.asset_of(text_of(node, session.namespaces), told)
        for node, (told, _) in zip(nodes, values, strict=True)
    ]


async def delivered(
    session: Session, stage: openusd.Stage, assets: Sequence[openusd.Asset], folder: Path, limits: OfferLimits
) -> tuple[tuple[openusd.Asset, ...], list[openusd.Trouble]]:
    """Read the assets of a stage into a folder; return those that are there, and what went wrong.

    A root layer whose digest is not the stage's is refused, and nothing of the scene is kept.
    """
    wanted, troubles = chosen(assets, limits)
    kept: list[openusd.Asset] = []
    left = limits.total_bytes
    for asset in wanted:
        try:
            data = await _bytes(session, asset, min(limits.asset_bytes, left))
        except (UaStatusCodeError, ValueError) as error:
            why = refusal(error) if isinstance(error, UaStatusCodeError) else str(error)
            troubles.append(
                openusd.Trouble(where=asset.file, what=f"The file could not be read: {why}.", code="read")
            )
            continue
        left -= len(data)
        if not agrees(data, asset.digest, asset.algorithm):
            what = "The file is refused: its digest is not the one that the server tells."
            troubles.append(openusd.Trouble(where=asset.file, what=what, code="digest"))
            continue
        is_root = asset.kind == _ROOT_LAYER
        if (
            is_root
            and stage.digest
            and stage.algorithm in _HASHES
            and not agrees(data, stage.digest, stage.algorithm)
        ):
            what = "The scene is refused: its root layer is not the one that the stage's digest stands for."
            troubles.append(openusd.Trouble(where=asset.file, what=what, code="integrity"))
            return (), troubles
        path = folder / asset.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        kept.append(replace(asset, size=len(data)))
    return tuple(kept), troubles


async def _bytes(session: Session, asset: openusd.Asset, most: int) -> bytes:
    """Return the bytes of a file. Raises ValueError past a limit, UaStatusCodeError for a refusal."""
    node = await find(session, asset.node)
    (below,) = await session.browse([node], ua.ObjectIds.HasComponent)
    methods = {str(r.BrowseName.Name): local(r.NodeId) for r in below if r.BrowseName.NamespaceIndex == 0}
    if not {"Open", "Read", "Close"} <= set(methods):
        raise ValueError("it has no Open, Read and Close")
    (handle,) = await _call(session, node, methods["Open"], [ua.Variant(1, ua.VariantType.Byte)])
    held = ua.Variant(handle, ua.VariantType.UInt32)
    data = bytearray()
    try:
        while True:
            length = ua.Variant(CHUNK, ua.VariantType.Int32)
            (chunk,) = await _call(session, node, methods["Read"], [held, length])
            if not chunk:
                break
            data += chunk
            if len(data) > most:
                raise ValueError(f"it goes on after {most:,} bytes")
            if len(chunk) < CHUNK and asset.size and len(data) >= asset.size:
                break
    finally:
        with contextlib.suppress(UaError, OSError, TimeoutError):  # the server closes it with the session
            await _call(session, node, methods["Close"], [held])
    return bytes(data)


async def _call(session: Session, owner: NodeId, method: NodeId, given: list[Any]) -> list[Any]:
    request = ua.CallMethodRequest(ObjectId=owner, MethodId=method, InputArguments=given)
    (result,) = await session.raw.call([request])
    result.StatusCode.check()
    return [each.Value for each in result.OutputArguments or ()]
