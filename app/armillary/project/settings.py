"""Reading of project.toml: scene, sources, colour maps, historian, limits."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from armillary.model.binding import ColourMap
from armillary.model.clock import parse_iso
from armillary.model.fault import ProjectFault
from armillary.model.link import PROFILES, DecoderSpec, LinkSpec
from armillary.model.motion import SceneTime
from armillary.model.units import conversion
from armillary.project.record import (
    BINDINGS_FILE,
    COMPOSED_FILE,
    SCENE_SUFFIXES,
    TWINS_FILE,
    Commanding,
    Drifting,
    Forward,
    Historian,
    Keeping,
)
from armillary.project.table import PAIR, Table, nearest

SOURCE_NAME = re.compile(r"[a-z][a-z0-9_-]*")
COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
ROLLUPS = ("1m", "1h", "1d")
EMBEDDED = "duckdb"  # the store that comes with Armillary
SPACE = re.compile(r"[a-z][a-z0-9_]{0,47}")
EXPRESSION_SOURCE = "expr"  # `expr!a / b` is an address without a link
MAX_DAYS, MAX_TAGS, MAX_LIMIT, MAX_SECONDS = 36_500, 10_000_000, 2**53, 31_536_000.0
SCENE_LIMITS = ("layers", "bytes", "prims", "points", "triangles", "seconds")
PROFILE_KEYS = ("prefix", "application", "topic")
TICK_HZ = (1, 60)
DEFAULT_STALE_S = 10.0
REORDER_S, MAX_REORDER_S = 2.0, 60.0  # of a subscription that is shared, and the longest wait for an order


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The `[scene]` table with absolute paths."""

    entry: Path | None
    bindings: Path
    composed: Path | None
    roots: tuple[Path, ...]
    load: str
    purposes: tuple[str, ...]
    default_camera: str
    time: SceneTime | None
    limits: dict[str, int]


def inside(path: Path, roots: tuple[Path, ...]) -> bool:
    """Return whether a path, with its links followed, lies under one of the folders."""
    real = Path(os.path.realpath(path))
    return any(real.is_relative_to(os.path.realpath(root)) for root in roots)


def _confined(
    table: Table, key: str, folder: Path, roots: tuple[Path, ...], default: str = ""
) -> Path | None:
    text = table.text(key, default)
    if not text:
        return None
    path = Path(os.path.normpath(folder / text))
    if not inside(path, (folder, *roots)):
        table.wrong(
            key,
            f"'{text}' lies outside the project folder and scene.roots.",
            "Move it into the project, or name its folder in scene.roots.",
            "P05",
        )
        return None
    return path


def scene(table: Table, folder: Path) -> Scene:
    """Return the scene's settings; a path outside the roots is an error, a missing file a warning."""
    roots: list[Path] = []
    for text in table.texts("roots"):
        root = Path(os.path.normpath(folder / text))
        if Path(text).is_absolute():
            table.document.wrong(
                (*table.path, "roots"),
                f"The root '{text}' is absolute, so the project works on this machine only.",
                "Give a folder relative to the project.",
                "P06",
                "warning",
            )
        roots.append(root)
    entry = _confined(table, "entry", folder, tuple(roots))
    if entry is not None and entry.suffix.lower() not in SCENE_SUFFIXES:
        table.wrong("entry", f"'{entry.name}' is not a scene.", f"Give one of {', '.join(SCENE_SUFFIXES)}.")
    elif entry is not None and not entry.is_file():
        table.document.wrong(
            (*table.path, "entry"),
            f"The scene {entry} is not there.",
            "Put it there or correct scene.entry.",
            "P07",
            "warning",
        )
    bindings = _confined(table, "bindings", folder, (), BINDINGS_FILE) or folder / BINDINGS_FILE
    composed = _confined(table, "composed", folder, (), COMPOSED_FILE)
    limits = table.table("limits")
    out = Scene(
        entry=entry,
        bindings=bindings,
        composed=composed if composed is not None and composed.is_file() else None,
        roots=tuple(roots),
        load=table.choice("load", ("all", "none", "view"), "all"),
        purposes=table.texts("purposes", ("default", "render")),
        default_camera=table.text("default_camera"),
        time=_scene_time(table.table("time")) if "time" in table else None,
        limits={key: limits.whole(key, 0, 1, MAX_LIMIT) for key in SCENE_LIMITS if key in limits},
    )
    for key in SCENE_LIMITS:
        limits.raw(key)
    limits.done()
    table.done()
    return out


