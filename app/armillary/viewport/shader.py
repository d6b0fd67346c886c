"""Shader text of the merged mesh: looks and matrices are fetched by row, patterns drawn in screen space.

Three passes over one mesh share it. OPAQUE draws parts that hide what is behind them and writes the outline
code into the picture's alpha; TRANSLUCENT blends the others; MASK writes only the outline codes of parts
that have no opaque pixels (translucent ones, and hollow ones, which have no pixels at all).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from armillary.model.look import FLOW
from armillary.model.quality import BAD, NEVER, STALE, UNCERTAIN

OPAQUE, TRANSLUCENT, MASK = range(3)

# bits of a state row's third byte
SHOWN, POINT_COLOURS, TEXTURED, OWN = 1, 2, 4, 8
LAMPS = 6  # lights of the scene that are drawn, the strongest

COLOUR, STATE, GLOW, MATRIX = "armColour", "armState", "armGlow", "armMatrix"  # sampler uniforms
TEXEL, IMAGE = "armTexel", "armImage"
BEND = "armBend"  # rows of two: place and normal of what bends, now
SLOT = "armSlot"  # attribute: 1 + the slot of a point that bends
FIELD_VALUE, PALETTE = "armFieldValue", "armPalette"
FIELD = "armFieldSlot"  # attribute: 1 + place of its value (0: none), number of its field, iso-lines
NORMAL, PRIM, ROW, POINT_RGBA, UV = "armNormal", "armPrim", "armRow", "armPointRgba", "armUv"  # attributes
COPY = "armCopy"  # attribute: which copy of its shape a point belongs to

VERTEX_TAG = "//VTK::PositionVC::Dec"
VERTEX_MAIN_TAG = "//VTK::PositionVC::Impl"
FRAGMENT_TAG = "//VTK::PositionVC::Dec"
FRAGMENT_MAIN_TAG = "//VTK::Light::Impl"

_VERTEX = """
in vec3 armNormal;
//ALONE in float armPrim;
//ALONE in float armRow;
//COPY in float armCopy;
//COPY uniform int armFirst;
//COPY uniform int armEnd;
//POINT in vec4 armPointRgba;
//IMAGE in vec3 armUv;
//BEND in float armSlot;
//BEND uniform sampler2D armBend;
//FIELD in vec3 armFieldSlot;
//FIELD uniform sampler2D armFieldValue;
//FIELD smooth out vec2 armField;  // value, and 1 where there is one
//FIELD flat out ivec2 armFieldOf;  // number of the field, -1 for none; iso-lines
uniform usampler2D armColour;
uniform usampler2D armState;
uniform usampler2D armGlow;
uniform sampler2D armMatrix;
uniform int armShift;  // tables are cut into lines of 2^armShift rows
uniform mat3 normalMatrix;
uniform int armPass;
uniform int armLit;
//LIGHT uniform vec3 armAmbient;
//LIGHT LAMP uniform vec4 armLampAt#;  // w 0: direction; 1: place
//LIGHT LAMP uniform vec4 armLampTint#;  // w: distance at which it has that strength
//LIGHT LAMP uniform vec4 armLampBeam#;  // w 1: shines along xyz only
flat out vec4 armRgba;
flat out ivec2 armRankCode;
flat out vec3 armAdd;
smooth out vec3 armLight;
//CUT uniform vec4 armCut;  // in render space: what is below 0 is cut away
//CUT smooth out float armKept;
//CUT flat out int armMirrored;
//POINT smooth out vec4 armPointSmooth;
//GLOSS smooth out vec3 armFacing;
//GLOSS flat out vec2 armGloss;  // metal, smoothness
//IMAGE smooth out vec2 armAt;
//IMAGE flat out int armShows;  // 1 + row of the image, 0 for none
//DETAIL smooth out vec3 armSpot;  // where, turned to the eye
"""

VERTEX_LAMP = """
vec3 armLamp(vec3 n, vec3 from, vec4 at, vec4 tint, vec4 beam) {
  vec3 to = at.w > 0.5 ? at.xyz - from : at.xyz;
  float far = max(length(to), 1e-6), share = 1.0;
  to /= far;
  if (at.w > 0.5) share = clamp(tint.w * tint.w / (far * far), 0.02, 4.0);
  if (beam.w > 0.5) share *= max(dot(-to, beam.xyz), 0.0);
  return tint.rgb * share * max(dot(n, to), 0.0);
}
"""

# what a prim looks like; sets prim, mask, at, state, rgba, rank, code, solid, drawn
LOOK = """  ivec2 at = ivec2(prim & mask, prim >> armShift);
  uvec4 state = texelFetch(armState, at, 0);
  uvec4 rgba = texelFetch(armColour, at, 0);
  int rank = int(state.x);
  int code = int(state.y);
  //POINT if ((state.z & 2u) != 0u) rgba.a = uint(armPointRgba.a * 255.0 + 0.5);  // the same all over a face
  // a part with a pattern must be seen whatever its opacity was when its values could still be trusted
  if (rank == RANK_STALE || rank == RANK_BAD) rgba.a = max(rgba.a, 90u);
  bool solid = rgba.a == 255u;
  bool drawn = (state.z & 1u) != 0u && rgba.a > 0u;
  if (armPass == 0) drawn = drawn && solid && rank != RANK_NEVER;
  else if (armPass == 1) drawn = drawn && !solid && rank != RANK_NEVER;
  else drawn = (state.z & 1u) != 0u && code > 0 && (rank == RANK_NEVER || (drawn && !solid));
