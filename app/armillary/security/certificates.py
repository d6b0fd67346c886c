"""X.509 as OPC UA has it (OPC 10000-4, 6.1.3): what a certificate says, what is wrong with it, our own.

Pure: bytes and times in, facts and faults out; nothing here reads a file or a clock.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import wraps
from ipaddress import ip_address
from typing import ParamSpec, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from armillary.model.trust import CertificateFacts, day

NS = 1_000_000_000
KEY_BITS, DAYS, LEAST_BITS = 2048, 730, 2048
DEPTH = 8  # certificates of a chain
MOST = 64 * 1024  # bytes of a chain that are looked at
SHOWN, HOSTS = 120, 20  # characters of a name, and names of hosts, that people are shown
_WEAK = ("md5", "sha1")
_E = TypeVar("_E", bound=x509.ExtensionType)
_UNREADABLE = (
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    x509.InvalidVersion,
    UnsupportedAlgorithm,
)
_P = ParamSpec("_P")
_R = TypeVar("_R")


def _quietly(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Let a function read names that break the rules, too long or empty, without the library's warnings."""

    @wraps(function)
    def quiet(*args: _P.args, **named: _P.kwargs) -> _R:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return function(*args, **named)

    return quiet


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is not right with a certificate, and what a person does about it."""

    what: str
    remedy: str
    may_accept: bool = False  # an admin may take it as it is, for one address


@_quietly
def chain_of(der: bytes) -> tuple[x509.Certificate, ...]:
    """Return the certificates that stand one behind the other. Raises ValueError for what is none."""
    found: list[x509.Certificate] = []
    if len(der) > MOST:
        raise ValueError("too long")
    while der and len(found) < DEPTH:
        length = _length(der)
        found.append(_readable(der[:length]))
        der = der[length:]
    if not found:
        raise ValueError("empty")
    return tuple(found)


def _readable(data: bytes) -> x509.Certificate:
    """Return a certificate, PEM or DER, of which everything that is looked at can be read. Raises ValueError.

    The library reads its parts only when they are asked for; who sends them may mean harm.
    """
    is_pem = b"-----BEGIN" in data
    try:
        certificate = x509.load_pem_x509_certificate(data) if is_pem else x509.load_der_x509_certificate(data)
        parts = (
            certificate.extensions,
            certificate.subject.rfc4514_string(),
            certificate.issuer.rfc4514_string(),
            certificate.public_key(),
            certificate.not_valid_before_utc,
            certificate.not_valid_after_utc,
            certificate.serial_number,
        )
    except _UNREADABLE as error:
        raise ValueError("a certificate with parts that cannot be read") from error
    if any(part is None for part in parts):
        raise ValueError("a certificate without a part")
    return certificate


def _length(der: bytes) -> int:
    """Return how long the first DER element is, its head included."""
    if len(der) < 2:  # noqa: PLR2004  tag and length
        raise ValueError("short")
    first = der[1]
    if first < 0x80:  # noqa: PLR2004  the short form
        return 2 + first
    count = first & 0x7F
    return 2 + count + int.from_bytes(der[2 : 2 + count], "big")


@_quietly
def read_file(data: bytes) -> x509.Certificate:
    """Return the certificate of a file, PEM or DER. Raises ValueError."""
    return _readable(data)


def read_list(data: bytes) -> x509.CertificateRevocationList:
    """Return the revocation list of a file, PEM or DER. Raises ValueError."""
    return x509.load_pem_x509_crl(data) if b"-----BEGIN" in data else x509.load_der_x509_crl(data)


def fingerprint(certificate: x509.Certificate) -> str:
    """Return SHA-256 of its DER bytes, `AB:CD:…`."""
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


@_quietly
def facts(certificate: x509.Certificate) -> CertificateFacts:
    """Return what people are shown of it."""
    names = _extension(certificate, x509.SubjectAlternativeName)
    uris = names.get_values_for_type(x509.UniformResourceIdentifier) if names is not None else []
    own = certificate.issuer == certificate.subject
    return CertificateFacts(
        subject=_common_name(certificate.subject),
        issuer="" if own else _common_name(certificate.issuer),
        hosts=_hosts(certificate)[:HOSTS],
        application_uri=_clean(uris[0]) if uris else "",
        from_ns=_ns(certificate.not_valid_before_utc),
        until_ns=_ns(certificate.not_valid_after_utc),
        fingerprint=fingerprint(certificate),
    )


@_quietly
def faults_of(
    certificate: x509.Certificate, host: str, application_uri: str, now_ns: int
) -> tuple[Wrong, ...]:
    """Return what is wrong with a server's certificate itself, worst first; () when nothing is.

    Whether somebody trusts it is another question: `trusted_by`.
    """
    said = (
        _strength(certificate),
        _time(certificate, now_ns),
        _uri(certificate, application_uri),
        _use(certificate),
        _host(certificate, host),
    )
    return tuple(each for each in said if each is not None)


def _strength(certificate: x509.Certificate) -> Wrong | None:
    key = certificate.public_key()
    remedy = "Have the server make a certificate with an RSA key of 2048 to 4096 bits and SHA-256."
    if not isinstance(key, rsa.RSAPublicKey):
        return Wrong("The server's certificate has no RSA key.", remedy)
    if key.key_size < LEAST_BITS:
        return Wrong(f"The key of the server's certificate is too short: {key.key_size} bits.", remedy)
    try:
        used = certificate.signature_hash_algorithm
        weak = used is None or used.name in _WEAK
    except UnsupportedAlgorithm:
        weak = True
    return Wrong("The server's certificate is signed with SHA-1, which is broken.", remedy) if weak else None


def _time(certificate: x509.Certificate, now_ns: int) -> Wrong | None:
    begin, end = _ns(certificate.not_valid_before_utc), _ns(certificate.not_valid_after_utc)
    if now_ns > end:
        return Wrong(
            f"The server's certificate has expired: it was valid to {day(end)}.",
            "Have it renewed at the server; check the clock of this machine too.",
        )
    if now_ns < begin:
        return Wrong(
            f"The server's certificate is valid only from {day(begin)}.",
            "Check the clocks of this machine and of the server.",
        )
    return None


def _uri(certificate: x509.Certificate, application_uri: str) -> Wrong | None:
    names = _extension(certificate, x509.SubjectAlternativeName)
    uris = names.get_values_for_type(x509.UniformResourceIdentifier) if names is not None else []
    if application_uri in uris:
        return None
    of = f"for the application '{_clean(uris[0])}'" if uris else "for no application"
    return Wrong(
        f"The server's certificate is {of}, and the server says it is '{_clean(application_uri)}'.",
        "Give the server a certificate with its own ApplicationUri.",
    )


def _use(certificate: x509.Certificate) -> Wrong | None:
    usage = _extension(certificate, x509.KeyUsage)
    purposes = _extension(certificate, x509.ExtendedKeyUsage)
    may = usage is None or (usage.digital_signature and (usage.key_encipherment or usage.data_encipherment))
    fits = {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    if may and (purposes is None or fits & set(purposes)):
        return None
    return Wrong(
        "The server's certificate was not made for a server (key usage).",
        "Have one made with digitalSignature, keyEncipherment and serverAuth.",
    )


def _host(certificate: x509.Certificate, host: str) -> Wrong | None:
    hosts = _hosts(certificate)
    if any(_same_host(host, name) for name in hosts):
        return None
    named = ", ".join(f"'{name}'" for name in hosts[:3]) or "no host"
    return Wrong(
        f"The server's certificate is for {named}, not for '{host}'.",
        "Correct the host in the url; or an admin accepts it for this address.",
        may_accept=True,
    )


def _same_host(asked: str, named: str) -> bool:
    if asked.casefold() == named.casefold():
        return True
    try:
        return ip_address(asked) == ip_address(named)
    except ValueError:
        return {asked.casefold(), named.casefold()} <= {"localhost", "127.0.0.1", "::1"}


@_quietly
def trusted_by(
    chain: Sequence[x509.Certificate],
    trusted: Sequence[x509.Certificate],
    issuers: Sequence[x509.Certificate],
    lists: Sequence[x509.CertificateRevocationList],
    now_ns: int,
) -> x509.Certificate | Wrong | None:
    """Return the trusted certificate that stands for a chain: itself, or an authority; None for nobody.

    `issuers` help to build the chain and are not trusted by themselves. Wrong: what stands against it.
    """
    known = {fingerprint(one): one for one in trusted}
    at, way = chain[0], [chain[0]]
    pool = [*trusted, *issuers, *chain[1:]]
    while fingerprint(at) not in known:
        above = next((one for one in pool if _signed(at, one)), None)
        if above is None or above in way or len(way) >= DEPTH:
            return None
        if not _is_authority(above):
            return Wrong(
                f"'{_common_name(above.subject)}' signed the server's certificate and may not sign any.",
                "Have a certificate made by a real authority.",
            )
        if _time(above, now_ns) is not None:
            return Wrong(
                f"The authority '{_common_name(above.subject)}' is not valid today.",
                "Put its present certificate into trusted/ or issuers/.",
            )
        way.append(above)
        at = above
    for one, above in zip(way, [*way[1:], way[-1]], strict=True):
        if (wrong := _revoked(one, above, lists, now_ns)) is not None:
            return wrong
    return known[fingerprint(at)]


def _signed(certificate: x509.Certificate, by: x509.Certificate) -> bool:
    if certificate.issuer != by.subject:
        return False
    try:
        certificate.verify_directly_issued_by(by)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _is_authority(certificate: x509.Certificate) -> bool:
    basic = _extension(certificate, x509.BasicConstraints)
    usage = _extension(certificate, x509.KeyUsage)
    return basic is not None and basic.ca and (usage is None or usage.key_cert_sign)


def _revoked(
    one: x509.Certificate,
    issuer: x509.Certificate,
    lists: Sequence[x509.CertificateRevocationList],
    now_ns: int,
) -> Wrong | None:
    """Return what the lists of its issuer say against a certificate; an issuer may have none."""
    for held in lists:
        key = issuer.public_key()
        if held.issuer != one.issuer or not isinstance(key, rsa.RSAPublicKey):
            continue
        if one.issuer != issuer.subject or not held.is_signature_valid(key):
            continue
        name = _common_name(held.issuer)
        if held.get_revoked_certificate_by_serial_number(one.serial_number) is not None:
            return Wrong(
                f"The certificate '{_common_name(one.subject)}' was revoked by '{name}'.",
                "Do not connect before the server has a new one; ask who revoked it.",
            )
        if held.next_update_utc is not None and _ns(held.next_update_utc) < now_ns:
            return Wrong(
                f"The revocation list of '{name}' is out of date: its next was due "
                f"{day(_ns(held.next_update_utc))}.",
                "Put the present list into crl/.",
            )
    return None


def made(application_uri: str, name: str, hosts: Sequence[str], now_ns: int) -> tuple[bytes, bytes]:
    """Return (certificate as PEM, key as PEM) of an OPC UA client, signed by itself, for two years."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begin = datetime.fromtimestamp(now_ns // NS, UTC)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin - timedelta(hours=1))  # a server's clock may be a little behind
        .not_valid_after(begin + timedelta(days=DAYS))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.UniformResourceIdentifier(application_uri), *(_general(host) for host in hosts)]
            ),
            critical=False,
        )
        .add_extension(identifier, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return certificate.public_bytes(pem), key.private_bytes(pem, pkcs8, serialization.NoEncryption())


def _usage() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=True,
        data_encipherment=True,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _hosts(certificate: x509.Certificate) -> tuple[str, ...]:
    names = _extension(certificate, x509.SubjectAlternativeName)
    if names is None:
        return ()
    addresses = (str(one) for one in names.get_values_for_type(x509.IPAddress))
    return (*map(_clean, names.get_values_for_type(x509.DNSName)), *addresses)


def _extension(certificate: x509.Certificate, kind: type[_E]) -> _E | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except (x509.ExtensionNotFound, ValueError):
        return None


def _common_name(name: x509.Name) -> str:
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return _clean(str(found[0].value) if found else name.rfc4514_string()) or "nobody"


def _clean(text: str) -> str:
    """Return a text of somebody else as people may be shown it: one line, printable, not long."""
    return "".join(c if c.isprintable() else "·" for c in text[:SHOWN]).strip()


def _ns(moment: datetime) -> int:
    return int(moment.timestamp()) * NS
