"""Secure channels with a real server: who is trusted, what is refused in which words, who we are."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.plugins.opcua.certified import certificate, der, key, private
from tests.plugins.opcua.plant import Host, context, link, plan, until
from tests.plugins.opcua.secured import NAMESPACE, SecureServer

from armillary.api import LinkRefused, LinkState, ProjectFault, SourceContext, WallClock, Write
from armillary.model.clock import NS
from armillary.model.trust import TrustAct
from armillary.security.certificates import fingerprint
from armillary.security.trust import TrustStore
from armillary_plugins.opcua import sink, source
from armillary_plugins.opcua.settings import check_security, read_settings

LEVEL = f"nsu={NAMESPACE};s=Level"
SECURE = "Basic256Sha256:SignAndEncrypt"
ONE = certificate()


@pytest.fixture(scope="module")
def started() -> Iterator[SecureServer]:
    server = SecureServer()
    server.start(ONE)
    yield server
    server.stop()


@pytest.fixture
def server(started: SecureServer) -> SecureServer:
    started.reset()
    started.show(ONE)
    return started


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our own certificate, made once: a key takes a moment."""
    folder = tmp_path_factory.mktemp("pki")
    TrustStore(WallClock(), folder).identities()
    return folder / "own"


@pytest.fixture
def store(tmp_path: Path, own: Path) -> TrustStore:
    (tmp_path / "pki").mkdir()
    (tmp_path / "pki" / "own").symlink_to(own)
    return TrustStore(WallClock(), tmp_path / "pki")


def at(
    server: SecureServer, store: TrustStore, folder: Path, security: str = SECURE, **more: Any
) -> SourceContext:
    spec = link(server.url, security=security, **more)
    return replace(context(spec, folder), trust=store.of(server.url))


def accept(store: TrustStore, server: SecureServer) -> None:
    (store.folder / "trusted").mkdir()
    (store.folder / "trusted" / "plc.der").write_bytes(der(ONE))


@contextlib.asynccontextmanager
async def running(place: SourceContext) -> AsyncIterator[tuple[Host, Any]]:
    host, made = Host(), source.make(place)
    task = asyncio.create_task(made.run(plan(place.link, LEVEL), host))
    try:
        await until(lambda: task.done() or (LinkState.UP, "") in host.states, 30)
        if task.done():
            task.result()
        yield host, made
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def refusal(place: SourceContext) -> LinkRefused:
    with pytest.raises(LinkRefused) as caught:
        async with running(place):
            pass
    return caught.value


async def test_an_unknown_server_is_refused_and_comes_up_once_an_admin_accepts(
    server: SecureServer, store: TrustStore, tmp_path: Path
) -> None:
    place = at(server, store, tmp_path)
    fault = await refusal(place)
    assert fingerprint(ONE) in fault.what
    trust = place.trust
    assert trust is not None
    assert trust.asked is not None
    assert trust.asked.facts.subject == "plc"
    trust.decide(TrustAct.ACCEPT, fingerprint(ONE), "admin")  # type: ignore[attr-defined]
    async with running(place) as (host, made):
        await until(lambda: host.value.get(0) == 1.5, 30)
        assert made.secured() == "Basic256Sha256, signed and encrypted"
        assert set(made.certificates()) == {"server", "own"}
        assert [item.name for item in await made.browse("", 50)], "browsing goes over the same session"
    assert trust.asked is None
    assert trust.pinned() == "SignAndEncrypt"
    assert made.secured() == ""


@pytest.mark.parametrize(
    ("security", "words"),
    [
        pytest.param("Basic256Sha256:Sign", "Basic256Sha256, signed, not encrypted", marks=pytest.mark.scale),
        pytest.param(
            "Aes128_Sha256_RsaOaep", "Aes128_Sha256_RsaOaep, signed and encrypted", marks=pytest.mark.scale
        ),
        ("Aes256_Sha256_RsaPss:SignAndEncrypt", "Aes256_Sha256_RsaPss, signed and encrypted"),
    ],
)
async def test_values_come_over_every_policy(
    server: SecureServer, store: TrustStore, tmp_path: Path, security: str, words: str
) -> None:
    accept(store, server)
    async with running(at(server, store, tmp_path, security)) as (host, made):
        await until(lambda: host.value.get(0) == 1.5, 30)
        assert made.secured() == words


async def test_a_command_goes_over_a_channel_as_secure(
    server: SecureServer, store: TrustStore, tmp_path: Path
) -> None:
    accept(store, server)
    made = sink.make(at(server, store, tmp_path))
    wish = Write(
        id="o1",
        link="plc",
        address=LEVEL,
        value=1.5,
        kind="number",
        not_after_ns=WallClock().now_ns() + 20 * NS,
        key="k",
    )
    try:
        await made.execute(wish)
        assert made._session is not None
        assert made._session.client.security_policy.URI.endswith("#Basic256Sha256")
    finally:
        await made.close()


@pytest.mark.parametrize("security", [pytest.param(SECURE, marks=pytest.mark.scale), "Basic256Sha256:Sign"])
async def test_a_user_is_told_by_name_and_secret_never_in_the_clear(
    server: SecureServer, store: TrustStore, tmp_path: Path, security: str
) -> None:
    accept(store, server)
    named = {"user": "anna", "secret": "plc"}
    place = at(server, store, tmp_path, security, **named)
    async with running(replace(place, secret=lambda name: {"plc": "right"}[name])):
        assert server.users == [("anna", "right")]
    fault = await refusal(replace(place, secret=lambda name: "wrong"))
    assert "user" in fault.remedy


