"""What a file's bytes say before any parser of OpenUSD sees them."""

from __future__ import annotations

import io
import mmap
import os
import re
import zipfile

import numpy as np

from armillary.model.fault import SceneFault
from armillary.scene.problems import MAX_BRACES

CRATE, TEXT, ZIP = b"PXR-USDC", b"#usda", b"PK\x03\x04"
_SHARING = (b"inherit", b"specializ")
# What we have importers for.
FOREIGN = (".gltf", ".glb", ".obj", ".stl", ".ply", ".ifc", ".step", ".stp")
MOST_PACKAGES = 8  # in one another
_OPEN, _CLOSE = b"{[(", b"}])"
_NO_BRACES = bytes(byte for byte in range(256) if byte not in _OPEN + _CLOSE)
_LITERALS = re.compile(
    rb'"""(?:[^\\]|\\.)*?"""|"(?:[^"\\\n]|\\.)*"|#[^\n]*|'
    rb"'''(?:[^\\]|\\.)*?'''|'(?:[^'\\\n]|\\.)*'",
    re.DOTALL,
)

_UNPARSED = re.compile(r"parse error matching \S*pegtl.*?(?= at '|$)", re.DOTALL)  # its grammar, not ours
_SAID = re.compile(r" in file \S+ : '(.*?)'\s*(?=\n\s*Error in|\Z)", re.DOTALL)


def look(path: str) -> None:
    """Look at a file's bytes before any parser does. Raises SceneFault when it is no scene, or too deep."""
    with open(path, "rb") as file:
        head = file.read(len(CRATE))
        if head.startswith(CRATE):
            return
        if head.startswith(TEXT):
            _text(path, head + file.read())
            return
    if head.startswith(ZIP):
        _package(path)
        return
    if head and path.lower().endswith(FOREIGN):
        raise SceneFault(
            "This is not an OpenUSD file.",
            where=path,
            remedy="Turn it into one (armillary import), and refer to that.",
        )
    raise SceneFault(
        "This is not an OpenUSD file." if head else "The file is empty.",
        where=path,
        remedy="Choose a .usd, .usda, .usdc or .usdz file, or export it as one of these.",
    )


def may_inherit(path: str) -> bool:
    """Return whether a file has words of inherits or specializes, by which prims come in more than once.

    A crate made to hide them can: it is then stopped by the time limit instead of being counted.
    """
    if os.path.getsize(path) == 0:
        return False
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return any(data.find(word) >= 0 for word in _SHARING)


def _package(path: str, data: bytes | None = None, depth: int = 0) -> None:
    """Look at every scene in a package, and at packages in it; more than the file holds is a bomb."""
    if depth > MOST_PACKAGES:
        raise damaged(path, ValueError(f"packages are nested more than {MOST_PACKAGES} deep"))
    try:
        with zipfile.ZipFile(io.BytesIO(data) if data is not None else path) as package:
            room = len(data) if data is not None else os.path.getsize(path)
            for item in package.infolist():
                if (room := room - item.file_size) < 0 and item.compress_type == zipfile.ZIP_STORED:
                    raise damaged(path, ValueError("it promises more than it holds"))
                if item.filename.startswith("/") or ".." in item.filename.split("/"):
                    raise damaged(path, ValueError(f"{item.filename[:100]} leads out of it"))
                if item.compress_type != zipfile.ZIP_STORED or item.flag_bits & 1:
                    raise damaged(path, ValueError(f"{item.filename} is compressed or encrypted"))
                if item.filename.endswith((".usda", ".usd")):
                    content = package.read(item)
                    if content.startswith(TEXT):
                        _text(f"{path}[{item.filename}]", content)
                elif item.filename.endswith(".usdz"):
                    _package(f"{path}[{item.filename}]", package.read(item), depth + 1)
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError) as error:
        raise damaged(path, error) from error


def _text(where: str, text: bytes) -> None:
    """Refuse text that the parser does not survive, or that is no text."""
    _braces(where, text)
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise SceneFault(
            f"The text of the layer is not UTF-8: line {line:,} has the byte {text[error.start]:#04x}.",
            where=where,
            remedy="Save it as UTF-8, or export it again.",
        ) from error


def _braces(where: str, text: bytes) -> None:
    """Refuse text that is nested deeper than the parser's stack bears (30,000 levels end in SIGSEGV)."""
    if _deepest(text) > MAX_BRACES and _deepest(_LITERALS.sub(b"", text)) > MAX_BRACES:
        raise SceneFault(
            f"The scene was refused: its text is nested more than {MAX_BRACES:,} deep.",
            where=where,
            remedy="Ask for another export; a file like this crashes OpenUSD.",
        )


def _deepest(text: bytes) -> int:
    step = np.zeros(256, np.int8)
    step[list(_OPEN)], step[list(_CLOSE)] = 1, -1
    moves = step[np.frombuffer(text.translate(None, _NO_BRACES), np.uint8)]
    return int(np.cumsum(moves, dtype=np.int64).max(initial=0))


def damaged(path: str, error: Exception | None) -> SceneFault:
    return SceneFault(
        f"The file is damaged or not a scene{': ' + reason(error) if error else ''}.",
        where=path,
        remedy="Export it again, or restore an older copy.",
    )


def reason(error: Exception) -> str:
    """Return what OpenUSD says in one line, without its own source files."""
    text = str(error).strip()
    said = _SAID.findall(text)
    text = _UNPARSED.sub("the text is not understood", said[-1] if said else text)
    return " ".join(text.split())[:300].rstrip(".") or type(error).__name__
