"""Three versions of a layer made one, by an expendable child: nothing of USD is read here."""

from __future__ import annotations

import json
from pathlib import Path

from armillary.model.binding import Binding
from armillary.model.fault import SceneFault
from armillary.model.message import AskBindings, BindingsRead, Done, Json, MergeLayers, SaveBindings
from armillary.project.merging import Conflict, merged_bindings
from armillary.session.reading import ask_child, scene_child
from armillary.wire import child
from armillary.wire.bus import Line

READ_S = 60.0


def merge(base: Path, ours: Path, theirs: Path) -> tuple[Conflict, ...]:
    """Write into our layer what they did to other bindings, or to other fields; return where both clash.

    Raises Fault when a layer cannot be read, or ours not written; then it is as it was.
    """
    with scene_child() as (line, process):
        sides = [_read(path, line, process) for path in (base, ours, theirs)]
        found = merged_bindings(sides[0], sides[1], sides[2])
        if found.save or found.remove:
            wish = SaveBindings(bindings=found.save, remove=found.remove, layer=str(ours))
            got = ask_child(line, process, wish, READ_S, ours.name)
            if not isinstance(got, Done):
                raise _odd(ours)
    return found.conflicts


def merge_texts(name: str, base: str, ours: str, theirs: str) -> tuple[str, tuple[Conflict, ...]]:
    """Return a layer that is no binding layer with what both did to it, and where both clash.

    Raises Fault when one of them cannot be read.
    """
    with scene_child() as (line, process):
        wish = MergeLayers(name=name, base=base, ours=ours, theirs=theirs)
        got = ask_child(line, process, wish, READ_S, name)
    if not isinstance(got, Json):
        raise _odd(Path(name))
    answer = json.loads(got.text)
    clashes = (Conflict(what=w, base=b, ours=o, theirs=t) for w, b, o, t in answer["clashes"])
    return str(answer["text"]), tuple(clashes)


def _read(path: Path, line: Line, process: child.Child) -> tuple[Binding, ...]:
    if not path.is_file() or not path.stat().st_size:
        return ()
    got = ask_child(line, process, AskBindings(layer=str(path)), READ_S, path.name)
    if not isinstance(got, BindingsRead):
        raise _odd(path)
    bad = next((problem for problem in got.problems if problem.severity == "error"), None)
    if bad is not None:  # a merge of what was read in part would lose the rest
        raise SceneFault(bad.what, where=bad.where, remedy=bad.remedy)
    return got.bindings


def _odd(path: Path) -> SceneFault:
    return SceneFault("The scene reader answered something else.", where=path.name, remedy="Update it.")
