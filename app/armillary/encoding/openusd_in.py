"""Records of the draft «OPC UA – OpenUSD Bindings» → bindings of ours, with every difference by name."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from armillary.encoding import openusd_extra
from armillary.encoding.openusd_channels import channel_of
from armillary.model import units
from armillary.model.binding import ASPECTS, ON_BAD, Binding, MapSpec
from armillary.model.fault import ProjectFault
from armillary.model.openusd import (
    VALUE_ATTRIBUTE,
    Live,
    Represented,
    Resolved,
    SceneOffer,
    Signal,
    Trouble,
)

MOST_BINDINGS = 200_000
_MOST_PATH = 2_000  # characters of a prim path
_MS = 1_000.0
_NAME = re.compile(r"[^A-Za-z0-9_]+")
_GOOD_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]{0,199}$")
_COLOURS = ("displayColor", "emissiveColor")
_POSE = {"X": "x", "Y": "y", "Z": "z", "A": "roll", "B": "pitch", "C": "yaw"}  # of a 3D frame of OPC UA
_ANGLES = ("A", "B", "C")


@dataclass(frozen=True, slots=True, kw_only=True)
class TagWish:
    """A tag that a binding needs and the project has not: its twin is the represented object."""

    twin: str
    prim: str
    key: str
    address: str  # without the link
    kind: str = "number"
    unit: str = ""
    low: float = math.nan
    high: float = math.nan
    states: tuple[tuple[float, str], ...] = ()

    @property
    def name(self) -> str:
        """The full name of the tag."""
        return f"{self.twin}.{self.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What an offer becomes."""

    bindings: tuple[Binding, ...]
    tags: tuple[TagWish, ...]
    notes: tuple[Trouble, ...]  # converted, assumed, lost or refused; each names its binding


def prim_path(base: str, said: str) -> str:
    """Return an absolute prim path from an offer's text, "" when it is none: variants, `..`, odd letters."""
    path = said if said.startswith("/") else f"{base}/{said}" if said else base
    parts = path.split("/")
    if len(path) > _MOST_PATH or parts[0] or len(parts) < 2:  # noqa: PLR2004  "" and a name
        return ""
    return path if all(part.isidentifier() for part in parts[1:]) else ""


def plain(live: Live, base: str) -> Binding:
    """Return the binding that a record means by itself, without `ArmillaryExtra` and without a signal.

    base: the representation's prim. The prim is "" where the path is none.
    """
    channel, axis, name = channel_of(live)
    unit = live.target_unit or live.source_unit
    prim = prim_path(base, live.target_prim)
    if channel == "emissiveColor" and live.target_property == "inputs:emissiveColor":
        prim = _lit(prim, base)
    linear = (live.scale if live.scale is not None else 1.0, live.offset if live.offset is not None else 0.0)
    bad = live.bad_action if live.bad_action is not None else 0
    sink = live.command_node + (f"#method={live.command_method}" if live.command_method else "")
    return Binding(
        name=binding_name(live.name),
        prim=prim,
        channel=channel,
        axis=axis,
        property_name=name,
        value_type=live.target_type,
        map=MapSpec(scale=linear[0], offset=linear[1]),
        unit=unit,
        target_unit=live.target_unit,
        interval_s=live.sampling_ms / _MS if live.sampling_ms and live.sampling_ms > 0 else 0.0,
        on_bad=ON_BAD[bad] if 0 <= bad < len(ON_BAD) else "skip",
        enabled=live.enabled,
        intent=live.intent,
        role="controllable" if live.role == 1 else "observable",
        id=live.id,
        command=sink,
        semantic_id=live.semantic_id,
        alarm_aspect=ASPECTS[live.aspect or 0],
        time_sampled=bool(live.time_sampled),
    )


