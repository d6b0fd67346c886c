"""What commands that read many samples share: progress, and the zone of times that have none."""

from __future__ import annotations

import click

from armillary.cli.answer import tell

zone_option = click.option(
    "--zone", default="", metavar="Z", help="Of times in files that have none, such as Europe/Oslo."
)

comma_option = click.option(
    "--decimal-comma", is_flag=True, help="Numbers in files have a comma before their fractions."
)


class Progress:
    """Lines on the error stream, one for each tenth that is done."""

    def __init__(self) -> None:
        self._tenth = -1

    def tell(self, text: str, share: float) -> None:
        """Say what is being done, share from 0 to 1."""
        tenth = int(share * 10)
        if tenth > self._tenth:
            self._tenth = tenth
            tell(f"{text} · {100 * share:.0f} %", err=True)
