from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from armillary.cli.secret import secret
from armillary.security import keyrings
from armillary.security.secrets import Secrets


def run(*words: str, stdin: str = "") -> str:
    done = CliRunner().invoke(secret, words, input=stdin, standalone_mode=False)
    if done.exception is not None:
        raise done.exception
    return done.output


def test_a_secret_is_set_listed_and_removed_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyrings, "_found", lambda: None)  # this machine's own keyring stays as it is
    text = run("set", "site", "--for", "broker.example", "--password-file", "-", stdin="canary-11\n")
    assert text == "The secret 'site' is in an encrypted file, for broker.example only.\n"
    assert Secrets().value("site") == "canary-11"
    listed = run("list", "--json")
    assert json.loads(listed)["secrets"] == [{"name": "site", "where": "file", "for": "broker.example"}]
    assert "canary" not in listed + run("list")
    assert run("remove", "site") == "The secret 'site' is gone.\n"
    assert run("list") == "No secrets.\n"