def taken(offer: SceneOffer, link: str, known: Mapping[str, str] = {}, names: Collection[str] = ()) -> Taken:
    """Return the bindings, tags and notes of an offer.

    link: the source that its nodes belong to, "" = none. known: `<link>!<address>` → tag of the project.
    names: tags of the project. Nothing raises: what cannot be used is a note, and the rest goes on.
    """
    return _Taking(offer, link, known, names).taken()


class _Taking:
    """One offer on its way in."""

    def __init__(
        self, offer: SceneOffer, link: str, known: Mapping[str, str], names: Collection[str]
    ) -> None:
        self._offer, self._link = offer, link
        self._known = dict(known)
        self._names = set(names)
        self._twins: dict[str, str] = {}  # prim → id of its twin
        self._signals = {signal.node: signal for signal in offer.signals}
        self._used: set[tuple[str, str]] = set()
        self.bindings: list[Binding] = []
        self.tags: list[TagWish] = []
        self.notes: list[Trouble] = list(offer.troubles)

    def taken(self) -> Taken:
        for represented in self._offer.represented:
            found = {one.binding: one for one in represented.resolved}
            for live in represented.live:
                if len(self.bindings) >= MOST_BINDINGS:
                    self._note(represented.name, "too-many", f"More than {MOST_BINDINGS} bindings: cut off.")
                    return self._result()
                self._take(represented, live, found.get(live.name))
        return self._result()

    def _result(self) -> Taken:
        return Taken(bindings=tuple(self.bindings), tags=tuple(self.tags), notes=tuple(self.notes))

    def _note(self, where: str, code: str, what: str) -> None:
        self.notes.append(Trouble(where=where, what=what, code=code))

    def _take(self, represented: Represented, live: Live, found: Resolved | None) -> None:
        at = f"{represented.name}.{live.name}"
        more, part_of, wrong = openusd_extra.read(live.extra)
        if part_of:
            return  # another target of a binding that is taken whole
        if wrong:
            self._note(at, "wrong-extra", f"ArmillaryExtra is left out: {wrong}.")
        binding = plain(live, represented.prim)
        binding = openusd_extra.applied(binding, more)
        if not prim_path("", binding.prim) or not all(_is_target(t) for t in binding.targets):
            self._note(at, "wrong-path", f"The prim path '{live.target_prim[:80]}' cannot be used.")
            return
        binding = replace(binding, name=self._free_name(binding))
        self._judge(at, live)
        sourced = self._sourced(represented, live, binding, found, more, at)
        if sourced is None:
            return
        binding = sourced
        self._used.add((binding.prim, binding.name))
        self.bindings.append(binding)

    def _free_name(self, binding: Binding) -> str:
        name, number = binding_name(binding.name), 2
        while (binding.prim, name) in self._used:
            name, number = f"{binding_name(binding.name)}_{number}", number + 1
        return name

    def _judge(self, at: str, live: Live) -> None:
        """Say what of a record is not followed."""
        if live.attribute not in (None, VALUE_ATTRIBUTE):
            self._note(at, "attribute", f"Attribute {live.attribute} is not read: the value is.")
        if live.target_node and not live.target_property:
            self._note(at, "target-node", "A target node of the server's own scene is not followed.")
        if live.command_node and live.role != 1:
            self._note(at, "command", "A command on an observable signal is refused.")

    # ---------------------------------------------------------------- where values come from

    def _sourced(
        self,
        represented: Represented,
        live: Live,
        binding: Binding,
        found: Resolved | None,
        more: Mapping[str, object],
        at: str,
    ) -> Binding | None:
        is_said = {"signal", "address", "map.state_values"} & set(more)
        if is_said or binding.intent == "command":
            if binding.signal and binding.signal not in self._names:
                self._wish_named(represented, live, binding, found)
            if binding.intent == "command" and not more and binding.command:
                self._note(at, "command", "Its command is kept and off: an engineer makes a template of it.")
            return binding if "command" in more else self._commanding(binding)
        nodes = found.nodes if found is not None else ((("", live.source_node),) if live.source_node else ())
        if not nodes and not live.enabled:
            return binding  # a tombstone needs none
        if not nodes:
            why = found.reason if found is not None and found.reason else "its source is not known"
            if not binding.semantic_id:
                self._note(at, "unresolved", f"Not connected: {why}.")
            else:
                self._note(at, "unresolved", f"Not connected yet: {why}; its semantic id is kept.")
            # what the server itself cannot resolve would be an error for ever; what a file says may be bound
            return None if found is not None and not binding.semantic_id else binding
        if not self._link:
            self._note(at, "no-link", "Its node belongs to a server of no link: give --link NAME.")
            return replace(binding, address="")
        if binding.channel == "transform" and len(nodes) > 1:
            parts = [
                (_POSE[part], self._tag(represented, node, f"{live.name}_{part}", is_angle=part in _ANGLES))
                for part, node in nodes
            ]
            return replace(
                binding,
                map=replace(
                    binding.map,
                    kind="linear",
                    state_keys=tuple(part for part, _ in parts),
                    state_values=tuple(tag for _, tag in parts),
                ),
            )
        # an aspect of a condition is called Id or Severity at every one of them
        name = self._tag(represented, nodes[0][1], live.name if live.intent == "alarm" else "")
        signal = self._signals.get(nodes[0][1])
        return self._mapped(replace(binding, signal=name), signal, at)

    def _mapped(self, binding: Binding, signal: Signal | None, at: str) -> Binding:
        """Give a colour the range of its source; the draft has no place for one."""
        if binding.channel not in _COLOURS:
            return self._raw(binding, signal, at)
        if signal is None or not math.isfinite(signal.low + signal.high) or signal.low >= signal.high:
            if signal is not None and signal.kind == "number":
                self._note(at, "no-range", "The source tells no range: 0 to 1 is assumed for its colours.")
            return binding
        ends = (signal.low, signal.high)
        if signal.unit and binding.unit and signal.unit != binding.unit:
            try:
                factor, offset = units.conversion(signal.unit, binding.unit, at)
            except ProjectFault:
                self._note(at, "unit", f"The unit {binding.unit} does not fit the source's {signal.unit}.")
                return replace(binding, unit="", target_unit="", ends=ends)
            ends = (ends[0] * factor + offset, ends[1] * factor + offset)
        low, high = sorted(end * binding.map.scale + binding.map.offset for end in ends)
        return replace(binding, ends=(low, high))

    def _raw(self, binding: Binding, signal: Signal | None, at: str) -> Binding:
        """Keep a length as the number it is: the stage's scale is not applied to a raw op (draft 5.8)."""
        unit = binding.target_unit or binding.unit or (signal.unit if signal is not None else "")
        if binding.channel != "translate" or not unit:
            return binding
        try:
            units.conversion(unit, "m", at)
        except ProjectFault:
            return binding
        self._note(at, "raw-length", f"The number in {unit} is the op's, whatever the scene's unit is.")
        spec = binding.map
        expr = f"x * {spec.scale!r} + {spec.offset!r}" if (spec.scale, spec.offset) != (1.0, 0.0) else "x"
        made = replace(spec, kind="expr", expr=expr, scale=1.0, offset=0.0)
        return replace(binding, map=made, target_unit="")

    def _wish_named(
        self, represented: Represented, live: Live, binding: Binding, found: Resolved | None
    ) -> None:
        """Wish for a tag of the name that ArmillaryExtra gives."""
        node = found.nodes[0][1] if found is not None and found.nodes else live.source_node
        twin, dot, key = binding.signal.rpartition(".")
        if node and dot and self._link and f"{self._link}!{node}" not in self._known:
            self._add(twin, represented.prim, key, node)

    def _commanding(self, binding: Binding) -> Binding:
        """Put the link before a command's node; where there is none the command is dropped: fail closed."""
        command = binding.command
        if binding.intent != "command" or not command or "!" in command:
            return binding
        return replace(binding, command=f"{self._link}!{command}" if self._link else "")

    def _tag(self, represented: Represented, node: str, wanted: str, *, is_angle: bool = False) -> str:
        """Return the tag of a node: the project's, else a new one, called as wanted or as its node."""
        known = self._known.get(f"{self._link}!{node}")
        if known is not None:
            return known
        twin = self._twins.get(represented.prim)
        if twin is None:
            twin = self._free_id(tag_word(represented.name))
            self._twins[represented.prim] = twin
        signal = self._signals.get(node)
        key = tag_word(wanted or (signal.name if signal is not None else leaf_of(node)))
        name, number = key, 2
        while f"{twin}.{name}" in self._names:
            name, number = f"{key}-{number}", number + 1
        self._add(twin, represented.prim, name, node, is_angle=is_angle)
        return f"{twin}.{name}"

    def _add(self, twin: str, prim: str, key: str, node: str, *, is_angle: bool = False) -> None:
        signal = self._signals.get(node) or Signal(node=node, name=key)
        if is_angle and not signal.unit:
            signal = replace(signal, unit="rad")  # of orientations, as the draft's transform profile says
        wish = TagWish(
            twin=twin,
            prim=prim,
            key=key,
            address=node,
            kind=signal.kind,
            unit=signal.unit if _is_unit(signal.unit) else "",
            low=signal.low,
            high=signal.high,
            states=signal.states,
        )
        self.tags.append(wish)
        self._names.add(wish.name)
        self._known[f"{self._link}!{node}"] = wish.name

    def _free_id(self, wanted: str) -> str:
        taken_ids = {name.rpartition(".")[0] for name in self._names} | set(self._twins.values())
        return free_id(wanted, taken_ids)


