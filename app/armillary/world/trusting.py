"""What people of a LIVE world decide about the certificates of its links; every decision is in the audit."""

from __future__ import annotations

from collections.abc import Callable

from armillary.model.account import LoggedIn, Right
from armillary.model.clock import Clock
from armillary.model.fault import ProjectFault
from armillary.model.frame import Event
from armillary.model.link import LinkSpec
from armillary.model.trust import DecideTrust, TrustAct
from armillary.security.trust import LinkTrust, TrustStore
from armillary.world.acts import Acts

_DONE = {TrustAct.PROPOSE: "proposed", TrustAct.ACCEPT: "accepted", TrustAct.REJECT: "rejected"}


def right_to(wish: DecideTrust) -> Right:
    """Return the right that a decision needs: an engineer proposes, an admin decides."""
    return Right.AUTHOR if wish.act is TrustAct.PROPOSE else Right.TRUST


class Certificates:
    """The certificates of one world's links."""

    def __init__(self, clock: Clock, acts: Callable[[], Acts]) -> None:
        """acts: the audit."""
        self._store, self._clock, self._acts = TrustStore(clock), clock, acts
        self._of: dict[str, LinkTrust] = {}

    def of(self, link: LinkSpec) -> LinkTrust:
        """Return what one link needs; the same each time, so that its question is known here."""
        if link.name not in self._of:
            self._of[link.name] = self._store.of(link.url)
        return self._of[link.name]

    def decide(self, wish: DecideTrust, who: LoggedIn) -> Event:
        """Do what a person decided; return what is told of it. Raises ProjectFault, then nothing changed."""
        link = self._of.get(wish.link)
        if link is None:
            raise ProjectFault(
                f"There is no link '{wish.link}'.", where=wish.link, remedy="See the links dock."
            )
        before = link.asked.before if link.asked is not None else ""
        subject = link.decide(wish.act, wish.fingerprint, who.user, wish.why)
        self._acts().note(
            who,
            f"trust.{wish.act}",
            f"{wish.link} {link.url}",
            before=before or None,
            after=wish.fingerprint,
            reason=wish.why,
        )
        text = f"{who.user} {_DONE[wish.act]} the certificate '{subject}', SHA-256 {wish.fingerprint}"
        return Event(t_ns=self._clock.now_ns(), level="info", source=wish.link, text=text)
