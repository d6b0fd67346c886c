"""`armillary bindings report`: what is dead, and which tags and parts nothing binds."""

from __future__ import annotations

import html
from itertools import groupby
from pathlib import Path

import click

from armillary.cli.answer import emit_json, tell
from armillary.cli.scenes import SCENE_LIMIT_S, opening, scene_path
from armillary.model import files
from armillary.model.fault import ProjectFault
from armillary.model.message import SceneOpened
from armillary.project import coverage
from armillary.project import folder as projects
from armillary.project.record import Project
from armillary.scene import cache
from armillary.session.reading import ask_child, scene_child

_SHOWN = 40
_STYLE = (
    "body{font:14px/1.45 sans-serif;margin:2em;max-width:70em}table{border-collapse:collapse;width:100%}"
    "td,th{border-bottom:1px solid #ccc;padding:.25em .6em;text-align:left;vertical-align:top}"
    "h2{margin-top:1.6em}code{font-family:monospace}"
)


@click.command()
@click.argument("project")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option(
    "--html",
    "page",
    default=None,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write it as a page.",
)
def report(project: str, as_json: bool, page: Path | None) -> int:
    """Tell which bindings are dead, and which tags and parts nothing binds. Status 1 with dead bindings."""
    read = projects.read(scene_path(project))
    question = opening(read)
    with scene_child() as (line, process):
        opened = ask_child(line, process, question, SCENE_LIMIT_S, question.entry)
        if not isinstance(opened, SceneOpened):
            raise click.ClickException("the scene child answered something else")
        scene = cache.read(Path(opened.arrays))
    found = coverage.report(read, opened.bindings, scene)
    if page is not None:
        try:
            files.replace(page, html_of(read, found).encode(), 0o644)
        except OSError as error:
            raise ProjectFault(
                f"The page cannot be written: {error.strerror}.",
                where=str(page),
                remedy="Choose another place.",
            ) from error
    if as_json:
        emit_json(_document(found))
    else:
        _tell(found)
        if page is not None:
            tell(f"written to {page}")
    return 1 if found.dead else 0


def _document(found: coverage.Report) -> dict[str, object]:
    return {
        "bindings": found.bindings,
        "tags": found.tags,
        "twins": found.twins,
        "parts": dict(found.counts),
        "dead": [{"binding": d.where, "file": d.file, "why": d.why} for d in found.dead],
        "unbound_tags": list(found.unbound_tags),
        "unbound_prims": [
            {"prim": b.prim, "twin": b.twin or None, "kind": b.kind, "title": b.title}
            for b in found.unbound_prims
        ],
    }


def _tell(found: coverage.Report) -> None:
    parts = ", ".join(f"{n} {name}" for name, n in found.counts.items())
    tell(f"{found.bindings} bindings of {found.tags} tags; parts that are drawn: {parts}")
    tell(f"dead bindings: {len(found.dead)}")
    for one in found.dead[:_SHOWN]:
        tell(f"  {one.where}: {one.why}")
    _more(len(found.dead))
    tell(f"tags that drive nothing: {len(found.unbound_tags)}")
    for name in found.unbound_tags[:_SHOWN]:
        tell(f"  {name}")
    _more(len(found.unbound_tags))
    tell(f"parts that nothing drives: {len(found.unbound_prims)}")
    for bare in found.unbound_prims[:_SHOWN]:
        tell(f"  {bare.prim}{f'  {bare.twin}' if bare.twin else ''}{f'  {bare.kind}' if bare.kind else ''}")
    _more(len(found.unbound_prims))


def _more(count: int) -> None:
    if count > _SHOWN:
        tell(f"  … {count - _SHOWN} more; --json tells all")


def html_of(project: Project, found: coverage.Report) -> str:
    """Return the report as one page that needs nothing else."""

    def text(value: object) -> str:
        return html.escape(str(value))

    def rows(lines: list[tuple[str, ...]], head: tuple[str, ...]) -> str:
        if not lines:
            return "<p>None.</p>"
        top = "".join(f"<th>{text(h)}</th>" for h in head)
        body = "".join("<tr>" + "".join(f"<td>{text(c)}</td>" for c in line) + "</tr>" for line in lines)
        return f"<table><tr>{top}</tr>{body}</table>"

    title = f"Bindings of {text(project.name)}"
    parts = rows([(name, str(n)) for name, n in found.counts.items()], ("parts that are drawn", "how many"))
    dead = rows([(d.where, d.why, d.file) for d in found.dead], ("binding", "why", "file"))
    tags = rows([(name,) for name in found.unbound_tags], ("tag",))
    bare = "".join(
        f"<h3>{text(kind or 'no kind')}</h3>"
        + rows([(b.prim, b.twin, b.title) for b in group], ("part", "twin", "title"))
        for kind, group in groupby(found.unbound_prims, key=lambda b: b.kind)
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
        f"<h1>{title}</h1><p>{found.bindings} bindings, {found.tags} tags, {found.twins} twins.</p>{parts}"
        f"<h2>Dead bindings: {len(found.dead)}</h2>{dead}"
        f"<h2>Tags that drive nothing: {len(found.unbound_tags)}</h2>{tags}"
        f"<h2>Parts that nothing drives: {len(found.unbound_prims)}</h2>{bare or '<p>None.</p>'}</html>\n"
    )
