"""`armillary model check`: one verdict for each path, each judged alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import click

from armillary.cli.answer import emit_json, tell
from armillary.model.dtdl import Finding, Verdict
from armillary.twin import dtdl
from armillary.twin.dtdl_context import Options
from armillary.twin.dtdl_text import Broken, load
from armillary.twin.dtdl_words import printable

_SHOWN = 20  # findings of a path that are printed for a person


@click.command()
@click.argument("paths", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--allow-undefined-extensions", is_flag=True, help="Take extensions that nobody knows.")
@click.option(
    "--resolve",
    "folders",
    multiple=True,
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False),
    help="Look here for what the documents name; may be given again.",
)
@click.option(
    "--max-version", default=4, metavar="N", type=click.IntRange(2, 4), help="The newest DTDL taken."
)
@click.option(
    "--limits", multiple=True, metavar="DTMI", help="A limit context to accept; may be given again."
)
def check(
    paths: Sequence[str],
    as_json: bool,
    allow_undefined_extensions: bool,
    folders: Sequence[str],
    max_version: int,
    limits: Sequence[str],
) -> int:
    """Judge DTDL: a file is one document, a folder one model of all its *.json.

    Status 0 when all are valid, 1 when one is not, 2 when one cannot be read. Ids found nowhere leave a
    path valid and incomplete.
    """
    options = Options(undefined=allow_undefined_extensions, newest=max_version, limits=tuple(limits))
    library = _Library(folders)
    verdicts = [_judged(path, options, library.find if folders else None) for path in paths]
    if as_json:
        emit_json({"verdicts": [_facts(v) for v in verdicts]})
    else:
        for verdict in verdicts:
            _tell(verdict)
    if any(f.rule in _UNREADABLE for v in verdicts for f in v.findings):
        return 2
    return 0 if all(v.valid for v in verdicts) else 1


_UNREADABLE = frozenset({"unreadable", "noDocuments"})
Find = Callable[[Sequence[str]], Sequence[dtdl.Document]]


def _judged(path: str, options: Options, find: Find | None) -> Verdict:
    place = Path(path).expanduser()
    try:
        files = sorted(p for p in place.rglob("*.json") if p.is_file()) if place.is_dir() else [place]
        documents = [dtdl.Document(where=str(p), data=p.read_bytes()) for p in files]
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        word = getattr(error, "strerror", None) or str(error)
        message = f"The file cannot be read: {word}."
        return _refused(path, "unreadable", message, "Check the path and its rights.")
    if not documents:
        return _refused(path, "noDocuments", "The folder holds no *.json.", "Give the folder of the model.")
    return dtdl.judge(path, documents, options, find, wants_model=False)


def _refused(path: str, rule: str, message: str, hint: str) -> Verdict:
    finding = Finding(rule=rule, message=message, hint=hint, where=path)
    return Verdict(path=path, valid=False, complete=False, findings=(finding,))


class _Library:
    """The documents of the folders to look in, by the ids that they define; read when first asked."""

    def __init__(self, folders: Sequence[str]) -> None:
        self._folders = folders
        self._known: Mapping[str, dtdl.Document] | None = None

    def find(self, ids: Sequence[str]) -> Sequence[dtdl.Document]:
        """Return the documents that define these ids, each once."""
        if self._known is None:
            self._known = self._read()
        found = {self._known[i].where: self._known[i] for i in ids if i in self._known}
        return list(found.values())

    def _read(self) -> dict[str, dtdl.Document]:
        known: dict[str, dtdl.Document] = {}
        for folder in self._folders:
            for path in sorted(Path(folder).rglob("*.json")):
                try:
                    document = dtdl.Document(where=str(path), data=path.read_bytes())
                except OSError:
                    continue  # not ours to judge: what it would define stays unresolved
                for name in _defined(load(document.data)):
                    known.setdefault(name, document)
        return known


def _defined(value: object) -> list[str]:
    """Return the ids of the interfaces at the top of a document."""
    if isinstance(value, Broken):
        return []
    tops = value if isinstance(value, list) else [value]
    named = (top.get("@id") for top in tops if isinstance(top, dict))
    return [name for name in named if isinstance(name, str)]


def _facts(verdict: Verdict) -> dict[str, object]:
    return {
        "path": printable(verdict.path),
        "valid": verdict.valid,
        "complete": verdict.complete,
        "findings": [
            {
                "rule": f.rule,
                "message": f.message,
                "where": printable(f.place),
                "severity": f.severity,
                "hint": f.hint,
                "file": printable(f.where),
                "line": f.line,
                "pointer": f.pointer,
                "id": f.primary,
                "property": f.member,
            }
            for f in verdict.findings
        ],
        "unresolved": list(verdict.unresolved),
    }


def _tell(verdict: Verdict) -> None:
    if not verdict.valid:
        word = "not valid"
    elif verdict.complete:
        word = "valid"
    else:
        word = f"valid, but {len(verdict.unresolved)} ids are found nowhere"
    tell(printable(f"{verdict.path}: {word}"))
    for f in verdict.findings[:_SHOWN]:
        tell(printable(f"  {f.severity:8}{f.rule}  {f.place}: {f.message} {f.hint}".rstrip()))
    if len(verdict.findings) > _SHOWN:
        tell(f"  … {len(verdict.findings) - _SHOWN} more; --json tells all")
