"""TLS to a real mosquitto, with an authority of the test's own."""

from __future__ import annotations

import asyncio
import datetime
import ssl
from pathlib import Path
from typing import Any

import pytest
from authority import START, Authority

from armillary.model.clock import NS
from armillary.model.link import LinkState
from armillary.model.tags import TagSpec
from armillary_plugins.mqtt import certificate

TAGS = [TagSpec(slot=0, name="t", link="m", address="a")]
DAY = datetime.timedelta(days=1)
CLIENTS = pytest.mark.parametrize("client", ["own", "paho"])


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca")


def trusted(ours: Authority, **more: str) -> dict[str, str]:
    return {"ca": str(ours.ca), **more}


@CLIENTS
async def test_a_link_speaks_tls_with_the_authority_of_the_project(
    make_broker: Any, make_rig: Any, ours: Authority
) -> None:
    ours.issue("server")
    broker = make_broker(ours.listener())
    rig = await make_rig(broker.port, TAGS, scheme="mqtts", tls=trusted(ours))
    await rig.until_state(LinkState.UP)
    plain = await make_rig(broker.port, TAGS)
    await asyncio.sleep(0.5)
    assert plain.status.state is not LinkState.UP, "the broker speaks nothing but TLS"


@CLIENTS
@pytest.mark.parametrize(
    ("what", "said", "remedy"),
    [
        ("stranger", "is not trusted: nobody here knows 'a stranger'", "tls = { ca = … }"),
        ("other host", "The certificate is for 'broker.local', not for '127.0.0.1'", "server_name"),
        ("expired", "The certificate of 127.0.0.1 has expired 3 days ago (valid to ", "renewed"),
        ("not yet", "The certificate of 127.0.0.1 is valid only from 2", "clocks"),
        ("revoked", "The certificate of 127.0.0.1 was revoked", "new one"),
    ],
)
async def test_each_certificate_that_is_not_accepted_is_told_apart_with_its_fingerprint(
    make_broker: Any, make_rig: Any, tmp_path: Path, ours: Authority, what: str, said: str, remedy: str
) -> None:
    now = datetime.datetime.now(datetime.UTC)
    signer = Authority(tmp_path / "other", "a stranger") if what == "stranger" else ours
    hosts = ("broker.local",) if what == "other host" else ("127.0.0.1",)
    start = now + DAY if what == "not yet" else START
    end = now - 3 * DAY - DAY / 2 if what == "expired" else now + 90 * DAY
    issued = signer.issue("server", hosts, start, end)
    tls = trusted(ours)
    if what == "revoked":
        tls["crl"] = str(ours.revoke(issued))
    rig = await make_rig(make_broker(signer.listener()).port, TAGS, scheme="mqtts", tls=tls)
    began = rig.clock.now_mono_ns()
    await rig.until_state(LinkState.REFUSED)
    assert rig.clock.now_mono_ns() - began < 2 * NS
    assert said in rig.status.detail
    assert remedy in rig.status.detail
    der = ssl.PEM_cert_to_DER_cert((signer.folder / "server.pem").read_text())
    assert certificate.read(der).fingerprint in rig.status.detail
    assert rig.status.next_try_s > 200


async def test_a_certificate_that_is_not_on_the_list_is_accepted_and_a_missing_list_is_told(
    make_broker: Any, make_rig: Any, tmp_path: Path, ours: Authority
) -> None:
    ours.issue("server")
    revoked = ours.issue("other")
    broker = make_broker(ours.listener())
    rig = await make_rig(broker.port, TAGS, scheme="mqtts", tls=trusted(ours, crl=str(ours.revoke(revoked))))
    await rig.until_state(LinkState.UP)
    other = Authority(tmp_path / "other", "another authority")
    foreign = str(other.revoke())
    lost = await make_rig(broker.port, TAGS, scheme="mqtts", tls=trusted(ours, crl=foreign))
    await lost.until_state(LinkState.REFUSED)
    assert "The revocation list says nothing of the certificate of 127.0.0.1" in lost.status.detail


