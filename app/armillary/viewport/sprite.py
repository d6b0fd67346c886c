"""Shader text of a sprite: one point a part that looks small, drawn as the box it fills.

A renderer, above all one without a graphics card, spends its time on triangles, not on points and pixels.
The point covers the pixels of the box; each of them asks where its ray enters the box, so depth, light and
section are those of the box's surface, to the pixel. A box that covers no pixel's middle draws nothing, as
its triangles would not.
"""

from __future__ import annotations

from armillary.viewport.shader import (
    FRAGMENT_TAG,
    GLOSS_MAIN,
    LOOK,
    PATTERN,
    VERTEX_LAMP,
    VERTEX_TAG,
    Text,
    fill,
)

SHAPE = "armShape"  # rows of three: low and high corner of a shape's box, and the mean colour of its points

_VERTEX = """
uniform usampler2D armColour;
uniform usampler2D armState;
uniform usampler2D armGlow;
uniform sampler2D armMatrix;
uniform sampler2D armShape;
uniform int armShift;
uniform mat3 normalMatrix;
uniform int armPass;
uniform vec2 armSize;  // of the picture, pixels
uniform vec4 armEye;  // where it is; w 0: parallel rays along it
uniform vec3 armPixelX;  // a pixel in render space, at a depth of 1
uniform vec3 armPixelY;
//LIGHT uniform vec3 armAmbient;
//LIGHT LAMP uniform vec4 armLampAt#;
//LIGHT LAMP uniform vec4 armLampTint#;
//LIGHT LAMP uniform vec4 armLampBeam#;
//CUT uniform vec4 armCut;
flat out vec4 armRgba;
flat out ivec2 armRankCode;
flat out vec3 armAdd;
flat out vec2 armMiddle;  // pixels
flat out vec3 armX;  // a pixel, in halves of the box
flat out vec3 armY;
flat out vec3 armWay;  // of the ray through the middle, in halves of the box
flat out vec4 armDeep;  // clip z and w at the middle, and how they change along that way
flat out mat3 armSide;  // unit vectors across its sides, towards the eye
//LIGHT flat out mat3 armSum;  // light on them
//CUT flat out vec4 armKeeps;  // the cutting plane, in halves of the box
//GLOSS flat out vec2 armGloss;
"""

_VERTEX_MAIN = f"""
  int mask = (1 << armShift) - 1;
  int prim = int(vertexMC.y + 0.5), row = 3 * int(vertexMC.x + 0.5), shape = 3 * int(vertexMC.z + 0.5);
{LOOK}
  gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
  gl_PointSize = 1.0;
"""
_VERTEX_MAIN += """
  if (drawn) {
    vec4 r0 = texelFetch(armMatrix, ivec2(row & mask, row >> armShift), 0);
    row += 1;
    vec4 r1 = texelFetch(armMatrix, ivec2(row & mask, row >> armShift), 0);
    row += 1;
    vec4 r2 = texelFetch(armMatrix, ivec2(row & mask, row >> armShift), 0);
    vec3 low = texelFetch(armShape, ivec2(shape & mask, shape >> armShift), 0).xyz;
    shape += 1;
    vec3 high = texelFetch(armShape, ivec2(shape & mask, shape >> armShift), 0).xyz;
    vec4 middle = vec4(0.5 * (low + high), 1.0);
    vec3 reach = 0.5 * (high - low);
    // what is flat gets a little depth: a ray must enter and leave it
    reach = max(reach, vec3(1e-4 * max(reach.x, max(reach.y, reach.z)) + 1e-30));
    vec3 place = vec3(dot(r0, middle), dot(r1, middle), dot(r2, middle));
    vec3 a = vec3(r0.x, r1.x, r2.x) * reach.x;
    vec3 b = vec3(r0.y, r1.y, r2.y) * reach.y;
    vec3 c = vec3(r0.z, r1.z, r2.z) * reach.z;
    vec4 clip = MCDCMatrix * vec4(place, 1.0);
    vec4 ka = MCDCMatrix * vec4(a, 0.0), kb = MCDCMatrix * vec4(b, 0.0), kc = MCDCMatrix * vec4(c, 0.0);
    vec2 wide = abs(ka.xy * clip.w - clip.xy * ka.w) + abs(kb.xy * clip.w - clip.xy * kb.w)
      + abs(kc.xy * clip.w - clip.xy * kc.w);
    float nearest = max(clip.w - abs(ka.w) - abs(kb.w) - abs(kc.w), 0.2 * clip.w);
    wide *= 0.5 * armSize / (clip.w * nearest);
    armMiddle = (0.5 * clip.xy / clip.w + 0.5) * armSize;
    vec2 from = max(ceil(armMiddle - wide - 0.501), vec2(0.0));
    vec2 to = min(floor(armMiddle + wide - 0.499), armSize - 1.0);
    if (clip.w > 0.0 && from.x <= to.x && from.y <= to.y) {
      // nothing is clipped but what no pixel shows
      gl_Position = vec4((from + to + 1.0) / armSize - 1.0, clamp(clip.z / clip.w, -1.0, 1.0), 1.0);
      gl_PointSize = max(to.x - from.x, to.y - from.y) + 1.0;
      vec3 na = cross(b, c), nb = cross(c, a), nc = cross(a, b);
      float det = dot(a, na);
      float one = abs(det) < 1e-37 ? 0.0 : 1.0 / det;
      mat3 into = transpose(mat3(na, nb, nc)) * one;
      vec3 way = armEye.w > 0.5 ? place - armEye.xyz : armEye.xyz;
      armX = into * (armPixelX * clip.w);
      armY = into * (armPixelY * clip.w);
      armWay = into * way;
      vec4 goes = MCDCMatrix * vec4(way, 0.0);
      armDeep = vec4(clip.zw, goes.zw);
      mat3 side = mat3(na, nb, nc);
      for (int i = 0; i < 3; ++i) {
        vec3 n = normalize(normalMatrix * normalize(side[i] + vec3(0.0, 0.0, 1e-30)) + vec3(0.0, 0.0, 1e-20));
        float face = n.z < 0.0 ? -1.0 : 1.0;
        armSide[i] = face * n;
        //LIGHT vec3 plain = face * normalize(side[i] + vec3(0.0, 0.0, 1e-30)), sum = armAmbient;
        //LIGHT LAMP sum += armLamp(plain, place, armLampAt#, armLampTint#, armLampBeam#);
        //LIGHT if ((state.z & 8u) == 0u) sum = vec3(dot(sum, vec3(0.2126, 0.7152, 0.0722)));
        //LIGHT armSum[i] = sum;
      }
      //CUT armKeeps = vec4(dot(armCut.xyz, a), dot(armCut.xyz, b), dot(armCut.xyz, c),
      //CUT   dot(armCut.xyz, place) + armCut.w);
      armRgba = vec4(rgba) / 255.0;
      shape += 1;
      vec4 own = texelFetch(armShape, ivec2(shape & mask, shape >> armShift), 0);
      if ((state.z & 2u) != 0u) armRgba.rgb = own.rgb;
      armRankCode = ivec2(rank, code);
      uvec4 glow = texelFetch(armGlow, at, 0);
      armAdd = vec3(glow.rgb) / 255.0 * (float(glow.a) / 255.0);
      //GLOSS bool shines = (state.z & 8u) != 0u;
      //GLOSS armGloss = shines ? vec2(float(state.w >> 4u), float(state.w & 15u)) / 15.0 : vec2(0.0);
    }
  }
"""

