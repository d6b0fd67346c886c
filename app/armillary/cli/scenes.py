"""`armillary info`, `check`, `render`: a scene or project without a running world."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from armillary.cli import check_fix, futures, stopping
from armillary.cli.answer import emit_json
from armillary.cli.sources import link_problems
from armillary.encoding import maps
from armillary.encoding.compile import compiled
from armillary.model.binding import Binding
from armillary.model.clock import WallClock
from armillary.model.collector import uncollected
from armillary.model.difference import difference
from armillary.model.fault import SceneFault
from armillary.model.look import base_look
from armillary.model.message import AskInfo, Json, OpenScene, SceneOpened
from armillary.model.motion import Motion, posed
from armillary.model.scene import SceneArrays, SceneProblem
from armillary.project import fixes, lint, procedures, shown_lint
from armillary.project import folder as projects
from armillary.project.bounded import bounded
from armillary.project.record import Project
from armillary.scene import cache
from armillary.session import checking, silent, twin_model
from armillary.session.reading import ask_child, scene_child

if TYPE_CHECKING:
    from armillary.viewport.view import View

SCENE_LIMIT_S = 600.0
INFO_LIMIT_S = 120.0
_SIZE_PARTS = 2
CUTS = ("x+", "x-", "y+", "y-", "z+", "z-")
MOST_FRAMES = 10_000
_SHOWN = 20  # paths of a kind of difference that are printed
VIEWS = ("iso", "top", "front", "back", "left", "right")


def scene_path(scene: str) -> Path:
    """Return the whole path of a scene that is there. Raises SceneFault."""
    path = Path(scene).expanduser().resolve()
    if not path.exists():
        raise SceneFault("There is no such file.", where=str(path), remedy="Check the path.")
    return path


root_option = click.option(
    "--root",
    "roots",
    multiple=True,
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, resolve_path=True),
    help="A further folder that the scene's files may reach; may be given again.",
)


payload_option = click.option(
    "--payloads/--no-payloads", default=True, help="Load payloads, or open without them."
)


@click.command()
@click.argument("scene")
@root_option
@payload_option
@click.option("--against", default="", metavar="OTHER", help="Tell what differs from an older version.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def info(scene: str, roots: tuple[str, ...], payloads: bool, against: str, as_json: bool) -> int:
    """Print what a scene holds, in its own units, and what of it is not shown."""
    if against:
        return _compare(scene, against, roots, payloads=payloads, as_json=as_json)
    question = opening(projects.read(scene_path(scene)), roots, payloads=payloads)
    with scene_child() as (line, process):
        ask = AskInfo(entry=question.entry, roots=question.roots, load=question.load)
        answer = ask_child(line, process, ask, INFO_LIMIT_S, question.entry)
    if not isinstance(answer, Json):
        raise click.ClickException("the scene child answered something else")
    document = json.loads(answer.text)
    if as_json:
        document.pop("schema", None)
        emit_json(document)
    else:
        _tell(document)
    return 0


def _compare(scene: str, against: str, roots: tuple[str, ...], *, payloads: bool, as_json: bool) -> int:
    """Print which parts of a scene were added, removed, moved and changed since another version of it."""
    read: list[SceneArrays] = []
    with scene_child() as (line, process):
        for path in (against, scene):
            question = opening(projects.read(scene_path(path)), roots, payloads=payloads)
            got = ask_child(line, process, question, SCENE_LIMIT_S, question.entry)
            if not isinstance(got, SceneOpened):
                raise click.ClickException("the scene child answered something else")
            read.append(cache.read(Path(got.arrays)))
    old, new = read
    found = difference(old, new)
    told = {
        "added": [new.prim_path[i] for i in found.added.tolist()],
        "removed": [old.prim_path[i] for i in found.removed.tolist()],
        "moved": [new.prim_path[i] for i in found.moved.tolist()],
        "changed": [new.prim_path[i] for i in found.changed.tolist()],
    }
    if as_json:
        emit_json({"scene": scene, "against": against, **told})
        return 0
    for kind, paths in told.items():
        click.echo(f"{kind}: {len(paths)}" if paths else f"{kind}: none")
        for path in paths[:_SHOWN]:
            click.echo(f"  {path}")
        if len(paths) > _SHOWN:
            click.echo(f"  … {len(paths) - _SHOWN} more; --json tells all")
    return 0


def _tell(document: dict[str, Any]) -> None:
    """Print the facts of a scene line by line; what is not drawn as written comes last, with counts."""
    problems, unsupported = document.pop("problems"), document.pop("unsupported")
    for key, value in document.items():
        click.echo(f"{key}: {json.dumps(value) if isinstance(value, dict | list) else value}")
    click.echo(f"problems: {len(problems)}" if problems else "problems: none")
    for p in problems:
        click.echo(f"  {p['severity']:8}{p['code']:5}{p['where']}: {p['what']}")
    click.echo("not drawn as written:" if unsupported else "not drawn as written: nothing")
    for u in unsupported:
        click.echo(f"  {u['count']:>7} × {u['feature']}, e.g. {u['example']}")


@click.command()
@click.argument("path")
@root_option
@payload_option
@click.option("--live", "is_live", is_flag=True, help="Ask the running world too which tags never came.")
@click.option("--recorded", "is_recorded", is_flag=True, help="Ask the record too which tags do not come.")
@click.option(
    "--days",
    default=silent.DAYS,
    show_default=True,
    type=click.FloatRange(min=0.0, max=36_500.0),
    help="With --recorded: of which nothing is recorded for so many days.",
)
@click.option("--fix", "is_fixed", is_flag=True, help="Mend what can be mended without asking.")
@click.option("--only", default="", metavar="CODES", help="Mend only these: B04,B30.")
@click.option("--dry-run", "is_dry", is_flag=True, help="With --fix: write nothing, say what would be.")
@click.option("--all", "is_whole", is_flag=True, help="Tell every finding, however many of one code.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def check(
    path: str,
    roots: tuple[str, ...],
    payloads: bool,
    is_live: bool,
    is_recorded: bool,
    days: float,
    is_fixed: bool,
    only: str,
    is_dry: bool,
    is_whole: bool,
    as_json: bool,
) -> int:
    """Lint a project, scene or binding layer. 0 fine, 1 shown with problems, 2 nothing can be shown."""
    with uncollected():  # what is read stays until the end
        return _check(
            path,
            roots,
            payloads,
            is_live,
            days if is_recorded else None,
            is_fixed,
            only,
            is_dry,
            is_whole,
            as_json,
        )


def _check(
    path: str,
    roots: tuple[str, ...],
    payloads: bool,
    is_live: bool,
    days: float | None,
    is_fixed: bool,
    only: str,
    is_dry: bool,
    is_whole: bool,
    as_json: bool,
) -> int:
    codes = tuple(code.strip().upper() for code in only.split(",") if code.strip())
    if unknown := [code for code in codes if code not in fixes.FIXABLE]:
        raise click.UsageError(f"{unknown[0]} has no fix; there are {', '.join(fixes.FIXABLE)}.")
    project, found, bindings, scene = _examined(path, roots, payloads=payloads, is_live=is_live, days=days)
    if project is None:
        return _say(path, found, as_json, is_whole=is_whole)
    chosen = check_fix.planned(project, found, bindings, scene, codes)
    if is_fixed and chosen:
        untouched = () if is_dry else check_fix.mend(project, chosen, bindings)
        if not as_json:
            check_fix.tell_fixes(chosen, is_dry=is_dry)
            for text in untouched:
                click.echo(text)
        if not is_dry:
            project, found, bindings, scene = _examined(
                path, roots, payloads=payloads, is_live=is_live, days=days
            )
            left = check_fix.planned(project, found, bindings, scene, codes) if project is not None else ()
            return _say(path, found, as_json, fixes.by_finding(left), chosen, is_whole=is_whole)
    return _say(path, found, as_json, fixes.by_finding(chosen), is_whole=is_whole)


def _examined(
    path: str, roots: tuple[str, ...], *, payloads: bool, is_live: bool, days: float | None
) -> tuple[Project | None, list[SceneProblem], tuple[Binding, ...], SceneArrays | None]:
    """Return a project, all that is wrong with it, its bindings and its scene; None: it cannot be read."""
    found: list[SceneProblem] = []
    project, read = projects.examine(scene_path(path))
    found += read
    if project is None:
        return None, [replace(p, severity="fatal") if p.severity == "error" else p for p in found], (), None
    of_project: list[SceneProblem] = []  # what neither scene nor bindings are needed for

    def meanwhile() -> None:
        of_project.extend(link_problems(project))
        of_project.extend(futures.findings(project))
        of_project.extend(twin_model.findings(project))

    def own(bindings: Sequence[Binding], scene: SceneArrays) -> list[SceneProblem]:
        return [
            *compiled(bindings, scene, project.specs, project.colormaps)[1],  # e.g. channels not drawn
            *lint.findings(project, bindings, scene.prim_path),
            *shown_lint.findings(bindings, scene, project.specs),
        ]

    judged = _scene_judged(project, roots, own, meanwhile, payloads=payloads)
    found += judged.problems
    bindings, scene = judged.bindings, judged.scene
    if scene is None:
        found += lint.findings(project, bindings)
    if is_live:
        found += check_fix.silent(project, bindings)
    if days is not None:
        found += silent.by_record(project, bindings, WallClock().now_ns(), days)
    prims = scene.prim_path if scene is not None else None
    found += procedures.examine(project.folder, {s.name: s for s in project.specs}, prims)[1]
    return project, [*found, *of_project], bindings, scene


def _scene_judged(
    project: Project,
    roots: tuple[str, ...],
    own: checking.Own,
    meanwhile: Callable[[], None],
    *,
    payloads: bool,
) -> checking.Judged:
    """Return a project's scene, where it can be read, and what is wrong with it and its bindings."""
    if project.entry is None:
        meanwhile()
        if project.forward is not None:
            return checking.Judged()  # an edge needs no scene
    try:
        question = opening(project, roots, payloads=payloads)
    except SceneFault as fault:
        return checking.Judged(problems=[checking.refusal(fault)])
    colormaps = tuple(maps.named(project.colormaps).values())  # those that come with us too
    return checking.judge(question, [spec.name for spec in project.specs], colormaps, own, meanwhile)


