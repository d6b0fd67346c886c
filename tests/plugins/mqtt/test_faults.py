"""Rows 1–14, 20 and 22–25 of the fault matrix, on a real mosquitto behind a network that can be broken.

Each row checks both laws at every tick (`Rig.tick`) and once more at its end (`ended`).
"""

from __future__ import annotations

import asyncio
import datetime
import signal
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from authority import START, Authority
from fault_rig import BARE, Hose, Watchmaker, ended, gone, packets, rank, received, up, values
from faultlog import note
from tcp_proxy import proxy

from armillary.model.clock import NS
from armillary.model.link import LinkState
from armillary.model.quality import COMM, GOOD, STALE
from armillary.model.tags import TagSpec

MIB = 1024 * 1024
PERSISTENT = "allow_anonymous true\npersistence true\npersistence_location {folder}/"


async def test_row_1_a_killed_broker_is_told_at_once_and_nothing_received_is_lost(
    broker: Any, make_rig: Any
) -> None:
    rig = await up(make_rig, broker.port)
    await asyncio.to_thread(broker.publish, *values(rig, 0, 1_000))
    await received(rig, 1_000)
    broker.end(signal.SIGKILL)
    watch = Watchmaker(rig)
    found = await watch.until_state(LinkState.BACKOFF)
    assert rig.status.detail.startswith("The broker closed the connection.")
    stale = await watch.until(lambda: rig.table.quality[0] == STALE | COMM)
    assert 1.5 < stale < 4  # the grace
    ended(rig, 1_000)
    assert sorted(rig.table.value.tolist()) == [996.0, 997.0, 998.0, 999.0]
    note("1", "broker kill -9", found, 1.0)


async def test_row_2_a_hanging_broker_is_noticed_and_its_waking_counts_nothing_twice(
    broker: Any, make_rig: Any
) -> None:
    rig = await up(make_rig, broker.port, keep_alive_s=2)
    await asyncio.to_thread(broker.publish, *values(rig, 0, 100))
    await received(rig, 100)
    broker.send(signal.SIGSTOP)
    found = await Watchmaker(rig).until_state(LinkState.BACKOFF)
    assert "gives no answer since" in rig.status.detail
    broker.send(signal.SIGCONT)
    await rig.until_state(LinkState.UP)
    await asyncio.to_thread(broker.publish, *values(rig, 100, 100))
    await received(rig, 200)
    ended(rig, 200)
    note("2", "broker hangs (SIGSTOP; keep-alive 2 s)", found, 8.0)


async def test_row_3_a_restarted_broker_is_found_again_with_its_retained_values(
    make_broker: Any, make_rig: Any, tmp_path: Path
) -> None:
    broker = make_broker(PERSISTENT.format(folder=tmp_path))
    await asyncio.to_thread(broker.publish, ("f/0", b"7"), retain=True)
    rig = await up(make_rig, broker.port, BARE)
    await rig.until(lambda: rig.table.value[0] == 7.0)
    broker.end(signal.SIGTERM)
    found = await Watchmaker(rig).until_state(LinkState.BACKOFF)
    await asyncio.to_thread(broker.start)
    back = await Watchmaker(rig).until_state(LinkState.UP)
    await rig.until(lambda: rig.inbox.tally()["m"].messages.received == 2)
    ended(rig, 2)
    assert rank(rig) == STALE  # the last known value, not a live one
    note("3", "broker restarted, with persistence", found, 1.0)
    note("3", "… and is back after its port is open", back, 2.0)


