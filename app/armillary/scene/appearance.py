"""What rows show by themselves: material first, then displayColor, then grey."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from armillary.model.arrays import B1, I8, U1
from armillary.scene import paint
from armillary.scene.place import NOTHING, Levels
from armillary.scene.survey import Survey


@dataclass(frozen=True, slots=True)
class Appearance:
    """What rows show by themselves, before any binding."""

    rgba: U1  # (M, 4)
    emissive: U1  # (M, 3)
    metallic: U1  # (M,)
    roughness: U1  # (M,)
    colour_of: I8  # (S,) own colour of each source, a row of `colours`, -1 for none
    colours: U1  # (k, 3)
    found: paint.Materials
    by_material: B1  # (M,) the colour is that of a material

    @classmethod
    def of(
        cls, survey: Survey, found: paint.Materials, source: I8, levels: Levels, instance: B1
    ) -> Appearance:
        n = len(survey.path)
        colour_of = np.full(n, NOTHING, np.int64)
        colour_of[survey.colour_source] = np.arange(len(survey.colour_source))
        colours = paint.srgb(np.array([c[0] for c in survey.colour], np.float32).reshape(-1, 3))
        opacity_of = np.full(n, NOTHING, np.int64)
        opacity_of[survey.opacity_source] = np.arange(len(survey.opacity_source))
        opacities = paint.byte(np.array(survey.opacity, np.float64))
        material_of = np.full(n, NOTHING, np.int64)
        material_of[list(found.of_source)] = list(found.of_source.values())

        material = material_of[source]
        if instance.any():  # a part of an instance takes the binding of what is above the instance
            above = levels.inherited(np.where(instance, material, NOTHING))
            material = np.where(material == NOTHING, above, material)
        rgba = np.empty((len(source), 4), np.uint8)
        rgba[:, :3], rgba[:, 3] = paint.GREY, 255
        emissive = np.zeros((len(source), 3), np.uint8)
        metallic = np.zeros(len(source), np.uint8)
        roughness = np.full(len(source), 128, np.uint8)
        own = levels.inherited(colour_of[source])
        rgba[own >= 0, :3] = colours[own[own >= 0]]
        clear = levels.inherited(opacity_of[source])
        rgba[clear >= 0, 3] = opacities[clear[clear >= 0]]
        by_material = np.zeros(len(source), np.bool_)
        bound = np.flatnonzero(material >= 0)
        if len(bound):  # a material stands above the colours of the parts, where it says one
            which = material[bound]
            says, clears = found.coloured()[which], found.clear()[which]
            rgba[bound[says], :3] = found.rgb()[which[says]]
            rgba[bound[clears], 3] = found.opacity()[which[clears]]
            emissive[bound] = found.emissive()[which]
            metallic[bound] = found.metallic()[which]
            roughness[bound] = found.roughness()[which]
            by_material[bound[says]] = True
        return cls(rgba, emissive, metallic, roughness, colour_of, colours, found, by_material)

    def of_part(self, rows: tuple[int, ...], default: U1) -> tuple[int, int, int, int]:
        """Return the colour of a prototype's part: its own, or the nearest above it inside the prototype."""
        out = default.copy()
        colour = next((int(self.colour_of[s]) for s in rows if self.colour_of[s] >= 0), NOTHING)
        if colour >= 0:
            out[:3] = self.colours[colour]
        material = self.found.of_source.get(rows[0])
        if material is not None:
            if self.found.coloured()[material]:
                out[:3] = self.found.rgb()[material]
            if self.found.clear()[material]:
                out[3] = self.found.opacity()[material]
        r, g, b, a = out.tolist()
        return r, g, b, a