def _say(
    path: str,
    found: list[SceneProblem],
    as_json: bool,
    can: Mapping[tuple[str, str], fixes.Fix] | None = None,
    done: Sequence[fixes.Fix] = (),
    *,
    is_whole: bool = False,
) -> int:
    """Print what was found; `can` is what --fix would mend, `done` what it has mended."""
    can = can or {}
    # bindings are judged twice, by the scene's side in other words than by the project's: the first is told
    once = {(p.code, p.where, "" if p.code.startswith("B") else p.what): p for p in reversed(found)}
    unique = list(once.values())[::-1]
    if not is_whole:
        unique = bounded(unique)
    fatal = any(p.severity == "fatal" for p in unique)
    status = 2 if fatal else int(any(p.severity != "info" for p in unique))
    if as_json:
        mended = [{"code": f.code, "where": f.where, "fix": f.says} for f in done]
        more = {"fixed": mended} if done else {}
        problems = [_problem(p, can.get((p.code, p.where))) for p in unique]
        emit_json({"path": path, "status": status, "problems": problems, **more})
    else:
        for p in unique:
            fix = can.get((p.code, p.where))
            aid = f" --fix: {fix.says}." if fix is not None else ""
            click.echo(f"{p.severity:8}{p.code:5}{p.where}: {p.what} {p.remedy}{aid}")
        many = "finding" if len(unique) == 1 else "findings"
        click.echo(f"{len(unique)} {many}" if unique else "fine")
    return status


