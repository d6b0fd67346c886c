"""TLS to a real mosquitto, with an authority of the test's own."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from armillary.model.link import LinkState
from armillary.model.tags import TagSpec

TAGS = [TagSpec(slot=0, name="t", link="m", address="a")]
START = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)


def certificates(folder: Path, host: str) -> None:
    """Write ca.pem, server.pem and server.key for one address."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker")])

    def signed(builder: x509.CertificateBuilder) -> bytes:
        return builder.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def builder(subject: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(ca_name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(START)
            .not_valid_after(START + datetime.timedelta(days=36_500))
        )

    authority = builder(ca_name, ca_key.public_key()).add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    server = builder(name, key.public_key()).add_extension(
        x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), critical=False
    )
    (folder / "ca.pem").write_bytes(signed(authority))
    (folder / "server.pem").write_bytes(signed(server))
    (folder / "server.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )


def secure(make_broker: Any, folder: Path, host: str = "127.0.0.1") -> Any:
    certificates(folder, host)
    return make_broker(
        f"allow_anonymous true\ncafile {folder}/ca.pem\n"
        f"certfile {folder}/server.pem\nkeyfile {folder}/server.key"
    )


async def test_a_link_speaks_tls_with_the_authority_of_the_project(
    make_broker: Any, make_rig: Any, tmp_path: Path
) -> None:
    broker = secure(make_broker, tmp_path)
    rig = await make_rig(broker.port, TAGS, scheme="mqtts", tls={"ca": f"{tmp_path}/ca.pem"})
    await rig.until_state(LinkState.UP)


@pytest.mark.parametrize(
    ("host", "knows_ca", "said"),
    [
        ("127.0.0.1", False, "certificate is not trusted"),
        ("127.0.0.9", True, "certificate is not trusted"),
    ],
)
async def test_a_certificate_that_is_not_trusted_is_refused_with_the_remedy(
    make_broker: Any, make_rig: Any, tmp_path: Path, host: str, knows_ca: bool, said: str
) -> None:
    broker = secure(make_broker, tmp_path, host)
    tls = {"ca": f"{tmp_path}/ca.pem"} if knows_ca else {}
    rig = await make_rig(broker.port, TAGS, scheme="mqtts", tls=tls)
    await rig.until_state(LinkState.REFUSED)
    assert said in rig.status.detail
    assert "tls = { ca = … }" in rig.status.detail


async def test_a_missing_certificate_file_is_named(make_rig: Any, tmp_path: Path) -> None:
    rig = await make_rig(1, TAGS, scheme="mqtts", tls={"ca": f"{tmp_path}/none.pem"})
    await rig.until_state(LinkState.REFUSED)
    assert "certificate files of the link cannot be used" in rig.status.detail


async def test_tls_to_a_broker_without_it_says_so(broker: Any, make_rig: Any) -> None:
    rig = await make_rig(broker.port, TAGS, scheme="mqtts")
    await rig.until_state(LinkState.REFUSED, LinkState.BACKOFF)
    assert rig.status.detail
