"""Authors the demonstration project `pumping-station`: parts, scene, twins and bindings.

    python scenes/pumping_station.py [FOLDER]

Equal inputs give equal files; run it after a change here and commit what it writes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from authoring.stage import Builder
from pumping_station_parts import bindings, hall, parts, piping, pumps, site, skid, storage, twins, types

from armillary.scene import author  # registers TwinBindingAPI: before any stage is opened

FOLDER = Path(__file__).resolve().parent / "pumping-station"


def write_scene(folder: Path) -> None:
    """Write scene.usda and its parts."""
    parts.write_all(folder / "parts")
    pumps.write_parts(folder / "parts")
    storage.write_parts(folder / "parts")
    site.write_landscape(folder / "parts" / "landscape.usda")
    b = Builder(folder / "scene.usda", "Station")
    b.stage.GetDefaultPrim().SetMetadata("kind", "assembly")
    hall.build(b)
    pumps.build(b)
    piping.build(b)
    storage.build(b)
    skid.build(b)
    site.build(b)
    b.save()


def write_project(folder: Path) -> None:
    """Write project.toml, twins.json, model/ and bindings.usda; what was bound before is forgotten."""
    template = Path(__file__).parent / "pumping_station_parts" / "project.toml"
    (folder / "project.toml").write_text(template.read_text("utf-8"), "utf-8")
    document = twins.document()
    (folder / "model").mkdir(exist_ok=True)
    for name, kind in types.documents(document["twins"]).items():
        text = json.dumps(kind, indent=1, ensure_ascii=False)
        (folder / "model" / name).write_text(text + "\n", "utf-8")
    document["twins"] = [twins.ordered(types.typed(twin)) for twin in document["twins"]]
    text = json.dumps(document, indent=1, ensure_ascii=False)
    (folder / "twins.json").write_text(text + "\n", "utf-8")
    (folder / "bindings.usda").unlink(missing_ok=True)
    author.save(str(folder / "bindings.usda"), bindings.all_bindings())


def main() -> None:
    """Write all files of the project."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    write_scene(folder)
    write_project(folder)


if __name__ == "__main__":
    main()
