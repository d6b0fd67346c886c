"""Keeping 100,000 bindings right: linting them, checking a project cold, saving one that changed."""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path

from pxr import Sdf

from armillary.cli.scenes import check
from armillary.model.binding import Binding
from armillary.model.message import Done, OpenScene, SaveBindings, SceneOpened
from armillary.model.scene import SceneArrays
from armillary.project import folder as projects
from armillary.project import lint as project_lint
from armillary.project import shown_lint
from armillary.scene import cache, sidecar
from armillary.scene import lint as scene_lint
from armillary.scene.child import SceneServer
from armillary_bench.figure import absolute, figure, plain
from armillary_bench.process import own_places

AREAS, PARTS, TAGGED = 100, 1_000, 5  # so many areas have tags of their own; the others show those again
LINT_MS, SAVE_MS, CHECK = 3_000.0, 200.0, 2.0  # bars; the last in times of the bare walk
SAVES = 7
_WRONG = 17  # bindings with a mistake that a lint has to find


def benches() -> list[dict[str, object]]:
    """Return the figures; about a minute."""
    with tempfile.TemporaryDirectory(prefix="armo-") as name, _own_places(Path(name)):
        folder = Path(name) / "plant"
        author(folder)
        floor_s = _timed(lambda: _walk(folder))
        check_s = _timed(lambda: _checked(folder))
        server, opened, arrays = _opened(folder)
        return [
            figure(
                "authoring_check_cold_100k",
                check_s,
                "s",
                against="floor: OpenUSD opens the scene and its bindings and reads every value",
                against_value=floor_s,
                bar=CHECK,
                work=f"{AREAS * PARTS} bindings, {TAGGED * PARTS} tags; {_WRONG} planted mistakes told",
            ),
            _lint(folder, opened, arrays),
            *_saves(server, opened, folder),
        ]


@contextmanager
def _own_places(folder: Path) -> Iterator[None]:
    """Let nothing of what this user has cached help."""
    before = dict(os.environ)
    os.environ.update(own_places(folder))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _timed(job: Callable[[], object]) -> float:
    begin = time.perf_counter()
    job()
    return time.perf_counter() - begin


def author(folder: Path) -> None:
    """Write a plant of AREAS × PARTS boxes, each with a tag and a binding; _WRONG of them have no tag."""
    folder.mkdir(parents=True)
    scene = ['#usda 1.0\n(\n    defaultPrim = "Plant"\n    metersPerUnit = 1\n    upAxis = "Z"\n)\n\n']
    scene.append('def Xform "Plant"\n{\n')
    layer = ['#usda 1.0\n\nover "Plant"\n{\n']
    twins = []
    for a in range(AREAS):
        scene.append(f'    def Xform "Area{a:03d}"\n    {{\n')
        layer.append(f'    over "Area{a:03d}"\n    {{\n')
        for p in range(PARTS):
            tag = "lost" if a == 0 and p < _WRONG else f"a{a % TAGGED}.p{p}"
            scene.append(
                f'        def Cube "Part{p:04d}"\n        {{\n            double size = 0.5\n'
                f"            double3 xformOp:translate = ({p % 40}, {a}, {p // 40})\n"
                '            uniform token[] xformOpOrder = ["xformOp:translate"]\n        }\n'
            )
            layer.append(
                f'        over "Part{p:04d}" (\n            prepend apiSchemas = ["TwinBindingAPI:heat"]\n'
                "        )\n        {\n"
                '            uniform token twin:heat:colormap = "heat"\n'
                "            uniform double2 twin:heat:range = (0, 100)\n"
                "            uniform int twin:heat:schemaVersion = 1\n"
                f'            uniform string twin:heat:signal = "{tag}"\n        }}\n'
            )
        scene.append("    }\n")
        layer.append("    }\n")
        tags = {f"p{p}": {"address": f"m!x/{a}/{p}#$", "range": [0, 100]} for p in range(PARTS)}
        if a < TAGGED:
            twins.append({"id": f"a{a}", "prim": f"/Plant/Area{a:03d}", "tags": tags})
    (folder / "scene.usda").write_text("".join([*scene, "}\n"]))
    (folder / "bindings.usda").write_text("".join([*layer, "}\n"]))
    (folder / "twins.json").write_text(json.dumps({"schema": 1, "twins": twins}, indent=1))
    (folder / "project.toml").write_text(
        '[project]\nschema = 1\nid = "plant"\nname = "Plant"\n\n[scene]\nentry = "scene.usda"\n\n'
        '[[source]]\nname = "m"\nkind = "mqtt"\nurl = "mqtt://127.0.0.1:1883"\n'
    )


