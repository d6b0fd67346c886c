from __future__ import annotations

import json
import warnings
from getpass import GetPassWarning

import pytest
from click.testing import CliRunner

from armillary.cli import password
from armillary.cli.secret import secret
from armillary.model.fault import Fault, ProjectFault
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


@pytest.mark.parametrize("name", ["", "../x", "two words", "two\nlines"])
def test_what_cannot_be_a_name_is_said_before_anything_is_typed(name: str) -> None:
    with pytest.raises(ProjectFault, match=r"cannot be a secret's name") as raised:
        run("set", name)
    assert "\n" not in raised.value.what


def test_without_a_terminal_it_is_said_how_to_give_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    def seen(*_args: object, **_named: object) -> str:
        warnings.warn("Can not control echo on the terminal.", GetPassWarning, stacklevel=1)
        return "canary-12"

    monkeypatch.setattr(password.click, "prompt", seen)
    with pytest.raises(Fault, match="no terminal") as raised:
        run("set", "site")
    assert "--password-file" in raised.value.remedy
    assert run("list") == "No secrets.\n"
