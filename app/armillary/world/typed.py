"""The DTDL model of a project, as a world reads it: what cannot be read is left to `armillary check`."""

from __future__ import annotations

from armillary.project.record import Project
from armillary.twin import dtdl
from armillary.twin.drift_model import Modelled, modelled
from armillary.twin.dtdl_context import Options

MOST_BYTES = 16 * 1024 * 1024  # of all documents: more is not read at the start of a world


def modelled_of(project: Project) -> Modelled:
    """Return what a project's interfaces say of its tags; nothing where it has none."""
    top, documents, size = project.folder.resolve(), list[dtdl.Document](), 0
    for pattern in project.model_files:
        try:
            paths = sorted(project.folder.glob(pattern))
        except (ValueError, NotImplementedError):
            continue
        for path in paths:
            if not path.is_file() or not path.resolve().is_relative_to(top):
                continue
            try:
                size += path.stat().st_size
                if size > MOST_BYTES:
                    return Modelled()
                documents.append(dtdl.Document(where=path.name, data=path.read_bytes()))
            except OSError:
                continue
    if not documents:
        return Modelled()
    model = dtdl.judge(str(project.folder), documents, Options(undefined=False)).model
    if model is None:
        return Modelled()
    return modelled(model, project.twins, project.relationships, project.specs)
