"""Tags that do not come, by what is recorded of a project: nobody needs to have its world running."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from armillary.model.binding import Binding
from armillary.model.clock import NS, iso
from armillary.model.fault import StoreFault
from armillary.model.message import AskAt, Enroll, Enrolled, Samples
from armillary.model.scene import SceneProblem
from armillary.model.tags import TagSpec
from armillary.project import shown_lint
from armillary.project.record import Project
from armillary.session.history_export import ask_info
from armillary.session.recorders import asked, recorder

DAYS = 7.0
DAY_NS = 86_400 * NS
_ANSWER_S = 60.0


def by_record(
    project: Project, bindings: Sequence[Binding], now_ns: int, days: float = DAYS
) -> list[SceneProblem]:
    """Return enabled bindings on tags of which nothing is recorded for so many days: B31.

    Counted is from the end of the record, not from now: a world that was switched off makes no tag silent.
    Raises Fault where the record cannot be read.
    """
    wanted = {binding.signal for binding in bindings if binding.enabled}
    specs = [spec for spec in project.specs if spec.name in wanted and is_recorded(spec)]
    if not specs:
        return []
    with recorder(project.folder, read_only=True) as line:
        held = ask_info(line)
        enrolled = asked(line, Enroll(tags=tuple(s.name for s in specs), create=False), _ANSWER_S)
        if not isinstance(enrolled, Enrolled):
            raise _misunderstood(project)
        ids = enrolled.ids
        newest = asked(line, AskAt(ids=ids[ids > 0], t_ns=now_ns), _ANSWER_S)
    if not isinstance(newest, Samples):
        raise _misunderstood(project)
    last = dict(zip(newest.batch.slot.tolist(), newest.batch.source_ns.tolist(), strict=True))
    came = {s.name: last[i] for s, i in zip(specs, ids.tolist(), strict=True) if i in last}
    return shown_lint.never(bindings, words(specs, came, held.first_ns, held.last_ns, days))


def is_recorded(spec: TagSpec) -> bool:
    """Return whether what comes of a tag is in the record."""
    return bool(spec.link) and spec.history and not spec.expression


def words(
    specs: Sequence[TagSpec], came: Mapping[str, int], first_ns: int, last_ns: int, days: float
) -> dict[str, str]:
    """Return name → for how long, of the tags that did not come in the last days of a record.

    came: name → time of its newest sample, of those that ever came. A tag of a source that only tells of
    changes, and lives by its link, may rightly be still: it is told of where it never came at all. A record
    that is shorter than the days says nothing.
    """
    span = round(days * DAY_NS)
    out: dict[str, str] = {}
    if last_ns - first_ns < span:
        return out
    for spec in specs:
        last = came.get(spec.name)
        if last is None:
            out[spec.name] = f"in all that is recorded, since {iso(first_ns)}"
        elif spec.liveness == "tag" and last_ns - last >= span:
            quiet = (last_ns - last) / DAY_NS
            out[spec.name] = f"for {quiet:.4g} days of what is recorded, last at {iso(last)}"
    return out


def _misunderstood(project: Project) -> StoreFault:
    return StoreFault(
        "The recorder answered something else.",
        where=str(project.folder),
        remedy="Install the same version of Armillary on both sides.",
    )
