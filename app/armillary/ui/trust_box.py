"""On the card of a link: the certificate that nobody trusts yet, and what to do about it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFormLayout, QFrame, QHBoxLayout, QLineEdit, QVBoxLayout

from armillary.model.fault import FaultRecord
from armillary.model.trust import DecideTrust, TrustAct, TrustAsked
from armillary.session.trusting import judging
from armillary.session.workspace import Workspace
from armillary.ui.pieces import label
from armillary.ui.tables import button

ASK_S = 10.0


class TrustBox(QFrame):
    """Hidden while nothing waits."""

    def __init__(self, link: str, workspace: Workspace) -> None:
        super().__init__()
        self.link, self._workspace = link, workspace
        self.asked: TrustAsked | None = None
        self._shown: tuple[object, ...] = ()
        self.title = label("", "title")
        self._facts = QFormLayout()
        self._facts.setContentsMargins(0, 0, 0, 0)
        self._facts.setVerticalSpacing(2)
        self.proposal = label("", wrap=True)
        self.who = label("", "muted", wrap=True)
        self.why = QLineEdit()
        self.why.setPlaceholderText("How it was compared, for the audit")
        self.why.setAccessibleName(f"How the certificate of link {link} was compared")
        self.said = label("", "bad", wrap=True)
        self.accept = button("Trust this server", "", lambda: self._decide(TrustAct.ACCEPT), primary=True)
        self.propose = button("Propose to trust it", "", lambda: self._decide(TrustAct.PROPOSE))
        self.reject = button("Reject", "", lambda: self._decide(TrustAct.REJECT))
        for one in (self.accept, self.propose, self.reject):
            one.setAccessibleName(f"{one.text()}: link {link}")
        buttons = QHBoxLayout()
        for one in (self.accept, self.propose, self.reject):
            buttons.addWidget(one)
        buttons.addStretch(1)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 6, 0, 6)
        rows.setSpacing(4)
        rows.addWidget(self.title)
        rows.addLayout(self._facts)
        for line in (self.proposal, self.who, self.why, self.said):
            rows.addWidget(line)
        rows.addLayout(buttons)
        self.hide()

    def show_asked(self, asked: TrustAsked | None) -> None:
        """Show what waits now, to whoever is at the desk now."""
        role = self._workspace.role
        if self._shown == (asked, role):
            return
        if asked is None or self.asked is None or asked.facts != self.asked.facts:
            self.why.clear()
            self.said.clear()
        self._shown, self.asked = (asked, role), asked
        self.setVisible(asked is not None)
        if asked is None:
            return
        seen = judging(asked, role)
        self.title.setText(seen.title)
        while self._facts.rowCount():
            self._facts.removeRow(0)
        for what, value in seen.facts:
            shown = label(value, "title" if what == "SHA-256" else "", wrap=True, copyable=True)
            shown.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
            self._facts.addRow(label(what, "muted"), shown)
        self.proposal.setText(seen.proposal)
        self.proposal.setVisible(bool(seen.proposal))
        self.who.setText(seen.who)
        self.who.setVisible(bool(seen.who))
        for one in (self.accept, self.reject):
            one.setVisible(seen.may_decide)
        self.propose.setVisible(seen.may_propose)
        self.why.setVisible(seen.may_decide or seen.may_propose)
        self.said.setVisible(bool(self.said.text()))

    def _decide(self, act: TrustAct) -> None:
        asked = self.asked
        if asked is None:
            return
        wish = DecideTrust(
            link=self.link, fingerprint=asked.facts.fingerprint, act=act, why=self.why.text().strip()
        )
        self._workspace.ask_world(wish, self._answered, ASK_S)

    def _answered(self, answer: object) -> None:
        """Show why nothing was decided; what was decided comes with the link's next state."""
        text = f"{answer.what} {answer.remedy}" if isinstance(answer, FaultRecord) else ""
        self.said.setText(text)
        self.said.setVisible(bool(text))
