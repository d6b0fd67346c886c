"""What contradicts itself in a project, given as data: tags, sources, bindings, units, expressions.

What needs the scene alone (prims, types, double bindings) is found where the scene is read; here is what
needs the project too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any
from urllib.parse import urlsplit

from armillary.model import expression
from armillary.model.binding import Binding
from armillary.model.expression_past import MOST_WINDOWS, WINDOWS
from armillary.model.fault import ProjectFault
from armillary.model.scene import SceneProblem
from armillary.model.tags import TagSpec
from armillary.model.units import conversion
from armillary.project import advisories, alarm_links, alarm_lint, notify, templates
from armillary.project.areas import MQTT, unordered
from armillary.project.derived import misfits
from armillary.project.record import PROJECT_FILE, Project
from armillary.project.settings import EXPRESSION_SOURCE
from armillary.project.table import nearest
from armillary.project.thinning import exact

OWN_VARIABLES = ("x", "t", "q")  # of a binding's expression
_SECRET_KEY = re.compile(r"pass(word|wd|phrase)?|pwd|token|api_?key|private_?key|credentials?", re.IGNORECASE)
_PRIVATE_KEY = "-----BEGIN"
_SHOWN = 8  # names in one finding
_Found = Callable[[str, str, str, str], SceneProblem]  # code, severity, what, remedy


def findings(
    project: Project, bindings: Sequence[Binding] = (), prims: Collection[str] = ()
) -> list[SceneProblem]:
    """Return what is wrong between a project, its bindings and its scene's prim paths (where given)."""
    enabled = [binding for binding in bindings if binding.enabled]
    specs = {spec.name: spec for spec in project.specs}
    return [
        *_sources(project, enabled),
        *_secrets(project),
        *_expressions(project, specs),
        *_unordered(project),
        *_exact(project),
        *_sessions(project),
        *_twins(project, frozenset(prims)),
        *(templates.findings_of(project.folder) if project.saved else ()),
        *alarm_lint.findings(project.alarms),
        *notify.findings(project.receivers, project.alarms),
        *alarm_lint.too_slow(project.alarms, specs),
        *alarm_links.findings(project, prims),
        *advisories.findings(project.alarms, specs),
        *(problem for binding in enabled for problem in _binding(binding, project, specs)),
        *(_unbound(project, enabled, specs) if bindings else ()),
    ]


def _problem(code: str, severity: str, where: str, what: str, remedy: str) -> SceneProblem:
    return SceneProblem(code=code, severity=severity, where=where, what=what, remedy=remedy)


def _some(names: Sequence[str]) -> str:
    rest = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


# ---------------------------------------------------------------- the project alone
def _sources(project: Project, bindings: Sequence[Binding]) -> Iterator[SceneProblem]:
    used = {spec.link for spec in project.specs}
    used |= {project.forward.link} if project.forward is not None else set()
    used |= {binding.address.partition("!")[0] for binding in bindings if binding.address}
    for link in project.links:
        if link.name not in used:
            what = f"No tag comes from the source '{link.name}'."
            yield _problem("P20", "info", link.origin, what, "Give it tags in twins.json, or remove it.")


def _secrets(project: Project) -> Iterator[SceneProblem]:
    remedy = 'Take it out and keep it by: armillary secret set NAME; here stands secret = "NAME" only.'
    for link in project.links:
        if urlsplit(link.url).password:
            what = f"The url of '{link.name}' holds a password in plain text."
            yield _problem("P21", "warning", link.origin, what, remedy)
        for key in _plain_secrets(link.settings):
            what = f"'{key}' of '{link.name}' holds a secret in plain text."
            yield _problem("P21", "warning", link.origin, what, remedy)
    for one in project.receivers:
        for key in _plain_secrets(one.settings):
            what = f"'{key}' of '{one.name}' holds a secret in plain text."
            yield _problem("P21", "warning", one.origin, what, remedy)


def _plain_secrets(settings: Mapping[str, Any], inside: str = "") -> Iterator[str]:
    for key, value in settings.items():
        if isinstance(value, dict):
            yield from _plain_secrets(value, f"{inside}{key}.")
        elif isinstance(value, str) and value and (_SECRET_KEY.fullmatch(key) or _PRIVATE_KEY in value):
            yield f"{inside}{key}"


