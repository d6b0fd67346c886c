"""`armillary state`, `worlds`: what the running worlds know."""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from types import FrameType

import click

from armillary.cli.answer import emit_json, finite, table
from armillary.encoding import texts
from armillary.encoding.texts import decoded
from armillary.model import quality
from armillary.model.clock import NS, iso
from armillary.model.fault import WorldFault
from armillary.model.frame import Flow, Tally, WorldKind, apply_frame
from armillary.model.link import Quarantined, correction_ns
from armillary.model.message import AskQuarantine, Bye, Hello, Quarantine, Stop, Welcome
from armillary.model.tags import TagTable, late_ns
from armillary.session.area_lines import AnyLine, line_of
from armillary.wire import runs
from armillary.wire.bus import Line

WATCH_S = 1.0
ANSWER_S = 2.0  # a world that is busy for longer is listed all the same
NO_ANSWER = "no answer"


@click.command()
@click.argument("project", required=False, default="")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--watch", is_flag=True, help="Again every second, until Ctrl-C.")
@click.option("--connect", default="", metavar="ADDR", help="The world at this address.")
def state(project: str, as_json: bool, watch: bool, connect: str) -> int:
    """Print every tag and link of a running world."""
    line = line_of(project, connect)
    stop = threading.Event()

    def on_signal(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    if watch:
        signal.signal(signal.SIGINT, on_signal)
    try:
        while True:
            answer = _snapshot(line)
            if as_json:
                emit_json(answer)
            else:
                _print(answer)
            if not watch or stop.wait(WATCH_S):
                return 0
    finally:
        line.close()


def _snapshot(line: AnyLine) -> dict[str, object]:
    welcome = line.ask(Hello(actor=f"local:{os.getuid()}", desk="cli"))
    if not isinstance(welcome, Welcome):
        raise click.ClickException("the world answered something else; are both of one version?")
    frame = welcome.frame
    mirror = TagTable(len(welcome.specs))
    apply_frame(mirror, frame)
    tags: list[dict[str, object]] = []
    corrections = {status.name: correction_ns(status) for status in frame.links}
    for spec in welcome.specs:
        s = spec.slot
        never = not mirror.arrival_ns[s]
        value: object = mirror.text.get(s, finite(float(mirror.value[s])))
        alive = int(mirror.alive_mono_ns[s])
        word = int(mirror.quality[s])
        source_ns = int(mirror.source_ns[s]) - corrections.get(spec.link, 0)
        delay_ns = int(mirror.arrival_ns[s]) - source_ns
        tags.append(
            {
                "name": spec.name,
                "value": value,
                "unit": spec.unit,
                "quality": quality.word(word),
                "reasons": quality.reasons(word),
                "why": texts.because(word, mirror.why.get(s, ""), spec.low, spec.high, spec.unit),
                "source_time": None if never else iso(source_ns),
                "arrival_time": None if never else iso(int(mirror.arrival_ns[s])),
                "age_s": None if never else round((welcome.now_ns - source_ns) / NS, 3),
                "delayed_s": round(delay_ns / NS, 3) if not never and delay_ns > late_ns(spec) else 0.0,
                "alive_s": None if not alive else round(max(0, welcome.now_mono_ns - alive) / NS, 3),
                "link": spec.link,
            }
        )
    kept = _quarantine(line) if welcome.kind is WorldKind.LIVE else ()
    links = [
        {
            "name": status.name,
            "kind": status.kind,
            "state": str(status.state),
            "detail": status.detail,
            "delivery": status.delivery,
            "silence_watched": status.silence_watched,
            "certificate_until": iso(status.certificate_ns) if status.certificate_ns else None,
            "secured": status.secured,
            "waits_for_trust": status.asked.facts.fingerprint if status.asked is not None else None,
            "rate_hz": round(status.rate_hz, 2),
            "delay_s": round(status.delay_s, 4),
            "skew_s": None if status.skew_s is None else round(status.skew_s, 3),
            "skew_doubt_s": round(status.skew_doubt_s, 3),
            "clock": status.clock,
            "trust_clock": status.trust_clock,
            **_flows(frame.tally.get(status.name)),
            "quarantine": [_payload(q) for q in kept if q.link == status.name],
        }
        for status in frame.links
    ]
    world = {
        "id": welcome.world,
        "kind": str(welcome.kind),
        "project": welcome.project,
        "t": iso(frame.t_ns),
        "recording": frame.recording or "yes",
        **({"silent": frame.silent} if frame.silent else {}),
        "history": asdict(frame.history),
    }
    return {"world": world, "tags": tags, "links": links}


def _quarantine(line: AnyLine) -> tuple[Quarantined, ...]:
    answer = line.ask(AskQuarantine())
    return answer.items if isinstance(answer, Quarantine) else ()


def _payload(q: Quarantined) -> dict[str, object]:
    """Return a payload that could not be read; its first bytes as text where they are one, else in hex."""
    out: dict[str, object] = {
        "time": iso(q.arrival_ns),
        "topic": q.channel,
        "reason": q.reason,
        "byte": q.offset,
        "size": q.size,
    }
    text = decoded(q.head)
    return out | ({"hex": q.head.hex()} if text is None else {"text": text})


def _flows(tally: Tally | None) -> dict[str, object]:
    if tally is None:
        return {}
    return {"messages": _flow(tally.messages, "decoded"), "samples": _flow(tally.samples, "applied")}


def _flow(flow: Flow, done: str) -> dict[str, object]:
    out: dict[str, object] = {"received": flow.received, done: flow.done}
    if done == "applied":
        out |= {"coalesced": flow.coalesced, "late": flow.late, "conflict": flow.conflict}
    return out | {"dropped": dict(flow.dropped), "queued": flow.queued}


def _print(answer: dict[str, object]) -> None:
    world = answer["world"]
    if isinstance(world, dict):
        click.echo(f"{world['id']}  {world['kind']}  {world['t']}  recording: {world['recording']}")
        if "silent" in world:
            click.echo(f"silent: {world['silent']}")
    links, tags = answer["links"], answer["tags"]
    if isinstance(links, list):
        table(
            [
                (
                    e["name"],
                    e["state"],
                    e["delivery"],
                    f"{e['rate_hz']}/s",
                    f"{e['detail']} {e['clock']}".strip(),
                )
                for e in links
            ],
            ("LINK", "STATE", "DELIVERY", "RATE", "DETAIL"),
        )
    if isinstance(tags, list):
        rows = [
            (
                t["name"],
                _value(t["value"]),
                t["unit"],
                t["quality"],
                _age(t["alive_s"]),
                t["link"] or "derived",
            )
            for t in tags
        ]
        table(rows, ("TAG", "VALUE", "UNIT", "QUALITY", "ALIVE", "LINK"))


def _value(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _age(seconds: object) -> str:
    return "–" if seconds is None else f"{seconds} s"


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_context
def worlds(context: click.Context, as_json: bool) -> int:
    """List the worlds that run on this machine."""
    if context.invoked_subcommand is not None:
        return 0
    found = runs.all_runs()
    with ThreadPoolExecutor(max_workers=8) as pool:  # one that hangs must not keep the others from being told
        standing = [*pool.map(_standing, found)]
    if as_json:
        emit_json(
            {
                "worlds": [
                    {
                        "id": r.id,
                        "kind": r.kind,
                        "project": r.project,
                        "name": r.name,
                        "about": about,
                        "state": state,
                        "address": r.address,
                        "pid": r.pid,
                        "started": iso(r.started_ns),
                        "plant": [{"what": p.what, "pid": p.pid, "port": p.port} for p in r.plant],
                    }
                    for r, (state, about) in zip(found, standing, strict=True)
                ]
            }
        )
    elif not found:
        click.echo("No world runs here. Start one: armillary demo")
    else:
        table(
            [
                (r.id, r.kind, state, about or r.name, str(r.pid), r.project)
                for r, (state, about) in zip(found, standing, strict=True)
            ],
            ("ID", "KIND", "STATE", "WHAT", "PID", "PROJECT"),
        )
    return 0


def _standing(run: runs.Run) -> tuple[str, str]:
    """Return what a world's clock does, in a word, and what the world says of itself."""
    line = Line(run.address)
    try:
        welcome = line.ask(Hello(actor=f"local:{os.getuid()}", desk="cli"), ANSWER_S)
        line.ask(Bye(), ANSWER_S)
    except WorldFault:
        return NO_ANSWER, ""
    finally:
        line.close()
    if not isinstance(welcome, Welcome):
        return NO_ANSWER, ""
    return str(welcome.frame.run).lower(), welcome.about


@worlds.command("close")
@click.argument("world")
def close_world(world: str) -> int:
    """End a running world in order."""
    run = runs.find(world)
    line = Line(run.address)
    try:
        line.ask(Stop())
    finally:
        line.close()
    click.echo(f"{run.id} ends.")
    return 0
