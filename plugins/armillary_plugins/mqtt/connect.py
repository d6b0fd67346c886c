"""Opens a connection to a broker: address, TLS, WebSocket, CONNECT. Used by source, sink and browse."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from dataclasses import replace

from armillary.api import Clock, LinkFault, SourceContext
from armillary_plugins.mqtt import tls
from armillary_plugins.mqtt.fallback import PahoSession
from armillary_plugins.mqtt.faults import CONNECT_S, unreachable
from armillary_plugins.mqtt.link import Hooks, Spoken
from armillary_plugins.mqtt.rows import Channels
from armillary_plugins.mqtt.session import Session
from armillary_plugins.mqtt.settings import Settings, password
from armillary_plugins.mqtt.websocket import WebSocket

VERDICT_S = 0.2  # within this a server that wants a certificate of ours says so
NEXT_ADDRESS_S = 0.5  # of several addresses (A and AAAA) the next is tried after so long


async def connected(
    settings: Settings,
    context: SourceContext,
    *,
    version: int = 0,
    channels: Channels | None = None,
    hooks: Hooks | None = None,
) -> Spoken:
    """Return an open connection by the client that the settings name. Raises LinkFault or LinkRefused.

    It takes about 10 s at most.
    """
    if settings.client == "paho":
        secret, secure = password(settings, context), tls.context_of(settings, context.project)
        version = version or settings.version
        paho = PahoSession(settings, context.clock, version, channels or Channels(), hooks or Hooks())
        try:
            if secure is not None:
                paho.peer = await _tried(settings, secure)
            await paho.opened(secret, secure)
        except OSError as error:
            await paho.close()
            raise await _why(error, settings, context.clock) from error
        except BaseException:
            await paho.close()
            raise
        return paho
    return await own(settings, context, version=version, channels=channels, hooks=hooks)


async def resolve(settings: Settings) -> None:
    """Ask for the addresses of the broker's name, so that a lost name service is told as such.

    Raises LinkFault. What connects asks anew: by then the answer is at hand.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(CONNECT_S):
            await loop.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
    except TimeoutError as error:
        raise LinkFault(
            f"The name service does not say within {CONNECT_S:g} s who '{settings.host}' is.",
            where=settings.where,
            remedy="See that the name service answers; it is tried again by itself.",
        ) from error
    except OSError as error:
        raise unreachable(error, settings) from error


async def own(
    settings: Settings,
    context: SourceContext,
    *,
    version: int = 0,
    suffix: str = "",
    channels: Channels | None = None,
    hooks: Hooks | None = None,
    will: tuple[str, bytes] | None = None,
) -> Session:
    """Return an open connection of our own client. Raises LinkFault or LinkRefused, within about 10 s.

    `suffix` comes behind the client id, so that a second connection does not end the first; such a one keeps
    no session at the broker.
    """
    secret, secure = password(settings, context), tls.context_of(settings, context.project)
    if suffix:
        settings = replace(settings, durable=False, session_expiry_s=0, waits_for_disk=False)
    session = Session(
        settings,
        context.clock,
        version or settings.version,
        settings.client_id + suffix,
        channels or Channels(),
        hooks or Hooks(),
        will,
    )
    web = WebSocket(session, settings) if settings.path else None
    try:
        async with asyncio.timeout(CONNECT_S):
            await _open(lambda: web or session, settings, secure)
            refused = await web.opened if web is not None else None
    except (OSError, TimeoutError) as error:
        if web is not None:
            web.abort()
        await asyncio.sleep(0)  # asyncio closes the socket that it gave up in its next turn
        raise await _why(error, settings, context.clock) from error
    except asyncio.CancelledError:
        if web is not None:
            web.abort()
        await asyncio.sleep(0)
        raise
    if refused is not None:
        raise refused
    try:
        await session.opened(secret)
    except BaseException:
        await session.close()
        raise
    return session


async def _tried(settings: Settings, context: ssl.SSLContext) -> dict[str, object]:
    """Shake hands once before paho does; return the server's certificate. Raises OSError.

    paho leaves the socket of a refused certificate open, and does not tell what a server says against ours;
    version 1.3 says that after the handshake.
    """
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(CONNECT_S):
            reader, writer = await asyncio.open_connection(
                settings.host, settings.port, ssl=context, server_hostname=settings.server_name
            )
        try:
            async with asyncio.timeout(VERDICT_S):
                await reader.read(1)
        except TimeoutError:
            pass  # it says nothing against us
        return writer.get_extra_info("peercert") or {}
    finally:
        if writer is not None:
            writer.transport.abort()
        await asyncio.sleep(0)


async def _open(
    make: Callable[[], asyncio.Protocol], settings: Settings, context: ssl.SSLContext | None
) -> None:
    await asyncio.get_running_loop().create_connection(
        make,
        settings.host,
        settings.port,
        ssl=context,
        server_hostname=settings.server_name if context is not None else None,
        happy_eyeballs_delay=NEXT_ADDRESS_S,
    )


async def _why(error: OSError | TimeoutError, settings: Settings, clock: Clock) -> LinkFault:
    """Return why no connection came to be; of a certificate that is not accepted what it says of itself."""
    if isinstance(error, ssl.SSLCertVerificationError):
        shown = await tls.looked_at(settings)
        return tls.refusal(error.verify_code, error.verify_message, shown, settings, clock.now_ns())
    return unreachable(error, settings)
