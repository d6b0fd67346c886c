"""Foreign descriptions as twins: what is taken, what is left and told."""

from __future__ import annotations

import re
import sys
import zipfile
from pathlib import Path

import pytest

from armillary.model.fault import ProjectFault
from armillary.twin import import_aas, import_adt, import_ngsi, import_wot
from armillary.twin.import_aas_files import environment
from armillary.twin.imports import Imported, short


def twin(made: Imported, name: str) -> dict[str, object]:
    return dict(next(one for one in made.twins if one["id"] == name))


def left(made: Imported) -> set[tuple[str, str]]:
    return {(one.kind, one.name) for one in made.left}


PUMP = {
    "@context": "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context.jsonld",
    "id": "urn:ngsi-ld:Pump:P-101",
    "type": ["Pump", "Asset"],
    "name": {"type": "LanguageProperty", "languageMap": {"en": "Feed pump", "nb": "Matepumpe"}},
    "flow": {
        "type": "Property",
        "value": 12.5,
        "unitCode": "MQH",
        "observedAt": "2026-01-01T00:00:00Z",
        "accuracy": {"type": "Property", "value": 0.5},
    },
    "power": {"type": "Property", "value": 7.5, "unitCode": "KWT"},
    "address": {"type": "Property", "value": {"street": "Sea road", "no": 4}},
    "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [10.7, 59.9]}},
    "feeds": {"type": "Relationship", "object": "urn:ngsi-ld:Tank:T-1"},
    "near": {"type": "Relationship", "object": "urn:ngsi-ld:Tank:gone"},
    "marks": {"type": "Property", "value": [1, 2]},
}
TANK = {
    "id": "urn:ngsi-ld:Tank:T-1",
    "type": "Tank",
    "height": 4.4,
    "level": {"value": 2.0, "observedAt": "2026-01-01T00:00:00Z"},
    "partOf": {"object": "urn:ngsi-ld:Site:S"},
}


def test_ngsi_entities_become_twins_normalised_and_concise() -> None:
    made = import_ngsi.imported([PUMP, TANK], {"urn:ngsi-ld:Site:S": "Site"}.get)
    pump, tank = twin(made, "P-101"), twin(made, "T-1")
    assert pump["model"] == "Pump"
    assert pump["title"] == "Feed pump"
    assert pump["tags"] == {"flow": {"imported": "urn:ngsi-ld:Pump:P-101.flow", "unit": "m³/h"}}
    assert pump["properties"] == {
        "name": "Feed pump",
        "flow.accuracy": 0.5,
        "power": 7.5,
        "power.unit": "kW",
        "address.street": "Sea road",
        "address.no": 4,
        "location.longitude": 10.7,
        "location.latitude": 59.9,
    }
    assert tank["properties"] == {"height": 4.4}
    assert list(made.relationships) == [
        {"from": "P-101", "name": "feeds", "to": "T-1"},
        {"from": "T-1", "name": "partOf", "to": "Site"},
    ]
    gone = "urn:ngsi-ld:Pump:P-101"
    assert left(made) == {
        ("type", f"{gone} Asset"),
        ("context", f"{gone}.@context"),
        ("language", f"{gone}.name@nb"),
        ("property", f"{gone}.marks"),
        ("relationship", f"{gone} near urn:ngsi-ld:Tank:gone"),
    }


THING = {
    "@context": "https://www.w3.org/2022/wot/td/v1.1",
    "id": "urn:dev:pump",
    "title": "Pump 1",
    "base": "mqtt://broker.example:1883/",
    "securityDefinitions": {"nosec": {"scheme": "nosec"}},
    "properties": {
        "speed": {
            "type": "number",
            "unit": "rpm",
            "minimum": 0,
            "maximum": 3000,
            "forms": [{"href": "plant/p1/speed", "op": "readproperty"}, {"href": "https://x.example/speed"}],
        },
        "state": {
            "type": "integer",
            "readOnly": True,
            "oneOf": [{"const": 0, "title": "off"}, {"const": 1, "title": "on"}],
            "forms": [{"href": "mqtt://broker.example:1883", "mqv:topic": "plant/p1/state"}],
        },
        "motor": {
            "type": "object",
            "readOnly": True,
            "forms": [{"href": "plant/p1/motor"}],
            "properties": {"current": {"type": "number", "unit": "ampere"}, "hot": {"type": "boolean"}},
        },
        "node": {
            "type": "number",
            "readOnly": True,
            "forms": [{"href": "opc.tcp://plc:4840/?id=nsu=urn:x;s=Flow"}],
        },
        "web": {"type": "number", "forms": [{"href": "http://x.example/web"}]},
    },
    "actions": {"start": {"forms": []}},
    "events": {"hot": {}},
    "links": [{"rel": "controlledBy", "href": "urn:dev:plc"}],
}


