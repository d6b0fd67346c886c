from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from armillary.model.fault import ProjectFault
from armillary.project import folder
from armillary.project.record import Project

SAMPLE = Path(__file__).parents[2] / "projects" / "v1"
HEAD = '[project]\nschema = 1\nid = "x"\nname = "X"\n'
NOW_NS = 1_750_000_000_000_000_000


def _copy(tmp_path: Path) -> Path:
    target = tmp_path / "station"
    shutil.copytree(SAMPLE, target)
    return target


def _write(tmp_path: Path, project: str, twins: object | str | None = None) -> Path:
    (tmp_path / "project.toml").write_text(HEAD + project, "utf-8")
    if twins is not None:
        text = twins if isinstance(twins, str) else json.dumps(twins)
        (tmp_path / "twins.json").write_text(text, "utf-8")
    return tmp_path


def _tag(**keys: object) -> dict[str, object]:
    return {"schema": 1, "twins": [{"id": "t", "tags": {"x": keys}}]}


SITE = '[[source]]\nname = "site"\nkind = "mqtt"\nurl = "mqtt://127.0.0.1:1883"\n'


def test_the_frozen_project_of_schema_1_is_read_in_full(tmp_path: Path) -> None:
    home = _copy(tmp_path)
    project = folder.read(home)
    assert project.name == "Pumping station north"
    assert project.timezone == "Europe/Oslo"
    assert project.entry == home / "scene.usda"
    assert project.bindings == home / "bindings.usda"
    assert project.composed is None
    assert project.roots == (tmp_path / "shared",)
    assert [link.name for link in project.links] == ["site", "plc"]
    assert project.links[0].settings["subscribe"] == [{"filter": "plant/#", "qos": 1, "decoder": "json"}]
    assert project.links[0].stale_after_s == 12.5
    assert project.links[1].commands
    names = ["P-101A.speed", "P-101A.state", "P-101A.bearing.temperature", "tank1.level", "tank1.fill"]
    assert [spec.name for spec in project.specs] == names
    assert [spec.slot for spec in project.specs] == list(range(5))
    assert [twin.id for twin in project.twins] == ["P-101A", "tank1"]
    assert project.relationships[0].target == "P-101A"
    assert [m.name for m in project.colormaps] == ["level", "running"]
    assert project.colormaps[1].labels == ("stopped", "running")
    assert project.historian.retention_days == 400
    assert project.tick_hz == 20
    assert not project.read_only


def test_a_tag_is_read_with_its_unit_range_states_and_limits(tmp_path: Path) -> None:
    specs = {spec.name: spec for spec in folder.read(_copy(tmp_path)).specs}
    level = specs["tank1.level"]
    assert (level.link, level.address, level.time_path) == ("site", "plant/tank1/level#$.v", "$.t")
    assert (level.factor, level.offset) == pytest.approx((0.01, 0.0))
    assert (level.expected_ms, level.stale_after_ms, level.deadband) == (1000, 0, 0.001)
    speed = specs["P-101A.speed"]
    assert (speed.low, speed.high, speed.write_low, speed.write_high) == (0, 1500, 0, 1480)
    assert speed.writable
    assert speed.liveness == "link"
    assert specs["P-101A.state"].states == ((0.0, "stopped"), (1.0, "running"))
    assert specs["P-101A.state"].kind == "enum"
    warm = specs["P-101A.bearing.temperature"]
    assert warm.factor * 212 + warm.offset == pytest.approx(100)
    assert warm.twin == "P-101A"
    assert specs["tank1.fill"].expression == "tank1.level / 4.0 * 100"
    assert not specs["tank1.fill"].history


def test_the_stale_limit_of_a_source_holds_only_for_tags_that_give_no_interval(tmp_path: Path) -> None:
    specs = {spec.name: spec for spec in folder.read(_copy(tmp_path)).specs}
    assert specs["P-101A.bearing.temperature"].stale_after_ms == 12_500
    assert specs["P-101A.speed"].stale_after_ms == 10_000
    assert specs["P-101A.state"].stale_after_ms == 0
    assert specs["tank1.fill"].stale_after_ms == 0


def test_a_project_file_and_its_folder_give_the_same_project(tmp_path: Path) -> None:
    home = _copy(tmp_path)
    assert folder.read(home / "project.toml") == folder.read(home)


