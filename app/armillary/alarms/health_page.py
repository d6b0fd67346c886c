"""The health of an alarm system as a paper: figures against the standard, floods, bad actors."""

from __future__ import annotations

from armillary.alarms.health import BUSY_PERIOD, PERIOD_NS, SHARES, Health, Metric
from armillary.alarms.paper_html import html, thinned
from armillary.model.clock import NS, iso
from armillary.model.paper import Block, Paper, Tone, heading, text

_TONES: dict[str, Tone] = {"good": "good", "over target": "doubt", "over maximum": "bad"}


def number(value: float, unit: str = "") -> str:
    """Return a figure as the page and the terminal write it, `–` where there is none."""
    if value != value:
        return "–"
    text = f"{value:.0f}" if value == int(value) else f"{value:.3g}"
    return f"{text} {unit}".rstrip()


def page(found: Health, title: str) -> str:
    """Return the paper as an HTML page that needs nothing beside it."""
    return html(paper(found, title))


def paper(found: Health, title: str) -> Paper:
    """Return the paper; `title` names the plant."""
    blocks = [text(f"Indicative: {found.days:.1f} days are too few to judge by.", "doubt")]
    blocks = blocks if found.is_indicative else []
    blocks += [heading("Against the standard"), _metrics(found.metrics), heading("By priority")]
    blocks += [_priorities(found), heading("Each ten minutes"), _bars(found), heading("The most frequent")]
    if found.top:
        head = ("alarm", "priority", "raises", "share", "began to chatter", "fleeting")
        rows = tuple(
            (a.id, str(a.priority), str(a.raises), f"{100 * a.share:.1f} %", str(a.chatters), str(a.fleeting))
            for a in found.top
        )
        blocks.append(Block(kind="table", head=head, rows=rows, right=(1, 2, 3, 4, 5), wide=(0,)))
    else:
        blocks.append(text("None.", "faint"))
    blocks += [heading("Floods"), _floods(found), heading("Standing for more than a day")]
    blocks.append(text(", ".join(found.standing)) if found.standing else text("None.", "faint"))
    return Paper(
        title=f"Alarms of {title}",
        subtitle=f"{iso(found.from_ns)} to {iso(found.to_ns)}",
        blocks=tuple(blocks),
        footer="Metrics of ISA-18.2 clause 16 and EEMUA 191. Ten minutes and hours are those of the clock; "
        "empty ones count. What was raised while hidden is in its own figure only.",
    )


def _metrics(metrics: tuple[Metric, ...]) -> Block:
    return Block(
        kind="table",
        head=("figure", "value", "target", "maximum", "judgement"),
        rows=tuple(
            (
                m.name,
                number(m.value, m.unit),
                number(m.target, m.unit),
                number(m.maximum, m.unit),
                m.verdict or "–",
            )
            for m in metrics
        ),
        right=(1, 2, 3),
        wide=(0,),
        tones=tuple((i, 4, _TONES[m.verdict]) for i, m in enumerate(metrics) if m.verdict),
    )


def _priorities(found: Health) -> Block:
    total = sum(found.by_priority.values())
    return Block(
        kind="table",
        head=("priority", "annunciated", "share", "should be about", "median time to acknowledge"),
        rows=tuple(
            (
                str(p),
                str(n),
                number(100 * n / total if total else float("nan"), "%"),
                number(100 * SHARES[p], "%"),
                number(found.answer_s.get(p, float("nan")), "s"),
            )
            for p, n in sorted(found.by_priority.items())
        ),
        right=(1, 2, 3, 4),
    )


def _bars(found: Health) -> Block:
    """Return a bar for each ten minutes, or for the worst of several where there are many."""
    if not len(found.periods):
        return text("The span is shorter than ten minutes of the clock.", "faint")
    values, each = thinned(tuple(float(n) for n in found.periods.tolist()))
    several = f", the worst of each {each * PERIOD_NS // (60 * NS)} min" if each > 1 else ""
    whole = found.to_ns - found.from_ns
    return Block(
        kind="bars",
        text=f"The dashed line is {BUSY_PERIOD}{several}.",
        values=tuple(values),
        limit=float(BUSY_PERIOD),
        spans=tuple(
            ((f.from_ns - found.from_ns) / whole, (min(f.to_ns, found.to_ns) - found.from_ns) / whole)
            for f in found.floods
        ),
        marks=((0.0, iso(found.from_ns)[:10]), (1.0, iso(found.to_ns)[:10])),
    )


def _floods(found: Health) -> Block:
    if not found.floods:
        return text("None.", "faint")
    rows = tuple((iso(f.from_ns), iso(f.to_ns), str(f.count)) for f in found.floods)
    return Block(kind="table", head=("from", "to", "alarms"), rows=rows, right=(2,))
