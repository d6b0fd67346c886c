"""Certificates of OPC UA servers, good and bad, for these tests: RSA, as OPC UA wants it."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
END = datetime(2125, 1, 1, tzinfo=UTC)
URI = "urn:test:plc"


@cache
def key(number: int = 0, bits: int = 2048) -> rsa.RSAPrivateKey:
    """Return a key, made once a session."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def certificate(
    name: str = "plc",
    *,
    uri: str = URI,
    hosts: Sequence[str] = ("127.0.0.1",),
    begin: datetime = BEGIN,
    end: datetime = END,
    own: rsa.RSAPrivateKey | None = None,
    by: tuple[x509.Certificate, rsa.RSAPrivateKey] | None = None,
    is_authority: bool = False,
    usage: bool = True,
    purpose: x509.ObjectIdentifier = ExtendedKeyUsageOID.SERVER_AUTH,
) -> x509.Certificate:
    """Return a certificate of `own` (key 0), signed by itself or by an authority."""
    mine = own or key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer, signer = (by[0].subject, by[1]) if by is not None else (subject, mine)
    names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(uri)] if uri else []
    for host in hosts:
        is_address = host.replace(".", "").isdigit()
        names.append(x509.IPAddress(ipaddress.ip_address(host)) if is_address else x509.DNSName(host))
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(mine.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                content_commitment=True,
                key_encipherment=usage,
                data_encipherment=usage,
                key_agreement=False,
                key_cert_sign=is_authority,
                crl_sign=is_authority,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if not is_authority:
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    return builder.sign(signer, hashes.SHA256())


def revoked(
    by: tuple[x509.Certificate, rsa.RSAPrivateKey], *these: x509.Certificate, until: datetime = END
) -> bytes:
    """Return the revocation list of an authority, DER."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(by[0].subject)
        .last_update(BEGIN)
        .next_update(max(until, BEGIN + timedelta(days=1)))
    )
    for one in these:
        row = x509.RevokedCertificateBuilder().serial_number(one.serial_number).revocation_date(BEGIN)
        builder = builder.add_revoked_certificate(row.build())
    return builder.sign(by[1], hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def der(one: x509.Certificate) -> bytes:
    """Return its bytes, as a server shows them."""
    return one.public_bytes(serialization.Encoding.DER)


def private(one: rsa.RSAPrivateKey) -> bytes:
    """Return a key as PEM."""
    form = serialization.PrivateFormat.PKCS8
    return one.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
