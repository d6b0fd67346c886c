"""Tags and links → what each link has to bring."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from armillary.model.fault import Fault, ProjectFault
from armillary.model.link import LinkSpec, Route, SubscriptionPlan, TopicTemplate
from armillary.model.tags import TagSpec
from armillary.model.topic import matches
from armillary.telemetry.profiles import PROFILES, SHORT, Place, catalogue_of, place_of, presence_of

_NO_PATHS: Mapping[str, str] = {}
NODE_KINDS = frozenset({"opcua"})
"""Kinds of link whose whole address names one value; elsewhere it is `channel#path`."""


def plans(
    links: Sequence[LinkSpec],
    specs: Sequence[TagSpec],
    templates: Sequence[TopicTemplate] = (),
    paths: Mapping[str, str] = _NO_PATHS,
) -> tuple[SubscriptionPlan, ...]:
    """Return one plan per link, in their order, with the routes of its tags in slot order.

    Derived tags have no route; tags that `problems` names are left out. `paths`: known browse paths of their
    nodes, by tag.
    """
    named = {link.name: link for link in links}
    routes: dict[str, list[Route]] = {name: [] for name in named}
    for spec in sorted(specs, key=lambda s: s.slot):
        link = named.get(spec.link)
        if link is not None and not _problem(spec, link):
            routes[link.name].append(_route(spec, link, paths.get(spec.name, "")))
    return tuple(_plan(link, routes[link.name], templates) for link in links)


def _plan(link: LinkSpec, routes: Sequence[Route], templates: Sequence[TopicTemplate]) -> SubscriptionPlan:
    own = tuple(template for template in templates if template.link == link.name)
    presence = (route.presence for route in routes if route.presence)
    hearts = (route.heartbeat for route in routes if route.heartbeat)
    patterns = (template.pattern for template in own)
    listen = dict.fromkeys((*catalogue_of(link), *patterns, *presence, *hearts))
    return SubscriptionPlan(link=link, routes=tuple(routes), listen=tuple(listen), templates=own)


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
    if link.profile in PROFILES and spec.address.startswith(SHORT):
        if place_of(link, spec.address).channel:
            return ""
        return f"The address '{spec.address}' of tag '{spec.name}' is not one that {link.profile} knows."
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


def _route(spec: TagSpec, link: LinkSpec, browse_path: str) -> Route:
    channel, path = _split(spec.address, link.kind)
    place = place_of(link, spec.address) if link.profile in PROFILES else Place(channel=channel, path=path)
    channel = place.channel
    return Route(
        slot=spec.slot,
        tag=spec.name,
        channel=channel,
        path=place.path,
        time_path=spec.time_path or place.time,
        decoder=spec.decoder or _subscribed(link, channel) or place.decoder or link.decoder,
        kind=spec.kind,
        states=spec.states,
        expected_ms=spec.expected_ms,
        coerce=spec.coerce,
        unit_path=spec.unit_path,
        unit=spec.source_unit or spec.unit,
        absent="bad" if spec.required else place.absent,
        presence=presence_of(link, spec.address) if link.profile in PROFILES else "",
        browse_path=browse_path,
        heartbeat=spec.heartbeat if spec.liveness == "device" and link.kind not in NODE_KINDS else "",
    )


def _subscribed(link: LinkSpec, channel: str) -> str:
    """Return the decoder of the first subscription that brings a topic, "" where it names none."""
    given = link.settings.get("subscribe", ())
    for entry in given if isinstance(given, list | tuple) else ():
        if isinstance(entry, dict) and matches(str(entry.get("filter", "")), channel):
            decoder = entry.get("decoder", "")
            return "|".join(map(str, decoder)) if isinstance(decoder, list) else str(decoder)
    return ""
