"""A real server with secure endpoints, on a thread of its own; what it shows and lets in can be changed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any

from asyncua import Server, ua
from asyncua.common.utils import ServiceError
from asyncua.crypto import uacrypto
from asyncua.crypto.permission_rules import User, UserRole
from cryptography import x509
from tests.plugins.opcua.certified import URI, certificate, der, key, private
from tests.plugins.opcua.plant import free_port

from armillary_plugins.opcua.quiet import quieten

NAMESPACE = "urn:armillary:test"
ALL = (
    ua.SecurityPolicyType.NoSecurity,
    ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
    ua.SecurityPolicyType.Basic256Sha256_Sign,
    ua.SecurityPolicyType.Aes128Sha256RsaOaep_SignAndEncrypt,
    ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
)


class SecureServer:
    """`plc`: one variable `Level`. Users: anna with `right`; anybody without a name."""

    def __init__(self) -> None:
        quieten()
        self.url = f"opc.tcp://127.0.0.1:{free_port()}"
        self.users: list[tuple[str, str]] = []  # who came, with what
        self.unknown: set[bytes] = set()  # certificates of clients that are not trusted, DER
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="server", daemon=True)
        self._thread.start()
        self.server: Any = None  # asyncua's

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def start(self, shown: x509.Certificate | None = None) -> None:
        self.do(self._start(shown or certificate()))

    async def _start(self, shown: x509.Certificate, identifier: str = "Level", value: float = 1.5) -> None:
        self._shown = shown
        self.server = server = Server(user_manager=self)
        await server.init()
        server.set_endpoint(self.url)
        await server.set_application_uri(URI)
        await server.load_certificate(der(shown), "der")
        await server.load_private_key(private(key()), format="pem")
        server.set_security_policy(list(ALL))
        server.set_certificate_validator(self._validate)
        index = await server.register_namespace(NAMESPACE)
        at = server.nodes.objects
        node = await at.add_variable(ua.NodeId(identifier, index), ua.QualifiedName("Level", index), value)
        await node.set_writable()
        await server.start()
        self._all = list(server.iserver.endpoints)

    async def _validate(self, shown: x509.Certificate, _who: Any) -> None:
        if der(shown) in self.unknown:
            raise ServiceError(ua.StatusCodes.BadCertificateUntrusted)

    def get_user(
        self, _server: Any, username: Any = None, password: Any = None, certificate: Any = None
    ) -> Any:
        if username is None:  # asyncua passes the certificate of the channel for anybody
            shown = x509.load_der_x509_certificate(certificate) if certificate else None
            name = shown.subject.rfc4514_string() if shown is not None else ""
            self.users += [("", name)] if name == "CN=anna" else []
            return User(role=UserRole.User)
        self.users.append((str(username), str(password or "")))
        return User(role=UserRole.User) if (username, password) == ("anna", "right") else None

    def show(self, one: x509.Certificate) -> None:
        """Show another certificate from now on, of the same key."""
        for endpoint in self._all:
            endpoint.ServerCertificate = uacrypto.der_from_x509(one)

    def move(self, identifier: str) -> None:
        """Start anew with `Level` under another id; its browse name stays."""
        self.do(self._end())
        self.do(self._start(self._shown, identifier, 2.5))

    def offer(self, *policies: str) -> None:
        """Offer only endpoints whose policy ends so."""
        self.server.iserver.endpoints[:] = [
            one for one in self._all if not policies or one.SecurityPolicyUri.endswith(policies)
        ]

    def reset(self) -> None:
        self.users.clear()
        self.unknown.clear()
        self.show(certificate())
        self.offer()

    async def _end(self) -> None:
        await self.server.stop()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()  # asyncua 2.1.0 leaves loops of sessions behind
        await asyncio.gather(*left, return_exceptions=True)

    def stop(self) -> None:
        self.do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
