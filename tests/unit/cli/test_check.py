"""What `armillary check` lists."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from armillary.cli.scenes import check

TEXT = """#usda 1.0
(
    metersPerUnit = 1
    upAxis = "Z"
)
def Xform "Passwords" (
    references = @/etc/passwd@
)
{
}
def Xform "Elsewhere" (
    references = @https://example.org/a.usd@
)
{
}
"""


def test_two_blocked_files_of_one_layer_are_both_named(own_places: Path, tmp_path: Path) -> None:
    scene = tmp_path / "s.usda"
    scene.write_text(TEXT, "utf-8")
    got = CliRunner().invoke(check, [str(scene), "--json"], standalone_mode=False)
    said = [p["what"] for p in json.loads(got.output)["problems"] if p["code"] == "S03"]
    assert sorted(said) == [
        "Blocked: /etc/passwd is outside the project.",
        "Blocked: https://example.org/a.usd is not a file of the project.",
    ]
