"""Bindings as text on the clipboard: from one part to another, also of another desk and another project.

A binding says which tag drives it, so on another part its tags are other ones: `P-101A.speed` on pump A is
`P-101B.speed` on pump B. Which twin is which follows from the two parts; the rest is a table of words that
a person sees before anything is bound.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from armillary.encoding.channels import channel_key
from armillary.model.binding import Binding
from armillary.model.fault import Fault
from armillary.model.twin import TwinInstance
from armillary.session.draft import free_name

HEAD = "armillary bindings 1"
MOST = 4_000_000  # characters that are read from a clipboard
_EXPRESSION_WORD = re.compile(r"`[^`]+`|[^\W\d][\w.\-:]*")
_NUMBER = re.compile(r"\d+[A-Za-z]?|[A-Za-z]$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One binding as it would be pasted."""

    source: Binding
    made: Binding
    why_not: str = ""  # it cannot be; "" = it can
    note: str = ""  # what is worth knowing
    replaces: tuple[str, ...] = ()  # names of bindings of the part that it takes the place of


class _Paper(msgspec.Struct, frozen=True):
    head: str
    root: str  # the part that was copied
    bindings: tuple[Binding, ...]


def copied(bindings: Sequence[Binding], root: str) -> str:
    """Return bindings of a part, or of what is below it, as text that another desk can paste."""
    told = _Paper(HEAD, root, tuple(replace(b, origin="", id="", part="") for b in bindings))
    return msgspec.json.format(msgspec.json.encode(told), indent=1).decode()


def pasted(text: str) -> tuple[tuple[Binding, ...], str] | str:
    """Return (bindings, the part they were copied from), or why a text holds none."""
    if HEAD not in text[:200] or len(text) > MOST:
        return "The clipboard holds no bindings: copy some from a part or from the table first."
    try:
        paper = msgspec.json.decode(text.encode(), type=_Paper)
    except msgspec.MsgspecError as error:
        return f"The bindings on the clipboard cannot be read: {error}."
    if paper.head != HEAD or not paper.root.startswith("/") or not paper.bindings:
        return "The bindings on the clipboard are of another kind."
    if any(not b.prim.startswith("/") or not b.name for b in paper.bindings):
        return "The bindings on the clipboard name no parts."
    return paper.bindings, paper.root


def common_root(paths: Collection[str]) -> str:
    """Return the nearest part that holds all of some parts, `/` for none."""
    rows = [path.strip("/").split("/") for path in paths]
    if not rows:
        return "/"
    shared = 0
    while all(len(row) > shared for row in rows) and len({row[shared] for row in rows}) == 1:
        shared += 1
    return "/" + "/".join(rows[0][:shared])


def words_between(
    source: str,
    target: str,
    signals: Sequence[str],
    known: Collection[str],
    twins: Sequence[TwinInstance] = (),
) -> tuple[tuple[str, str], ...]:
    """Return (word, in its place) pairs that make the tags of the source part those of the target part.

    First the twins that stand at the two parts, else what differs in their paths, as far as a tag that is
    known comes of it.
    """
    by_prim = {t.prim: t.id for t in twins if t.prim}
    one, other = by_prim.get(source, ""), by_prim.get(target, "")
    if one and other and one != other:
        return ((one, other),)
    heads = {signal.partition(".")[0] for signal in signals if signal}
    if other and len(heads) == 1:
        (only,) = heads
        return ((only, other),) if only != other else ()
    out: list[tuple[str, str]] = []
    known_heads = list(dict.fromkeys(name.partition(".")[0] for name in known))
    for head in sorted(heads):
        made = _like(head, source, target, known_heads)
        if made and made != head:
            out.append((head, made))
    return tuple(out)


def _like(head: str, source: str, target: str, heads: Sequence[str]) -> str:
    """Return the twin that is to the target what `head` is to the source, "" where none is."""
    a, b = (path.rsplit("/", 1)[-1] for path in (source, target))
    direct = _swapped(head, a, b)
    if direct in heads:
        return direct
    digits_a, digits_b = _NUMBER.findall(a), _NUMBER.findall(b)
    for x, y in zip(digits_a, digits_b, strict=False):
        if x != y and (made := head.replace(x, y, 1)) != head and made in heads:
            return made
    squeezed = {_squeeze(name): name for name in heads}
    return squeezed.get(_squeeze(b), "") if _squeeze(head) == _squeeze(a) else ""