"""

_VERTEX_MAIN = f"""
  int mask = (1 << armShift) - 1;
  //ALONE int prim = int(armPrim + 0.5), row = 3 * int(armRow + 0.5);
  //COPY int copy = armFirst + int(armCopy + 0.5), row = 4 * copy, who = row + 3;
  //COPY int prim = int(texelFetch(armMatrix, ivec2(who & mask, who >> armShift), 0).x + 0.5);
{LOOK}"""
_VERTEX_MAIN += """  //COPY drawn = drawn && copy < armEnd;
  if (!drawn) {
    gl_Position = vec4(2.0, 2.0, 2.0, 1.0);  // every corner outside: the triangle is clipped away
  } else {
    vec4 r0 = texelFetch(armMatrix, ivec2(row & mask, row >> armShift), 0);
    row += 1;
    vec4 r1 = texelFetch(armMatrix, ivec2(row & mask, row >> armShift), 0);
    row += 1;
    vec4 r2 = texelFetch(armMatrix, ivec2(row & mask, row >> armShift), 0);
    vec4 rest = vertexMC;
    vec3 stands = armNormal;
    //BEND if (armSlot > 0.5) {
    //BEND   int at = 2 * (int(armSlot + 0.5) - 1), next = at + 1;
    //BEND   rest = vec4(texelFetch(armBend, ivec2(at & mask, at >> armShift), 0).xyz, 1.0);
    //BEND   stands = texelFetch(armBend, ivec2(next & mask, next >> armShift), 0).xyz;
    //BEND }
    vec3 place = vec3(dot(r0, rest), dot(r1, rest), dot(r2, rest));
    gl_Position = MCDCMatrix * vec4(place, 1.0);
    //CUT armKept = dot(armCut.xyz, place) + armCut.w;
    //CUT armMirrored = dot(cross(r0.xyz, r1.xyz), r2.xyz) < 0.0 ? 1 : 0;
    // cofactors keep normals right under uneven scale; the sign is settled by facing the eye
    vec3 n = vec3(dot(cross(r1.xyz, r2.xyz), stands), dot(cross(r2.xyz, r0.xyz), stands),
                  dot(cross(r0.xyz, r1.xyz), stands));
    vec3 plain = n;
    n = normalize(normalMatrix * n + vec3(0.0, 0.0, 1e-20));
    float side = n.z < 0.0 ? -1.0 : 1.0;
    n *= side;
    float own = 0.54 + 0.30 * n.z + 0.22 * max(dot(n, vec3(-0.42, 0.68, 0.60)), 0.0);
    armLight = vec3(armLit == 0 ? 1.0 : own);
    //LIGHT if (armLit != 0) {
    //LIGHT   plain = side * normalize(plain + vec3(0.0, 0.0, 1e-20));
    //LIGHT   vec3 sum = armAmbient;
    //LIGHT   LAMP sum += armLamp(plain, place, armLampAt#, armLampTint#, armLampBeam#);
    //LIGHT   // what a binding colours keeps its hue: a coloured light must not make another value of it
    //LIGHT   if ((state.z & 8u) == 0u) sum = vec3(dot(sum, vec3(0.2126, 0.7152, 0.0722)));
    //LIGHT   armLight = 0.35 * own + sum;
    //LIGHT }
    //GLOSS armFacing = n;
    //GLOSS bool shines = (state.z & 8u) != 0u && armLit != 0;  // what a binding colours is matte
    //GLOSS armGloss = shines ? vec2(float(state.w >> 4u), float(state.w & 15u)) / 15.0 : vec2(0.0);
    armRgba = vec4(rgba) / 255.0;
    armRankCode = ivec2(rank, code);
    uvec4 glow = texelFetch(armGlow, at, 0);
    armAdd = vec3(glow.rgb) / 255.0 * (float(glow.a) / 255.0);
    //POINT armPointSmooth = (state.z & 2u) != 0u ? armPointRgba : armRgba;
    //FIELD armField = vec2(0.0);
    //FIELD armFieldOf = ivec2(-1, 0);
    //FIELD if (armFieldSlot.x > 0.5) {
    //FIELD   int slot = int(armFieldSlot.x + 0.5) - 1, line = slot >> 2;
    //FIELD   vec4 four = texelFetch(armFieldValue, ivec2(line & mask, line >> armShift), 0);
    //FIELD   float one = four[slot & 3];
    //FIELD   if (one > -1e8) armField = vec2(one, 1.0);
    //FIELD   armFieldOf = ivec2(armFieldSlot.yz + 0.5);
    //FIELD }
    //DETAIL armSpot = normalMatrix * place;
    //IMAGE armAt = armUv.xy;
    //IMAGE armShows = (state.z & 4u) != 0u ? int(armUv.z + 0.5) : 0;
  }
