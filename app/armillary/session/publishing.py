"""Versions of a project: what differs in words, who publishes one, and an older one had again.

Whoever may write the project's folder may change its files; a version is more: a state that people stood for,
by name and password, noted in a chain of its own.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from armillary.model.account import LoggedIn, Login, Right, may
from armillary.model.binding import Binding
from armillary.model.clock import Clock
from armillary.model.fault import OrderFault, ProjectFault, SceneFault
from armillary.model.message import AskBindings, AskOpinions, BindingsRead, Opinions
from armillary.project import difference, published
from armillary.project import folder as projects
from armillary.project.difference import Change
from armillary.project.published import Record, Restored
from armillary.project.record import BINDINGS_FILE, COMPOSED_FILE, PROJECT_FILE, Project
from armillary.project.version import key_of
from armillary.security.audit import Act, Audit
from armillary.session.reading import ask_child, scene_child
from armillary.wire import child
from armillary.wire.bus import Line

CHAIN = "audit-versions"
READ_S = 60.0
MOST_TOLD = 200  # characters of a note in the audit
_SECOND = ("operator", "engineer", "admin")
_Layers = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A version to be published. `people`: an engineer first, then a second person where one is asked for."""

    people: tuple[Login, ...] = ()  # () = whoever runs this, in a project without accounts
    version: str = ""  # "" = the next minor one
    note: str = ""


