"""`armillary trust`: whose certificates links believe on this machine, and our own."""

from __future__ import annotations

import os
from pathlib import Path

import click

from armillary.cli.answer import emit_json, table
from armillary.cli.password import as_user, log_in
from armillary.model.clock import WallClock, iso
from armillary.model.fault import Fault, ProjectFault
from armillary.model.trust import CertificateFacts, DecideTrust, Identity, TrustAct, TrustAsked, day
from armillary.security import trust as trusting
from armillary.security.trust import TrustStore

ANSWER_S = 20.0
FILE = click.Path(dir_okay=False, path_type=Path)


@click.group()
def trust() -> None:
    """Say which servers links may speak to; a link shows what it met, and waits until it is accepted."""


@trust.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def list_(as_json: bool) -> int:
    """List the certificates of this user: own, accepted, authorities, met and not accepted."""
    store = TrustStore(WallClock())
    found = store.listed()
    if as_json:
        rows = [{"list": row.list, "file": str(row.file), **_json(row.facts)} for row in found]
        emit_json({"certificates": rows, "endpoints": store.endpoints()})
    elif not found:
        click.echo("No certificates.")
    else:
        table(
            [(row.list, row.facts.subject, day(row.facts.until_ns), row.facts.fingerprint) for row in found],
            ("LIST", "WHO", "UNTIL", "SHA-256"),
        )
    return 0


@trust.command("accept")
@click.argument("fingerprint")
@click.option("--project", default="", metavar="P", help="Of a link of this running project; in its audit.")
@click.option("--reason", default="", help="How it was compared; for the audit.")
@as_user
def accept(fingerprint: str, project: str, reason: str, user: str, file: Path | None) -> int:
    """Trust the certificate with this SHA-256 (its first 8 digits or more) from now on.

    Without a project it is for all programs of this user, and in no audit.
    """
    return _decide(TrustAct.ACCEPT, fingerprint, project, reason, user, file)


@trust.command("reject")
@click.argument("fingerprint")
@click.option("--project", default="", metavar="P", help="Of a link of this running project; in its audit.")
@click.option("--reason", default="", help="Why; for the audit.")
@as_user
def reject(fingerprint: str, project: str, reason: str, user: str, file: Path | None) -> int:
    """Trust the certificate with this SHA-256 no more, and ask about it no more."""
    return _decide(TrustAct.REJECT, fingerprint, project, reason, user, file)


@trust.command("own")
@click.option("-o", "out", type=FILE, default=None, metavar="F.der", help="Write it, for the server's list.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def own(out: Path | None, as_json: bool) -> int:
    """Show our own certificate, which servers must trust; it is made if there is none."""
    store = TrustStore(WallClock())
    identities = store.identities()
    if out is not None:
        try:
            out.write_bytes(identities[0].certificate)
        except OSError as error:
            raise Fault(
                f"It cannot be written: {error.strerror}.", where=str(out), remedy="Give another file."
            ) from error
    rows = [row for row in store.listed() if row.list == "own"]
    if as_json:
        emit_json({"own": [_json(row.facts) for row in rows], "renew": _is_due(identities)})
        return 0
    for row in rows:
        click.echo(f"{row.facts.subject}, valid {row.facts.validity}")
        click.echo(f"  {row.facts.application_uri}\n  SHA-256 {row.facts.fingerprint}\n  {row.file}")
    if _is_due(identities):
        click.echo("It ends soon: armillary trust renew, then let the servers trust the new one.")
    return 0


@trust.command("renew")
def renew() -> int:
    """Make a certificate of our own; servers that do not know it yet are shown the one before."""
    store = TrustStore(WallClock())
    store.identities()
    made = store.renew()
    click.echo(
        f"Valid to {day(made.until_ns)}. Let the servers trust {store.folder / 'own' / 'armillary.der'};"
    )
    click.echo("until they do, they are shown the certificate before it, as long as that is valid.")
    return 0


def _is_due(identities: tuple[Identity, ...]) -> bool:
    return trusting.due(identities, WallClock().now_ns())


def _decide(act: TrustAct, fingerprint: str, project: str, reason: str, user: str, file: Path | None) -> int:
    wanted = fingerprint.replace(":", "").replace(" ", "").upper()
    if len(wanted) < 8 or not all(c in "0123456789ABCDEF" for c in wanted):  # noqa: PLR2004  as the help says
        raise click.UsageError("Give the first 8 digits of its SHA-256, or more: armillary trust list.")
    if project:
        facts = _in_world(project, act, wanted, reason, user, file)
    elif user or reason:
        raise click.UsageError("--user and --reason are for the audit of a --project.")
    elif act is TrustAct.ACCEPT:
        facts = trusting.accept_here(TrustStore(WallClock()), wanted)
    else:
        facts = trusting.reject_here(TrustStore(WallClock()), wanted, f"local:{os.getuid()}")
    done = "trusted" if act is TrustAct.ACCEPT else "not trusted"
    click.echo(f"'{facts.subject}' is {done}. SHA-256 {facts.fingerprint}")
    if act is TrustAct.ACCEPT and not project:
        click.echo("A link that waits is tried again within five minutes, or by Retry now.")
    return 0


def _in_world(
    project: str, act: TrustAct, wanted: str, reason: str, user: str, file: Path | None
) -> CertificateFacts:
    """Decide in a running world. Raises a Fault when no link of it waits for this."""
    from armillary.cli.greeting import greeted  # numpy and sockets: not for the lists of this machine
    from armillary.session.area_lines import line_of

    line = line_of(project)
    try:
        welcome = greeted(line)
        found = ((status.name, status.asked) for status in welcome.frame.links)
        waits = [(name, asked) for name, asked in found if asked is not None and _is(asked, wanted)]
        if not waits:
            raise ProjectFault(
                "No link of this project waits for this certificate.",
                where=project,
                remedy="See: armillary state, under links.",
            )
        log_in(line, user, file)
        for link, asked in waits:
            wish = DecideTrust(link=link, fingerprint=asked.facts.fingerprint, act=act, why=reason)
            line.ask(wish, ANSWER_S)
        return waits[0][1].facts
    finally:
        line.close()


def _is(asked: TrustAsked, wanted: str) -> bool:
    return asked.facts.fingerprint.replace(":", "").startswith(wanted)


def _json(facts: CertificateFacts) -> dict[str, object]:
    return {
        "subject": facts.subject,
        "issuer": facts.issuer,
        "hosts": list(facts.hosts),
        "application_uri": facts.application_uri,
        "from": iso(facts.from_ns),
        "until": iso(facts.until_ns),
        "sha256": facts.fingerprint,
    }
