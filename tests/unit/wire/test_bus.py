from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from armillary.model import places
from armillary.model.fault import ProjectFault, WorldFault
from armillary.model.message import Arrays, Credit, Done, Stop
from armillary.wire.bus import AsyncHub, Hub, Line, local_address, served


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    hub = Hub(local_address(places.runtime(), "t"))
    yield hub
    hub.close()


def serve_once(hub: Hub, answer: object) -> threading.Thread:
    def loop() -> None:
        for peer, number, _ in hub.poll(5.0):
            hub.send(peer, answer, answers=number)

    thread = threading.Thread(target=loop)
    thread.start()
    return thread


def test_a_request_gets_its_answer(hub: Hub) -> None:
    line = Line(hub.address)
    thread = serve_once(hub, Done())
    assert line.ask(Stop()) == Done()
    thread.join()
    line.close()


def test_a_fault_of_the_other_side_is_raised_here(hub: Hub) -> None:
    line = Line(hub.address)
    thread = serve_once(hub, ProjectFault("No such tag.", where="x", remedy="Choose another."))
    with pytest.raises(ProjectFault, match="No such tag"):
        line.ask(Stop())
    thread.join()
    line.close()


def test_silence_is_a_fault_after_the_time(hub: Hub) -> None:
    line = Line(hub.address)
    with pytest.raises(WorldFault, match="No answer within"):
        line.ask(Stop(), timeout_s=0.05)
    line.close()


def test_pushed_messages_are_kept_while_an_answer_is_awaited(hub: Hub) -> None:
    line = Line(hub.address)
    number = line.send(Credit(seq=0))
    [(peer, got, _)] = hub.poll(2.0)
    assert got == number
    hub.send(peer, Arrays(f8=np.arange(3.0), i8=np.zeros(0, np.int64)))
    thread = serve_once(hub, Done())
    assert line.ask(Stop()) == Done()
    thread.join()
    [(answers, pushed)] = line.poll(1.0)
    assert answers == 0
    assert pushed.f8.tolist() == [0, 1, 2]  # type: ignore[attr-defined]
    line.close()


def test_wake_ends_a_poll_at_once(hub: Hub) -> None:
    line = Line(hub.address)
    timer = threading.Timer(0.05, line.wake)
    timer.start()
    assert line.poll(30.0) == []
    line.close()


def test_an_address_across_machines_is_refused_without_keys() -> None:
    with pytest.raises(WorldFault, match="not a local socket"):
        Line("tcp://127.0.0.1:5000")


def test_an_address_that_is_served_is_not_taken_over(hub: Hub) -> None:
    with pytest.raises(WorldFault, match="address is taken"):
        Hub(hub.address)
    line = Line(hub.address)
    thread = serve_once(hub, Done())
    assert line.ask(Stop()) == Done()  # the first goes on
    thread.join()
    line.close()


def test_the_socket_of_a_killed_process_is_used_again(tmp_path: Path) -> None:
    path = tmp_path / "left.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    assert path.exists()
    assert not served(f"ipc://{path}")
    hub = Hub(f"ipc://{path}")
    assert served(hub.address)
    hub.close()
    assert not path.exists()


@pytest.mark.parametrize("name", ["folder", "file", "file/below", "nowhere/at/all"])
def test_a_place_where_no_socket_can_be_is_named_and_left_alone(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("kept")
    address = f"ipc://{tmp_path}/{name}"
    with pytest.raises(WorldFault) as caught:
        Hub(address)
    assert caught.value.where == address
    assert caught.value.remedy
    assert (tmp_path / "file").read_text() == "kept"


async def test_a_hub_knows_whose_line_is_gone_and_that_one_who_does_not_read_is_there(tmp_path: Path) -> None:
    hub = AsyncHub(local_address(places.runtime(), "gone"))
    line = Line(hub.address)
    try:
        line.send(Stop())
        peer, _, _ = await hub.receive()
        assert all(hub.reaches(peer) for _ in range(40))
        await hub.send(peer, Stop())  # a line takes what it is sent afterwards, too
        got: list[object] = []
        for _ in range(60):
            got += [message for _, message in line.poll(5.0 if Stop() not in got else 0.0)]
        assert got == [Done()] * 40 + [Stop()]
        line.close()
        for _ in range(2_000):  # until ZeroMQ has seen it
            if not hub.reaches(peer):
                break
            await asyncio.sleep(0.01)
        assert not hub.reaches(peer)
        assert not hub.reaches(b"never")
        await hub.send(peer, Done())  # nobody is there, which is no error
    finally:
        hub.close()
