"""TLS of a link: the context of its files, why a certificate was refused, and until when both are valid."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from armillary.api import LinkFault, LinkRefused
from armillary_plugins.mqtt import certificate
from armillary_plugins.mqtt.certificate import Certificate
from armillary_plugins.mqtt.settings import Settings

NS, DAY_NS = 1_000_000_000, 86_400_000_000_000
LOOK_S = 3.0  # what asking for the refused certificate may take
# OpenSSL's verify codes (X509_V_ERR_*)
_NOT_YET, _EXPIRED, _REVOKED, _HOST, _ADDRESS = 9, 10, 23, 62, 64
_LIST = frozenset({3, 11, 12, 33})  # no revocation list of the issuer, not yet valid, expired, other scope
_WANTS_OURS = ("CERTIFICATE_REQUIRED", "HANDSHAKE_FAILURE")
_AGAINST_OURS = (
    "BAD_CERTIFICATE", "CERTIFICATE_EXPIRED", "CERTIFICATE_REVOKED", "CERTIFICATE_UNKNOWN", "UNKNOWN_CA",
    "UNSUPPORTED_CERTIFICATE", "ACCESS_DENIED",
)  # fmt: skip


def context_of(settings: Settings, project: Path) -> ssl.SSLContext | None:
    """Return how to speak TLS, None without. Raises LinkRefused for files that cannot be used."""
    if not settings.is_tls:
        return None
    ca, crl = settings.tls.get("ca", ""), settings.tls.get("crl", "")
    cert, key = settings.tls.get("cert", ""), settings.tls.get("key", "")
    try:
        context = ssl.create_default_context(cafile=str(project / ca) if ca else None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if crl:
            context.load_verify_locations(cafile=str(project / crl))
            context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF
        if cert:
            context.load_cert_chain(str(project / cert), str(project / key) if key else None)
    except (OSError, ssl.SSLError) as error:
        raise LinkRefused(
            f"The certificate files of the link cannot be used: {error}",
            where=settings.where,
            remedy="Correct the paths in tls = { ca, cert, key, crl }, relative to the project.",
        ) from error
    return context


def ends(settings: Settings, project: Path, peer: Mapping[str, object] | None) -> dict[str, int]:
    """Return until when the certificates of a connection are valid, ns UTC: `server`, and `own` if any."""
    out: dict[str, int] = {}
    until = (peer or {}).get("notAfter")
    if isinstance(until, str):
        out["server"] = int(ssl.cert_time_to_seconds(until)) * NS
    own = settings.tls.get("cert", "")
    if own:
        try:
            out["own"] = certificate.read_file(project / own).until_ns
        except (OSError, ValueError):
            return out  # OpenSSL could use the file, so its form is one that we do not read
    return out


async def looked_at(settings: Settings) -> Certificate | None:
    """Return the certificate that the server shows, trusted or not; None when it shows none.

    Python keeps a certificate that it refused to itself, so it is asked for once more; nothing else is said.
    """
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(LOOK_S):
            _, writer = await asyncio.open_connection(
                settings.host, settings.port, ssl=context, server_hostname=settings.server_name
            )
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        return certificate.read(shown) if shown else None
    except (OSError, TimeoutError, ValueError):
        return None
    finally:
        if writer is not None:
            writer.transport.abort()
        await asyncio.sleep(0)


def refusal(code: int, said: str, shown: Certificate | None, settings: Settings, now_ns: int) -> LinkRefused:
    """Return why a certificate is not accepted, in words, with its fingerprint to compare.

    `code` and `said` are OpenSSL's; `shown` is the certificate, where the server showed it again.
    """
    host = settings.server_name
    print_ = f" SHA-256 {shown.fingerprint}." if shown else ""
    if code == _EXPIRED:
        when = _when(shown.until_ns, now_ns) if shown else ""
        what = f"The certificate of {host} has expired{when}.{print_}"
        remedy = "Have the broker's certificate renewed; check the clock of this machine too."
    elif code == _NOT_YET:
        begin = _day(shown.from_ns) if shown else "later"
        what = f"The certificate of {host} is valid only from {begin}.{print_}"
        remedy = "Check the clocks of this machine and of the broker."
    elif code in (_HOST, _ADDRESS):
        names = ", ".join(shown.names[:5]) if shown and shown.names else (shown.subject if shown else "")
        named = f"'{names}'" if names else "another name"
        what = f"The certificate is for {named}, not for '{host}'.{print_}"
        remedy = "Correct the host in the url, or give the name as tls = { server_name = … }."
    elif code == _REVOKED:
        what = f"The certificate of {host} was revoked by its authority.{print_}"
        remedy = "Do not connect before the broker has a new one; ask who revoked it."
    elif code in _LIST:
        what = f"The revocation list says nothing of the certificate of {host}: {said}.{print_}"
        remedy = "Give a present list of the authority as tls = { crl = … }."
    else:
        by = f"'{shown.issuer}'" if shown and shown.issuer else "somebody"
        what = f"The certificate of {host} is not trusted: nobody here knows {by}, who signed it.{print_}"
        remedy = "Compare the fingerprint with the broker's, then give its authority as tls = { ca = … }."
    return LinkRefused(what, where=settings.where, remedy=remedy)


def broken(error: ssl.SSLError, settings: Settings) -> LinkFault:
    """Return why TLS did not come to be, or broke, for other reasons than the server's certificate."""
    reason = (error.reason or str(error)).upper()
    if any(word in reason for word in _WANTS_OURS) and not settings.tls.get("cert"):
        return LinkRefused(
            "The broker wants a certificate from us, and the link has none.",
            where=settings.where,
            remedy="Give it as tls = { cert = …, key = … }, then retry now.",
        )
    if "ALERT" in reason and any(word in reason for word in (*_WANTS_OURS, *_AGAINST_OURS)):
        return LinkRefused(
            f"The broker does not accept our certificate ({error.reason or error}).",
            where=settings.where,
            remedy="Have it signed by an authority that the broker trusts, and see until when it is valid.",
        )
    return LinkRefused(
        f"The broker does not speak TLS with us: {error.reason or error}.",
        where=settings.where,
        remedy="Check the port, or use mqtt:// where the broker has no TLS.",
    )


def _when(until_ns: int, now_ns: int) -> str:
    days = (now_ns - until_ns) // DAY_NS
    ago = f"{days} days ago" if days > 1 else "yesterday" if days == 1 else "today"
    return f" {ago} (valid to {_day(until_ns)})"


def _day(t_ns: int) -> str:
    return datetime.fromtimestamp(t_ns / NS, UTC).strftime("%Y-%m-%d %H:%M UTC")