async def test_row_4_what_a_killed_broker_had_retained_stays_known_as_stale(
    make_broker: Any, make_rig: Any, tmp_path: Path
) -> None:
    broker = make_broker(PERSISTENT.format(folder=tmp_path))
    await asyncio.to_thread(broker.publish, ("f/0", b"7"), retain=True)
    rig = await up(make_rig, broker.port, BARE)
    await rig.until(lambda: rig.table.value[0] == 7.0)
    broker.end(signal.SIGKILL)
    found = await Watchmaker(rig).until_state(LinkState.BACKOFF)
    await asyncio.to_thread(broker.start)
    await rig.until_state(LinkState.UP)
    await rig.until(lambda: rank(rig) == STALE)
    assert rig.table.value[0] == 7.0  # the broker has forgotten it, we have not
    ended(rig, 1)
    note(
        "4", "broker kill -9, with persistence", found, 1.0, "retained values since its last autosave, there"
    )


async def test_row_5_an_older_retained_value_does_not_replace_a_newer_one(broker: Any, make_rig: Any) -> None:
    rig = await up(make_rig, broker.port)
    now = rig.clock.now_ns() // 1_000_000
    await asyncio.to_thread(broker.publish, ("f/0", b'{"v":2,"t":%d}' % now))
    await rig.until(lambda: rig.table.value[0] == 2.0)
    broker.end()
    await asyncio.to_thread(broker.start)
    await asyncio.to_thread(broker.publish, ("f/0", b'{"v":1,"t":%d}' % (now - 60_000)), retain=True)
    await rig.until(lambda: rig.inbox.tally()["m"].samples.late == 1)
    assert rig.table.value[0] == 2.0
    ended(rig, 2)
    note("5", "broker returns with an older retained value", None, None)


async def test_row_6_a_pulled_cable_is_noticed(broker: Any, make_rig: Any) -> None:
    async with proxy(broker.port) as net:
        rig = await up(make_rig, net.port, keep_alive_s=2)
        await asyncio.to_thread(broker.publish, *values(rig, 0, 50))
        await received(rig, 50)
        net.stall()
        found = await Watchmaker(rig).until_state(LinkState.BACKOFF)
        net.flow()
        await rig.until_state(LinkState.UP)
        await asyncio.to_thread(broker.publish, *values(rig, 50, 50))
        await received(rig, 100)
        ended(rig, 100)
        await gone(rig)
    note("6", "packets dropped silently (keep-alive 2 s)", found, 8.0)


async def test_row_7_a_slow_network_keeps_the_link_up_and_its_delay_is_told(
    broker: Any, make_rig: Any
) -> None:
    async with proxy(broker.port) as net:
        rig = await up(make_rig, net.port)
        net.delay_s = 0.4
        states = set()
        for i in range(12):
            if i % 6 == 5:
                net.stall()
            now = rig.clock.now_ns() // 1_000_000
            await asyncio.to_thread(broker.publish, ("f/0", b'{"v":%d,"t":%d}' % (i, now)))
            net.flow()
            rig.tick()
            states.add(rig.status.state)
            await asyncio.sleep(0.05)
        await rig.until(lambda: rig.table.value[0] == 11.0)
        assert states == {LinkState.UP}
        assert 0.35 < rig.status.delay_s < 1.0
        ended(rig, 12)
        note("7", "400 ms delay with stalls: the link stays up", None, None)
        await gone(rig)


async def test_row_8_a_flapping_link_is_one_alarm(broker: Any, make_rig: Any) -> None:
    async with proxy(broker.port) as net:
        rig = await up(make_rig, net.port, BARE)
        watch, found = Watchmaker(rig), None
        for _ in range(5):
            await rig.until_state(LinkState.UP)
            net.cut()
            await rig.until(lambda: rig.status.state is not LinkState.UP)
            if rig.links.troubles() and found is None:
                found = (rig.clock.now_mono_ns() - watch.began) / NS
        await rig.until_state(LinkState.UP)
        assert rig.links.troubles() == {"link:m:unstable": "Link m is unstable: lost 5 times in 2 min"}
        texts = [e.text for e in rig.links.take_events()]
        assert sum("unstable" in text for text in texts) == 1
        assert sum(text.startswith("BACKOFF") for text in texts) == 2  # and none since it is known
        ended(rig, 0)
        note("8", "connection flaps", found, 10.0, "what is published meanwhile at QoS 0")
        await gone(rig)