def binding_name(said: str) -> str:
    """Return a name that a binding can have, made of what somebody said."""
    if _GOOD_NAME.match(said) and said not in _RESERVED:
        return said
    name = _NAME.sub("_", said)[:64].strip("_") or "binding"
    if not re.match(r"[A-Za-z_]", name):
        name = f"b_{name}"
    return f"{name}_1" if name in _RESERVED else name


def free_id(wanted: str, taken_ids: Collection[str]) -> str:
    """Return a name that is not taken."""
    name, number = wanted, 2
    while name in taken_ids:
        name, number = f"{wanted}-{number}", number + 1
    return name


def tag_word(said: str) -> str:
    """Return one part of a tag's name: letters, digits, `_` and `-`, beginning with a letter."""
    word = re.sub(r"[^A-Za-z0-9_-]+", "-", said)[:64].strip("-_") or "value"
    return word if word[0].isalpha() else f"n{word}"


def leaf_of(node: str) -> str:
    """Return the last word of an address."""
    return re.split(r"[./;=:]", node)[-1] or node


def _is_target(target: str) -> bool:
    prim, dot, name = target.partition(".")
    return bool(prim_path("", prim)) and (not dot or all(part.isidentifier() for part in name.split(":")))


def _is_unit(unit: str) -> bool:
    try:
        units.conversion(unit, unit, "")
    except ProjectFault:
        return False
    return True


def _lit(prim: str, base: str) -> str:
    """Return the prim that shines: the one that holds the material of a shader `…/Material/Shader`."""
    parts = prim.split("/")
    above = "/".join(parts[:-2])
    return above if len(parts) > 3 and above.startswith(base) and above != "" else prim  # noqa: PLR2004


_RESERVED = frozenset(
    {
        "schemaVersion", "id", "enabled", "intent", "role", "signal", "address", "semanticId", "target",
        "channel", "axis", "property", "valueType", "map", "scale", "offset", "clamp", "range", "colormap",
        "stateKeys", "stateValues", "expr", "unit", "targetUnit", "interval", "staleAfter", "onBad",
        "onStale", "fallback", "sensors", "method", "radius", "neighbours", "isoLines", "maxDistance",
        "idwPower", "alarmAspect", "timeSampled", "command",
    }
)  # fmt: skip
