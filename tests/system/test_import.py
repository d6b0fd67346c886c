"""`armillary import` with its real processes: a file to a picture, and importers that misbehave."""

from __future__ import annotations

import json
import os
import re
import socket
from pathlib import Path

import numpy as np
import psutil
import pytest
import trimesh
from PIL import Image

from armillary.cli import run

pytestmark = pytest.mark.system

EVIL = """
import os, signal, socket, sys, time
from pathlib import Path
from armillary.api import TreeBuilder


class Importer:
    suffixes = (".evil",)

    def read(self, path):
        word, _, rest = path.read_text().partition(" ")
        if word == "talk":  # as libraries do, in Python and in C
            print("elsewhere", flush=True)
            os.write(1, b"reading ...\\n")
        if word == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        if word == "hang":
            while True:
                pass
        if word == "memory":
            bytearray(8 << 30)
        if word == "network":
            socket.create_connection(("127.0.0.1", int(rest)), 2)
        if word == "read":
            Path(rest).read_text()
        if word == "write":
            Path(rest).write_text("x")
        if word == "deep":
            out = TreeBuilder()
            for i in range(400):
                out.node("n", i - 1)
            return out.built(up_axis="Z", meters_per_unit=1.0)
        return None


def make(context):
    return Importer()
"""


@pytest.fixture(scope="module")
def glb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a red box that stands beside a green one twice as high, in glTF's own axes."""
    scene = trimesh.Scene()
    for name, rgb, x, height in (("Red", (255, 0, 0), -2.0, 2.0), ("Green", (0, 255, 0), 2.0, 4.0)):
        box = trimesh.creation.box((2, height, 2))
        paint = trimesh.visual.material.PBRMaterial(
            name=name, baseColorFactor=[*rgb, 255], metallicFactor=0.0, roughnessFactor=1.0
        )
        box.visual = trimesh.visual.TextureVisuals(material=paint)
        place = trimesh.transformations.translation_matrix((x, height / 2, 0))
        scene.add_geometry(box, node_name=name, geom_name=name, transform=place)
    path = tmp_path_factory.mktemp("glb") / "boxes.glb"
    path.write_bytes(scene.export(file_type="glb"))
    return path


def test_a_glb_becomes_a_scene_that_checks_fine_and_shows_its_colours(
    glb: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, picture = tmp_path / "boxes.usdc", tmp_path / "boxes.png"
    assert run(["import", str(glb), "-o", str(out), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["triangles"] == 24
    assert report["dropped"] == []
    assert run(["check", str(out)]) == 0
    assert run(["render", str(out), "-o", str(picture), "--size", "320x240", "--view", "front"]) == 0
    pixels = np.asarray(Image.open(picture).convert("RGB")).astype(int)
    red = (pixels[..., 0] > 90) & (pixels[..., 1] < 60) & (pixels[..., 2] < 60)
    green = (pixels[..., 1] > 90) & (pixels[..., 0] < 60) & (pixels[..., 2] < 60)
    assert red.sum() > 500
    assert green.sum() == pytest.approx(2 * red.sum(), rel=0.15)  # twice as high
    assert np.argwhere(red)[:, 1].mean() < np.argwhere(green)[:, 1].mean()  # and to the right of it
    assert run(["import", str(glb), "-o", str(out)]) == 2
    assert "there already" in capsys.readouterr().err
    before = out.read_bytes()
    assert run(["import", str(glb), "-o", str(out), "--force", "--units", "mm", "--up", "Z"]) == 0
    assert out.read_bytes() != before
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


@pytest.fixture
def evil(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install an importer that does what its file says, for the children of this test."""
    folder = tmp_path / "plugin"
    folder.mkdir()
    (folder / "evil_importer.py").write_text(EVIL)
    about = folder / "evil_importer-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: evil-importer\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[armillary.importers]\nevil = evil_importer:make\n")
    paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    return tmp_path


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("crash", "was ended by SIGSEGV"),
        ("hang", "took more than 2 s"),
        ("memory", "more memory than an importer may use"),
        ("network PORT", "damaged|outside"),
        ("read SECRET", "outside its folder"),
        ("write PLACE", "outside its folder"),
        ("deep", "more than 250 nodes below each other"),
        ("nothing", "damaged"),
        ("talk", "damaged"),
    ],
)
def test_an_importer_that_misbehaves_ends_with_one_message(
    evil: Path, capsys: pytest.CaptureFixture[str], word: str, says: str
) -> None:
    secret, place, folder = evil / "secret.txt", evil / "written", evil / "in"
    secret.write_text("s")
    folder.mkdir()
    file = folder / "a.evil"
    heard = socket.create_server(("127.0.0.1", 0))
    meant = {"SECRET": str(secret), "PLACE": str(place), "PORT": str(heard.getsockname()[1])}
    file.write_text(" ".join(meant.get(part, part) for part in word.split()))
    limit = "2" if word == "hang" else "60"
    assert run(["import", str(file), "-o", str(folder / "a.usda"), "--timeout", limit]) == 2
    told = capsys.readouterr()
    assert re.search(says, told.err), told.err
    assert "Traceback" not in told.err
    assert str(file) in told.err
    heard.settimeout(0.1)
    with heard, pytest.raises(TimeoutError):
        heard.accept()
    assert not place.exists()
    assert sorted(p.name for p in folder.iterdir()) == ["a.evil"]
    children = psutil.Process().children(recursive=True)
    left = [p for p in children if "extend.importer" in " ".join(p.cmdline())]
    assert left == []
    assert list(Path(os.environ["XDG_RUNTIME_DIR"]).rglob("import-*")) == []


@pytest.mark.parametrize(
    ("name", "says"),
    [("gone.glb", "no such file"), ("a.usda", "OpenUSD already"), ("a.xyz", "no importer for '.xyz'")],
)
def test_what_cannot_be_imported_is_said_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, says: str
) -> None:
    if name != "gone.glb":
        (tmp_path / name).write_text("x")
    assert run(["import", str(tmp_path / name)]) == 2
    assert says in capsys.readouterr().err
