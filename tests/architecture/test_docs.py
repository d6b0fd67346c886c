"""The pages that a person follows are followed here: examples run, keys and fields are complete."""

from __future__ import annotations

import asyncio
import importlib.util
import re
import shlex
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import click
import numpy as np
import pytest
from pxr import Usd

from armillary.api.ports import SourceContext
from armillary.cli import run
from armillary.cli.commands import COMMANDS, Commands
from armillary.encoding import channels
from armillary.encoding.compile import compiled
from armillary.extend.discover import discover
from armillary.model import quality
from armillary.model.binding import CHANNELS, MAPS
from armillary.model.clock import WallClock
from armillary.model.expression_nodes import FUNCTIONS, SPECIAL
from armillary.model.expression_past import FUNCTIONS as OVER_TIME
from armillary.model.link import LinkSpec, LinkState, Route, SubscriptionPlan
from armillary.model.sample import SampleBatch
from armillary.project import folder as projects
from armillary.project.table import Table
from armillary.scene import load, schema, sidecar
from armillary.session import actions
from armillary.telemetry.inbox import Batch, Inbox
from armillary.telemetry.links import Links, Make
from armillary_plugins.mqtt import settings as mqtt
from armillary_plugins.opcua import settings as opcua

TOP = Path(__file__).resolve().parents[2]
DOCS = TOP / "docs"
PAGE = (DOCS / "projects.md").read_text("utf-8")
MINIMAL = ("scene.usda", "project.toml", "twins.json", "bindings.usda")


def blocks(text: str) -> list[tuple[str, str]]:
    """Return the (line of text before it, content) of every fenced block of a page."""
    found = re.findall(r"(?:^|\n)([^\n]*)\n*\n```\w*\n(.*?)\n```", text, re.DOTALL)
    return [(before, body + "\n") for before, body in found]


def words_in_code(text: str) -> set[str]:
    """Return every word that stands between backticks outside of blocks."""
    plain = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return {word for code in re.findall(r"`([^`\n]+)`", plain) for word in re.findall(r"[\w-]+", code)}


@pytest.fixture
def minimal(tmp_path: Path) -> Path:
    """Return the folder of the page's complete minimal project."""
    found = {name: body for before, body in blocks(PAGE) for name in MINIMAL if f"`{name}`" in before}
    assert set(found) == set(MINIMAL)
    for name, body in found.items():
        (tmp_path / name).write_text(body, "utf-8")
    return tmp_path


# ---------------------------------------------------------------- docs/projects.md


def test_the_minimal_project_of_the_page_is_read_without_a_finding(minimal: Path) -> None:
    project = projects.read(minimal)
    assert project.problems == ()
    assert [spec.name for spec in project.specs] == [
        "T-1.level",
        "T-1.sp",
        "T-1.error",
        "P-1.temp",
        "P-1.state",
    ]
    assert project.specs[1].writable
    assert project.specs[1].write_high == 90.0