"""

_FRAGMENT = """
uniform int armPass;
uniform vec3 armEquipment;
uniform vec3 armInk;
flat in vec4 armRgba;
flat in ivec2 armRankCode;
flat in vec3 armAdd;
smooth in vec3 armLight;
//CUT smooth in float armKept;
//CUT flat in int armMirrored;
//POINT smooth in vec4 armPointSmooth;
//GLOSS smooth in vec3 armFacing;
//GLOSS flat in vec2 armGloss;
//FIELD smooth in vec2 armField;
//FIELD flat in ivec2 armFieldOf;
//FIELD uniform usampler2D armPalette;
//DETAIL uniform int armLit;
//DETAIL smooth in vec3 armSpot;
"""

# A triangle with a corner that has no value ends half-way; iso-lines keep their width at every distance.
_FIELD_MAIN = """
  float armAlong = armField.x / max(armField.y, 1e-6), armStep = fwidth(armAlong);
  float armIso = armAlong * float(armFieldOf.y + 1), armWide = fwidth(armIso);
  if (armFieldOf.x >= 0 && armFieldOf.y == FLOW_LINES) {  // stripes over what the part has
    if (armField.y > 0.999) {
      int row = 256 * armFieldOf.x + int(fract(armAlong) * 255.0 + 0.5);
      ivec2 cell = ivec2(row & ((1 << armShift) - 1), row >> armShift);
      vec4 shade = vec4(texelFetch(armPalette, cell, 0)) / 255.0;
      // stripes finer than pixels would flicker: from afar they are an even tint
      base.rgb = mix(base.rgb, shade.rgb, mix(shade.a, 0.15, smoothstep(0.2, 0.5, armStep)));
    }
  } else if (armFieldOf.x >= 0) {
    base.rgb = armEquipment;
    if (armField.y >= 0.5) {
      int row = 256 * armFieldOf.x + int(clamp(armAlong, 0.0, 1.0) * 255.0 + 0.5);
      ivec2 cell = ivec2(row & ((1 << armShift) - 1), row >> armShift);
      base.rgb = vec3(texelFetch(armPalette, cell, 0).rgb) / 255.0;
      float line = floor(armIso + 0.5);
      // not where a corner has no value: a line would follow the edge of the unknown there
      if (line > 0.5 && line < float(armFieldOf.y) + 0.5 && armWide > 1e-5 && armField.y > 0.999)
        base.rgb = mix(base.rgb, armInk, clamp(1.4 - abs(armIso - line) / armWide, 0.0, 1.0));
    }
  }