async def test_the_name_in_the_settings_is_asked_for_and_checked(
    make_broker: Any, make_rig: Any, ours: Authority
) -> None:
    ours.issue("server", ("broker.local",))
    broker = make_broker(ours.listener())
    rig = await make_rig(broker.port, TAGS, scheme="mqtts", tls=trusted(ours, server_name="broker.local"))
    await rig.until_state(LinkState.UP)


@CLIENTS
async def test_a_broker_that_wants_our_certificate_gets_it_and_says_so_when_there_is_none(
    make_broker: Any, make_rig: Any, ours: Authority
) -> None:
    ours.issue("server")
    ours.issue("us", ("us",))
    broker = make_broker(ours.listener(more="require_certificate true\nuse_identity_as_username true\n"))
    own = {"cert": f"{ours.folder}/us.pem", "key": f"{ours.folder}/us.key"}
    rig = await make_rig(broker.port, TAGS, scheme="mqtts", tls=trusted(ours, **own))
    await rig.until_state(LinkState.UP)
    without = await make_rig(broker.port, TAGS, scheme="mqtts", tls=trusted(ours))
    await without.until_state(LinkState.REFUSED)
    assert "The broker wants a certificate from us" in without.status.detail
    assert "tls = { cert = …, key = … }" in without.status.detail


async def test_a_certificate_of_ours_that_the_broker_does_not_know_is_refused(
    make_broker: Any, make_rig: Any, tmp_path: Path, ours: Authority
) -> None:
    ours.issue("server")
    stranger = Authority(tmp_path / "other", "a stranger")
    stranger.issue("us", ("us",))
    broker = make_broker(ours.listener(more="require_certificate true\n"))
    own = {"cert": f"{stranger.folder}/us.pem", "key": f"{stranger.folder}/us.key"}
    rig = await make_rig(broker.port, TAGS, scheme="mqtts", tls=trusted(ours, **own))
    await rig.until_state(LinkState.REFUSED)
    assert "The broker does not accept our certificate" in rig.status.detail


@CLIENTS
async def test_a_connection_knows_until_when_both_certificates_are_valid(
    make_broker: Any, make_rig: Any, ours: Authority
) -> None:
    server = ours.issue("server", end=START + 40_000 * DAY)
    us = ours.issue("us", ("us",), end=START + 30_000 * DAY)
    own = {"cert": f"{ours.folder}/us.pem", "key": f"{ours.folder}/us.key"}
    rig = await make_rig(make_broker(ours.listener()).port, TAGS, scheme="mqtts", tls=trusted(ours, **own))
    await rig.until_state(LinkState.UP)
    assert rig.links.certificates() == {
        "m": {
            "server": int(server.not_valid_after_utc.timestamp()) * NS,
            "own": int(us.not_valid_after_utc.timestamp()) * NS,
        }
    }


def test_a_certificate_says_its_names_dates_and_fingerprint(ours: Authority) -> None:
    issued = ours.issue("server", ("broker.local", "127.0.0.1"), START, START + 40 * DAY)
    said = certificate.read_file(ours.folder / "server.pem")
    assert (said.subject, said.issuer) == ("server", "test authority")
    assert said.names == ("broker.local", "127.0.0.1")
    assert said.from_ns == int(START.timestamp()) * NS
    assert said.until_ns == int(issued.not_valid_after_utc.timestamp()) * NS


@pytest.mark.parametrize("junk", [b"", b"\x30", b"\x30\x03\x02\x01\x01", b"\x30\x85\x01", b"x" * 100])
def test_bytes_that_are_no_certificate_are_refused(junk: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  any: the callers ask for no more
        certificate.read(junk)


async def test_a_missing_certificate_file_is_named(make_rig: Any, tmp_path: Path) -> None:
    rig = await make_rig(1, TAGS, scheme="mqtts", tls={"ca": f"{tmp_path}/none.pem"})
    await rig.until_state(LinkState.REFUSED)
    assert "certificate files of the link cannot be used" in rig.status.detail


@CLIENTS
async def test_tls_to_a_broker_without_it_says_so(broker: Any, make_rig: Any) -> None:
    rig = await make_rig(broker.port, TAGS, scheme="mqtts")
    await rig.until_state(LinkState.REFUSED, LinkState.BACKOFF)
    assert rig.status.detail
    await asyncio.sleep(0)