def _walk(folder: Path) -> None:
    """Open both layers, and read the value of every attribute."""
    read = 0
    for name in ("scene.usda", "bindings.usda"):
        layer = Sdf.Layer.OpenAsAnonymous(str(folder / name))
        paths: list[Sdf.Path] = []
        layer.Traverse(Sdf.Path.absoluteRootPath, paths.append)
        for path in paths:
            found = layer.GetAttributeAtPath(path) if path.IsPropertyPath() else None
            read += found is not None and found.default is not None
    if read != 7 * AREAS * PARTS:
        raise AssertionError(f"{read} values were read")


def _checked(folder: Path) -> None:
    told = StringIO()
    with redirect_stdout(told):
        check.main([str(folder), "--json"], standalone_mode=False)
    problems = json.loads(told.getvalue())["problems"]
    if sum(problem["code"] == "B05" for problem in problems) != _WRONG:
        raise AssertionError(f"{len(problems)} findings, of which not {_WRONG} are planted")


def _opened(folder: Path) -> tuple[SceneServer, SceneOpened, SceneArrays]:
    request = projects.read(folder).scene_request()
    server = SceneServer()
    opened = server.answer(request) if isinstance(request, OpenScene) else None
    if not isinstance(opened, SceneOpened):
        raise AssertionError("the scene was not opened")
    return server, opened, cache.read(Path(opened.arrays))


def _lint(folder: Path, opened: SceneOpened, arrays: SceneArrays) -> dict[str, object]:
    project = projects.read(folder)
    tags = [spec.name for spec in project.specs]

    def all_of_it() -> int:
        found = [
            *scene_lint.lint(opened.bindings, arrays, tags=tags),
            *project_lint.findings(project, opened.bindings, arrays.prim_path),
            *shown_lint.findings(opened.bindings, arrays, project.specs),
        ]
        return sum(problem.code == "B05" for problem in found)

    begin = time.perf_counter()
    wrong = all_of_it()
    spent = (time.perf_counter() - begin) * 1e3
    if wrong != _WRONG:
        raise AssertionError(f"{wrong} of {_WRONG} mistakes were found")
    work = f"{len(opened.bindings)} loaded bindings against scene, tags and maps; {_WRONG} mistakes found"
    return absolute("authoring_lint_100k", spent, "ms", LINT_MS, work)


def _saves(server: SceneServer, opened: SceneOpened, folder: Path) -> list[dict[str, object]]:
    split = opened.bindings[-1]
    begin = time.perf_counter()
    _save(server, replace(split, ends=(0.0, 42.0)))  # the first one splits the layer into its branches
    first = time.perf_counter() - begin
    spent: list[float] = []
    one = split
    for k in range(SAVES):
        one = replace(opened.bindings[k * 13_000], ends=(0.0, 50.0 + k))
        before = _stats(folder)
        begin = time.perf_counter()
        _save(server, one)
        spent.append((time.perf_counter() - begin) * 1e3)
        if len(before.items() ^ _stats(folder).items()) != 2:
            raise AssertionError("another file than that of the binding was written")
    files = sidecar.files(str(folder / "bindings.usda"))
    held = {b.where: b for b in sidecar.read(files)[0]}
    if len(held) != AREAS * PARTS or held[one.where].ends != one.ends:
        raise AssertionError("what was saved is not what is read")
    work = (
        f"{SAVES} saves, each of one file of {len(files)} replaced whole and synced, all bindings read back"
    )
    return [
        absolute("authoring_save_one_of_100k", statistics.median(spent), "ms", SAVE_MS, work),
        plain("authoring_first_save_of_100k", first, "s", "the layer was split into a file for each branch"),
    ]


def _save(server: SceneServer, binding: Binding) -> None:
    if not isinstance(server.answer(SaveBindings(bindings=(binding,))), Done):
        raise AssertionError("the binding was not saved")


def _stats(folder: Path) -> dict[str, tuple[int, int]]:
    out = {}
    for path in folder.rglob("*.usda"):
        found = os.stat(path)
        out[str(path)] = (found.st_ino, found.st_mtime_ns)
    return out
