"""Codes of what can be wrong with a scene, with severity and remedy; limits that scenes must keep."""

from __future__ import annotations

from collections.abc import Iterable

from armillary.model.scene import SceneProblem

MAX_DEPTH = 256  # prims below each other
MAX_BRACES = 1_000  # open braces of a text layer: deeper ones crash the text parser (usd-core 26.11)
MAX_ARC_DEPTH = 64  # files that refer to files that refer to …
LIMITS = {
    "layers": 10_000,
    "bytes": 4_294_967_296,
    "prims": 5_000_000,
    "points": 100_000_000,
    "triangles": 100_000_000,
}
FARTHEST = 1e15  # from the origin, in the scene's units: what is placed farther away is a mistake
MOST_OF_A_CODE = 100  # problems of one code that are listed one by one

_CODES: dict[str, tuple[str, str]] = {
    "S01": ("error", "Restore the file, or correct the path in the layer that names it."),
    "S02": ("error", "Correct the composition; the rest of the scene is shown."),
    "S03": (
        "error",
        "Move the file into the project, or name its folder under [scene] roots of project.toml.",
    ),
    "S04": ("warning", "Give a number of time codes per second above 0 and up to 1,000,000."),
    "S05": ("warning", "Export the mesh again; it is not shown."),
    "S06": ("warning", "Export the mesh again; these faces are left out."),
    "S07": ("warning", "Export the prim again; what has no finite place is left out."),
    "S08": ("warning", "Correct the PointInstancer; these instances are left out."),
    "S09": ("warning", "Give a positive number of metres per unit; 0.01 is used."),
    "S10": ("warning", "Correct the number of values, or the interpolation; the values are ignored."),
    "S11": ("info", "The rest of the scene is shown."),
    "S12": ("warning", "Correct the transform; the prim stays where its parent is."),
    "S13": ("info", "Scale or turn it where it is referenced; OpenUSD does neither by itself."),
    "S14": ("info", "Load payloads to see them."),
    "S15": ("error", "Reduce the number of instances; the rest is shown."),
    "S17": ("info", "Give the part a mesh with texture coordinates to see the image on it."),
    "S18": (
        "error",
        "If you trust it, raise `prims` under [scene] limits of project.toml; the rest is shown.",
    ),
    "S19": ("error", "Open a part of it, or raise the limit under [scene] limits of project.toml."),
    "S20": ("info", "Bake the skin into time samples in the tool that made it, or shorten the animation."),
    "S16": ("warning", "Make that folder writable, or set XDG_CACHE_HOME to one that is."),
}


def problem(code: str, where: str, what: str, *, remedy: str = "", severity: str = "") -> SceneProblem:
    """Return a problem with the severity and the remedy of its code, unless others are given."""
    usual_severity, usual_remedy = _CODES[code]
    return SceneProblem(
        code=code,
        severity=severity or usual_severity,
        where=where,
        what=what,
        remedy=remedy or usual_remedy,
    )


def listed(problems: Iterable[SceneProblem]) -> tuple[SceneProblem, ...]:
    """Return problems without repetitions, at most MOST_OF_A_CODE of each code, the rest counted."""
    count: dict[str, int] = {}
    out: list[SceneProblem] = []
    last: dict[str, SceneProblem] = {}
    for item in dict.fromkeys(problems):
        count[item.code] = count.get(item.code, 0) + 1
        if count[item.code] <= MOST_OF_A_CODE:
            out.append(item)
        last[item.code] = item
    for code, n in count.items():
        if n > MOST_OF_A_CODE:
            item = last[code]
            out.append(
                SceneProblem(
                    code=code,
                    severity=item.severity,
                    where=item.where,
                    what=f"{n - MOST_OF_A_CODE:,} more of this kind, the last: {item.what}",
                    remedy=item.remedy,
                )
            )
    return tuple(out)
