from __future__ import annotations

from pathlib import Path

import pytest

from armillary.extend.decoders import made
from armillary.extend.registry import Plugin, Registry
from armillary.model.link import DecoderSpec


class Plain:
    def unpack(self, data: bytes) -> object:
        return data


class Settable(Plain):
    needs = ""

    def configured(self, context: object) -> Settable:
        raise KeyError("oops")


def registry(**makers: object) -> Registry:
    out = Registry()
    for name, make in makers.items():
        out.add(Plugin(kind="decoders", name=name, package="test", make=make))  # type: ignore[arg-type]
    return out


def broken() -> object:
    raise KeyError("oops")


def test_a_decoder_that_cannot_be_made_is_named_and_the_others_are_there(
    log_guard: pytest.FixtureRequest,
) -> None:
    log_guard.announced.append("could not be made")  # type: ignore[attr-defined]
    found, problems = made(registry(a=Plain, cbor=broken), [], Path())
    assert list(found) == ["a"]
    assert "'cbor' failed: KeyError" in problems[0].what


def test_one_whose_settings_break_it_is_named_with_its_place(log_guard: pytest.FixtureRequest) -> None:
    log_guard.announced.append("could not be made")  # type: ignore[attr-defined]
    spec = DecoderSpec(name="mine", kind="s", origin="project.toml:4: decoder.mine")
    found, problems = made(registry(s=Settable), [spec], Path())
    assert list(found) == ["s"]
    assert problems[0].where == "project.toml:4: decoder.mine"


@pytest.mark.parametrize("name", ["json", "a"])
def test_a_name_that_is_taken_is_refused(name: str) -> None:
    spec = DecoderSpec(name=name, kind="s", origin="project.toml:4")
    found, problems = made(registry(a=Plain, s=Settable), [spec], Path())
    assert set(found) == {"a", "s"}
    assert problems[0].what == f"The decoder name '{name}' is taken."
