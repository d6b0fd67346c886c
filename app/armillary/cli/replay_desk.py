"""A desk on a record: shown to a person, or asked for pictures or a film of a span, and closed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from armillary.cli.answer import tell
from armillary.model import places
from armillary.model.clock import NS, iso
from armillary.model.fault import Fault, StoreFault
from armillary.project.record import Project
from armillary.wire import child
from armillary.world.reading import Reading
from armillary.world.record import Recording

FILMS = (".ogv", ".gif", ".webp", ".apng")
OTHER_FILMS = (".mp4", ".webm", ".mkv", ".avi", ".mov", ".mpg")
FPS = 24  # of a film
FILM_S = 20.0  # that a film lasts, where nobody gave a speed
MOST_PICTURES = 10_000
MOST_IN_MEMORY = 600  # of the kinds of film that are written at once, at the end
FOLDER_PICTURES = 60  # of a span, where nobody said how many
START_S, STOP_S = 15.0, 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shots:
    """What pictures are wanted of a span."""

    path: Path  # a folder, or a film
    every_s: float | None = None  # recorded seconds between the pictures of a folder; None: FOLDER_PICTURES
    speed: float | None = None  # × real time of a film; None: FILM_S long

    @property
    def is_film(self) -> bool:
        return is_film(self.path)


def is_film(path: Path) -> bool:
    """Return whether a path names a film. Raises Fault for a kind of film that cannot be written."""
    ending = path.suffix.lower()
    if path.is_dir():
        return False
    if ending in OTHER_FILMS:
        raise Fault(
            f"A film of the kind {ending} cannot be written.",
            where=str(path),
            remedy=f"End its name in {', '.join(FILMS)}; a browser plays .ogv and .webp.",
        )
    if ending not in FILMS and (path.is_file() or ending == ".png"):
        raise Fault(
            "This is neither a folder nor the name of a film.",
            where=str(path),
            remedy=f"Give a folder, or a name that ends in {', '.join(FILMS)}.",
        )
    return ending in FILMS


def in_desk(
    project: Project,
    from_ns: int,
    to_ns: int,
    speed: float,
    screenshot: Path | None,
    after_s: float,
    shots: Shots | None = None,
    *,
    headless: bool = False,
) -> int:
    """Open the desk on a REPLAY world of its own: nothing connects to the plant.

    shots: pictures of the span; the desk is closed after the last one.
    """
    from armillary.cli.desk import show  # Qt only when a desk is wanted

    reading = Reading(project.folder)
    try:
        address, from_ns, to_ns = asyncio.run(_found(project, reading, from_ns, to_ns))
        film = None if shots is None else (shots.path, times(shots, from_ns, to_ns))
        if film is not None:
            tell(f"{len(film[1])} pictures of {iso(from_ns)} … {iso(to_ns)}", err=True)
        args = {
            "project": str(project.folder),
            "recorder": address,
            "at_ns": from_ns,
            "to_ns": to_ns,
            "speed": speed,
        }
        process = child.start("world.replay", args, places.logs() / f"replay-{os.getpid()}.log")
        try:
            world = str(process.ready(START_S)["address"])
            return show("", screenshot, after_s, world, film=film, headless=headless)
        finally:
            process.stop(STOP_S)
    finally:
        reading.close()


def times(shots: Shots, from_ns: int, to_ns: int) -> Sequence[int]:
    """Return when to make pictures; makes their folder. Raises Fault when they would be too many."""
    _make_room(shots.path.parent if shots.is_film else shots.path)
    span_s = (to_ns - from_ns) / NS
    if shots.is_film:
        speed = shots.speed or max(1.0, span_s / FILM_S)
        every_s, most = speed / FPS, MOST_PICTURES if shots.path.suffix.lower() == ".ogv" else MOST_IN_MEMORY
        where, remedy = "--speed", "Give a higher --speed, or a shorter span; .ogv holds the longest films."
    else:
        every_s, most = shots.every_s or max(1.0, span_s / FOLDER_PICTURES), MOST_PICTURES
        where, remedy = "--every", "Give more seconds to --every, or a shorter span."
    found = range(from_ns, to_ns + 1, max(int(every_s * NS), 1))
    if len(found) > most:
        what = f"That would be {len(found):,} pictures; at most {most:,} are made at once."
        raise Fault(what, where=where, remedy=remedy)
    return found


def _make_room(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Fault(
            f"The folder of the pictures cannot be made: {error.strerror}.",
            where=str(folder),
            remedy="Give another folder.",
        ) from error
    if not os.access(folder, os.W_OK):
        raise Fault(
            "The pictures cannot be written: you may not write to this folder.",
            where=str(folder),
            remedy="Give another folder.",
        )


async def _found(project: Project, reading: Reading, from_ns: int, to_ns: int) -> tuple[str, int, int]:
    """Return (recorder, from, to) of a span that is recorded. Raises StoreFault where nothing is."""
    address = await reading.find()
    recording = Recording(project, (), address)
    try:
        return (address, *await span_of(recording, from_ns, to_ns))
    finally:
        recording.close()


async def span_of(recording: Recording, from_ns: int, to_ns: int) -> tuple[int, int]:
    """Return what is recorded of a span; 0 = from the beginning, to the end. Raises StoreFault."""
    await recording.refresh()
    if not recording.last_ns:
        raise StoreFault(
            "Nothing is recorded yet.",
            where=str(recording.project.history_file),
            remedy="Run the project first.",
        )
    if to_ns and from_ns > to_ns:
        raise StoreFault(
            "The end of the span is before its beginning.",
            where=f"{iso(from_ns)} … {iso(to_ns)}",
            remedy="Give the earlier time to --from.",
        )
    asked = f"{iso(from_ns) if from_ns else 'the beginning'} … {iso(to_ns) if to_ns else 'the end'}"
    from_ns = max(from_ns, recording.first_ns)
    to_ns = min(to_ns or recording.last_ns, recording.last_ns)
    if from_ns > to_ns:
        raise StoreFault(
            "Nothing is recorded in this span.",
            where=asked,
            remedy=f"The record goes from {iso(recording.first_ns)} to {iso(recording.last_ns)}.",
        )
    return from_ns, to_ns