def _problem(p: SceneProblem, fix: fixes.Fix | None) -> dict[str, str | None]:
    said: dict[str, str | None] = {"code": p.code, "severity": p.severity, "where": p.where}
    return {**said, "what": p.what, "remedy": p.remedy, "fix": fix.says if fix is not None else None}


def opening(project: Project, roots: Sequence[str] = (), *, payloads: bool = True) -> OpenScene:
    """Return what to ask a scene child for. Raises SceneFault for a project without a scene."""
    request = project.scene_request()
    if request is None:
        raise SceneFault(
            "This project has no scene.", where=str(project.folder), remedy="Name one in project.toml."
        )
    load = request.load if payloads else "none"
    return replace(request, roots=(*request.roots, *roots), load=load)


@click.command()
@click.argument("path")
@root_option
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help="The picture, a PNG; with --turntable a folder of pictures, or a film: .ogv, .gif, .webp, .apng.",
)
@click.option("--size", default="1280x800", metavar="WxH", show_default=True)
@click.option("--camera", default="", metavar="PRIM", help="Look through a camera of the scene.")
@click.option("--view", default="", type=click.Choice(["", *VIEWS]), help="A standard view.")
@click.option("--theme", default="dark", type=click.Choice(["dark", "light"]))
@click.option("--at", "at", default=None, type=float, metavar="TIME", help="A time code of the scene.")
@click.option("--lights/--no-lights", default=True, help="The scene's own lights, or the eye's.")
@click.option("--parallel", is_flag=True, help="Parallel rays instead of perspective.")
@click.option(
    "--section", "cut", default="", type=click.Choice(["", *CUTS]), help="Cut open; this half is shown."
)
@click.option(
    "--turntable",
    "frames",
    default=0,
    type=click.IntRange(0, MOST_FRAMES),
    metavar="N",
    help="N pictures all around the scene: 0000.png, 0001.png, …, or a film of 24 a second.",
)
@payload_option
def render(
    path: str,
    roots: tuple[str, ...],
    output: Path,
    size: str,
    camera: str,
    view: str,
    theme: str,
    at: float | None,
    lights: bool,
    parallel: bool,
    cut: str,
    frames: int,
    payloads: bool,
) -> int:
    """Write a picture of a scene, or of a project's scene, as authored (no live values)."""
    parts = size.lower().split("x")
    if len(parts) != _SIZE_PARTS or not all(p.isdigit() and int(p) > 0 for p in parts):
        raise click.ClickException(
            f"--size is WIDTHxHEIGHT in pixels, for example 1280x800; '{size}' is not."
        )
    project = projects.read(scene_path(path))
    with scene_child() as (line, process):
        question = opening(project, roots, payloads=payloads)
        got = ask_child(line, process, question, SCENE_LIMIT_S, str(project.entry))
    if not isinstance(got, SceneOpened):
        raise click.ClickException("the scene child answered something else")
    scene = cache.read(Path(got.arrays))
    stopping.disarm()  # VTK makes an end of its own of an exception that a signal throws into it
    made = _view(scene, (int(parts[0]), int(parts[1])), camera or project.default_camera, view, theme)
    made.set_options(lights=lights)
    if at is not None:
        made.apply(posed(base_look(scene), scene, Motion.of(scene), at))
    if parallel:
        made.orthographic = True
    if cut:
        _cut(made, cut)
    if frames:
        _turn(made, output, frames)
    else:
        _write(made, output)
    click.echo(str(output.resolve()))
    return 0