"""

# The highlight of the eye's own light; nothing is mirrored.
GLOSS_MAIN = """
  if (gloss.x + gloss.y > 0.0) {
    float sharp = exp2(1.0 + 7.0 * gloss.y);
    float hot = pow(max(dot(facing, normalize(vec3(-0.42, 0.68, 1.60))), 0.0), sharp);
    hot = (hot + 0.3 * pow(1.0 - clamp(facing.z, 0.0, 1.0), 3.0)) * (0.25 + 0.75 * gloss.y);
    rgb = rgb * (1.0 - 0.4 * gloss.x) + mix(vec3(0.35), base.rgb + 0.15, gloss.x) * hot;
    rgb = min(rgb, 1.0);
  }
"""

# An image is a run of texels, its halves behind it; texels are fetched by number and blended here, as one
# table holds images of all sizes and no hardware wraps or filters part of a texture.
_IMAGES = """
smooth in vec2 armAt;
flat in int armShows;
uniform usampler2D armTexel;
uniform sampler2D armImage;
int armWrap(int i, int n, int mode) {
  if (mode == 0) return i - n * int(floor(float(i) / float(n)));
  if (mode == 2) {
    int m = i - 2 * n * int(floor(float(i) / float(2 * n)));
    return m < n ? m : 2 * n - 1 - m;
  }
  return clamp(i, 0, n - 1);
}
vec4 armFetch(int first, ivec2 size, int x, int y, int flags) {
  int at = first + armWrap(y, size.y, (flags >> 2) & 3) * size.x + armWrap(x, size.x, flags & 3);
  return vec4(texelFetch(armTexel, ivec2(at & ((1 << armShift) - 1), at >> armShift), 0)) / 255.0;
}
vec4 armSample(int row, vec2 uv, vec2 dx, vec2 dy, out int flags) {
  int mask = (1 << armShift) - 1;
  vec4 image = texelFetch(armImage, ivec2(row & mask, row >> armShift), 0);
  flags = int(image.w + 0.5);
  if ((flags & 64) != 0) {  // a grid of tiles, each a unit square of u and v
    ivec2 tile = ivec2(floor(uv)), grid = ivec2(image.yz + 0.5);
    if (any(lessThan(tile, ivec2(0))) || any(greaterThanEqual(tile, grid))) { flags = -1; return vec4(0.0); }
    row = int(image.x + 0.5) + tile.y * grid.x + tile.x;
    uv -= vec2(tile);
    image = texelFetch(armImage, ivec2(row & mask, row >> armShift), 0);
    flags = (int(image.w + 0.5) & 176) | 5;  // tiles end at their borders
  }
  ivec2 size = ivec2(image.yz + 0.5);
  if (size.x == 0) { flags = -1; return vec4(0.0); }
  if ((flags & 3) == 3 && (uv.x < 0.0 || uv.x > 1.0)) return vec4(0.0);
  if (((flags >> 2) & 3) == 3 && (uv.y < 0.0 || uv.y > 1.0)) return vec4(0.0);
  float reach = max(length(dx * image.yz), length(dy * image.yz));
  int level = int(max(0.0, log2(max(reach, 1e-6)) + 0.5)), first = int(image.x + 0.5);
  for (int i = 0; i < 14; ++i) {
    if (i >= level || (size.x == 1 && size.y == 1)) break;
    first += size.x * size.y;
    size = max(size / 2, ivec2(1));
  }
  vec2 at = clamp(uv, -1e4, 1e4) * vec2(size) - 0.5;
  ivec2 low = ivec2(floor(at));
  vec2 f = at - vec2(low);
  ivec2 end = low + 1;
  vec4 sw = armFetch(first, size, low.x, low.y, flags), se = armFetch(first, size, end.x, low.y, flags);
  vec4 nw = armFetch(first, size, low.x, end.y, flags), ne = armFetch(first, size, end.x, end.y, flags);
  return mix(mix(sw, se, f.x), mix(nw, ne, f.x), f.y);
}
"""

_IMAGE_MAIN = """
  vec2 armDx = dFdx(armAt), armDy = dFdy(armAt);
  if (armShows > 0) {
    int flags;
    vec4 texel = armSample(armShows - 1, armAt, armDx, armDy, flags);
    if (flags >= 0) {
      base.rgb = texel.rgb;
      if ((flags & 128) != 0) light = vec3(1.0);
      if ((flags & 48) != 0) {
        if (texel.a < (armPass == 1 && (flags & 32) != 0 ? 0.004 : 0.5)) discard;
        if (armPass == 1 && (flags & 32) != 0) base.a = texel.a;
      }
    }
    //DETAIL if ((flags & 256) != 0 && armLit != 0) {
    //DETAIL   int more;
    //DETAIL   vec4 detail = armSample(armBehind(armShows - 1), armAt, armDx, armDy, more);
    //DETAIL   if (more >= 0) {
    //DETAIL     gloss = detail.a > 0.06 || detail.b > 0.54 ? detail.ab : vec2(0.0);
    //DETAIL     vec2 lean = (detail.rg * 255.0 - 128.0) / 127.0;
    //DETAIL     vec3 leant = armLeant(facing, armSpot, armAt, lean);
    //DETAIL     light *= armOwn(leant) / armOwn(facing);
    //DETAIL     facing = leant;
    //DETAIL   }
    //DETAIL }
  }
