"""The report of an exercise: one HTML file that needs nothing beside it. Pure text in, pure text out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from armillary.model.arrays import F8
from armillary.model.lesson import Deed, Lesson
from armillary.simulate.exercise import Score

WIDTH, HEIGHT, LEFT = 900, 110, 150
LANES = ("malfunction", "alarm", "action", "instructor")
_LANE_OF = {
    "malfunction": "malfunction",
    "clear": "malfunction",
    "alarm": "alarm",
    "ack": "action",
    "reset": "action",
    "command": "action",
    "note": "action",
    "mark": "instructor",
    "instructor": "instructor",
    "end": "instructor",
}
_COLOUR = {"malfunction": "#b3541e", "alarm": "#c4283c", "action": "#1f5fd0", "instructor": "#3f6b12"}
_STYLE = """
body{font:15px/1.45 system-ui,sans-serif;color:#1b2127;max-width:1100px;margin:2em auto;padding:0 1em}
h1{font-size:1.5em;border-left:6px double #3f6b12;padding-left:.5em}h2{font-size:1.15em;margin-top:1.6em}
table{border-collapse:collapse;width:100%}
td,th{padding:.25em .6em;border-bottom:1px solid #d5dade;text-align:left}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}.good{color:#2c6e2c}.bad{color:#b3202c}
.mark{background:#3f6b12;color:#fff;padding:.3em .8em;font-weight:600}svg{display:block;margin:.4em 0}
footer{color:#5b646c;font-size:.85em;margin-top:2em}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One tag of an attempt. shown: what people saw; truth: what was, None where they are the same."""

    tag: str
    unit: str
    t_s: F8  # (n,)
    shown: F8  # (n,)
    truth: F8 | None = None
    low: float = float("-inf")  # of its band
    high: float = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One branch of an exercise; the last one is what counts."""

    branch: str
    deeds: tuple[Deed, ...]
    tracks: tuple[Track, ...]
    score: Score
    ended: str
    failed: str
    digest: str  # of the stream of values
    until_s: float


def reactions(deeds: Sequence[Deed]) -> tuple[tuple[str, float, float, float], ...]:
    """Return (malfunction, s to the first alarm, to the first acknowledge, to the first command); NaN: none.

    Each is counted from the malfunction, up to the next one.
    """
    begins = [d for d in deeds if d.kind == "malfunction"]
    out = []
    for i, begin in enumerate(begins):
        until = begins[i + 1].t_s if i + 1 < len(begins) else math.inf
        after = [d for d in deeds if begin.t_s <= d.t_s < until]
        first = {
            k: next((d.t_s - begin.t_s for d in after if d.kind == k), math.nan)
            for k in ("alarm", "ack", "command")
        }
        out.append((begin.what, first["alarm"], first["ack"], first["command"]))
    return tuple(out)


def report(
    lesson: Lesson, attempts: Sequence[Attempt], *, trainee: str, instructor: str, when: str, versions: str
) -> str:
    """Return the HTML of a debrief. The last attempt is the one that is scored; earlier ones were left."""
    last = attempts[-1]
    verdict = "not finished" if last.score.passed is None else "passed" if last.score.passed else "not passed"
    tone = "good" if last.score.passed else "bad"
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(lesson.title)}: debrief</title>",
        f"<style>{_STYLE}</style><p class=mark>TRAINING · simulated plant</p><h1>{escape(lesson.title)}</h1>",
        f"<p>Trainee {escape(trainee or 'not logged in')}, instructor {escape(instructor or 'none')}, "
        f"{escape(when)}.</p>",
        f"<p><b class={tone}>{last.score.total:.0f} of {last.score.most:.0f} points, {verdict}</b>"
        f" (pass mark {lesson.pass_mark:g} %). {escape(_sentence(last))}</p>",
        _score_table(last.score),
        "<h2>Reaction times</h2>",
        _reaction_table(last.deeds),
        "<h2>Timelines</h2>",
        *(_timeline(a) for a in attempts),
        "<h2>Trends</h2>",
        *_trends(attempts),
        "<h2>What happened</h2>",
        _log_table(last.deeds),
    ]
    if lesson.debrief:
        parts.append(f"<h2>To talk about</h2><p>{escape(lesson.debrief)}</p>")
    parts.append(
        f"<footer>Scenario {escape(lesson.id)} {escape(lesson.version)}, SHA-256 {lesson.digest[:16]}…, seed "
        f"{lesson.seed}; stream {last.digest[:16]}…; {escape(versions)}. The same scenario, seed and inputs "
        "give the same stream.</footer></html>"
    )
    return "\n".join(parts)


def _sentence(attempt: Attempt) -> str:
    out = f"Ended after {_clock(attempt.until_s)}: {attempt.ended or 'it was stopped'}."
    return f"{out} Failed outright: {attempt.failed}." if attempt.failed else out


def _score_table(score: Score) -> str:
    rows = "".join(
        f"<tr><td>{escape(r.text)}<td>{escape(r.state)}<td class=n>{_seconds(r.reaction_s)}"
        f"<td class=n>{r.points:.1f}<td class=n>{r.most:.1f}"
        for r in score.rows
    )
    return f"<table><tr><th>What<th>How<th class=n>Time<th class=n>Points<th class=n>Of{rows}</table>"


def _reaction_table(deeds: Sequence[Deed]) -> str:
    rows = "".join(
        f"<tr><td>{escape(name)}" + "".join(f"<td class=n>{_seconds(x)}" for x in times)
        for name, *times in reactions(deeds)
    )
    head = "<th>Malfunction<th class=n>First alarm<th class=n>First acknowledge<th class=n>First command"
    return f"<table><tr>{head}{rows}</table>" if rows else "<p>No malfunction began.</p>"


def _log_table(deeds: Sequence[Deed]) -> str:
    rows = "".join(
        f"<tr><td class=n>{_clock(d.t_s)}<td>{escape(d.kind)}<td>{escape(d.what)}"
        f"<td class=n>{_number(d.value)}<td>{escape(d.actor)}<td>{escape(d.text)}"
        for d in deeds
    )
    return f"<table><tr><th class=n>Time<th>Kind<th>What<th class=n>Value<th>Who<th>Note{rows}</table>"


def _timeline(attempt: Attempt) -> str:
    """Return one attempt as lanes: what went wrong, what the alarms said, what the trainee did."""
    span = max(1.0, attempt.until_s)
    out = []
    for i, lane in enumerate(LANES):
        y = 22 + 24 * i
        out.append(f"<text x=0 y={y + 4} font-size=12>{lane}</text>")
        out.append(f"<line x1={LEFT} x2={WIDTH} y1={y} y2={y} stroke=#d5dade />")
        for d in attempt.deeds:
            if _LANE_OF.get(d.kind) == lane:
                x = LEFT + (WIDTH - LEFT) * min(1.0, d.t_s / span)
                title = escape(f"{_clock(d.t_s)} {d.kind} {d.what} {d.text}")
                out.append(
                    f"<circle cx={x:.1f} cy={y} r=5 fill={_COLOUR[lane]}><title>{title}</title></circle>"
                )
    high = 30 + 24 * len(LANES)
    ticks = "".join(
        f"<text x={LEFT + (WIDTH - LEFT) * f:.0f} y={high - 4} font-size=11 text-anchor=middle>"
        f"{_clock(span * f)}</text>"
        for f in (0.0, 0.25, 0.5, 0.75, 1.0)
    )
    name = f"<p>Branch {escape(attempt.branch)}</p>" if attempt.branch else ""
    body = "".join(out) + ticks
    return f"{name}<svg width={WIDTH + 40} height={high} role=img aria-label=timeline>{body}</svg>"


def _trends(attempts: Sequence[Attempt]) -> list[str]:
    """Return one picture for each tag, all attempts in it: the last in full, earlier ones dashed."""
    out = []
    for i, track in enumerate(attempts[-1].tracks):
        others = [a.tracks[i] for a in attempts[:-1] if i < len(a.tracks)]
        curves = [(track, "#1b2127", "")] + [(t, "#6b3fd4", "5 4") for t in others]
        out.append(_trend(track, curves, max(1.0, *(a.until_s for a in attempts))))
    return out


def _trend(main: Track, curves: Sequence[tuple[Track, str, str]], span_s: float) -> str:
    every = [c for t, _, _ in curves for c in (t.shown, t.truth) if c is not None]
    limits = [x for x in (main.low, main.high) if math.isfinite(x)]
    known = np.concatenate([*(c[np.isfinite(c)] for c in every), np.array(limits)])
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    if high - low < 1e-9:  # noqa: PLR2004  a flat line still needs a height
        low, high = low - 1.0, high + 1.0

    def line(track: Track, y: F8, colour: str, dash: str) -> str:
        x = LEFT + (WIDTH - LEFT) * track.t_s / span_s
        points = " ".join(
            f"{a:.1f},{HEIGHT - 10 - (HEIGHT - 20) * (b - low) / (high - low):.1f}"
            for a, b in zip(x.tolist(), y.tolist(), strict=True)
            if math.isfinite(b)
        )
        stroke = f'stroke={colour} stroke-width=1.5 stroke-dasharray="{dash}"'
        return f'<polyline points="{points}" fill=none {stroke}/>'

    body = "".join(line(t, t.shown, colour, dash) for t, colour, dash in curves)
    body += "".join(line(t, t.truth, "#3f6b12", "2 3") for t, _, _ in curves[:1] if t.truth is not None)
    for limit in limits:
        y = HEIGHT - 10 - (HEIGHT - 20) * (limit - low) / (high - low)
        body += f"<line x1={LEFT} x2={WIDTH} y1={y:.1f} y2={y:.1f} stroke=#c4283c stroke-dasharray='1 4'/>"
    name = f"{escape(main.tag)} [{escape(main.unit)}]" if main.unit else escape(main.tag)
    truth = " (green: the true value)" if main.truth is not None else ""
    return (
        f"<svg width={WIDTH + 40} height={HEIGHT} role=img aria-label='{name}'>"
        f"<text x=0 y=20 font-size=12>{name}</text><text x=0 y=36 font-size=10>{truth}</text>"
        f"<text x={LEFT - 6} y=14 font-size=11 text-anchor=end>{high:.4g}</text>"
        f"<text x={LEFT - 6} y={HEIGHT - 8} font-size=11 text-anchor=end>{low:.4g}</text>{body}</svg>"
    )


def _seconds(s: float) -> str:
    return "–" if math.isnan(s) else f"{s:.0f} s"


def _clock(s: float) -> str:
    return f"{int(s) // 60}:{int(s) % 60:02d}"


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:g}"