def test_things_become_twins_whose_forms_are_addresses() -> None:
    made = import_wot.imported(THING, {"urn:dev:plc": "PLC"}.get)
    pump = twin(made, "Pump_1")
    broker, plc = "{mqtt://broker.example:1883}!", "{opc.tcp://plc:4840}!"
    assert pump["tags"] == {
        "speed": {
            "unit": "rpm",
            "range": [0, 3000],
            "writable": True,
            "write_range": [0, 3000],
            "address": f"{broker}plant/p1/speed#",
        },
        "state": {"states": {"0": "off", "1": "on"}, "kind": "enum", "address": f"{broker}plant/p1/state#"},
        "motor.current": {"unit": "A", "address": f"{broker}plant/p1/motor#$.current"},
        "motor.hot": {"kind": "bool", "address": f"{broker}plant/p1/motor#$.hot"},
        "node": {"address": f"{plc}nsu=urn:x;s=Flow"},
        "web": {"imported": "urn:dev:pump.web"},
    }
    assert [(one.url, one.kind) for one in made.sources] == [
        ("mqtt://broker.example:1883", "mqtt"),
        ("opc.tcp://plc:4840", "opcua"),
    ]
    assert list(made.relationships) == [{"from": "Pump_1", "name": "controlledBy", "to": "PLC"}]
    assert left(made) == {
        ("statement", "urn:dev:pump.securityDefinitions"),
        ("form", "urn:dev:pump.speed https://x.example/speed"),
        ("address", "urn:dev:pump.web"),
        ("action", "urn:dev:pump.start"),
        ("event", "urn:dev:pump.hot"),
    }


def test_dtdl_instances_keep_their_model_components_and_interfaces() -> None:
    graph = {
        "digitalTwinsFileInfo": {"fileVersion": "1.0.0"},
        "digitalTwinsGraph": {
            "digitalTwins": [
                {
                    "$dtId": "T-1",
                    "$etag": "x",
                    "$metadata": {"$model": "dtmi:x:Tank;1", "level": {}},
                    "level": 2.0,
                    "inlet": {"$metadata": {"$model": "dtmi:x:Inlet;1"}, "open": True},
                },
                {"$dtId": "T-2", "$metadata": {"$model": "dtmi:x:Tank;1"}},
            ],
            "relationships": [
                {
                    "$sourceId": "T-1",
                    "$targetId": "T-2",
                    "$relationshipName": "feeds",
                    "$relationshipId": "r",
                    "share": 1,
                },
                {"$sourceId": "T-1"},
            ],
        },
        "digitalTwinsModels": [{"@id": "dtmi:x:Tank;1", "@type": "Interface"}],
    }
    made = import_adt.imported(graph)
    tank = twin(made, "T-1")
    assert tank["model"] == "dtmi:x:Tank;1"
    assert tank["components"] == {"inlet": {"model": "dtmi:x:Inlet;1", "properties": {"open": True}}}
    assert list(made.relationships) == [
        {"from": "T-1", "name": "feeds", "to": "T-2", "properties": {"share": 1}}
    ]
    assert [one["@id"] for one in made.interfaces] == ["dtmi:x:Tank;1"]
    assert left(made) == {
        ("metadata", "T-1.$etag"),
        ("metadata", "T-1.$metadata.level"),
        ("relationship", "number 2"),
    }


def prop(name: str, value: object, kind: str = "xs:string", **more: object) -> dict[str, object]:
    return {"modelType": "Property", "idShort": name, "valueType": kind, "value": value, **more}


def group(name: str, *elements: object, kind: str = "SubmodelElementCollection") -> dict[str, object]:
    return {"modelType": kind, "idShort": name, "value": list(elements)}


def relation(name: str, first: str, second: str) -> dict[str, object]:
    ends = {end: {"keys": [{"value": to}]} for end, to in (("first", first), ("second", second))}
    return {"modelType": "RelationshipElement", "idShort": name, **ends}