def _expressions(project: Project, specs: Mapping[str, TagSpec]) -> Iterator[SceneProblem]:
    """Yield derived tags that cannot be evaluated, and circles among them."""
    reads: dict[str, tuple[str, ...]] = {}
    windows = 0
    for spec in project.derived:
        try:
            made = expression.compile(spec.expression, specs, spec.origin, past=True)
            reads[spec.name] = made.names
            windows += sum(call.kind in WINDOWS for call in made.past)
        except ProjectFault as fault:
            yield _problem("B14", "error", spec.origin, fault.what, fault.remedy)
    for spec, misfit in misfits(project.specs):
        yield _problem("B13", "error", spec.origin, f"{spec.name}: {misfit.what}", misfit.remedy)
    if windows > MOST_WINDOWS:
        what = f"The project has {windows} windows over the past, more than {MOST_WINDOWS}."
        yield _problem("P58", "error", "twins.json", what, "What several tags need can be one derived tag.")
    try:
        TopologicalSorter(reads).prepare()
    except CycleError as error:
        names = list(reversed(error.args[1]))
        what = f"Derived tags read each other in a circle: {' → '.join(names)}."
        yield _problem("P22", "error", specs[names[0]].origin, what, "Take one of them out of the circle.")


def _unordered(project: Project) -> Iterator[SceneProblem]:
    """Yield alarms on tags whose samples come in no order: they are not evaluated."""
    loose = unordered(project.links, project.specs)
    for alarm in project.alarms:
        if alarm.tag in loose:
            what = (
                f"The alarm '{alarm.id}' watches '{alarm.tag}', whose source '{loose[alarm.tag]}' is shared "
                "with other programs: order not kept, no alarms."
            )
            remedy = "Subscribe without $share, in an area of its own, or remove the alarm."
            yield _problem("P40", "error", alarm.origin, what, remedy)


def _exact(project: Project) -> Iterator[SceneProblem]:
    """Yield sources of which nothing is left out of the record, whatever the deadbands of their tags."""
    for name, count in exact(project.specs, project.historian, project.links):
        what = (
            f"Every sample of '{name}' is recorded, although {count} of its tags have a deadband: it "
            "acknowledges what is stored."
        )
        remedy = "Leave it so, or remove acknowledge = stored."
        yield _problem("P59", "info", PROJECT_FILE, what, remedy)


def _sessions(project: Project) -> Iterator[SceneProblem]:
    """Yield sources of areas whose server keeps nothing for whoever takes over."""
    area_of = {name: area.name for area in project.areas for name in area.sources}
    for link in project.links:
        if link.kind == MQTT and link.name in area_of and link.settings.get("durable") is False:
            what = (
                f"The source '{link.name}' of the area '{area_of[link.name]}' keeps no session: what comes "
                "while its world is away is lost."
            )
            yield _problem("P44", "warning", link.origin, what, "Remove durable = false.")


def _twins(project: Project, prims: frozenset[str]) -> Iterator[SceneProblem]:
    if not prims:
        return
    moved = _Moved(prims)
    for twin in project.twins:
        if twin.prim and twin.prim not in prims:
            what = f"The prim {twin.prim} of the twin '{twin.id}' is not in the scene."
            remedy = moved.to(twin.prim) or "Correct the twin's prim."
            yield _problem("P23", "warning", f"twins.json:{twin.id}", what, remedy)
    if project.default_camera and project.default_camera not in prims:
        what = f"The default camera {project.default_camera} is not in the scene."
        remedy = moved.to(project.default_camera) or "Correct scene.default_camera."
        yield _problem("P24", "warning", PROJECT_FILE, what, remedy)


class _Moved:
    """Finds prims by their last name; the table is made when something is missing."""

    def __init__(self, prims: frozenset[str]) -> None:
        self._prims = prims
        self._by_leaf: dict[str, list[str]] = {}

    def to(self, path: str) -> str:
        """Return where a prim that is not there may have gone, in words."""
        if not self._by_leaf:
            for prim in self._prims:
                self._by_leaf.setdefault(prim.rpartition("/")[2], []).append(prim)
        same = sorted(self._by_leaf.get(path.rpartition("/")[2], ()))
        return f"Did it move to {_some(same)}?" if same else ""


