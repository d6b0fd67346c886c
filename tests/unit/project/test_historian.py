"""`[historian]` of project.toml with a store that has a server: every mistake is named with its line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from armillary.project import folder as projects

TEXT = """[project]
schema = 1
id = "5f0d7c0e-9a7e-4c0a-9a51-4f9c3f0b6a11"
name = "north"
[historian]
"""
SERVER = 'store = "postgres"\nurl = "postgresql://armillary@db.example:5432/plant"\n'


def examined(folder: Path, text: str) -> list[str]:
    (folder / "project.toml").write_text(TEXT + text)
    (folder / "twins.json").write_text(json.dumps({"schema": 1, "twins": []}))
    _, found = projects.examine(folder)
    return [f"{p.code} {p.where} {p.what} {p.remedy}" for p in found if p.severity == "error"]


def test_a_server_is_read_with_the_name_of_its_secret(tmp_path: Path) -> None:
    assert examined(tmp_path, SERVER + 'space = "north"\nsecret = "db"\n') == []
    held = projects.read(tmp_path / "project.toml").historian
    assert (held.store, held.space, held.secret) == ("postgres", "north", "db")
    assert held.url == "postgresql://armillary@db.example:5432/plant"


def test_the_embedded_store_needs_nothing(tmp_path: Path) -> None:
    assert examined(tmp_path, 'store = "duckdb"\n') == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('store = "postgres"', "P02 project.toml:5 The store 'postgres' needs the url of its server."),
        ('store = "x"\nurl = "http://[bad"', "needs the url of its server."),
        (
            'url = "http://a"',
            "'url' is of a store with a server; the store 'duckdb' is a file of this project.",
        ),
        ('secret = "db"', "'secret' is of a store with a server"),
        ('store = "x"\nurl = "http://u:p@a"', "P02 project.toml:7 The url holds a password in plain text."),
        (SERVER + 'space = "Nord 1"', "P02 project.toml:8 'Nord 1' cannot be a space."),
        (SERVER + 'sekret = "db"', "P04 project.toml:8 The key 'sekret' is not known here."),
        (SERVER + 'sekret = "db"', "Did you mean 'secret'?"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    found = examined(tmp_path, text)
    assert any(said in one for one in found), found
