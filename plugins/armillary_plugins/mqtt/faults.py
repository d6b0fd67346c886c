"""What can go wrong with a broker, as three plain sentences each."""

from __future__ import annotations

import socket
import ssl

from armillary.api import LinkFault, LinkRefused
from armillary_plugins.mqtt import codec, tls
from armillary_plugins.mqtt.settings import MQTT_3, Settings

CONNECT_S = 5.0
_TAKEN_OVER = 0x8E
_REFUSED = frozenset({0x02, 0x04, 0x05, 0x85, 0x86, 0x87, 0x8A, 0x8C})
_PASSWORD = frozenset({0x04, 0x05, 0x86, 0x87})
_ELSEWHERE = frozenset({0x9C, 0x9D})
_OTHER_VERSION = frozenset({0x01, 0x84})


class VersionRefused(LinkFault):
    """The broker does not speak the version asked for; another one may do."""


def unreachable(error: Exception, settings: Settings) -> LinkFault:
    """Return why no connection could be made; what TLS refuses needs a person."""
    where = settings.where
    if isinstance(error, ssl.SSLError):
        return tls.broken(error, settings)
    if isinstance(error, socket.gaierror):
        return LinkFault(
            f"The name '{settings.host}' is not known to the name service ({error.strerror}).",
            where=where,
            remedy="Correct the url, or see that the name service answers; it is tried again by itself.",
        )
    if isinstance(error, TimeoutError):
        return LinkFault(
            f"The broker could not be reached within {CONNECT_S:g} s.",
            where=where,
            remedy="Check the network; it is tried again by itself.",
        )
    return LinkFault(
        "Nobody listens at the broker's address."
        if isinstance(error, ConnectionRefusedError)
        else f"The broker cannot be reached: {error}.",
        where=where,
        remedy="Start the broker or correct the url; it is tried again by itself.",
    )


def no_answer(silent_s: float, settings: Settings) -> LinkFault:
    """Return the fault of a broker that hangs, or of a network that drops everything (half-open)."""
    return LinkFault(
        f"The broker gives no answer since {silent_s:.0f} s.",
        where=settings.where,
        remedy="It is tried again by itself; check the network and the broker.",
    )


def refusal(code: int, settings: Settings, server: str = "") -> LinkFault:
    """Return the fault of a CONNACK that says no; `server` is where it sends us instead."""
    where, said = settings.where, codec.reason(code)
    if code in _ELSEWHERE:
        return _elsewhere(server, settings)
    if code in _OTHER_VERSION:
        return VersionRefused(
            f"The broker does not speak MQTT {'3.1.1' if settings.version == MQTT_3 else '5'} ({said}).",
            where=where,
            remedy="Set version = 4 or version = 5 in the source's settings.",
        )
    if code in _PASSWORD and not settings.username:
        return LinkRefused(
            f"The broker wants a user name and a password ({said}).",
            where=where,
            remedy="Set 'username' and 'secret' of the source, then retry now.",
        )
    if code in _PASSWORD:
        return LinkRefused(
            f"The broker refused the password or the user name '{settings.username}' ({said}).",
            where=where,
            remedy=f"Correct the secret '{settings.secret}' or 'username' of the source, then retry now.",
        )
    kind = LinkRefused if code in _REFUSED else LinkFault
    return kind(
        f"The broker refused the connection ({said}).",
        where=where,
        remedy="Check the broker's log and the source's settings.",
    )


def _elsewhere(server: str, settings: Settings) -> LinkRefused:
    """Return the fault of a broker that sends us away; where to is for a person to decide."""
    return LinkRefused(
        f"The broker sends us to another server{f' ({server})' if server else ''}.",
        where=settings.where,
        remedy="If that is right, write it into the url of the source.",
    )


def taken_over(settings: Settings, client_id: str) -> LinkRefused:
    """Return the fault of a client id that two programs use; nobody wins that fight, so we step back."""
    return LinkRefused(
        f"Another client uses the id '{client_id}'.",
        where=settings.where,
        remedy="Give this source a 'client_id' of its own, or end the other client; then retry now.",
    )


def dismissal(code: int, words: str, settings: Settings, client_id: str) -> LinkFault:
    """Return the fault of a DISCONNECT that the broker sent (version 5), with its own words, if any."""
    if code == _TAKEN_OVER:
        return taken_over(settings, client_id)
    if code in _ELSEWHERE:
        return _elsewhere(words, settings)
    more = f": {words}" if words else ""
    return LinkFault(
        f"The broker ended the connection ({codec.reason(code)}{more}).",
        where=settings.where,
        remedy="It is tried again by itself; the broker's log tells more.",
    )
