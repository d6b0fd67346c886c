import pytest

from armillary.model.expression_units import check, derived
from armillary.model.fault import ProjectFault
from armillary.model.units import product

UNITS = {
    "P-101.power": "kW",
    "P-101.flow": "m³/h",
    "T-101.temp": "°C",
    "T-102.temp": "K",
    "T-101.level": "m",
    "count": "",
}


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("P-101.power / P-101.flow", "kWh/m³"),
        ("T-101.level ** 2", "m²"),
        ("sqrt(T-101.level * T-101.level)", "m"),
        ("integral(P-101.power)", "kW·s"),
        ("rate(T-101.level, 60)", "m/s"),
        ("mean(P-101.power, 60)", "kW"),
        ("where(P-101.power > 3, P-101.power, 0)", "kW"),
        ("max(T-101.level, 3)", "m"),
        ("T-101.temp - T-101.temp", "°C"),
        ("P-101.power > 4", ""),
        ("hours_run(P-101.power > 4)", "h"),
        ("1 / T-101.level", "1/m"),
    ],
)
def test_the_unit_of_an_expression_follows_from_what_it_reads(text: str, unit: str) -> None:
    assert derived(text, UNITS).unit == unit


def test_what_cannot_be_added_is_told_in_words() -> None:
    found = derived("P-101.power + P-101.flow", UNITS)
    assert found.wrong
    assert found.notes == ("kW and m³/h cannot be added.",)
    assert derived("T-101.temp > T-102.temp", UNITS).wrong


def test_a_tag_without_a_unit_and_a_factor_make_the_unit_unknown_not_wrong() -> None:
    for text in ("count * 2", "P-101.flow * 3.6", "count + P-101.power"):
        found = derived(text, UNITS)
        assert found.unit is None, text
        assert not found.wrong, text
        assert found.notes, text


def test_a_wanted_unit_is_checked_against_the_derived_one() -> None:
    text = "P-101.power / P-101.flow"
    assert check(text, UNITS, "kWh/m³")[1] == ""
    assert check(text, UNITS, "kWh/m3")[1] == ""
    assert check(text, UNITS, "")[1] == ""
    assert check(text, UNITS, "°C")[1] == "The expression gives kWh/m³, which is no °C."
    assert check(text, UNITS, "Wh/m³")[1] == "The expression gives kWh/m³: 1 kWh/m³ is 1000 Wh/m³."
    assert "plain number" in check("P-101.power > 4", UNITS, "kW")[1]


def test_an_unknown_tag_is_refused() -> None:
    with pytest.raises(ProjectFault, match=r"P-101\.powr"):
        derived("P-101.powr / 2", UNITS)


def test_products_are_spelled_as_plants_write_them() -> None:
    assert product((("kW", 1.0), ("h", 1.0))) == "kWh"
    assert product((("m", 1.0), ("s", -2.0))) == "m/s²"
    assert product((("m", 1.0), ("m", -1.0))) == ""
    with pytest.raises(ProjectFault, match="furlongz"):
        product((("furlongz", 1.0),))
