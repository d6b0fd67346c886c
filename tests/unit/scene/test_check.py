import os
from pathlib import Path

import pytest
from pxr import Usd, UsdUtils

from armillary.model.fault import SceneFault
from armillary.scene.check import check
from armillary.scene.load import load
from armillary.scene.sniff import look
from armillary.scene.stage import open_stage, quiet

CUBE = 'def Cube "W"\n{\n}\n'


def codes(found) -> list[str]:
    return sorted(p.code for p in found.problems)


def composed(found) -> list[str]:
    opened = open_stage(found.root, found.layers)
    with quiet():
        return list(load(opened.stage).prim_path)


def refers(path: str, name: str = "A") -> str:
    return f'def "{name}" (\n references = @{path}@\n)\n{{\n}}\n'


def test_a_sound_scene_has_no_problems_and_names_its_files(write) -> None:
    part = write(CUBE, name="sub/part.usda")
    entry = write(refers("./sub/part.usda"))
    found = check(entry)
    assert found.problems == []
    assert found.files == [entry, part]


def test_a_path_out_of_the_project_is_blocked_and_the_rest_is_shown(write, tmp_path: Path) -> None:
    write(CUBE.replace("}", ' def Cube "secret"\n {\n }\n}'), name="outside.usda")
    entry = write(refers("../outside.usda") + 'def Cube "B"\n{\n}\n', name="project/scene.usda")
    before = Path(entry).read_bytes()
    found = check(entry)
    assert codes(found) == ["S03"]
    assert "../outside.usda is outside the project" in found.problems[0].what
    assert composed(found) == ["/A", "/B"]
    assert Path(entry).read_bytes() == before
    assert check(entry, roots=[str(tmp_path)]).problems == []


@pytest.mark.parametrize(
    "arc", ["/etc/x.usda", "http://example.org/x.usda", "//host/share/x.usda", '`"${A}.usda"`']
)
def test_absolute_remote_and_computed_paths_are_blocked(write, arc) -> None:
    found = check(write(refers(arc)))
    assert codes(found) == ["S03"]
    assert composed(found) == ["/A"]


def test_an_escape_inside_a_variant_a_payload_or_a_link_is_blocked(write, tmp_path: Path) -> None:
    write(CUBE, name="outside.usda")
    body = (
        'def "A" (\n variants = {\n  string v = "x"\n }\n prepend variantSets = "v"\n)\n{\n'
        ' variantSet "v" = {\n'
        '  "x" (\n   references = @../outside.usda@\n  ) {\n  }\n }\n}\n'
        'def "B" (\n payload = @./../outside.usda@\n)\n{\n}\n' + refers("./link.usda", "C")
    )
    entry = write(body, name="project/scene.usda")
    os.symlink(tmp_path / "outside.usda", tmp_path / "project" / "link.usda")
    found = check(entry)
    assert codes(found) == ["S03", "S03", "S03"]
    assert composed(found) == ["/A", "/B", "/C"]


def test_a_missing_reference_is_named_and_noticed_when_it_comes_back(write) -> None:
    entry = write(refers("./gone.usda"))
    found = check(entry)
    assert codes(found) == ["S01"]
    assert found.problems[0].where == entry
    assert any(file.endswith("gone.usda") for file in found.files)


def test_time_codes_that_would_never_end_are_replaced(write) -> None:
    for value in ("0", "-1", "1e9"):
        found = check(write(CUBE, more=f"    timeCodesPerSecond = {value}\n", name=f"s{value}.usda"))
        assert codes(found) == ["S04"]
        opened = open_stage(found.root, found.layers)
        assert opened.stage.GetTimeCodesPerSecond() == 24


def test_sublayers_in_a_circle_are_cut(write) -> None:
    write(CUBE, name="b.usda", more="    subLayers = [@./scene.usda@]\n")
    found = check(write(CUBE, more="    subLayers = [@./b.usda@]\n"))
    assert codes(found) == ["S02"]
    assert composed(found) == ["/W"]


def test_references_in_a_circle_are_reported_not_followed(write) -> None:
    write('def "W"\n{\n def "x" (\n  references = @./scene.usda@\n )\n {\n }\n}\n', name="b.usda")
    found = check(write('def "W"\n{\n def "y" (\n  references = @./b.usda@\n )\n {\n }\n}\n'))
    opened = open_stage(found.root, found.layers)
    assert [p.code for p in opened.problems] == ["S02"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"hello", "not an OpenUSD file"),
        (b"#usda 1.0\ndef {{{", "damaged"),
        (b"PXR-USDC" + b"\0" * 100, "damaged"),
        (b"PK\x03\x04 not a zip", "damaged"),
    ],
)
def test_a_file_that_is_no_scene_is_refused_in_words(tmp_path: Path, content, words) -> None:
    path = tmp_path / "scene.usd"
    path.write_bytes(content)
    with pytest.raises(SceneFault, match=words), quiet():
        check(str(path))