def test_a_bare_scene_is_an_unsaved_project_without_links(tmp_path: Path) -> None:
    home = _copy(tmp_path)
    project = folder.read(home / "scene.usda")
    assert not project.saved
    assert project.entry == home / "scene.usda"
    assert project.links == ()
    assert project.specs == ()
    assert project.bindings is None
    request = project.scene_request()
    assert request is not None
    assert (request.entry, request.bindings) == (str(home / "scene.usda"), "")


@pytest.mark.parametrize("name", ["nothing", "gone.usda", "notes.txt", ""])
def test_a_path_that_is_no_project_says_so(tmp_path: Path, name: str) -> None:
    with pytest.raises(ProjectFault) as caught:
        folder.read(tmp_path / name)
    assert str(tmp_path) in caught.value.where
    assert caught.value.remedy


def test_all_mistakes_are_told_at_once_with_their_lines(tmp_path: Path) -> None:
    home = _write(
        tmp_path,
        'timezon = "UTC"\n\n[scene]\nload = "al"\n\n[limits]\ntick_hz = 500\n' + SITE,
        '{"schema": 1,\n "twins": [\n  {"id": "t",\n   "tags": {\n    "x": {"address": "sit!a",\n'
        '          "untit": "m"}}}]}',
    )
    with pytest.raises(ProjectFault) as caught:
        folder.read(home)
    text = str(caught.value)
    assert "project.toml:5: The key 'timezon' is not known here. Did you mean 'timezone'?" in text
    assert "project.toml:8" in text
    assert "project.toml:11" in text
    assert "twins.json:5: There is no source 'sit'. Did you mean 'site'?" in text
    assert "twins.json:6: The key 'untit' is not known here. Did you mean 'unit'?" in text
    assert text.count("\n  ") == 5


def test_a_key_of_a_source_that_only_its_plugin_knows_is_kept(tmp_path: Path) -> None:
    project = folder.read(_write(tmp_path, SITE + "keepalive_s = 7\n"))
    assert project.links[0].settings == {"keepalive_s": 7}


@pytest.mark.parametrize(
    ("tag", "part"),
    [
        ({}, "needs an address or an expression"),
        ({"address": "site!a", "expression": "1"}, "not both"),
        ({"address": "no-mark"}, "cannot be read"),
        ({"address": "nowhere!a"}, "no source 'nowhere'"),
        ({"address": "site!a", "range": [5, 1]}, "pair"),
        ({"address": "site!a", "kind": "float"}, "none of"),
        ({"address": "site!a", "unit": "m", "source_unit": "degC"}, "different things"),
        ({"address": "site!a", "unit": "m", "source_unit": "furz"}, "not known"),
        ({"address": "site!a", "states": {"on": "x"}}, "state"),
        ({"address": "site!a", "expected_interval_s": "1"}, "finite number"),
        ({"address": "site!a", "expected_interval_s": -1}, "between"),
        ({"address": "site!a", "writable": 1}, "true or false"),
        ({"expression": "1", "writable": True}, "derived tag"),
    ],
)
def test_a_wrong_tag_is_refused_with_its_reason(tmp_path: Path, tag: dict[str, object], part: str) -> None:
    with pytest.raises(ProjectFault, match=part):
        folder.read(_write(tmp_path, SITE, _tag(**tag)))


def test_an_expression_may_be_written_as_an_address(tmp_path: Path) -> None:
    project = folder.read(_write(tmp_path, SITE, _tag(address="expr!t.a / 2")))
    assert (project.specs[0].link, project.specs[0].expression) == ("", "t.a / 2")
    assert project.derived == project.specs


