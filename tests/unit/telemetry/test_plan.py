from __future__ import annotations

from armillary.model.link import LinkSpec
from armillary.model.tags import TagSpec
from armillary.telemetry.plan import plans, problems

MQTT = LinkSpec(name="site", kind="mqtt", url="", decoder="json")
OPCUA = LinkSpec(name="plc", kind="opcua", url="")


def tag(slot: int, link: str, address: str, **more: object) -> TagSpec:
    return TagSpec(slot=slot, name=f"t{slot}", link=link, address=address, **more)  # type: ignore[arg-type]


def test_a_plan_has_the_routes_of_its_links_tags_in_slot_order() -> None:
    tags = [tag(2, "site", "p/a#c", time_path="t"), tag(0, "site", "p/b"), tag(1, "plc", "nsu=u;s=X#1")]
    site, plc = plans([MQTT, OPCUA], tags)
    assert [(r.slot, r.channel, r.path, r.time_path, r.decoder) for r in site.routes] == [
        (0, "p/b", "", "", "json"),
        (2, "p/a", "c", "t", "json"),
    ]
    assert [(r.channel, r.path) for r in plc.routes] == [("nsu=u;s=X#1", "")]
    assert problems([MQTT, OPCUA], tags) == ()


def test_a_tags_own_decoder_wins_and_its_kind_and_states_go_along() -> None:
    (plan,) = plans([MQTT], [tag(0, "site", "a", decoder="raw", kind="enum", states=((1.0, "on"),))])
    assert (plan.routes[0].decoder, plan.routes[0].kind, plan.routes[0].states) == (
        "raw", "enum", ((1.0, "on"),)
    )  # fmt: skip


def test_a_path_may_hold_a_hash_and_a_channel_may_not() -> None:
    (plan,) = plans([MQTT], [tag(0, "site", "a/b#`x#y`")])
    assert (plan.routes[0].channel, plan.routes[0].path) == ("a/b", "`x#y`")


def test_derived_tags_have_no_route_and_no_problem() -> None:
    derived = tag(0, "", "", expression="a + b")
    assert plans([MQTT], [derived])[0].routes == ()
    assert problems([MQTT], [derived]) == ()


def test_a_tag_that_cannot_be_subscribed_is_named_and_the_others_work() -> None:
    tags = [
        tag(0, "gone", "a", origin="project.toml: tag t0"),
        tag(1, "site", "#c"),
        tag(2, "site", "plant/+/level#v"),
        tag(3, "site", "ok"),
    ]
    assert [r.slot for r in plans([MQTT], tags)[0].routes] == [3]
    found = problems([MQTT], tags)
    assert [f.where for f in found] == ["project.toml: tag t0", "t1", "t2"]
    assert "'gone', which the project does not have" in found[0].what
    assert "site" in found[0].remedy


def test_a_link_without_tags_has_an_empty_plan() -> None:
    assert [p.routes for p in plans([MQTT, OPCUA], [])] == [(), ()]
