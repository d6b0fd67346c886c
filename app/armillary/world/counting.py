"""What alarms are counting, as a file: written every second, read when the next world starts.

Delays, counts, what chatters and floods would begin anew otherwise. The journal has how alarms stand; this is
what is on the way. It is of use to whoever starts soon, so it survives our end and no power cut.
"""

from __future__ import annotations

import asyncio
import io
import logging
import zipfile
import zlib
from collections.abc import Collection, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from armillary.alarms.evaluate import Evaluator
from armillary.model import files
from armillary.model.alarm import AlarmProgress, AlarmSpec
from armillary.model.clock import NS, Clock
from armillary.model.fault import FaultRecord, StoreFault, record

FILE, WINDOWS = "counting.json", "windows.npz"
WINDOWS_NS = 60 * NS  # how often what predictions are made from is written
_HEAD = "head"
SCHEMA = 1
EVERY_S, SLOWER = 1.0, 50  # how often; and not more than a fiftieth of the time where there is very much
LONGEST_NS = 3_600 * NS  # an older file says nothing any more: chatter and floods are over too
_NOT_THE_RULE = dict.fromkeys(("title", "consequence", "operator_action", "origin", "prim", "camera"), "")
log = logging.getLogger(__name__)


class Counting:
    """`restore` before the first tick, `run` on the loop, `keep` after the last tick."""

    def __init__(
        self, evaluator: Evaluator, folder: Path, clock: Clock, personal: Collection[str] = ()
    ) -> None:
        """personal: alarms of tags that tell of persons; their values are not written."""
        self._personal = frozenset(personal)
        self._evaluator, self._clock = evaluator, clock
        self._path = folder / FILE
        self._rules = {spec.id: spec for spec in evaluator.specs}
        self._is_empty = False  # the file, of what this world wrote
        self.trouble: FaultRecord | None = None

    def restore(self) -> None:
        """Take over what the world before was counting; an alarm that was changed meanwhile begins anew."""
        self._give_windows()
        try:
            kept, t_ns = _read(self._path)
        except StoreFault as fault:
            self.trouble = record(fault)
            return
        gap_ns = self._clock.now_ns() - t_ns
        if not 0 <= gap_ns <= LONGEST_NS:  # the clock was set, or it is long ago
            return
        known = [one for one, rule in kept if one.id not in self._rules or rule == _rule(self._rules[one.id])]
        self._evaluator.go_on(known, gap_ns, self._clock.now_mono_ns())

    async def run(self) -> None:
        """Write the file whenever something is counted; ends when it is cancelled."""
        windows_ns = 0
        while True:
            begun_ns = self._clock.now_mono_ns()
            await asyncio.to_thread(self.keep)
            if begun_ns >= windows_ns:
                await asyncio.to_thread(self.keep_windows)
                windows_ns = begun_ns + WINDOWS_NS
            spent_s = (self._clock.now_mono_ns() - begun_ns) / NS
            await asyncio.sleep(max(EVERY_S, SLOWER * spent_s))

    def keep(self) -> None:
        """Write what is being counted now; at the end too. From any thread."""
        now_ns = self._clock.now_ns()
        counted = self._evaluator.saved(self._clock.now_mono_ns())
        if not counted and self._is_empty:
            return
        rows = [{**asdict(one), "rule": self._rule_of(one.id)} for one in counted]
        for row in rows:
            if row["id"] in self._personal:
                row["value"] = None
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            data = orjson.dumps({"schema": SCHEMA, "t_ns": now_ns, "counting": rows})
            files.replace(self._path, data, synced=False)
            self._is_empty = not counted
        except OSError as error:
            if self.trouble is None:
                log.info("what alarms are counting is not kept: %s", error)
                self.trouble = record(
                    StoreFault(
                        f"What alarms are counting cannot be kept: {error.strerror or error}.",
                        where=str(self._path),
                        remedy="Make room, or make the folder writable; until then a restart begins anew.",
                    )
                )

    def keep_windows(self) -> None:
        """Write what predictions are made from; those of persons are not written."""
        ids, columns = self._evaluator.windows(self._personal)
        if not ids:
            return
        rules = [_rule(self._rules[id_]) for id_ in ids]
        head = {"schema": SCHEMA, "ids": ids, "rules": rules}
        out = io.BytesIO()
        np.savez(out, **{_HEAD: np.frombuffer(orjson.dumps(head), np.uint8)}, **columns)  # type: ignore[arg-type]
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            files.replace(self._path.with_name(WINDOWS), out.getvalue(), synced=False)
        except OSError as error:
            log.info("what predictions are made from is not kept: %s", error)

    def _give_windows(self) -> None:
        """Take over what predictions were made from; without it they are unknown for half a window."""
        path = self._path.with_name(WINDOWS)
        try:
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as kept:
                head = orjson.loads(kept[_HEAD].tobytes())
                columns = {name: kept[name] for name in kept.files if name != _HEAD}
            pairs = list(zip(head["ids"], head["rules"], strict=True))
            fit = [
                i for i, (id_, rule) in enumerate(pairs)
                if head["schema"] == SCHEMA and id_ in self._rules and rule == _rule(self._rules[id_])
            ]  # fmt: skip
            ids = [pairs[i][0] for i in fit]
            some = np.array(fit, np.int64)
            self._evaluator.give_windows(ids, {name: column[some] for name, column in columns.items()})
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError, IndexError, EOFError, zipfile.BadZipFile) as error:
            log.info("predictions begin anew: %s cannot be read: %s", path, error)

    def _rule_of(self, id_: str) -> int:
        spec = self._rules.get(id_)
        return _rule(spec) if spec is not None else 0


def _rule(spec: AlarmSpec) -> int:
    """Return a number that is another for another rule."""
    told = replace(spec, slot=0, reference_slot=0, **_NOT_THE_RULE)  # type: ignore[arg-type]  # texts all
    return zlib.crc32(repr(told).encode())


def _read(path: Path) -> tuple[list[tuple[AlarmProgress, int]], int]:
    """Return (progress and rule of each alarm, when); nothing where there is no file. Raises StoreFault."""
    try:
        held = orjson.loads(path.read_bytes())
        if held["schema"] != SCHEMA:
            raise ValueError(f"its schema is {held['schema']}")
        return [_entry(row) for row in held["counting"]], int(held["t_ns"])
    except FileNotFoundError:
        return [], 0
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreFault(
            f"What alarms were counting cannot be read: {error}.",
            where=str(path),
            remedy="Delays and counts begin anew; the file is replaced within a second.",
        ) from error


def _entry(row: Mapping[str, Any]) -> tuple[AlarmProgress, int]:  # Any: what a JSON parser returns
    facts = {key: value for key, value in row.items() if key != "rule"}
    if facts["value"] is None:
        facts["value"] = float("nan")
    facts["raised_ns"] = tuple(facts["raised_ns"])
    return AlarmProgress(**facts), int(row["rule"])
