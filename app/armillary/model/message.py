"""Requests and answers that cross processes; each is a plain record that wire.codec knows by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from armillary.model.alarm import AlarmSpec
from armillary.model.arrays import B1, F4, F8, I8, U1, U4
from armillary.model.binding import Binding, ColourMap
from armillary.model.command import Template
from armillary.model.frame import Frame, RunState, WorldKind
from armillary.model.link import BrowseItem, Quarantined
from armillary.model.sample import SampleBatch
from armillary.model.scene import SceneProblem
from armillary.model.tags import TagSpec
from armillary.model.twin import Relationship, TwinInstance

PROTOCOL = 1  # version of the frame protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """A desk or a command joins a world."""

    actor: str
    desk: str
    protocol: int = PROTOCOL


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """All that a joiner needs: the tags in slot order and a full frame."""

    world: str
    kind: WorldKind
    run: RunState
    project: str  # folder
    name: str
    role: str
    specs: tuple[TagSpec, ...]
    twins: tuple[TwinInstance, ...]
    relationships: tuple[Relationship, ...]
    frame: Frame
    recorder: str = ""  # address; "" = none
    now_ns: int = 0
    now_mono_ns: int = 0
    alarms: tuple[AlarmSpec, ...] = ()
    about: str = ""  # of a world that is not LIVE: what it shows, for its ribbon; a trainee's brief
    user: str = ""  # who this line is: an account, or `local:<uid>`
    accounts: bool = False  # the project has local accounts
    templates: tuple[Template, ...] = ()  # commands that this world offers
    world_hash: str = ""  # of the project's files that a LIVE world was started with
    area: str = ""  # of the project's areas the one that this world does; "" = all
    areas: tuple[str, ...] = ()  # all areas of the project
    own: U4 = field(default_factory=lambda: np.zeros(0, np.uint32))  # slots of that area


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """A desk has taken the frame `seq` and wants the next; answered by a Frame when something changed."""

    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bye:
    """A desk leaves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """Carried out; there is nothing to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """End this process in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadProject:
    """Ask a LIVE world to read its project again and go on with it; refused when it has a mistake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComingBack:
    """A world says to its desks that it is silent for a moment, and greets them on this line then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Reconnect a link now; `off` switches it off, `on` on."""

    link: str
    action: str = "retry"


@dataclass(frozen=True, slots=True, kw_only=True)
class Browse:
    """List the children of an address of a link."""

    link: str
    under: str
    limit: int = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Browsed:
    """The children found."""

    items: tuple[BrowseItem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Peek:
    """Read the values of some nodes of a link anew, by address; answered by Peeked."""

    link: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Peeked:
    """Values as they are shown, by address; of those that could be read."""

    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchLink:
    """Look on for words in what a link's server has. `token` tells one search from another.

    Answered by Found after a short while; whoever asks no more has cancelled it.
    """

    link: str
    words: tuple[str, ...]
    token: str
    limit: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class AskQuarantine:
    """Ask a LIVE world for the payloads that could not be read, of one link or of all."""

    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """The newest unreadable payloads, per link in order of arrival, at most 100 of each."""

    items: tuple[Quarantined, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Enroll:
    """Ask the recorder for the store's ids of tags, made when new unless `create` is False."""

    tags: tuple[str, ...]
    units: tuple[str, ...] = ()
    create: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """The store's ids, in the order asked; 0 = unknown."""

    ids: U4