def _scene_time(table: Table) -> SceneTime | None:
    """Return how the scene's own time follows the world's; None where its start cannot be read."""
    start_ns = _moment(table, "start")
    end_ns = _moment(table, "end") if "end" in table else 0
    repeats = table.choice("at_end", ("hold", "repeat"), "hold") == "repeat"
    table.done()
    if not start_ns:
        return None
    if end_ns and end_ns <= start_ns:
        table.wrong("end", "The scene's time ends before it starts.", "Give an end after the start.")
        end_ns = 0
    return SceneTime(start_ns=start_ns, end_ns=end_ns, repeats=repeats)


def _moment(table: Table, key: str) -> int:
    """Return a time of the world in ns UTC, 0 for one that cannot be read. TOML's own times serve too."""
    raw = table.raw(key)
    text = raw if isinstance(raw, str) else raw.isoformat() if hasattr(raw, "isoformat") else ""
    try:
        return parse_iso(text)
    except ValueError:
        table.wrong(key, f"'{raw}' is no time.", "Write one with its offset, such as 2026-03-12T06:00:00Z.")
        return 0


def link(table: Table) -> LinkSpec | None:
    """Return one `[[source]]`; keys that only its plugin knows become `settings`. None without a name."""
    name = table.text("name", required=True)
    if not name:
        return None
    if not SOURCE_NAME.fullmatch(name) or name == EXPRESSION_SOURCE:
        table.wrong(
            "name",
            f"The source name '{name}' cannot be used in addresses.",
            f"Use small letters, digits, _ and -, a letter first; '{EXPRESSION_SOURCE}' is taken.",
        )
    profile, given = _profile(table)
    window_s = REORDER_S if "$share/" in str(table.data.get("subscribe", "")) else 0.0
    return LinkSpec(
        name=name,
        kind=table.text("kind", required=True),
        url=table.text("url", required=True),
        stale_after_s=table.number("stale_after_s", DEFAULT_STALE_S, 0.0, MAX_SECONDS),
        stale_given="stale_after_s" in table,
        commands=table.flag("commands", False),
        trust_clock=table.flag("trust_clock", True),
        reorder_window_s=table.number("reorder_window_s", window_s, 0.0, MAX_REORDER_S),
        decoder=table.chain("decoder", "auto") or "auto",
        profile=profile,
        profile_settings=given,
        settings=table.rest(),
        origin=f"{table.document.name}:source.{name}",
    )


def _profile(table: Table) -> tuple[str, dict[str, str]]:
    """Return a source's profile and its settings, from a name or a table `{ name = …, prefix = … }`."""
    if not isinstance(table.raw("profile", ""), dict):
        name = table.choice("profile", ("", *PROFILES), "")
        return name, {}
    inner = table.table("profile")
    name = inner.choice("name", PROFILES, PROFILES[0])
    given = {key: inner.text(key) for key in PROFILE_KEYS if key in inner}
    for key in PROFILE_KEYS:
        inner.raw(key)
    inner.done()
    return name, given


def decoders(root: Table) -> tuple[DecoderSpec, ...]:
    """Return all `[decoder.NAME]`; what a kind needs is its plugin's matter."""
    out: list[DecoderSpec] = []
    for name, table in root.named("decoder"):
        if not SOURCE_NAME.fullmatch(name):
            remedy = "Use small letters, digits, _ and -, a letter first."
            table.document.wrong(table.path, f"'{name}' cannot be a decoder's name.", remedy)
        kind = table.text("kind", required=True)
        origin = f"{table.document.where(table.path)}: decoder.{name}"
        out.append(DecoderSpec(name=name, kind=kind, settings=table.rest(), origin=origin))
    return tuple(out)


