"""Collect the finding codes (P.., B.., S..) from the source: what is said, how severe, what to do."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent / "app" / "armillary"
ROOMS = ("cli", "encoding", "project", "scene", "session")
SEVERITIES = ("info", "warning", "error", "fatal")
CODE = re.compile(r"[PBS]\d\d")
DEFAULT_CODE = {"wrong": "P02"}  # Table.wrong and Document.wrong without a code
SHORTEST = 2  # a sentence has more than one word


@dataclass(frozen=True, order=True)
class Finding:
    """One sentence that a code is used with."""

    code: str
    severity: str
    says: str
    remedy: str


def is_sentence(text: str) -> bool:
    """Return whether a text is meant for a person."""
    return len(text.split()) >= SHORTEST and text.rstrip()[-1:] in ".?…"


def severity_of(texts: Iterable[str]) -> str:
    """Return the severity among texts, "" where none is named."""
    return next((t for t in texts if t and set(t.split(" / ")) <= set(SEVERITIES)), "")


class Reader(ast.NodeVisitor):
    """Collects the findings of one module; a text given by a local name is looked up in its function."""

    def __init__(self) -> None:
        self.found: list[Finding] = []
        self.remedies: dict[str, tuple[str, str]] = {}  # of a table by code: (severity, remedy)
        self._texts: list[dict[str, str]] = [{}]

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """Read a function with names of its own."""
        self._texts.append({})
        self.generic_visit(node)
        self._texts.pop()

    def visit_Assign(self, node: ast.Assign) -> None:
        """Remember a text that is given a name."""
        text = self._text(node.value)
        for target in node.targets:
            if isinstance(target, ast.Name) and text:
                self._texts[-1][target.id] = text
        self.generic_visit(node)

    def visit_Dict(self, node: ast.Dict) -> None:
        """Read a table of remedies by code."""
        for key, value in zip(node.keys, node.values, strict=True):
            code = self._text(key) if key is not None else ""
            if CODE.fullmatch(code):
                items = value.elts if isinstance(value, ast.Tuple) else [value]
                texts = [self._text(item) for item in items]
                self.remedies[code] = severity_of(texts), next((t for t in texts if is_sentence(t)), "")
        self.generic_visit(node)

    def visit_Tuple(self, node: ast.Tuple) -> None:
        """Read a finding that is yielded as (code, severity, what, remedy)."""
        self._take(node.elts)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        """Read a finding that is made by a call."""
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        named = {k.arg: k.value for k in node.keywords if k.arg}
        arguments = [*node.args, *named.values()]
        if not self._take(arguments) and name in DEFAULT_CODE:
            self._take([*arguments, ast.Constant(DEFAULT_CODE[name])])
        self.generic_visit(node)

    def _text(self, node: ast.expr) -> str:
        """Return a text as it stands in the source, `…` for what is filled in; "" for no text."""
        match node:
            case ast.Name(id=name):
                return next((t[name] for t in reversed(self._texts) if name in t), "")
            case ast.Constant(value=str() as text):
                return text
            case ast.JoinedStr(values=values):
                return "".join(self._text(value) for value in values)
            case ast.FormattedValue(value=ast.Name(id=name) as inner) if name.isupper() or " " in self._text(
                inner
            ):
                return self._text(inner) or "…"
            case ast.FormattedValue():
                return "…"
            case ast.IfExp(body=body, orelse=orelse):
                return " / ".join(filter(None, (self._text(body), self._text(orelse))))
            case ast.BoolOp(values=values):
                return self._text(values[-1])
            case _:
                return ""

    def _take(self, nodes: Iterable[ast.expr]) -> bool:
        """Note the finding that these expressions make, False when none of them is a code."""
        texts = [self._text(node) for node in nodes]
        code = next((t for t in texts if CODE.fullmatch(t)), "")
        if not code:
            return False
        sentences = [t for t in texts if is_sentence(t)]
        says, remedy = [*sentences, "", ""][:2]
        self.found.append(Finding(code, severity_of(texts), says, remedy))
        return True


def findings() -> list[Finding]:
    """Return every finding once, by code; severity and remedy from the code's table where not said."""
    reader = Reader()
    for path in modules():
        reader.visit(ast.parse(path.read_text("utf-8")))
    out: dict[tuple[str, str], Finding] = {}
    for one in reader.found:
        severity, remedy = reader.remedies.get(one.code, ("", ""))
        full = Finding(one.code, one.severity or severity or "error", one.says, one.remedy or remedy)
        out.setdefault((full.code, full.says), full)
    worded = {code for code, says in out if says}
    return sorted(one for (code, says), one in out.items() if says or code not in worded)


def modules() -> Iterator[Path]:
    """Yield the files that may report findings."""
    for room in ROOMS:
        yield from sorted((SOURCE / room).glob("*.py"))


def codes_in_source() -> set[str]:
    """Return every code that stands in the source as a text of its own."""
    quoted = re.compile(r'"([PBS]\d\d)"')
    return {code for path in modules() for code in quoted.findall(path.read_text("utf-8"))}
