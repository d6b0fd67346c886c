"""What a LIVE world does with a receiver: tries again, keeps across restarts, tells when nothing arrives."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from receivers import Hook
from stations import until

from armillary.alarms.notices import Facts
from armillary.alarms.system import notify_alarms
from armillary.extend.discover import discover
from armillary.model.alarm import AlarmEvent, AlarmSpec, AlarmState, ProcessState
from armillary.model.clock import WallClock
from armillary.model.notice import Receiver
from armillary.security.secrets import Secrets
from armillary.world import notifying
from armillary.world.notifying import Notifying

LIMIT_S = 30.0
POINTS = (
    EntryPoint("webhook", "armillary_plugins.notifiers.webhook:make", "armillary.notifiers"),
    EntryPoint("broken", "receivers:Hook", "armillary.notifiers"),
)
SPEC = AlarmSpec(id="HOT", slot=-1, tag="", title="Oven", priority=1, consequence="c", operator_action="o")


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifying, "BASE_S", 0.02)
    monkeypatch.setattr(notifying, "CAP_S", 0.1)
    monkeypatch.setattr(notifying, "LOOK_S", 0.02)


def sender(home: Path, *receivers: Receiver) -> Notifying:
    return Notifying(
        receivers,
        discover(("notifiers",), POINTS),
        Secrets(folder=home),
        WallClock(),
        specs=(SPEC, *notify_alarms(receivers)),
        tags=(),
        facts=Facts(project="Plant", world="live-1", desk=""),
        folder=home,
        home=home,
    )


def duty(port: int, **given: object) -> Receiver:
    return Receiver(name="duty", kind="webhook", url=f"http://127.0.0.1:{port}/in", **given)  # type: ignore[arg-type]


def raise_hot(to: Notifying, number: int = 1) -> None:
    name, now = f"HOT#{number}", WallClock().now_ns()
    state = AlarmState(id="HOT", process=ProcessState.UNACK, occurrence=name, raised_ns=now)
    event = AlarmEvent(
        id="HOT",
        occurrence=name,
        event="RAISE",
        before=ProcessState.NORM,
        after=ProcessState.UNACK,
        t_ns=now,
        priority=1,
        text="hot",
    )
    to.note((state,), (event,), now)


def closing(to: Notifying) -> Callable[[], None]:
    return lambda: to.close(LIMIT_S)


def test_notice_is_tried_again_until_the_server_takes_it_and_the_alarm_stands_meanwhile(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with Hook(answers=[503]) as hook:
        to = sender(tmp_path, duty(hook.port, undelivered_s=0.1))
        request.addfinalizer(closing(to))
        to.start(())
        raise_hot(to)
        until(lambda: bool(to.troubles()), LIMIT_S, "the alarm of the receiver")
        text = to.troubles()["system:notify:duty"]
        assert "webhook duty has not delivered for" in text
        assert "503" in text
        hook.answers = [204]
        until(lambda: not to.troubles(), LIMIT_S, "the alarm is over")
        assert len({post.json["id"] for post in hook.got}) == 1  # each try is the same notice
        kept = tmp_path / notifying.FILE
        until(lambda: json.loads(kept.read_text())["receivers"]["duty"]["queue"] == [], LIMIT_S, "kept")
        assert json.loads(kept.read_text())["receivers"]["duty"]["counts"] == {"wanted": 1, "delivered": 1}


def test_what_was_not_delivered_is_sent_by_the_next_world(tmp_path: Path) -> None:
    with Hook() as gone:
        port = gone.port
    first = sender(tmp_path, duty(port))
    first.start(())
    raise_hot(first)
    first.close(LIMIT_S)
    with Hook(port=port) as hook:
        second = sender(tmp_path, duty(port))
        second.start(())
        try:
            until(lambda: len(hook.got) == 1, LIMIT_S, "the notice of the world before")
        finally:
            second.close(LIMIT_S)
        assert hook.got[0].json["occurrence"] == "HOT#1"


def test_refused_notice_holds_up_no_other_and_is_told(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    with Hook(answers=[400, 204]) as hook:
        to = sender(tmp_path, duty(hook.port))
        request.addfinalizer(closing(to))
        to.start(())
        raise_hot(to, 1)
        raise_hot(to, 2)
        until(lambda: len(hook.got) == 2, LIMIT_S, "the second notice")
        told = to.take_told()
        assert [fault.what for fault in told] == [
            "duty did not take a notice of 'Oven': The server answered 400 Bad Request."
        ]


def test_plugin_that_is_none_is_named_and_the_others_go_on(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with Hook() as hook:
        odd = Receiver(name="odd", kind="broken", url="http://127.0.0.1:1", undelivered_s=0.01)
        none = Receiver(name="none", kind="pager", url="pager://x")
        to = sender(tmp_path, odd, none, duty(hook.port))
        request.addfinalizer(closing(to))
        assert [fault.what for fault in to.problems] == [
            "The plugin 'broken' makes no notifier.",
            "There is no plugin of kind notifiers named 'pager'.",
        ]
        to.start(())
        raise_hot(to)
        until(lambda: len(hook.got) == 1, LIMIT_S, "the one that works")
        until(lambda: "system:notify:odd" in to.troubles(), LIMIT_S, "the one that does not")


def test_damaged_file_is_told_and_begun_anew(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    (tmp_path / notifying.FILE).write_text("{")
    with Hook() as hook:
        to = sender(tmp_path, duty(hook.port))
        request.addfinalizer(closing(to))
        to.start(())
        raise_hot(to)
        until(lambda: len(hook.got) == 1, LIMIT_S, "a notice")
        assert "cannot be read" in to.take_told()[0].what


def test_world_without_receivers_runs_nothing(tmp_path: Path) -> None:
    to = sender(tmp_path)
    to.start(())
    raise_hot(to)
    to.close(LIMIT_S)
    assert not to
    assert not (tmp_path / notifying.FILE).exists()
