"""The health of an alarm system as one HTML file that needs nothing beside it. Pure data in, text out."""

from __future__ import annotations

from html import escape

from armillary.alarms.health import BUSY_PERIOD, PERIOD_NS, SHARES, Health, Metric
from armillary.model.clock import iso

_WIDTH, _HEIGHT, _MOST_BARS = 1000, 120, 500
_STYLE = """
body{font:15px/1.45 system-ui,sans-serif;color:#1b2127;max-width:1050px;margin:2em auto;padding:0 1em}
h1{font-size:1.5em;border-left:6px double #8a2b2b;padding-left:.5em}h2{font-size:1.15em;margin-top:1.6em}
table{border-collapse:collapse;width:100%}
td,th{padding:.25em .6em;border-bottom:1px solid #d5dade;text-align:left}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
.good{color:#2c6e2c}.target{color:#8a5a00}.maximum{color:#b3202c;font-weight:600}
footer{color:#5b646c;font-size:.85em;margin-top:2em}svg{display:block}
"""
_CLASS = {"good": "good", "over target": "target", "over maximum": "maximum", "": ""}


def number(value: float, unit: str = "") -> str:
    """Return a figure as the page and the terminal write it, `–` where there is none."""
    if value != value:
        return "–"
    text = f"{value:.0f}" if value == int(value) else f"{value:.3g}"
    return f"{text} {unit}".rstrip()


def page(found: Health, title: str) -> str:
    """Return the page."""
    indicative = f" Indicative: {found.days:.1f} days are too few to judge by." if found.is_indicative else ""
    return "".join(
        (
            f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}: alarms</title>",
            f"<style>{_STYLE}</style><h1>Alarms of {escape(title)}</h1>",
            f"<p>{iso(found.from_ns)} to {iso(found.to_ns)}.{indicative}</p>",
            "<h2>Against the standard</h2><table><tr><th>figure<th class=n>value<th class=n>target",
            "<th class=n>maximum<th>judgement</tr>",
            *(_row(metric) for metric in found.metrics),
            "</table><h2>By priority</h2><table><tr><th>priority<th class=n>annunciated<th class=n>share",
            "<th class=n>should be about<th class=n>median time to acknowledge</tr>",
            *_priorities(found),
            "</table><h2>Each ten minutes</h2>",
            _bars(found),
            "<h2>The most frequent</h2><table><tr><th>alarm<th class=n>priority<th class=n>raises",
            "<th class=n>share<th class=n>began to chatter<th class=n>fleeting</tr>",
            *(
                f"<tr><td>{escape(a.id)}<td class=n>{a.priority}<td class=n>{a.raises}"
                f"<td class=n>{100 * a.share:.1f} %<td class=n>{a.chatters}<td class=n>{a.fleeting}</tr>"
                for a in found.top
            ),
            "</table><h2>Floods</h2>",
            _floods(found),
            "<h2>Standing for more than a day</h2>",
            f"<p>{escape(', '.join(found.standing)) or 'None.'}</p>",
            "<footer>Metrics of ISA-18.2 clause 16 and EEMUA 191. Ten minutes and hours are those of the "
            "clock; empty ones count. What was raised while hidden is in its own "
            "figure only.</footer></html>",
        )
    )


def _row(metric: Metric) -> str:
    name = _CLASS[metric.verdict]
    return (
        f"<tr><td>{escape(metric.name)}<td class=n>{number(metric.value, metric.unit)}"
        f"<td class=n>{number(metric.target, metric.unit)}<td class=n>{number(metric.maximum, metric.unit)}"
        f'<td class="{name}">{metric.verdict or "–"}</tr>'
    )


def _priorities(found: Health) -> list[str]:
    total = sum(found.by_priority.values())
    return [
        f"<tr><td>{p}<td class=n>{n}<td class=n>{number(100 * n / total if total else float('nan'), '%')}"
        f"<td class=n>{number(100 * SHARES[p], '%')}"
        f"<td class=n>{number(found.answer_s.get(p, float('nan')), 's')}</tr>"
        for p, n in sorted(found.by_priority.items())
    ]


def _bars(found: Health) -> str:
    """Return a bar for each ten minutes, or for the worst of several where there are many."""
    n = len(found.periods)
    if not n:
        return "<p>The span is shorter than ten minutes of the clock.</p>"
    each = -(-n // _MOST_BARS)
    worst = [int(found.periods[i : i + each].max()) for i in range(0, n, each)]
    top = max(*worst, BUSY_PERIOD)
    width = _WIDTH / len(worst)
    thick = max(width - 0.5, 0.5)
    bars = "".join(
        f'<rect x="{i * width:.1f}" y="{_HEIGHT - _HEIGHT * v / top:.1f}" width="{thick:.1f}" '
        f'height="{_HEIGHT * v / top:.1f}" fill="{"#b3202c" if v > BUSY_PERIOD else "#56788f"}"/>'
        for i, v in enumerate(worst)
        if v
    )
    line = _HEIGHT - _HEIGHT * BUSY_PERIOD / top
    several = f", the worst of each {each * PERIOD_NS // 60_000_000_000} min" if each > 1 else ""
    return (
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" role="img" aria-label="Alarms in each ten minutes">{bars}'
        f'<line x1="0" x2="{_WIDTH}" y1="{line:.1f}" y2="{line:.1f}" stroke="#8a5a00" stroke-dasharray="4"/>'
        f"</svg><p>Highest: {max(worst)}; the dashed line is {BUSY_PERIOD}{several}.</p>"
    )


def _floods(found: Health) -> str:
    if not found.floods:
        return "<p>None.</p>"
    rows = "".join(
        f"<tr><td>{iso(f.from_ns)}<td>{iso(f.to_ns)}<td class=n>{f.count}</tr>" for f in found.floods
    )
    return f"<table><tr><th>from<th>to<th class=n>alarms</tr>{rows}</table>"
