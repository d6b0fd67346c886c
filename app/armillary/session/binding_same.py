"""When two bindings are one, and which a draft takes the place of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from armillary.encoding.channels import channel_key
from armillary.model.binding import Binding
from armillary.model.fault import Fault
from armillary.session.draft import Draft
from armillary.session.field_draft import FieldDraft


def in_the_way(draft: Draft | FieldDraft) -> Callable[[Binding], bool]:
    """Return what tells the bindings that a draft takes the place of: its own, and those of its channel.

    Two motions along different axes do not fight, so both stay.
    """
    key = _key(draft.binding() if not draft.why_not() else None, draft.channel)

    def is_gone(b: Binding) -> bool:
        return b.prim == draft.prim and (b.name == draft.name or _key(b, b.channel) == key)

    return is_gone


def _key(binding: Binding | None, channel: str) -> str:
    try:
        return channel if binding is None else channel_key(binding)
    except Fault:
        return channel


def same(a: Binding, b: Binding) -> bool:
    """Return whether two are one binding; where it stands, and numbers that a file rounded, do not count."""
    return replace(a, origin="", part="") == replace(b, origin="", part="") or _rounded(a) == _rounded(b)


def _rounded(b: Binding) -> Binding:
    spec = b.map
    numbers = (spec.scale, spec.offset, *spec.clamp, *b.ends, b.interval_s, b.stale_after_s)
    scale, offset, low, high, first, last, interval, stale = (float(f"{x:.9g}") for x in numbers)
    plain = replace(spec, scale=scale, offset=offset, clamp=(low, high))
    return replace(
        b, origin="", part="", map=plain, ends=(first, last), interval_s=interval, stale_after_s=stale
    )


def facts(bindings: Sequence[Binding]) -> set[Binding]:
    """Return what bindings say, wherever they stand."""
    return {replace(b, origin="", part="") for b in bindings}