def password_file(folder: Path) -> Path:
    users = folder / "users"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(users), "ann", "s3cret"], check=True)
    users.chmod(0o644)
    return users


async def test_row_9_a_wrong_password_is_refused(make_broker: Any, make_rig: Any, tmp_path: Path) -> None:
    broker = make_broker(f"allow_anonymous false\npassword_file {password_file(tmp_path)}")
    rig = await make_rig(broker.port, BARE, username="ann", secret="wrong")  # noqa: S106  a name in a store
    found = await Watchmaker(rig).until_state(LinkState.REFUSED)
    assert "refused the password or the user name 'ann'" in rig.status.detail
    assert "code 0x8" in rig.status.detail
    assert rig.status.next_try_s > 250  # a person is needed: every five minutes only
    ended(rig, 0)
    note("9", "wrong password", found, 2.0)


async def test_row_10_topics_that_may_not_be_read_are_told_while_the_others_flow(
    make_broker: Any, make_rig: Any, tmp_path: Path
) -> None:
    acl = tmp_path / "acl"
    acl.write_text("topic readwrite f/1\ntopic readwrite f/2\ntopic write f/#\n")
    acl.chmod(0o600)
    broker = make_broker(f"allow_anonymous true\nacl_file {acl}")
    rig = await up(make_rig, broker.port)
    await asyncio.to_thread(broker.publish, ("f/0", b'{"v":4}'), ("f/1", b'{"v":5}'))
    await rig.until(lambda: rank(rig, 1) == GOOD)
    # mosquitto grants the subscription and sends nothing: only that no value ever comes gives it away.
    minute_later = rig.clock.now_mono_ns() + 61 * NS
    rig.watch.look(rig.table, rig.inbox.signs(), minute_later)
    (told,) = rig.watch.take_unseen()
    assert told.what == "3 of 4 tags never had a value, though the link is up: t0, t2, t3."
    assert rig.status.state is LinkState.UP
    ended(rig, 1)
    note("10", "ACL forbids a topic (mosquitto says nothing: told by what never came)", 60.0, 61.0)


@pytest.mark.parametrize(
    ("row", "fault", "said"),
    [
        ("11", "server certificate expired", "has expired 3 days ago (valid to "),
        ("13", "host name mismatch", "The certificate is for 'broker.local', not for '127.0.0.1'"),
        ("13", "unknown authority", "nobody here knows 'a stranger', who signed it"),
    ],
)
async def test_rows_11_and_13_a_certificate_that_is_not_accepted_is_refused_in_words(
    make_broker: Any, make_rig: Any, tmp_path: Path, row: str, fault: str, said: str
) -> None:
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    ours = Authority(tmp_path / "ca")
    signer = Authority(tmp_path / "other", "a stranger") if "authority" in fault else ours
    hosts = ("broker.local",) if "host" in fault else ("127.0.0.1",)
    signer.issue("server", hosts, START, now - 3.5 * day if "expired" in fault else now + 90 * day)
    broker = make_broker(signer.listener())
    rig = await make_rig(broker.port, BARE, scheme="mqtts", tls={"ca": str(ours.ca)})
    found = await Watchmaker(rig).until_state(LinkState.REFUSED)
    assert said in rig.status.detail
    assert "SHA-256 " in rig.status.detail
    ended(rig, 0)
    note(row, fault, found, 2.0)


async def test_row_12_a_certificate_that_ends_while_connected_is_told_and_the_session_goes_on(
    make_broker: Any, make_rig: Any, tmp_path: Path
) -> None:
    now = datetime.datetime.now(datetime.UTC)
    ours = Authority(tmp_path / "ca")
    ours.issue("server", end=now + datetime.timedelta(seconds=60))
    broker = make_broker(ours.listener())
    rig = await up(make_rig, broker.port, BARE, scheme="mqtts", tls={"ca": str(ours.ca)})
    assert tuple(rig.links.troubles()) == ("link:m:certificate-1",)
    assert "expires in 0 hours" in rig.links.take_events()[-1].text
    ahead = rig.links._expiries["m"].look(rig.links.certificates()["m"], rig.clock.now_ns() + 61 * NS)
    assert "has expired" in ahead[0].text
    assert rig.status.state is LinkState.UP
    ended(rig, 0)
    note("12", "certificate expires while connected (steps of 30, 7, 1 days by the clock)", None, None)


