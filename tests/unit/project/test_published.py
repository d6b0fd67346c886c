"""Versions on disk: kept by what they say, had again whole, and noticed when they are not what they were."""

from __future__ import annotations

from pathlib import Path

import pytest

from armillary.model.clock import NS
from armillary.model.fault import ProjectFault
from armillary.project import folder as projects
from armillary.project import published
from armillary.project.published import Record
from armillary.project.record import Project
from armillary.project.version import key_of

NOW = 1_800_000_000 * NS


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return projects.new(tmp_path / "plant", "Plant")


def kept(project: Project, version: str, t_ns: int = NOW) -> Record:
    held = published.texts(project.folder)
    record = Record(
        schema=1,
        version=version,
        key=key_of(held),
        t_ns=t_ns,
        by=("ravi",),
        binaries=published.digests(project),
    )
    published.keep(project.folder, held, record)
    return record


def test_a_version_has_all_texts_of_the_project_and_no_accounts(project: Project) -> None:
    for name in ("users.toml", "rules.toml", "scenarios/rain.toml", "procedures/a.toml", ".armillary/x.toml"):
        (project.folder / name).parent.mkdir(exist_ok=True)
        (project.folder / name).write_text("schema = 1\n")
    names = set(published.texts(project.folder))
    assert names == {"project.toml", "twins.json", "rules.toml", "scenarios/rain.toml", "procedures/a.toml"}


def test_it_is_told_whether_what_is_on_disk_was_published(project: Project) -> None:
    record = kept(project, "1.0.0")
    assert published.is_published(project.folder) == record
    (project.folder / "rules.toml").write_text("schema = 1\n")
    assert published.is_published(project.folder) is None


def test_a_version_is_restored_whole_and_what_was_there_can_be_had_again(project: Project) -> None:
    record, rules = kept(project, "1.0.0"), project.folder / "rules.toml"
    rules.write_text("schema = 1\n# new\n")
    twins = project.folder / "twins.json"
    was = twins.read_text()
    twins.write_text(was.replace("[]", "[ ]", 1))
    done = published.restored(project, record, ("ravi",), NOW + NS)
    assert (done.written, done.removed, done.others) == (("twins.json",), ("rules.toml",), ())
    assert published.is_published(project.folder) == record
    assert published.published(project.folder) == (record,), "what a restore put aside is no version"
    published.restored(project, done.kept, ("ravi",), NOW + 2 * NS)
    assert rules.read_text() == "schema = 1\n# new\n"


def test_another_scene_than_that_of_the_version_is_told(project: Project) -> None:
    record = kept(project, "1.0.0")
    assert project.entry is not None
    project.entry.write_text('#usda 1.0\ndef "Other" {\n}\n')
    assert published.restored(project, record, (), NOW + NS).others == ("scene.usda",)


def test_texts_that_were_changed_are_not_restored(project: Project) -> None:
    record = kept(project, "1.0.0")
    other = kept(project, "1.1.0")
    (project.folder / "rules.toml").write_text("schema = 1\n")
    third = kept(project, "1.2.0")
    home = project.folder / ".armillary" / "versions"
    (home / f"{record.key}.texts").write_bytes((home / f"{third.key}.texts").read_bytes())
    for each in (record, other):
        with pytest.raises(ProjectFault, match="not what they were"):
            published.texts_of(project.folder, each)


def test_versions_go_up() -> None:
    known = [Record(schema=1, version="1.4.0", key="", t_ns=0, by=())]
    assert published.next_version("1.4.0", known) == "1.5.0"
    assert published.next_version("", ()) == "1.0.0"
    published.must_follow("1.4.1", known)
    for wrong in ("1.4.0", "0.9.9", "2", "1.5.0-rc", "01.5.0"):
        with pytest.raises(ProjectFault):
            published.must_follow(wrong, known)


def test_a_record_that_is_damaged_is_left_out(project: Project) -> None:
    record = kept(project, "1.0.0")
    (project.folder / ".armillary" / "versions" / "1.1.0.json").write_text("{")
    assert published.kept(project.folder) == (record,)
    with pytest.raises(ProjectFault, match=r"There is no version 1\.1\.0") as caught:
        published.record_of(project.folder, "1.1.0")
    assert "1.0.0" in caught.value.remedy
