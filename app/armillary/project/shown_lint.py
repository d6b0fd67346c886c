"""What of bindings shows badly or costs much: ranges beside the map, what is never seen, too many alike."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from armillary.model.arrays import B1
from armillary.model.binding import Binding
from armillary.model.fault import ProjectFault
from armillary.model.scene import SceneArrays, SceneProblem, index_of, subtree_ends
from armillary.model.tags import TagSpec
from armillary.model.units import conversion

MOST_LABELS, MOST_SPINS, MOST_SENSORS, MOST_GLASS = 500, 10_000, 1_000, 2_000
SLOWEST_MS = 1_000  # a variant on a tag that comes more often than this has the scene read all the time
_COLOURS = frozenset({"displayColor", "emissiveColor", "field", "primvar"})
_LINEAR = frozenset({"none", "linear", "range"})
_LEAST = 0.1  # of a tag's range that its colours tell apart: a map of the usual values is narrower on purpose


def findings(
    bindings: Sequence[Binding], scene: SceneArrays | None, specs: Sequence[TagSpec]
) -> list[SceneProblem]:
    """Return what shows badly: B30 to B39. Disabled bindings are not judged."""
    enabled = [binding for binding in bindings if binding.enabled]
    tags = {spec.name: spec for spec in specs}
    out = [*_ranges(enabled, tags), *_often(enabled, tags), *_sensors(enabled), *_labels(enabled)]
    if scene is not None:
        out += [*_hidden(enabled, scene), *_spins(enabled, scene), *_glass(enabled, scene)]
    return out


def never(bindings: Sequence[Binding], silent: Mapping[str, str]) -> list[SceneProblem]:
    """Return bindings on tags that do not come: name → for how long, in words (`since the world started`)."""
    remedy = "See whether its source sends it, or bind another tag."
    return [
        _made(b, "B31", "warning", f"The tag '{b.signal}' has not come {silent[b.signal]}.", remedy)
        for b in bindings
        if b.enabled and b.signal in silent
    ]


def shown_span(binding: Binding, spec: TagSpec) -> tuple[float, float] | None:
    """Return from where to where a tag's range goes in the unit of the colours; None: it has no such."""
    if binding.map.kind not in _LINEAR or not (math.isfinite(spec.low) and math.isfinite(spec.high)):
        return None
    try:
        factor, offset = conversion(spec.unit, binding.unit) if binding.unit else (1.0, 0.0)
    except ProjectFault:
        return None  # said as B13
    scale, add = (1.0, 0.0) if binding.map.kind == "none" else (binding.map.scale, binding.map.offset)
    ends = [scale * (value * factor + offset) + add for value in (spec.low, spec.high)]
    low, high = binding.map.clamp
    ends = [min(max(end, low), high) for end in ends]
    return min(ends), max(ends)


def _ranges(bindings: Sequence[Binding], tags: Mapping[str, TagSpec]) -> Iterator[SceneProblem]:
    """Yield colours whose two ends are not where the values of the tag are."""
    for binding in bindings:
        spec = tags.get(binding.signal)
        if spec is None or binding.channel not in _COLOURS or not binding.colormap or binding.target_unit:
            continue
        span = shown_span(binding, spec)
        low, high = min(binding.ends), max(binding.ends)
        if span is None or high <= low or span[1] <= span[0]:
            continue
        wide, both = span[1] - span[0], min(span[1], high) - max(span[0], low)
        if both >= _LEAST * wide and wide >= _LEAST * (high - low):
            continue  # nearly all do, and words take longer than numbers
        values, colours = f"{span[0]:.6g} to {span[1]:.6g}", f"{low:.6g} to {high:.6g}"
        said = f"'{spec.name}' goes from {values}, its colours from {colours}"
        remedy = f"Give range = ({span[0]:.6g}, {span[1]:.6g})."
        if span[1] <= low or span[0] >= high:
            yield _made(binding, "B30", "warning", f"{said}: it always has the colour of one end.", remedy)
        elif both < _LEAST * wide:
            yield _made(binding, "B30", "info", f"{said}: most of it has the colour of an end.", remedy)
        elif wide < _LEAST * (high - low):
            yield _made(binding, "B30", "info", f"{said}: all of it looks nearly the same.", remedy)


