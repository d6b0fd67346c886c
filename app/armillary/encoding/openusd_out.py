"""Bindings of ours → records of the draft «OPC UA – OpenUSD Bindings», with what is lost listed by name."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from armillary.encoding import openusd_extra
from armillary.encoding.openusd_channels import OWN, target_of
from armillary.encoding.openusd_in import plain
from armillary.model.binding import ASPECTS, INTENTS, ON_BAD, Binding
from armillary.model.openusd import Live, Path, Represented, SceneOffer
from armillary.model.tags import TagSpec

_IDS = uuid.uuid5(uuid.NAMESPACE_URL, "urn:armillary:openusd:bindings")
_LINEAR = ("none", "linear", "range")
_METHOD = "#method="
_GUID = re.compile(r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")
_MS = 1_000.0
# what a reader that does not know ArmillaryExtra does otherwise
_LOST = {
    "map.kind": "the map «{value}» (another reader applies scale and offset only)",
    "map.clamp": "the clamp",
    "map.state_keys": "the state table",
    "map.expr": "the expression",
    "ends": "the range of the colour map",
    "colormap": "the colour map «{value}»",
    "stale_after_s": "the age limit of the look",
    "on_stale": "what is done when the value is stale",
    "fallback": "the fallback value",
    "channel": "the channel «{value}»",
    "axis": "the axis",
    "field.sensors": "the sensors of the field",
    "targets": "further targets (each is a record of its own for another reader)",
    "signal": "the tag's name",
    "address": "the address (another reader knows OPC UA nodes only)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What another reader of an export does not see of one binding. ArmillaryExtra keeps it for ours."""

    where: str
    field: str
    what: str


def offered(
    bindings: Sequence[Binding], specs: Sequence[TagSpec], kinds: Mapping[str, str], name: str
) -> tuple[SceneOffer, tuple[Loss, ...]]:
    """Return the records of bindings and what is lost for others. `kinds`: link → kind of its source."""
    by_name = {spec.name: spec for spec in specs}
    by_prim: dict[str, list[Live]] = {}
    others: dict[str, list[Live]] = {}  # further targets, named after all bindings have their names
    losses: list[Loss] = []
    for binding in bindings:
        made, lost = _lives(binding, by_name, kinds)
        by_prim.setdefault(binding.prim, []).extend(made[:1])
        others.setdefault(binding.prim, []).extend(made[1:])
        losses.extend(lost)
    for prim, live in others.items():
        used = {one.name for one in by_prim[prim]}
        for one in live:
            name = next(
                n for n in (one.name, *(f"{one.name}_{i}" for i in range(2, 10_000))) if n not in used
            )
            used.add(name)
            by_prim[prim].append(replace(one, name=name))
    taken: set[str] = set()
    represented = [
        Represented(name=_free(prim, taken), prim=prim, live=tuple(live))
        for prim, live in sorted(by_prim.items())
    ]
    return SceneOffer(name=name, represented=tuple(represented)), tuple(losses)


def address_of(
    binding: Binding, specs: Mapping[str, TagSpec], kinds: Mapping[str, str]
) -> tuple[str, Path, str]:
    """Return (node, path from Root, what another reader cannot follow) of a binding's source."""
    spec = specs.get(binding.signal)
    if spec is not None and spec.expression:
        return "", (), "the derived tag"
    link, address = (spec.link, spec.address) if spec is not None else _split(binding.address)
    if not address:
        return "", (), "" if binding.semantic_id else "the tag's address (none is known)"
    if kinds.get(link) != "opcua":
        return "", (), f"the source (of the link {link}, kind {kinds.get(link, 'unknown')})"
    return (*node_or_path(address), "")


def node_or_path(address: str) -> tuple[str, Path]:
    """Return the node id of an OPC UA address, or its browse path from Root where it is one."""
    head, _, rest = address.partition(";")
    if not rest.startswith("/"):
        return address, ()
    uri = head.removeprefix("nsu=")
    steps: list[tuple[str, str]] = []
    for step in re.findall(r"(?:[^/&]|&.)+", rest):
        prefix, colon, name = step.partition(":")
        zero = (colon and prefix == "0") or (not steps and step == "Objects")
        steps.append(
            ("http://opcfoundation.org/UA/" if zero else uri, name if colon and prefix == "0" else step)
        )
    return "", tuple((where, re.sub(r"&(.)", r"\1", word)) for where, word in steps)