DISK_FULL = "The disk is full: history cannot be written."
"""What a recorder answers to an Append then, as the `what` of its fault."""
NOT_ENROLLED = "Samples after a refused message are not taken."
"""And to those that were under way behind it; why the first was refused is the news."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Append:
    """Samples for the historian; `batch.slot` holds store ids. Acknowledged by Stored when durable.

    `session` names the sender over reconnects and restarts of the recorder: of one session, a `seq` that is
    on disk already is acknowledged and not kept twice. "" = only this connection is known.
    """

    seq: int
    batch: SampleBatch
    session: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """Everything up to and including `seq` is on disk."""

    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AskAt:
    """Ask the recorder what was newest at a time, of each of these ids, by arrival: what a world showed.

    `since_ns`: what was known before it does not count (the world's start).
    """

    ids: U4
    t_ns: int
    since_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AskBetween:
    """Ask the recorder for the samples that arrived from ≤ t < to of these ids, about `limit` rows at most.

    Answered by Samples; where it is not whole, ask again from its `to_ns`.

    `every_ns`: of the samples of an id only the newest of each span of so long, from `from_ns` on, is needed;
    a store may leave the others out. Marks are whole.
    """

    ids: U4
    from_ns: int
    to_ns: int
    limit: int = 200_000
    every_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """Samples in the order of arrival (`model.sample.known_ns`); `batch.slot` holds store ids."""

    batch: SampleBatch
    to_ns: int = 0  # everything before this is in the batch


@dataclass(frozen=True, slots=True, kw_only=True)
class AskSpan:
    """Ask the recorder for all samples measured from ≤ t < to of these ids, what came late included.

    Answered by Samples in the order of source time; where it is not whole, ask again from its `to_ns`.
    """

    ids: U4
    from_ns: int
    to_ns: int
    limit: int = 200_000  # about; a moment is never parted


@dataclass(frozen=True, slots=True, kw_only=True)
class Erase:
    """Remove what is recorded of a person or asset before a time; two persons ask. Answered by Erased."""

    asset: str  # a subject of personal tags, or the id of a twin
    before_ns: int
    user: str  # an administrator
    password: str
    second: str  # an engineer, or another administrator
    second_password: str
    reason: str = ""

    def __repr__(self) -> str:
        return f"Erase(asset={self.asset!r}, user={self.user!r}, second={self.second!r}, …)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What an erasure removed; a search has found nothing left."""

    tags: tuple[str, ...]
    samples: int
    by: tuple[str, str]
    audit_seq: int  # of the recorder's chain


@dataclass(frozen=True, slots=True, kw_only=True)
class AskDensity:
    """Ask the recorder for what a time bar of `width` pixel columns shows; answered by Density."""

    from_ns: int
    to_ns: int
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Density:
    """The time bar's strip: column i covers `from_ns + i·(to_ns − from_ns)/width` to the next."""

    from_ns: int
    to_ns: int
    worst: U1  # (width,) the most urgent priority of an alarm that was active there, 1…5; 0 = none
    gap: B1  # (width,) nothing was recorded for a while, or not everything: a link was down
    first_ns: int = 0  # extent of the record; 0 = nothing recorded
    last_ns: int = 0
    event: U1 = field(default_factory=lambda: np.zeros(0, np.uint8))
    """(width,) the gravest event there: 1 = information, 2 = warning, 3 = error; 0 = none."""
    late: B1 = field(default_factory=lambda: np.zeros(0, np.bool_))
    """(width,) back-filled: data of this time came later, when it was over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """A document for the historian to keep beside the samples; answered by Done once it is on disk.

    `kind` says what it is ("bindings", "alarms", …), `key` which version. Equal contents are on disk once.
    """

    kind: str
    key: str
    t_ns: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AskKept:
    """Ask for the newest document of a kind at or before a time (`key`: of that key). Answered by Kept."""

    kind: str
    t_ns: int
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A document, or `found` False where there is none by then."""

    found: bool = False
    key: str = ""
    t_ns: int = 0
    data: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskKeptList:
    """Ask which documents of a kind were kept from ≤ t < to; answered by KeptList."""

    kind: str
    from_ns: int
    to_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptList:
    """Keys and times (n each) in the order of time, of equal times in the order in which they were kept."""

    keys: tuple[str, ...]
    t_ns: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackUp:
    """Have the recorder write a backup of its history to a folder (absolute); answered by BackedUp."""

    folder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BackedUp:
    """A backup is whole and on disk."""

    samples: int
    bytes: int
    copied: int  # bytes that were not there from an earlier backup


@dataclass(frozen=True, slots=True, kw_only=True)
class PutBack:
    """Have the recorder put a backup in the place of its history; answered by ThereAgain.

    Whoever appends is told to enrol again: tags may have other ids.
    """

    folder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ThereAgain:
    """A backup is in place; what was there before is in the folder `aside`."""

    aside: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeIn:
    """Have the recorder take a whole past into its history in one step; answered by Done.

    For the folder of a running demonstration alone. batch: the past's marks, by ids of the recorder.
    """

    folder: str  # below the project's private folder, written by `history.bulk`
    batch: SampleBatch


@dataclass(frozen=True, slots=True, kw_only=True)
class AskHistory:
    """What the historian holds; of a session how much of what it sent is on disk (`stored_seq`)."""

    session: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryInfo:
    """Extent of the historian."""

    tags: tuple[str, ...]
    samples: int
    bytes: int
    first_ns: int
    last_ns: int
    store: str = ""  # which kind of store, as people call it
    lacks: tuple[str, ...] = ()  # what it does not keep, a sentence each
    stored_seq: int = -1  # of the session that was asked for: its last message on disk, -1 for none


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenScene:
    """Ask the scene child to check, load and cache a scene."""

    entry: str  # absolute path
    bindings: str = ""  # absolute path of bindings.usda; "" = none; it need not exist yet
    composed: str = ""
    roots: tuple[str, ...] = ()  # folders that asset paths may reach; the entry's own folder always
    purposes: tuple[str, ...] = ("default", "render")
    load: str = "all"  # all | none
    payloads: tuple[tuple[str, bool], ...] = ()  # (prim path, loaded): against `load`, the branch below too
    variants: tuple[tuple[str, str, str], ...] = ()  # (prim path, set, choice): live selections
    cache: str = ""  # folder for cached arrays; "" = the user's cache
    limits: Mapping[str, int] = field(default_factory=dict)
    progress: bool = False  # tell how far it is by SceneProgress, pushed before the answer
    apart: bool = False  # another process reads the binding layer, which counts as one that draws nothing


def _no_boxes() -> F4:
    return np.zeros((0, 6), np.float32)


def _no_colours() -> U1:
    return np.zeros((0, 4), np.uint8)


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneProgress:
    """How far the scene child is with the scene that it was asked for; pushed, never an answer.

    `box` and `rgba` are of n parts that became known since the one before, for a first picture: boxes in
    world metres, all finite, and what colours the parts show by themselves as far as that is known.
    """

    what: str  # checking | composing | reading | building
    done: int = 0  # parts read
    total: int = 0  # parts of the scene; composing: its layers
    box: F4 = field(default_factory=_no_boxes)  # (n, 6) xmin ymin zmin xmax ymax zmax
    rgba: U1 = field(default_factory=_no_colours)  # (n, 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteTree:
    """Ask the scene child to write what an importer read as a USD layer; answered by Json: a report."""

    tree: str  # file for wire.tree_file.read
    output: str  # absolute path
    up_axis: str = ""  # "" = as the importer says
    meters_per_unit: float = 0.0  # 0 = as the importer says
    force: bool = False  # an existing file may be replaced


@dataclass(frozen=True, slots=True, kw_only=True)
class Flatten:
    """Ask the scene child to write the open scene as one flattened layer; answered by Json: counts."""

    output: str  # absolute path
    force: bool = False  # an existing file may be replaced, never one of the scene itself
    look: str = ""  # .npz of a Look that is baked in, see scene.flatten; "" = as authored


@dataclass(frozen=True, slots=True, kw_only=True)
class PackParts:
    """Ask the scene child to write parts of the open scene as one USDZ for AR viewers; answered by Json."""

    output: str  # absolute path
    prims: tuple[str, ...]
    context: str = "parts"  # parts | near | all
    force: bool = False  # an existing file may be replaced


@dataclass(frozen=True, slots=True, kw_only=True)
class AskMatches:
    """Ask the scene child for parts by their attributes; answered by Matches."""

    attributes: tuple[tuple[str, str, str], ...]  # (name or pattern, "" | = | < | > | <= | >=, value), all
    most: int = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Matches:
    """Paths of parts, at most as many as were asked for; `more` tells that there are others."""

    paths: tuple[str, ...]
    more: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneOpened:
    """Where the arrays are and what the binding layer says."""

    arrays: str  # file for scene.cache.read
    bindings: tuple[Binding, ...]
    problems: tuple[SceneProblem, ...]  # of the binding layer; the scene's are in the arrays
    cached: bool
    seconds: Mapping[str, float] = field(default_factory=dict)  # check, open, load, write
    files: tuple[str, ...] = ()  # that the arrays were made of


@dataclass(frozen=True, slots=True, kw_only=True)
class AskAttributes:
    """Attributes of one prim of the open scene."""

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """(name, type, value as text, layer that has the strongest opinion)."""

    path: str
    type_name: str
    rows: tuple[tuple[str, str, str, str], ...]
    applied: tuple[str, ...] = ()
    payload: str = ""  # loaded | left out; "" = the prim has none


@dataclass(frozen=True, slots=True, kw_only=True)
class ChooseVariants:
    """Open the same scene with these live selections and payloads; answered by SceneOpened.

    `composed`, `roots`: what the project has of them by now; "" and () leave them as they were.
    """

    variants: tuple[tuple[str, str, str], ...] = ()
    payloads: tuple[tuple[str, bool], ...] = ()  # (prim path, loaded)
    composed: str = ""
    roots: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeLayers:
    """Make three texts of one layer one; answered by Json: `text` and `clashes`, lists of four sentences.

    Nothing is written. "" as text = it is not there.
    """

    name: str
    base: str
    ours: str
    theirs: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AddScene:
    """Work out composed.usda with another scene at a prim, or without it; answered by Json, its new text.

    Nothing is written. `asset`: its path as the layer will have it; "" takes out what was added at `prim`.
    """

    text: str  # of composed.usda now; "" = there is none
    prim: str
    asset: str = ""
    translate: tuple[float, float, float] = (0.0, 0.0, 0.0)  # units of the stage
    rotate_x: float = 0.0  # degrees
    scale: float = 1.0
    as_payload: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveBindings:
    """Write bindings into bindings.usda: replaced by (prim, name); `remove` holds (prim, name)."""

    bindings: tuple[Binding, ...]
    remove: tuple[tuple[str, str], ...] = ()
    layer: str = ""  # absolute path of another layer than the open scene's, e.g. one that is merged


@dataclass(frozen=True, slots=True, kw_only=True)
class AskOpinions:
    """Ask the scene child what a layer says itself, uncomposed; answered by Opinions. None need be open."""

    layer: str  # absolute path


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinions:
    """What a layer says: (prim, what of it, its value as text), as references, variants, attributes."""

    rows: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskBindings:
    """Ask the scene child to read the binding layer of the open scene again; answered by BindingsRead.

    `layer`: another layer instead, e.g. that of an older version; the open scene is left as it is.
    """

    layer: str = ""  # absolute path


@dataclass(frozen=True, slots=True, kw_only=True)
class BindingsRead:
    """What the binding layer says now."""

    bindings: tuple[Binding, ...]
    problems: tuple[SceneProblem, ...] = ()
    files: tuple[str, ...] = ()  # of a layer that was named: itself and those it is split into
    draws: bool = True  # it says more than bindings, or names layers that are not in `files`


@dataclass(frozen=True, slots=True, kw_only=True)
class AskInfo:
    """`armillary info`: facts of a scene in its own units."""

    entry: str
    roots: tuple[str, ...] = ()
    load: str = "all"  # all | none: payloads


@dataclass(frozen=True, slots=True, kw_only=True)
class AskCarried:
    """Ask the scene child for the bindings that a foreign layer carries in `customData`; answered by Json."""

    layer: str  # absolute path


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteTwin:
    """Ask the scene child for a root layer with bindings over a scene, for other tools; answered by Done."""

    entry: str  # absolute paths
    above: tuple[str, ...]  # layers over it, strongest first
    output: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Json:
    """An answer that goes to a person or a file as it is."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckBindings:
    """Lint the binding layer of a scene: B-codes.

    `arrays`: against the scene of that file, nothing is composed; what cannot be judged so is `unjudged`.
    `given`: only these, against the scene that is open, and not one against the other.
    """

    entry: str
    bindings: str
    roots: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    colormaps: tuple[ColourMap, ...] = ()
    arrays: str = ""
    given: tuple[Binding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Problems:
    """What a check found."""

    problems: tuple[SceneProblem, ...]
    unjudged: tuple[int, ...] = ()  # places of bindings for which the scene must be open


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrays:
    """Named arrays, for tests and benches of the wire."""

    f8: F8
    i8: I8
