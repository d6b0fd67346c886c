"""Whom links may speak to. Every certificate here is real; only the clock is ours."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.plugins.opcua.certified import URI, der, key, revoked
from tests.plugins.opcua.certified import certificate as made_of

from armillary.model.clock import ManualClock, parse_iso
from armillary.model.fault import LinkRefused, ProjectFault
from armillary.model.trust import TrustAct
from armillary.security import certificates
from armillary.security import trust as trusting
from armillary.security.certificates import chain_of, facts, fingerprint
from armillary.security.trust import LinkTrust, TrustStore

URL = "opc.tcp://127.0.0.1:4840"
NOW = parse_iso("2026-03-14T10:00:00Z")
DAY_NS = 86_400 * 10**9
PAST, SOON = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _short_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make keys that take no time; how short they may be is looked at in a test of its own."""
    monkeypatch.setattr(certificates, "KEY_BITS", 1024)
    monkeypatch.setattr(certificates, "LEAST_BITS", 1024)


def certificate(name: str = "plc", **more: Any) -> x509.Certificate:
    return made_of(name, **{"own": key(0, 1024), **more})


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def store(tmp_path: Path, clock: ManualClock) -> TrustStore:
    return TrustStore(clock, tmp_path / "pki")


@pytest.fixture
def link(store: TrustStore) -> LinkTrust:
    return store.of(URL)


def refusal(link: LinkTrust, chain: bytes, uri: str = URI) -> LinkRefused:
    with pytest.raises(LinkRefused) as caught:
        link.check(chain, uri)
    return caught.value


def trusts(store: TrustStore, chain: bytes, folder: str = "trusted", name: str = "x.der") -> None:
    (store.folder / folder).mkdir(parents=True, exist_ok=True)
    (store.folder / folder / name).write_bytes(chain)


def test_an_unknown_server_is_refused_and_its_certificate_waits(store: TrustStore, link: LinkTrust) -> None:
    one = certificate("plc 7")
    fault = refusal(link, der(one))
    assert "Nobody here knows" in fault.what
    assert fingerprint(one) in fault.what
    assert "2025-01-01 to 2125-01-01" in fault.what
    assert "admin" in fault.remedy
    asked = link.asked
    assert asked is not None
    assert asked.facts == facts(one)
    [kept] = (store.folder / "rejected").iterdir()
    assert kept.read_bytes() == der(one)
    assert kept.name.startswith("plc 7 [")


def test_an_accepted_certificate_is_trusted_at_once_and_stays_so(store: TrustStore, link: LinkTrust) -> None:
    one = certificate()
    refusal(link, der(one))
    assert link.decide(TrustAct.ACCEPT, fingerprint(one), "admin") == "plc"
    link.check(der(one), URI)
    assert link.asked is None
    assert list((store.folder / "rejected").iterdir()) == []
    store.of(URL).check(der(one), URI)  # whoever reads the folder anew


def test_a_proposal_is_shown_to_the_admin_and_trusts_nobody(store: TrustStore, link: LinkTrust) -> None:
    one = certificate()
    refusal(link, der(one))
    link.decide(TrustAct.PROPOSE, fingerprint(one), "ravi", "skid 2, compared by telephone")
    refusal(link, der(one))
    assert link.asked is not None
    assert (link.asked.proposed_by, link.asked.why) == ("ravi", "skid 2, compared by telephone")
    other = store.of(URL)
    refusal(other, der(one))
    assert other.asked is not None
    assert other.asked.proposed_ns == NOW


def test_a_decision_about_another_certificate_decides_nothing(link: LinkTrust) -> None:
    refusal(link, der(certificate()))
    with pytest.raises(ProjectFault, match="another certificate"):
        link.decide(TrustAct.ACCEPT, fingerprint(certificate("other")), "admin")
    refusal(link, der(certificate()))
    link.clear()
    with pytest.raises(ProjectFault, match="No certificate waits"):
        link.decide(TrustAct.ACCEPT, fingerprint(certificate()), "admin")


def test_a_rejected_certificate_asks_no_more_until_it_is_accepted(store: TrustStore, link: LinkTrust) -> None:
    one = certificate()
    refusal(link, der(one))
    link.decide(TrustAct.REJECT, fingerprint(one), "admin")
    fault = refusal(link, der(one))
    assert "rejected by admin" in fault.what
    assert link.asked is None
    trusting.accept_here(store, fingerprint(one)[:20])
    link.check(der(one), URI)
    trusting.reject_here(store, fingerprint(one), "local:1")
    assert "rejected by local:1" in refusal(link, der(one)).what


