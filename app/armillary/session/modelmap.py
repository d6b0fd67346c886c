"""Which variables of a simulator stand for which tags of the project: read, proposed, checked, saved.

The model is read in an expendable child process. What is saved is a what-if scenario of the project.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import entry_points
from pathlib import Path

from rapidfuzz import fuzz

from armillary.model import places
from armillary.model.fault import Fault, FaultRecord, ProjectFault, record
from armillary.model.scenario import Scenario
from armillary.model.simulation import ModelInfo, OpenModel, Variable
from armillary.model.tags import TagSpec
from armillary.model.units import conversion
from armillary.project import scenarios
from armillary.session.loading import fault_of
from armillary.session.signal import Signal
from armillary.simulate.host import SimulatorHost

GROUP = "armillary.simulators"
MOST_FILES = 200
MOST_LIKE = 200  # tags that are compared with one variable
LIKE = 70.0  # of 100: two names that are less alike are no proposal
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_ORDER = {"input": 0, "output": 1, "parameter": 2, "local": 3}
Work = Callable[[Callable[[], object], Callable[[object], None]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A simulator that the project can use."""

    kind: str  # fmu, or a plugin's name
    file: str = ""  # absolute, of an FMU
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MapRow:
    """One variable and the tag that it stands for."""

    variable: Variable
    tag: str = ""  # "" = none
    is_offered: bool = False  # by the model, not by the map
    trouble: str = ""  # why it cannot be so
    proposal: str = ""  # a tag that is named alike and fits, where there is none
    says: str = ""


def choices(folder: Path) -> tuple[Choice, ...]:
    """Return the simulators of installed packages, then the FMUs in a project's folder."""
    plugins = tuple(Choice(kind=p.name, title=p.name) for p in sorted(entry_points(group=GROUP)))
    files = sorted(p for p in folder.rglob("*.fmu") if not p.relative_to(folder).parts[0].startswith("."))
    found = (Choice(kind="fmu", file=str(p.resolve()), title=p.relative_to(folder).as_posix()) for p in files)
    return (*plugins, *tuple(found)[:MOST_FILES])


def unfit(variable: Variable, spec: TagSpec) -> str:
    """Return why a variable cannot stand for a tag, "" when it can."""
    if spec.kind == "text":
        return f"{spec.name} holds words, no numbers."
    if spec.kind == "array":
        return f"{spec.name} is a list, no number."
    if spec.expression and variable.causality in ("input", "parameter"):
        return f"{spec.name} is derived from other tags."
    try:
        conversion(variable.unit, spec.unit)
    except ProjectFault as fault:
        return fault.what
    return ""


def rows(info: ModelInfo, specs: Sequence[TagSpec], mapping: Mapping[str, str]) -> tuple[MapRow, ...]:
    """Return every variable with its tag. mapping: tag → variable, stronger than what the model offers."""
    by_name = {spec.name: spec for spec in specs}
    tag_of = {variable: tag for tag, variable in mapping.items()}
    out = []
    for variable in sorted(info.variables, key=lambda v: _ORDER[v.causality]):
        offered = variable.tag if variable.tag in by_name else ""
        is_taken = any(tag == offered and name != variable.name for tag, name in mapping.items())
        tag = tag_of.get(variable.name, "" if is_taken else offered)
        spec = by_name.get(tag)
        trouble = f"The project has no tag '{tag}'." if tag and spec is None else ""
        row = MapRow(variable=variable, tag=tag, is_offered=bool(tag) and variable.name not in tag_of)
        trouble = trouble or (unfit(variable, spec) if spec is not None else "")
        out.append(replace(row, trouble=trouble, says=trouble or _says(row, spec)))
    return _proposed(tuple(out), specs)


def _says(row: MapRow, spec: TagSpec | None) -> str:
    if spec is None:
        if row.variable.causality == "output":
            return "not mapped: nothing shows it"
        return f"not mapped: stays {row.variable.start:g}"
    words = ["offered by the model"] if row.is_offered else []
    if row.variable.unit and spec.unit and row.variable.unit != spec.unit:
        words.append(f"{row.variable.unit} ↔ {spec.unit}")
    return ", ".join(words)


def words_of(text: str) -> tuple[str, ...]:
    """Return the words and numbers of a name: `T-101.level` → t, 101, level."""
    return tuple(word.lower() for word in _WORD.findall(text))


def _proposed(found: tuple[MapRow, ...], specs: Sequence[TagSpec]) -> tuple[MapRow, ...]:
    """Return rows with a proposal where there is no tag: names alike, units that fit, each tag once."""
    taken = {row.tag for row in found if row.tag}
    holders: dict[str, list[int]] = {}
    free = [spec for spec in specs if spec.name not in taken]
    for at, spec in enumerate(free):
        for word in set(words_of(spec.name)):
            holders.setdefault(word, []).append(at)
    scored: list[tuple[float, int, str]] = []
    for at, row in enumerate(found):
        if row.tag or row.variable.causality == "local":
            continue
        own = words_of(row.variable.name) or (row.variable.name.lower(),)
        near = sorted({i for word in own for i in holders.get(word, ())[:MOST_LIKE]})[: 4 * MOST_LIKE]
        for spec in (free[i] for i in near):
            like = fuzz.token_sort_ratio(" ".join(own), " ".join(words_of(spec.name)))
            if like >= LIKE and not unfit(row.variable, spec):
                scored.append((-like, at, spec.name))
    out, used = list(found), set[str]()
    for _, at, tag in sorted(scored):
        if not out[at].proposal and tag not in used:
            out[at] = replace(out[at], proposal=tag, says=f"{out[at].says} · like {tag}?")
            used.add(tag)
    return tuple(out)


