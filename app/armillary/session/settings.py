"""The user's settings: one JSON file, written atomically; a broken one is put aside and said once."""

from __future__ import annotations

import base64
import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from armillary.model import files, places

SCHEMA = 1
RECENT = 12  # projects kept
THEMES = ("dark", "light")


class Settings:
    """Window state, theme, recent projects. Every change is written at once."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or places.config() / "desk.json"
        self.problem = ""  # said once: the file was broken, or cannot be written
        self.remedy = ""
        # Any: plain JSON values, checked where they are read
        self._values: dict[str, Any] = self._read()

    @property
    def theme(self) -> str:
        """`dark` or `light`."""
        theme = self._values.get("theme")
        return theme if theme in THEMES else THEMES[0]

    @theme.setter
    def theme(self, theme: str) -> None:
        self._put("theme", theme if theme in THEMES else THEMES[0])

    @property
    def reduce_motion(self) -> bool:
        """Whether nothing may blink."""
        return self.get("reduce-motion") == "yes"

    @reduce_motion.setter
    def reduce_motion(self, is_still: bool) -> None:
        self.set("reduce-motion", "yes" if is_still else "no")

    @property
    def recent(self) -> tuple[str, ...]:
        """Projects and scenes opened, newest first; those that are gone are left out."""
        kept = self._values.get("recent")
        paths = [p for p in kept if isinstance(p, str)] if isinstance(kept, list) else []
        return tuple(p for p in paths if Path(p).exists())

    def opened(self, path: Path) -> None:
        """Put a project or scene at the head of the recent ones."""
        name = str(path.resolve())
        self._put("recent", [name, *(p for p in self.recent if p != name)][:RECENT])

    def window(self, name: str) -> bytes:
        """Return a window state saved by that name, b"" when there is none."""
        windows = self._values.get("window")
        text = windows.get(name) if isinstance(windows, Mapping) else None
        if not isinstance(text, str):
            return b""
        try:
            return base64.b64decode(text, validate=True)
        except ValueError:
            return b""

    def save_window(self, name: str, state: bytes) -> None:
        """Keep a window state (geometry, docks) by name; b"" forgets it."""
        old = self._values.get("window")
        windows = dict(old) if isinstance(old, Mapping) else {}
        if state:
            windows[name] = base64.b64encode(state).decode("ascii")
        else:
            windows.pop(name, None)
        self._put("window", windows)

    def get(self, name: str, default: str = "") -> str:
        """Return a small text kept by name, e.g. the last folder."""
        texts = self._values.get("text")
        text = texts.get(name) if isinstance(texts, Mapping) else None
        return text if isinstance(text, str) else default

    def set(self, name: str, text: str) -> None:
        """Keep a small text by name."""
        old = self._values.get("text")
        self._put("text", {**(old if isinstance(old, Mapping) else {}), name: text})

    def _put(self, key: str, value: str | Sequence[str] | Mapping[str, str]) -> None:
        if self._values.get(key) == value:
            return
        self._values[key] = value
        self._write()

    def _read(self) -> dict[str, Any]:
        try:
            document = json.loads(self.path.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except OSError as error:
            self.problem = f"Your settings cannot be read: {error.strerror}. Defaults are used."
            self.remedy = "Give yourself the right to read and write them."
            return {}
        except (ValueError, RecursionError) as error:
            return self._put_aside(str(error))
        if not isinstance(document, dict):
            return self._put_aside("it is not a JSON object")
        return document

    def _put_aside(self, why: str) -> dict[str, Any]:
        aside = self.path.with_suffix(".broken.json")
        with contextlib.suppress(OSError):
            os.replace(self.path, aside)
        self.problem = (
            f"Your settings could not be read ({why}); they are kept as {aside}. Defaults are used."
        )
        self.remedy = "Choose theme and layout anew; delete that file when nothing in it is needed."
        return {}

    def _write(self) -> None:
        text = json.dumps({**self._values, "schema": SCHEMA}, indent=1, sort_keys=True) + "\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            files.replace(self.path, text.encode())
        except OSError as error:
            self.problem = f"Your settings cannot be saved in {self.path}: {error.strerror or error}."
            self.remedy = "Make that folder writable, or set XDG_CONFIG_HOME to one that is."