async def test_a_user_may_be_a_certificate(server: SecureServer, store: TrustStore, tmp_path: Path) -> None:
    accept(store, server)
    (tmp_path / "anna.der").write_bytes(der(certificate("anna")))
    (tmp_path / "anna.pem").write_bytes(private(key()))
    files = {"user_cert": "anna.der", "user_key": "anna.pem"}
    async with running(at(server, store, tmp_path, **files)):
        assert server.users == [("", "CN=anna")]
    fault = await refusal(at(server, store, tmp_path, user_cert="nobody.der", user_key="anna.pem"))
    assert "certificate of our user" in fault.what


async def test_less_security_than_before_is_refused(
    server: SecureServer, store: TrustStore, tmp_path: Path
) -> None:
    accept(store, server)
    place = at(server, store, tmp_path)
    server.offer("#None")
    fault = await refusal(place)
    assert fault.what == f"The server offers no {SECURE}. It offers: None."
    server.offer()
    async with running(place):
        pass
    server.offer("#None")
    fault = await refusal(place)
    assert fault.what.startswith("Endpoint downgraded from SignAndEncrypt to None.")


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ({"end": datetime(2025, 6, 1, tzinfo=UTC)}, "has expired"),
        pytest.param({"uri": "urn:other"}, "for the application 'urn:other'", marks=pytest.mark.scale),
    ],
)
async def test_a_certificate_that_is_not_right_is_refused_in_words(
    server: SecureServer, store: TrustStore, tmp_path: Path, made: dict[str, Any], words: str
) -> None:
    accept(store, server)
    server.show(certificate(**made))
    assert words in (await refusal(at(server, store, tmp_path))).what


async def test_whoever_has_not_the_key_of_a_trusted_certificate_is_not_spoken_to(
    server: SecureServer, store: TrustStore, tmp_path: Path
) -> None:
    """Shown is the certificate of another server, that is trusted; the server cannot read what we send."""
    other = certificate(own=key(1))
    (store.folder / "trusted").mkdir()
    (store.folder / "trusted" / "other.der").write_bytes(der(other))
    server.show(other)
    place = at(server, store, tmp_path, request_timeout_s=0.5)
    host, made = Host(), source.make(place)
    task = asyncio.create_task(made.run(plan(place.link, LEVEL), host))
    await until(task.done, 30)
    assert task.exception() is not None
    assert host.value == {}


@pytest.mark.scale  # keys are made, which takes a moment
async def test_a_server_that_knows_only_our_old_certificate_is_shown_that(
    server: SecureServer, store: TrustStore, tmp_path: Path, own: Path
) -> None:
    accept(store, server)
    fresh = own / "armillary-2.pem"
    fresh.write_bytes((own / "armillary-1.pem").read_bytes())
    fresh.chmod(0o600)
    try:
        newest = store.renew()
        server.unknown.add(newest.certificate)
        async with running(at(server, store, tmp_path)) as (host, _):
            await until(lambda: host.value.get(0) == 1.5, 30)
        server.unknown.update(one.certificate for one in store.identities())
        fault = await refusal(at(server, store, tmp_path))
        assert "armillary trust own" in fault.remedy
    finally:
        for number in (2, 3):
            (own / f"armillary-{number}.pem").unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("settings", "host", "words"),
    [
        ({"security": "Basic128Rsa15"}, "127.0.0.1", "broken"),
        ({"security": "Basic256:Sign"}, "127.0.0.1", "broken"),
        ({"security": "Basic512"}, "127.0.0.1", "no security 'Basic512'"),
        ({"security": "Basic256Sha256:Encrypt"}, "127.0.0.1", "no security"),
        ({"security": "None:Sign"}, "127.0.0.1", "no security"),
        ({"security": "None"}, "plc7", "only reach this machine"),
    ],
)
def test_security_that_cannot_be_is_refused(settings: dict[str, Any], host: str, words: str) -> None:
    with pytest.raises(LinkRefused, match=words):
        check_security(read_settings(link(f"opc.tcp://{host}:4840", **settings)))


@pytest.mark.parametrize(
    ("settings", "host", "security"),
    [
        ({}, "plc7", SECURE),
        ({"insecure": True}, "plc7", "None"),
        ({}, "127.0.0.1", "None"),
        ({"security": "Basic256Sha256"}, "127.0.0.1", "Basic256Sha256"),
    ],
)
def test_a_server_elsewhere_is_spoken_to_in_secret_unless_told_otherwise(
    settings: dict[str, Any], host: str, security: str
) -> None:
    found = read_settings(link(f"opc.tcp://{host}:4840", **settings))
    check_security(found)
    assert found.security == security


def test_security_that_cannot_be_is_known_before_anything_is_connected(tmp_path: Path) -> None:
    """So `armillary check` says it too."""
    with pytest.raises(LinkRefused, match="broken"):
        source.make(context(link("opc.tcp://plc7:4840", security="Basic256"), tmp_path))


async def test_a_program_without_certificates_says_so(server: SecureServer, tmp_path: Path) -> None:
    fault = await refusal(context(link(server.url, security=SECURE), tmp_path))
    assert "keeps no certificates" in fault.what


async def test_a_trust_list_that_cannot_be_read_stops_the_link_in_words(
    server: SecureServer, store: TrustStore, tmp_path: Path
) -> None:
    (store.folder / "endpoints.json").write_text("[]")
    with pytest.raises(ProjectFault, match="cannot be read"):
        async with running(at(server, store, tmp_path)):
            pass