# ---------------------------------------------------------------- bindings
def _binding(binding: Binding, project: Project, specs: Mapping[str, TagSpec]) -> Iterator[SceneProblem]:
    def found(code: str, severity: str, what: str, remedy: str) -> SceneProblem:
        said = what if binding.origin else f"{binding.where}: {what}"  # an origin ends with it
        return _problem(code, severity, binding.origin or binding.where, said, remedy)

    spec = specs.get(binding.signal)
    if binding.address:
        yield from _address(binding, project, found)
    elif not binding.signal and not _needs_none(binding):
        yield found("B05", "error", "It has neither a signal nor an address.", "Give it a tag in `signal`.")
    if spec is not None:
        try:
            conversion(spec.unit, binding.unit)
        except ProjectFault as fault:
            yield found("B13", "error", fault.what, fault.remedy)
    if binding.map.kind == "expr":
        try:
            expression.compile(binding.map.expr, {**specs, **dict.fromkeys(OWN_VARIABLES)}, binding.where)
        except ProjectFault as fault:
            yield found("B14", "error", fault.what, fault.remedy)
    yield from _keys(binding, spec, found)
    colours = next((m for m in project.colormaps if m.name == binding.colormap), None)
    shown = binding.target_unit or binding.unit or (spec.unit if spec is not None else "")
    plain = binding.map.kind in ("none", "linear") and (binding.map.scale, binding.map.offset) == (1.0, 0.0)
    if colours is not None and colours.unit and shown and plain and colours.unit != shown:
        what = f"The colour map '{colours.name}' is in {colours.unit}, the value in {shown}."
        yield found("B13", "warning", what, f"Set `unit` to {colours.unit}.")


def _address(binding: Binding, project: Project, found: _Found) -> Iterator[SceneProblem]:
    source, mark, address = binding.address.partition("!")
    if not mark or not source or not address:
        yield found(
            "B06", "error", f"The address '{binding.address}' cannot be read.", "Write <source>!<address>."
        )
        return
    names = [link.name for link in project.links]
    if source not in (*names, EXPRESSION_SOURCE):
        remedy = nearest(source, names).strip() or "Add it to project.toml."
        yield found("B05", "error", f"There is no source '{source}'.", remedy)


def _keys(binding: Binding, spec: TagSpec | None, found: _Found) -> Iterator[SceneProblem]:
    """Yield thresholds that do not ascend, and states that the tag never takes."""
    if binding.map.kind == "steps":
        try:
            steps = [float(key) for key in binding.map.state_keys]
        except ValueError:
            yield found("B11", "error", "A threshold is no number.", "Give numbers in `stateKeys`.")
            return
        if steps != sorted(set(steps)):
            yield found("B11", "error", "The thresholds do not ascend.", "Sort `stateKeys`, each once.")
    if binding.map.kind == "states" and spec is not None and spec.states:
        named = {value for value, _ in spec.states}
        for key in binding.map.state_keys:
            try:
                value = float({"false": "0", "true": "1"}.get(key.lower(), key))
            except ValueError:
                continue  # `*`, or a name that only the payload knows
            if value not in named:
                what = f"The tag {spec.name} has no state {key}."
                yield found("B11", "warning", what, "Remove it, or add it to the tag's states.")


def _needs_none(binding: Binding) -> bool:
    """Return whether a binding lives without a signal: fields have sensors, poses parts, commands a sink."""
    is_pose = binding.channel == "transform" and bool(binding.map.state_values)
    return binding.channel == "field" or is_pose or binding.intent == "command"


def _unbound(
    project: Project, bindings: Sequence[Binding], specs: Mapping[str, TagSpec]
) -> Iterator[SceneProblem]:
    """Yield, in one finding, the tags that drive no prim, neither themselves nor through another tag."""
    idle = unbound_tags(project, bindings)
    if idle:
        what = f"{len(idle)} of {len(specs)} tags drive nothing in the scene: {_some(idle)}."
        yield _problem("P25", "info", "twins.json", what, "Bind them where they should be seen.")


def unbound_tags(project: Project, bindings: Sequence[Binding]) -> tuple[str, ...]:
    """Return the tags that drive no prim, neither themselves nor through another tag, in their order."""
    specs = {spec.name: spec for spec in project.specs}
    used = {binding.signal for binding in bindings}
    used |= {tag for b in bindings if b.channel == "transform" for tag in b.map.state_values}
    for text in (b.map.expr for b in bindings if b.map.kind == "expr"):
        used |= _reads(text, {**specs, **dict.fromkeys(OWN_VARIABLES)})
    for spec in project.derived:
        used |= _reads(spec.expression, specs)
    return tuple(name for name in specs if name not in used)


def _reads(text: str, known: Mapping[str, object]) -> set[str]:
    try:
        return set(expression.compile(text, known, past=True).names)
    except ProjectFault:
        return set()  # reported where it stands
