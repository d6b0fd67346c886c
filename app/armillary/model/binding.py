"""Bindings as plain records: one signal drives one channel of one target."""

from __future__ import annotations

from dataclasses import dataclass

CHANNELS = (
    "displayColor",
    "displayOpacity",
    "emissiveColor",
    "visibility",
    "translate",
    "rotate",
    "scale",
    "level",
    "field",
    "transform",
    "variant",
    "label",
    "primvar",
    "spin",
    "flow",
    "highlight",
    "georeference",
    "custom",
)
MAPS = ("none", "linear", "steps", "range", "states", "expr")
AXES = ("none", "x", "y", "z", "xyz")
ON_BAD = ("skip", "holdLast", "clearOpinion", "fallback")
ON_STALE = ("mark", *ON_BAD)
INTENTS = ("value", "alarm", "history", "command")
ROLES = ("observable", "controllable")
ASPECTS = ("active", "severity", "acked", "enabled")
UNBOUNDED = 1e308


@dataclass(frozen=True, slots=True, kw_only=True)
class MapSpec:
    """From x (the signal, in `unit`) to y.

    none: y = x. linear, range: y = scale·x + offset (range: the name for colour channels whose ends are
    `ends`). steps: `state_keys` are ascending thresholds, y is the value of the last one ≤ x.
    states: y is the value whose key equals x after number/bool normalisation, `*` otherwise.
    expr: y = expression of x, t (s), q (rank) and named signals. Clamped last.
    """

    kind: str = "linear"
    scale: float = 1.0
    offset: float = 0.0
    clamp: tuple[float, float] = (-UNBOUNDED, UNBOUNDED)
    state_keys: tuple[str, ...] = ()
    state_values: tuple[str, ...] = ()
    expr: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSpec:
    """How a field is spread over a mesh from its sensors; lengths in units of the stage, 0 = no limit."""

    sensors: tuple[str, ...] = ()  # prims that carry a binding with a signal, or `/Prim.twin:NAME:signal`
    method: str = "idw"  # idw | surface | rbf
    radius: float = 0.0  # how far a sensor reaches
    neighbours: int = 8  # sensors that count at a vertex (idw)
    max_distance: float = 0.0  # farther from any sensor there is no value
    power: float = 2.0  # `idwPower` in the layer
    iso_lines: int = 0  # lines of equal value between the two ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """One instance of TwinBindingAPI, as read from the binding layer (formats: fields of TwinBindingAPI)."""

    name: str  # the API instance
    prim: str  # path of the prim that carries it
    signal: str = ""  # tag name
    address: str = ""  # `<source>!<address>` when no model names it
    channel: str = "displayColor"
    targets: tuple[str, ...] = ()  # prim paths driven; empty = `prim`
    axis: str = "none"
    property_name: str = ""  # `property` in the layer: variant set, primvar or attribute name
    value_type: str = ""
    map: MapSpec = MapSpec()
    field: FieldSpec = FieldSpec()  # of the channel `field`
    ends: tuple[float, float] = (
        0.0,
        1.0,
    )  # `range` in the layer: y that meets the two ends of the colour map
    colormap: str = ""
    unit: str = ""  # x is converted from the tag's unit to this; "" = the tag's
    target_unit: str = ""
    interval_s: float = 0.0
    stale_after_s: float = 0.0
    on_bad: str = "skip"
    on_stale: str = "mark"
    fallback: str = ""
    enabled: bool = True
    intent: str = "value"
    role: str = "observable"
    id: str = ""
    command: str = ""
    semantic_id: str = ""  # IRDI or URI of the source, used when signal and address are empty
    alarm_aspect: str = "active"  # of the intent `alarm`
    time_sampled: bool = False  # of the intent `history`: the whole series, not the latest value
    schema_version: int = 1
    origin: str = ""  # file:/prim#name, for errors
    part: str = ""  # what its prim looked like when it was saved, see model.likeness; "" = not known

    @property
    def where(self) -> str:
        """The binding's name in messages: `/Plant/Tank#level`."""
        return f"{self.prim}#{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ColourMap:
    """A named colour map, declared once in project.toml, shown with a legend.

    linear: stops at positions 0…1 of the binding's range. steps: the colour of the last stop ≤ position.
    states: position is the state's number.
    """

    name: str
    kind: str  # linear | steps | states
    stops: tuple[tuple[float, str], ...]  # (position, #rrggbb), ascending
    unit: str = ""
    title: str = ""
    labels: tuple[str, ...] = ()  # for states and steps, as many as stops
    origin: str = ""