def links(root: Table) -> tuple[LinkSpec, ...]:
    """Return all sources in the order of the file; names are unique."""
    out: dict[str, LinkSpec] = {}
    for table in root.tables("source"):
        spec = link(table)
        if spec is None:
            continue
        if spec.name in out:
            table.wrong("name", f"There are two sources '{spec.name}'.", "Rename one of them.", "P08")
        out[spec.name] = spec
    return tuple(out.values())


def _stop(item: Any) -> tuple[float, str] | None:  # Any: a TOML value that is being checked
    if not isinstance(item, list) or len(item) != PAIR:
        return None
    at, colour = item
    number = isinstance(at, (int, float)) and not isinstance(at, bool)
    if not number or not isinstance(colour, str) or not COLOUR.fullmatch(colour):
        return None
    return float(at), colour.lower()


def colormap(name: str, table: Table) -> ColourMap | None:
    """Return one `[colormap.<name>]`; None when its stops cannot be used."""
    kind = table.choice("kind", ("linear", "steps", "states"), "linear")
    unit, title, labels = table.text("unit"), table.text("title"), table.texts("labels")
    raw = table.raw("stops", [])
    table.done()
    stops = [_stop(item) for item in raw] if isinstance(raw, list) else []
    good = [stop for stop in stops if stop is not None]
    if not good or len(good) != len(stops):
        table.wrong("stops", f"The stops of '{name}' cannot be read.", "Give [[position, '#rrggbb'], …].")
        return None
    places = [at for at, _ in good]
    if any(b <= a for a, b in itertools.pairwise(places)):
        table.wrong("stops", f"The stops of '{name}' do not ascend.", "Sort them by position, each once.")
        return None
    if kind != "states" and not (places[0] >= 0.0 and places[-1] <= 1.0):
        table.wrong("stops", f"The stops of '{name}' leave 0…1.", "Give positions from 0 to 1.")
        return None
    if labels and len(labels) != len(good):
        table.wrong("labels", f"'{name}' has {len(good)} stops and {len(labels)} labels.", "Give one each.")
        return None
    return ColourMap(
        name=name,
        kind=kind,
        stops=tuple(good),
        unit=unit,
        title=title,
        labels=labels,
        origin=f"{table.document.name}:colormap.{name}",
    )


def converted(table: Table, key: str, unit: str, other: str) -> tuple[float, float]:
    """Return (factor, offset) from `unit` to `other`; notes a unit that is not known or does not fit."""
    try:
        return conversion(unit, other)
    except ProjectFault as fault:
        table.wrong(key, fault.what, fault.remedy, "P09")
        return 1.0, 0.0


def drifting(table: Table) -> Drifting:
    """Return the `[drift]` table."""
    out = Drifting(
        every_s=table.number("every_s", 60.0, 0.1, MAX_SECONDS),
        missing_s=table.number("missing_s", 600.0, 0.1, MAX_SECONDS),
    )
    table.done()
    return out


def historian(table: Table) -> Historian:
    """Return the `[historian]` table."""
    rollups = table.texts("rollups", ROLLUPS)
    for name in rollups:
        if name not in ROLLUPS:
            table.wrong(
                "rollups", f"The rollup '{name}' is not known.", f"Give some of {', '.join(ROLLUPS)}."
            )
    out = Historian(
        store=table.text("store", "duckdb"),
        retention_days=(days := table.whole("retention_days", 400, 1, MAX_DAYS)),
        minute_days=(minutes := table.whole("minute_days", max(days, 1_200), 1, MAX_DAYS)),
        rollup_days=table.whole("rollup_days", max(minutes, 3_660), 1, MAX_DAYS),
        quota_gb=table.number("quota_gb", 0.0, 0.0),
        keep=tuple(_keeping(one, days) for one in table.tables("keep")),
        personal_days=table.whole("personal_days", 30, 1, MAX_DAYS),
        rollups=rollups,
        record=table.choice("record", ("all", "historized", "listed"), "historized"),
        compression=table.choice("compression", ("none", "deadband", "line"), "none"),
        deadband_percent=table.number("deadband_percent", 0.0, 0.0, 50.0),
        max_interval_s=table.number("max_interval_s", 600.0, 1.0, MAX_SECONDS),
        url=table.text("url"),
        space=table.text("space"),
        secret=table.text("secret"),
    )
    _server(table, out)
    table.done()
    return out