AID = {
    "modelType": "Submodel",
    "id": "urn:sm:aid",
    "idShort": "AssetInterfacesDescription",
    "submodelElements": [
        group(
            "InterfaceMQTT",
            group(
                "EndpointMetadata",
                prop("base", "mqtt://broker:1883"),
                prop("contentType", "application/json"),
            ),
            group(
                "InteractionMetadata",
                group(
                    "properties",
                    group(
                        "speed",
                        prop("type", "number"),
                        prop("unit", "rpm"),
                        prop("readOnly", "true", "xs:boolean"),
                        {
                            "modelType": "Range",
                            "idShort": "min_max",
                            "valueType": "xs:double",
                            "min": "0",
                            "max": "3000",
                        },
                        group("forms", prop("href", "plant/speed"), prop("mqv_retain", "true")),
                    ),
                ),
            ),
        )
    ],
}
SHELLS = {
    "assetAdministrationShells": [
        {
            "modelType": "AssetAdministrationShell",
            "id": "urn:aas:p1",
            "idShort": "P1",
            "assetInformation": {"assetKind": "Instance", "globalAssetId": "urn:asset:p1"},
            "submodels": [
                {"keys": [{"type": "Submodel", "value": key}]}
                for key in ("urn:sm:np", "urn:sm:aid", "urn:sm:bom", "urn:sm:gone")
            ],
        },
        {"id": "urn:aas:m1", "idShort": "M1", "assetInformation": {"globalAssetId": "urn:asset:m1"}},
    ],
    "submodels": [
        {
            "modelType": "Submodel",
            "id": "urn:sm:np",
            "idShort": "Nameplate",
            "submodelElements": [
                prop("Manufacturer", "KSB", semanticId={"keys": [{"value": "0173-1#02"}]}),
                prop("Year", "1999", "xs:int"),
                prop("Flow", "12.5", "xs:double"),
                prop("Spare", "true", "xs:boolean"),
                {
                    "modelType": "MultiLanguageProperty",
                    "idShort": "Name",
                    "value": [{"language": "de", "text": "Pumpe"}, {"language": "en", "text": "Pump"}],
                },
                group("Motor", prop("Power", "7.5", "xs:double")),
                {"modelType": "Operation", "idShort": "Start"},
                {"modelType": "Blob", "idShort": "Picture", "value": "xx"},
            ],
        },
        AID,
        {
            "modelType": "Submodel",
            "id": "urn:sm:bom",
            "idShort": "HierarchicalStructures",
            "submodelElements": [
                {
                    "modelType": "Entity",
                    "idShort": "EntryNode",
                    "globalAssetId": "urn:asset:p1",
                    "statements": [
                        {"modelType": "Entity", "idShort": "Motor", "globalAssetId": "urn:asset:m1"},
                        {"modelType": "Entity", "idShort": "Seal"},
                        {"modelType": "Entity", "idShort": "Screw"},
                        relation("HasPart", "EntryNode", "Motor"),
                        relation("HasPart", "Seal", "Screw"),
                        relation("SameAs", "Seal", "Screw"),
                    ],
                }
            ],
        },
    ],
}


def test_shells_become_twins_with_submodels_as_components_and_addresses_from_interfaces() -> None:
    made = import_aas.imported(SHELLS)
    pump = twin(made, "P1")
    assert pump["properties"] == {"assetKind": "Instance", "globalAssetId": "urn:asset:p1"}
    assert pump["components"] == {
        "Nameplate": {
            "properties": {"Manufacturer": "KSB", "Year": 1999, "Flow": 12.5, "Spare": True, "Name": "Pump"},
            "components": {"Motor": {"properties": {"Power": 7.5}}},
        }
    }
    assert pump["tags"] == {
        "speed": {"unit": "rpm", "range": [0.0, 3000.0], "address": "{mqtt://broker:1883}!plant/speed#"}
    }
    edges = {(edge["from"], edge["name"], edge["to"]) for edge in made.relationships}
    assert edges == {
        ("M1", "partOf", "P1"),
        ("Seal", "partOf", "P1"),
        ("Screw", "partOf", "P1"),
        ("Screw", "partOf", "Seal"),
    }
    kinds = {kind for kind, _ in left(made)}
    assert {
        "RelationshipElement",
        "Operation",
        "Blob",
        "semantic id",
        "language",
        "submodel",
        "endpoint",
    } <= kinds