# ---------------------------------------------------------------- what differs
def changes(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[Change, ...]:
    """Return what differs between two sets of texts, layers of USD among them, by path in the project.

    The layers are read by an expendable child. Raises Fault.
    """
    found = list(difference.of_files(old, new))
    if _layers(old) == _layers(new):
        return tuple(found)
    with scene_child() as (line, process), tempfile.TemporaryDirectory() as folder:
        sides = [_laid_out(texts, Path(folder) / side) for texts, side in ((old, "old"), (new, "new"))]
        before, after = (_bindings(side / BINDINGS_FILE, line, process) for side in sides)
        found += difference.of_bindings(before, after, BINDINGS_FILE)
        had, has = (_opinions(side / COMPOSED_FILE, line, process) for side in sides)
        found += difference.of_layer(had, has, COMPOSED_FILE)
    return tuple(found)


def since(project: Project, name: str = "") -> tuple[Record | None, tuple[Change, ...]]:
    """Return a version (the newest published one without a name) and what differs from it on disk now.

    None and everything there is where nothing was published yet. Raises Fault.
    """
    known = published.published(project.folder)
    record = published.record_of(project.folder, name) if name else known[-1] if known else None
    old = published.texts_of(project.folder, record) if record is not None else {}
    return record, changes(old, published.texts(project.folder))


def again(project: Project) -> Project:
    """Return a project as it is on disk now. Raises ProjectFault."""
    return projects.read(project.folder)


def _layers(texts: Mapping[str, str]) -> _Layers:
    return {name: text for name, text in texts.items() if name.endswith(".usda")}


def _laid_out(texts: Mapping[str, str], folder: Path) -> Path:
    for name, text in _layers(texts).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder


def _bindings(path: Path, line: Line, process: child.Child) -> tuple[Binding, ...]:
    if not path.is_file():
        return ()
    got = ask_child(line, process, AskBindings(layer=str(path)), READ_S, path.name)
    if not isinstance(got, BindingsRead):
        raise SceneFault("The scene reader answered something else.", where=path.name, remedy="Update it.")
    bad = next((problem for problem in got.problems if problem.severity == "error"), None)
    if bad is not None:  # what was read in part would look as if the rest had been taken out
        raise SceneFault(bad.what, where=bad.where.replace(f"{path.parent}/", ""), remedy=bad.remedy)
    return got.bindings


def _opinions(path: Path, line: Line, process: child.Child) -> dict[tuple[str, str], str]:
    if not path.is_file():
        return {}
    got = ask_child(line, process, AskOpinions(layer=str(path)), READ_S, path.name)
    if not isinstance(got, Opinions):
        raise SceneFault("The scene reader answered something else.", where=path.name, remedy="Update it.")
    out: dict[tuple[str, str], str] = {}
    for prim, what, value in got.rows:
        out[prim, what] = f"{out[prim, what]}, {value}" if (prim, what) in out else value
    return out


# ---------------------------------------------------------------- publishing
def publish(project: Project, wish: Wish, clock: Clock) -> Record:
    """Publish the project as it is on disk; raise its version, note who did it. Raises Fault.

    Nothing is written when somebody may not, the files have a mistake, or nothing differs.
    """
    folder = project.folder
    _must_be_ours(project)
    known = published.published(folder)
    version = wish.version or published.next_version(project.version, known)
    published.must_follow(version, known)
    if len(wish.note) > published.NOTE_CHARS:
        raise ProjectFault(
            "The note is too long.", where="note", remedy=f"At most {published.NOTE_CHARS} characters."
        )
    projects.read(folder)  # one with a mistake is not published
    who = people(project, wish.people, clock)
    before = known[-1] if known else None
    found = changes(published.texts_of(folder, before) if before else {}, published.texts(folder))
    if before is not None and not found:
        raise ProjectFault(
            f"Nothing differs from version {before.version}.",
            where=str(folder),
            remedy="Change something first.",
        )
    return _published(project, version, before, found, who, wish.note, clock.now_ns())


def begin(project: Project, clock: Clock, note: str) -> Record | None:
    """Keep a project as it was made as its first version; None where there is one already. Raises Fault."""
    if published.published(project.folder) or not published.NUMBER.fullmatch(project.version):
        return None
    who = LoggedIn(user=f"local:{os.getuid()}", name="", role="")
    return _published(project, project.version, None, (), (who,), note, clock.now_ns())


def _published(
    project: Project,
    version: str,
    before: Record | None,
    found: Sequence[Change],
    who: Sequence[LoggedIn],
    note: str,
    now_ns: int,
) -> Record:
    held = published.texts(project.folder)
    held[PROJECT_FILE] = published.with_version(held[PROJECT_FILE], version)
    record = Record(
        schema=published.SCHEMA,
        version=version,
        key=key_of(held),
        t_ns=now_ns,
        by=tuple(each.user for each in who),
        note=note,
        words=difference.summary(found) if before is not None else "the first version",
        binaries=published.digests(project),
    )
    audit = Audit(project.private / CHAIN, world_kind="VERSIONS", now_ns=now_ns)
    try:
        for each, action in zip(who, ("version.publish", "version.agree"), strict=False):
            act = Act(
                actor=each.user,
                role=each.role,
                action=action,
                target=f"version {version}",
                before=before.version if before is not None else "",
                after=record.key,
                reason=f"{note[:MOST_TOLD]} ({record.words})" if note else record.words,
            )
            audit.append(act, t_ns=now_ns)
        # the file first: a record of a version that is not on disk would offer what cannot be loaded
        projects.write_atomic(project.folder / PROJECT_FILE, held[PROJECT_FILE])
        published.keep(project.folder, held, record)
    except OSError as error:
        raise ProjectFault(
            f"The version cannot be written: {error.strerror}.",
            where=str(error.filename or project.folder),
            remedy="Make room, or make the folder writable; then publish again.",
        ) from error
    finally:
        audit.close()
    return record


def people(project: Project, logins: Sequence[Login], clock: Clock) -> tuple[LoggedIn, ...]:
    """Return who publishes, or restores, with all their passwords checked. Raises OrderFault."""
    from armillary.security import accounts  # here: it hashes passwords, which a desk may never need

    known, needed = accounts.read(project.folder), project.publish_persons
    if known is None:
        if needed > 1:
            raise OrderFault(
                "The project asks for two persons, and has no users.",
                where=f"{PROJECT_FILE}: publish.persons",
                remedy="Add them: armillary user add.",
            )
        return (LoggedIn(user=f"local:{os.getuid()}", name="", role="engineer"),)
    if not logins:
        raise OrderFault(
            "A version is published by name.", where=str(project.folder), remedy="Give --user NAME."
        )
    found = tuple(asyncio.run(known.login(login, clock.now_mono_ns())) for login in logins)
    if not may(found[0].role, Right.AUTHOR):
        raise OrderFault(
            f"{found[0].user} ({found[0].role}) may not publish a version.",
            where=str(project.folder),
            remedy="An engineer publishes.",
        )
    if len(found) > 1 and (found[1].user == found[0].user or found[1].role not in _SECOND):
        raise OrderFault(
            f"{found[1].user} ({found[1].role}) cannot be the second person.",
            where=str(project.folder),
            remedy="The second is somebody else: an operator, an engineer or an admin.",
        )
    if len(found) < needed:
        raise OrderFault(
            "The project asks for a second person.",
            where=f"{PROJECT_FILE}: publish.persons",
            remedy="Give --second NAME.",
        )
    return found


def restore(project: Project, name: str, logins: Sequence[Login], clock: Clock) -> Restored:
    """Put an older version on disk again; what was there is kept beside. Raises Fault."""
    _must_be_ours(project)
    record = published.record_of(project.folder, name)
    published.texts_of(project.folder, record)  # before anybody is asked for a password
    # one person is enough: people stood for the version when it was published
    who = people(replace(project, publish_persons=1), logins[:1], clock)[0]
    audit = Audit(project.private / CHAIN, world_kind="VERSIONS", now_ns=clock.now_ns())
    try:
        act = Act(
            actor=who.user,
            role=who.role,
            action="version.restore",
            target=f"version {record.version}",
            before=project.version,
            after=record.key,
        )
        audit.append(act, t_ns=clock.now_ns())
        return published.restored(project, record, (who.user,), clock.now_ns())
    finally:
        audit.close()


def _must_be_ours(project: Project) -> None:
    if not project.saved or project.read_only:
        raise ProjectFault(
            "This cannot be published: it is no saved project, or one of a newer Armillary.",
            where=str(project.folder),
            remedy="Save it as a project, or update Armillary.",
        )