class ModelMap:
    """One simulator and its map, being edited. Everything is for the desk's thread."""

    def __init__(
        self, work: Work, folder: Callable[[], Path | None], specs: Callable[[], Sequence[TagSpec]]
    ) -> None:
        """folder: of the project that is saved, None for none. specs: tags of the plant."""
        self.changed: Signal[()] = Signal()
        self.choice: Choice | None = None
        self.info: ModelInfo | None = None
        self.rows: tuple[MapRow, ...] = ()
        self.is_reading = False
        self.trouble: FaultRecord | None = None
        self.scenario: Scenario | None = None  # whose map is edited; None: a new one
        self._map: dict[str, str] = {}  # tag → variable
        self._work, self._folder, self._specs = work, folder, specs

    @property
    def choices(self) -> tuple[Choice, ...]:
        """Simulators that can be chosen."""
        folder = self._folder()
        return choices(folder) if folder is not None else ()

    @property
    def scenarios(self) -> tuple[Path, ...]:
        """Scenario files whose map can be edited."""
        folder = self._folder()
        return scenarios.scenarios(folder) if folder is not None else ()

    # ------------------------------------------------------------ reading

    def edit(self, path: Path | None) -> None:
        """Edit the map of a scenario, None for a new one. Raises ProjectFault for one that cannot be read."""
        folder = self._folder()
        if path is None or folder is None:
            self.scenario, self._map = None, {}
            self._again()
            return
        self.scenario = scenarios.read(path, folder)
        self._map = dict(self.scenario.map)
        self.open(Choice(kind=self.scenario.simulator, file=self.scenario.file))

    def open(self, choice: Choice) -> None:
        """Read what a model has, in a process of its own; `changed` tells when that is known."""
        folder = self._folder()
        if choice != self.choice and self.scenario is None:
            self._map = {}
        self.choice, self.info, self.rows, self.trouble = choice, None, (), None
        self.is_reading = True
        self._work(lambda: _read(choice, folder), lambda answer: self._took(choice, answer))
        self.changed.emit()

    def _took(self, choice: Choice, answer: object) -> None:
        if choice != self.choice:
            return  # another one was chosen meanwhile
        self.is_reading = False
        if isinstance(answer, ModelInfo):
            self.info = answer
        else:
            self.trouble = fault_of(answer)
        self._again()

    def _again(self) -> None:
        self.rows = rows(self.info, self._specs(), self._map) if self.info is not None else ()
        self.changed.emit()

    # ------------------------------------------------------------ editing

    def map(self, variable: str, tag: str) -> str:
        """Let a variable stand for a tag, "" for none; return why not, "" when it does.

        A tag that another variable stood for leaves that one: each has one.
        """
        row = next((r for r in self.rows if r.variable.name == variable), None)
        spec = next((s for s in self._specs() if s.name == tag), None)
        if row is None:
            return f"The model has no variable '{variable}'."
        if tag and spec is None:
            return f"The project has no tag '{tag}'."
        if spec is not None and (why := unfit(row.variable, spec)):
            return why
        self._map = {t: v for t, v in self._map.items() if v != variable and t != tag}
        if tag and tag != row.variable.tag:
            self._map[tag] = variable
        self._again()
        return ""

    def take_proposals(self) -> int:
        """Map every variable to the tag that is proposed for it; return how many."""
        wished = [(row.variable.name, row.proposal) for row in self.rows if row.proposal]
        self._map.update({tag: name for name, tag in wished})
        self._again()
        return len(wished)

    @property
    def proposals(self) -> int:
        """How many variables have a proposal."""
        return sum(1 for row in self.rows if row.proposal)

    def why_not_save(self, title: str) -> str:
        """Return why the map cannot be saved, "" when it can."""
        if self.is_reading:
            return "The model is being read."
        if self.info is None:
            return "Choose a simulator."
        bad = next((row for row in self.rows if row.trouble), None)
        if bad is not None:
            return f"{bad.variable.name}: {bad.trouble}"
        if not any(row.tag for row in self.rows):
            return "No variable stands for a tag."
        if self.scenario is None and not title.strip():
            return "Give the scenario a title."
        return ""

    def save(self, title: str) -> Path:
        """Write the scenario; return its file. Raises ProjectFault. One that is there keeps all else."""
        folder, choice = self._folder(), self.choice
        if (why := self.why_not_save(title)) or folder is None or choice is None:
            raise ProjectFault(why or "No project is open.", where="what-if", remedy="Correct it first.")
        if self.scenario is not None:
            path = Path(self.scenario.origin)
            scenarios.remap(path, folder, choice.kind, choice.file, self._map)
            return path
        stem = "-".join(words_of(title)) or "scenario"
        path = folder / scenarios.FOLDER / f"{stem}.toml"
        if path.exists():
            raise ProjectFault(
                f"There is a scenario '{stem}' already.", where=str(path), remedy="Give another title."
            )
        made = Scenario(
            id=stem, title=title.strip(), simulator=choice.kind, file=choice.file, map=dict(self._map)
        )
        scenarios.write(made, path, folder)
        return path


def _read(choice: Choice, folder: Path | None) -> object:
    """Return what a model says of itself, or why it says nothing. Takes as long as the model does."""

    async def ask() -> ModelInfo:
        wish = OpenModel(kind=choice.kind, file=choice.file)
        host = SimulatorHost(wish, places.logs() / "simulator-map.log", project=folder)
        try:
            return await host.open()
        finally:
            await host.close()

    try:
        return asyncio.run(ask())
    except Fault as fault:
        return record(fault)
