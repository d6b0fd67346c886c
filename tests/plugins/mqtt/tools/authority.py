"""A certificate authority of a test's own: servers, clients, revocation lists."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

START = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
FOREVER = START + datetime.timedelta(days=36_500)


class Authority:
    """Writes `ca.pem` into its folder, and certificates signed by it beside."""

    def __init__(self, folder: Path, name: str = "test authority") -> None:
        folder.mkdir(exist_ok=True)
        self.folder, self._key = folder, ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        own = self._builder(self._name, self._key.public_key(), START, FOREVER)
        own = own.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        own = own.add_extension(
            x509.KeyUsage(
                digital_signature=True,
                key_cert_sign=True,
                crl_sign=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        self.ca = self._signed(own, "ca.pem")[0]

    def issue(
        self,
        name: str,
        hosts: tuple[str, ...] = ("127.0.0.1",),
        start: datetime.datetime = START,
        end: datetime.datetime = FOREVER,
    ) -> x509.Certificate:
        """Write NAME.pem and NAME.key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        names = [
            x509.IPAddress(ipaddress.ip_address(h)) if h[0].isdigit() else x509.DNSName(h) for h in hosts
        ]
        builder = self._builder(subject, key.public_key(), start, end)
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        (self.folder / f"{name}.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            )
        )
        return self._signed(builder, f"{name}.pem")[1]

    def revoke(self, *certificates: x509.Certificate) -> Path:
        """Write crl.pem, the list of these."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._name)
            .last_update(START)
            .next_update(FOREVER)
        )
        for certificate in certificates:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder()
                .serial_number(certificate.serial_number)
                .revocation_date(START)
                .build()
            )
        path = self.folder / "crl.pem"
        path.write_bytes(builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        return path

    def listener(self, name: str = "server", more: str = "") -> str:
        """Return mosquitto's lines for a TLS listener with a certificate of ours."""
        return (
            f"allow_anonymous true\ncafile {self.ca}\n"
            f"certfile {self.folder}/{name}.pem\nkeyfile {self.folder}/{name}.key\n{more}"
        )

    def _builder(
        self,
        subject: x509.Name,
        public: ec.EllipticCurvePublicKey,
        start: datetime.datetime,
        end: datetime.datetime,
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(end)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
        )

    def _signed(self, builder: x509.CertificateBuilder, file: str) -> tuple[Path, x509.Certificate]:
        made = builder.sign(self._key, hashes.SHA256())
        path = self.folder / file
        path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        return path, made
