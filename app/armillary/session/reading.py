"""An expendable scene child for one question after another, by whoever has no feed: commands and imports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from armillary.model import places
from armillary.model.clock import WallClock
from armillary.model.fault import FaultRecord, SceneFault
from armillary.session.boarding import SCENE_MEMORY
from armillary.wire import child
from armillary.wire.bus import Line, local_address, remove_socket

LOOK_S = 0.2  # how long one poll for the answer lasts


@contextmanager
def scene_child(*, reads_only: bool = False) -> Iterator[tuple[Line, child.Child]]:
    """Run an expendable scene child for a while.

    reads_only: at the end it is killed, as nothing of it is kept: a child that has read a large scene takes
    seconds to forget it in order.
    """
    address, process = _started()
    try:
        process.ready()
        line = Line(address)
        try:
            yield line, process
        finally:
            line.close()
    finally:
        if reads_only:
            process.kill()
            remove_socket(address)
        else:
            process.stop()


def _started() -> tuple[str, child.Child]:
    address = local_address(places.runtime(), f"scene-{WallClock().now_mono_ns():x}")
    process = child.start(
        "scene.child", {"address": address}, places.logs() / "scene.log", memory_bytes=SCENE_MEMORY
    )
    return address, process


def _nobody_cancels() -> bool:
    return False


def ask_child(
    line: Line,
    process: child.Child,
    message: object,
    limit_s: float,
    scene: str,
    cancelled: Callable[[], bool] = _nobody_cancels,
) -> object:
    """Return the child's answer; its death while reading becomes a SceneFault that names the file."""
    return answer_of(line, process, line.send(message), limit_s, scene, cancelled)


def answer_of(
    line: Line,
    process: child.Child,
    number: int,
    limit_s: float,
    scene: str,
    cancelled: Callable[[], bool] = _nobody_cancels,
) -> object:
    """Return the answer to a question that was sent; the child's death becomes a SceneFault as in ask."""
    waited = 0.0
    while waited < limit_s:
        for answers, got in line.poll(LOOK_S):
            if answers == number:
                if isinstance(got, FaultRecord):
                    raise got.fault()
                return got
        waited += LOOK_S
        if cancelled():
            raise SceneFault("It was cancelled.", where=scene, remedy="Nothing was written.")
        if not process.alive:
            raise ended(process.exit_words(), scene)
    raise SceneFault(
        f"Reading the scene took more than {limit_s:g} s.",
        where=scene,
        remedy="Open a part of it, or raise the limit.",
    )


def ended(how: str, scene: str) -> SceneFault:
    """Return what the end of a scene's reader says of the scene: past a limit, or a crash."""
    if why := child.refusal(how):
        return SceneFault(
            f"The scene was refused: {why}.",
            where=scene,
            remedy="The file is hostile, or far larger than it looks; open a part of it.",
        )
    return SceneFault(
        f"The scene crashed its reader, which {how}.",
        where=scene,
        remedy="The file is damaged or hostile; export it again from where it came.",
    )