async def test_row_14_two_programs_with_one_client_id_stop_fighting(broker: Any, make_rig: Any) -> None:
    first = await up(make_rig, broker.port, BARE, client_id="twin", version=5)
    watch = Watchmaker(first)
    second = await make_rig(broker.port, BARE, client_id="twin", version=5)
    found = await watch.until_state(LinkState.REFUSED)
    assert first.status.detail.startswith("Another client uses the id 'twin'.")
    await second.until_state(LinkState.UP)
    ended(first, 0)
    ended(second, 0)
    note("14", "client id taken over, proved by a second connection", found, 3.0)


@pytest.mark.parametrize("version", [4, 5])
async def test_row_20_a_payload_of_50_mb_costs_no_memory(broker: Any, make_rig: Any, version: int) -> None:
    size = 50 * MIB
    length = bytes(((size + 5) >> 7 * i) & 0x7F | (0x80 if i < 3 else 0) for i in range(4))
    big = b"\x30" + length + b"\x00\x03f/0" + b"x" * size
    rig = await up(make_rig, broker.port, BARE, version=version)
    process = psutil.Process()
    before, most = process.memory_info().rss, 0
    watch = Watchmaker(rig)
    hose = Hose(broker.port, big)

    def is_through() -> bool:
        nonlocal most
        most = max(most, process.memory_info().rss - before)
        is_counted = rig.inbox.tally()["m"].messages.dropped == {"too_big": 1}
        return not hose.thread.is_alive() and (is_counted or version == 5)

    await watch.until(is_through)
    hose.close()
    found = (rig.clock.now_mono_ns() - watch.began) / NS
    await asyncio.to_thread(broker.publish, ("f/0", b"5"))
    await rig.until(lambda: rig.table.value[0] == 5.0)
    assert most < 8 * MIB, most / MIB
    assert rig.status.state is LinkState.UP
    ended(rig, 2 if version == 4 else 1)
    spared = "it, counted" if version == 4 else "it; the broker keeps it away and tells nobody"
    note("20", f"50 MB payload, MQTT {'3.1.1' if version == 4 else '5'}", found, None, spared)


async def test_row_22_a_flood_balances_to_the_message(broker: Any, make_rig: Any) -> None:
    rig = await up(make_rig, broker.port)
    count = 60_000
    now_us = rig.clock.now_ns() // 1_000
    data = b"".join(packets(b"f/%d" % (i % 4), [b'{"v":%d,"t":%d}' % (i, now_us + i)]) for i in range(count))
    watch = Watchmaker(rig)
    hose = Hose(broker.port, data, seconds=1.0, pieces=100)
    tally = lambda: rig.inbox.tally()["m"]  # noqa: E731
    await watch.until(lambda: tally().messages.received == count, 30.0)
    hose.close()
    ended(rig, count)
    dropped = sum(tally().messages.dropped.values())
    assert set(tally().messages.dropped) <= {"inbox_full"}
    assert rig.table.value.tolist() == [float(count - 4 + i) for i in range(4)]  # the newest of each stays
    note("22", "flood, 60,000 messages in a second", None, None, f"{dropped} of {count}, counted")


