"""Write docs/reference from the code, or with --check say whether it is up to date."""

from __future__ import annotations

import ast
import inspect
import sys
import typing
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import click
import findings as collected

from armillary import api
from armillary.cli.commands import COMMANDS, Commands
from armillary.model import fault, quality, sample
from armillary.session import actions
from armillary.wire import child
from armillary_plugins.demo_plant import model

TOP = Path(__file__).resolve().parent.parent
OUT = TOP / "docs" / "reference"
WIDTH = 80  # of help texts, whatever the terminal's is
# what a code means where its words come from elsewhere: a check of units, of an expression, of a whole scene
OTHER_WORDS = {
    "P99": "A condition or read-back of a template or interlock cannot be read, in the words of expressions.",
    "B13": "The unit is not known, or the two units measure different things.",
    "B14": "The expression is refused; the message shows it, with the column.",
    "P09": "The unit is not known, or the two units measure different things.",
    "P26": "The settings of a link are refused, or no plugin knows its kind.",
    "P27": "The settings of a decoder are refused: a file that is not there, a format with a mistake.",
    "P28": "A tag's decoder is not there, or its path cannot be used; its address is in the message.",
    "P36": "An expression of a loop, a lesson or a what-if is refused; the message shows it.",
    "S00": "The scene cannot be read at all.",
    "S16": "A folder for the arrays of scenes cannot be written.",
}
FAMILIES = (
    ("P", "Projects", "`project.toml`, `twins.json`, and what contradicts itself between the files."),
    ("B", "Bindings and tags", "`bindings.usda`, addresses, expressions, units."),
    ("S", "Scenes", "What of a scene is wrong, or is not shown. The rest of it is shown."),
)


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
        "Exit codes: 0 good, 1 the answer is bad news, 2 the request could not be carried out. "
        "`armillary --version` and `armillary COMMAND --help` answer too.",
    ]
    for name in COMMANDS:
        command = group.get_command(click.Context(group), name)
        if command is None:
            continue
        parts.append(f"## {name}\n\n{usage(command, name)}")
        if isinstance(command, click.Group):
            parts += [usage(below, f"{name} {word}") for word, below in command.commands.items()]
    return "\n\n".join(parts)


def usage(command: click.Command, name: str) -> str:
    """Return the help text of a command as a block."""
    context = click.Context(command, info_name=f"armillary {name}", terminal_width=WIDTH)
    return f"```\n{command.get_help(context)}\n```"


def keys() -> str:
    """Return the page of actions and keys."""
    lines = [
        (f"`{a.id}`", a.title, a.shortcut and f"`{a.shortcut}`", a.menu.replace("/", " ▸ "), a.role, a.tip)
        for a in actions.ACTIONS
    ]
    text = (
        "# Actions and keys\n\nEvery action is in a menu or has a key, and the palette (`Ctrl+K`) finds all "
        "of them. *Role* is the least role that may do it.\n\n"
    )
    return text + rows(("id", "what", "key", "menu", "role", "note"), lines)


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
            rows(("entry", "what it is"), [(f"`{e}`", entry_line(e)) for e in child.ENTRIES]),
        ]
    )


def entry_line(entry: str) -> str:
    """Return the first line of the docstring of a child's module, without importing it."""
    path = (TOP / "app" / "armillary" / entry.replace(".", "/")).with_suffix(".py")
    text = (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").split("\n", 1)[0]
    return text.removeprefix("Child entry: ")


def ports() -> str:
    """Return the page of what a plugin may use."""
    lines = [(f"`{name}`", api_line(getattr(api, name))) for name in api.__all__]
    return f"# armillary.api, version {api.API_VERSION}\n\n" + rows(("name", "what"), lines)


def api_line(thing: object) -> str:
    """Return what a name of the api is: an array's element, a number, or the first line of its docstring."""
    if typing.get_origin(thing) is not None:
        element = typing.get_args(typing.get_args(thing)[1])[0]
        return f"NumPy array of `{element.__name__}`"
    if isinstance(thing, ModuleType) or callable(thing):
        return first_line(thing)
    return f"`{thing!r}`"


def plain(text: str) -> str:
    """Return a text that Markdown shows as it is."""
    return text.replace("<", "\\<").replace("[", "\\[")


def findings() -> str:
    """Return the page of finding codes."""
    parts = [
        "# Findings",
        "What `armillary check` prints and the desk lists in the dock *Events*. Each finding has a code, "
        "a severity, a place, a sentence and a remedy; here `…` stands for what is filled in. `info` is "
        "good to know; `warning` and `error` make `armillary check` exit 1; with a `fatal` one nothing can "
        "be shown, and it exits 2. A name that is not known comes with the likeliest one that is.",
    ]
    found = collected.findings()
    for letter, title, about in FAMILIES:
        lines = [
            (f"`{f.code}`", f.severity, plain(f.says or OTHER_WORDS[f.code]), plain(f.remedy))
            for f in found
            if f.code.startswith(letter)
        ]
        parts += [f"## {letter}: {title}", about, rows(("code", "severity", "says", "what to do"), lines)]
    return "\n\n".join(parts)


def plant() -> str:
    """Return the page of what may be set on the demo plant's model."""
    variables = model.Model().describe().variables
    parts = [
        "# The pumping station's model",
        "What a scenario may set on the simulator `pumping-station`. Its outputs are the project's tags, in "
        "their units; where a setpoint stands now is the output `…_now` for the tag without it. Inputs hold "
        "until they are set again; parameters hold from the start. Faults go from 0, healthy, to 1, worst.",
    ]
    for title, chosen in (
        ("Setpoints and the outside", [v for v in variables if v.causality == "input" and not v.fault]),
        ("Faults", [v for v in variables if v.fault]),
        ("Parameters", [v for v in variables if v.causality == "parameter"]),
        ("Outputs that are no tag", [v for v in variables if v.causality == "output" and not v.tag]),
    ):
        lines = [(f"`{v.name}`", v.fault and f"`{v.fault}`", span(v), v.unit, v.title) for v in chosen]
        parts += [f"## {title}", rows(("name", "kind", "range (start)", "unit", "what"), lines)]
    return "\n\n".join(parts)


def span(v: api.Variable) -> str:
    """Return the range of a variable, and where a parameter or an outside value begins."""
    if v.causality == "output":
        return ""
    start = f" ({v.start:g})" if not v.tag and not v.fault else ""
    return f"{v.low:g} … {v.high:g}{start}"


def modules() -> str:
    """Return the page of modules: what each one says of itself in its first line."""
    parts = [
        "# Modules",
        "What stands in each room, by the first line of each module. What a room may know and import, and "
        "why, is told in [the layout](../architecture/layout.md).",
    ]
    for base in (TOP / "app/armillary", TOP / "app/armillary_bench", TOP / "plugins/armillary_plugins"):
        lines: dict[str, list[tuple[str, str]]] = {}
        for path in sorted(base.rglob("*.py")):
            said = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
            inside = path.relative_to(base).with_suffix("").parts
            if said and inside[-1] != "__init__":
                room = inside[0] if len(inside) > 1 else base.name
                lines.setdefault(room, []).append((f"`{'.'.join(inside)}`", said.split("\n", 1)[0]))
        for room, found in sorted(lines.items()):
            parts += [f"## {room}", rows(("module", "what lives here"), found)]
    return "\n\n".join(parts)


PAGES = {
    "pumping-station.md": plant,
    "modules.md": modules,
    "commands.md": commands,
    "actions.md": keys,
    "words.md": words,
    "api.md": ports,
    "findings.md": findings,
}


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