def test_a_truncated_crate_is_refused_as_entry_and_left_out_as_part(write, tmp_path: Path) -> None:
    stage = Usd.Stage.CreateNew(str(tmp_path / "whole.usdc"))
    for i in range(50):
        stage.DefinePrim(f"/W/p{i}", "Cube")
    stage.Save()
    content = (tmp_path / "whole.usdc").read_bytes()
    (tmp_path / "cut.usdc").write_bytes(content[: len(content) // 2])
    with pytest.raises(SceneFault, match="damaged"), quiet():
        check(str(tmp_path / "cut.usdc"))
    with quiet():
        found = check(write(refers("./cut.usdc") + CUBE))
    assert codes(found) == ["S02"]
    assert composed(found) == ["/A", "/W"]


def test_a_missing_scene_says_so(tmp_path: Path) -> None:
    with pytest.raises(SceneFault, match="not found"):
        check(str(tmp_path / "none.usda"))


def test_text_nested_too_deep_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    path = tmp_path / "bomb.usda"
    path.write_text("#usda 1.0\n" + "".join(f'def "p{i}"\n{{\n' for i in range(30_000)) + "}\n" * 30_000)
    with pytest.raises(SceneFault, match="nested more than"):
        check(str(path))


def test_braces_in_strings_and_comments_are_not_nesting(tmp_path: Path) -> None:
    path = tmp_path / "scene.usda"
    path.write_text(
        "#usda 1.0\n# " + "{" * 5_000 + '\ndef "W" (\n doc = """' + "[" * 5_000 + '"""\n)\n{\n}\n'
    )
    look(str(path))
    assert check(str(path)).problems == []


def test_a_package_opens_and_nested_text_in_it_is_looked_at(write, tmp_path: Path) -> None:
    write(CUBE, name="part.usda")
    entry = write(refers("./part.usda"))
    package = str(tmp_path / "scene.usdz")
    assert UsdUtils.CreateNewUsdzPackage(entry, package)
    found = check(package)
    assert found.problems == []
    assert composed(found) == ["/A"]


def test_references_that_multiply_are_left_out_before_they_are_composed(write) -> None:
    write(CUBE, name="l0.usda")
    for level in range(1, 8):
        body = "".join(refers(f"./l{level - 1}.usda", f"r{k}").replace("def", " def") for k in range(10))
        write('def "W"\n{\n' + body + "}\n", name=f"l{level}.usda")
    found = check(write(refers("./l7.usda") + CUBE))
    assert [(p.code, p.where) for p in found.problems] == [("S18", "/A")]
    assert "11,111,111 of the scene" in found.problems[0].what
    assert found.left_out == ["/A"]


def test_limits_of_layers_and_bytes_are_kept(write) -> None:
    write(CUBE, name="a.usda")
    entry = write(refers("./a.usda"))
    with pytest.raises(SceneFault, match="1 layers"):
        check(entry, limits={"layers": 1})
    with pytest.raises(SceneFault, match="GiB"):
        check(entry, limits={"bytes": 10})


def test_nothing_is_printed_by_broken_composition(write, capfd: pytest.CaptureFixture[str]) -> None:
    found = check(write('def "A" (\n references = </Nowhere>\n)\n{\n}\n' + refers("./gone.usda", "B")))
    opened = open_stage(found.root, found.layers)
    assert [p.code for p in opened.problems] == ["S02"]
    assert opened.problems[0].where == "/A"
    assert capfd.readouterr() == ("", "")


def test_a_parse_error_is_told_in_its_own_words(tmp_path: Path) -> None:
    path = tmp_path / "scene.usda"
    path.write_text("#usda 1.0\n(\n    framesPerSecond = 0\n)\n")
    with pytest.raises(SceneFault) as caught, quiet():
        check(str(path))
    assert "textParserHelpers" not in caught.value.what
    assert 'invalid value for field "framesPerSecond"' in caught.value.what


def test_parts_in_other_units_or_with_another_up_axis_are_named(write) -> None:
    write(CUBE, name="part.usda", metres=0.001, axis="Y")
    found = check(write(refers("./part.usda")))
    assert codes(found) == ["S13", "S13"]
    assert {p.severity for p in found.problems} == {"info"}
