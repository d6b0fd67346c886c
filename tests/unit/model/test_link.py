"""Where the times of a link's samples are corrected as they are shown."""

from __future__ import annotations

import pytest

from armillary.model.clock import NS
from armillary.model.link import LinkState, LinkStatus, correction_ns


@pytest.mark.parametrize(
    ("trusts", "ahead_s", "correction_s"),
    [
        (False, -4.0, -4.0),
        (False, 4.0, 4.0),
        (False, -30.0, -30.0),
        (True, -4.0, 0.0),  # it is to be trusted
        (False, 0.9, 0.0),  # nothing to speak of
        (False, 6.0, 0.0),  # its samples have their time of arrival already
        (False, -31.0, 0.0),  # … and so have these
        (False, None, 0.0),
    ],
)
def test_only_a_clock_that_is_not_trusted_and_a_little_off_is_corrected(
    trusts: bool, ahead_s: float | None, correction_s: float
) -> None:
    status = LinkStatus(
        name="s", kind="mqtt", url="", state=LinkState.UP, since_ns=0, skew_s=ahead_s, trust_clock=trusts
    )
    assert correction_ns(status) == correction_s * NS
