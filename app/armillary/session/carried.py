"""Bindings that a USD file carries (`usdbindingschema`, three spellings) → those of a project."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import tomlkit

from armillary.encoding.openusd_in import binding_name, prim_path, tag_word
from armillary.model import unece
from armillary.model.binding import Binding
from armillary.model.clock import WallClock
from armillary.model.fault import ProjectFault, WorldFault
from armillary.model.message import AskCarried, Done, Json, WriteTwin
from armillary.model.openusd import Trouble
from armillary.project import folder as projects
from armillary.project.edit import NewTag, with_new_tags
from armillary.project.record import TWINS_FILE, Project
from armillary.session import offers
from armillary.session.reading import ask_child, scene_child

USD = (".usd", ".usda", ".usdc")
LIMIT_S = 120.0
_PORT, _TLS_PORT = 1883, 8883
_TLS = ("mqtts", "ssl", "tls", "wss")
_PATH = re.compile(r"^\$?[\w.\[\]'\"*@?()=<>! -]*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One attribute with a binding of another tool."""

    prim: str
    attribute: str
    type: str
    spelling: str  # mqtt | binding | flat | event | request
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What it becomes: bindings, tags, and the brokers that were in the scene as sources (name, url)."""

    bindings: tuple[Binding, ...]
    tags: tuple[NewTag, ...]
    sources: tuple[tuple[str, str], ...]
    notes: tuple[Trouble, ...]


def read(path: Path) -> tuple[Found, ...]:
    """Return what a USD file carries. Raises Fault."""
    with scene_child() as (line, process):
        answer = ask_child(line, process, AskCarried(layer=str(path)), LIMIT_S, str(path))
    if not isinstance(answer, Json):
        raise _other(path)
    rows = json.loads(answer.text)["rows"]
    if not rows:
        raise ProjectFault(
            "No attribute of this file carries a binding that we know.",
            where=str(path),
            remedy="Give a file with customData mqtt, binding or binding_protocol on its attributes.",
        )
    return tuple(Found(**row) for row in rows)


def _other(path: Path) -> WorldFault:
    return WorldFault(
        "The scene reader answered something else.", where=str(path), remedy="Update both sides."
    )


def understood(project: Project, found: Sequence[Found]) -> Taken:
    """Return what a file's bindings become in a project; nothing is written, nothing raises."""
    by_url = {link.url: link.name for link in project.links}
    known = {f"{s.link}!{s.address}": s.name for s in project.specs}
    taken_names = {s.name for s in project.specs} | {link.name for link in project.links}
    bindings: list[Binding] = []
    tags: list[NewTag] = []
    sources: list[tuple[str, str]] = []
    notes: list[Trouble] = []
    for one in found:
        at = f"{one.prim}.{one.attribute}"
        url, topic, path, why = _meant(one)
        if why or not prim_path("", one.prim):
            notes.append(Trouble(where=at, what=why or "The prim path cannot be used.", code="unresolved"))
            continue
        if url not in by_url:
            by_url[url] = _free(_source_name(url), taken_names)
            sources.append((by_url[url], url))
            notes.append(Trouble(where=at, what=f"Its broker {url} moves to project.toml.", code="broker"))
        address = f"{topic}#{path}" if path else topic
        full = f"{by_url[url]}!{address}"
        unit = unece.spelt(one.fields.get("unit", ""))
        if full not in known:
            twin = tag_word(one.prim.rpartition("/")[2])
            key = _free(tag_word(one.attribute.replace(":", "-")), taken_names, f"{twin}.")
            tags.append(NewTag(twin=twin, prim=one.prim, key=key, address=full, unit=unit))
            known[full] = f"{twin}.{key}"
        if "refreshInterval" in one.fields:
            what = "Its refresh interval is not used: values are shown as they come."
            notes.append(Trouble(where=at, what=what, code="refresh"))
        bindings.append(
            Binding(
                name=binding_name(one.attribute.replace(":", "_")),
                prim=one.prim,
                signal=known[full],
                channel="custom",
                property_name=one.attribute,
                value_type=one.type,
                unit=unit,
                enabled=one.fields.get("enabled", "true").lower() not in ("false", "0"),
            )
        )
    return Taken(bindings=tuple(bindings), tags=tuple(tags), sources=tuple(sources), notes=tuple(notes))


