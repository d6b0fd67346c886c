"""A paper as one HTML file that needs nothing beside it, for the screen and the printer."""

from __future__ import annotations

from html import escape

from armillary.model.paper import Block, Paper

_WIDTH, _HEIGHT, _FOOT, _MOST_BARS = 1000, 120, 18, 500
_EDGE = 0.03  # of the width: a label so near an end is not centred
_STYLE = """
body{font:15px/1.45 system-ui,sans-serif;color:#1b2127;background:#fff;max-width:1050px;margin:2em auto;
padding:0 1em}
h1{font-size:1.5em;border-left:6px double #56788f;padding-left:.5em;margin-bottom:.1em}
h2{font-size:1.15em;margin:1.6em 0 .4em;break-after:avoid}
p{margin:.3em 0}.sub{color:#5b646c;margin-top:0}
table{border-collapse:collapse;width:100%}thead{display:table-header-group}tr{break-inside:avoid}
td,th{padding:.25em .6em;border-bottom:1px solid #d5dade;text-align:left;vertical-align:top}
th{color:#5b646c;font-weight:600}
.n{text-align:right;font-variant-numeric:tabular-nums}.s{white-space:nowrap}
.good{color:#2c6e2c}.doubt{color:#8a5a00}.bad{color:#b3202c;font-weight:600}.faint{color:#5b646c}
.keys{display:flex;flex-wrap:wrap;gap:.6em}
.keys div{border:1px solid #d5dade;border-radius:6px;padding:.5em .9em;min-width:9em}
.keys b{display:block;font-size:1.35em;font-variant-numeric:tabular-nums}
.keys small{color:#5b646c}
footer{color:#5b646c;font-size:.85em;margin-top:2em}svg{display:block;width:100%;height:auto}
@media print{body{margin:0;max-width:none;font-size:11px}}
"""


def html(paper: Paper) -> str:
    """Return the page."""
    return "".join(
        (
            "<!doctype html><html lang=en><meta charset=utf-8>",
            "<meta name=viewport content='width=device-width,initial-scale=1'>",
            f"<title>{escape(paper.title)}</title><style>{_STYLE}</style>",
            f"<h1>{escape(paper.title)}</h1><p class=sub>{escape(paper.subtitle)}</p>",
            *(_block(block) for block in paper.blocks),
            f"<footer>{escape(paper.footer)}</footer></html>\n",
        )
    )


def _block(block: Block) -> str:
    match block.kind:
        case "heading":
            return f"<h2>{escape(block.text)}</h2>"
        case "text":
            return f"<p{_class(block.tone)}>{_lines(block.text)}</p>"
        case "table":
            return _table(block)
        case "keys":
            cells = (
                f"<div>{escape(what)}<b>{escape(value)}</b><small>{escape(note)}</small></div>"
                for what, value, note in block.rows
            )
            return f"<div class=keys>{''.join(cells)}</div>"
        case "bars":
            return _bars(block)


def _class(name: str) -> str:
    return f' class="{name}"' if name else ""


def _lines(words: str) -> str:
    return escape(words).replace("\n", "<br>")


def _table(block: Block) -> str:
    tones = {(row, column): tone for row, column, tone in block.tones}
    wide = block.wide or (len(block.head) - 1,)
    shape = ["n" if c in block.right else "" if c in wide else "s" for c in range(len(block.head))]
    head = "".join(f"<th{_class(shape[c])}>{escape(name)}" for c, name in enumerate(block.head))
    rows = "".join(
        "<tr>"
        + "".join(
            f"<td{_class(' '.join(filter(None, (shape[c], tones.get((r, c), '')))))}>{_lines(cell)}"
            for c, cell in enumerate(cells)
        )
        for r, cells in enumerate(block.rows)
    )
    return f"<table><thead><tr>{head}</thead>{rows}</table>"


def thinned(values: tuple[float, ...], most: int = _MOST_BARS) -> tuple[list[float], int]:
    """Return the highest of each few values so that at most `most` are left, and how many that few is."""
    each = max(1, -(-len(values) // most))
    return [max(values[i : i + each]) for i in range(0, len(values), each)], each


def _bars(block: Block) -> str:
    if not block.values:
        return "<p class=faint>The span is shorter than one bar.</p>"
    values, _ = thinned(block.values)
    top = max(*values, block.limit, 1.0)
    width, out = _WIDTH / len(values), list[str]()
    for begin, end in block.spans:
        x = _WIDTH * min(max(begin, 0.0), 1.0)
        out.append(
            f'<rect x="{x:.1f}" y="0" width="{_WIDTH * min(end, 1.0) - x:.1f}" height="{_HEIGHT}" '
            'fill="#f3d9db"/>'
        )
    for i, value in enumerate(values):
        if value:
            tall = _HEIGHT * value / top
            colour = "#b3202c" if block.limit and value > block.limit else "#56788f"
            out.append(
                f'<rect x="{i * width:.1f}" y="{_HEIGHT - tall:.1f}" width="{max(width - 0.5, 0.5):.1f}" '
                f'height="{tall:.1f}" fill="{colour}"/>'
            )
    if block.limit:
        y = _HEIGHT - _HEIGHT * block.limit / top
        out.append(
            f'<line x1="0" x2="{_WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="#8a5a00" stroke-dasharray="4"/>'
        )
    out.append(f'<line x1="0" x2="{_WIDTH}" y1="{_HEIGHT}" y2="{_HEIGHT}" stroke="#9aa4ac"/>')
    for share, label in block.marks:
        anchor = "start" if share < _EDGE else "end" if share > 1 - _EDGE else "middle"
        out.append(
            f'<text x="{_WIDTH * share:.1f}" y="{_HEIGHT + 14}" text-anchor="{anchor}" font-size="12" '
            f'fill="#5b646c">{escape(label)}</text>'
        )
    words = f"<p class=faint>Highest: {max(values):g}. {escape(block.text)}</p>"
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT + _FOOT}" role="img" aria-label="{escape(block.text)}">'
        f"{''.join(out)}</svg>{words}"
    )
