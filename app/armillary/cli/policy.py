"""`armillary policy`: signatures under what a loop may do by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from armillary.cli.password import password_file, password_of
from armillary.model.account import Login
from armillary.model.clock import NS, WallClock, iso
from armillary.model.fault import Fault, ProjectFault
from armillary.model.loop import SIGNERS, LoopSpec, terms
from armillary.project import folder as projects
from armillary.project import loops
from armillary.project.folder import write_atomic
from armillary.project.record import Project
from armillary.security import accounts, policies

VALID_NS = 90 * 24 * 3600 * NS  # operations 4.3: a policy expires within 90 days
MAY_BEGIN, MAY_SIGN = ("engineer", "admin"), ("operator", "engineer", "admin")


@click.group()
def policy() -> None:
    """Sign what a loop may do by itself."""


@policy.command("sign")
@click.argument("project")
@click.argument("loop")
@click.option("--user", required=True, metavar="NAME", help="Who signs, with their password.")
@password_file
def sign(project: str, loop: str, user: str, file: Path | None) -> int:
    """Sign the policy of a protective stop: an engineer first, then a second person; for 90 days.

    Whatever changes in its loop or its template afterwards voids the signatures.
    """
    opened, clock = projects.read(Path(project).expanduser().resolve()), WallClock()
    known = accounts.read(opened.folder)
    if known is None:
        raise ProjectFault(
            "The project has no users.", where=str(opened.folder), remedy="Add them: armillary user add."
        )
    login = Login(user=user, password=password_of(file, user))
    who = asyncio.run(known.login(login, clock.now_mono_ns()))
    names, until_ns = add(opened, loop, ((who.user, who.role),), clock.now_ns())
    left = SIGNERS - len(names)
    more = f"{left} more must sign." if left > 0 else "The loop may act by itself."
    click.echo(f"{loop} is signed by {' and '.join(names)} until {iso(until_ns)}. {more}")
    return 0


def add(
    project: Project, loop: str, people: Sequence[tuple[str, str]], now_ns: int
) -> tuple[tuple[str, ...], int]:
    """Add signatures of people (user, role); return whose hold now, and until when. Raises ProjectFault."""
    spec = _stop(project, loop)
    template = next(each for each in project.templates if each.id == spec.stop)
    until_ns = spec.policy.expires_ns
    if not now_ns < until_ns <= now_ns + VALID_NS:
        until_ns = (now_ns + VALID_NS) // NS * NS  # a new term, that nobody has signed yet
    agreed = terms(replace(spec, policy=replace(spec.policy, expires_ns=until_ns)), template)
    held = policies.signers(project.private, agreed, spec.policy.signatures)
    signatures = [s for s in spec.policy.signatures if s.partition(":")[0] in held]
    for user, role in people:
        if role not in (MAY_SIGN if signatures else MAY_BEGIN):
            raise ProjectFault(
                f"{user} ({role}) may not sign this policy.",
                where=f"{project.folder / loops.LOOPS_FILE}: {loop}",
                remedy="An engineer signs first, then a second person who is at least an operator.",
            )
        signatures = [s for s in signatures if s.partition(":")[0] != user]
        signatures.append(policies.sign(project.private, agreed, user))
    path = project.folder / loops.LOOPS_FILE
    text = loops.with_signature(path.read_text("utf-8"), loop, until_ns, signatures)
    write_atomic(path, text)
    return policies.signers(project.private, agreed, signatures), until_ns


def sign_stops(folder: Path, people: Sequence[tuple[str, str]], now_ns: int) -> tuple[str, ...]:
    """Sign every protective stop of a demonstration; return the loops. Raises ProjectFault."""
    if not (folder / loops.LOOPS_FILE).is_file():
        return ()
    project = projects.read(folder)
    found = tuple(spec.id for spec in _loops(project) if spec.stop)
    for loop in found:
        add(project, loop, people, now_ns)
    return found


def _loops(project: Project) -> tuple[LoopSpec, ...]:
    specs = {spec.name: spec for spec in project.specs}
    alarms, advisory = [a.id for a in project.alarms], [a.id for a in project.alarms if a.is_advisory]
    return loops.read(project.folder, specs, alarms, project.templates, advisory)


def _stop(project: Project, loop: str) -> LoopSpec:
    found = next((spec for spec in _loops(project) if spec.id == loop), None)
    if found is None or not found.stop:
        raise Fault(
            f"There is no protective stop '{loop}'.",
            where=str(project.folder / loops.LOOPS_FILE),
            remedy="Name a loop with 'stop'; others name who signs in 'signed_by'.",
        )
    return found