def _keeping(table: Table, most: int) -> Keeping:
    """Return one `[[historian.keep]]`: some tags' own time, which is never longer than that of all."""
    out = Keeping(tags=table.texts("tags"), days=table.whole("days", 30, 1, most))
    if not out.tags:
        table.wrong("tags", "It says no tags.", 'Give patterns such as tags = ["badge.*"].')
    table.done()
    return out


def _server(table: Table, out: Historian) -> None:
    """Note what is wrong with where a store's server is; the embedded one has none."""
    if out.store == EMBEDDED:
        for key in ("url", "space", "secret"):
            if getattr(out, key):
                what = (
                    f"'{key}' is of a store with a server; the store '{EMBEDDED}' is a file of this project."
                )
                table.wrong(key, what, "Remove it, or set store to another one.")
        return
    try:
        parts = urlsplit(out.url)
        host, password = parts.hostname, parts.password
    except ValueError:
        host, password = None, None
    if not host:
        what = f"The store '{out.store}' needs the url of its server."
        table.wrong("url", what, 'Give one such as url = "postgresql://armillary@db.example:5432/plant".')
    if password:
        remedy = 'Take it out and keep it by: armillary secret set NAME; here stands secret = "NAME" only.'
        table.wrong("url", "The url holds a password in plain text.", remedy)
    if out.space and not SPACE.fullmatch(out.space):
        table.wrong("space", f"'{out.space}' cannot be a space.", "Use a-z, 0-9 and _, a letter first.")


def commanding(table: Table) -> Commanding:
    """Return the `[command]` table."""
    out = Commanding(
        enabled=table.flag("enabled", False), max_age_s=table.number("max_age_s", 5.0, 0.1, 3600.0)
    )
    table.done()
    return out


def publish_persons(table: Table) -> int:
    """Return how many people publish a version, from the `[publish]` table."""
    out = table.whole("persons", 1, 1, 2)
    table.done()
    return out


def forward(table: Table, links: Sequence[LinkSpec]) -> Forward:
    """Return the `[forward]` table of an edge."""
    names = [spec.name for spec in links]
    link, topic = table.text("link", required=True), table.text("topic", required=True)
    if link and link not in names:
        remedy = nearest(link, names).strip() or f'Add a [[source]] with name = "{link}".'
        table.wrong("link", f"There is no source '{link}'.", remedy, "B05")
    if topic and (set("+#\0") & set(topic) or topic.startswith(("/", "$")) or topic.endswith("/")):
        remedy = "Give one such as edge/north: no wildcards, no / at its ends, no $ at its start."
        table.wrong("topic", f"'{topic}' cannot be the topic of an edge.", remedy)
    out = Forward(
        link=link,
        topic=topic,
        format=table.choice("format", ("json", "cbor"), "json"),
        batch_s=table.number("batch_s", 0.25, 0.02, 60.0),
        store_mb=table.whole("store_mb", 256, 1, 65_536),
        store_days=table.number("store_days", 7.0, 0.001, MAX_DAYS),
        late_per_s=table.whole("late_per_s", 5_000, 1, 1_000_000),
        health_s=table.number("health_s", 10.0, 1.0, 3600.0),
        origin=f"{table.document.name}:forward",
    )
    table.done()
    return out


def model_files(table: Table) -> tuple[tuple[str, ...], str]:
    """Return the patterns of model files and the name of the twins file."""
    files, twins = table.texts("files", ()), table.text("twins", TWINS_FILE)
    table.done()
    return files, twins or TWINS_FILE


def limits(table: Table) -> tuple[int, int]:
    """Return (ticks per second, most tags)."""
    out = table.whole("tick_hz", 20, *TICK_HZ), table.whole("tags", 200_000, 1, MAX_TAGS)
    table.done()
    return out