@pytest.mark.parametrize(
    ("twins", "part"),
    [
        ("{", "Expecting"),
        ("[]", "no table"),
        ('{"schema": 1, "schema": 1}', "given twice"),
        ('{"schema": 1, "twins": [{"id": "a"}, {"id": "a"}]}', "two twins"),
        ('{"schema": 1, "twins": [{"id": "a b"}]}', "cannot be the id"),
        ('{"schema": 1, "twins": 3}', "list of tables"),
        ('{"schema": NaN}', "NaN"),
        ("[" * 100_000, "cannot be read"),
        ('{"relationships": [{"from": "a", "name": "feeds", "to": "b"}]}', "no twin 'a'"),
    ],
)
def test_a_broken_twins_file_is_refused(tmp_path: Path, twins: str, part: str) -> None:
    with pytest.raises(ProjectFault, match=part):
        folder.read(_write(tmp_path, SITE, twins))


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("[scene\n", "cannot be read"),
        ('[scene]\nentry = "../outside.usda"\n', "outside the project"),
        ('[scene]\nentry = "/etc/passwd.usda"\n', "outside the project"),
        ('[scene]\nentry = "scene.obj"\n', "not a scene"),
        (SITE + SITE, "two sources"),
        ('[[source]]\nname = "Site"\nkind = "mqtt"\nurl = "x"\n', "cannot be used"),
        ('[[source]]\nname = "site"\nurl = "x"\n', "'kind' is missing"),
        ('[colormap.a]\nstops = [[1.0, "#000000"], [0.0, "#ffffff"]]\n', "do not ascend"),
        ('[colormap.a]\nstops = [[0.0, "red"]]\n', "cannot be read"),
        ('[colormap.a]\nstops = [[0.0, "#000000"], [7, "#ffffff"]]\n', "leave 0"),
        ('timezone = "Mars/Base"\n', "time zone"),
        ("[limits]\ntags = 1.5\n", "not whole"),
        ("[historian]\nretention_days = 0\n", "between"),
        ("[historian]\nquota_gb = -1\n", "between|at least|quota_gb"),
        ("[[historian.keep]]\ndays = 3\n", "says no tags"),
        ('[historian]\nretention_days = 9\n[[historian.keep]]\ntags = ["a"]\ndays = 10\n', "between"),
        ('[[historian.keep]]\ntags = ["a"]\nday = 10\n', "days"),
    ],
)
def test_a_wrong_project_file_is_refused(tmp_path: Path, text: str, part: str) -> None:
    with pytest.raises(ProjectFault, match=part):
        folder.read(_write(tmp_path, text))


def test_a_scene_behind_a_link_that_leaves_the_roots_is_refused(tmp_path: Path) -> None:
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "scene.usda").write_text("#usda 1.0\n")
    home = tmp_path / "home"
    home.mkdir()
    os.symlink(tmp_path / "else" / "scene.usda", home / "scene.usda")
    _write(home, '[scene]\nentry = "scene.usda"\n')
    with pytest.raises(ProjectFault, match="outside"):
        folder.read(home)
    _write(home, '[scene]\nentry = "scene.usda"\nroots = ["../else"]\n')
    assert folder.read(home).entry == home / "scene.usda"


def test_a_missing_scene_is_a_warning_so_that_the_links_still_run(tmp_path: Path) -> None:
    project = folder.read(_write(tmp_path, '[scene]\nentry = "scene.usda"\n' + SITE))
    assert [p.code for p in project.problems] == ["P07"]
    assert len(project.links) == 1


def test_more_tags_than_the_limit_are_refused(tmp_path: Path) -> None:
    tags = {f"x{i}": {"address": f"site!{i}"} for i in range(3)}
    with pytest.raises(ProjectFault, match="3 tags, more than its limit of 2"):
        folder.read(_write(tmp_path, "[limits]\ntags = 2\n" + SITE, {"twins": [{"id": "t", "tags": tags}]}))


def test_a_project_of_a_newer_armillary_opens_read_only_and_is_not_saved(tmp_path: Path) -> None:
    home = _copy(tmp_path)
    text = (home / "project.toml").read_text().replace("schema = 1", 'schema = 2\nfuture = "yes"')
    (home / "project.toml").write_text(text)
    project = folder.read(home)
    assert project.read_only
    assert "newer" in project.problems[0].what
    with pytest.raises(ProjectFault, match="read-only"):
        folder.save(home, folder.documents(home), NOW_NS)


def test_saving_what_was_loaded_gives_the_same_project_and_keeps_comments(tmp_path: Path) -> None:
    home = _copy(tmp_path)
    before = folder.read(home)
    again = folder.save(home, folder.documents(home), NOW_NS)
    assert again == before
    assert "# A frozen project" in (home / "project.toml").read_text()
    assert not list(home.glob(".*toml*"))


def test_a_mistake_is_found_before_anything_is_written(tmp_path: Path) -> None:
    home = _copy(tmp_path)
    text = (home / "twins.json").read_text()
    docs = folder.documents(home)
    docs.twins["twins"][0]["tags"]["speed"]["adress"] = "x"
    with pytest.raises(ProjectFault, match="adress"):
        folder.save(home, docs, NOW_NS)
    assert (home / "twins.json").read_text() == text


def test_a_save_that_fails_leaves_the_old_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = _copy(tmp_path)
    text = (home / "project.toml").read_text()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ProjectFault, match="No space left"):
        folder.save(home, folder.documents(home), NOW_NS)
    assert (home / "project.toml").read_text() == text
    assert sorted(p.name for p in home.iterdir()) == ["project.toml", "scene.usda", "twins.json"]