def _split(address: str) -> tuple[str, str]:
    link, mark, rest = address.partition("!")
    return (link, rest) if mark else ("", "")


def _lives(
    binding: Binding, specs: Mapping[str, TagSpec], kinds: Mapping[str, str]
) -> tuple[list[Live], list[Loss]]:
    spec = specs.get(binding.signal)
    node, path, no_source = address_of(binding, specs, kinds)
    # a GUID is what the draft asks for; ours that is none is kept beside
    id_ = binding.id if _GUID.match(binding.id) else str(uuid.uuid5(_IDS, f"{binding.where}#{binding.id}"))
    drives = target_of(binding)
    targets = binding.targets or ("",)
    is_linear = binding.map.kind in _LINEAR
    source_unit = binding.unit or (spec.unit if spec is not None else "")
    if binding.target_unit and binding.unit:
        source_unit = spec.unit if spec is not None and spec.unit else binding.unit
    command = _split(binding.command)[1]
    owner, _, method = command.partition(_METHOD)
    out: list[Live] = []
    for number, target in enumerate(targets):
        prim, _, attribute = target.partition(".")
        out.append(
            Live(
                name=binding.name if not number else f"{binding.name}_{number + 1}",
                id=id_.lower() if not number else str(uuid.uuid5(_IDS, f"{id_}#{target}")),
                intent=binding.intent if binding.intent in INTENTS else "value",
                enabled=binding.enabled,
                role=1 if binding.role == "controllable" else 0,
                source_node=node,
                source_path=path,
                semantic_id=binding.semantic_id,
                target_prim=prim,
                target_property=attribute or drives.name,
                target_type=drives.type,
                render_kind=drives.kind,
                semantics=drives.semantics,
                scale=binding.map.scale if is_linear else None,
                offset=binding.map.offset if is_linear else None,
                source_unit=source_unit,
                target_unit=binding.unit if binding.target_unit and binding.unit else binding.target_unit,
                bad_action=ON_BAD.index(binding.on_bad) if binding.on_bad in ON_BAD else 0,
                sampling_ms=binding.interval_s * _MS if binding.interval_s > 0 else None,
                aspect=ASPECTS.index(binding.alarm_aspect) if binding.intent == "alarm" else None,
                time_sampled=binding.time_sampled if binding.intent == "history" else None,
                command_node=owner if binding.intent == "command" else "",
                command_method=method if binding.intent == "command" else "",
                command_trigger=(attribute or drives.name) if binding.intent == "command" else "",
                extra=openusd_extra.text_of({}, part_of=id_.lower()) if number else "",
            )
        )
    first = out[0]
    more = openusd_extra.difference(plain(first, binding.prim), binding)
    out[0] = replace(first, extra=openusd_extra.text_of(more))
    return out, _losses(binding, more, no_source)


def _losses(binding: Binding, more: openusd_extra.Flat, no_source: str) -> list[Loss]:
    needs_source = binding.enabled and binding.intent != "command"
    out = [Loss(where=binding.where, field="source", what=f"Not told: {no_source}.")] if no_source else []
    out = out if needs_source else []
    if target_of(binding).name.startswith(OWN):
        what = f"Not told: USD has no attribute for the channel «{binding.channel}»."
        out.append(Loss(where=binding.where, field="channel", what=what))
    for key, value in more.items():
        if key in ("signal", "address", "prim", "name", "id") or (key == "channel" and out):
            continue
        if (key == "unit" and not value) or (key == "command" and binding.intent == "command"):
            continue  # the unit is said as the tag's, the command without the name of our link
        text = _LOST.get(key, f"the field «{key}»").format(value=value)
        out.append(Loss(where=binding.where, field=key, what=f"Only ours sees: {text}."))
    return out


def _free(prim: str, taken: set[str]) -> str:
    leaf = prim.rpartition("/")[2] or "Scene"
    name = leaf if leaf not in taken else prim.strip("/").replace("/", ".")
    taken.add(name)
    return name
