"""The preview of a rule that is being edited: what is asked, read and evaluated, and what of it is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from armillary.model.clock import NS
from armillary.model.fault import FaultRecord, ProjectFault
from armillary.model.rule import RuleSpec
from armillary.project.record import Project
from armillary.project.streams_edit import Value
from armillary.session import rule_form
from armillary.session.rule_trial import RuleRecord, told
from armillary.session.workspace import Workspace
from armillary.twin.rule_trial import Trial, trial_of

SLICE = 300  # ticks: a part of a second
Answer = tuple[Project, RuleSpec]


class Preview:
    """One rule over the last span of history. A new question makes the one before void."""

    def __init__(self, at: Workspace, changed: Callable[[], None]) -> None:
        self._at, self._changed = at, changed
        self._number = 0
        self.trial: Trial | None = None
        self.words = ""
        self.why_not = ""  # the rule cannot be as it stands

    def clear(self) -> None:
        """Ask nothing any more."""
        self._number += 1
        self.trial, self.words, self.why_not = None, "", ""

    def ask(
        self, folder: Path, text: str, rule: str, changed: Mapping[str, Value | None], span_s: float
    ) -> None:
        """Look at a draft of a rule: whether it can be, and how often it would have fired."""
        self._number += 1
        number = self._number

        def judge() -> object:
            try:
                return rule_form.draft(folder, text, rule, changed)
            except ProjectFault as fault:
                return f"{fault.what} {fault.remedy}"

        self._at.work(judge, lambda answer: self._judged(number, answer, span_s))

    def _judged(self, number: int, answer: object, span_s: float) -> None:
        if number != self._number:
            return
        self.trial, self.words = None, ""
        match answer:
            case str():
                self.why_not = answer
            case (Project() as project, RuleSpec() as rule):
                self.why_not, self.words = "", "Reading the history …"
                now_ns = self._at.now_ns()
                begin = now_ns - int(span_s * NS)
                trial = trial_of(rule, project.rules, project.specs, begin, now_ns, zone=project.timezone)
                RuleRecord(self._at.ask_recorder, trial, lambda missing: self._read(number, trial, missing))
            case FaultRecord():
                self.why_not = f"{answer.what} {answer.remedy}"
            case _:
                self.why_not = "It cannot be judged."
        self._changed()

    def _read(self, number: int, trial: Trial, missing: str) -> None:
        if number != self._number:
            return
        if not trial.is_given:
            self.words = missing
            self._changed()
            return
        self._go_on(number, trial, missing)

    def _go_on(self, number: int, trial: Trial, missing: str) -> None:
        def slice_() -> object:
            trial.advance(SLICE)
            return None

        self._at.work(slice_, lambda _answer: self._stepped(number, trial, missing))

    def _stepped(self, number: int, trial: Trial, missing: str) -> None:
        if number != self._number:
            return
        if trial.is_done:
            self.trial, self.words = trial, f"{told(trial)} {missing}".strip()
        else:
            self.words = f"Trying it: {trial.share:.0%}"
            self._go_on(number, trial, missing)
        self._changed()
