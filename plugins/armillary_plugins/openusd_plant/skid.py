"""A skid whose OPC UA server carries its own scene and bindings: who connects needs to author nothing.

Each conformance unit of the draft has something here to be seen by (docs/reference/openusd-units.md).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any

from asyncua.common.node import Node
from asyncua.server.server import Server

from armillary.api import Clock
from armillary_plugins.openusd_plant import scenes
from armillary_plugins.openusd_plant.building import Offering, path, unit
from armillary_plugins.openusd_plant.lib import ua

NAMESPACE = "urn:armillary:openusd-skid"
_IRDI = "0173-1#02-AAO677#002"
_DICTIONARY, _HAS_ENTRY = 17598, 17597  # IrdiDictionaryEntryType, HasDictionaryEntry
_CONDITION = 2915  # AlarmConditionType
_IDS = "00000000-0000-4000-8000-0000000000{:02d}"
_FLOW_UNIT = "m³/h"


@dataclass(slots=True)
class Skid:
    """What a running skid can be asked to change."""

    server: Server
    offering: Offering
    index: int
    nodes: dict[str, Node] = field(default_factory=dict)
    line: Node | None = None
    stage: Node | None = None
    commands: list[float] = field(default_factory=list)

    async def write(self, name: str, value: Any, status: int = 0, t_ns: int = 0) -> None:
        """Give a variable a value, with its status and the time of its source (0: the server's now)."""
        node = self.nodes[name]
        kind = await node.read_data_type_as_variant_type()
        data = ua.DataValue(
            ua.Variant(value, kind),
            ua.StatusCode(status),
            SourceTimestamp=ua.DateTime.fromtimestamp(t_ns / 1e9, UTC) if t_ns else ua.DateTime.now(UTC),
        )
        await self.server.write_attribute_value(node.nodeid, data)

    async def add_pump(self, name: str) -> None:
        """Add a pump to the line, with a representation of its own, and tell that the model has changed."""
        assert self.line is not None  # noqa: S101  build() makes both
        assert self.stage is not None  # noqa: S101
        pump = await self.object(self.line, f"Line.{name}", name)
        await self.variable(pump, f"Line.{name}.Flow", "Flow", 12.0, _FLOW_UNIT, (0.0, 40.0))
        part = await self.offering.represent(pump, self.stage, f"/Skid/Line/{name}")
        number = 40 + len(self.nodes) % 50
        await self.offering.bind(
            part,
            "FlowColor",
            "value",
            {
                **_target("Body", "primvars:displayColor", "color3f[]", 5),
                "BindingDefinitionId": _IDS.format(number),
                "SourceBrowsePath": path(ua.QualifiedName("Flow", self.index)),
            },
        )
        await self.changed(pump)

    async def remove_pump(self, name: str) -> None:
        """Take a pump out of the line."""
        node = self.server.get_node(ua.NodeId(f"Line.{name}", self.index))
        await self.server.delete_nodes([node], recursive=True)
        self.nodes.pop(f"Line.{name}.Flow", None)
        assert self.line is not None  # noqa: S101
        await self.changed(self.line)

    async def changed(self, node: Node) -> None:
        """Fire a GeneralModelChangeEvent."""
        event = await self.server.get_event_generator(
            ua.ObjectIds.GeneralModelChangeEventType, self.server.nodes.server.nodeid
        )
        event.event.Changes = [ua.ModelChangeStructureDataType(Affected=node.nodeid, Verb=ua.Byte(1))]
        await event.trigger(message="The line has changed.")

    async def object(self, parent: Node, id_: str, name: str) -> Node:
        """Add an object."""
        made: Node = await parent.add_object(ua.NodeId(id_, self.index), ua.QualifiedName(name, self.index))
        return made

    async def variable(
        self,
        parent: Node,
        id_: str,
        name: str,
        value: Any,
        of: str = "",
        span: tuple[float, float] | None = None,
    ) -> Node:
        """Add a variable, with its unit and range."""
        node: Node = await parent.add_variable(
            ua.NodeId(id_, self.index), ua.QualifiedName(name, self.index), value
        )
        if of:
            await node.add_property(
                ua.NodeId(f"{id_}.EU", self.index), ua.QualifiedName("EngineeringUnits", 0), unit(of)
            )
        if span is not None:
            await node.add_property(
                ua.NodeId(f"{id_}.Range", self.index), ua.QualifiedName("EURange", 0), ua.Range(*span)
            )
        self.nodes[id_] = node
        return node


def _target(prim: str, name: str, of_type: str, kind: int) -> dict[str, Any]:
    return {
        "Enabled": True,
        "TargetPrimPath": prim,
        "TargetPropertyName": name,
        "TargetUsdTypeName": of_type,
        "RenderTargetKind": kind,
    }


async def build(
    server: Server,
    clock: Clock,
    files: Mapping[str, tuple[int, bytes]] = scenes.FILES,
    *,
    with_types: bool = True,
) -> Skid:
    """Make everything; values are good from the start. Without types the server has the draft's own."""
    index = await server.register_namespace(NAMESPACE)
    offering = Offering(server, index)
    await offering.begin(with_types=with_types)
    made = Skid(server, offering, index)
    plant = await made.object(server.nodes.objects, "Skid", "Skid")
    stage = made.stage = await _stage(offering, files)
    await _pump(made, plant, stage, clock)
    await _tank(made, plant, stage)
    await _arm(made, plant, stage)
    line = made.line = await made.object(plant, "Line", "Line")
    part = await offering.represent(line, stage, "/Skid/Line")
    await offering.compose(
        part,
        "Pumps",
        {
            "BindingDefinitionId": _IDS.format(30),
            "Enabled": True,
            "Cardinality": 1,
            "CompositionArc": 3,
            "TargetPrimPath": "/Skid/Line",
            "ComponentAssetReference": f"@{scenes.PUMP}@</Pump>",
            "Dynamic": True,
        },
    )
    for name in ("LP1", "LP2"):
        await made.add_pump(name)
    return made


async def _stage(offering: Offering, files: Mapping[str, tuple[int, bytes]]) -> Node:
    root = next(data for kind, data in files.values() if kind == 0)
    stage = await offering.stage(
        "SkidStage",
        {
            "RootLayerIdentifier": scenes.ROOT,
            "RootLayerDigest": hashlib.sha256(root).digest(),
            "RootLayerDigestAlgorithm": 1,
        },
    )
    folder = await offering.assets(stage)
    for name, (kind, data) in files.items():
        await offering.asset(folder, name, kind, data)
    return stage


async def _pump(made: Skid, plant: Node, stage: Node, clock: Clock) -> None:
    index, offering = made.index, made.offering
    pump = await made.object(plant, "P101", "P101")
    await made.variable(pump, "P101.Temperature", "Temperature", 60.0, "°C", (20.0, 100.0))
    await made.variable(pump, "P101.Speed", "Speed", 60.0, "rpm", (0.0, 3000.0))
    await made.variable(pump, "P101.Running", "Running", True)
    angle = await made.variable(pump, "P101.Angle", "Angle", math.pi / 2, "rad")
    flow = await made.variable(pump, "P101.Flow", "Flow", 20.0, _FLOW_UNIT, (0.0, 40.0))
    setpoint = await made.variable(pump, "P101.Setpoint", "Setpoint", 50.0, "%", (0.0, 100.0))
    await setpoint.set_writable()
    entry = await made.server.nodes.objects.add_object(
        ua.NodeId("Irdi", index), ua.QualifiedName(_IRDI, index), _DICTIONARY
    )
    await flow.add_reference(entry, _HAS_ENTRY)
    twins = [await made.object(pump, f"P101.Twice{i}", "Twice") for i in (1, 2)]
    for i, twin in enumerate(twins):
        await made.variable(twin, f"P101.Twice{i}.Value", "Value", float(i))
    alarm = await _condition(made, pump)
    part = await offering.represent(pump, stage, "/Skid/P101")
    name = ua.QualifiedName
    bindings: tuple[tuple[str, str, dict[str, Any]], ...] = (
        (
            "TemperatureColor",
            "value",
            {
                **_target("Body", "primvars:displayColor", "color3f[]", 5),
                "SourceNodeId": made.nodes["P101.Temperature"].nodeid,
                "SourceEngineeringUnits": "°C",
                "BadQualityAction": 2,
                "SamplingIntervalHint": 250.0,
            },
        ),
        (
            "Spin",
            "value",
            {
                **_target("Impeller", "xformOp:rotateZ", "double", 1),
                "SourceBrowsePath": path(name("Speed", index)),
                "SourceEngineeringUnits": "rpm",
            },
        ),
        (
            "Turn",
            "value",
            {
                **_target("", "xformOp:rotateZ", "double", 1),
                "SourceNodeId": angle.nodeid,
                "SourceEngineeringUnits": "rad",
                "TargetEngineeringUnits": "degree",
                "Scale": 2.0,
                "Offset": 10.0,
            },
        ),
        (
            "FlowGlow",
            "history",
            {
                **_target("Impeller", "primvars:displayColor", "color3f[]", 5),
                "SourceSemanticId": _IRDI,
                "TimeSampled": True,
            },
        ),
        (
            "AlarmLamp",
            "alarm",
            {
                **_target("/Skid/Lamp", "visibility", "token", 4),
                "SourceNodeId": alarm.nodeid,
                "AlarmAspect": 0,
            },
        ),
        (
            "Ambiguous",
            "value",
            {
                **_target("Body", "primvars:displayOpacity", "float[]", 7),
                "SourceBrowsePath": path(name("Twice", index), name("Value", index)),
            },
        ),
        (
            "SetpointCommand",
            "command",
            {
                **_target("Impeller", "inputs:setpoint", "double", 8),
                "SignalRole": 1,
                "CommandTargetNodeId": setpoint.nodeid,
                "CommandTriggerPropertyName": "inputs:setpoint",
            },
        ),
        (
            "Tombstone",
            "value",
            {**_target("Body", "visibility", "token", 4), "Enabled": False},
        ),
    )
    for number, (title, intent, values) in enumerate(bindings, 1):
        await offering.bind(
            part,
            title,
            intent,
            {"BindingDefinitionId": _IDS.format(number), "TargetStage": stage.nodeid, **values},
        )
    end = clock.now_ns()
    await made.write("P101.Flow", 10.0, t_ns=end - 21_000_000_000)
    await made.server.historize_node_data_change(flow, count=10_000)
    for back in range(20, 0, -1):  # twenty seconds of the past
        await made.write("P101.Flow", 10.0 + back, t_ns=end - back * 1_000_000_000)


async def _condition(made: Skid, pump: Node) -> Node:
    """Add an alarm as a node, with the aspects that bindings read."""
    index = made.index
    alarm = await made.offering.add(
        pump.nodeid,
        "HasComponent",
        ua.QualifiedName("HighTemperature", index),
        0,
        ua.NodeId("P101.HighTemperature", index),
    )
    await alarm.delete_reference(
        ua.NodeId(ua.ObjectIds.FolderType), ua.ObjectIds.HasTypeDefinition, True, bidirectional=False
    )
    await alarm.add_reference(
        ua.NodeId(_CONDITION), ua.ObjectIds.HasTypeDefinition, forward=True, bidirectional=False
    )
    for name, value in (("ActiveState", False), ("AckedState", True), ("EnabledState", True)):
        id_ = f"P101.HighTemperature.{name}"
        word = "Active" if value else "Inactive"
        state = await alarm.add_variable(
            ua.NodeId(id_, index), ua.QualifiedName(name, 0), ua.LocalizedText(word)
        )
        made.nodes[f"{id_}.Id"] = await state.add_property(
            ua.NodeId(f"{id_}.Id", index), ua.QualifiedName("Id", 0), value
        )
    id_ = "P101.HighTemperature.Severity"
    made.nodes[id_] = await alarm.add_property(
        ua.NodeId(id_, index), ua.QualifiedName("Severity", 0), 700, ua.VariantType.UInt16
    )
    return alarm


async def _tank(made: Skid, plant: Node, stage: Node) -> None:
    tank = await made.object(plant, "Tank", "Tank")
    await made.variable(tank, "Tank.Level", "Level", 0.5, "m", (0.0, 1.4))
    part = await made.offering.represent(tank, stage, "/Skid/Tank")
    source = path(ua.QualifiedName("Level", made.index))
    await made.offering.bind(
        part,
        "LevelFloat",
        "value",
        {
            **_target("Float", "xformOp:translateZ", "double", 0),
            "BindingDefinitionId": _IDS.format(20),
            "SourceBrowsePath": source,
            "SourceEngineeringUnits": "m",
        },
    )


async def _arm(made: Skid, plant: Node, stage: Node) -> None:
    """Add a robot's flange: a frame of three coordinates and three angles in radians."""
    arm = await made.object(plant, "Arm", "Arm")
    frame = await made.variable(arm, "Arm.Pose", "Pose", 0.0)
    for group, parts in (("CartesianCoordinates", "XYZ"), ("Orientation", "ABC")):
        above = await frame.add_variable(
            ua.NodeId(f"Arm.Pose.{group}", made.index), ua.QualifiedName(group, 0), 0.0
        )
        for letter in parts:
            id_ = f"Arm.Pose.{letter}"
            value = {"Y": 1.2, "Z": 1.0}.get(letter, 0.0)
            made.nodes[id_] = await above.add_variable(
                ua.NodeId(id_, made.index), ua.QualifiedName(letter, 0), value
            )
    part = await made.offering.represent(arm, stage, "/Skid/Arm")
    await made.offering.bind(
        part,
        "Pose",
        "value",
        {
            **_target("", "xformOp:transform", "matrix4d", 3),
            "BindingDefinitionId": _IDS.format(21),
            "SourceNodeId": frame.nodeid,
        },
    )
