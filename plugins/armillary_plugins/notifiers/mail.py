"""E-mail: one message for each notice, as text and as HTML, over TLS or STARTTLS."""

from __future__ import annotations

import html
import re
import smtplib
from collections.abc import Iterator
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import parseaddr

from armillary.api import Fault, LinkFault, LinkRefused, Notice, OrderFault, ProjectFault, SourceContext
from armillary_plugins.notifiers.common import TIMEOUT_S, Given, aside, is_loopback, iso
from armillary_plugins.notifiers.webhook import fault_of

KNOWN = ("from", "to", "user", "secret", "ca", "insecure")
_SUBJECT = 120
_COLOURS = {1: "#c3123a", 2: "#a35f00", 3: "#7a6a00", 4: "#0f7f79"}  # readable on white
_VERBS = {
    "raised": "raised",
    "cleared": "returned to normal",
    "acknowledged": "acknowledged",
    "reset": "reset",
    "escalated": "NOT ACKNOWLEDGED",
}


class Mail:
    """Sends through one server. `smtps://` speaks TLS at once, `smtp://` by STARTTLS."""

    def __init__(self, context: SourceContext) -> None:
        """Raises ProjectFault for settings that cannot be used."""
        given = Given(context, "An e-mail", KNOWN)
        insecure = given.flag("insecure")
        # smtp:// is no plain connection: without STARTTLS nothing is sent
        parts, self._port = given.url({"smtps": 465, "smtp": 587}, insecure=insecure, is_plain="")
        self._host, self._where = parts.hostname or "", given.where
        self._is_tls = parts.scheme == "smtps"
        self._may_be_plain = insecure or is_loopback(self._host)
        self._tls = given.tls()
        self._from, self._to = _addresses(given, "from")[0], _addresses(given, "to")
        self._user, self._secret = given.text("user"), given.text("secret")
        self._context = context

    async def send(self, notice: Notice) -> None:
        """Send a notice; return when the server has taken it for all who are named."""
        message = message_of(notice, self._from, self._to)
        password = self._context.secret(self._secret) if self._secret else ""
        await aside(lambda: self._sent(message, password))

    def _sent(self, message: EmailMessage, password: str) -> None:
        try:
            with self._connected() as server:
                if self._user:
                    server.login(self._user, password)
                refused = server.send_message(message, self._from, list(self._to))
        except smtplib.SMTPAuthenticationError as error:
            raise LinkRefused(
                f"The mail server does not let us in ({error.smtp_code}).",
                where=self._where,
                remedy="Correct user and secret of this receiver.",
            ) from error
        except smtplib.SMTPException as error:
            raise self._fault(error) from error
        except OSError as error:
            raise fault_of(error, self._where) from error
        if refused:
            raise OrderFault(
                f"The mail server does not take it for {', '.join(sorted(refused))}; the others have it.",
                where=self._where,
                remedy="Correct 'to' of this receiver.",
            )

    def _connected(self) -> smtplib.SMTP:
        """Return a connection that is safe to use. Raises Fault, OSError or SMTPException."""
        if self._is_tls:
            return smtplib.SMTP_SSL(self._host, self._port, timeout=TIMEOUT_S, context=self._tls)
        server = smtplib.SMTP(self._host, self._port, timeout=TIMEOUT_S)
        try:
            server.ehlo_or_helo_if_needed()
            if server.has_extn("starttls"):
                server.starttls(context=self._tls)
                server.ehlo_or_helo_if_needed()
            elif not self._may_be_plain:
                raise LinkRefused(
                    "The mail server offers no STARTTLS, so nothing is sent.",
                    where=self._where,
                    remedy="Use smtps://; or insecure = true, on a network that you trust.",
                )
            return server
        except BaseException:
            server.close()
            raise

    def _fault(self, error: smtplib.SMTPException) -> Fault:
        code = getattr(error, "smtp_code", 0)
        said = getattr(error, "smtp_error", b"")
        if isinstance(error, smtplib.SMTPRecipientsRefused):
            codes = [answer[0] for answer in error.recipients.values()]
            code = min(codes, default=0)
            said = next(iter(error.recipients.values()), (0, b""))[1]
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        what = f"The mail server refused it ({code} {' '.join(text.split())[:160]})."
        if code >= 500:  # noqa: PLR2004  permanent, by RFC 5321
            return OrderFault(what, where=self._where, remedy="Correct 'to' and 'from' of this receiver.")
        if isinstance(error, smtplib.SMTPNotSupportedError):
            return LinkRefused(f"{error}.", where=self._where, remedy="Correct user, or the server.")
        if not code:
            what = f"The mail server broke off: {error}."
        return LinkFault(what, where=self._where, remedy="It is tried again.")


