"""The secure channel of a session: which endpoint, whether its server is trusted, and who we are to it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from asyncua.client.client import Client
from asyncua.crypto.security_policies import (
    SecurityPolicy,
    SecurityPolicyAes128Sha256RsaOaep,
    SecurityPolicyAes256Sha256RsaPss,
    SecurityPolicyBasic256Sha256,
    SecurityPolicyNone,
)
from asyncua.crypto.uacrypto import CertProperties, x509_from_der

from armillary.api import Identity, LinkRefused, SourceContext, Trust
from armillary_plugins.opcua.lib import ua
from armillary_plugins.opcua.settings import MODES, Settings

_POLICIES: dict[str, type[SecurityPolicy]] = {
    "Basic256Sha256": SecurityPolicyBasic256Sha256,
    "Aes128_Sha256_RsaOaep": SecurityPolicyAes128Sha256RsaOaep,
    "Aes256_Sha256_RsaPss": SecurityPolicyAes256Sha256RsaPss,
}
_RANK = {"": 0, "None": 0, "Sign": 1, "SignAndEncrypt": 2}
NS = 1_000_000_000
_WORDS = {"SignAndEncrypt": "signed and encrypted", "Sign": "signed, not encrypted"}


class Speaker(Client):
    """The library's client, but a password is always encrypted where the channel can do it."""

    def server_policy(self, token_type: Any) -> Any:  # Any: asyncua's own types
        """Return how a user is told. One that names no policy means the channel's (OPC 10000-4, 7.41).

        asyncua 2.1.0 takes it for none, and sends the password as it is where the channel only signs.
        """
        policy, mode = super().server_policy(token_type), self.security_policy.Mode
        is_plain = not policy.SecurityPolicyUri or (
            mode == ua.MessageSecurityMode.Sign and policy.SecurityPolicyUri == SecurityPolicyNone.URI
        )
        if is_plain and mode != ua.MessageSecurityMode.None_:
            return replace(policy, SecurityPolicyUri=self.security_policy.URI)
        return policy


def words_of(settings: Settings) -> str:
    """Return how a link is protected, for people; "None" when it is not."""
    return f"{settings.policy}, {_WORDS[settings.mode]}" if settings.mode in _WORDS else "None"


def trust_of(settings: Settings, context: SourceContext) -> Trust:
    """Return what knows certificates. Raises LinkRefused in a program that has none."""
    if context.trust is None:
        raise LinkRefused(
            "This program keeps no certificates.",
            where=settings.where,
            remedy='Open the link in a world; or set security = "None" for a server on this machine.',
        )
    return context.trust


async def check_server(client: Client, settings: Settings, trust: Trust) -> bytes:
    """Return the certificate of the server's endpoint that this link wants, once it may be spoken to.

    Raises LinkRefused when it offers no such endpoint, less than before, or a certificate of a stranger.
    """
    endpoints = await client.connect_and_get_server_endpoints()
    wanted = _wanted(endpoints, settings)
    if wanted is None:
        raise _not_offered(endpoints, settings, await asyncio.to_thread(trust.pinned))
    chain = bytes(wanted.ServerCertificate or b"")
    uri = str(wanted.Server.ApplicationUri or "")
    await asyncio.to_thread(trust.check, chain, uri)
    return chain


def _wanted(endpoints: Sequence[Any], settings: Settings) -> Any | None:
    """Return the endpoint with the link's policy and mode. Any: asyncua's EndpointDescription."""
    policy, mode = _POLICIES[settings.policy].URI, getattr(ua.MessageSecurityMode, settings.mode)
    fits = (one for one in endpoints if one.SecurityPolicyUri == policy and one.SecurityMode == mode)
    return next(fits, None)


def _not_offered(endpoints: Sequence[Any], settings: Settings, pinned: str) -> LinkRefused:
    """Return why there is no endpoint: less than there was before is told as such."""
    offered = sorted({(_mode(one), _policy(one)) for one in endpoints}, key=lambda one: -_RANK[one[0]])
    best = offered[0][0] if offered else "None"
    names = (
        ", ".join(policy if mode == "None" else f"{policy}:{mode}" for mode, policy in offered) or "nothing"
    )
    if _RANK[best] < _RANK.get(pinned, 0):
        what = f"Endpoint downgraded from {pinned} to {best}. The server offers: {names}."
        remedy = "Have the server looked at before anything is sent to it: it offered more until now."
    else:
        what = f"The server offers no {settings.policy}:{settings.mode}. It offers: {names}."
        remedy = "Enable it at the server, or set security = to one that it offers."
    return LinkRefused(what, where=settings.where, remedy=remedy)


def _mode(endpoint: Any) -> str:
    name = endpoint.SecurityMode.name.rstrip("_")  # asyncua's None is `None_`
    return name if name in MODES else "None"


def _policy(endpoint: Any) -> str:
    return str(endpoint.SecurityPolicyUri).rpartition("#")[2] or "None"


async def protect(client: Client, settings: Settings, who: Identity, server: bytes) -> None:
    """Make the client speak over a secure channel, as somebody, to the server with a certificate."""
    client.application_uri = who.application_uri
    await client.set_security(
        _POLICIES[settings.policy],
        CertProperties(who.certificate, "der"),
        CertProperties(who.key, "pem"),
        server_certificate=CertProperties(_first(server), "der"),
        mode=getattr(ua.MessageSecurityMode, settings.mode),
    )


def _first(chain: bytes) -> bytes:
    """Return the first certificate of a chain; `Trust.check` has read it before."""
    count = chain[1] & 0x7F if chain[1] & 0x80 else 0
    length = int.from_bytes(chain[2 : 2 + count], "big") if count else chain[1]
    return chain[: 2 + count + length]


def ends(server: bytes, who: Identity) -> dict[str, int]:
    """Return until when the certificates of both sides are valid, ns UTC."""
    until = x509_from_der(_first(server)).not_valid_after_utc  # type: ignore[no-untyped-call]  # asyncua's
    return {"server": int(until.timestamp()) * NS, "own": who.until_ns}


async def identify(client: Client, settings: Settings, context: SourceContext) -> None:
    """Say which user we are: by a certificate, a name and a secret, or nobody. Raises Fault, LinkRefused."""
    if settings.user_cert:
        files = (context.project / settings.user_cert, context.project / settings.user_key)
        try:
            await client.load_client_certificate(str(files[0]))
            await client.load_private_key(files[1])
        except (OSError, ValueError, TypeError) as error:
            raise LinkRefused(
                f"The certificate of our user cannot be used: {error}",
                where=settings.where,
                remedy="Correct user_cert and user_key: .pem or .der in the project, without a password.",
            ) from error
    if settings.user:
        client.set_user(settings.user)
        client.set_password(context.secret(settings.secret) if settings.secret else "")