def test_the_minimal_project_of_the_page_passes_the_check(
    minimal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", str(minimal)]) == 0
    assert capsys.readouterr().out.strip() == "fine"


def test_every_binding_of_the_minimal_project_is_drawn(minimal: Path) -> None:
    project = projects.read(minimal)
    bindings, problems = sidecar.read([str(minimal / "bindings.usda")])
    scene = load.load(Usd.Stage.Open(str(minimal / "scene.usda")))
    program, refused = compiled(bindings, scene, project.specs, project.colormaps)
    assert (problems, refused) == ((), ())
    assert len(program.bindings) == 4


def test_a_mistake_in_the_minimal_project_is_found(minimal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (minimal / "bindings.usda").read_text("utf-8")
    (minimal / "bindings.usda").write_text(text.replace("T-1.level", "T-1.levle"), "utf-8")
    assert run(["check", str(minimal)]) == 1
    assert "B05" in capsys.readouterr().out


def test_a_colour_map_that_comes_with_us_need_not_be_declared(
    minimal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (minimal / "bindings.usda").read_text("utf-8")
    (minimal / "bindings.usda").write_text(text.replace('"temperature"', '"heat"'), "utf-8")
    assert run(["check", str(minimal)]) == 0, capsys.readouterr().out


def test_every_key_that_a_project_may_have_is_on_the_page(
    minimal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: set[str] = set()
    get = Table._get

    def noting(self: Table, key: str, *, required: bool) -> object:
        asked.add(key)
        return get(self, key, required=required)

    monkeypatch.setattr(Table, "_get", noting)
    projects.examine(minimal)
    projects.examine(TOP / "scenes" / "pumping-station")
    assert len(asked) > 50
    assert asked - {"source", "colormap", "project", "scene"} <= words_in_code(PAGE)
    assert {"[[source]]", "[colormap.NAME]", "[project]", "[scene]"} <= set(re.findall(r"\[+[\w.]+\]+", PAGE))


def test_every_setting_of_our_links_is_on_the_page() -> None:
    known = words_in_code(PAGE)
    assert known >= mqtt._KEYS | mqtt._TLS_KEYS
    assert known >= set(opcua.KNOWN)


def test_every_field_of_the_schema_is_on_the_page_with_its_default() -> None:
    rows = {
        name: row
        for row in re.findall(r"^\| (`.*)$", PAGE, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", row.partition("|")[0])
    }
    assert set(schema.FIELDS) <= set(rows)
    for name, field in schema.FIELDS.items():
        told = rows[name].split("|")[1]
        if field.tokens and field.default and told.strip():
            assert f"`{field.default}`" in told, name
        if field.type == "bool" and told.strip():
            assert str(field.default).lower() in told, name


def test_every_channel_and_map_is_on_the_page_and_those_not_drawn_are_told_apart() -> None:
    table = PAGE.split("### Channels")[1].split("### Maps")[0]
    rows = [row.split("|")[1:3] for row in re.findall(r"^\| `.*$", table, re.MULTILINE)]
    drawn = {word for names, y in rows if y.strip() for word in words_in_code(names)}
    not_drawn = {word for names, y in rows if not y.strip() for word in words_in_code(names)}
    assert drawn == set(channels.CHANNELS)
    assert not_drawn == set(CHANNELS) - set(channels.CHANNELS)
    assert words_in_code(PAGE.split("### Maps")[1]) >= set(MAPS)


def test_every_function_of_expressions_is_on_the_page() -> None:
    told = words_in_code(PAGE.split("### Derived tags")[1].split("## Quality")[0])
    assert told >= {*FUNCTIONS, *SPECIAL, *OVER_TIME}


def test_every_rank_of_quality_is_on_the_page() -> None:
    rows = re.findall(r"^\| ([A-Z]+) \|", PAGE.split("## Quality")[1], re.MULTILINE)
    assert tuple(rows) == quality.WORDS


# ---------------------------------------------------------------- docs/plugins.md


class Announcing(Inbox):
    """An inbox that says when something came."""

    def __init__(self, links: list[str]) -> None:
        super().__init__(links)
        self.came = asyncio.Event()

    def put(self, link: str, batch: Batch) -> None:
        super().put(link, batch)
        self.came.set()


async def first_batch(make: Make, kind: str, project: Path) -> Batch:
    """Return what a source hands over first when it is run as a link of a world with two tags."""
    link = LinkSpec(name="saw", kind=kind, url="none:")
    routes = tuple(Route(slot=i, tag=f"t{i}", channel=f"c{i}") for i in range(2))
    clock, inbox = WallClock(), Announcing([link.name])

    def no_secret(name: str) -> str:
        raise KeyError(name)

    context = SourceContext(link=link, clock=clock, secret=no_secret, project=project)
    plan = SubscriptionPlan(link=link, routes=routes)
    links = Links([plan], {kind: make}, {link.name: context}, inbox, clock)
    running = asyncio.create_task(links.run())
    try:
        async with asyncio.timeout(10.0):
            await inbox.came.wait()
        assert links.statuses()[0].state is LinkState.UP
    finally:
        await links.stop()
        await running
    return inbox.take()[link.name][0]


async def test_the_source_of_the_plugin_page_brings_samples_into_a_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (DOCS / "plugins.md").read_text("utf-8")
    source = next(body for _, body in blocks(page) if body.startswith("# my_plant/source.py"))
    settings = next(body for _, body in blocks(page) if body.startswith("# pyproject.toml"))
    package = tmp_path / "my_plant"
    package.mkdir()
    (package / "__init__.py").write_text("", "utf-8")
    (package / "source.py").write_text(source, "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    name, value = re.findall(r'^(\w+) = "(my_plant[\w.:]+)"', settings, re.MULTILINE)[0]
    group = re.findall(r'entry-points\."([\w.]+)"', settings)[0]
    registry = discover(["sources"], [EntryPoint(name=name, value=value, group=group)])
    try:
        assert registry.problems == []
        assert name == "sawtooth"
        batch = await first_batch(registry.make("sources", name), name, tmp_path)
    finally:
        for module in ("my_plant.source", "my_plant"):
            sys.modules.pop(module, None)
    assert isinstance(batch, SampleBatch)
    assert batch.slot.tolist() == [0, 1]
    assert np.array_equal(batch.value, [0.0, 0.0])


def test_the_plugin_of_the_page_imports_the_api_and_nothing_else_of_ours() -> None:
    page = (DOCS / "plugins.md").read_text("utf-8")
    assert set(re.findall(r"^(?:from|import) (armillary[\w.]*)", page, re.MULTILINE)) == {"armillary.api"}


# ---------------------------------------------------------------- all pages


def pages(designed: bool = True) -> list[Path]:
    """Return all pages, or those that tell of this version only: without plans and decisions."""
    found = [TOP / "README.md", TOP / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
    return [page for page in found if designed or page.parent.name not in ("architecture", "decisions")]


@pytest.mark.parametrize("page", pages(), ids=lambda p: str(p.relative_to(TOP)))
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("page", pages(designed=False), ids=lambda p: str(p.relative_to(TOP)))
def test_every_command_line_that_a_page_names_can_be_typed(page: Path) -> None:
    """Commands and options stand in the program as they stand on the page."""
    text = page.read_text("utf-8")
    lines = re.findall(r"`(armillary [^`\n]+)`", text)
    lines += [line.split("#")[0] for line in re.findall(r"^ *(armillary .+)$", text, re.MULTILINE)]
    for line in lines:
        _must_be_known(line)


def _must_be_known(line: str) -> None:
    words = shlex.split(line)[1:]
    if not words or words[0] in {"--child", "COMMAND"} or words[0].startswith("-"):
        return
    assert words[0] in COMMANDS, line
    command = Commands("armillary").get_command(click.Context(Commands("armillary")), words[0])
    assert command is not None
    if isinstance(command, click.Group) and len(words) > 1 and not words[1].startswith("-"):
        assert words[1] in command.commands, line
        return
    options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    for word in words[1:]:
        is_span = re.fullmatch(r"-\d+[smhd]", word)  # a time: so long ago
        assert is_span or not word.startswith("-") or word in {*options, "--help"}, line


def test_every_action_that_the_guide_names_by_its_key_has_that_key() -> None:
    pages = [DOCS / "guide.md", *sorted((DOCS / "guide").glob("*.md"))]
    guide = "\n".join(page.read_text("utf-8") for page in pages)
    keys = {a.shortcut for a in actions.ACTIONS if a.shortcut}
    told = set(re.findall(r"`((?:Ctrl|Shift|Alt)\+[\w+]+|F\d+)`", guide))
    assert told
    assert told <= keys


def test_every_finding_code_of_the_source_is_on_the_reference_page() -> None:
    spec = importlib.util.spec_from_file_location("findings", TOP / ".ci" / "findings.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["findings"] = module
    try:
        spec.loader.exec_module(module)
        page = (DOCS / "reference" / "findings.md").read_text("utf-8")
        missing = [code for code in sorted(module.codes_in_source()) if f"`{code}`" not in page]
    finally:
        del sys.modules["findings"]
    assert missing == []


@pytest.mark.parametrize("unit", sorted((TOP / "packaging").glob("*.service")), ids=lambda p: p.name)
def test_the_command_of_a_service_unit_can_be_typed(unit: Path) -> None:
    text = unit.read_text("utf-8")
    line = re.findall(r"^ExecStart=/usr/bin/env (armillary .+)$", text, re.MULTILINE)[0]
    name, *arguments = shlex.split(line)[1:]
    command = Commands("armillary").get_command(click.Context(Commands("armillary")), name)
    assert command is not None
    assert unit.name == f"armillary-{name}@.service"
    command.make_context(name, arguments)  # raises for an option or an argument that it does not take


def test_every_decision_is_in_the_list_of_decisions() -> None:
    listed = (DOCS / "decisions" / "README.md").read_text("utf-8")
    files = sorted(path.name for path in (DOCS / "decisions").glob("[0-9]*.md"))
    assert [name for name in files if f"({name})" not in listed] == []
    assert [int(name[:4]) for name in files] == list(range(1, len(files) + 1))
