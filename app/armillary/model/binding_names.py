"""What the fields of TwinBindingAPI are called in a Binding: for layers, and for texts that hold bindings."""

from __future__ import annotations

# TwinBindingAPI field -> field of Binding, for those of the same shape
PLAIN = {
    "schemaVersion": "schema_version",
    "id": "id",
    "enabled": "enabled",
    "intent": "intent",
    "role": "role",
    "signal": "signal",
    "address": "address",
    "channel": "channel",
    "axis": "axis",
    "property": "property_name",
    "valueType": "value_type",
    "range": "ends",
    "colormap": "colormap",
    "unit": "unit",
    "targetUnit": "target_unit",
    "interval": "interval_s",
    "staleAfter": "stale_after_s",
    "onBad": "on_bad",
    "onStale": "on_stale",
    "fallback": "fallback",
    "command": "command",
    "semanticId": "semantic_id",
    "alarmAspect": "alarm_aspect",
    "timeSampled": "time_sampled",
}
MAPPED = {
    "map": "kind",
    "scale": "scale",
    "offset": "offset",
    "clamp": "clamp",
    "stateKeys": "state_keys",
    "stateValues": "state_values",
    "expr": "expr",
}
