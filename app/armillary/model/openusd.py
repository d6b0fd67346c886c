"""Records of the draft «OPC UA – OpenUSD Bindings» (0.2, NodeSet 0.3.0), as plain data (formats: card 2).

What a server offers, or a file says, stands here as it was said; what it becomes with us is
`encoding.openusd_in`, what ours becomes there `encoding.openusd_out`. Texts of a server are untrusted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

NAMESPACE = "http://opcfoundation.org/UA/OpenUSD/"
OURS = "urn:armillary:openusd"  # of the property `ArmillaryExtra`, which the draft has no place for
EXTRA = "ArmillaryExtra"
VALUE_ATTRIBUTE = 13

# An enumeration's name stands at its number.
RENDER_KINDS = (
    "Translation",
    "Rotation",
    "Scale",
    "Transform",
    "Visibility",
    "DisplayColor",
    "EmissiveColor",
    "Opacity",
    "Custom",
    "Georeference",
)
BAD_ACTIONS = ("Skip", "HoldLast", "ClearOpinion", "Fallback")
STATES = ("Disabled", "Unresolved", "Ready", "Active", "Degraded", "Error")
ROLES = ("Observable", "Controllable")
ASPECTS = ("ActiveState", "Severity", "AckedState", "EnabledState")
DIGESTS = ("None", "Sha256", "Sha384", "Sha512")
CARDINALITIES = ("One", "Many")
ARCS = ("Child", "Reference", "Payload", "Instance")
ASSET_KINDS = ("RootLayer", "SubLayer", "Reference", "Payload", "Texture", "Package")
INTENT_TYPES = {  # intent → (number of the type, its name)
    "value": (1007, "OpenUsdValueChangeBindingType"),
    "alarm": (1008, "OpenUsdAlarmBindingType"),
    "history": (1009, "OpenUsdHistoryBindingType"),
    "command": (1011, "OpenUsdCommandBindingType"),
}

Path = tuple[tuple[str, str], ...]  # browse path: (namespace URI, name) a step


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """One live binding as the draft has it. Numbers of enumerations are None where nothing was said."""

    name: str
    id: str = ""  # BindingDefinitionId, a GUID
    intent: str = "value"  # by the type: a key of INTENT_TYPES
    enabled: bool = True
    role: int | None = None
    source_node: str = ""  # `nsu=<uri>;s=…`
    source_path: Path = ()  # relative to the represented object
    semantic_id: str = ""
    attribute: int | None = None
    target_stage: str = ""
    target_prim: str = ""  # absolute, or relative to the representation's prim; "" = that prim itself
    target_property: str = ""
    target_type: str = ""
    target_node: str = ""  # NodeSet 0.3.0: of a scene in the server
    render_kind: int | None = None
    semantics: str = ""
    scale: float | None = None
    offset: float | None = None
    source_unit: str = ""  # pint
    target_unit: str = ""
    bad_action: int | None = None
    sampling_ms: float | None = None
    aspect: int | None = None
    time_sampled: bool | None = None
    command_node: str = ""
    command_method: str = ""
    command_trigger: str = ""
    extra: str = ""  # ArmillaryExtra, JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """An object that a component binding found: its node, name and, where it has one, its representation."""

    node: str
    name: str
    represented: str = ""  # node of its representation


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One component binding: parts of an object become prims."""

    name: str
    id: str = ""
    enabled: bool = True
    many: bool = False
    arc: int = 0
    reference_type: str = ""  # "" = HasComponent
    path: Path = ()
    type_definition: str = ""
    target_prim: str = ""
    name_source: str = ""
    asset: str = ""  # `@pump.usda@</Pump>`
    asset_node: str = ""
    representation: str = ""
    dynamic: bool = False
    event_source: str = ""
    server_uri: str = ""
    endpoint: str = ""
    parts: tuple[Part, ...] = ()  # found at the server
    reason: str = ""  # why there are none


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """What a server says of the variable that a binding reads."""

    node: str  # address
    name: str
    kind: str = "number"  # number | bool | enum | text | array
    unit: str = ""
    low: float = math.nan
    high: float = math.nan
    states: tuple[tuple[float, str], ...] = ()
    writable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """Where a binding's source was found, or why it was not."""

    binding: str  # name of the binding, within its representation
    nodes: tuple[tuple[str, str], ...] = ()  # (part, address); one with part "" for a single value
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Represented:
    """An object and its prim, with what is bound below it."""

    name: str  # browse name of the object
    prim: str  # PrimPath, absolute
    node: str = ""  # of the representation
    owner: str = ""  # of the object
    owner_path: Path = ()  # from Objects, where it is known
    stage: str = ""
    live: tuple[Live, ...] = ()
    components: tuple[Component, ...] = ()
    resolved: tuple[Resolved, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A stage that a server tells of."""

    name: str
    node: str = ""
    root_layer: str = ""
    digest: str = ""  # hex
    algorithm: int = 0
    resolved_uri: str = ""
    provenance: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A file that a server delivers; `file` is where it lies once it has come, relative to the scene."""

    identifier: str
    kind: int = 0
    media_type: str = ""
    digest: str = ""  # hex
    algorithm: int = 0
    size: int = 0
    node: str = ""
    file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What of an offer cannot be used: where and why, in one sentence each."""

    where: str
    what: str
    code: str = ""  # a name of ours: unsafe-path, digest, …


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """The good values of a history binding, oldest first."""

    where: str  # name of the represented object
    binding: str
    t_ns: tuple[int, ...]
    value: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneOffer:
    """All that a server or file says: stages, what it represents, files that came, what was found."""

    url: str = ""
    server_uri: str = ""
    name: str = ""
    stages: tuple[Stage, ...] = ()
    represented: tuple[Represented, ...] = ()
    assets: tuple[Asset, ...] = ()
    signals: tuple[Signal, ...] = ()
    pasts: tuple[Past, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    has_conditions: bool = False


def enum_name(names: Sequence[str], number: int | None) -> str:
    """Return the name of an enumeration's number, "" where it has none."""
    return names[number] if number is not None and 0 <= number < len(names) else ""


def enum_number(names: Sequence[str], said: object) -> int | None:
    """Return the number of an enumeration's name or number, None where it is neither."""
    if isinstance(said, str) and said in names:
        return names.index(said)
    if isinstance(said, int) and not isinstance(said, bool) and 0 <= said < len(names):
        return said
    return None