def _swapped(head: str, a: str, b: str) -> str:
    return b if head == a else head.replace(a, b) if a and a in head else ""


def _squeeze(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.casefold())


def adapted(text: str, words: Sequence[tuple[str, str]]) -> str:
    """Return a tag's name with words replaced: whole ones at its begin (`P-101A.`), else anywhere in it."""
    for word, other in words:
        if not word:
            continue
        if text == word or text.startswith(f"{word}."):
            return other + text[len(word) :]
    for word, other in words:
        if word and word in text:
            return text.replace(word, other)
    return text


def adapted_expression(text: str, words: Sequence[tuple[str, str]], known: Collection[str]) -> str:
    """Return an expression with the tags in it adapted; what is no tag stays."""

    def other(found: re.Match[str]) -> str:
        whole = found.group()
        name = whole.strip("`")
        made = adapted(name, words)
        if made == name or (name not in known and made not in known):
            return whole
        return f"`{made}`" if whole.startswith("`") else made

    return _EXPRESSION_WORD.sub(other, text)


def preview(
    bindings: Sequence[Binding],
    source: str,
    targets: Sequence[str],
    existing: Sequence[Binding],
    *,
    prims: Collection[str],
    tags: Collection[str],
    words: Mapping[str, Sequence[tuple[str, str]]],
) -> tuple[Line, ...]:
    """Return what would be bound on each target part.

    words: target → (word, in its place), as `words_between` proposes them and a person changed them.
    """
    of_prim: dict[str, list[Binding]] = {}
    for b in existing:
        of_prim.setdefault(b.prim, []).append(b)
    made_names: dict[str, list[Binding]] = {}
    out: list[Line] = []
    for target in targets:
        for b in bindings:
            prim = _moved(b.prim, source, target)
            there = [*of_prim.get(prim, ()), *made_names.get(prim, ())]
            out.append(_line(b, prim, source, target, there, prims, tags, words.get(target, ())))
            made_names.setdefault(prim, []).append(out[-1].made)
    return tuple(out)


def _line(
    b: Binding,
    prim: str,
    source: str,
    target: str,
    there: Sequence[Binding],
    prims: Collection[str],
    tags: Collection[str],
    words: Sequence[tuple[str, str]],
) -> Line:
    signal = adapted(b.signal, words)
    taken = tuple(other for other in there if _clash(other, b))
    name = taken[0].name if taken else b.name
    if not taken and any(other.name == name for other in there):
        name = free_name(signal or name, prim, there)
    made = replace(
        b,
        prim=prim,
        name=name,
        signal=signal,
        targets=tuple(_moved(path, source, target) for path in b.targets),
        map=replace(b.map, expr=adapted_expression(b.map.expr, words, tags)),
        field=replace(b.field, sensors=tuple(_moved(p, source, target) for p in b.field.sensors)),
        origin=f"bindings.usda:{prim}#{name}",
        id="",
        address="" if b.signal else b.address,
        command="",
    )
    why, notes = "", []
    if prim not in prims:
        why = f"There is no part '{prim}'."
    elif signal and signal not in tags:
        near = difflib.get_close_matches(signal, tags, 1) if len(tags) <= 5_000 else []  # noqa: PLR2004
        why = f"There is no tag '{signal}'." + (f" Did you mean '{near[0]}'?" if near else "")
    if signal == b.signal and b.signal and prim != b.prim:
        notes.append("the same tag")
    if b.command:
        notes.append("its command is left out")
    if taken:
        notes.append(f"replaces {', '.join(other.name for other in taken)}")
    gone = tuple(other.name for other in taken[1:])
    return Line(source=b, made=made, why_not=why, note="; ".join(notes), replaces=gone)


def _moved(path: str, source: str, target: str) -> str:
    root = source.rstrip("/")
    if path == source:
        return target
    return target.rstrip("/") + path[len(root) :] if path.startswith(f"{root}/") else path


def _clash(a: Binding, b: Binding) -> bool:
    try:
        return channel_key(a) == channel_key(b)
    except Fault:
        return a.channel == b.channel
