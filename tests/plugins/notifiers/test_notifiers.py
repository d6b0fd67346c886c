"""Webhook and e-mail against real servers on loopback: what arrives, what is signed, what is refused."""

from __future__ import annotations

import hashlib
import hmac
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from authority import Authority
from receivers import Hook, Post

from armillary.api import (
    Fault,
    LinkFault,
    LinkRefused,
    LinkSpec,
    Notice,
    Notifier,
    OrderFault,
    ProjectFault,
    SourceContext,
    WallClock,
)
from armillary_plugins.notifiers import mail, webhook

SECRETS = {"hook": "s3cret", "mail": "p0st"}
HOOK: dict[str, object] = {"secret": "hook"}
USER: dict[str, object] = {"user": "me", "secret": "mail"}
NOTICE = Notice(
    id="7f3a",
    kind="raised",
    receiver="duty",
    title="Oven zone 2 <hot>\r\nBcc: all@site.example",
    text="TT-212.value is 86.4 °C, above 85 °C in 5 readings",
    priority=1,
    alarm="O210-Z2-HTT",
    occurrence="O210-Z2-HTT#1",
    tag="TT-212.value",
    value=86.4,
    unit="°C",
    where="/Plant/Oven",
    consequence="Product scorched",
    operator_action="Halt line 2 & open the damper",
    time_to_respond_s=120.0,
    t_ns=1_773_316_800_123_000_000,
    raised_ns=1_773_316_800_123_000_000,
    project="Packaging",
    link="https://wiki.example/O210-Z2-HTT",
)


def made(make: Any, url: str, project: Path = Path(), **settings: object) -> Notifier:
    link = LinkSpec(name="duty", kind="k", url=url, settings=settings, origin="notify.toml:notify.duty")
    context = SourceContext(link=link, clock=WallClock(), secret=SECRETS.__getitem__, project=project)
    notifier = make(context)
    assert isinstance(notifier, Notifier)
    return notifier


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ca.pem, and a server's certificate."""
    folder = tmp_path_factory.mktemp("ca")
    Authority(folder).issue("server")
    return folder


@pytest.fixture(scope="module")
def tls(authority: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority / "server.pem", authority / "server.key")
    return context


@pytest.fixture
def hook() -> Iterator[Hook]:
    with Hook() as server:
        yield server


# ---------------------------------------------------------------- webhook


async def test_webhook_posts_json_that_its_signature_proves(hook: Hook) -> None:
    sender = made(webhook.make, f"http://127.0.0.1:{hook.port}/in?site=1", **HOOK)
    await sender.send(NOTICE)
    (post,) = hook.got
    assert post.path == "/in?site=1"
    assert post.headers["Armillary-Notice"] == "7f3a"
    stamp, mark = (part.partition("=")[2] for part in post.headers["Armillary-Signature"].split(","))
    assert mark == hmac.new(b"s3cret", stamp.encode() + b"." + post.body, hashlib.sha256).hexdigest()
    assert (post.json["kind"], post.json["priority"], post.json["value"]) == ("raised", 1, 86.4)
    assert post.json["raised"] == "2026-03-12T12:00:00.123Z"
    assert "s3cret" not in str(post.headers) + post.body.decode()


async def test_webhook_without_a_value_says_none(hook: Hook) -> None:
    await made(webhook.make, f"http://127.0.0.1:{hook.port}").send(replace(NOTICE, value=float("nan")))
    assert "value" not in hook.got[0].json
    assert "Armillary-Signature" not in hook.got[0].headers


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (500, LinkFault),
        (503, LinkFault),
        (429, LinkFault),
        (401, LinkRefused),
        (404, LinkRefused),
        (302, LinkRefused),  # a redirect is not followed
        (400, OrderFault),
        (413, OrderFault),
    ],
)
async def test_webhook_tells_what_is_tried_again_from_what_is_not(
    hook: Hook, status: int, fault: type[Fault]
) -> None:
    hook.answers = [status]
    with pytest.raises(fault) as raised:
        await made(webhook.make, f"http://127.0.0.1:{hook.port}").send(NOTICE)
    assert raised.type is fault
    assert str(status) in raised.value.what
    assert len(hook.got) == 1


async def test_webhook_says_that_nothing_listens() -> None:
    with Hook() as gone:
        port = gone.port
    with pytest.raises(LinkFault, match="Nothing listens"):
        await made(webhook.make, f"http://127.0.0.1:{port}").send(NOTICE)


async def test_webhook_verifies_the_certificate_of_the_server(authority: Path, tls: ssl.SSLContext) -> None:
    with Hook(tls=tls) as server:
        url = f"https://127.0.0.1:{server.port}/in"
        with pytest.raises(LinkRefused, match="certificate"):
            await made(webhook.make, url).send(NOTICE)
        assert server.got == []
        await made(webhook.make, url, authority, ca="ca.pem").send(NOTICE)
        assert server.got[0].json["id"] == "7f3a"


