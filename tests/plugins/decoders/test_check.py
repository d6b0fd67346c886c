"""What `armillary check` says of decoders: their settings, and the tags that name them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.plugins.decoders.feeding import registry

from armillary.cli.sources import decoder_problems
from armillary.project.folder import read

TOML = """[project]
schema = 1
id = "x"
name = "n"
[[source]]
name = "site"
kind = "mqtt"
url = "mqtt://127.0.0.1"
[decoder.meter]
kind = "protobuf"
descriptors = "no.desc"
message = "a.B"
[decoder.box]
kind = "struct"
format = "<Hz:a,b"
[decoder.good]
kind = "struct"
format = "<H:level"
"""


def test_check_names_decoders_and_the_tags_that_cannot_use_theirs(tmp_path: Path) -> None:
    tags = {
        "a": {"address": "site!a#v", "decoder": "cbr"},
        "b": {"address": "site!b#levl", "decoder": "good"},
        "c": {"address": "site!c#v", "decoder": "meter"},  # told once, by its decoder
        "d": {"address": "site!d#v[", "decoder": "cbor"},
        "e": {"address": "site!e#level", "decoder": ["base64", "good"]},
    }
    (tmp_path / "project.toml").write_text(TOML)
    (tmp_path / "twins.json").write_text(json.dumps({"schema": 1, "twins": [{"id": "t", "tags": tags}]}))
    found = [(p.code, p.where, p.what, p.remedy) for p in decoder_problems(registry(), read(tmp_path))]
    assert [code for code, *_ in found] == ["P27", "P27", "P28", "P28", "P28"]
    assert found[0][1] == "project.toml:9: decoder.meter"
    assert "'no.desc' cannot be read" in found[0][2]
    assert "cannot be read at column 3" in found[1][2]
    assert found[2][3] == "Did you mean 'cbor'?"
    assert "has no field 'levl'" in found[3][2]
    assert "cannot be understood" in found[4][2]
