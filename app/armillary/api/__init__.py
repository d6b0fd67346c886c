"""All that a plugin may use. What is named here is kept; a removal is announced one release before."""

from __future__ import annotations

from armillary.api.ports import (
    Browsable,
    CommandSink,
    Decoder,
    Describes,
    Forkable,
    HistoryStore,
    Importer,
    ImporterContext,
    Plant,
    Simulator,
    SimulatorContext,
    Source,
    SourceContext,
    SourceOut,
)
from armillary.model import quality
from armillary.model.arrays import B1, F4, F8, I4, I8, U1, U2, U4
from armillary.model.clock import Clock, ManualClock, WallClock
from armillary.model.fault import (
    Fault,
    LinkFault,
    LinkRefused,
    OrderFault,
    ProjectFault,
    SceneFault,
    StoreFault,
)
from armillary.model.link import BrowseItem, LinkSpec, LinkState, Route, SubscriptionPlan
from armillary.model.order import Write
from armillary.model.places import data
from armillary.model.sample import (
    DUPLICATE,
    HISTORICAL,
    RETAINED,
    SOURCE_TIME_ASSUMED,
    SampleBatch,
    SampleBuilder,
    WireBatch,
    array_of,
    batch_of,
)
from armillary.model.series import Series, SeriesQuery
from armillary.model.simulation import (
    ModelInfo,
    SimStart,
    SimStarted,
    SimStepped,
    Values,
    Variable,
    values_of,
)
from armillary.model.tree import (
    SceneTree,
    TreeBuilder,
    TreeImage,
    TreeMaterial,
    TreeMesh,
)

API_VERSION = 1

__all__ = [
    "API_VERSION",
    "B1",
    "DUPLICATE",
    "F4",
    "F8",
    "HISTORICAL",
    "I4",
    "I8",
    "RETAINED",
    "SOURCE_TIME_ASSUMED",
    "U1",
    "U2",
    "U4",
    "Browsable",
    "BrowseItem",
    "Clock",
    "CommandSink",
    "Decoder",
    "Describes",
    "Fault",
    "Forkable",
    "HistoryStore",
    "Importer",
    "ImporterContext",
    "LinkFault",
    "LinkRefused",
    "LinkSpec",
    "LinkState",
    "ManualClock",
    "ModelInfo",
    "OrderFault",
    "Plant",
    "ProjectFault",
    "Route",
    "SampleBatch",
    "SampleBuilder",
    "SceneFault",
    "SceneTree",
    "Series",
    "SeriesQuery",
    "SimStart",
    "SimStarted",
    "SimStepped",
    "Simulator",
    "SimulatorContext",
    "Source",
    "SourceContext",
    "SourceOut",
    "StoreFault",
    "SubscriptionPlan",
    "TreeBuilder",
    "TreeImage",
    "TreeMaterial",
    "TreeMesh",
    "Values",
    "Variable",
    "WallClock",
    "WireBatch",
    "Write",
    "array_of",
    "batch_of",
    "data",
    "quality",
    "values_of",
]
