"""The MQTT source against a real mosquitto."""

from __future__ import annotations

import asyncio
import math
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from armillary.model.fault import LinkFault
from armillary.model.link import LinkState
from armillary.model.quality import BAD, COMM, DECODE, GOOD, NEVER, RANK_MASK, STALE
from armillary.model.tags import TagSpec
from armillary.telemetry.plan import plans
from armillary_plugins.mqtt import watch

BOTH = pytest.mark.parametrize("version", [4, 5])
OWN = pytest.mark.parametrize("client", ["own"])  # what has nothing to do with who speaks the protocol


@pytest.fixture(params=["own", "paho"])
def client(request: pytest.FixtureRequest) -> str:
    """Both clients are held to the same tests."""
    return str(request.param)


def tag(slot: int, address: str, **more: Any) -> TagSpec:
    return TagSpec(slot=slot, name=f"t{slot}", link="m", address=address, **more)


def rank(rig: Any, slot: int) -> int:
    return int(rig.table.quality[slot] & RANK_MASK)


@BOTH
async def test_values_arrive_with_their_time_and_quality(broker: Any, make_rig: Any, version: int) -> None:
    rig = await make_rig(
        broker.port,
        [
            tag(0, "p/a#c", time_path="t"),
            tag(1, "p/a#rms", factor=1000.0),
            tag(2, "p/raw"),
            tag(3, "p/none#x"),
        ],
        version=version,
    )
    await rig.until_state(LinkState.UP)
    now_ms = rig.clock.now_ns() // 1_000_000
    payload = f'{{"t":{now_ms},"c":86.4,"rms":0.002}}'.encode()
    await asyncio.to_thread(broker.publish, ("p/a", payload), ("p/raw", b" 12.5 "))
    await rig.until(lambda: rank(rig, 2) == GOOD and rank(rig, 0) == GOOD)
    assert rig.table.value[:3].tolist() == [86.4, 2.0, 12.5]
    assert rig.table.source_ns[0] == now_ms * 1_000_000
    assert rank(rig, 3) == NEVER
    assert rig.status.detail.startswith(f"MQTT {'5' if version == 5 else '3.1.1'}")
    assert rig.inbox.signs()["m"].alive_mono_ns > 0


@BOTH
async def test_a_retained_value_is_stale_until_a_live_one_confirms_it(
    broker: Any, make_rig: Any, version: int
) -> None:
    old = b'{"v":1,"t":1600000000}'
    await asyncio.to_thread(broker.publish, ("r/a", b"7"), ("r/old", old), retain=True)
    rig = await make_rig(broker.port, [tag(0, "r/a"), tag(1, "r/old#v", time_path="t")], version=version)
    await rig.until(lambda: rank(rig, 0) == STALE and rank(rig, 1) == STALE)
    assert rig.table.value.tolist() == [7.0, 1.0]
    await asyncio.to_thread(broker.publish, ("r/a", b"7"))
    await rig.until(lambda: rank(rig, 0) == GOOD)
    assert rank(rig, 1) == STALE


@OWN
async def test_a_retained_value_with_a_recent_time_of_its_own_is_good(broker: Any, make_rig: Any) -> None:
    rig_clock_ms = (await make_rig(broker.port, [tag(0, "x")])).clock.now_ns() // 1_000_000
    payload = f'{{"v":3,"t":{rig_clock_ms}}}'.encode()
    await asyncio.to_thread(broker.publish, ("r/new", payload), retain=True)
    rig = await make_rig(broker.port, [tag(0, "r/new#v", time_path="t")])
    await rig.until(lambda: rank(rig, 0) == GOOD)


@pytest.mark.parametrize(("client", "version"), [("own", 4), ("own", 5), ("paho", 5)])
async def test_a_link_comes_back_by_itself_after_the_broker_was_killed(
    broker: Any, make_rig: Any, version: int
) -> None:
    rig = await make_rig(broker.port, [tag(0, "k/a")], version=version)
    await rig.until_state(LinkState.UP)
    await asyncio.to_thread(broker.publish, ("k/a", b"1"))
    await rig.until(lambda: rank(rig, 0) == GOOD)
    broker.end(signal.SIGKILL)
    await rig.until_state(LinkState.BACKOFF, limit_s=1.0)
    assert rank(rig, 0) == GOOD  # the grace
    await rig.until(lambda: rank(rig, 0) == STALE, limit_s=3.0)
    assert rig.table.quality[0] == STALE | COMM
    broker.start()
    await rig.until_state(LinkState.UP, limit_s=10.0)
    assert rank(rig, 0) == STALE  # being connected confirms nothing
    await asyncio.to_thread(broker.publish, ("k/a", b"2"))
    await rig.until(lambda: rank(rig, 0) == GOOD)
    assert rig.table.value[0] == 2.0
    told = [e for e in rig.links.take_events() if e.fault]
    assert told[0].text.startswith("BACKOFF: The broker closed the connection.")


