"""Write docs/reference from the code, or with --check say whether it is up to date."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable
from pathlib import Path

import click

from armillary import api
from armillary.cli.commands import COMMANDS, Commands
from armillary.model import fault, quality, sample
from armillary.session import actions
from armillary.wire import child

OUT = Path(__file__).resolve().parent.parent / "docs" / "reference"


def rows(head: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table."""
    cells = [list(head), *map(list, lines)]
    out = ["| " + " | ".join(c.replace("|", "\\|") for c in row) + " |" for row in cells]
    return "\n".join([out[0], "|" + " --- |" * len(cells[0]), *out[1:]])


def first_line(thing: object) -> str:
    """Return the first line of a docstring."""
    return (inspect.getdoc(thing) or "").split("\n", 1)[0]


def commands() -> str:
    """Return the page of commands."""
    group = Commands("armillary")
    parts = [
        "# Commands",
        "Exit codes: 0 good, 1 the answer is bad news, 2 the request could not be carried out.",
    ]
    for name in COMMANDS:
        command = group.get_command(click.Context(group), name)
        if command is None:
            continue
        text = command.get_help(click.Context(command, info_name=f"armillary {name}"))
        parts.append(f"## {name}\n\n```\n{text}\n```")
    return "\n\n".join(parts)


def keys() -> str:
    """Return the page of actions and keys."""
    lines = [(f"`{a.id}`", a.title, a.shortcut and f"`{a.shortcut}`", a.role) for a in actions.ACTIONS]
    return "# Actions and keys\n\n" + rows(("id", "what", "key", "role"), lines)


def words() -> str:
    """Return the page of faults, qualities, flags and child entries."""
    faults = [(f"`{name}`", first_line(kind)) for name, kind in fault.KINDS.items()]
    ranks = [(str(i), f"`{word}`") for i, word in enumerate(quality.WORDS)]
    reasons = [(f"`{word}`", f"bit {i + 8}") for i, word in enumerate(quality.REASON_WORDS)]
    flags = [
        (f"`{name}`", str(getattr(sample, name)))
        for name in ("RETAINED", "DUPLICATE", "HISTORICAL", "SOURCE_TIME_ASSUMED")
    ]
    return "\n\n".join(
        [
            "# Words",
            "## Faults",
            rows(("kind", "meaning"), faults),
            "## Quality, in order of badness",
            rows(("rank", "word"), ranks),
            "## Reasons of a quality",
            rows(("word", "where"), reasons),
            "## Flags of a sample",
            rows(("flag", "value"), flags),
            "## Child processes",
            rows(("entry",), [(f"`{e}`",) for e in child.ENTRIES]),
        ]
    )


def ports() -> str:
    """Return the page of what a plugin may use."""
    lines = [
        (f"`{name}`", first_line(getattr(api, name)) if callable(getattr(api, name)) else "")
        for name in api.__all__
    ]
    return f"# armillary.api, version {api.API_VERSION}\n\n" + rows(("name", "what"), lines)


PAGES = {"commands.md": commands, "actions.md": keys, "words.md": words, "api.md": ports}


def main() -> int:
    """Write the pages, or compare them."""
    stale = []
    OUT.mkdir(parents=True, exist_ok=True)
    for name, make in PAGES.items():
        text = f"<!-- made by .ci/reference.py; do not edit -->\n\n{make()}\n"
        path = OUT / name
        if "--check" in sys.argv:
            if not path.exists() or path.read_text("utf-8") != text:
                stale.append(name)
        else:
            path.write_text(text, "utf-8")
    if stale:
        print("out of date:", ", ".join(stale), "- run .venv/bin/python .ci/reference.py")
    return int(bool(stale))


if __name__ == "__main__":
    sys.exit(main())
