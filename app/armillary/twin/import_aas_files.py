"""AASX packages and AAS in XML, as the JSON of their environment. Needs the extra `aas` (basyx)."""

from __future__ import annotations

import importlib
import json
import logging
import re
import warnings
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from armillary.model.fault import ProjectFault

MOST_BYTES = 200_000_000
_HEAD = 65_536
_VERSION = re.compile(rb"https://admin-shell\.io/aas/3/\d+(?=[\"'])")
_FILE = re.compile(rb">\s*(?:file://)?(/[^<>\s][^<>]{0,300}?)\s*<")  # the value of a File
_MOST_FILES = 2_000
_LONG = 300  # letters of what the library says
_OLD = "Give an AAS of metamodel 3 (IEC 63278); older ones are not converted."


def environment(path: Path) -> tuple[Any, tuple[str, ...]]:  # Any: parsed JSON
    """Return what a package or an XML file describes, and what the library could not read of it.

    Raises ProjectFault for one that is damaged, too large or of metamodel 2, and where the extra is missing.
    """
    _must_be_tame(path)
    try:
        with warnings.catch_warnings(), _Heard() as heard:
            warnings.simplefilter("ignore")  # what the library will rename is no concern of who reads a file
            found = json.loads(_as_json(path))
    except ImportError:
        raise ProjectFault(
            "AASX and AAS in XML need a library that is not installed.",
            where=str(path),
            remedy="Install the extra: pip install 'armillary[aas]'; or give the AAS as JSON.",
        ) from None
    except Exception as error:  # the border to a library that reads a foreign file
        raise ProjectFault(
            f"The file cannot be read: {type(error).__name__}: {error}."[:300], where=str(path), remedy=_OLD
        ) from error
    if not any(found.values()):
        raise ProjectFault(
            "The file holds no shells and no submodels that can be read.", where=str(path), remedy=_OLD
        )
    return found, tuple(heard.said)


class _Heard(logging.Handler):
    """Takes what the library says of elements that it leaves out, which would else go to a log only."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []
        self._logger = logging.getLogger("basyx")

    def __enter__(self) -> _Heard:
        self._before = self._logger.propagate
        self._logger.propagate = False
        self._logger.addHandler(self)
        return self

    def __exit__(self, *_error: object) -> None:
        self._logger.removeHandler(self)
        self._logger.propagate = self._before

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage()[:_LONG])


def _as_json(path: Path) -> str:
    from basyx.aas import model
    from basyx.aas.adapter import aasx
    from basyx.aas.adapter.json import object_store_to_json
    from basyx.aas.adapter.xml import read_aas_xml_file

    if path.suffix.lower() != ".aasx":
        return str(object_store_to_json(read_aas_xml_file(BytesIO(_lifted(path.read_bytes())))))
    untyped: Any = aasx  # parts of the library have no types
    kept: Any = getattr(model, "DictIdentifiableStore", None) or model.DictObjectStore  # its name changes
    store = kept()
    with aasx.AASXReader(_package(path)) as reader:
        reader.read_into(store, untyped.DictSupplementaryFileContainer())
    return str(object_store_to_json(store))


def _lifted(xml: bytes) -> bytes:
    """Return AAS in XML in the version 3.x that the library reads; it leaves out every other one as a whole.

    3.0 and 3.1 differ in what may be said, not in how: most published packages are 3.0.
    """
    generic = importlib.import_module("basyx.aas.adapter._generic")  # it tells its version nowhere else
    known = str(getattr(generic, "XML_NS_AAS", "")).strip("{}").encode()
    return _VERSION.sub(lambda _found: known, xml) if known else xml


def _package(path: Path) -> BytesIO:
    """Return a package with its XML lifted, and empty parts for files that it names and does not hold.

    Its size was looked at before. The library refuses a whole package for one missing picture.
    """
    out = BytesIO()
    with ZipFile(path) as package, ZipFile(out, "w") as lifted:
        names = {part.filename.lower() for part in package.infolist()}
        for part in package.infolist():
            data = package.read(part)
            if part.filename.lower().endswith(".xml"):
                data = _lifted(data)
                for found in _FILE.findall(data)[:_MOST_FILES]:
                    name = found.decode("utf-8", "replace").lstrip("/")
                    if name.lower() not in names:
                        names.add(name.lower())
                        lifted.writestr(name, b"")
            lifted.writestr(part, data)
    out.seek(0)
    return out


def _must_be_tame(path: Path) -> None:
    """Raise ProjectFault for what is too large unpacked, and for XML with a document type of its own."""
    try:
        if path.suffix.lower() == ".aasx":
            with ZipFile(path) as package:
                parts = package.infolist()
                size = sum(one.file_size for one in parts)
                texts = [one for one in parts if one.filename.lower().endswith((".xml", ".rels"))]
                wild = size <= MOST_BYTES and any(
                    b"<!DOCTYPE" in package.open(one).read(_HEAD) for one in texts
                )
        else:
            size = path.stat().st_size
            wild = b"<!DOCTYPE" in path.read_bytes()[:_HEAD]
    except (OSError, BadZipFile, RuntimeError, NotImplementedError) as error:  # damaged, or with a password
        raise ProjectFault(
            f"The file cannot be read: {error}.",
            where=str(path),
            remedy="Give an AASX package or AAS in XML.",
        ) from error
    if size > MOST_BYTES or wild:
        what = "The XML defines a document type of its own." if wild else "The package is too large."
        raise ProjectFault(
            what, where=str(path), remedy=f"At most {MOST_BYTES // 10**6} MB of plain XML are read."
        )
