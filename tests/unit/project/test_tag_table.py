"""Lists of tags: exported, and taken in with guessed columns, checked row by row."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from armillary.model.fault import ProjectFault
from armillary.project import tag_columns, tag_sheet, tag_table
from armillary.project.tag_table import Found

TWINS = json.dumps(
    {
        "schema": 1,
        "twins": [
            {
                "id": "T-101",
                "model": "dtmi:x:Tank;1",
                "prim": "/T",
                "tags": {
                    "level": {
                        "address": "site!t/101#level",
                        "unit": "m",
                        "range": [0.0, 5.0],
                        "liveness": "tag",
                    },
                    "volume": {"expression": "T-101.level * 4"},
                },
                "components": {"inlet": {"tags": {"flow": {"address": "site!t/101#flow", "unit": "l/s"}}}},
            }
        ],
    }
)
SOURCES = ("site", "plc")


def found(text: str, source: str = "", **wished: str) -> Found:
    cells = tag_sheet.csv_cells(text, "list.csv")
    columns = tag_columns.mapped(cells.head, wished, "list.csv")
    return tag_table.changes(TWINS, cells, columns, SOURCES, source=source)


def test_what_is_exported_says_what_the_project_says(tmp_path: Path) -> None:
    for name in ("tags.csv", "tags.xlsx"):
        path = tmp_path / name
        assert tag_sheet.write(path, tag_columns.COLUMNS, list(tag_table.exported(TWINS))) == 2
        cells = tag_sheet.read(path)
        assert cells.head == tag_columns.COLUMNS
        again = tag_table.changes(TWINS, cells, tag_columns.guessed(cells.head), SOURCES)
        assert (again.rows, again.bad, again.same) == ((), (), 2)


def test_columns_of_other_tools_are_guessed() -> None:
    assert tag_columns.guessed(
        ["Tag Name", "Description", "NodeId", "EU", "Min", "Max", "Data Type", "Vendor"]
    ) == {
        "tag": "Tag Name",
        "title": "Description",
        "address": "NodeId",
        "unit": "EU",
        "low": "Min",
        "high": "Max",
        "kind": "Data Type",
    }
    assert tag_columns.guessed(["Tagnames", "Adresse"]) == {"tag": "Tagnames", "address": "Adresse"}


def test_new_tags_and_changes_are_taken() -> None:
    made = found(
        "Tag;NodeId;Unit;Min;Max;Type;Description\n"
        "P-101A.speed;nsu=urn:x;rpm;0;3000;REAL;Speed\n"
        "TT-111;plc!nsu=urn:x;°C;;;;\n"
        "T-101.level;;m;0;6;;Level of the tank\n"
        "T-101.inlet.flow;;l/s;;;;\n",
        source="plc",
    )
    assert made.bad == ()
    assert [(row.tag, row.is_new, dict(row.keys)) for row in made.rows] == [
        (
            "P-101A.speed",
            True,
            {"address": "plc!nsu=urn:x", "unit": "rpm", "title": "Speed", "range": [0, 3000]},
        ),
        ("TT-111.value", True, {"address": "plc!nsu=urn:x", "unit": "°C"}),
        ("T-101.level", False, {"title": "Level of the tank", "range": [0, 6]}),
    ]
    assert (made.new, made.same) == (2, 1)
    root = json.loads(tag_table.applied(TWINS, made.rows))
    assert [twin["id"] for twin in root["twins"]] == ["P-101A", "T-101", "TT-111"]
    level = root["twins"][1]["tags"]["level"]
    assert level == {
        "address": "site!t/101#level",
        "unit": "m",
        "range": [0, 6],
        "liveness": "tag",
        "title": "Level of the tank",
    }
    assert root["twins"][1]["components"]["inlet"]["tags"]["flow"]["unit"] == "l/s"


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (",site!a,,", "the tag has no name"),
        ("A b.c,site!a,,", "cannot be a tag's name"),
        ("A.b,,,", "a new tag needs an address"),
        ("A.b,sit!a,,", "there is no source 'sit' did you mean 'site'"),
        ("A.b,t/a,,", "names no source"),
        ("A.b,site!,,", "cannot be read"),
        ('A.b,site!a,,"1,5"', "write a point for the decimals"),
        ("T-101.level,,bar,", "the unit 'bar' measures something else than 'm'"),
        ("A.b,site!a,,-1", "not a number that can be reached"),
    ],
)
def test_a_bad_row_is_told_and_the_others_are_taken(row: str, why: str) -> None:
    made = found(f"tag,address,unit,expected_interval_s\n{row}\nOK.x,site!ok,,1\nOK.x,site!again,,\n")
    assert [bad.line for bad in made.bad] == [2, 4]
    assert why in made.bad[0].why
    assert made.bad[1].why == "'OK.x' is in line 3 already"
    assert [r.tag for r in made.rows] == ["OK.x"]


def test_ranges_kinds_liveness_and_models_are_checked() -> None:
    made = found(
        "tag,address,low,high,kind,liveness,model\n"
        "A.a,site!a,5,1,,,\nA.b,site!b,1,,,,\nA.c,site!c,,,blob,,\nA.d,site!d,,,,often,\n"
        "T-101.x,site!x,,,,,dtmi:x:Pump;1\nA.e,site!e,,,BOOL,LINK,dtmi:x:Pump;1\n"
    )
    assert [bad.why.split(":")[0] for bad in made.bad] == [
        "the range 5 to 1 is empty",
        "a range needs both ends",
        "the kind 'blob' is none of number, bool, enum, text, struct, array",
        "the liveness 'often' is none of tag, link, device",
        "the twin 'T-101' is of the model dtmi",
    ]
    assert [dict(row.keys) for row in made.rows] == [
        {"address": "site!e", "kind": "bool", "liveness": "link"}
    ]
    assert json.loads(tag_table.applied(TWINS, made.rows))["twins"][0]["model"] == "dtmi:x:Pump;1"


def test_a_unit_nobody_knows_is_taken_with_a_word() -> None:
    [row] = found("tag,address,unit\nAT-1,site!a,NTU\n").rows
    assert row.keys["unit"] == "NTU"
    assert "is not known" in row.note


def test_a_person_says_which_column_is_which() -> None:
    text = "Kenner,Wo,Was\nA.b,site!x,m\n"
    with pytest.raises(ProjectFault, match="No column holds the names"):
        found(text)
    [row] = found(text, tag="Kenner", address="Wo", unit="Was").rows
    assert dict(row.keys) == {"address": "site!x", "unit": "m"}
    with pytest.raises(ProjectFault, match="no column 'Kener'"):
        found(text, tag="Kener")
    with pytest.raises(ProjectFault, match="A tag has no 'units'"):
        found(text, units="Was")


def test_a_title_above_the_head_and_sheets_are_understood(tmp_path: Path) -> None:
    assert tag_sheet.csv_cells("My plant,,\n\ntag,address\nA.b,site!x\n", "x").head == ("tag", "address")
    from openpyxl import Workbook

    book = Workbook()
    book.active.title = "Cover"
    book.active.append(["Only a cover"])
    page = book.create_sheet("Tags")
    page.append(["tag", "address", "high", "low"])
    page.append(["A.b", "site!x", 10, 0.5])
    book.save(tmp_path / "a.xlsx")
    cells = tag_sheet.read(tmp_path / "a.xlsx", "Tags")
    assert cells.rows == ((2, ("A.b", "site!x", "10", "0.5")),)
    assert cells.sheets == ("Cover", "Tags")
    with pytest.raises(ProjectFault, match="no sheet 'Tag'"):
        tag_sheet.read(tmp_path / "a.xlsx", "Tag")


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.xlsx", b"no zip", "no XLSX"),
        ("a.csv", b"", "empty"),
        ("gone.csv", None, "cannot be read"),
        ("a.csv", b"\x81\x8d\x00,\x9d", "no text"),
    ],
)
def test_files_that_are_none_are_refused_in_words(
    tmp_path: Path, name: str, data: bytes | None, words: str
) -> None:
    if data is not None:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(ProjectFault, match=words):
        tag_sheet.read(tmp_path / name)


def test_no_cell_that_is_written_is_a_formula(tmp_path: Path) -> None:
    tag_sheet.write(tmp_path / "a.csv", ["tag"], [["=1+1"]])
    assert list(csv.reader((tmp_path / "a.csv").read_text().splitlines()))[1] == ["'=1+1"]
    assert tag_sheet.csv_cells("tag,x\n'=1+1,1\n", "a").rows[0][1][0] == "=1+1"