async def test_row_22_more_than_can_be_kept_is_dropped_by_topic_counted_and_told(
    broker: Any, make_rig: Any
) -> None:
    rig = await up(make_rig, broker.port)
    rig.inbox._max_messages = 500
    now_us = rig.clock.now_ns() // 1_000
    data = b"".join(packets(b"f/%d" % (i % 4), [b'{"v":%d,"t":%d}' % (i, now_us + i)]) for i in range(40_000))
    watch = Watchmaker(rig)
    hose = Hose(broker.port, data, seconds=1.0, pieces=50)
    found = await watch.until_state(LinkState.DEGRADED)
    assert "More comes than can be kept: receiving " in rig.status.detail
    await received(rig, 40_000)
    hose.close()
    await rig.until(lambda: rig.inbox.tally()["m"].messages.queued == 0)
    ended(rig, 40_000)
    dropped = rig.inbox.tally()["m"].messages.dropped
    assert dropped.keys() == {"inbox_full"}
    assert rig.table.value.tolist() == [39_996.0, 39_997.0, 39_998.0, 39_999.0]  # every topic's newest stays
    await rig.until_state(LinkState.UP)  # 5 s after the last one
    note("22", "a flood over a full inbox", found, 2.0, f"{dropped['inbox_full']:,} of 40,000, counted")


async def test_row_23_retained_values_come_in_before_the_link_is_called_up(
    broker: Any, make_rig: Any
) -> None:
    count = 5_000
    topics = [(f"r/{i}", b"%d" % i) for i in range(count)]
    await asyncio.to_thread(broker.publish, *topics, retain=True)
    tags = [TagSpec(slot=i, name=f"r{i}", link="m", address=f"r/{i}") for i in range(count)]
    rig = await make_rig(broker.port, tags, subscribe=["r/#"])
    found = await Watchmaker(rig).until_state(LinkState.UP)
    ended(rig, count)
    assert np.array_equal(rig.table.value, np.arange(count))
    assert any(e.text.startswith("SYNCING: ") and "values" in e.text for e in rig.links.take_events())
    note("23", f"retained storm, {count:,} topics", found, 5.0)


async def test_row_24_one_hot_topic_does_not_delay_the_others(broker: Any, make_rig: Any) -> None:
    tags = [TagSpec(slot=i, name=f"t{i}", link="m", address=f"f/{i}") for i in range(2)]
    rig = await up(make_rig, broker.port, tags)
    count = 20_000
    hose = Hose(broker.port, packets(b"f/0", [b"%d" % i for i in range(count)]), seconds=2.0, pieces=200)
    late: list[float] = []
    for i in range(12):
        began = rig.clock.now_mono_ns()
        await asyncio.to_thread(broker.publish, ("f/1", b"%d" % i))
        await rig.until(lambda i=i: rig.table.value[1] == i)
        late.append((rig.clock.now_mono_ns() - began) / NS)
    hose.close()
    await rig.until(lambda: rig.inbox.tally()["m"].messages.received == count + 12)
    ended(rig, count + 12)
    assert rig.inbox.tally()["m"].samples.coalesced > count / 2  # for display only
    note("24", "one topic at 10 kHz: a value of another, published and seen", max(late), 0.25 + 0.5)


async def test_row_25_a_message_that_is_delivered_twice_counts_once(broker: Any, make_rig: Any) -> None:
    async with proxy(broker.port) as net:
        rig = await up(make_rig, net.port, durable=True, version=4)
        net.up = lambda _number, data: b"" if data[:1] == b"\x40" else data  # our acknowledgements are lost
        await asyncio.to_thread(broker.publish, *values(rig, 0, 10, 1), qos=1)
        await rig.until(lambda: rig.inbox.tally()["m"].messages.received == 10)
        net.cut()
        net.up = lambda _number, data: data
        await rig.until(lambda: rig.inbox.tally()["m"].messages.received == 20)
        await rig.until_state(LinkState.UP)
        samples = rig.inbox.tally()["m"].samples
        assert samples.dropped.get("duplicate", 0) + samples.late == 10
        assert rig.applied + samples.coalesced - samples.late == 10
        ended(rig, 20)
        note("25", "QoS 1 delivered twice", None, None)
        await gone(rig)
