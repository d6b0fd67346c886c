from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from tests.plugins.opcua.certified import URI, certificate, der, key

from armillary.cli.trust import trust
from armillary.model.clock import WallClock
from armillary.model.fault import LinkRefused, ProjectFault
from armillary.security import certificates
from armillary.security.certificates import fingerprint
from armillary.security.trust import TrustStore

URL = "opc.tcp://127.0.0.1:4840"


@pytest.fixture(autouse=True)
def _short_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificates, "KEY_BITS", 1024)
    monkeypatch.setattr(certificates, "LEAST_BITS", 1024)


def run(*words: str) -> str:
    done = CliRunner().invoke(trust, words, standalone_mode=False)
    if done.exception is not None:
        raise done.exception
    return done.output


def test_a_server_that_was_met_is_accepted_and_rejected_by_its_fingerprint() -> None:
    assert run("list") == "No certificates.\n"
    one = certificate("plc 7", own=key(0, 1024))
    with pytest.raises(LinkRefused):
        TrustStore(WallClock()).of(URL).check(der(one), URI)
    print_ = fingerprint(one)
    assert f"rejected  plc 7  2125-01-01  {print_}" in run("list")
    assert f"'plc 7' is trusted. SHA-256 {print_}" in run("accept", print_[:23])
    TrustStore(WallClock()).of(URL).check(der(one), URI)
    [row] = json.loads(run("list", "--json"))["certificates"]
    assert (row["list"], row["subject"], row["sha256"]) == ("trusted", "plc 7", print_)
    assert "is not trusted" in run("reject", print_.replace(":", "").lower())
    with pytest.raises(LinkRefused, match="was rejected by local:"):
        TrustStore(WallClock()).of(URL).check(der(one), URI)


def test_what_was_never_met_cannot_be_accepted() -> None:
    with pytest.raises(ProjectFault, match="not kept here"):
        run("accept", "0011223344")
    for words in (("accept", "00"), ("accept", "every one"), ("accept", "0011223344", "--user", "anna")):
        with pytest.raises(click.UsageError):
            run(*words)


def test_our_own_certificate_is_shown_written_and_renewed(tmp_path: Path) -> None:
    shown = run("own", "-o", str(tmp_path / "own.der"))
    store = TrustStore(WallClock())
    assert (tmp_path / "own.der").read_bytes() == store.identities()[0].certificate
    assert store.identities()[0].application_uri in shown
    assert "PRIVATE" not in shown
    assert not json.loads(run("own", "--json"))["renew"]
    assert "Let the servers trust" in run("renew")
    assert len(json.loads(run("own", "--json"))["own"]) == 2