def _cut(made: View, which: str) -> None:
    """Cut the scene through its middle; `x+` shows what is at higher x, `x-` the rest."""
    from armillary.viewport import section

    plane = section.through_middle(made.rest_box, which[0])
    made.section = section.flipped(plane) if which[1] == "+" else plane


def _turn(made: View, output: Path, frames: int) -> None:
    """Write pictures from all around what the eye looks at, in equal steps: a film or a folder."""
    from armillary.viewport.camera import orbit
    from armillary.viewport.film import FILMS, Film

    film = Film(output) if output.suffix.lower() in FILMS else None
    try:
        if film is None:
            output.mkdir(parents=True, exist_ok=True)
        for i in range(frames):
            if film is not None:
                film.add(made.render(rest=True))
            else:
                _write(made, output / f"{i:04}.png")
            made.pose = orbit(made.pose, 360.0 / frames, 0.0)
        if film is not None:
            film.close()
    except OSError as error:
        raise SceneFault(
            f"It cannot be written ({error.strerror}).", where=str(output), remedy="Choose another folder."
        ) from error
    finally:
        if film is not None:
            film.drop()


def _view(scene: SceneArrays, size: tuple[int, int], camera: str, view: str, theme: str) -> View:
    from armillary.viewport.view import View

    made = View(scene, *size, theme=theme)
    chosen = next((c for c in scene.cameras if c.path == camera), None)
    if camera and chosen is None and not view:
        known = ", ".join(c.path for c in scene.cameras) or "none"
        raise SceneFault(
            f"There is no camera {camera}.", where=camera, remedy=f"Cameras of this scene: {known}."
        )
    if view:
        made.standard(view)
    elif chosen is not None:
        made.look_through(chosen)
    return made


def _write(made: View, output: Path) -> None:
    try:
        made.save_png(output)
    except OSError as error:
        raise SceneFault(
            f"The picture cannot be written ({error.strerror}).",
            where=str(output),
            remedy="Choose another folder.",
        ) from error