@pytest.mark.parametrize(
    ("url", "settings", "says"),
    [
        ("http://call.example/in", {}, "Without TLS"),
        ("ftp://call.example", {}, "no address"),
        ("https://call.example", {"secrt": "x"}, "no setting 'secrt'"),
        ("https://call.example", {"secret": 3}, "secret = 3"),
        ("https://call.example", {"ca": "no.pem"}, "cannot be read"),
    ],
)
def test_webhook_that_cannot_be_meant_is_refused(url: str, settings: dict[str, object], says: str) -> None:
    with pytest.raises(ProjectFault, match=says):
        made(webhook.make, url, **settings)


def test_webhook_without_tls_is_made_where_it_is_meant() -> None:
    made(webhook.make, "http://call.example/in", insecure=True)


# ---------------------------------------------------------------- e-mail

WHO: dict[str, object] = {"from": "armillary@site.example", "to": ["anna@site.example", "bo@site.example"]}


async def test_mail_goes_by_starttls_with_a_login_as_text_and_as_html(
    authority: Path, tls: ssl.SSLContext
) -> None:
    with Post(tls=tls, password=SECRETS["mail"]) as server:
        url = f"smtp://127.0.0.1:{server.port}"
        sender = made(mail.make, url, authority, ca="ca.pem", **USER, **WHO)
        await sender.send(NOTICE)
    (message,), was_tls = server.got, server.was_tls
    assert was_tls == [True]
    assert message["Subject"].startswith("[P1] Oven zone 2 <hot> Bcc: all@site.example: raised")
    assert message["Bcc"] is None  # a line end in a title begins no header
    assert (message["To"], message["Message-ID"]) == (
        "anna@site.example, bo@site.example",
        "<7f3a@armillary>",
    )
    text, page = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert page is not None
    assert "Do: Halt line 2 & open the damper" in text.get_content()
    assert "Value: 86.4 °C" in text.get_content()
    assert "&lt;hot&gt;" in page.get_content()
    assert "<hot>" not in page.get_content()
    assert 'href="https://wiki.example/O210-Z2-HTT"' in page.get_content()


async def test_mail_is_not_sent_past_a_certificate_that_is_not_trusted(tls: ssl.SSLContext) -> None:
    with Post(tls=tls) as server:
        with pytest.raises(LinkRefused, match="certificate"):
            await made(mail.make, f"smtp://127.0.0.1:{server.port}", **WHO).send(NOTICE)
        assert server.got == []


async def test_mail_says_who_is_refused_and_what_comes_again() -> None:
    with Post(refuses=("bo@",), password=SECRETS["mail"]) as server:
        url = f"smtp://127.0.0.1:{server.port}"
        with pytest.raises(OrderFault, match=r"for bo@site\.example; the others have it"):
            await made(mail.make, url, **WHO).send(NOTICE)
        server.refuses = ("anna@", "bo@")
        with pytest.raises(OrderFault, match="550"):
            await made(mail.make, url, **WHO).send(NOTICE)
        server.refuses, server.busy = (), 1
        with pytest.raises(LinkFault, match="451") as raised:
            await made(mail.make, url, **WHO).send(NOTICE)
        assert raised.type is LinkFault
        SECRETS["mail"] = "wrong"
        try:
            with pytest.raises(LinkRefused, match="does not let us in"):
                await made(mail.make, url, **USER, **WHO).send(NOTICE)
        finally:
            SECRETS["mail"] = "p0st"


async def test_mail_of_a_group_lists_its_alarms() -> None:
    lines = ("P1 Oven: hot", "P3 Pump: <off>")
    group = replace(NOTICE, kind="group", title="37 alarms in 10 min", lines=lines, count=37)
    with Post() as server:
        await made(mail.make, f"smtp://127.0.0.1:{server.port}", **WHO).send(group)
    text, page = server.got[0].get_body(("plain",)), server.got[0].get_body(("html",))
    assert text is not None
    assert page is not None
    assert "P3 Pump: <off>" in text.get_content()
    assert "<li>P3 Pump: &lt;off&gt;</li>" in page.get_content()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"to": []}, "to = "),
        ({"to": ["anna"]}, "no e-mail address"),
        ({"to": ["anna@site.example\nBcc: x@y.example"]}, "no e-mail address"),
        ({"from": ""}, "from = "),
        ({"too": ["a@b.example"]}, "no setting 'too'"),
    ],
)
def test_mail_that_cannot_be_meant_is_refused(settings: dict[str, object], says: str) -> None:
    with pytest.raises(ProjectFault, match=says):
        made(mail.make, "smtps://mail.example", **{**WHO, **settings})
