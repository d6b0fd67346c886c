"""One test for each conformance unit of OPC UA – OpenUSD Bindings, against a server with its own scene.

The list of units and what they mean is docs/reference/openusd-units.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pxr import Usd
from tests.plugins.opcua.plant import Host, PlantServer, context, free_port, link, plan, until

from armillary.api import LinkRefused, OfferLimits, OffersScene, WallClock, Write, openusd
from armillary.encoding import openusd_composed, openusd_json, openusd_nodeset, openusd_samples
from armillary.encoding.compile import compiled
from armillary.encoding.openusd_in import Taken, taken
from armillary.encoding.openusd_state import states
from armillary.encoding.resolve import Options, resolve
from armillary.model.binding import Binding
from armillary.model.fault import OrderFault
from armillary.model.look import Look
from armillary.model.quality import BAD, GOOD, NEVER, STALE, UNCERTAIN
from armillary.model.scene import SceneArrays
from armillary.model.tags import TagSpec, TagTable
from armillary_bench.synthetic import scene_of
from armillary_plugins.opcua import openusd_history
from armillary_plugins.opcua.openusd_files import delivered, safe_name
from armillary_plugins.opcua.session import open_session
from armillary_plugins.opcua.settings import read_settings
from armillary_plugins.opcua.sink import OpcUaSink
from armillary_plugins.opcua.source import OpcUaSource
from armillary_plugins.openusd_plant import scenes

SCRIPT = Path(__file__).with_name("openusd_server.py")
LIMITS = OfferLimits()
NODE = "nsu=urn:armillary:openusd-skid;s="
PRIMS = ("/Skid", "/Skid/P101", "/Skid/P101/Body", "/Skid/P101/Impeller", "/Skid/Arm", "/Skid/Lamp")
PARENTS = [-1, 0, 1, 1, 0, 0]
_, P101, BODY, _, ARM, LAMP = range(len(PRIMS))


def source(server: PlantServer, folder: Path) -> OpcUaSource:
    return OpcUaSource(context(link(server.url), folder))


def fetch(server: PlantServer, folder: Path) -> openusd.SceneOffer:
    return asyncio.run(source(server, folder).fetch(folder, LIMITS))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("offer")


@pytest.fixture(scope="module")
def offer(skid: PlantServer, folder: Path) -> openusd.SceneOffer:
    return fetch(skid, folder)


@pytest.fixture(scope="module")
def understood(offer: openusd.SceneOffer) -> Taken:
    return taken(offer, "plc")


def bound(understood: Taken, name: str) -> Binding:
    return next(b for b in understood.bindings if b.name == name)


def live(offer: openusd.SceneOffer, name: str) -> openusd.Live:
    return next(one for r in offer.represented for one in r.live if one.name == name)


def specs(understood: Taken) -> list[TagSpec]:
    return [
        TagSpec(slot=i, name=t.name, kind=t.kind, unit=t.unit, link="plc", address=t.address)  # type: ignore[arg-type]
        for i, t in enumerate(understood.tags)
    ]


def arrays() -> SceneArrays:
    return scene_of(PRIMS, PARENTS, drawable=[False, False, True, True, True, True])


def look(understood: Taken, name: str, value: float, quality: int = GOOD, **others: float) -> Look:
    """Return what one binding shows when its tag has a value; other tags by their last word."""
    tags = specs(understood)
    table = TagTable(len(tags))
    table.quality[:] = GOOD
    table.value[:] = 0.0
    binding = bound(understood, name)
    for spec in tags:
        if spec.name == binding.signal:
            table.value[spec.slot], table.quality[spec.slot] = value, quality
        word = spec.name.rpartition("_")[2]
        if word in others:
            table.value[spec.slot] = others[word]
    scene = arrays()
    program, problems = compiled([binding], scene, tags)
    assert not problems
    return resolve(program, table, Options())


# ---------------------------------------------------------------- representation server


def test_namespace_a_server_without_it_is_told_to_have_no_scene(
    shared_server: PlantServer, tmp_path: Path
) -> None:
    with pytest.raises(LinkRefused, match="no scene of its own"):
        fetch(shared_server, tmp_path)


def test_discovery_the_root_under_server_leads_to_stages_and_representations(
    skid: PlantServer, offer: openusd.SceneOffer, folder: Path
) -> None:
    assert isinstance(source(skid, folder), OffersScene)
    assert offer.stages
    assert offer.represented
    assert offer.server_uri == "urn:armillary:openusd-skid:server"


def test_stage_its_root_layer_is_named(offer: openusd.SceneOffer) -> None:
    assert [stage.root_layer for stage in offer.stages] == [scenes.ROOT]


def test_representation_has_an_absolute_prim_and_a_stage_that_is_there(offer: openusd.SceneOffer) -> None:
    nodes = {stage.node for stage in offer.stages}
    assert all(r.prim.startswith("/Skid") for r in offer.represented)
    assert {r.stage for r in offer.represented} == nodes


def test_registry_each_representation_is_of_the_object_that_has_it_not_of_the_registry(
    offer: openusd.SceneOffer,
) -> None:
    assert {r.name for r in offer.represented} >= {"P101", "Tank", "Arm", "Line", "LP1", "LP2"}
    assert all(r.owner.startswith(NODE) for r in offer.represented)


# ---------------------------------------------------------------- live rendering


def test_binding_has_source_target_and_id_and_an_ambiguous_one_leaves_the_rest_alone(
    offer: openusd.SceneOffer, understood: Taken
) -> None:
    binding = bound(understood, "TemperatureColor")
    assert (binding.prim, binding.signal) == ("/Skid/P101/Body", "P101.Temperature")
    assert binding.id == "00000000-0000-4000-8000-000000000001"
    told = {note.where: note.what for note in understood.notes}
    assert "Bad_TooManyMatches" in told["P101.Ambiguous"]
    assert not bound(understood, "Tombstone").enabled
    assert live(offer, "Spin").source_path == (("urn:armillary:openusd-skid", "Speed"),)


def test_conversion_of_a_scalar_is_units_then_scale_then_offset(understood: Taken) -> None:
    """90° · 2 + 10 = 190°."""
    shown = look(understood, "Turn", math.pi / 2)
    row = shown.moved.tolist().index(P101)
    turned = math.degrees(math.atan2(shown.matrix[row][1, 0], shown.matrix[row][0, 0]))
    assert turned % 360 == pytest.approx(190.0)
    assert bound(understood, "Spin").channel == "spin"  # a speed that drives an angle is integrated


def test_conversion_of_a_frame_takes_its_angles_in_radians_and_its_place_in_metres(understood: Taken) -> None:
    shown = look(understood, "Pose", 0.0, X=1.0, Y=2.0, Z=3.0, C=math.pi / 2)
    row = shown.moved.tolist().index(ARM)
    assert shown.matrix[row][:3, 3] == pytest.approx([1.0, 2.0, 3.0])
    assert (shown.matrix[row][:3, :3] @ [1.0, 0, 0]) == pytest.approx([0.0, 1.0, 0.0], abs=1e-9)


def test_quality_a_bad_value_clears_the_opinion_as_asked_and_is_drawn_as_bad(understood: Taken) -> None:
    rest = arrays().rgba[BODY].tolist()
    good = look(understood, "TemperatureColor", 90.0)
    assert good.rgba[BODY].tolist() != rest
    bad = look(understood, "TemperatureColor", math.nan, BAD)
    assert bad.rgba[BODY].tolist() == rest
    ranks = [
        int(look(understood, "TemperatureColor", 90.0, q).state[BODY]) & 0xF for q in (UNCERTAIN, STALE, BAD)
    ]
    assert ranks == [UNCERTAIN, STALE, BAD]


def test_diagnostics_each_state_has_a_reason(understood: Taken) -> None:
    tags = specs(understood)
    table = TagTable(len(tags))
    binding, tombstone = bound(understood, "TemperatureColor"), bound(understood, "Tombstone")
    lost = replace(binding, signal="nowhere")
    slot = next(spec.slot for spec in tags if spec.name == binding.signal)
    seen = []
    for quality in (NEVER, GOOD, UNCERTAIN, STALE, BAD):
        table.quality[slot] = quality
        seen.append(states([binding], tags, table)[0].name)
    assert seen == ["Ready", "Active", "Degraded", "Degraded", "Error"]
    assert [s.name for s in states([tombstone, lost], tags, table)] == ["Disabled", "Unresolved"]
    assert "nowhere" in states([lost], tags, table)[0].last_error


def test_semantic_source_is_found_by_its_dictionary_entry(understood: Taken) -> None:
    assert bound(understood, "FlowGlow").signal == "P101.Flow"


def test_history_is_read_page_by_page_and_becomes_time_samples(
    skid: PlantServer, tmp_path: Path, understood: Taken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openusd_history, "PAGE", 7)
    found = asyncio.run(source(skid, tmp_path).fetch(tmp_path, replace(LIMITS, history_s=600.0)))
    (past,) = found.pasts
    assert len(past.value) >= 20  # three pages
    assert list(past.t_ns) == sorted(past.t_ns)
    cut = asyncio.run(source(skid, tmp_path).fetch(tmp_path, replace(LIMITS, history_s=600.0, history=5)))
    assert len(cut.pasts[0].value) == 5
    assert "history" in {t.code for t in cut.troubles}
    binding = bound(understood, "FlowGlow")
    text, troubles = openusd_samples.text_of([binding], specs(understood), {binding.where: past}, rate=30.0)
    assert not troubles
    (tmp_path / "history.usda").write_text(text)
    stage = Usd.Stage.Open(str(tmp_path / "history.usda"))
    samples = stage.GetPrimAtPath(binding.prim).GetAttribute("primvars:displayColor").GetTimeSamples()
    assert len(samples) == len(set(past.t_ns))
    assert samples[-1] == pytest.approx((past.t_ns[-1] - past.t_ns[0]) / 1e9 * 30.0, rel=1e-6)
    assert stage.GetTimeCodesPerSecond() == 30.0


# ---------------------------------------------------------------- interactive


def test_alarm_the_state_of_a_condition_drives_its_target(
    skid: PlantServer, tmp_path: Path, understood: Taken
) -> None:
    tag = next(t for t in understood.tags if t.name == bound(understood, "AlarmLamp").signal)
    assert tag.address == f"{NODE}P101.HighTemperature.ActiveState.Id"

    async def watched() -> None:
        host, spec = Host(), link(skid.url)
        task = asyncio.create_task(source(skid, tmp_path).run(plan(spec, tag.address), host))
        try:
            await until(lambda: host.value.get(0) == 0.0, 60.0)
            await asyncio.to_thread(skid.tell, write=["P101.HighTemperature.ActiveState.Id", True, 0])
            await until(lambda: host.value.get(0) == 1.0, 60.0)
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            await asyncio.to_thread(skid.tell, write=["P101.HighTemperature.ActiveState.Id", False, 0])

    asyncio.run(watched())
    assert not look(understood, "AlarmLamp", 0.0).visible[LAMP]
    assert look(understood, "AlarmLamp", 1.0).visible[LAMP]


def test_command_goes_by_the_gates_sink_only_and_comes_off(
    skid: PlantServer, tmp_path: Path, understood: Taken
) -> None:
    binding = bound(understood, "SetpointCommand")
    assert (binding.intent, binding.role) == ("command", "controllable")
    target = binding.command.partition("!")[2]
    program, problems = compiled([binding], arrays(), specs(understood))
    assert (len(program.paint), problems) == (0, ())
    assert any(note.where == "P101.SetpointCommand" and "off" in note.what for note in understood.notes)
    clock = WallClock()

    async def sent(key: str) -> None:
        sink = OpcUaSink(context(link(skid.url), tmp_path))
        write = Write(
            id="1",
            link="plc",
            kind="number",
            address=target,
            value=42.0,
            key=key,
            not_after_ns=clock.now_ns() + 30 * 10**9,
        )
        try:
            await sink.execute(write)
        finally:
            await sink.close()

    with pytest.raises(OrderFault, match="did not come from the gate"):
        asyncio.run(sent(""))
    asyncio.run(sent("a key of the gate"))
    assert skid.tell(read="P101.Setpoint") == 42.0


# ---------------------------------------------------------------- scene


async def _again(skid: PlantServer, to: Path, offer: openusd.SceneOffer, digest: str) -> Any:
    at = context(link(skid.url), to)
    session = await open_session(read_settings(at.link), at, "test")
    try:
        return await delivered(session, replace(offer.stages[0], digest=digest), offer.assets, to, LIMITS)
    finally:
        await session.close()


def test_integrity_a_root_layer_of_another_digest_is_refused_with_its_scene(
    skid: PlantServer, tmp_path: Path, offer: openusd.SceneOffer
) -> None:
    kept, troubles = asyncio.run(_again(skid, tmp_path, offer, "00" * 32))
    assert kept == ()
    assert [t.code for t in troubles] == ["integrity"]
    assert not list(tmp_path.rglob("*.usda"))


def test_asset_delivery_brings_the_root_and_its_part_verified_and_they_compose(
    folder: Path, offer: openusd.SceneOffer
) -> None:
    assert {a.file: (folder / a.file).read_bytes() for a in offer.assets} == {
        name: data for name, (_, data) in scenes.FILES.items()
    }
    stage = Usd.Stage.Open(str(folder / scenes.ROOT))
    assert stage.GetPrimAtPath("/Skid/P101/Impeller").IsDefined()


def test_composition_puts_one_and_many_by_their_arcs_into_composed_usda(
    folder: Path, offer: openusd.SceneOffer
) -> None:
    parts, troubles = openusd_composed.placed(offer)
    assert [(p.prim, p.arc) for p in parts] == [
        ("/Skid/Line/LP1", "Instance"),
        ("/Skid/Line/LP2", "Instance"),
    ]
    assert not troubles
    free = openusd_composed.text_of(parts)
    tied = openusd_composed.text_of(parts, ["/Skid/Line/LP1/Body"])
    assert (free.count("instanceable"), tied.count("instanceable")) == (2, 1)
    (folder / "composed.usda").write_text(tied)
    stage = Usd.Stage.Open(str(folder / scenes.ROOT))
    stage.GetSessionLayer().subLayerPaths.append(str(folder / "composed.usda"))
    assert stage.GetPrimAtPath("/Skid/Line/LP1/Body").IsDefined()
    assert stage.GetPrimAtPath("/Skid/Line/LP2").IsInstance()


def test_dynamic_composition_follows_the_events_of_the_model(skid: PlantServer, tmp_path: Path) -> None:
    async def followed() -> list[list[str]]:
        seen: list[list[str]] = []
        changes = source(skid, tmp_path).changes()
        assert await anext(changes) == "connected"
        for order in ({"add": "LP3"}, {"remove": "LP3"}):
            await asyncio.to_thread(lambda order=order: skid.tell(**order))
            async with asyncio.timeout(60):
                assert await anext(changes) == "changed"
            offer = await source(skid, tmp_path).fetch(tmp_path, LIMITS)
            parts, _ = openusd_composed.placed(offer)
            seen.append([p.prim.rpartition("/")[2] for p in parts])
        await changes.aclose()  # type: ignore[attr-defined]  # a generator
        return seen

    assert asyncio.run(followed()) == [["LP1", "LP2", "LP3"], ["LP1", "LP2"]]


def test_cross_server_composition_is_told_as_not_done(offer: openusd.SceneOffer) -> None:
    far = openusd.Component(
        name="Far", server_uri="urn:other", reason="it lives on another server, which is not followed"
    )
    owner = replace(offer.represented[0], components=(far,))
    parts, troubles = openusd_composed.placed(replace(offer, represented=(owner,)))
    assert parts == ()
    assert "another server" in troubles[0].what


# ---------------------------------------------------------------- what a server may try


@pytest.mark.parametrize(
    "name",
    [
        *("../a.usda", "a/../../b.usda", "/a.usda", "C:/a.usda", "\\\\host\\a.usda", "a//b.usda", ""),
        *("a" * 500 + ".usda", "NUL.usda", "a/.ssh/x.usda", "a\0.usda", "x.sh", "http://h/a.usda"),
        *("a /b.usda", "./../a.usda"),
    ],
)
def test_a_name_that_leaves_the_folder_or_is_no_scenes_is_refused(name: str) -> None:
    assert safe_name(name)[0] == ""


def test_too_many_and_too_big_files_are_refused_by_what_they_say_and_by_what_comes(
    skid: PlantServer, tmp_path: Path
) -> None:
    few = replace(LIMITS, assets=1)
    small = replace(LIMITS, asset_bytes=100)
    for limits, code in ((few, "too-many"), (small, "too-big")):
        found = asyncio.run(source(skid, tmp_path).fetch(tmp_path, limits))
        assert code in {t.code for t in found.troubles}


def test_an_offer_is_the_same_as_json_and_its_bindings_as_a_nodeset(offer: openusd.SceneOffer) -> None:
    assert openusd_json.read(openusd_json.text_of(offer), "here") == offer
    again = openusd_nodeset.read(openusd_nodeset.text_of(offer, "urn:x"), "here")
    assert {(r.name, one.name, one.id) for r in again.represented for one in r.live} == {
        (r.name, one.name, one.id) for r in offer.represented for one in r.live
    }


def test_hostile_files_rings_and_paths_are_left_out_and_the_scene_stays(
    skid: PlantServer, tmp_path: Path
) -> None:
    skid.tell(hostile=True)  # from here on the server stays so
    found = fetch(skid, tmp_path)
    assert {a.file for a in found.assets} == set(scenes.FILES)
    codes = [t.code for t in found.troubles]
    assert codes.count("unsafe-path") == 8
    assert codes.count("digest") == 1
    assert codes.count("twice") == 1
    assert sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.*")) == sorted(scenes.FILES)
    result = taken(found, "plc")
    assert all(b.name != "Escape" for b in result.bindings)
    parts, troubles = openusd_composed.placed(found)
    assert "passwd" not in openusd_composed.text_of(parts)
    assert any("was not delivered" in t.what for t in troubles)


@pytest.mark.scale
@pytest.mark.skipif(not os.environ.get("OPENUSD_NODESET"), reason="OPENUSD_NODESET names the official file")
def test_the_official_types_give_the_same_offer(offer: openusd.SceneOffer, tmp_path: Path) -> None:
    server = PlantServer(free_port(), SCRIPT)
    server.start(shift="--official")  # type: ignore[arg-type]  # an argument of this script
    try:
        found = fetch(server, tmp_path)
    finally:
        server.kill()
    ours = {(r.name, r.prim, one.name, one.id) for r in offer.represented for one in r.live}
    theirs = {(r.name, r.prim, one.name, one.id) for r in found.represented for one in r.live}
    assert theirs == ours
    assert [a.file for a in found.assets] == [a.file for a in offer.assets]
    assert taken(found, "plc").bindings == taken(offer, "plc").bindings
