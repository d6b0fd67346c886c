"""Reading of the public labelled series: NAB and SKAB, from checkouts that the user names.

Neither is ours nor here (NAB's data and results are AGPL-3, SKAB's GPL-3).
"""

from __future__ import annotations

import csv
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from armillary.model.arrays import B1, F8, I8
from armillary.model.fault import Fault
from armillary_bench.detection_score import Series

NAB_HOME = "github.com/numenta/NAB, read at ea702d7"
SKAB_HOME = "github.com/waico/SKAB, read at b2c0d46"


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """One run of SKAB's rig: k sensors, n rows; which rows are anomalous."""

    name: str
    group: str
    sensors: tuple[str, ...]
    t_ns: I8  # (n,)
    value: F8  # (k, n)
    anomaly: B1  # (n,)
    change: B1  # (n,) where what it does begins to be otherwise


def folder(variable: str) -> Path | None:
    """Return the folder that an environment variable names; None where it names none."""
    named = os.environ.get(variable, "")
    if not named:
        return None
    path = Path(named).expanduser()
    return path if (path / "data").is_dir() else None


def nab(root: Path) -> list[Series]:
    """Return the labelled series of a checkout, by name. Raises Fault where it is none."""
    try:
        text = (root / "labels" / "combined_windows.json").read_text(encoding="utf-8")
        windows = json.loads(text)
        return [_series(root, name, windows[name]) for name in sorted(windows)]
    except (OSError, ValueError, KeyError) as error:
        raise Fault(
            f"These are not the labelled series of NAB: {error}.",
            where=str(root),
            remedy=f"Name a checkout of {NAB_HOME} in NAB.",
        ) from error


def nab_scores(root: Path, detector: str, series: list[Series]) -> list[F8]:
    """Return what a detector of NAB's own answered at each row of each series, as published there."""
    out = []
    for each in series:
        group, name = each.name.split("/")
        out.append(
            _columns(root / "results" / detector / group / f"{detector}_{name}", ("anomaly_score",))[0]
        )
        if len(out[-1]) != len(each):
            raise Fault(
                f"{detector} has {len(out[-1])} rows of {each.name}, which has {len(each)}.",
                where=str(root),
                remedy=f"Name a checkout of {NAB_HOME} in NAB.",
            )
    return out


def skab(root: Path) -> list[Runs]:
    """Return the labelled runs of a checkout. Raises Fault where it is none."""
    try:
        files = sorted(p for p in (root / "data").glob("*/*.csv") if p.parent.name != "anomaly-free")
        return [_run(path) for path in files]
    except (OSError, ValueError, KeyError) as error:
        raise Fault(
            f"These are not the runs of SKAB: {error}.",
            where=str(root),
            remedy=f"Name a checkout of {SKAB_HOME} in SKAB.",
        ) from error


def _series(root: Path, name: str, windows: list[list[str]]) -> Series:
    with (root / "data" / name).open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[1:]
    t_ns = np.array([row[0] for row in rows], "datetime64[ns]").astype(np.int64)
    value = np.array([row[1] for row in rows], np.float64)
    ends = np.array(windows, "datetime64[ns]").astype(np.int64).reshape(-1, 2)
    # times stand twice where a clock was set back: what counts is the first row of a time
    first = np.array([np.flatnonzero(t_ns == end)[0] for end in ends.reshape(-1)], np.int64).reshape(-1, 2)
    return Series(name=name, group=name.split("/")[0], t_ns=t_ns, value=value, windows=first)


def _run(path: Path) -> Runs:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter=";"))
    head, body = rows[0], rows[1:]
    sensors = [i for i, name in enumerate(head) if name not in ("datetime", "anomaly", "changepoint")]
    return Runs(
        name=f"{path.parent.name}/{path.name}",
        group=path.parent.name,
        sensors=tuple(head[i] for i in sensors),
        t_ns=np.array([row[0] for row in body], "datetime64[ns]").astype(np.int64),
        value=np.array([[float(row[i]) for row in body] for i in sensors]),
        anomaly=np.array([float(row[head.index("anomaly")]) > 0 for row in body]),
        change=np.array([float(row[head.index("changepoint")]) > 0 for row in body]),
    )


def _columns(path: Path, names: tuple[str, ...]) -> list[F8]:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        head = next(reader)
        rows = list(reader)
    return [np.array([float(row[head.index(name)]) for row in rows]) for name in names]
