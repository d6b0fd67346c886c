from pxr import Usd, UsdGeom

from armillary.model import binding
from armillary.model.places import data
from armillary.scene import schema


def test_the_shipped_schema_is_the_one_that_the_table_says() -> None:
    assert (data("assets/usd") / "generatedSchema.usda").read_text() == schema.schema_text()


def test_every_field_reads_back_its_default_from_the_registered_schema() -> None:
    stage = Usd.Stage.CreateInMemory()
    prim = UsdGeom.Cube.Define(stage, "/Tank").GetPrim()
    assert prim.CanApplyAPI(schema.API, "level")
    prim.ApplyAPI(schema.API, "level")
    for name, field in schema.FIELDS.items():
        if field.type == "rel":
            assert prim.GetRelationship(f"twin:level:{name}").IsDefined(), name
            continue
        attribute = prim.GetAttribute(f"twin:level:{name}")
        assert str(attribute.GetTypeName()) == field.type, name
        value = attribute.Get()
        assert (tuple(value) if isinstance(field.default, tuple) else value) == field.default, name
        assert not attribute.HasAuthoredValue(), name


def test_the_defaults_of_a_binding_record_are_those_of_the_schema() -> None:
    record = binding.Binding(name="level", prim="/Tank")
    assert record.channel == schema.FIELDS["channel"].default
    assert record.map.clamp == schema.FIELDS["clamp"].default
    assert record.ends == schema.FIELDS["range"].default
    assert (record.on_bad, record.on_stale) == ("skip", "mark")


def test_an_instance_may_not_be_named_like_a_field() -> None:
    stage = Usd.Stage.CreateInMemory()
    prim = UsdGeom.Cube.Define(stage, "/Tank").GetPrim()
    assert not prim.CanApplyAPI(schema.API, "signal")