@OWN
async def test_a_silent_device_turns_stale_while_the_link_stays_up(broker: Any, make_rig: Any) -> None:
    rig = await make_rig(broker.port, [tag(0, "s/a", stale_after_ms=300), tag(1, "s/b")])
    await rig.until_state(LinkState.UP)
    await asyncio.to_thread(broker.publish, ("s/a", b"1"), ("s/b", b"1"))
    await rig.until(lambda: rank(rig, 0) == GOOD)
    await rig.until(lambda: rank(rig, 0) == STALE, limit_s=2.0)
    assert rank(rig, 1) == GOOD
    assert rig.status.state is LinkState.UP


@pytest.mark.parametrize("client", ["paho"])  # for ours: row 2 of the fault matrix
async def test_a_hanging_broker_is_noticed_within_eight_seconds(broker: Any, make_rig: Any) -> None:
    rig = await make_rig(
        broker.port, [tag(0, "h/a")], keep_alive_s=2
    )  # own ping after 1 s, answer due in 3 s
    await rig.until_state(LinkState.UP)
    broker.send(signal.SIGSTOP)
    await rig.until_state(LinkState.BACKOFF, limit_s=8.0)
    broker.send(signal.SIGCONT)
    assert "no answer since" in rig.status.detail
    await rig.until_state(LinkState.UP)


@OWN
@BOTH
async def test_junk_on_one_topic_is_quarantined_while_the_others_go_on(
    broker: Any, make_rig: Any, version: int
) -> None:
    rig = await make_rig(broker.port, [tag(0, "j/a#v"), tag(1, "j/b#v"), tag(2, "j/b#w")], version=version)
    await rig.until_state(LinkState.UP)
    await asyncio.to_thread(broker.publish, ("j/a", b'{"v":1,,'), ("j/b", b'{"v":NaN,"w":2}'))
    await rig.until(lambda: rank(rig, 2) == GOOD and rank(rig, 0) == BAD)
    assert rig.table.quality.tolist() == [BAD | DECODE, BAD | DECODE, GOOD]
    assert math.isnan(rig.table.value[1])
    (kept,) = rig.intake.quarantine()
    assert (kept.channel, kept.offset, kept.head) == ("j/a", 7, b'{"v":1,,')
    assert rig.inbox.tally()["m"].messages.dropped == {"undecodable": 1}
    assert rig.status.state is LinkState.UP


def user(secret: str) -> dict[str, str]:
    return {"username": "ann", "secret": secret}


def guarded(make_broker: Callable[..., Any], tmp_path: Path) -> Any:
    users = tmp_path / "users"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(users), "ann", "s3cret"], check=True)
    users.chmod(0o644)
    return make_broker(f"allow_anonymous false\npassword_file {users}")


@BOTH
async def test_a_wrong_password_is_refused_with_the_remedy(
    make_broker: Any, make_rig: Any, tmp_path: Path, version: int
) -> None:
    broker = guarded(make_broker, tmp_path)
    rig = await make_rig(broker.port, [tag(0, "a")], version=version, **user("wrong"))
    await rig.until_state(LinkState.REFUSED)
    assert rig.status.detail.startswith("The broker refused the password or the user name 'ann'")
    assert "Correct the secret 'wrong'" in rig.status.detail
    assert rig.status.next_try_s > 200
    good = await make_rig(broker.port, [tag(0, "a")], version=version, **user("right"))
    await good.until_state(LinkState.UP)


async def test_a_broker_that_wants_a_name_says_so(make_broker: Any, make_rig: Any, tmp_path: Path) -> None:
    rig = await make_rig(guarded(make_broker, tmp_path).port, [tag(0, "a")])
    await rig.until_state(LinkState.REFUSED)
    assert rig.status.detail.startswith("The broker wants a user name and a password")


@OWN
async def test_a_secret_that_is_not_there_is_refused(broker: Any, make_rig: Any) -> None:
    rig = await make_rig(broker.port, [tag(0, "a")], **user("lost"))
    await rig.until_state(LinkState.REFUSED)
    assert "'lost' is not in the store" in rig.status.detail


