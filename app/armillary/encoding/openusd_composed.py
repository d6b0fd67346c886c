"""Component bindings of a server → composed.usda: a layer of ours, below bindings.usda, above the scene.

Written as text, whole, from the present offer: what has gone from the server is no longer in it, and nothing
of the scene itself is ever taken out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from armillary.encoding.openusd_in import prim_path
from armillary.model.openusd import ARCS, Component, Represented, SceneOffer, Trouble

MARK = "# Armillary: made from what a server says of its parts; written anew, not edited.\n"
MOST_PARTS, MOST_DEPTH = 50_000, 64
_ASSET = re.compile(r"^@(?P<file>[^@\n]{1,400})@(?P<prim><(/[^<>\s]+)?>)?$")
_WORD = re.compile(r"[^A-Za-z0-9_]+")


@dataclass(frozen=True, slots=True)
class Placed:
    """One part and the prim that it becomes."""

    prim: str
    arc: str
    asset: str = ""  # relative to the layer
    asset_prim: str = ""
    owner: str = ""  # prim of the object that it is a part of


@dataclass(slots=True)
class _Node:
    placed: Placed | None = None
    children: dict[str, _Node] = field(default_factory=dict)


def placed(offer: SceneOffer, folder: str = "") -> tuple[tuple[Placed, ...], tuple[Trouble, ...]]:
    """Return the parts with their prims, and what cannot be placed. `folder`: of the scene, from the layer.

    An asset counts only where it was delivered. Depth and number are bounded: parts of parts may be a ring.
    """
    by_node = {one.node: one for one in offer.represented if one.node}
    files = {asset.file for asset in offer.assets if asset.file}
    out: dict[str, Placed] = {}
    troubles: list[Trouble] = []
    for one in offer.represented:
        for component in one.components:
            at = f"{one.name}.{component.name}"
            if component.reason:
                troubles.append(
                    Trouble(where=at, what=f"Its parts are not placed: {component.reason}.", code="parts")
                )
            if not component.enabled or component.reason:
                continue
            asset, wrong = _asset(component, files, folder)
            if wrong:
                troubles.append(Trouble(where=at, what=wrong, code="asset"))
                continue
            for part in _places(one, component, by_node, at, troubles):
                if len(out) >= MOST_PARTS:
                    troubles.append(Trouble(where=at, what=f"More than {MOST_PARTS} parts.", code="too-many"))
                    return tuple(out.values()), tuple(troubles)
                if part in (one.prim, "") or one.prim.startswith(f"{part}/"):
                    what = "A part that would be its own whole is left out."
                    troubles.append(Trouble(where=at, what=what, code="ring"))
                    continue
                out.setdefault(part, Placed(part, ARCS[component.arc], *asset, one.prim))
    return tuple(out.values()), tuple(troubles)


def _asset(component: Component, files: set[str], folder: str) -> tuple[tuple[str, str], str]:
    """Return (file, prim) of a component's asset, and what is wrong with it."""
    if not component.asset or component.arc == ARCS.index("Child"):
        return ("", ""), ""
    found = _ASSET.match(component.asset)
    name = found["file"].removeprefix("./") if found else ""
    if name not in files:
        return ("", ""), f"Its asset {component.asset[:80]} was not delivered by the server."
    prim = (found["prim"] or "").strip("<>") if found else ""
    if prim and not prim_path("", prim):
        return ("", ""), "Its asset names no prim path."
    return (f"{folder}/{name}" if folder else name, prim), ""


def _places(
    one: Represented,
    component: Component,
    by_node: Mapping[str, Represented],
    at: str,
    troubles: list[Trouble],
) -> Iterator[str]:
    """Yield the prims of a component's parts: their own representations' where they have one."""
    scope = prim_path(one.prim, component.target_prim)
    if not scope:
        what = f"The prim path '{component.target_prim[:80]}' cannot be used."
        troubles.append(Trouble(where=at, what=what, code="wrong-path"))
        return
    for part in component.parts:
        own = by_node.get(part.represented)
        if own is not None and prim_path("", own.prim):
            yield own.prim
        elif component.many:
            yield f"{scope}/{_named(component.name_source, part.name)}"
        else:
            yield scope


def _named(source: str, name: str) -> str:
    """Return the name of a part's prim: its browse name, or a template `{BrowseName}` around it."""
    text = source.replace("{BrowseName}", name) if "{BrowseName}" in source else name
    word = _WORD.sub("_", text)[:200] or "Part"
    return word if not word[0].isdigit() else f"_{word}"


def text_of(parts: Sequence[Placed], bound: Sequence[str] = ()) -> str:
    """Return the layer. `bound`: prims that bindings drive; an instance with one below it is made unique."""
    root = _Node()
    for one in sorted(parts, key=lambda p: p.prim):
        steps = one.prim.strip("/").split("/")
        if len(steps) > MOST_DEPTH:
            continue
        node = root
        for step in steps:
            node = node.children.setdefault(step, _Node())
        node.placed = one
    lines = ["#usda 1.0", MARK]
    driven = sorted(bound)
    for name, child in sorted(root.children.items()):
        _write(lines, name, child, 0, driven)
    return "\n".join(lines) + "\n"


def _write(lines: list[str], name: str, node: _Node, depth: int, driven: Sequence[str]) -> None:
    pad = "    " * depth
    one = node.placed
    facts: list[str] = []
    if one is not None and one.asset:
        target = f"@{one.asset}@" + (f"<{one.asset_prim}>" if one.asset_prim else "")
        facts.append(f"prepend {'payload' if one.arc == 'Payload' else 'references'} = {target}")
        if one.arc == "Instance" and not any(prim.startswith(f"{one.prim}/") for prim in driven):
            facts.append("instanceable = true")
    # a typeless def keeps the type that a weaker layer gives it
    word = "over" if one is None else "def" if not one.asset else "def Xform"
    lines.append(f'{pad}{word} "{name}"' + (" (" if facts else ""))
    lines.extend(f"{pad}    {fact}" for fact in facts)
    lines.extend([f"{pad})"] if facts else [])
    lines.append(f"{pad}{{")
    for step, child in sorted(node.children.items()):
        _write(lines, step, child, depth + 1, driven)
    lines.append(f"{pad}}}")
