"""Where servers' nodes were, and which of them were there already, in .armillary/nodes.json.

    {"schema": 1,
     "paths": {"T-1.level": ["plc!nsu=urn:x;s=Level", "…browse path, in the source's own words"]},
     "others": {"plc": ["nsu=urn:x;s=Spare"]}}

A path counts for a tag with the same address. `others`: nodes beside those of tags, known since the link was
first looked at: what comes later is new.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from armillary.model.tags import TagSpec
from armillary.project.folder import write_atomic
from armillary.project.learnt import address_of

FILE, SCHEMA = "nodes.json", 1


@dataclass(slots=True)
class Nodes:
    """What is remembered."""

    paths: dict[str, tuple[str, str]] = field(default_factory=dict)  # tag → (address, browse path)
    others: dict[str, set[str]] = field(default_factory=dict)  # link → addresses

    def path_of(self, spec: TagSpec) -> str:
        """Return the browse path of a tag's node, "" where it is not known."""
        address, path = self.paths.get(spec.name, ("", ""))
        return path if address == address_of(spec) else ""


def read(private: Path) -> Nodes:
    """Return what is remembered; nothing where there is no file, or it cannot be read."""
    try:
        told = json.loads((private / FILE).read_text("utf-8"))
        if told["schema"] != SCHEMA:
            return Nodes()
        paths = {str(tag): (str(address), str(path)) for tag, (address, path) in told["paths"].items()}
        return Nodes(paths, {str(link): set(map(str, rows)) for link, rows in told["others"].items()})
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return Nodes()


def save(private: Path, nodes: Nodes) -> None:
    """Write it down. Raises OSError."""
    document = {
        "schema": SCHEMA,
        "paths": {tag: list(nodes.paths[tag]) for tag in sorted(nodes.paths)},
        "others": {link: sorted(rows) for link, rows in sorted(nodes.others.items())},
    }
    private.mkdir(exist_ok=True)
    write_atomic(private / FILE, json.dumps(document, indent=0, ensure_ascii=False) + "\n")


def paths_of(private: Path, specs: Sequence[TagSpec]) -> Mapping[str, str]:
    """Return the browse paths that are known, by tag."""
    known = read(private)
    return {spec.name: path for spec in specs if (path := known.path_of(spec))} if known.paths else {}
