"""`[[group]]` and `[[suppress]]` of rules.toml: which alarms belong together, and what hides some."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from armillary.model import expression
from armillary.model.alarm import SUPPRESS_OFF_S, AlarmSpec, Suppression
from armillary.model.fault import ProjectFault
from armillary.model.tags import TagSpec
from armillary.model.twin import TwinInstance
from armillary.project import advisories
from armillary.project.settings import MAX_SECONDS
from armillary.project.table import Table, nearest
from armillary.project.twins import NAME

ALARM = "alarm."  # before an id in the condition of a rule: 1 while it is active


@dataclass(frozen=True, slots=True)
class Assets:
    """Where tags belong: to twins, and twins to prims below each other."""

    tags: Mapping[str, TagSpec]
    twins: Mapping[str, TwinInstance]

    def prim(self, spec: AlarmSpec) -> str:
        """Return the path where an alarm is, "" where that is not known."""
        twin = self.twins.get(self.twin(spec))
        return spec.prim or (twin.prim if twin is not None else "")

    def twin(self, spec: AlarmSpec) -> str:
        """Return the id of the asset that an alarm is about, "" for none."""
        tag = self.tags.get(spec.tag)
        return tag.twin if tag is not None else ""

    def within(self, spec: AlarmSpec, asset: str) -> bool:
        """Return whether an alarm is one of an asset (an id or a prim path) or of what lies below it."""
        twin = self.twins.get(asset)
        root = asset if asset.startswith("/") else twin.prim if twin is not None else ""
        at = self.prim(spec)
        return self.twin(spec) == asset or bool(root and (at == root or at.startswith(f"{root}/")))


def grouped(root: Table, alarms: Sequence[AlarmSpec], assets: Assets) -> list[AlarmSpec]:
    """Return the alarms with their groups: those of `[[group]]`, else their assets."""
    known = {spec.id for spec in alarms}
    of: dict[str, str] = {}
    ids: set[str] = set()
    for table in root.tables("group"):
        name = _id(table, ids, "group")
        for alarm in _listed(table, known):
            if of.setdefault(alarm, name) != name:
                what = f"The alarm '{alarm}' is in the groups '{of[alarm]}' and '{name}'."
                table.wrong("alarms", what, "One alarm has one group: take it out of one.", "P73")
        table.done()
    return [replace(spec, group=of.get(spec.id) or assets.twin(spec)) for spec in alarms]


def read(root: Table, alarms: Sequence[AlarmSpec], assets: Assets) -> list[Suppression]:
    """Return the rules that hide alarms; mistakes are noted and the rule is left out."""
    ids: set[str] = set()
    names = {*assets.tags, *(ALARM + spec.id for spec in alarms)}
    found = (_rule(table, ids, names, alarms, assets) for table in root.tables("suppress"))
    return [rule for rule in found if rule is not None]


def _rule(
    table: Table, ids: set[str], names: Collection[str], alarms: Sequence[AlarmSpec], assets: Assets
) -> Suppression | None:
    before = len(table.document.findings.errors)
    rule = Suppression(
        id=_id(table, ids, "suppress"),
        when=table.text("when", required=True),
        alarms=tuple(dict.fromkeys(_hidden(table, alarms, assets))),
        off_delay_s=table.number("suppress_off_delay_s", SUPPRESS_OFF_S, 0.0, MAX_SECONDS),
        reason=table.text("reason"),
        origin=table.document.where(table.path),
    )
    if rule.when:
        _must_be_sound(table, rule, names, alarms)
    if not rule.alarms:
        what = f"The rule '{rule.id}' hides no alarm."
        table.document.wrong(table.path, what, "Give 'alarms', 'asset' or 'class'.", "P75", "warning")
    table.done()
    return rule if len(table.document.findings.errors) == before else None


def _hidden(table: Table, alarms: Sequence[AlarmSpec], assets: Assets) -> Iterator[str]:
    """Yield the ids of the alarms that a rule is attached to."""
    yield from _listed(table, {spec.id for spec in alarms})
    asset, category = table.text("asset"), table.text("class")
    if asset and not asset.startswith("/") and asset not in assets.twins:
        remedy = nearest(asset, sorted(assets.twins)).strip() or "Name a twin or a prim path."
        table.wrong("asset", f"There is no asset '{asset}'.", remedy, "P10")
    if category and category not in {spec.category for spec in alarms}:
        classes = sorted({spec.category for spec in alarms if spec.category})
        remedy = nearest(category, classes).strip() or "Give alarms this class."
        table.wrong("class", f"No alarm is of the class '{category}'.", remedy, "P75")
    for spec in alarms:
        if (asset and assets.within(spec, asset)) or (category and spec.category == category):
            yield spec.id


def _must_be_sound(
    table: Table, rule: Suppression, names: Collection[str], alarms: Sequence[AlarmSpec]
) -> None:
    """Note a condition that cannot be read, and one that is the very alarm it hides."""
    try:
        made = expression.compile(rule.when, names, table.document.where(table.path))
    except ProjectFault as fault:
        table.wrong("when", fault.what, fault.remedy, "P70")
        return
    if not made.names:
        table.wrong("when", f"'{rule.when}' reads no tag: it never changes.", "Name a tag in it.", "P70")
    advisory = {ALARM + spec.id for spec in alarms if spec.is_advisory}
    for name in (name for name in made.names if name in advisory):
        what, remedy = advisories.refused(name.removeprefix(ALARM))
        table.wrong("when", what, remedy, advisories.CODE)
    hidden = set(rule.alarms)
    for name in made.names:
        if name.startswith(ALARM) and name.removeprefix(ALARM) in hidden:
            what = (
                f"'{rule.id}' hides '{name.removeprefix(ALARM)}' because of that alarm: nobody would see it."
            )
            table.wrong("when", what, "Leave the alarm that names the cause out of what is hidden.", "P74")
    for spec in alarms:
        if spec.id in hidden and spec.tag and spec.tag in made.names:
            what = f"'{rule.id}' hides '{spec.id}' by the very tag that it watches, {spec.tag}."
            remedy = "Use another tag that tells the state of the plant, or change the alarm's limit."
            table.document.wrong((*table.path, "when"), what, remedy, "P76", "warning")


def _listed(table: Table, known: Collection[str]) -> Iterator[str]:
    for id_ in table.texts("alarms"):
        if id_ in known:
            yield id_
        else:
            near = nearest(id_, sorted(known)).strip()
            table.wrong(
                "alarms", f"There is no alarm '{id_}'.", near or "Name an alarm of rules.toml.", "P35"
            )


def _id(table: Table, ids: set[str], kind: str) -> str:
    id_ = table.text("id", required=True)
    if id_ and not NAME.fullmatch(id_):
        table.wrong("id", f"'{id_}' cannot be the id of a {kind}.", "Use no spaces, quotes, ` ! or #.")
    elif id_ in ids:
        table.wrong("id", f"There are two of '{id_}'.", "Rename one of them.", "P08")
    ids.add(id_)
    return id_