def _meant(one: Found) -> tuple[str, str, str, str]:
    """Return (url of the broker, topic, path in the payload, why it is not taken)."""
    fields = one.fields
    if one.spelling == "request":
        return "", "", "", "It asks a web service now and then, which is no source of ours: left out."
    if one.spelling == "event":
        return (
            "",
            "",
            "",
            f"Its connection '{fields.get('connectionRef', '')[:60]}' is kept outside: left out.",
        )
    if one.spelling != "mqtt" and fields.get("protocol", "mqtt").lower() not in ("mqtt", "mqtts"):
        return "", "", "", f"The protocol '{fields['protocol'][:20]}' is no source of ours: left out."
    url = _url(fields.get("broker" if one.spelling == "mqtt" else "uri", ""))
    topic, path = fields.get("topic", ""), fields.get("jsonPath", "")
    if not url or not topic or "#" in topic or "+" in topic or "\0" in topic:
        return "", "", "", "It names no broker and one topic: left out."
    if not _PATH.match(path):
        return "", "", "", "Its path cannot be read: left out."
    return url, topic, path if path.startswith("$") or not path else f"$.{path}", ""


def _url(said: str) -> str:
    """Return a broker's address as a source has it, without a password; "" when it is none."""
    text = said if "//" in said else f"mqtt://{said}"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return ""
    if not parts.hostname or not re.fullmatch(r"[\w.:-]+", parts.hostname):
        return ""
    is_tls = parts.scheme in _TLS
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{'mqtts' if is_tls else 'mqtt'}://{host}:{port or (_TLS_PORT if is_tls else _PORT)}"


def _source_name(url: str) -> str:
    host = (urlsplit(url).hostname or "broker").lower()
    word = re.sub(r"[^a-z0-9-]+", "-", host).strip("-") or "broker"
    return word if word[0].isalpha() else f"broker-{word}"


def _free(wanted: str, taken: set[str], prefix: str = "") -> str:
    name, number = wanted, 2
    while prefix + name in taken:
        name, number = f"{wanted}-{number}", number + 1
    taken.add(prefix + name)
    return name


def take_in(folder: Path, taken: Taken) -> None:
    """Write sources, tags and bindings into a project. Raises Fault."""
    if taken.sources:
        docs = projects.documents(folder)
        array = docs.project.setdefault("source", tomlkit.aot())
        for name, url in taken.sources:
            source: dict[str, Any] = {"name": name, "kind": "mqtt", "url": url}  # Any: TOML values
            array.append(tomlkit.item(source))
        projects.save(folder, docs, WallClock().now_ns())
    path = folder / TWINS_FILE
    try:
        text = path.read_text("utf-8") if path.exists() else ""
        projects.write_atomic(path, with_new_tags(text, taken.tags))
    except OSError as error:
        raise ProjectFault(
            f"The project cannot be written: {error.strerror}.",
            where=str(path),
            remedy="Check the folder's permissions and free space.",
        ) from error
    offers.save(projects.read(folder), taken.bindings)


def write_twin(project: Project, output: Path) -> None:
    """Write a root layer for other tools: bindings and parts over the scene. Raises Fault."""
    if project.entry is None:
        raise ProjectFault("This project has no scene.", where=str(project.folder), remedy="Name one.")
    above = tuple(str(p) for p in (project.bindings, project.composed) if p is not None and p.exists())
    with scene_child() as (line, process):
        ask = WriteTwin(entry=str(project.entry), above=above, output=str(output))
        if not isinstance(ask_child(line, process, ask, LIMIT_S, str(project.entry)), Done):
            raise _other(output)
