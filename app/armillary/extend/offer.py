"""Child entry: reads the scene and the bindings that a server offers, in an expendable process.

What the server says is untrusted: only this process decodes it, with limits of memory and processor, and
writes the files it delivers into a folder that is ours.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from armillary.api.ports import OfferLimits, OffersScene, SourceContext
from armillary.encoding import openusd_json
from armillary.extend.discover import discover
from armillary.model import files
from armillary.model.clock import WallClock
from armillary.model.fault import Fault, LinkRefused
from armillary.model.link import LinkSpec
from armillary.security.secrets import Secrets
from armillary.security.trust import TrustStore

log = logging.getLogger("armillary")

OFFER, SCENE = "offer.json", "scene"  # names in the folder that is ours
_AGAIN_S = 5.0


def run(args: Mapping[str, Any], say: Callable[[Mapping[str, object]], None]) -> None:
    """Read `args["link"]` into `args["folder"]`; with `watch` again after each change, until ended.

    Raises LinkFault, LinkRefused for a server that offers nothing, ProjectFault for settings.
    """
    given = args["link"]
    link = LinkSpec(
        name=str(given["name"]), kind=str(given["kind"]), url=str(given["url"]), settings=given["settings"]
    )
    secret, history_s = str(args.get("secret_file", "")), float(args.get("history_s", 0.0))
    asyncio.run(_run(link, Path(args["folder"]), bool(args.get("watch")), secret, history_s, say))


async def _run(
    link: LinkSpec,
    folder: Path,
    watch: bool,
    secret_file: str,
    history_s: float,
    say: Callable[[Mapping[str, object]], None],
) -> None:
    registry = discover(["sources"], only={"sources": (link.kind,)})
    make = registry.make("sources", link.kind)
    secret = Secrets(secret_file).of(link.url)
    clock = WallClock()
    trust = TrustStore(clock).of(link.url)
    source = make(SourceContext(link=link, clock=clock, secret=secret, project=folder, trust=trust))
    if not isinstance(source, OffersScene):
        raise LinkRefused(
            f"A source of the kind {link.kind} offers no scene.",
            where=link.url,
            remedy="Give the address of an OPC UA server: opc.tcp://host:4840.",
        )
    number = await _read(source, folder, 0, history_s)
    if not watch:
        say({"offers": number})
        return
    parent = asyncio.create_task(asyncio.to_thread(sys.stdin.read))  # its end: the parent is gone
    say({"offers": number})
    while not parent.done():
        work = asyncio.create_task(_follow(source, folder, number))
        await asyncio.wait({work, parent}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            number = work.result()
            await asyncio.wait({parent}, timeout=_AGAIN_S)
        else:
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work


async def _follow(source: OffersScene, folder: Path, number: int) -> int:
    """Read again after each change; returns when the connection is lost, and another is to be made."""
    try:
        async for _ in source.changes():  # the first word is the connection: what changed while it was away
            number = await _read(source, folder, number)
    except Fault as fault:
        log.info("the model of %s is not watched now: %s", fault.where, fault.what)
    return number


async def _read(source: OffersScene, folder: Path, number: int, history_s: float = 0.0) -> int:
    """Read everything into a folder of its own, and put the answer beside it, whole or not at all."""
    scene = folder / f"{SCENE}-{number + 1}"
    scene.mkdir(parents=True, exist_ok=True)
    offer = await source.fetch(scene, OfferLimits(history_s=history_s))
    files.replace(folder / OFFER, openusd_json.text_of(offer).encode(), 0o600)
    os.replace(folder / OFFER, folder / f"{number + 1}.json")
    return number + 1
