"""Types of the project's twins made on the desk; a step that undo takes back byte for byte."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from armillary.model.fault import Fault, ProjectFault
from armillary.project import folder as projects
from armillary.project import modelled
from armillary.project.record import PROJECT_FILE, TWINS_FILE, Project
from armillary.session.undo import Done, Step, Undo
from armillary.twin.infer import inferred

TITLE = "Make types from tags"
NEXT = "Load the project's changes into the world to use it."
Texts = Mapping[Path, str | None]  # None: the file is not there


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Files as they were and as they are."""

    before: Texts
    after: Texts

    def back(self) -> None:
        """Write what was; raises ProjectFault when a file is another by now, and writes nothing."""
        _swap(self.after, self.before)

    def forth(self) -> None:
        """Write it again; raises as `back` does."""
        _swap(self.before, self.after)


def make_types(project: Project, undo: Undo, now_ns: int) -> str:
    """Give all twins without a type one, by the shape of their tags; return what to tell.

    Writes model/*.json, twins.json and project.toml. Raises ProjectFault; then nothing refers to what may
    have been written.
    """
    made = inferred(project.twins, project.specs, project.relationships, project.name)
    if not made.of:
        raise ProjectFault(
            "All twins have a type already.", where=TWINS_FILE, remedy="Remove `model` of those to be typed."
        )
    documents = {made.file_of(model): document for model, document in made.documents.items()}
    folder = project.folder / modelled.FOLDER
    paths = [
        project.folder / PROJECT_FILE,
        project.folder / TWINS_FILE,
        *(folder / name for name in documents),
    ]
    before = _texts(paths)
    done = modelled.apply(project, documents, made.of, now_ns)
    change = Change(before=before, after=_texts(paths))
    undo.push(Step(TITLE, lambda told: _tried(change.back, told), lambda told: _tried(change.forth, told)))
    losses = f" {len(made.losses)} things DTDL cannot say are comments." if made.losses else ""
    return f"{len(documents)} types for {len(done.typed)} twins and components.{losses} {NEXT}"


def _texts(paths: Iterable[Path]) -> Texts:
    try:
        return {path: path.read_text("utf-8") if path.exists() else None for path in paths}
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectFault(
            f"A file of the project cannot be read: {error}.", where=TWINS_FILE, remedy="Correct it first."
        ) from error


def _swap(now: Texts, wanted: Texts) -> None:
    if _texts(now) != now:
        raise ProjectFault(
            "The project was changed by somebody else meanwhile.",
            where=TWINS_FILE,
            remedy="Change it by hand.",
        )
    try:
        for path, text in wanted.items():
            if text is None:
                path.unlink(missing_ok=True)
            else:
                path.parent.mkdir(exist_ok=True)
                projects.write_atomic(path, text)
    except OSError as error:
        raise ProjectFault(
            f"The project cannot be saved: {error.strerror}.",
            where=str(error.filename or ""),
            remedy="Check the folder's permissions and free space.",
        ) from error


def _tried(write: Callable[[], None], told: Done) -> None:
    try:
        write()
    except Fault as fault:
        told(f"{fault.what} {fault.remedy}")
    else:
        told("")