def test_a_new_project_can_be_read_and_has_a_scene_and_ignores_what_is_private(tmp_path: Path) -> None:
    project = folder.new(tmp_path / "plant", "My plant")
    assert project == folder.read(tmp_path / "plant")
    assert project.name == "My plant"
    assert project.problems == ()
    assert project.entry is not None
    assert project.entry.read_text().startswith("#usda 1.0")
    assert ".armillary/" in (tmp_path / "plant" / ".gitignore").read_text()
    with pytest.raises(ProjectFault, match="already"):
        folder.new(tmp_path / "plant", "Again")


def test_the_hash_follows_the_content_and_not_the_history(tmp_path: Path) -> None:
    def digest(home: Path) -> str:
        project: Project = folder.read(home)
        return project.hash

    home = _copy(tmp_path)
    first = digest(home)
    assert len(first) == 64
    (home / ".armillary").mkdir()
    (home / ".armillary" / "history.duckdb").write_text("samples")
    (home / "users.toml").write_text("schema = 1\n")
    assert digest(home) == first
    with (home / "scene.usda").open("a") as stream:
        stream.write("\n")
    assert digest(home) != first


def test_the_scene_s_own_time_is_tied_to_the_world_s(tmp_path: Path) -> None:
    text = (
        '[scene.time]\nstart = 2026-03-02T06:00:00Z\nend = "2026-03-02T07:00:00+01:00"\nat_end = "repeat"\n'
    )
    with pytest.raises(ProjectFault, match="ends before it starts"):
        folder.read(_write(tmp_path, text))
    time = folder.read(_write(tmp_path, text.replace("T07:00:00+01", "T09:00:00+01"))).scene_time
    assert time is not None
    assert time.start_ns == 1_772_431_200 * 10**9
    assert time.end_ns - time.start_ns == 2 * 3_600 * 10**9
    assert time.repeats
    assert folder.read(_write(tmp_path, "[scene]\n")).scene_time is None


@pytest.mark.parametrize(
    ("line", "told"),
    [("start = 7", "'7' is no time"), ("start = '2026-01-01T00:00:00Z'\nspeed = 2", "speed")],
)
def test_a_wrong_time_of_the_scene_is_named(tmp_path: Path, line: str, told: str) -> None:
    with pytest.raises(ProjectFault, match=told):
        folder.read(_write(tmp_path, f"[scene.time]\n{line}\n"))


def test_what_is_said_of_clocks_and_order_is_read(tmp_path: Path) -> None:
    (site,) = folder.read(_write(tmp_path, SITE)).links
    assert (site.trust_clock, site.reorder_window_s) == (True, 0.0)
    (site,) = folder.read(_write(tmp_path, SITE + "trust_clock = false\nreorder_window_s = 1.5\n")).links
    assert (site.trust_clock, site.reorder_window_s) == (False, 1.5)
    assert not site.settings


def test_a_shared_subscription_keeps_no_order_so_it_waits_by_default(tmp_path: Path) -> None:
    shared = SITE + 'subscribe = ["$share/a/plant/#"]\n'
    assert folder.read(_write(tmp_path, shared)).links[0].reorder_window_s == 2.0
    assert folder.read(_write(tmp_path, shared + "reorder_window_s = 0\n")).links[0].reorder_window_s == 0.0


@pytest.mark.parametrize("line", ["reorder_window_s = 61", "reorder_window_s = -1", 'trust_clock = "no"'])
def test_a_setting_of_order_that_cannot_be_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(ProjectFault):
        folder.read(_write(tmp_path, f"{SITE}{line}\n"))


def test_how_long_history_is_kept_is_read_with_times_of_some_tags(tmp_path: Path) -> None:
    text = (
        "[historian]\nretention_days = 90\nminute_days = 200\nquota_gb = 1.5\n"
        '[[historian.keep]]\ntags = ["badge.*", "room.?"]\ndays = 30\n'
    )
    held = folder.read(_write(tmp_path, text)).historian
    assert (held.retention_days, held.minute_days, held.rollup_days, held.quota_gb) == (90, 200, 3_660, 1.5)
    assert [(one.tags, one.days) for one in held.keep] == [(("badge.*", "room.?"), 30)]


def test_roll_ups_are_kept_as_long_as_samples_at_least(tmp_path: Path) -> None:
    held = folder.read(_write(tmp_path, "[historian]\nretention_days = 9000\n")).historian
    assert (held.minute_days, held.rollup_days) == (9_000, 9_000)