def test_a_changed_certificate_is_told_with_old_and_new(link: LinkTrust) -> None:
    old, new = certificate(), certificate(own=key(1, 1024))
    refusal(link, der(old))
    link.decide(TrustAct.ACCEPT, fingerprint(old), "admin")
    link.check(der(old), URI)
    link.pin("SignAndEncrypt")
    fault = refusal(link, der(new))
    assert f"Certificate changed: old SHA-256 {fingerprint(old)}; new 'plc'" in fault.what
    assert fingerprint(new) in fault.what
    assert link.asked is not None
    assert link.asked.before == fingerprint(old)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda: certificate(end=PAST), "has expired: it was valid to 2026-01-01"),
        (lambda: certificate(begin=SOON), "valid only from 2027-01-01"),
        (
            lambda: certificate(uri="urn:other"),
            f"for the application 'urn:other', and the server says it is '{URI}'",
        ),
        (lambda: certificate(uri=""), "for no application"),
        (lambda: certificate(usage=False), "was not made for a server"),
        (lambda: certificate(purpose=ExtendedKeyUsageOID.CLIENT_AUTH), "was not made for a server"),
    ],
)
def test_what_is_wrong_is_said_and_cannot_be_accepted(
    link: LinkTrust, store: TrustStore, made: Callable[[], object], words: str
) -> None:
    one = made()
    trusts(store, der(one))  # type: ignore[arg-type]
    fault = refusal(link, der(one))  # type: ignore[arg-type]
    assert words in fault.what
    assert fault.remedy
    assert link.asked is None


def test_a_short_key_is_refused(link: LinkTrust, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificates, "LEAST_BITS", 2048)
    assert "too short: 1024 bits" in refusal(link, der(certificate())).what


def test_what_is_no_certificate_is_refused(link: LinkTrust) -> None:
    for chain in (b"", b"\x30", b"\x30\x03abc", b"\x30\x84\xff\xff\xff\xff", bytes(100)):
        assert "no certificate" in refusal(link, chain).what


def test_what_a_stranger_writes_into_a_certificate_is_shown_on_one_line(link: LinkTrust) -> None:
    fault = refusal(link, der(certificate("plc\n\x1b[31m" + "x" * 50)))
    assert "'plc··[31m" in fault.what
    assert fault.what.isprintable()


