from dataclasses import replace

from armillary.model.binding import Binding, FieldSpec
from armillary.model.rematch import Match
from armillary.model.twin import TwinInstance
from armillary.project import edit, folder, rebind, templates

PUMP = Binding(name="heat", prim="/A/Pump", signal="p.t", targets=("/A/Pump/Body", "/A/Lamp.inputs:on"))
FIELD = Binding(name="field", prim="/A/Wall", channel="field", field=FieldSpec(sensors=("/A/Pump",)))


def test_every_prim_that_is_named_is_asked_for_once() -> None:
    twins = [TwinInstance(id="p", prim="/A/Pump"), TwinInstance(id="bare")]
    assert rebind.referred([PUMP, FIELD], twins) == ("/A/Lamp", "/A/Pump", "/A/Pump/Body", "/A/Wall")


def test_targets_and_sensors_follow_and_parts_below_go_with_what_holds_them() -> None:
    made = rebind.rebound([PUMP, FIELD], {"/A/Pump": "/B/P1", "/A/Lamp": "/B/Lamp"})
    pump = next(b for b in made.bindings if b.name == "heat")
    assert (pump.prim, pump.targets) == ("/B/P1", ("/B/P1/Body", "/B/Lamp.inputs:on"))
    assert next(b for b in made.bindings if b.name == "field").field.sensors == ("/B/P1",)
    assert made.remove == (("/A/Pump", "heat"),)


def test_two_that_change_places_both_follow() -> None:
    a, b = Binding(name="x", prim="/A"), Binding(name="x", prim="/B")
    made = rebind.rebound([a, b], {"/A": "/B", "/B": "/A"})
    assert {m.prim for m in made.bindings} == {"/A", "/B"}
    assert made.taken == ()


def test_a_binding_does_not_overwrite_one_that_stays() -> None:
    a, b = Binding(name="x", prim="/A"), Binding(name="x", prim="/B")
    made = rebind.rebound([a, b], {"/A": "/B"})
    assert made.bindings == ()
    assert made.taken == ("/A#x",)


def test_only_what_is_sure_enough_is_moved() -> None:
    sure = Match(old="/A", new="/B", kind="renamed", confidence=0.95, why="")
    found = [
        sure,
        replace(sure, old="/C", new="/D", confidence=0.7),
        replace(sure, old="/E", new="", kind="gone"),
    ]
    assert rebind.moves(found) == {"/A": "/B"}
    assert rebind.moves(found, 0.5) == {"/A": "/B", "/C": "/D"}


def test_twins_follow_their_prims_and_nothing_else_changes() -> None:
    text = '{\n "schema": 1,\n "twins": [\n  {\n   "id": "p",\n   "prim": "/A"\n  }\n ]\n}\n'
    assert edit.with_prims(text, {"/A": "/B"}) == text.replace('"/A"', '"/B"')


def test_templates_follow_their_parts(tmp_path) -> None:
    project = folder.new(tmp_path / "p", "p")
    text = 'schema = 1  # ours\n\n[[instance]]\ntemplate = "pump"\nprim = "/A"\n'
    (project.folder / templates.TEMPLATES_FILE).write_text(text)
    made = {"/A#heat": templates.Made(template="pump", version="1", said={})}
    (project.folder / templates.MADE_FILE).write_text(templates.made_text(made))
    rebind.follow(project, {"/A": "/B"})
    assert (project.folder / templates.TEMPLATES_FILE).read_text() == text.replace('"/A"', '"/B"')
    assert list(templates.made_of((project.folder / templates.MADE_FILE).read_text())) == ["/B#heat"]
    assert rebind.edits(project, {"/Z": "/B"}) == ()
