"""Judges DTDL documents: reads, resolves and checks them, and says what it found."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from armillary.model.dtdl import Finding, Verdict
from armillary.twin import dtdl_build as build
from armillary.twin import dtdl_links as links
from armillary.twin import dtdl_text as texts
from armillary.twin import dtdl_words as words
from armillary.twin.dtdl_context import Options
from armillary.twin.dtdl_elements import At, Issue, Reading, pointer
from armillary.twin.dtdl_reader import Reader
from armillary.twin.dtdl_rules import Rules

_ROUNDS = 64  # of asking for what is not there; each can name more
_SHOWN = 1000  # findings of one verdict; a document can break a rule a million times


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A text, as bytes, with the place it came from."""

    where: str
    data: bytes


Resolve = Callable[[Sequence[str]], Sequence[Document]]
"""Returns the documents that may define these ids; called again with ids that those name."""


def judge(
    path: str,
    documents: Sequence[Document],
    options: Options | None = None,
    resolve: Resolve | None = None,
    *,
    wants_model: bool = True,
) -> Verdict:
    """Return the verdict on documents taken as one model. Nothing is raised, whatever they hold.

    `wants_model` False leaves out the model of a valid verdict, where only the verdict is of use.
    """
    run = _Run(path, options or Options(), wants_model)
    collects = gc.isenabled()
    gc.disable()  # what is read is kept: looking for garbage meanwhile takes a quarter of the time
    try:
        return run.judge(documents, resolve)
    except RecursionError:
        run.reading.issues.clear()
        run.reading.report("nestedTooDeep", (0,))
        return run.verdict(())
    finally:
        if collects:
            gc.enable()


def _twice(path: tuple[object, ...], key: str) -> str:
    """Return the rule that a key breaks which stands twice in one object."""
    if key in {"@id", "@type", "@context"}:
        return f"repeated{key[1:].capitalize()}Property"
    in_text = bool(path) and path[-1] in {"displayName", "description"}
    return "langStringCodeNotUnique" if in_text else "duplicatePropertyName"


class _Run:
    def __init__(self, path: str, options: Options, wants_model: bool) -> None:
        self.path, self._wants_model = path, wants_model
        self.reading = Reading()
        self._reader = Reader(self.reading, options)
        self._documents: list[Document] = []

    def judge(self, documents: Sequence[Document], resolve: Resolve | None) -> Verdict:
        self._read(documents)
        if self.reading.issues:
            return self.verdict(())
        loose = self._resolve(resolve)
        if self.reading.issues:
            return self.verdict(())
        links.check(self.reading)
        if not self.reading.issues:
            Rules(self.reading).check()
        return self.verdict(loose)

    def _read(self, documents: Sequence[Document]) -> None:
        for document in documents:
            index = len(self._documents)
            self._documents.append(document)
            value, has_doubled = texts.read(document.data)
            at: At = (index,)
            if isinstance(value, texts.Broken):
                self.reading.report(
                    value.rule, at, value=value.word, count=value.count, limit=texts.BYTES, line=value.line
                )
                continue
            for path, key in texts.doubled(value) if has_doubled else ():
                place = at
                for step in (*path, key):
                    place = (place, step)
                self.reading.report(_twice(path, key), place, member=key, value=key)
            before = len(self.reading.tops)
            self._reader.document(value, at)
            self._sizes(value, len(document.data), before)

    def _sizes(self, value: object, size: int, before: int) -> None:
        """Report interfaces whose text is longer than their language takes."""
        for element in self.reading.tops[before:]:
            limit = element.context.limits.interface_bytes
            if limit is None or size <= limit:
                continue
            text: object = value
            if isinstance(value, list) and isinstance(element.at[-1], int):
                text = value[element.at[-1]]
            count = len(json.dumps(text, ensure_ascii=False, separators=(",", ":")).encode())
            if count > limit:
                self.reading.report("partitionTooLarge", element.at, element.id, count=count, limit=limit)

    def _resolve(self, resolve: Resolve | None) -> tuple[str, ...]:
        """Return the ids that are found nowhere, after asking for them."""
        asked: set[str] = set()
        loose = links.loose(self.reading)
        for _ in range(_ROUNDS):
            fresh = sorted(set(loose) - asked)
            if not fresh or resolve is None:
                break
            asked.update(fresh)
            more = resolve(fresh)
            if not more:
                break
            self._read(more)
            if self.reading.issues:
                return ()
            loose = links.loose(self.reading)
        return tuple(sorted(loose))

    def verdict(self, unresolved: tuple[str, ...]) -> Verdict:
        """Return what is known now."""
        issues = self.reading.issues[:_SHOWN]
        for target, (element, link, member) in links.loose(self.reading).items() if unresolved else ():
            issues.append(Issue("unresolved", link.at, element.id, member, {"value": target}))
        findings = self._told(issues)
        valid = not self.reading.issues
        places: dict[str, tuple[str, int]] = {}
        for top in self.reading.tops:
            index, _ = pointer(top.at)
            if isinstance(index, int):
                places[top.id] = (self._documents[index].where, 0)
        return Verdict(
            path=self.path,
            valid=valid,
            complete=not unresolved,
            findings=findings,
            unresolved=unresolved,
            model=build.model(self.reading, places) if valid and self._wants_model else None,
        )

    def _told(self, issues: Sequence[Issue]) -> tuple[Finding, ...]:
        placed = [(issue, *pointer(issue.at)) for issue in issues]
        wanted: dict[int, set[str]] = {}
        for _, index, where in placed:
            if isinstance(index, int):
                wanted.setdefault(index, set()).add(where)
        lines = {
            index: texts.lines(self._documents[index].data, pointers)
            for index, pointers in wanted.items()
            if index < len(self._documents) and len(self._documents[index].data) <= texts.LINED
        }
        return tuple(self._finding(issue, index, where, lines) for issue, index, where in placed)

    def _finding(self, issue: Issue, index: object, where: str, lines: dict[int, dict[str, int]]) -> Finding:
        shown = dict(issue.words)
        inner = shown.pop("inner", "")
        line = shown.pop("line", 0)
        fill = {**shown, "member": issue.member, "primary": issue.primary, "inner": inner}
        message, hint = map(words.printable, words.told(issue.rule, fill))
        known = isinstance(index, int) and index < len(self._documents)
        if not line and isinstance(index, int):
            line = lines.get(index, {}).get(where, 0)
        return Finding(
            rule=issue.rule,
            message=message,
            pointer=words.printable(where),
            line=line if isinstance(line, int) else 0,
            hint=hint,
            where=self._documents[index].where if known and isinstance(index, int) else "",
            severity="warning" if issue.rule == "unresolved" else "error",
            primary=issue.primary,
            member=words.printable(issue.member),
        )
