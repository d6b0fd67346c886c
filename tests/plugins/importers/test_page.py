"""The page of importing tells what the importers and the command say."""

import re
from pathlib import Path

import pytest

from armillary.api import Importer, ImporterContext
from armillary.cli.import_scene import LIMIT_S, MEMORY_BYTES, UNITS, import_
from armillary.extend.discover import discover
from armillary.model import tree

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "importing.md").read_text("utf-8")

XYZ = "".join(f"property float {axis}\n" for axis in "xyz")


def importers() -> dict[str, Importer]:
    registry = discover(["importers"])
    assert registry.problems == []
    return {name: make(ImporterContext()) for name, make in registry.of("importers").items()}


def test_every_importer_keeps_to_the_protocol_and_has_its_line() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ")][2:]
    told = {suffix for row in rows for suffix in re.findall(r"`(\.\w+)`", row.split("|")[2])} - {".mtl"}
    real = [suffix for importer in importers().values() for suffix in importer.suffixes]
    assert all(isinstance(importer, Importer) for importer in importers().values())
    assert sorted(told) == sorted(real)
    assert len(real) == len(set(real))
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in real)


@pytest.mark.parametrize("suffix", [".stl", ".ply", ".obj"])
def test_what_the_page_says_is_taken_is_what_is_taken(imported, tmp_path: Path, suffix: str) -> None:
    text = {
        ".stl": "solid a\nvertex 0 0 0\nvertex 1 0 0\nvertex 0 1 0\n",
        ".ply": f"ply\nformat ascii 1.0\nelement vertex 1\n{XYZ}end_header\n0 0 0\n",
        ".obj": "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n",
    }[suffix]
    (tmp_path / f"a{suffix}").write_text(text)
    report = imported(tmp_path / f"a{suffix}").report
    row = next(line for line in PAGE.splitlines() if f"`{suffix}`" in line).split("|")
    unit, up = row[4].split()[0], row[5].split()[0]
    assert (report["up_axis"], report["meters_per_unit"]) == (up, UNITS[unit])
    assert len(report["assumed"]) == 2


def test_limits_units_and_options_of_the_page_are_those_of_the_command() -> None:
    told = re.search(r"`--units` \(([^)]*)\)", PAGE)
    assert told is not None
    assert told[1].replace("\n", " ").split(", ") == list(UNITS)
    options = {name for parameter in import_.params for name in parameter.opts}
    assert set(re.findall(r"`(--\w+)", PAGE)) <= options
    numbers = (f"{tree.MAX_NODES:,} nodes", f"{tree.MAX_POINTS:,} points", f"{tree.MAX_DEPTH} nodes below")
    for number in (*numbers, f"{MEMORY_BYTES >> 30} GiB", f"{LIMIT_S:g} s"):
        assert number in PAGE.replace("\n", " ")
