"""The table of all bindings: filter, order, live values; also with a hundred thousand of them."""

import numpy as np

from armillary.model.binding import Binding
from armillary.session.binding_rows import DISABLED, NOW, PART, PROBLEMS, SELECTED, TAG, BindingRows

MANY = tuple(
    Binding(
        name="temp",
        prim=f"/Plant/P{i:03d}/Motor",
        signal=f"P-{99 - i:02d}.temp",
        colormap="heat",
        enabled=i % 10 != 0,
        origin=f"bindings.usda:/Plant/P{i:03d}/Motor#temp",
    )
    for i in range(100)
)


def rows(bindings: tuple[Binding, ...] = MANY) -> BindingRows:
    out = BindingRows()
    slots = {b.where: i for i, b in enumerate(bindings)}
    out.take(bindings, slots, lambda _slot: "°C", {MANY[3].origin: "There is no tag."})
    return out


def test_words_of_the_search_are_looked_for_in_all_columns() -> None:
    table = rows()
    table.query = "p007 temp heat"
    table.arrange()
    assert [table.text(r, PART) for r in range(len(table))] == ["/Plant/P007/Motor"]
    assert table.words == "1 of 100 bindings"


def test_columns_sort_both_ways() -> None:
    table = rows()
    table.column = TAG
    table.arrange()
    assert table.text(0, TAG) == "P-00.temp"
    table.descending = True
    table.arrange()
    assert table.text(0, TAG) == "P-99.temp"


def test_live_values_sort_as_numbers_and_unknown_ones_last() -> None:
    table = rows(MANY[:3])
    table.column, table.descending = NOW, True
    table.arrange(value=np.array([9.0, 10.0, np.nan]))
    assert table.shown.tolist() == [1, 0, 2]


def test_problems_switched_off_and_selected_parts_can_be_chosen() -> None:
    table = rows()
    table.choice = PROBLEMS
    table.arrange()
    assert table.shown.tolist() == [3]
    table.choice = DISABLED
    table.arrange()
    assert len(table) == 10
    table.choice = SELECTED
    table.arrange(selected=("/Plant/P001", "/Plant/P002/Motor"))
    assert table.shown.tolist() == [1, 2]


def test_chosen_rows_are_bindings_in_their_order() -> None:
    table = rows()
    assert [b.prim for b in table.chosen((2, 0))] == ["/Plant/P000/Motor", "/Plant/P002/Motor"]
    assert table.row_of("/Plant/P005/Motor#temp") == 5
    assert table.row_of("/Nowhere#temp") == -1


def test_a_hundred_thousand_bindings_are_one_table() -> None:
    many = tuple(Binding(name="t", prim=f"/P/{i}", signal=f"T-{i}") for i in range(100_000))
    table = rows(many)
    table.query = "t-99999"
    table.arrange()
    assert len(table) == 1
