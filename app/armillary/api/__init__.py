"""All that a plugin may use. What is named here is kept; a removal is announced one release before."""

from __future__ import annotations

from armillary.api.ports import (
    Browsable,
    CommandSink,
    Decoder,
    Describes,
    HistoryStore,
    Plant,
    Source,
    SourceContext,
    SourceOut,
)
from armillary.model import quality
from armillary.model.arrays import B1, F4, F8, I4, I8, U1, U2, U4
from armillary.model.clock import Clock, ManualClock, WallClock
from armillary.model.fault import Fault, LinkFault, LinkRefused, OrderFault, ProjectFault, StoreFault
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
    batch_of,
)
from armillary.model.series import Series, SeriesQuery

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
    "HistoryStore",
    "LinkFault",
    "LinkRefused",
    "LinkSpec",
    "LinkState",
    "ManualClock",
    "OrderFault",
    "Plant",
    "ProjectFault",
    "Route",
    "SampleBatch",
    "SampleBuilder",
    "Series",
    "SeriesQuery",
    "Source",
    "SourceContext",
    "SourceOut",
    "StoreFault",
    "SubscriptionPlan",
    "WallClock",
    "WireBatch",
    "Write",
    "batch_of",
    "data",
    "quality",
]
