"""Builds the FMUs of the tests from lag.c: compiled by gcc, described here, zipped."""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

SOURCE = Path(__file__).with_name("lag.c")
PLATFORMS = {2: "linux64", 3: "x86_64-linux"}
MODES = ["sane", "crash", "hang", "nan", "read", "write", "discard", "memory"]
MODES += ["error", "warning", "end", "connect", "chatter"]

_UNIT = '<UnitDefinitions><Unit name="K"><BaseUnit K="1"/></Unit></UnitDefinitions>'
_HEAD_2 = (
    '<fmiModelDescription fmiVersion="2.0" modelName="Lag" guid="{{lag-1}}" version="1" '
    'generationTool="{tool}" numberOfEventIndicators="0">'
)
_HEAD_3 = (
    '<fmiModelDescription fmiVersion="3.0" modelName="Lag" instantiationToken="{{lag-1}}" version="1" '
    'generationTool="{tool}">'
)
# name, reference, type, causality, variability, initial, rest
_VARIABLES = (
    ("u", 0, "Real", "input", "continuous", "", 'start="0" unit="K"'),
    ("x", 1, "Real", "output", "continuous", "exact", 'start="1" unit="K"'),
    ("tau", 2, "Real", "parameter", "fixed", "exact", 'start="2" min="0.01"'),
    ("k", 3, "Real", "parameter", "tunable", "exact", 'start="1"'),
    ("y", 4, "Real", "output", "continuous", "calculated", 'unit="K"'),
    ("when", 5, "Real", "parameter", "fixed", "exact", 'start="0"'),
    ("count", 10, "Integer", "output", "discrete", "calculated", ""),
    ("mode", 11, "Integer", "parameter", "fixed", "exact", 'start="0"'),
    ("result", 12, "Integer", "output", "discrete", "calculated", ""),
    ("time", 99, "Real", "independent", "continuous", "", ""),
    ("on", 20, "Boolean", "input", "discrete", "", 'start="true"'),
)
_OF_3 = {"Real": "Float64", "Integer": "Int32", "Boolean": "Boolean"}


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the description shall say."""

    major: int = 2
    saves: bool = True
    varies: bool = True
    once: bool = False
    kind: str = "CoSimulation"
    tool: str = ""
    needs_tool: bool = False
    platform: str = ""
    token: str = "{lag-1}"  # noqa: S105  the instantiation token of FMI


@cache
def library(major: int) -> bytes:
    """The compiled model."""
    out = Path(mkdtemp())
    try:
        made = out / "lag.so"
        flags = ["-O1", "-fPIC", "-shared", "-fvisibility=hidden", f"-DFMI={major}"]
        subprocess.run(["gcc", *flags, "-o", str(made), str(SOURCE), "-lm"], check=True, timeout=60)
        return made.read_bytes()
    finally:
        shutil.rmtree(out)


def description(wish: Wish) -> str:
    """The modelDescription.xml."""
    is_2 = wish.major == 2
    head = (_HEAD_2 if is_2 else _HEAD_3).format(tool=wish.tool).replace("{lag-1}", wish.token)
    state = "FMUstate" if is_2 else "FMUState"
    flags = {
        "modelIdentifier": "lag",
        f"canGetAndSet{state}": wish.saves,
        f"canSerialize{state}": wish.saves,
        "canBeInstantiatedOnlyOncePerProcess": wish.once,
        "needsExecutionTool": wish.needs_tool,
    }
    if wish.kind == "CoSimulation":
        flags["canHandleVariableCommunicationStepSize"] = wish.varies
    words = " ".join(f'{k}="{v if isinstance(v, str) else str(v).lower()}"' for k, v in flags.items())
    rows = []
    for name, vr, type_, causality, variability, initial, rest in _VARIABLES:
        start = f' initial="{initial}"' if initial else ""
        common = (
            f'name="{name}" valueReference="{vr}" causality="{causality}" variability="{variability}"{start}'
        )
        if is_2:
            rows.append(f"<ScalarVariable {common}><{type_} {rest}/></ScalarVariable>")
        else:
            rows.append(f"<{_OF_3[type_]} {common} {rest}/>")
    outputs = [(i + 1, v[1]) for i, v in enumerate(_VARIABLES) if v[3] == "output"]
    if is_2:
        listed = [f'<Unknown index="{i}"/>' for i, _ in outputs]
        structure = f"<Outputs>{''.join(listed)}</Outputs>"
        structure += f"<InitialUnknowns>{''.join(listed[1:])}</InitialUnknowns>"
    else:
        structure = "".join(f'<Output valueReference="{vr}"/>' for _, vr in outputs)
        structure += "".join(f'<InitialUnknown valueReference="{vr}"/>' for _, vr in outputs[1:])
    step = '<DefaultExperiment startTime="0" stopTime="1" stepSize="0.1"/>'
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n{head}<{wish.kind} {words}/>{_UNIT}{step}'
        f"<ModelVariables>{''.join(rows)}</ModelVariables><ModelStructure>{structure}</ModelStructure>"
        "</fmiModelDescription>"
    )


def fmu(path: Path, wish: Wish | None = None) -> Path:
    """Write an FMU."""
    wish = wish or Wish()
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("modelDescription.xml", description(wish))
        out.writestr(f"binaries/{wish.platform or PLATFORMS[wish.major]}/lag.so", library(wish.major))
    return path
