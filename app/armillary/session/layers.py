"""The binding layer's files as bytes, so that undo leaves them exactly as they were."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from armillary.project.folder import write_atomic
from armillary.project.record import Project


@dataclass(frozen=True, slots=True)
class Layers:
    """(path, content) of each file; None = it was not there."""

    files: tuple[tuple[Path, str | None], ...]

    def restore(self) -> None:
        """Write back what differs. Says nothing where that fails: what they mean is right already."""
        for path, text in self.files:
            if text is None or _text(path) == text:
                continue
            try:
                write_atomic(path, text)
            except OSError:
                return


def layers_of(project: Project | None) -> Layers:
    """Return the binding layer of a project as it is on disk now."""
    if project is None or project.bindings is None:
        return Layers(())
    branches = project.bindings.with_suffix("")
    paths = (project.bindings, *(sorted(branches.glob("*.usda")) if branches.is_dir() else ()))
    return Layers(tuple((path, _text(path)) for path in paths))


def _text(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