"""

# How a surface leans is given along u and v, which the derivatives of the coordinates find on the screen.
_DETAILS = """
int armBehind(int row) {
  int mask = (1 << armShift) - 1;
  vec4 image = texelFetch(armImage, ivec2(row & mask, row >> armShift), 0);
  bool grid = (int(image.w + 0.5) & 64) != 0;
  return grid ? row + 1 + int(image.y + 0.5) * int(image.z + 0.5) : row + 1;
}
float armOwn(vec3 n) {
  return 0.54 + 0.30 * n.z + 0.22 * max(dot(n, vec3(-0.42, 0.68, 0.60)), 0.0);
}
vec3 armLeant(vec3 n, vec3 spot, vec2 uv, vec2 lean) {
  vec3 a = dFdx(spot), b = dFdy(spot);
  vec2 ua = dFdx(uv), ub = dFdy(uv);
  vec3 across = cross(b, n), along = cross(n, a);
  vec3 u = across * ua.x + along * ub.x, v = across * ua.y + along * ub.y;
  float most = max(dot(u, u), dot(v, v));
  if (most < 1e-30) return n;
  vec2 part = lean * inversesqrt(most);
  return normalize(u * part.x + v * part.y + n * sqrt(max(1.0 - dot(lean, lean), 0.05)));
}
"""

# what a quality code draws over a colour
PATTERN = """  int rank = armRankCode.x;
  if (rank >= RANK_UNCERTAIN) {
    // a software renderer computes this for every pixel, whatever the rank: it must be little
    if (rank == RANK_UNCERTAIN) {
      vec2 cell = gl_FragCoord.xy / 12.0;
      if (fract(cell.x + 0.5 * floor(cell.y)) < 1.0 / 6.0 && fract(cell.y) < 1.0 / 6.0) rgb = armInk;
    } else {
      ivec2 p = ivec2(gl_FragCoord.xy);
      bool ink = ((p.x - p.y) & 7) < 2 || (rank == RANK_BAD && ((p.x + p.y) & 7) < 2);
      rgb = ink ? armInk : armEquipment;
    }
  }