@cache
def _one() -> bytes:
    return der(certificate())


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(at=12, byte=1, cut=1)  # another version than there is
@given(at=st.integers(0, 900), byte=st.integers(0, 255), cut=st.integers(0, 900))
def test_a_damaged_certificate_is_refused_in_words(at: int, byte: int, cut: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        link = TrustStore(ManualClock(NOW), Path(folder)).of(URL)
        data = bytearray(_one())
        data[at % len(data)] = byte
        with pytest.raises(LinkRefused):
            link.check(bytes(data[: len(data) - cut % 40 if cut % 3 == 0 else len(data)]), URI)


def test_another_host_name_is_for_an_admin_to_accept_for_this_address_alone(store: TrustStore) -> None:
    one = certificate(hosts=("plc7",))
    link, other = store.of(URL), store.of("opc.tcp://127.0.0.2:4840")
    fault = refusal(link, der(one))
    assert "for 'plc7', not for '127.0.0.1'" in fault.what
    assert link.asked is not None
    assert len(link.asked.wrong) == 1
    link.decide(TrustAct.ACCEPT, fingerprint(one), "admin")
    link.check(der(one), URI)
    fault = refusal(other, der(one))
    assert fault.what.startswith("The server's certificate is for 'plc7', not for '127.0.0.2'")
    assert other.asked is not None


def test_a_servers_authority_is_trusted_for_it(store: TrustStore, link: LinkTrust) -> None:
    root = certificate("root", own=key(1, 1024), is_authority=True, uri="", hosts=())
    middle = certificate(
        "middle", own=key(2, 1024), by=(root, key(1, 1024)), is_authority=True, uri="", hosts=()
    )
    leaf = certificate(by=(middle, key(2, 1024)))
    trusts(store, der(root))
    assert "Nobody here knows" in refusal(link, der(leaf)).what, "the chain has a hole"
    link.check(der(leaf) + der(middle), URI)
    trusts(store, der(middle), "issuers")
    link.check(der(leaf), URI)
    forged = certificate(by=(middle, key(3, 1024)))
    assert "Nobody here knows" in refusal(link, der(forged)).what, "not signed by whom it names"


def test_an_issuer_is_not_trusted_by_itself(store: TrustStore, link: LinkTrust) -> None:
    root = certificate("root", own=key(1, 1024), is_authority=True, uri="", hosts=())
    trusts(store, der(root), "issuers")
    assert "Nobody here knows" in refusal(link, der(certificate(by=(root, key(1, 1024))))).what


def test_who_may_not_sign_signs_nobody(store: TrustStore, link: LinkTrust) -> None:
    other = certificate("other", own=key(1, 1024))
    trusts(store, der(other))
    fault = refusal(link, der(certificate(by=(other, key(1, 1024)))))
    assert "'other' signed the server's certificate and may not sign any" in fault.what


def test_a_revoked_certificate_and_an_old_list_are_refused(store: TrustStore, link: LinkTrust) -> None:
    root = certificate("root", own=key(1, 1024), is_authority=True, uri="", hosts=())
    leaf = certificate(by=(root, key(1, 1024)))
    trusts(store, der(root))
    trusts(store, revoked((root, key(1, 1024))), "crl", "root.crl")
    link.check(der(leaf), URI)
    trusts(store, revoked((root, key(1, 1024)), until=PAST), "crl", "root.crl")
    assert "revocation list of 'root' is out of date" in refusal(link, der(leaf)).what
    trusts(store, revoked((root, key(1, 1024)), leaf), "crl", "root.crl")
    assert "revoked by 'root'" in refusal(link, der(leaf)).what
    trusts(store, revoked((root, key(3, 1024)), leaf), "crl", "root.crl")
    link.check(der(leaf), URI)  # a list that the authority has not signed says nothing


def test_our_own_certificate_is_made_once_and_its_key_is_ours_alone(
    store: TrustStore, clock: ManualClock
) -> None:
    [first] = store.identities()
    assert store.identities() == (first,)
    [one] = chain_of(first.certificate)
    said = facts(one)
    assert said.application_uri == first.application_uri
    assert said.hosts
    assert round((said.until_ns - NOW) / DAY_NS) == 730
    assert (store.folder / "own" / "armillary-1.pem").stat().st_mode & 0o777 == 0o600
    assert (store.folder / "own" / "armillary.der").read_bytes() == first.certificate
    assert "PRIVATE" not in repr(first)
    assert not trusting.due((first,), NOW)
    assert trusting.due((first,), first.until_ns - 29 * DAY_NS)


def test_after_a_renewal_both_are_used_until_the_old_one_ends(store: TrustStore, clock: ManualClock) -> None:
    [old] = store.identities()
    clock.advance(700 * 86_400)
    new = store.renew()
    assert store.identities() == (new, old)
    clock.advance(100 * 86_400)
    assert store.identities() == (new,)


def test_a_key_that_others_can_read_is_not_used(store: TrustStore) -> None:
    store.identities()
    (store.folder / "own" / "armillary-1.pem").chmod(0o644)
    with pytest.raises(ProjectFault, match="Others may read"):
        store.identities()


def test_rejected_certificates_are_bounded(store: TrustStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trusting, "KEPT", 3)
    for number in range(5):
        store.reject(certificate(f"plc {number}"))
    assert len(list((store.folder / "rejected").iterdir())) == 3


def test_a_broken_file_hides_no_other(store: TrustStore, link: LinkTrust) -> None:
    trusts(store, b"not a certificate", name="a.der")
    trusts(store, der(certificate()), name="b.der")
    assert len(store.certificates_of("trusted")) == 1


def test_a_broken_list_of_servers_is_told(store: TrustStore, link: LinkTrust) -> None:
    store.folder.mkdir(parents=True)
    (store.folder / "endpoints.json").write_text("{")
    with pytest.raises(ProjectFault, match="cannot be read"):
        link.pinned()


def test_how_an_address_was_secured_is_remembered(store: TrustStore, link: LinkTrust) -> None:
    assert link.pinned() == ""
    link.pin("SignAndEncrypt")
    assert store.of(URL).pinned() == "SignAndEncrypt"
    assert store.of("opc.tcp://other:1").pinned() == ""