def _often(bindings: Sequence[Binding], tags: Mapping[str, TagSpec]) -> Iterator[SceneProblem]:
    for binding in bindings:
        spec = tags.get(binding.signal)
        if binding.channel == "variant" and spec is not None and 0 < spec.expected_ms < SLOWEST_MS:
            often = f"'{spec.name}' comes every {spec.expected_ms} ms"
            what = f"{often}: at each other choice the scene is read anew."
            yield _made(binding, "B36", "warning", what, "Bind visibility or a colour, or a slower tag.")


def _sensors(bindings: Sequence[Binding]) -> Iterator[SceneProblem]:
    for binding in bindings:
        if binding.channel == "field" and len(binding.field.sensors) > MOST_SENSORS:
            count = f"{len(binding.field.sensors):,}"
            what = f"The field has {count} sensors; each point of the mesh asks all of them."
            yield _made(binding, "B37", "warning", what, "Give it fewer, or split the mesh.")


def _labels(bindings: Sequence[Binding]) -> Iterator[SceneProblem]:
    labels = [b for b in bindings if b.channel == "label"]
    if len(labels) > MOST_LABELS:
        what = (
            f"{len(labels):,} labels: more than can be read, and each is drawn anew when its value changes."
        )
        yield _made(
            labels[MOST_LABELS], "B35", "warning", what, "Label what matters, or hide labels by distance."
        )


def _rows(bindings: Sequence[Binding], scene: SceneArrays, channel: str = "") -> list[tuple[Binding, int]]:
    """Return bindings with the row of each part that they drive; only those of a channel, where given."""
    if channel:
        bindings = [binding for binding in bindings if binding.channel == channel]
    at = index_of(scene.prim_path)
    out = []
    for binding in bindings:
        paths: Iterable[str] = (binding.prim,)
        if binding.targets:
            paths = dict.fromkeys(target.partition(".")[0] for target in binding.targets)
        out += [(binding, at[path]) for path in paths if path in at]
    return out


def _hidden(bindings: Sequence[Binding], scene: SceneArrays) -> Iterator[SceneProblem]:
    """Yield bindings of parts that nobody sees, where no binding can make them seen."""
    pairs = _rows(bindings, scene)
    seen_by = np.zeros(len(scene) + 1, np.int64)
    ends = subtree_ends(scene.parent)
    shows = [row for binding, row in pairs if binding.channel in {"visibility", "variant"}]
    np.add.at(seen_by, np.array(shows, np.int64), 1)
    np.add.at(seen_by, ends[np.array(shows, np.int64)], -1)
    can_show = np.cumsum(seen_by)[:-1] > 0
    dark: B1 = ~scene.visible & ~can_show
    total = np.concatenate([[0], np.cumsum(~dark & scene.drawable)])
    told: set[str] = set()
    for binding, row in pairs:
        if dark[row] and total[ends[row]] == total[row] and binding.where not in told:
            told.add(binding.where)
            what = f"{scene.prim_path[row]} is hidden in the scene, so nothing of this binding is seen."
            yield _made(binding, "B32", "warning", what, "Show the part in the scene, or remove the binding.")


def _spins(bindings: Sequence[Binding], scene: SceneArrays) -> Iterator[SceneProblem]:
    spins = _rows(bindings, scene, "spin")
    if len(spins) > MOST_SPINS:
        what = f"{len(spins):,} parts spin: each is turned anew for every picture."
        yield _made(spins[MOST_SPINS][0], "B38", "warning", what, "Let fewer spin, or colour them instead.")


def _glass(bindings: Sequence[Binding], scene: SceneArrays) -> Iterator[SceneProblem]:
    glass = _rows(bindings, scene, "displayOpacity")
    if len(glass) > MOST_GLASS:
        what = f"The opacity of {len(glass):,} parts is bound: what may be seen through is drawn in layers."
        yield _made(glass[MOST_GLASS][0], "B39", "warning", what, "Bind visibility where parts come and go.")


def _made(binding: Binding, code: str, severity: str, what: str, remedy: str) -> SceneProblem:
    return SceneProblem(
        code=code,
        severity=severity,
        where=binding.origin or binding.where,
        what=what if binding.origin else f"{binding.where}: {what}",  # an origin ends with it
        remedy=remedy,
    )
