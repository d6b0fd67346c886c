"""Parts of a command's card: limits, what is typed, templates, what must hold. They decide nothing."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from armillary.model.command import Check, Template
from armillary.model.frame import WorldKind
from armillary.model.tags import TagSpec
from armillary.session.workspace import Workspace
from armillary.ui.pieces import label, restyle


def limits_text(spec: TagSpec) -> str:
    """Return the limits of a setpoint in words, "" when there are none."""
    low, high = spec.write_low, spec.write_high
    unit = f" {spec.unit}" if spec.unit else ""
    if math.isfinite(low) and math.isfinite(high):
        return f"Limits {low:g} … {high:g}{unit}"
    if math.isfinite(low):
        return f"At least {low:g}{unit}"
    return f"At most {high:g}{unit}" if math.isfinite(high) else ""


def parse(text: str, spec: TagSpec) -> tuple[float | None, str]:
    """Return (value, "") of what was typed, or (None, why it cannot be taken)."""
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        return None, "Type a number." if text.strip() else ""
    if not math.isfinite(value):
        return None, "Type a finite number."
    if not spec.write_low <= value <= spec.write_high:
        return None, f"{text.strip()} is outside. {limits_text(spec)}."
    return value, ""


def choices(spec: TagSpec) -> tuple[tuple[float, str], ...]:
    """Return the states that a tag can be set to, () for one that takes a number."""
    return spec.states or (((0.0, "false"), (1.0, "true")) if spec.kind == "bool" else ())


def narrowed(spec: TagSpec | None, template: Template) -> TagSpec:
    """Return the tag at a template's target with what the template makes of it: title, unit, limits."""
    base = spec or TagSpec(slot=-1, name=template.id)
    given = template.parameter
    if given is None:
        return replace(base, title=template.title or template.id)
    low, high = given.low, given.high
    if spec is not None and spec.writable and spec.kind == "number":
        low, high = max(low, spec.write_low), min(high, spec.write_high)
    title = template.title or template.id
    return replace(base, title=title, unit=given.unit, write_low=low, write_high=high)


def templates_of(workspace: Workspace, slots: Sequence[int]) -> tuple[Template, ...]:
    """Return the templates of one of these tags, in the order of commands.toml; LIVE only.

    One that no tag stands for, such as a method, is where its effect is read back.
    """
    if workspace.kind is not WorldKind.LIVE:
        return ()
    names = {workspace.specs[slot].name for slot in slots}
    return tuple(
        template for template in workspace.templates if template.tag in names or _is_seen_at(template, names)
    )


def _is_seen_at(template: Template, names: Collection[str]) -> bool:
    """Return whether a template without a tag reads one of these back."""
    if template.tag or template.read_back is None:
        return False
    read = template.read_back.expression
    return any(re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", read) for name in names)


def template_button(template: Template, run: Callable[[Template], None]) -> QPushButton:
    """Return the button that prepares a template."""
    title = template.title or template.id
    button = QPushButton(f"{title}…")
    button.setAccessibleName(f"Prepare: {title}")
    button.setToolTip(template.effect or title)
    button.clicked.connect(lambda _checked=False: run(template))
    return button


class Findings(QWidget):
    """What must hold for a command, each with ✓ or ✗ and what is read."""

    def __init__(self) -> None:
        super().__init__()
        self.checks: tuple[Check, ...] = ()
        self.setAccessibleName("What must hold")
        self._lines: list[QLabel] = []
        self._rows = QVBoxLayout(self)
        self._rows.setContentsMargins(0, 2, 0, 2)
        self._rows.setSpacing(2)

    def tell(self, checks: tuple[Check, ...]) -> None:
        """Show these, none when there are none."""
        self.setVisible(bool(checks))
        if checks == self.checks:
            return
        self.checks = checks
        while len(self._lines) < len(checks):
            self._lines.append(label("", wrap=True))
            self._rows.addWidget(self._lines[-1])
        for i in range(len(self._lines)):
            line = self._lines[i]
            line.setVisible(i < len(checks))
            if i < len(checks):
                what, holds, text = checks[i]
                line.setText(f"{'✓' if holds else '✗'}  {what}{f' · {text}' if text else ''}")
                if line.property("role") != (role := "muted" if holds else "strong"):
                    line.setProperty("role", role)
                    restyle(line)

    @property
    def first_missing(self) -> str:
        """What does not hold, "" when all does."""
        return next((f"{what}: {text}" for what, holds, text in self.checks if not holds), "")
