"""Views that people keep: name, role and where the eye is, in a file of the project that all desks read."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from armillary.model import places
from armillary.model.fault import Fault
from armillary.project.folder import write_atomic

SCHEMA = 1
FILE = "views.json"
MOST = 500  # kept a project
LONGEST = 80  # letters of a name
Xyz = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedView:
    """One view in world metres. role: whose view it is, "" for everybody's. fov_deg 0 = parallel rays."""

    name: str
    role: str = ""
    position: Xyz
    focus: Xyz
    up: Xyz = (0.0, 0.0, 1.0)
    fov_deg: float = 35.0
    ortho_height: float = 0.0
    section_point: Xyz | None = None
    section_normal: Xyz | None = None


_KEYS = tuple(f.name for f in fields(SavedView))
_POINTS = ("position", "focus", "up", "section_point", "section_normal")


class Views:
    """The views of what is open. The file is read again when another desk has written it."""

    def __init__(self) -> None:
        self.path: Path | None = None
        self.current = ""  # the name of the one gone to last
        self._views: tuple[SavedView, ...] = ()
        self._seen = (0, 0)

    def begin(self, project: Path | None, scene: Path | None = None, folder: Path | None = None) -> None:
        """Keep views of a saved project in it, of a bare scene in the user's own folder, else nowhere."""
        path: Path | None = None
        if project is not None:
            path = project / ".armillary" / FILE
        elif scene is not None:
            short = hashlib.sha256(str(scene.resolve()).encode()).hexdigest()[:12]
            path = (folder or places.config() / "views") / f"{short}.json"
        if path != self.path or path is None:
            self.path, self.current, self._views, self._seen = path, "", (), (0, 0)

    def listed(self, role: str = "") -> tuple[SavedView, ...]:
        """Return all views by name, those of `role` and everybody's first. Raises Fault for a broken file."""
        self._read()
        return tuple(sorted(self._views, key=lambda v: (v.role not in ("", role), v.name.casefold())))

    def named(self, name: str) -> SavedView | None:
        """Return one view, None when there is none of that name. Raises Fault."""
        self._read()
        return next((v for v in self._views if v.name == name), None)

    def keep(self, view: SavedView) -> None:
        """Add a view, or replace the one of its name. Raises Fault when it cannot be written."""
        name = " ".join(view.name.split())[:LONGEST]
        if not name:
            raise Fault("A view needs a name.", where="views", remedy="Type one, e.g. Pump hall.")
        self._read()
        others = tuple(v for v in self._views if v.name != name)
        if len(others) >= MOST:
            raise Fault(f"There are {MOST} views already.", where=str(self.path), remedy="Delete some.")
        self._write((*others, replace(view, name=name)))
        self.current = name

    def remove(self, name: str) -> None:
        """Delete a view. Raises Fault when that cannot be written."""
        self._read()
        self._write(tuple(v for v in self._views if v.name != name))
        self.current = "" if self.current == name else self.current

    @property
    def owner(self) -> str:
        """The role of the view gone to last, "" for everybody's; the file is not read anew."""
        return next((v.role for v in self._views if v.name == self.current), "")

    def after(self, role: str = "") -> SavedView | None:
        """Return the view after the current one, round and round; None when there is none. Raises Fault."""
        views = self.listed(role)
        names = [v.name for v in views]
        at = names.index(self.current) if self.current in names else -1
        return views[(at + 1) % len(views)] if views else None

    def _read(self) -> None:
        if self.path is None:
            return
        try:
            stat = self.path.stat()
            seen = (stat.st_mtime_ns, stat.st_ino)
            if seen == self._seen:
                return
            self._views = parsed(self.path.read_text("utf-8"), str(self.path))
            self._seen = seen
        except FileNotFoundError:
            self._views, self._seen = (), (0, 0)
        except (OSError, UnicodeDecodeError) as error:
            raise Fault(
                f"The views cannot be read ({error}).",
                where=str(self.path),
                remedy="Repair or delete the file.",
            ) from error

    def _write(self, views: tuple[SavedView, ...]) -> None:
        self._views = views
        if self.path is None:
            return
        document = {"schema": SCHEMA, "views": [asdict(view) for view in views]}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(self.path, json.dumps(document, indent=1, ensure_ascii=False) + "\n")
        except OSError as error:
            self._seen = (0, 0)
            raise Fault(
                f"The view could not be saved: {error.strerror or error}.",
                where=str(self.path),
                remedy="Make that folder writable.",
            ) from error
        with contextlib.suppress(OSError):
            stat = os.stat(self.path)
            self._seen = (stat.st_mtime_ns, stat.st_ino)


def parsed(text: str, where: str) -> tuple[SavedView, ...]:
    """Return the views of a file's text. Raises Fault that says where it is wrong."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        line = f":{error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise _broken(f"is no JSON ({error})", where + line) from error
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise _broken(f"is not of schema {SCHEMA}", where)
    rows = document.get("views", [])
    _known(document, ("schema", "views"), text, where)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise _broken("holds no list of views", where)
    return tuple(_view(row, text, where) for row in rows)


def _view(row: Mapping[str, Any], text: str, where: str) -> SavedView:  # Any: parsed JSON, checked here
    _known(row, _KEYS, text, where)
    try:
        values: dict[str, Any] = dict(row)
        for key in _POINTS:
            if values.get(key) is not None:
                x, y, z = (float(v) for v in values[key])
                if not all(map(math.isfinite, (x, y, z))):
                    raise ValueError(f"{key} is not finite")
                values[key] = (x, y, z)
        for key in ("fov_deg", "ortho_height"):
            values[key] = float(values.get(key, 0.0))
        values["name"], values["role"] = str(values["name"]), str(values.get("role", ""))
        return SavedView(**values)
    except (KeyError, TypeError, ValueError) as error:
        raise _broken(f"has a view that cannot be read ({error})", where) from error


def _known(row: Mapping[str, Any], keys: tuple[str, ...], text: str, where: str) -> None:
    for key in row:
        if key not in keys:
            at = text.find(json.dumps(key))
            near = get_close_matches(key, keys, 1)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            line = text.count("\n", 0, at) + 1 if at >= 0 else 1
            raise _broken(f"has an unknown key '{key}'{hint}", f"{where}:{line}")


def _broken(what: str, where: str) -> Fault:
    return Fault(f"The file of views {what}.", where=where, remedy="Repair it, or delete it to begin anew.")