_FRAGMENT = """
uniform int armPass;
uniform int armLit;
uniform vec4 armEye;
uniform vec3 armEquipment;
uniform vec3 armInk;
flat in vec4 armRgba;
flat in ivec2 armRankCode;
flat in vec3 armAdd;
flat in vec2 armMiddle;
flat in vec3 armX;
flat in vec3 armY;
flat in vec3 armWay;
flat in vec4 armDeep;
flat in mat3 armSide;
//LIGHT flat in mat3 armSum;
//CUT flat in vec4 armKeeps;
//GLOSS flat in vec2 armGloss;
int armWhich(vec3 sides, float at) {
  return at == sides.x ? 0 : at == sides.y ? 1 : 2;
}
vec3 armLightOn(int side) {
  vec3 n = armSide[side];
  float own = 0.54 + 0.30 * n.z + 0.22 * max(dot(n, vec3(-0.42, 0.68, 0.60)), 0.0);
  //LIGHT if (armLit != 0) return 0.35 * own + armSum[side];
  return vec3(armLit == 0 ? 1.0 : own);
}
"""

_FRAGMENT_MAIN = """
  vec2 off = gl_FragCoord.xy - armMiddle;
  vec3 spot = off.x * armX + off.y * armY;
  vec3 way = armEye.w > 0.5 ? armWay + spot : armWay;
  way += vec3(1e-30) * (1.0 - abs(sign(way)));  // not zero: nothing is divided by it
  vec3 towards = sign(way), enters = (-towards - spot) / way, leaves = (towards - spot) / way;
  float at = max(enters.x, max(enters.y, enters.z)), end = min(leaves.x, min(leaves.y, leaves.z));
  if (at > end) discard;
  int side = armWhich(enters, at);
  bool open = false;
  //CUT open = dot(armKeeps, vec4(spot + at * way, 1.0)) < 0.0;
  //CUT if (open) at = end;
  //CUT if (open && dot(armKeeps, vec4(spot + at * way, 1.0)) < 0.0) discard;
  vec4 base = armRgba;
  vec3 light = armLightOn(side), facing = armSide[side];
  //GLOSS vec2 gloss = armLit == 0 ? vec2(0.0) : armGloss;
  vec3 rgb = min(base.rgb * light + armAdd, 1.0);
  //SHINE
  //CUT if (armPass == 0 && open) rgb = 0.6 * base.rgb;
  if (armPass == 1 && !open) {  // its far side is seen through it
    vec3 far = min(base.rgb * armLightOn(armWhich(leaves, end)) + armAdd, 1.0);
    float both = base.a * (2.0 - base.a);
    rgb = (base.a * rgb + (1.0 - base.a) * base.a * far) / max(both, 1e-6);
    base.a = both;
  }
"""
_FRAGMENT_MAIN += PATTERN
_FRAGMENT_MAIN += """
  gl_FragDepth = clamp(0.5 * (armDeep.x + at * armDeep.z) / (armDeep.y + at * armDeep.w) + 0.5, 0.0, 1.0);
  gl_FragData[0] = vec4(rgb, armPass == 1 ? base.a : 1.0 - float(armRankCode.y) / 255.0);
"""


def vertex(has: Text) -> tuple[str, str]:
    """Return the declarations and the body that replace VTK's vertex position."""
    lamp = VERTEX_LAMP if has.lights else ""
    return fill(f"{VERTEX_TAG}\n{_VERTEX}{lamp}", has), fill(_VERTEX_MAIN, has)


def fragment(has: Text) -> tuple[str, str]:
    """Return the declarations and the body that replace VTK's lighting."""
    shine = _FRAGMENT_MAIN.replace("//SHINE", GLOSS_MAIN if has.shines else "")
    return fill(f"{FRAGMENT_TAG}\n{_FRAGMENT}", has), fill(shine, has)