"""

_FRAGMENT_MAIN = """
  //CUT if (armKept < 0.0) discard;
  vec4 base = armRgba;
  vec3 light = armLight;
  //GLOSS vec3 facing = normalize(armFacing);
  //GLOSS vec2 gloss = armGloss;
  //POINT base = vec4(armPointSmooth.rgb, armRgba.a);
  //IMAGES
  //FIELDS
  vec3 rgb = min(base.rgb * light + armAdd, 1.0);
  //SHINE
  // the inside of a part that is cut open is flat and darker: it reads as the face of the cut
  //CUT if (armPass == 0 && gl_FrontFacing == (armMirrored == 1)) rgb = 0.6 * base.rgb;
"""
_FRAGMENT_MAIN += PATTERN
_FRAGMENT_MAIN += """  gl_FragData[0] = vec4(rgb, armPass == 1 ? base.a : 1.0 - float(armRankCode.y) / 255.0);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """What the text must hold: each part costs, so it is there only while it shows something."""

    point_colours: bool = False
    images: bool = False
    gloss: bool = False
    fields: bool = False
    cut: bool = False
    lights: int = 0  # how many
    bends: bool = False  # points that go with the scene's own time
    detail: bool = False  # images of normals, roughness, metal
    copies: bool = False  # of shapes that are drawn by many

    def plain(self) -> Text:
        """Return what a sprite shows of it: images and fields need points of their own."""
        return replace(
            self,
            point_colours=False,
            images=False,
            fields=False,
            detail=False,
            bends=False,
            gloss=self.shines,
        )

    def of_copies(self) -> Text:
        """Return what copies of a shape show of it: a field has places for points that are drawn once."""
        return replace(self, fields=False, bends=False, copies=True)

    @property
    def shines(self) -> bool:
        """Whether light is reflected anywhere."""
        return self.gloss or self.detail


def fill(text: str, has: Text) -> str:
    ranks = {
        "RANK_UNCERTAIN": UNCERTAIN,
        "RANK_STALE": STALE,
        "RANK_BAD": BAD,
        "RANK_NEVER": NEVER,
    }
    for word, rank in ranks.items():
        text = text.replace(word, str(rank))
    text = "\n".join(
        line
        if "LAMP " not in line
        else "\n".join(line.replace("LAMP ", "").replace("#", str(i)) for i in range(has.lights))
        for line in text.split("\n")
    )
    for word, block, shown in (
        ("IMAGES", _IMAGE_MAIN, has.images),
        ("SHINE", GLOSS_MAIN, has.shines),
        ("FIELDS", _FIELD_MAIN.replace("FLOW_LINES", str(FLOW)), has.fields),
    ):
        text = text.replace(f"//{word}", block if shown else "")
    for word, shown in (
        ("LIGHT", has.lights > 0),
        ("CUT", has.cut),
        ("BEND", has.bends),
        ("IMAGE", has.images),
        ("DETAIL", has.detail),
        ("GLOSS", has.shines),
        ("FIELD", has.fields),
        ("POINT", has.point_colours),
        ("COPY", has.copies),
        ("ALONE", not has.copies),
    ):
        text = text.replace(f"//{word} ", "" if shown else "//")
    return text


def vertex(has: Text) -> tuple[str, str]:
    """Return the declarations and the body that replace VTK's vertex position."""
    lamp = VERTEX_LAMP if has.lights else ""
    return fill(f"{VERTEX_TAG}\n{_VERTEX}{lamp}", has), fill(_VERTEX_MAIN, has)


def fragment(has: Text) -> tuple[str, str]:
    """Return the declarations and the body that replace VTK's lighting."""
    lines = "uniform int armShift;\n" if has.images or has.fields else ""
    images, details = _IMAGES if has.images else "", _DETAILS if has.detail else ""
    return fill(f"{FRAGMENT_TAG}\n{lines}{_FRAGMENT}{images}{details}", has), fill(_FRAGMENT_MAIN, has)