def test_a_package_is_read_as_its_json_is(tmp_path: Path) -> None:
    aas = pytest.importorskip("basyx.aas")
    from basyx.aas import model
    from basyx.aas.adapter import aasx

    assert aas
    store_of = getattr(model, "DictIdentifiableStore", None) or model.DictObjectStore
    submodel = model.Submodel("urn:sm:np", id_short="Nameplate")
    submodel.submodel_element.add(model.Property("Power", model.datatypes.Double, 7.5))
    shell = model.AssetAdministrationShell(
        model.AssetInformation(global_asset_id="urn:asset:p1"),
        "urn:aas:p1",
        id_short="P1",
        submodel={model.ModelReference.from_referable(submodel)},
    )
    file = tmp_path / "p1.aasx"
    with aasx.AASXWriter(str(file)) as writer:
        store = store_of([shell, submodel])
        writer.write_aas("urn:aas:p1", store, aasx.DictSupplementaryFileContainer())
    document, unread = environment(file)
    assert unread == ()
    made = import_aas.imported(document)
    assert twin(made, "P1")["components"] == {"Nameplate": {"properties": {"Power": 7.5}}}
    # as most are published: of metamodel 3.0, with a picture that nobody packed
    old = tmp_path / "old.aasx"
    picture = "<aas:file><aas:idShort>Pic</aas:idShort><aas:value>/aasx/files/gone.png</aas:value>"
    picture += "<aas:contentType>image/png</aas:contentType></aas:file></aas:submodelElements>"
    with zipfile.ZipFile(file) as package, zipfile.ZipFile(old, "w") as out:
        for part in package.infolist():
            data = package.read(part)
            if part.filename.endswith(".xml"):
                data = re.sub(rb"admin-shell.io/aas/3/\d", b"admin-shell.io/aas/3/0", data)
                data = data.replace(b"</aas:submodelElements>", picture.encode())
            out.writestr(part, data)
    again = import_aas.imported(environment(old)[0])
    assert twin(again, "P1")["components"]["Nameplate"]["properties"]["Power"] == 7.5


def test_a_typed_value_of_json_ld_is_its_value() -> None:
    started = {"type": "Property", "value": {"@type": "DateTime", "@value": "2024-01-01T00:00:00Z"}}
    made = import_ngsi.imported({"id": "urn:ngsi-ld:Device:d1", "type": "Device", "started": started})
    assert twin(made, "d1")["properties"] == {"started": "2024-01-01T00:00:00Z"}


@pytest.mark.parametrize("name", ["x.aasx", "x.xml"])
@pytest.mark.parametrize(
    "content", [b"", b"no", b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>']
)
def test_a_damaged_package_is_refused_in_words(tmp_path: Path, name: str, content: bytes) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(ProjectFault):
        environment(file)


@pytest.mark.parametrize(
    "read", [import_aas.imported, import_adt.imported, import_ngsi.imported, import_wot.imported]
)
@pytest.mark.parametrize("document", [{}, [], None, 3, "x", [{}], {"id": 3, "type": []}])
def test_what_is_no_such_document_is_refused_in_words(read: object, document: object) -> None:
    with pytest.raises(ProjectFault):
        read(document)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("foreign", "name"),
    [
        ("urn:ngsi-ld:Pump:P-1", "P-1"),
        ("https://x.example/ids/p#1", "1"),
        ("a b", "a_b"),
        ("", "unnamed"),
    ],
)
def test_short_names_of_foreign_ids(foreign: str, name: str) -> None:
    assert short(foreign) == name


def test_two_foreign_ids_with_one_short_name_stay_two_twins() -> None:
    made = import_ngsi.imported([{"id": "urn:a:X", "type": "A"}, {"id": "urn:b:X", "type": "B"}])
    assert [one["id"] for one in made.twins] == ["X", "X-2"]


def test_without_the_extra_a_package_is_refused_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "x.xml"
    file.write_text("<environment/>", "utf-8")
    monkeypatch.setitem(sys.modules, "basyx.aas", None)
    with pytest.raises(ProjectFault) as caught:
        environment(file)
    assert "armillary[aas]" in caught.value.remedy
