"""Authors the demonstration project `packaging-line`: scene, twins and bindings.

    python scenes/packaging_line.py [FOLDER]

Equal inputs give equal files; run it after a change here and commit what it writes. project.toml, rules.toml,
commands.toml and loops.toml are written by hand.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from authoring.stage import PALETTE, Builder
from packaging_line_parts import belt, bindings, hall, oven, packing, twins

from armillary.scene import author  # registers TwinBindingAPI: before any stage is opened

FOLDER = Path(__file__).resolve().parent / "packaging-line"
PALETTE |= {
    "Floor": ("8b8e8f", 0.9, 0.0, 1.0),
    "Marking": ("c4bf9f", 0.8, 0.0, 1.0),
    "Robot": ("c2b59b", 0.45, 0.1, 1.0),
    "Carton": ("ab9474", 0.9, 0.0, 1.0),
    "Wood": ("8c7a62", 0.95, 0.0, 1.0),
    "Fence": ("9a9a86", 0.6, 0.1, 1.0),
    "Wrap": ("dfe6ea", 0.2, 0.0, 0.25),
}


def write_scene(folder: Path) -> None:
    """Write scene.usda and its part."""
    belt.write_parts(folder / "parts")
    b = Builder(folder / "scene.usda", "Line")
    b.stage.GetDefaultPrim().SetMetadata("kind", "assembly")
    for part in (hall, oven, belt, packing):
        part.build(b)
    b.save()


def write_project(folder: Path) -> None:
    """Write twins.json and bindings.usda; what was bound before is forgotten."""
    text = json.dumps(twins.document(), indent=1, ensure_ascii=False)
    (folder / "twins.json").write_text(text + "\n", "utf-8")
    (folder / "bindings.usda").unlink(missing_ok=True)
    author.save(str(folder / "bindings.usda"), bindings.all_bindings())


def main() -> None:
    """Write all files of the project that are made."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(exist_ok=True)
    write_scene(folder)
    write_project(folder)


if __name__ == "__main__":
    main()
