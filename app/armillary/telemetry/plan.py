"""Tags and links → what each link has to bring."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from armillary.model.fault import Fault, ProjectFault
from armillary.model.link import LinkSpec, Route, SubscriptionPlan
from armillary.model.tags import TagSpec

NODE_KINDS = frozenset({"opcua"})
"""Kinds of link whose whole address names one value; elsewhere it is `channel#path`."""


def plans(links: Sequence[LinkSpec], specs: Sequence[TagSpec]) -> tuple[SubscriptionPlan, ...]:
    """Return one plan per link, in their order, with the routes of its tags in slot order.

    Derived tags have no route; tags that `problems` names are left out.
    """
    named = {link.name: link for link in links}
    routes: dict[str, list[Route]] = {name: [] for name in named}
    for spec in sorted(specs, key=lambda s: s.slot):
        link = named.get(spec.link)
        if link is not None and not _problem(spec, link):
            routes[link.name].append(_route(spec, link))
    return tuple(SubscriptionPlan(link=link, routes=tuple(routes[link.name])) for link in links)


def problems(links: Sequence[LinkSpec], specs: Sequence[TagSpec]) -> tuple[Fault, ...]:
    """Return what keeps tags from being subscribed: an unknown link, an address that names no channel."""
    return tuple(_problems(links, specs))


def _problems(links: Sequence[LinkSpec], specs: Sequence[TagSpec]) -> Iterator[Fault]:
    named = {link.name: link for link in links}
    for spec in specs:
        where = spec.origin or spec.name
        if not spec.link:
            continue
        if spec.link not in named:
            yield ProjectFault(
                f"Tag '{spec.name}' comes from the source '{spec.link}', which the project does not have.",
                where=where,
                remedy=f"Name one of: {', '.join(sorted(named)) or 'none is configured'}.",
            )
        elif text := _problem(spec, named[spec.link]):
            yield ProjectFault(text, where=where, remedy="Give an address such as plant/pump/temp#value.")


def _problem(spec: TagSpec, link: LinkSpec) -> str:
    channel = _split(spec.address, link.kind)[0]
    if not channel:
        return f"Tag '{spec.name}' has no address on the source '{link.name}'."
    if link.kind not in NODE_KINDS and "+" in channel.split("/"):
        return f"The address '{spec.address}' of tag '{spec.name}' is a wildcard; a tag is one value."
    return ""


def _split(address: str, kind: str) -> tuple[str, str]:
    """Return (channel, path in the payload) of an address."""
    if kind in NODE_KINDS:
        return address, ""
    channel, _, path = address.partition("#")
    return channel, path


def _route(spec: TagSpec, link: LinkSpec) -> Route:
    channel, path = _split(spec.address, link.kind)
    return Route(
        slot=spec.slot,
        tag=spec.name,
        channel=channel,
        path=path,
        time_path=spec.time_path,
        decoder=spec.decoder or _subscribed(link, channel) or link.decoder,
        kind=spec.kind,
        states=spec.states,
        expected_ms=spec.expected_ms,
        absent="bad" if spec.required else "keep",
    )


def _subscribed(link: LinkSpec, channel: str) -> str:
    """Return the decoder of the first subscription that brings a topic, "" where it names none."""
    given = link.settings.get("subscribe", ())
    for entry in given if isinstance(given, list | tuple) else ():
        if isinstance(entry, dict) and matches(str(entry.get("filter", "")), channel):
            decoder = entry.get("decoder", "")
            return "|".join(map(str, decoder)) if isinstance(decoder, list) else str(decoder)
    return ""


def matches(pattern: str, topic: str) -> bool:
    """Return whether a topic filter (`+` a level, `#` the rest) matches a topic; `$…` only if it says so."""
    if topic.startswith("$") and pattern[:1] in ("+", "#"):
        return False
    wanted, levels = pattern.split("/"), topic.split("/")
    for i, level in enumerate(wanted):
        if level == "#":
            return True
        if i >= len(levels) or level not in ("+", levels[i]):
            return False
    return len(wanted) == len(levels)
