"""Where an alarm belongs: its asset, area, link and class; by these the list is grouped and filtered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from armillary.model.alarm import AlarmSpec
from armillary.model.area import AreaSpec
from armillary.model.tags import TagSpec

LINK = "link:"  # ids of alarms of a link or of a device behind it: `link:NAME[:device:DEVICE]`


@dataclass(frozen=True, slots=True)
class Place:
    """Where an alarm belongs in the plant, in words; "" = nowhere that is known."""

    asset: str = ""
    area: str = ""
    link: str = ""
    category: str = ""  # its class, as the project names them


NOWHERE = Place()


def place_of(
    spec: AlarmSpec, tags: Sequence[TagSpec], titles: Mapping[str, str], areas: Sequence[AreaSpec]
) -> Place:
    """Return the place of one alarm. `titles`: of twins, by id.

    The asset is its tag's twin, else the part of its name before a dot.
    """
    if spec.id.startswith(LINK) and spec.at_slot < 0:
        link = spec.id.split(":")[1]
        area = next((a.title or a.name for a in areas if link in a.sources), "")
        return Place(asset=f"link {link}", area=area, link=link, category=spec.category)
    slot = spec.slot if spec.slot >= 0 else spec.at_slot
    if not 0 <= slot < len(tags):
        return Place(category=spec.category)
    tag = tags[slot]
    title = titles.get(tag.twin, "")
    asset = f"{tag.twin} {title}".strip() or tag.name.partition(".")[0]
    area = next((a.title or a.name for a in areas if _holds(a, tag)), "")
    return Place(asset=asset, area=area, link=tag.link, category=spec.category)


def _holds(area: AreaSpec, tag: TagSpec) -> bool:
    at = int(area.slots.searchsorted(tag.slot))
    return at < len(area.slots) and int(area.slots[at]) == tag.slot
