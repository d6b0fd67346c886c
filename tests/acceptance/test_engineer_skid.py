"""An engineer takes in the dosing skid anew, after operations.md 9.2: steps 2, 3, 5, 6, 9, 13 to 16.

The skid is the demonstration's own, on its real broker: its twin, its bindings and its alarms are taken out
of the project first, so scene and server know of it and the project does not.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from desk import Place, Wire, armillary, place
from PySide6.QtCore import QModelIndex, QPointF, Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from pytestqt.qtbot import QtBot
from tests.plugins.opcua.certified import certificate
from tests.plugins.opcua.secured import NAMESPACE, SecureServer

from armillary.cli.plant import RunningPlant
from armillary.model.clock import WallClock
from armillary.model.link import LinkState
from armillary.model.quality import BAD, GOOD
from armillary.project import folder as projects
from armillary.project import published
from armillary.session import publishing
from armillary.session.workspace import WorldState
from armillary.ui.add_sheet import AddSheet
from armillary.ui.browse_model import NAME
from armillary.ui.derived_sheet import DerivedSheet
from armillary.ui.template_sheet import TemplateSheet
from armillary.ui.version_sheet import VersionSheet

pytestmark = [pytest.mark.system, pytest.mark.scale]
SECURE_LINK = "dosing2-ua"
SKID, LINK = "/Station/PumpHall/DS_201", "skid-mqtt"
CABINET = """#usda 1.0
(
    defaultPrim = "Cabinet"
    metersPerUnit = 0.001
    upAxis = "Y"
)
def Xform "Cabinet"
{
    def Cube "Housing"
    {
        double size = 1200
        color3f[] primvars:displayColor = [(0.1, 0.2, 0.5)]
    }
}
"""


def without_the_skid(project: Path) -> None:
    """Take out all that the project says of the dosing skid, and keep what is left as version 1.4.0."""
    twins = project / "twins.json"
    document = json.loads(twins.read_text("utf-8"))
    document["twins"] = [twin for twin in document["twins"] if twin["id"] != "DS-201"]
    document["relationships"] = [
        each for each in document["relationships"] if "DS-201" not in (each["from"], each["to"])
    ]
    twins.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")
    rules = project / "rules.toml"
    blocks = rules.read_text("utf-8").split("\n[[")
    rules.write_text("\n[[".join(block for block in blocks if "DS-201" not in block), "utf-8")
    layer = project / "bindings.usda"
    from pxr import Sdf

    held = Sdf.Layer.FindOrOpen(str(layer))
    hall = held.GetPrimAtPath("/Station/PumpHall")
    del hall.nameChildren["DS_201"]
    layer.write_text(held.ExportToString(), "utf-8")
    (project.parent / "cabinet.usda").write_text(CABINET)
    publishing.begin(projects.read(project), WallClock(), "as it comes")


@pytest.fixture
def shift(own_places: Path, qtbot: QtBot, tmp_path: Path) -> Iterator[tuple[Place, RunningPlant, Wire]]:
    with place(qtbot, tmp_path, without_the_skid) as made:
        made[0].until_live()
        yield made


def test_an_engineer_takes_in_a_skid(shift: tuple[Place, RunningPlant, Wire]) -> None:
    ravi, plant, wire = shift
    project = plant.project
    scene = hashlib.sha256((project / "scene.usda").read_bytes()).hexdigest()
    wire.mark()
    ravi.log_in("ravi")
    ravi.do("layout.author")
    adds_a_cabinet(ravi, project)
    binds_the_branch(ravi, project)
    derives_a_tag(ravi, project)
    tries_a_template(ravi, project, wire)
    publishes(ravi, project)
    assert hashlib.sha256((project / "scene.usda").read_bytes()).hexdigest() == scene, "never written"
    assert wire.orders == [], "nothing reached the plant"


# ---------------------------------------------------------------- step 2


def adds_a_cabinet(ravi: Place, project: Path) -> None:
    at = ravi.at
    sheet = AddSheet(at, project.parent / "cabinet.usda", "/Station/PumpHall", ravi.window.say, ravi.window)
    sheet.show()
    ravi.until(lambda: sheet.looked is not None, 20, "the cabinet was looked at")
    assert "0 problems" in sheet.facts.text()
    sheet.where.setText("2, -6, 0.6")
    ravi.picture("02-preflight")
    ravi.click(sheet.go)
    housing = "/Station/PumpHall/Cabinet/Housing"
    ravi.until(lambda: at.prim_named(housing) is not None, 30, "it is in the tree")
    assert ravi.has_its_colour(ravi.look_at(housing)), "and in the picture"
    ravi.picture("02-added")


# ---------------------------------------------------------------- steps 5 and 6


def level(ravi: Place, *names: str) -> QModelIndex:
    panel, index = ravi.window.browse, QModelIndex()
    for name in names:
        found: list[QModelIndex] = []

        def there(index: QModelIndex = index, name: str = name, found: list[QModelIndex] = found) -> bool:
            rows = [panel.shown.index(row, NAME, index) for row in range(panel.shown.rowCount(index))]
            found[:] = [row for row in rows if row.data() == name]
            return bool(found)

        ravi.until(there, 20, f"{name} is listed")
        index = found[0]
        panel.view.expand(index)
    return index


def binds_the_branch(ravi: Place, project: Path) -> None:
    at, window = ravi.at, ravi.window
    before = {name: (project / name).read_bytes() for name in ("twins.json", "bindings.usda", "rules.toml")}
    window.show_panel("browse")
    skid = level(ravi, LINK, "skid", "DS-201")
    level(ravi, LINK, "skid", "DS-201", "status")
    ravi.picture("05-topics")
    data = window.browse.model.mimeData([window.browse.shown.mapToSource(skid)])
    tree, prim = window.tree, ravi.prim(SKID)
    at.select((prim,))
    tree.view.scrollTo(tree.model.index_of(prim))
    line = tree.view.visualRect(tree.model.index_of(prim)).center()
    none, left = Qt.KeyboardModifier.NoModifier, Qt.MouseButton.LeftButton
    enter = QDragEnterEvent(line, Qt.DropAction.CopyAction, data, left, none)
    tree.view.dragEnterEvent(enter)
    assert enter.isAccepted()
    tree.view.dropEvent(QDropEvent(QPointF(line), Qt.DropAction.CopyAction, data, left, none))
    ravi.until(lambda: window.branching.sheet is not None and bool(at.branch.rows), 30, "it is proposed")
    sheet = window.branching.sheet
    assert sheet is not None
    ravi.until(lambda: at.branch.chosen() != (), 30, "some lines are taken")
    rows = {row.name: row for row in at.branch.rows}
    ravi.picture("05-proposed")
    assert {name.partition(".")[0] for name in rows} == {"DS-201"}, (
        "a thing of its own, though the hall has a twin"
    )
    speeds = {name: row.prim for name, row in rows.items() if name.endswith("speed")}
    assert len(speeds) == 2, rows.keys()
    assert {name[-7]: path.partition("P_201")[2][:1] for name, path in speeds.items()} == {"a": "A", "b": "B"}
    assert {name: (project / name).read_bytes() for name in before} == before, "nothing is applied yet"
    sheet.grab().save(str(ravi.pictures / "05-sheet.png"))
    taken = len(at.branch.chosen())
    ravi.click(sheet.accept_lines)
    ravi.until(lambda: window.branching.sheet is None, 30, "it is accepted")
    changed = {name for name in before if (project / name).read_bytes() != before[name]}
    assert changed == {"twins.json", "bindings.usda"}
    ravi.until(window.changed.isVisible, 20, "the project changed")
    ravi.click(window.changed.load)
    new = [spec.name for spec in projects.read(project).specs if spec.link == LINK]
    assert len(new) == taken
    ravi.until(lambda: {s.name for s in at.specs} >= set(new), 30, "the world has the tags")
    ravi.until(lambda: at.world_state is WorldState.LIVE, 30, "live")
    ravi.until(lambda: all(ravi.rank(name) == GOOD for name in new), 30, "all are live and good")
    at.select((prim,))
    window.frame((prim,))
    ravi.until(lambda: "Twin DS-201" in ravi.texts(window.inspector), 20, "the part is that twin's")
    ravi.picture("06-live")


# ---------------------------------------------------------------- step 9


def derives_a_tag(ravi: Place, project: Path) -> None:
    ravi.do("edit.derived")
    [sheet] = ravi.window.findChildren(DerivedSheet)
    flow, power = "FT-102.flow", "P-101A.power"
    known = {spec.name for spec in ravi.at.specs}
    assert {flow, power} <= known, sorted(name for name in known if "power" in name or "flow" in name)
    sheet.fields["name"].setText("P-101A.specific_energy")
    sheet.fields["expression"].setText(f"{power} / {flow}")
    ravi.until(lambda: bool(sheet.unit_words.text()), 20, "the unit is derived")
    assert "kWh/m" in sheet.unit_words.text(), sheet.unit_words.text()
    ravi.click(sheet.take_unit)
    ravi.picture("09-derived")
    ravi.click(sheet.save)
    [spec] = [s for s in projects.read(project).specs if s.name == "P-101A.specific_energy"]
    assert spec.expression
    sheet.reject()


# ---------------------------------------------------------------- steps 14 and 15


def tries_a_template(ravi: Place, project: Path, wire: Wire) -> None:
    ravi.do("edit.templates")
    [sheet] = ravi.window.findChildren(TemplateSheet)
    ravi.until(lambda: sheet.choice.count() > 1, 20, "the templates are listed")
    sheet.choice.setCurrentText("speed_p101a")
    ravi.until(lambda: sheet.judged.template is not None, 20, "the template is read")
    sheet.values.setText("2500, 1200")
    ravi.click(sheet.test_fire)
    ravi.until(lambda: sheet.fired is not None, 60, "it was tried on the simulator")
    sheet.grab().save(str(ravi.pictures / "14-fired.png"))
    lines = sheet.tried.text().splitlines()
    assert all(line.startswith("simulator: ") for line in lines)
    assert "outside" in lines[0], lines
    assert "VERIFIED" in lines[1].upper(), lines
    sheet.reject()
    assert wire.orders == []


# ---------------------------------------------------------------- step 16


def publishes(ravi: Place, project: Path) -> None:
    at = ravi.at
    head = project / "project.toml"
    head.write_text(head.read_text("utf-8") + "\n[publish]\npersons = 2\n", "utf-8")
    ravi.until(lambda: at.disk.differs, 20, "the change is seen")
    at.learn_project(projects.read(project))
    ravi.do("project.versions")
    [sheet] = ravi.window.findChildren(VersionSheet)
    book = at.version_book
    ravi.until(lambda: book.against == "1.4.0" and bool(book.changes), 60, "it is compared")
    words = book.summary
    for part in ("bindings", "twin", "derived tag", "scene layer", "setting"):
        assert part in words, words
    ravi.picture("16-differs")
    form = sheet.form
    form.note.setText("dosing skid")
    ravi.type(form.user, "ravi")
    ravi.type(form.password, ravi.password)
    ravi.click(form.go)
    ravi.until(lambda: book.fault is not None, 30, "alone is not enough")
    assert "second person" in book.fault.what if book.fault is not None else False
    ravi.type(form.password, ravi.password)
    ravi.type(form.second, "anna")
    ravi.type(form.second_password, ravi.password)
    ravi.click(form.go)
    ravi.until(lambda: book.disk is not None and book.disk.version == "1.5.0", 60, "it is published")
    [*_, record] = published.published(project)
    assert record.by == ("ravi", "anna")
    ravi.picture("16-published")
    sheet.reject()
    ravi.until(lambda: "New version 1.5.0" in ravi.window.changed.text.text(), 20, "desks are told")
    ravi.click(ravi.window.changed.load)
    ravi.until(lambda: not at.disk.differs and at.world_state is WorldState.LIVE, 60, "the world runs it")
    assert {"DS-201.status.flow", "P-101A.specific_energy"} <= {spec.name for spec in at.specs}
    assert "version 1.5.0, unchanged" in ravi.texts(ravi.window.bars.topbar)
    goes_back(ravi, project)


def goes_back(ravi: Place, project: Path) -> None:
    """The version before is there in one step, and so is what was there."""
    ravi.do("project.versions")
    sheet = ravi.window.findChildren(VersionSheet)[-1]
    book = ravi.at.version_book
    ravi.until(lambda: book.disk is not None and len(book.kept) > 1, 30, "the versions are listed")
    rows = [sheet.kept.topLevelItem(i) for i in range(sheet.kept.topLevelItemCount())]
    sheet.kept.setCurrentItem(next(row for row in rows if row is not None and row.text(0) == "1.4.0"))
    ravi.until(lambda: book.against == "1.4.0" and not book.busy, 60, "it is compared")
    ravi.type(sheet.form.password, ravi.password)
    ravi.click(sheet.restore)
    ravi.until(lambda: book.disk is not None and book.disk.version == "1.4.0", 60, "it is on disk")
    assert not any(spec.name.startswith("DS-201.") for spec in projects.read(project).specs)
    assert any(record.version.startswith("before-1.4.0") for record in published.kept(project))
    ravi.picture("16-restored")
    sheet.reject()


# ---------------------------------------------------------------- steps 3 and 13


def test_a_link_to_an_unknown_server_and_a_renamed_node(
    own_places: Path, qtbot: QtBot, tmp_path: Path
) -> None:
    server = SecureServer()
    server.start(certificate("Dosing skid 2"))
    tag = "DOS-2.level"

    def with_the_link(project: Path) -> None:
        twins = project / "twins.json"
        document = json.loads(twins.read_text("utf-8"))
        level = {"address": f"{SECURE_LINK}!nsu={NAMESPACE};s=Level", "unit": "m", "range": [0, 5]}
        document["twins"].append({"id": "DOS-2", "tags": {"level": level}})
        twins.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")
        head = project / "project.toml"
        source = f'[[source]]\nname = "{SECURE_LINK}"\nkind = "opcua"\nurl = "{server.url}"\n'
        security = 'security = "Basic256Sha256:SignAndEncrypt"\n'
        head.write_text(f"{head.read_text('utf-8')}\n{source}{security}", "utf-8")

    try:
        with place(qtbot, tmp_path, with_the_link) as (ravi, plant, _wire):
            ravi.until_live()
            trusts_a_server(ravi, tag)
            takes_a_moved_node(ravi, server, plant.project, tag)
    finally:
        server.stop()


def trusts_a_server(ravi: Place, tag: str) -> None:
    at, panel = ravi.at, ravi.window.links

    def state() -> LinkState:
        return next(link.state for link in at.links if link.name == SECURE_LINK)

    ravi.log_in("ravi")
    ravi.window.show_panel("links")
    ravi.until(lambda: state() is LinkState.REFUSED, 30, "nobody knows the server")
    card = panel.cards[SECURE_LINK]
    ravi.until(card.trust.isVisible, 20, "the card asks about its certificate")
    ravi.until(lambda: "Dosing skid 2" in ravi.texts(card.trust), 20, "it is named")
    assert "2025-01-01 to 2125-01-01" in ravi.texts(card.trust)
    assert not card.trust.accept.isVisible(), "an engineer can only propose"
    card.trust.why.setText("compared at the cabinet")
    ravi.click(card.trust.propose)
    ravi.until(lambda: "ravi proposes" in card.trust.proposal.text(), 20, "it is proposed")
    assert state() is LinkState.REFUSED
    ravi.picture("03-refused")
    ravi.log_in("admin")
    ravi.until(card.trust.accept.isVisible, 20, "an admin may accept")
    assert "compared at the cabinet" in ravi.texts(card.trust)
    ravi.picture("03-proposed")
    ravi.click(card.trust.accept)
    ravi.until(lambda: state() is LinkState.UP, 20, "the link comes up")
    ravi.until(lambda: ravi.rank(tag) == GOOD and ravi.value(tag) == 1.5, 20, "its value is there")
    ravi.until(card.padlock.isVisible, 20, "the padlock is drawn")
    assert card.padlock.accessibleName().startswith("Closed padlock: Basic256Sha256")
    assert not card.trust.isVisible()
    ravi.picture("03-up")
    status, said = armillary(
        "audit", "show", str(at.project.folder) if at.project is not None else "", "--json"
    )
    assert status == 0, said
    assert said.index("trust.propose") < said.index("trust.accept")


def takes_a_moved_node(ravi: Place, server: SecureServer, project: Path, tag: str) -> None:
    ravi.log_in("ravi")
    nodes = project / ".armillary" / "nodes.json"
    ravi.window.show_panel("drift")
    ravi.click(ravi.window.drift.again)
    ravi.until(lambda: nodes.exists() and tag in nodes.read_text("utf-8"), 90, "the browse path is known")
    before = (project / "twins.json").read_bytes()
    server.move("NewLevel")
    card = ravi.window.drift_card
    ravi.until(lambda: "Node moved: use the new id?" in card.text.text(), 30, "the new id is offered")
    if ravi.at.people.user != "ravi":
        ravi.log_in("ravi")
    assert ravi.rank(tag) == BAD & 0xFF
    assert f"nsu={NAMESPACE};s=NewLevel" in card.text.text()
    assert (project / "twins.json").read_bytes() == before, "never silently"
    ravi.picture("13-moved")
    ravi.click(card.accept)
    ravi.until(lambda: (project / "twins.json").read_bytes() != before, 10, "it is written")
    ravi.until(ravi.window.changed.isVisible, 20, "the project changed")
    ravi.click(ravi.window.changed.load)
    ravi.until(lambda: ravi.rank(tag) == GOOD and ravi.value(tag) == 2.5, 60, "it comes again")
    ravi.do("edit.undo")
    ravi.until(lambda: (project / "twins.json").read_bytes() == before, 10, "it can be undone")
