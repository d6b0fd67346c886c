"""A procedure as one page that a phone opens: the parts in AR, then each step with its picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from armillary.model.procedure import Procedure, ProcedureStep

_STYLE = """
body{font:17px/1.5 system-ui,sans-serif;color:#1b2127;background:#fff;max-width:760px;margin:1.2em auto;
padding:0 1em}
h1{font-size:1.45em;border-left:6px double #56788f;padding-left:.5em;margin-bottom:.2em}
p.sub{color:#5b646c;margin-top:0}ol{padding-left:0;list-style:none;counter-reset:s}
li{counter-increment:s;border:1px solid #d5dade;border-radius:8px;padding:.8em;margin:1em 0;
break-inside:avoid}
li h2{font-size:1.1em;margin:0 0 .3em}li h2:before{content:counter(s) ". "}
li img,a.ar img{width:100%;height:auto;border-radius:6px;display:block}
code{background:#eef1f3;border-radius:4px;padding:.1em .35em;font-size:.92em}
.who{font-weight:600}a.ar{display:block;text-decoration:none;color:inherit;margin:1em 0}
.word{display:block;background:#56788f;color:#fff;text-align:center;padding:.6em;border-radius:6px;
margin-top:.4em}
label{display:block;margin-top:.5em}input{width:1.3em;height:1.3em;vertical-align:middle}
footer{color:#5b646c;font-size:.85em;margin-top:2em}
@media print{a.ar,label{display:none}}
@media(prefers-color-scheme:dark){body{background:#14181c;color:#e4e8eb}li{border-color:#39424a}
code{background:#252c33}p.sub,footer{color:#a5afb7}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handout:
    """What stands on the page. Names are of files beside it; "" = there is none."""

    procedure: Procedure
    project: str
    version: str
    model: str  # the USDZ
    cover: str  # its picture
    pictures: Sequence[str]  # one for each step
    made: str  # when, for people
    notes: Sequence[str] = ()


def html(page: Handout) -> str:
    """Return the page. It needs nothing but the files beside it, runs no script, and asks no server."""
    procedure = page.procedure
    steps = "".join(
        _step(step, picture) for step, picture in zip(procedure.steps, page.pictures, strict=True)
    )
    footer = f"{page.project} {page.version}".strip() + f" · {page.made} · {procedure.digest[:12]}"
    return "".join(
        (
            "<!doctype html><html lang=en><meta charset=utf-8>",
            "<meta name=viewport content='width=device-width,initial-scale=1'>",
            f"<title>{escape(procedure.title)}</title><style>{_STYLE}</style>",
            f"<h1>{escape(procedure.title)}</h1>",
            f"<p class=sub>{escape(procedure.text or 'Step by step')}</p>",
            _model(page),
            f"<ol>{steps}</ol>",
            *(f"<p class=sub>{escape(note)}</p>" for note in page.notes),
            "<p class=sub>This page knows nothing of the plant as it is now: the conditions are checked on ",
            "the desk, or by you.</p>",
            f"<footer>{escape(footer)}</footer></html>\n",
        )
    )


def _model(page: Handout) -> str:
    """Return the link that Quick Look opens in AR: its first child must be the picture, and nothing else."""
    if not page.model:
        return ""
    href = escape(page.model, quote=True)
    picture = f'<img src="{escape(page.cover, quote=True)}" alt="The parts in 3D">'
    return (
        f'<a class=ar rel="ar" href="{href}#allowsContentScaling=0">{picture}</a>'
        f'<a class=word href="{href}" type="model/vnd.usdz+zip" download>The parts as a file (USDZ)</a>'
    )


def _step(step: ProcedureStep, picture: str) -> str:
    title = escape(step.title or step.id)
    lines = [f"<h2>{title}</h2>", f"<p>{escape(step.text)}</p>"]
    if picture:
        lines.append(f'<img src="{escape(picture, quote=True)}" alt="{escape(_parts(step), quote=True)}">')
    if step.until:
        held = f", for {step.held_s:g} s" if step.held_s else ""
        lines.append(f"<p>Until <code>{escape(step.until)}</code>{held}</p>")
    if step.needs_person:
        lines.append("<p class=who>A person confirms this step.</p>")
    lines.append(f"<label><input type=checkbox aria-label='{title} done'> done</label>")
    return f"<li>{''.join(lines)}</li>"


def _parts(step: ProcedureStep) -> str:
    names = [prim.rpartition("/")[2] for prim in step.prims]
    return f"Where it is done: {', '.join(names)}" if names else "Where it is done"
