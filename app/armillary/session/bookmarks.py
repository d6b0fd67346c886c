"""Bookmarks of a project's time: the user's own, in their settings folder, never in the project."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from armillary.model import files, places
from armillary.model.fault import Fault

SCHEMA = 2  # 1 had no ranges
MOST = 1_000  # kept a project: the oldest yield


@dataclass(frozen=True, slots=True, order=True)
class Bookmark:
    """A time with a name, or a range where `to_ns` is not 0."""

    t_ns: int
    title: str = ""
    to_ns: int = 0

    @property
    def is_range(self) -> bool:
        return self.to_ns > self.t_ns


class Bookmarks:
    """Bookmarks of one project, ascending in time; each change is written at once."""

    def __init__(self, project: Path | None, folder: Path | None = None) -> None:
        self.marks: tuple[Bookmark, ...] = ()
        self.problem = ""  # why they could not be read
        self.path: Path | None = None
        if project is not None:
            short = hashlib.sha256(str(project.resolve()).encode()).hexdigest()[:12]
            self.path = (folder or places.config() / "bookmarks") / f"{short}.json"
            self._read()

    @property
    def ranges(self) -> tuple[Bookmark, ...]:
        """The ranges among them, by their beginning."""
        return tuple(mark for mark in self.marks if mark.is_range)

    def add(self, t_ns: int, title: str = "", to_ns: int = 0) -> Bookmark:
        """Keep a time or a range. Raises Fault when it cannot be written; it is then known until the end."""
        mark = Bookmark(int(t_ns), title.strip(), int(to_ns))
        others = [m for m in self.marks if (m.t_ns, m.to_ns) != (mark.t_ns, mark.to_ns)]
        self.marks = tuple(sorted([*others, mark])[-MOST:])
        self._write()
        return mark

    def remove(self, t_ns: int, to_ns: int = 0) -> None:
        """Forget a time, or the range with these ends. Raises Fault when that cannot be written."""
        self.marks = tuple(m for m in self.marks if (m.t_ns, m.to_ns) != (t_ns, to_ns))
        self._write()

    def next(self, t_ns: int, step: int) -> Bookmark | None:
        """Return the first one after a time, or with -1 the last one before it."""
        if step > 0:
            return next((m for m in self.marks if m.t_ns > t_ns), None)
        return next((m for m in reversed(self.marks) if m.t_ns < t_ns), None)

    def _read(self) -> None:
        if self.path is None:
            return
        try:
            document = json.loads(self.path.read_text("utf-8"))
            if document["schema"] not in (1, SCHEMA):
                raise ValueError(f"version {document['schema']!r} is not {SCHEMA}")
            rows = document["bookmarks"]
            self.marks = tuple(
                sorted(Bookmark(int(r["t_ns"]), str(r["title"]), int(r.get("to_ns", 0))) for r in rows)
            )
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            self.problem = f"Your bookmarks could not be read ({error}); they are kept as they are."
            with contextlib.suppress(OSError):
                os.replace(self.path, self.path.with_suffix(".broken.json"))

    def _write(self) -> None:
        if self.path is None:
            return
        document = {"schema": SCHEMA, "bookmarks": [asdict(mark) for mark in self.marks]}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            files.replace(self.path, (json.dumps(document, indent=1) + "\n").encode())
        except OSError as error:
            raise Fault(
                f"The bookmark could not be saved: {error.strerror or error}.",
                where=str(self.path),
                remedy="Make that folder writable.",
            ) from error
