"""The page of a handout: Quick Look's link as it wants it, every step, nothing that could run."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

from armillary.model.procedure import Procedure, ProcedureStep
from armillary.session.handout_page import Handout, html

STEPS = (
    ProcedureStep(id="close", title="Close <V-101>", text='Turn "left" & lock', until="V < 2", held_s=5.0),
    ProcedureStep(id="tell", text="Tell the control room", prims=("/A/Desk",)),
)
PAGE = Handout(
    procedure=Procedure(id="swap", title="Swap & go", steps=STEPS, digest="ab" * 32),
    project="North",
    version="1.4.0",
    model="swap.usdz",
    cover="swap-00.png",
    pictures=("swap-01.png", ""),
    made="2026-11-22 09:00",
    notes=("30 MB: slow",),
)


class Seen(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_link_for_ar_has_a_picture_as_its_only_child() -> None:
    tags = Seen(html(PAGE)).tags
    (at,) = [i for i, (tag, attrs) in enumerate(tags) if tag == "a" and attrs.get("rel") == "ar"]
    assert str(tags[at][1]["href"]).startswith("swap.usdz")
    assert tags[at + 1][0] == "img"
    assert tags[at + 2][0] == "a", "nothing else stands in the link"


def test_every_step_tells_what_where_and_until_when() -> None:
    text = html(PAGE)
    assert "Close &lt;V-101&gt;" in text
    assert "Turn &quot;left&quot; &amp; lock" in text
    assert "<code>V &lt; 2</code>, for 5 s" in text
    assert text.count("A person confirms") == 1
    assert "North 1.4.0" in text
    assert "30 MB: slow" in text


def test_the_page_runs_nothing_and_asks_nobody() -> None:
    tags = Seen(html(PAGE)).tags
    assert not [tag for tag, _ in tags if tag in ("script", "iframe", "link", "object")]
    links = [str(v) for _, attrs in tags for k, v in attrs.items() if k in ("src", "href")]
    assert not [link for link in links if "//" in link]


def test_without_a_model_there_is_no_link() -> None:
    assert 'rel="ar"' not in html(replace(PAGE, model=""))
