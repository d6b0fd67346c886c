from __future__ import annotations

import threading
from pathlib import Path

import pytest

from armillary.model.fault import ProjectFault
from armillary.security.keyrings import Keyring, Ring
from armillary.security.secrets import KEY_FILE, STORE_FILE, Secrets

CANARY = "canary-7f3a9"


class Box:
    """A keyring in memory."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.held.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.held[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.held[service, username]


def store(folder: Path, ring: Ring | None = None, file: str = "") -> Secrets:
    return Secrets(file, folder=folder, keyring=Keyring(lambda: ring, 0.2))


def test_a_secret_comes_back_from_the_encrypted_file(tmp_path: Path) -> None:
    kept = store(tmp_path).put("site", CANARY)
    assert (kept.name, kept.where) == ("site", "file")
    assert store(tmp_path).value("site") == CANARY
    for name in (KEY_FILE, STORE_FILE):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
        assert CANARY not in (tmp_path / name).read_text()


def test_a_secret_goes_into_the_keyring_where_there_is_one(tmp_path: Path) -> None:
    box = Box()
    assert store(tmp_path, box).put("site", CANARY).where == "keyring"
    assert box.held == {("armillary", "site"): CANARY}
    assert store(tmp_path, box).value("site") == CANARY
    with pytest.raises(ProjectFault, match="The keyring does not give the secret 'site'"):
        store(tmp_path).value("site")
    store(tmp_path, box).remove("site")
    assert not box.held
    assert store(tmp_path, box).kept() == ()


def test_a_keyring_that_hangs_is_none_after_its_time(tmp_path: Path) -> None:
    never = threading.Event()

    class Hangs(Box):
        def get_password(self, service: str, username: str) -> str | None:
            never.wait(5)
            return None

    assert store(tmp_path, Hangs()).put("site", CANARY).where == "file"
    never.set()


def test_a_missing_secret_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ProjectFault) as caught:
        store(tmp_path).value("site")
    assert caught.value.what == "The secret 'site' is not in the secret store."
    assert "armillary secret set site" in caught.value.remedy


def test_a_secret_for_one_server_is_given_to_no_other(tmp_path: Path) -> None:
    store(tmp_path).put("site", CANARY, "broker.example")
    assert store(tmp_path).of("mqtts://broker.example:8883")("site") == CANARY
    with pytest.raises(ProjectFault, match=r"for broker\.example, not for evil\.example"):
        store(tmp_path).of("mqtt://evil.example")("site")


def test_a_service_reads_its_own_file_first(tmp_path: Path) -> None:
    store(tmp_path).put("site", "other")
    file = tmp_path / "given.toml"
    file.write_text(f'site = "{CANARY}"\n')
    file.chmod(0o600)
    assert store(tmp_path, file=str(file)).value("site") == CANARY


def test_a_file_that_others_may_read_is_not_used(tmp_path: Path) -> None:
    file = tmp_path / "given.toml"
    file.write_text(f'site = "{CANARY}"\n')
    file.chmod(0o644)
    with pytest.raises(ProjectFault, match="Others may read") as caught:
        store(tmp_path, file=str(file)).value("site")
    assert CANARY not in str(caught.value)
    store(tmp_path).put("site", CANARY)
    (tmp_path / KEY_FILE).chmod(0o640)
    with pytest.raises(ProjectFault, match="Others may read"):
        store(tmp_path).value("site")


def test_a_file_with_a_mistake_never_shows_its_text(tmp_path: Path) -> None:
    file = tmp_path / "given.toml"
    file.write_text(f"site = {CANARY}\n")
    file.chmod(0o600)
    with pytest.raises(ProjectFault) as caught:
        store(tmp_path, file=str(file)).value("site")
    assert CANARY not in str(caught.value)


def test_credentials_of_systemd_are_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / "site").write_text(CANARY + "\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    assert store(tmp_path).value("site") == CANARY
    with pytest.raises(ProjectFault):
        store(tmp_path).value("../site")


@pytest.mark.parametrize("damage", ["cut", "flipped", "key"])
def test_a_damaged_store_is_refused_in_words(tmp_path: Path, damage: str) -> None:
    store(tmp_path).put("site", CANARY)
    path = tmp_path / STORE_FILE
    text = path.read_text()
    if damage == "cut":
        path.write_text(text[: len(text) // 2])
    elif damage == "flipped":
        place = text.index('"sealed": "') + 15
        path.write_text(text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :])
    else:
        (tmp_path / KEY_FILE).unlink()
    with pytest.raises(ProjectFault, match="cannot be read: it is damaged, or its key is another"):
        store(tmp_path).value("site")


@pytest.mark.parametrize("name", ["", "a b", "../x", "-x", "x" * 65])
def test_a_name_is_plain(tmp_path: Path, name: str) -> None:
    with pytest.raises(ProjectFault, match="cannot be a secret's name"):
        store(tmp_path).put(name, CANARY)


def test_what_is_listed_holds_no_value(tmp_path: Path) -> None:
    store(tmp_path).put("site", CANARY, "broker.example")
    (kept,) = store(tmp_path).kept()
    assert (kept.name, kept.where, kept.host) == ("site", "file", "broker.example")
    assert CANARY not in repr(kept)
    with pytest.raises(ProjectFault, match="There is no secret 'sit'"):
        store(tmp_path).remove("sit")
