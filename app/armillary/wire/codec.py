"""Records ↔ multipart bytes: a name, a msgpack header, and one part for each numpy array, not copied.

No pickles: only the record types named in `TYPES` can be read, each strictly typed by msgspec.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from armillary.model import (
    account,
    alarm,
    control,
    drift,
    journal,
    logbook,
    message,
    order,
    procedure,
    scenario,
    series,
    simulation,
    substitution,
    trust,
)
from armillary.model.fault import FaultRecord, WorldFault
from armillary.model.frame import Frame
from armillary.model.link import Found

SCHEMA = 1
MAX_PARTS = 256
MAX_BYTES = 256 * 1024 * 1024  # one message; a full frame of 1 M signals is 60 MB

TYPES: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        Frame,
        FaultRecord,
        message.Hello,
        message.Welcome,
        message.Credit,
        message.Bye,
        message.Done,
        message.Stop,
        message.LoadProject,
        message.ComingBack,
        message.Retry,
        message.Browse,
        message.Browsed,
        message.Peek,
        message.Peeked,
        message.SearchLink,
        Found,
        message.AskQuarantine,
        message.Quarantine,
        drift.AskDrift,
        drift.DriftReport,
        drift.RefuseDrift,
        drift.AcceptDefinition,
        message.Enroll,
        message.Enrolled,
        message.Append,
        message.Stored,
        message.AskHistory,
        message.HistoryInfo,
        message.OpenScene,
        message.WriteTree,
        message.AskCarried,
        message.WriteTwin,
        message.Flatten,
        message.PackParts,
        message.SceneOpened,
        message.SceneProgress,
        message.AskAttributes,
        message.AskMatches,
        message.Matches,
        message.Attributes,
        message.ChooseVariants,
        message.SaveBindings,
        message.AskBindings,
        message.AskOpinions,
        message.AddScene,
        message.MergeLayers,
        message.Opinions,
        message.BindingsRead,
        message.AskInfo,
        message.Json,
        message.CheckBindings,
        message.Problems,
        message.Arrays,
        order.Arm,
        order.Armed,
        order.Order,
        order.Receipt,
        order.CloseOrder,
        order.Prepare,
        order.Prepared,
        series.SeriesQuery,
        series.SeriesAnswer,
        message.AskAt,
        message.AskBetween,
        message.AskSpan,
        message.Erase,
        message.Erased,
        message.Samples,
        message.AskDensity,
        message.Density,
        journal.AskJournal,
        journal.JournalIndex,
        journal.AskLines,
        journal.Lines,
        message.Keep,
        message.AskKept,
        message.Kept,
        message.AskKeptList,
        message.KeptList,
        message.BackUp,
        message.BackedUp,
        message.PutBack,
        message.ThereAgain,
        message.TakeIn,
        substitution.Substitute,
        substitution.EndSubstitution,
        trust.DecideTrust,
        alarm.AlarmAct,
        alarm.AlarmActed,
        logbook.WriteNote,
        logbook.Note,
        logbook.AskNotes,
        logbook.Notes,
        logbook.HandOver,
        logbook.TakeOver,
        logbook.AskShift,
        procedure.AskProcedures,
        procedure.Procedures,
        procedure.StartProcedure,
        procedure.ActOnProcedure,
        procedure.ProcedureRun,
        logbook.ShiftAnswer,
        account.Login,
        account.Logout,
        account.LoggedIn,
        *(
            getattr(control, name)
            for name in (
                "Seek",
                "Loop",
                "ShowVersion",
                "Play",
                "Step",
                "TakeSnapshot",
                "SnapshotInfo",
                "Restore",
                "AskState",
                "StateAnswer",
                "StartRuns",
                "CancelRuns",
                "AskRuns",
                "Runs",
                "ShowRun",
                "AskRunFrame",
                "AskRunSeries",
                "RunSeries",
                "SaveScenario",
                "AskModel",
                "ModelOffer",
                "Inject",
                "ClearMalfunction",
                "Exercise",
                "AskExercise",
                "AskBrief",
                "Brief",
                "ExerciseView",
                "Approve",
                "Kill",
                "NoteTestFire",
            )
        ),
        scenario.Fork,
        scenario.Job,
        scenario.JobNews,
        scenario.StopJob,
        simulation.OpenModel,
        simulation.ModelInfo,
        simulation.SimStart,
        simulation.SimStarted,
        simulation.SimStep,
        simulation.SimStepped,
        simulation.SaveModel,
        simulation.ModelState,
        simulation.Trajectory,
    )
}

Part = bytes | memoryview


def pack(record: object) -> list[Part]:
    """Return [name and schema, header, array, array, …]; arrays are views, so keep them unchanged until sent.

    Raises TypeError for a record that is not in TYPES.
    """
    name = type(record).__name__
    if TYPES.get(name) is not type(record):
        raise TypeError(f"{name} does not cross processes; add it to wire.codec.TYPES")
    arrays: list[Part] = []

    def hook(value: object) -> object:
        if isinstance(value, np.ndarray):
            arrays.append(np.ascontiguousarray(value).reshape(-1).view(np.uint8).data if value.size else b"")
            return [len(arrays) - 1, value.dtype.str, value.shape]
        if isinstance(value, np.generic):
            return value.item()
        raise NotImplementedError(f"{type(value).__name__} cannot cross processes")

    header = msgspec.msgpack.Encoder(enc_hook=hook).encode(record)
    return [f"{SCHEMA}:{name}".encode(), header, *arrays]


def unpack(parts: Sequence[Part]) -> object:
    """Return the record of a message; its arrays view the parts and are read-only.

    Raises WorldFault when the message is malformed, too big, or of another schema.
    """
    try:
        if len(parts) > MAX_PARTS or sum(len(p) for p in parts) > MAX_BYTES:
            raise ValueError("too big")
        schema, name = bytes(parts[0]).decode().split(":", 1)
        if int(schema) != SCHEMA:
            raise WorldFault(
                f"The other side speaks version {schema} of the protocol, this one version {SCHEMA}.",
                where="wire",
                remedy="Install the same version of Armillary on both sides.",
            )
        arrays = parts[2:]

        # Any: msgspec hands over the annotated type, a numpy generic alias
        def hook(kind: Any, value: Any) -> object:
            index, dtype, shape = value
            if np.dtype(dtype).hasobject:
                raise ValueError("object arrays are refused")
            if not len(arrays[index]):
                return np.empty(shape, np.dtype(dtype))
            return np.frombuffer(arrays[index], np.dtype(dtype)).reshape(shape)

        return msgspec.msgpack.Decoder(TYPES[name], dec_hook=hook).decode(parts[1])
    except (KeyError, IndexError, ValueError, TypeError, UnicodeDecodeError, msgspec.MsgspecError) as error:
        raise WorldFault(
            "A message from another process could not be read.",
            where="wire",
            remedy="Restart both sides; if it happens again, report it with the log.",
        ) from error
