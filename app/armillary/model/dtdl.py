"""A DTDL model as plain records: interfaces with all their contents, schemas, and verdicts on documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Text = Mapping[str, str]
"""A text by language tag ("en", "nb-NO"); a plain string of a document stands under "en"."""


def plain(text: Text, language: str = "en") -> str:
    """Return the text in `language`, else in English, else in whatever there is, else ""."""
    return text.get(language) or text.get("en") or next(iter(text.values()), "")


class ContentKind(StrEnum):
    """What an interface can contain."""

    TELEMETRY = "Telemetry"
    PROPERTY = "Property"
    COMMAND = "Command"
    RELATIONSHIP = "Relationship"
    COMPONENT = "Component"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """What a value may be.

    `kind` is the name of a primitive or geospatial schema ("double", "point") or one of "Array", "Enum",
    "Map", "Object"; "scaledDecimal" is an Object with the fields of the language. `again` is true where the
    schema of this `id` is met inside itself (v4 allows that): look it up in `Model.schemas`.
    """

    kind: str
    id: str = ""
    title: Text = field(default_factory=dict)
    element: Schema | None = None  # of an Array
    value_schema: str = ""  # of an Enum: "integer" or "string"
    values: tuple[EnumValue, ...] = ()  # of an Enum
    key: MapKey | None = None  # of a Map
    value: MapValue | None = None  # of a Map
    fields: tuple[Field, ...] = ()  # of an Object
    again: bool = False

    @property
    def is_complex(self) -> bool:
        """True for Array, Enum, Map and Object."""
        return self.kind in {"Array", "Enum", "Map", "Object"}


@dataclass(frozen=True, slots=True, kw_only=True)
class EnumValue:
    """One value of an Enum; `number` is what is sent."""

    name: str
    number: int | str
    title: Text = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MapKey:
    """The name of a map's keys; they are strings."""

    name: str
    title: Text = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MapValue:
    """The name and the schema of a map's values."""

    name: str
    schema: Schema
    title: Text = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of an Object; `required` by the requirement extension."""

    name: str
    schema: Schema
    title: Text = field(default_factory=dict)
    required: bool = False
    semantic: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What all contents have. `origin` is the interface that declares it (an ancestor when inherited).

    `cotypes` are the short names of all co-types ("Historized", "Temperature"); `extras` are the values of
    properties that an extension adds ("annotates", "overrides", "ttl", …) by their names.
    """

    name: str
    origin: str
    id: str = ""
    title: Text = field(default_factory=dict)
    description: Text = field(default_factory=dict)
    comment: str = ""
    cotypes: tuple[str, ...] = ()
    extras: Mapping[str, object] = field(default_factory=dict)

    @property
    def kind(self) -> ContentKind:
        """What it is; the name of the record."""
        return ContentKind(type(self).__name__)

    @property
    def is_historized(self) -> bool:
        """True where the model asks that its values be recorded."""
        return "Historized" in self.cotypes

    @property
    def annotates(self) -> str:
        """The sibling of which this is the quality or accuracy, "" for none."""
        return str(self.extras.get("annotates", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Telemetry(Content):
    """A signal. `semantic` is the quantity ("Temperature"), `unit` its unit ("degreeCelsius"), or ""."""

    schema: Schema
    semantic: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Property(Content):
    """A state with a last value; a writable one is a desired and a reported value."""

    schema: Schema
    semantic: str = ""
    unit: str = ""
    writable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """The request or the response of a command."""

    name: str
    schema: Schema
    title: Text = field(default_factory=dict)
    nullable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Command(Content):
    """An action."""

    request: Payload | None = None
    response: Payload | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Relationship(Content):
    """A named edge; `target` is the interface it must lead to, "" for any; `most` 0 for any number."""

    target: str = ""
    least: int = 0
    most: int = 0
    writable: bool = False
    properties: tuple[Property, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Component(Content):
    """A part with an interface of its own (`schema` is that interface's id)."""

    schema: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """A type of twins. `contents` holds all that it has, inherited included, by name."""

    id: str
    language: int  # the DTDL version it is written in: 2, 3, 4
    title: Text = field(default_factory=dict)
    description: Text = field(default_factory=dict)
    comment: str = ""
    extends: tuple[str, ...] = ()  # direct parents, as declared
    lineage: tuple[str, ...] = ()  # itself first, then all ancestors, each once, by order of declaration
    contents: Mapping[str, Content] = field(default_factory=dict)
    schemas: Mapping[str, Schema] = field(default_factory=dict)  # its own named schemas, by id
    cotypes: tuple[str, ...] = ()
    extras: Mapping[str, object] = field(default_factory=dict)
    where: str = ""  # the file it was read from, "" when unknown
    line: int = 0  # of that file, from 1; 0 when unknown

    @property
    def telemetries(self) -> Iterator[Telemetry]:
        """The signals, inherited included."""
        return (c for c in self.contents.values() if isinstance(c, Telemetry))

    @property
    def properties(self) -> Iterator[Property]:
        """The properties, inherited included."""
        return (c for c in self.contents.values() if isinstance(c, Property))

    @property
    def commands(self) -> Iterator[Command]:
        """The commands, inherited included."""
        return (c for c in self.contents.values() if isinstance(c, Command))

    @property
    def relationships(self) -> Iterator[Relationship]:
        """The relationships, inherited included."""
        return (c for c in self.contents.values() if isinstance(c, Relationship))

    @property
    def components(self) -> Iterator[Component]:
        """The components, inherited included."""
        return (c for c in self.contents.values() if isinstance(c, Component))

    @property
    def version(self) -> str:
        """The version in its id ("1", "1.2"), "" when it has none."""
        return self.id.partition(";")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """All interfaces of one set of documents, by id."""

    interfaces: Mapping[str, Interface] = field(default_factory=dict)
    schemas: Mapping[str, Schema] = field(default_factory=dict)  # every schema that has an id of its own

    def is_a(self, kind: str, ancestor: str) -> bool:
        """Return whether interface `kind` is `ancestor` or inherits from it; False for an unknown one."""
        found = self.interfaces.get(kind)
        return found is not None and ancestor in found.lineage

    def kinds_of(self, ancestor: str) -> tuple[str, ...]:
        """Return the interfaces that are `ancestor` or inherit from it, by id."""
        return tuple(sorted(i for i, found in self.interfaces.items() if ancestor in found.lineage))


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing to know about a document. `rule` is the id of the rule ("invalidId", "unresolved").

    `rule` is the last part of the official parser's ValidationID where that has one. `pointer` is a JSON
    pointer into `where`; `line` counts from 1 and is 0 when unknown. Findings of severity "warning" leave a
    document valid.
    """

    rule: str
    message: str
    pointer: str = ""
    line: int = 0
    hint: str = ""
    where: str = ""  # the file
    severity: str = "error"
    primary: str = ""  # the DTMI it is about, "" when it has none
    member: str = ""  # the property of it, "" when it is about the whole

    @property
    def place(self) -> str:
        """File, line and pointer in one line, as a person reads it."""
        line = f":{self.line}" if self.line else ""
        return f"{self.where}{line} {self.pointer}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of one path: a document, or all documents of a folder taken as one model.

    `complete` is False when ids were found nowhere: `valid` then says only that nothing wrong was seen.
    """

    path: str
    valid: bool
    complete: bool
    findings: tuple[Finding, ...] = ()
    unresolved: tuple[str, ...] = ()
    model: Model | None = None