async def test_a_dead_address_backs_off_and_says_what_to_do(make_rig: Any, broker: Any) -> None:
    broker.end()
    rig = await make_rig(broker.port, [tag(0, "a")])
    await rig.until_state(LinkState.BACKOFF)
    assert rig.status.detail.startswith("Nobody listens at the broker's address. Start the broker")


@OWN
async def test_a_setting_that_cannot_be_used_is_named(make_rig: Any) -> None:
    rig = await make_rig(1, [tag(0, "a")], versoin=5)
    await rig.until_state(LinkState.REFUSED)
    assert "no setting 'versoin'" in rig.status.detail
    assert "Did you mean 'version'?" in rig.status.detail


@BOTH
@pytest.mark.parametrize("qos", [0, 1])
async def test_a_burst_balances_to_the_message(
    broker: Any, make_rig: Any, version: int, qos: int, client: str
) -> None:
    count, topics = 20_000 if client == "own" else 4_000, 40
    rig = await make_rig(
        broker.port, [tag(i, f"b/{i}#v", time_path="n") for i in range(topics)], version=version, qos=qos
    )
    await rig.until_state(LinkState.UP)
    base = rig.clock.now_ns() // 1_000_000
    messages = [(f"b/{i % topics}", b'{"n":%d,"v":%d}' % (base + i // topics, i)) for i in range(count)]
    sender = asyncio.create_task(asyncio.to_thread(broker.publish, *messages, qos=qos))
    await rig.until(lambda: rig.inbox.tally()["m"].messages.done == count, limit_s=30.0)
    await sender
    tally = rig.inbox.tally()["m"]
    assert tally.messages.received == tally.samples.received == count
    assert tally.messages.dropped == {}
    assert tally.samples.done + tally.samples.coalesced == count
    assert tally.samples.done == rig.applied
    assert rig.table.value.tolist() == [float(count - topics + i) for i in range(topics)]


async def test_a_full_inbox_makes_the_broker_wait_and_loses_nothing(broker: Any, make_rig: Any) -> None:
    rig = await make_rig(broker.port, [tag(0, "f/a")], qos=1)
    rig.inbox._max_messages = 200
    await rig.until_state(LinkState.UP)
    count = 3_000
    sender = asyncio.create_task(
        asyncio.to_thread(broker.publish, *[("f/a", b"%d" % i) for i in range(count)], qos=1)
    )
    await rig.until(lambda: rig.inbox.tally()["m"].messages.received >= count, limit_s=30.0)
    await sender
    await rig.until(lambda: rig.inbox.tally()["m"].messages.queued == 0)
    assert rig.table.value[0] == count - 1


@BOTH
async def test_two_clients_with_one_id_stop_fighting(broker: Any, make_rig: Any, version: int) -> None:
    first = await make_rig(broker.port, [tag(0, "a")], version=version, client_id="twin")
    await first.until_state(LinkState.UP)
    second = await make_rig(broker.port, [tag(0, "a")], version=version, client_id="twin")

    def refused() -> bool:
        second.tick()
        return LinkState.REFUSED in (first.status.state, second.status.state)

    await first.until(refused, limit_s=20.0)
    loser = first if first.status.state is LinkState.REFUSED else second
    winner = second if loser is first else first
    assert loser.status.detail.startswith("Another client uses the id 'twin'.")
    await winner.until_state(LinkState.UP)


@OWN
async def test_wildcards_bring_what_no_tag_wants_and_it_is_counted(broker: Any, make_rig: Any) -> None:
    rig = await make_rig(broker.port, [tag(0, "w/a")], subscribe=[{"filter": "w/#", "qos": 0}])
    await rig.until_state(LinkState.UP)
    await asyncio.to_thread(broker.publish, ("w/b", b"5"), ("w/a", b"6"))
    await rig.until(lambda: rank(rig, 0) == GOOD)
    assert rig.inbox.tally()["m"].messages.dropped == {"filtered": 1}


@BOTH
async def test_an_oversize_payload_harms_nothing(broker: Any, make_rig: Any, version: int) -> None:
    rig = await make_rig(broker.port, [tag(0, "o/a")], version=version, max_payload=1000)
    await rig.until_state(LinkState.UP)
    await asyncio.to_thread(broker.publish, ("o/a", b"x" * 300_000), ("o/a", b"5"))
    await rig.until(lambda: rank(rig, 0) == GOOD)
    # Version 5 announces the limit and the broker keeps such messages away; 3.1.1 has no word for it.
    assert rig.inbox.tally()["m"].messages.dropped == ({"too_big": 1} if version == 4 else {})


async def test_a_new_plan_is_subscribed_while_connected(broker: Any, make_rig: Any) -> None:
    tags = [tag(0, "n/a"), tag(1, "n/b")]
    rig = await make_rig(broker.port, tags)
    await rig.until_state(LinkState.UP)
    rig.links.replan(plans([rig.link], [tag(1, "n/c")])[0])
    await rig.until(lambda: rig.inbox.tally()["m"].messages.received == 0, 1.0)

    async def heard(topic: str) -> int:
        await asyncio.to_thread(broker.publish, (topic, b"1"))
        await asyncio.sleep(0.1)
        return int(rig.inbox.tally()["m"].messages.received)

    async with asyncio.timeout(5):
        while not await heard("n/c"):
            rig.tick()
    before = rig.inbox.tally()["m"].messages.received
    assert await heard("n/a") == before


@OWN
async def test_browsing_lists_the_topics_heard_and_the_fields_of_one(broker: Any, make_rig: Any) -> None:
    rig = await make_rig(broker.port, [tag(0, "a")])
    await rig.until_state(LinkState.UP)
    await asyncio.to_thread(
        broker.publish, ("site/p1", b'{"c":1.5,"odd name":{"x":"y"}}'), ("site/on", b"true"), retain=True
    )
    all_topics, fields = await asyncio.gather(
        rig.links.browse("m", "", 100), rig.links.browse("m", "site/p1", 100)
    )
    assert [(i.address, i.kind, i.has_children) for i in all_topics] == [("site", "Object", True)]
    below = await rig.links.browse("m", "site", 100)
    assert [(i.address, i.name, i.data_type, i.retained) for i in below] == [
        ("site/on", "on", "bool", True), ("site/p1", "p1", "object", True)
    ]  # fmt: skip
    assert below[1].value.startswith('{"c":1.5')
    assert [(i.address, i.value) for i in fields] == [
        ("site/p1#c", "1.5"), ("site/p1#`odd name`", "1 fields")
    ]  # fmt: skip
    inner = await rig.links.browse("m", "site/p1#`odd name`", 100)
    assert [(i.address, i.value) for i in inner] == [("site/p1#`odd name`.x", "y")]
    assert rig.status.state is LinkState.UP


@OWN
async def test_topics_are_listened_to_once_while_somebody_looks_and_no_longer(
    make_broker: Any, make_rig: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = make_broker("allow_anonymous true\nlog_type subscribe\nlog_type unsubscribe")
    rig = await make_rig(broker.port, [tag(0, "site/p1#c")])
    await rig.until_state(LinkState.UP)

    def listens() -> list[str]:
        """What the broker says that the second connection asked of it."""
        return [line.split(": ", 1)[-1] for line in broker.log().splitlines() if "-topics" in line]

    await asyncio.gather(*(rig.links.browse("m", under, 10) for under in ("", "site", "")))
    await asyncio.to_thread(broker.publish, ("site/p1", b'{"c":2}'), ("site/new", b"7"))

    async def names() -> list[str]:
        return [i.name for i in await rig.links.browse("m", "site", 10)]

    for _ in range(400):
        if await names() == ["new", "p1"]:
            break
        await asyncio.sleep(0.05)
    assert await names() == ["new", "p1"]  # what comes while somebody looks is there at the next look
    await rig.until(lambda: len(listens()) == 1)
    assert listens()[0].endswith(" 0 #"), listens()
    monkeypatch.setattr(watch, "LEASE_NS", 0)
    await names()  # the last look
    await rig.until(lambda: len(listens()) > 1, 20.0)
    assert len(listens()) == 2, listens()  # one subscription and its end
    assert listens()[1].endswith("-topics #"), listens()
    assert rig.status.state is LinkState.UP


@OWN
async def test_search_finds_topics_and_fields_by_words(broker: Any, make_rig: Any) -> None:
    rig = await make_rig(broker.port, [tag(0, "a")])
    payload = b'{"flow_m3_h":1.5,"on":true}'
    await asyncio.to_thread(broker.publish, ("site/pump1", payload), ("site/tank", b"3"), retain=True)
    found = await rig.links.search("m", ("PUMP1", "flow"), "s1", 10)
    assert [(i.address, i.unit) for i in found.items] == [("site/pump1#flow_m3_h", "m³/h")]
    assert (found.seen, found.waiting) == (2, 0)


@OWN
async def test_browsing_a_dead_broker_is_a_fault(broker: Any, make_rig: Any) -> None:
    rig = await make_rig(broker.port, [tag(0, "a")])
    broker.end()
    with pytest.raises(LinkFault, match="Nobody listens"):
        await rig.links.browse("m", "", 10)
