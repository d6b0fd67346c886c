"""An FMU is a zip from a stranger: paths, links, bombs and broken files are refused, in words."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from armillary.model.fault import WorldFault
from armillary.simulate import fmu_unzip
from armillary.simulate.fmu_unzip import unzip

XML = "modelDescription.xml"


def made(path: Path, entries: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as out:
        for name, data in entries.items():
            out.writestr(name, data)
    return path


def test_a_sound_file_is_unpacked(tmp_path: Path) -> None:
    file = made(tmp_path / "a.fmu", {XML: b"<x/>", "binaries/linux64/a.so": b"1", "resources/": b""})
    out = tmp_path / "out"
    out.mkdir()
    unzip(file, out)
    assert (out / XML).read_bytes() == b"<x/>"
    assert (out / "binaries" / "linux64" / "a.so").read_bytes() == b"1"
    assert (out / "resources").is_dir()


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/etc/evil", "C:/evil", "a\\..\\evil"])
def test_a_path_that_leads_out_is_refused_before_anything_is_written(tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    file = made(tmp_path / "a.fmu", {XML: b"<x/>", name: b"1"})
    with pytest.raises(WorldFault, match="leads out of it"):
        unzip(file, out)
    assert not [*out.iterdir()]
    assert not (tmp_path / "evil").exists()


def test_a_link_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.fmu"
    with zipfile.ZipFile(file, "w") as out:
        out.writestr(XML, "<x/>")
        link = zipfile.ZipInfo("resources/link")
        link.external_attr = 0o120777 << 16
        out.writestr(link, "/etc")
    with pytest.raises(WorldFault, match="holds a link"):
        unzip(file, tmp_path)


def test_a_bomb_is_refused_by_its_ratio(tmp_path: Path) -> None:
    file = made(tmp_path / "a.fmu", {XML: b"<x/>", "resources/zeros": bytes(32 * 1024 * 1024)})
    with pytest.raises(WorldFault, match="times its size; 100 is the limit"):
        unzip(file, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_comes_out_is_counted_whatever_the_sizes_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = made(tmp_path / "a.fmu", {XML: b"<x/>", "resources/r": bytes(3000)}, zipfile.ZIP_STORED)
    monkeypatch.setattr(fmu_unzip, "MAX_BYTES", 2000)
    monkeypatch.setattr(fmu_unzip, "_check", lambda *_: None)
    with pytest.raises(WorldFault, match="larger than"):
        unzip(file, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_too_large_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = made(tmp_path / "a.fmu", {XML: b"<x/>", "resources/r": bytes(3000)}, zipfile.ZIP_STORED)
    monkeypatch.setattr(fmu_unzip, "MAX_BYTES", 2000)
    with pytest.raises(WorldFault, match="larger than"):
        unzip(file, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("data", "words"), [(b"no zip", "no sound FMU"), (b"", "no sound FMU"), (None, "no such file")]
)
def test_a_broken_file_is_told(tmp_path: Path, data: bytes | None, words: str) -> None:
    file = tmp_path / "a.fmu"
    if data is not None:
        file.write_bytes(data)
    with pytest.raises(WorldFault, match=words):
        unzip(file, tmp_path / "out")


def test_a_damaged_entry_is_told(tmp_path: Path) -> None:
    file = made(tmp_path / "a.fmu", {XML: b"<x/>" * 500}, zipfile.ZIP_STORED)
    file.write_bytes(file.read_bytes().replace(b"<x/><x/>", b"<x/><y/>", 1))
    with pytest.raises(WorldFault, match="no sound FMU"):
        unzip(file, tmp_path / "out")


def test_a_zip_that_is_no_fmu_is_told(tmp_path: Path) -> None:
    with pytest.raises(WorldFault, match=r"no modelDescription\.xml"):
        unzip(made(tmp_path / "a.zip", {"a": b"1"}), tmp_path / "out")