def message_of(notice: Notice, sender: str, to: tuple[str, ...]) -> EmailMessage:
    """Return a notice as a message; the same notice has the same Message-ID at every try."""
    message = EmailMessage()
    message["Subject"] = _subject(notice)
    message["From"], message["To"] = sender, ", ".join(to)
    message["Message-ID"] = f"<{notice.id}@armillary>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday answers it
    message["X-Armillary-Notice"] = notice.id
    if notice.priority == 1:
        message["X-Priority"] = "1 (Highest)"
        message["Importance"] = "high"
    rows = [*_rows(notice)]
    lines = [notice.text, "", *(f"{name}: {value}" for name, value in rows), *([""] if notice.lines else [])]
    message.set_content("\n".join([*lines, *notice.lines]) + "\n")
    message.add_alternative(_page(notice, rows), subtype="html")
    return message


def _subject(notice: Notice) -> str:
    head = f"[P{notice.priority}] " if notice.priority else ""
    verb = _VERBS.get(notice.kind, "")
    text = f"{head}{notice.title}" + (f": {verb}" if verb else "")
    plain = re.sub(r"[\x00-\x1f\x7f]+", " ", text)  # a line end would begin a header of its own
    return plain[:_SUBJECT] + (f" · {notice.project}" if notice.project else "")


def _rows(notice: Notice) -> Iterator[tuple[str, str]]:
    if notice.value == notice.value:
        yield "Value", f"{notice.value:.5g} {notice.unit}".rstrip()
    facts = (
        ("Do", notice.operator_action),
        ("If ignored", notice.consequence),
        ("Answer within", f"{notice.time_to_respond_s / 60:.0f} min" if notice.time_to_respond_s else ""),
        ("Since", iso(notice.raised_ns)),
        ("Late by", f"{notice.delayed_s:.0f} s" if notice.delayed_s else ""),
        ("By", notice.actor),
        ("Comment", notice.comment),
        ("Tag", notice.tag),
        ("Where", notice.where),
        ("Alarm", notice.alarm),
        ("Project", notice.project),
        ("See it", notice.link),
    )
    yield from ((name, value) for name, value in facts if value)


def _page(notice: Notice, rows: list[tuple[str, str]]) -> str:
    """Return it as HTML; every text is escaped, nothing is loaded from anywhere."""
    colour = _COLOURS.get(notice.priority, "#333333")
    table = "".join(
        f'<tr><td style="padding:2px 12px 2px 0;color:#555">{html.escape(name)}</td>'
        f"<td>{_linked(value)}</td></tr>"
        for name, value in rows
    )
    lines = "".join(f"<li>{html.escape(line)}</li>" for line in notice.lines)
    several = f"<ul>{lines}</ul>" if lines else ""
    return (
        f'<html><body style="font-family:sans-serif"><h2 style="color:{colour};margin:0">'
        f"{html.escape(_subject(notice))}</h2><p>{html.escape(notice.text)}</p>"
        f"<table>{table}</table>{several}</body></html>\n"
    )


def _linked(value: str) -> str:
    text = html.escape(value)
    return f'<a href="{text}">{text}</a>' if re.match(r"https?://", value) else text


def _addresses(given: Given, key: str) -> tuple[str, ...]:
    found = given.texts(key)
    for text in found:
        try:
            fine = bool(Address(addr_spec=parseaddr(text)[1]).domain) and not set("\r\n") & set(text)
        except (ValueError, IndexError):
            fine = False
        if not fine:
            raise ProjectFault(
                f"'{text}' is no e-mail address.",
                where=given.where,
                remedy="Give one such as duty@site.example.",
            )
    return found


def make(context: SourceContext) -> Mail:
    """Return the notifier of one receiver of kind email."""
    return Mail(context)
