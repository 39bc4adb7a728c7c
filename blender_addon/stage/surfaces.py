"""The materials of props, grounds and walls, one for each pattern, made once.

Colours, scale and finish are attributes of the mesh's faces (see arrays.MeshArrays) and not sockets
of the material: changing a mesh is cheap, changing a material makes Cycles compile it again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bpy

from ..scene.spec import SURFACE_PATTERNS
from .drawn_atlas import drawn_texture
from .nodes import Nodes, material_of
from .shading import shading_group

# Attribute names, and the domain and type that mesh_writer gives them.
COLOR, COLOR2, FINISH, PLACE, UV = "pii_color", "pii_color2", "pii_finish", "pii_place", "pii_uv"

# The ground fades into the panorama between these distances (m) from the origin: at eye height the
# far one is 1.3 degrees below the horizon.
FADE_START, FADE_END = 35.0, 80.0

_MORTAR = (0.35, 0.34, 0.32, 1.0)


def solid_materials() -> list[bpy.types.Material]:
    """One material for each of SURFACE_PATTERNS, in that order."""
    return [_material(name, f"PII {name}", backdrop=False) for name in SURFACE_PATTERNS]


def backdrop_materials() -> list[bpy.types.Material]:
    """The materials of ground and walls: they fade in the distance, and are invisible from behind,
    so that a camera outside a room sees into it.
    """
    return [_material(name, f"PII backdrop {name}", backdrop=True) for name in SURFACE_PATTERNS]


def _material(pattern: str, name: str, backdrop: bool) -> bpy.types.Material:
    return material_of(name, lambda nodes: _build(nodes, pattern, backdrop))


def _build(n: Nodes, pattern: str, backdrop: bool) -> None:
    color, color2 = n.attribute(COLOR, "Color"), n.attribute(COLOR2, "Color")
    scale, roughness, metallic = n.split(n.attribute(FINISH, "Vector"))
    inputs = _Inputs(n, color, color2, scale)
    albedo = PAINT[pattern](inputs)

    if pattern in _SHADERS:
        surface = _SHADERS[pattern](inputs, roughness)
        n.put(surface, n.node("ShaderNodeOutputMaterial").inputs["Surface"])
        return
    principled = n.node("ShaderNodeBsdfPrincipled")
    n.put(albedo, principled.inputs["Base Color"])
    n.put(roughness, principled.inputs["Roughness"])
    n.put(metallic, principled.inputs["Metallic"])
    shading = n.group(shading_group(), Surface=principled.outputs[0], Albedo=albedo)
    surface = shading.outputs["Surface"]
    if backdrop:
        surface = faded(n, surface)
    n.put(surface, n.node("ShaderNodeOutputMaterial").inputs["Surface"])


def faded(n: Nodes, surface: Any) -> Any:
    """A shader that fades in the distance, and is invisible from behind."""
    geometry = n.node("ShaderNodeNewGeometry")
    x, y, _ = n.split(geometry.outputs["Position"])
    distance = n.math("SQRT", n.add(n.times(x, x), n.times(y, y)))
    gone = n.math("MAXIMUM", n.ramp(distance, FADE_START, FADE_END), geometry.outputs["Backfacing"])
    return n.mix_shader(gone, surface, n.node("ShaderNodeBsdfTransparent").outputs[0])


class _Inputs:
    """The inputs of a inputs: nodes, two colours, repeats per metre, and the place on the thing."""

    def __init__(self, n: Nodes, color: Any, color2: Any, scale: Any) -> None:
        self.n, self.color, self.color2, self.scale = n, color, color2, scale

    def uv(self) -> Any:
        """Flat coordinates in repeats."""
        return self.n.vector("SCALE", self.n.attribute(UV, "Vector"), self.scale)

    def place(self) -> Any:
        """Coordinates in the thing's own frame, in repeats."""
        return self.n.vector("SCALE", self.n.attribute(PLACE, "Vector"), self.scale)

    def noise(self, vector: Any, scale: float, detail: float = 2.0) -> Any:
        """Fractal noise, about 0.3 to 0.7."""
        node = self.n.node("ShaderNodeTexNoise", noise_dimensions="3D")
        self.n.put(vector, node.inputs["Vector"])
        node.inputs["Scale"].default_value = scale
        node.inputs["Detail"].default_value = detail
        return node.outputs[0]

    def bricks(
        self, width: float, height: float, offset: float, mortar: float, a: Any, b: Any, gap: Any
    ) -> Any:
        node = self.n.node("ShaderNodeTexBrick", offset=offset)
        self.n.put(self.uv(), node.inputs["Vector"])
        self.n.put(a, node.inputs["Color1"])
        self.n.put(b, node.inputs["Color2"])
        self.n.put(gap, node.inputs["Mortar"])
        for name, value in (
            ("Scale", 1.0),
            ("Mortar Size", mortar),
            ("Mortar Smooth", 0.1),
            ("Brick Width", width),
            ("Row Height", height),
        ):
            node.inputs[name].default_value = value
        return node.outputs[0]

    def darker(self, color: Any, amount: Any) -> Any:
        """`color` times `amount`."""
        return self.n.vector("SCALE", color, amount)


def _plain(inputs: _Inputs) -> Any:
    return inputs.color


def _checks(inputs: _Inputs) -> Any:
    n = inputs.n
    u, v, _ = n.split(inputs.uv())
    cell = n.add(*(n.math("FLOOR", n.times(x, 2.0)) for x in (u, v)))
    return n.mix(n.math("FLOORED_MODULO", cell, 2.0), inputs.color, inputs.color2)


def _stripes(inputs: _Inputs) -> Any:
    n = inputs.n
    u, _, _ = n.split(inputs.uv())
    return n.mix(n.math("GREATER_THAN", n.math("FRACT", u), 0.5), inputs.color, inputs.color2)


def _noise(inputs: _Inputs) -> Any:
    n = inputs.n
    return n.mix(
        n.ramp(inputs.noise(inputs.place(), 1.0, 4.0), 0.35, 0.65), inputs.color, inputs.color2
    )


def _bricks(inputs: _Inputs) -> Any:
    wall = inputs.bricks(0.5, 0.25, 0.5, 0.02, inputs.color, inputs.color2, _MORTAR)
    return inputs.darker(
        wall, inputs.n.add(0.7, inputs.n.times(0.6, inputs.noise(inputs.place(), 9.0, 3.0)))
    )


def _tiles(inputs: _Inputs) -> Any:
    return inputs.bricks(1.0, 1.0, 0.0, 0.015, inputs.color, inputs.color, inputs.color2)


def _asphalt(inputs: _Inputs) -> Any:
    n = inputs.n
    grain = n.ramp(inputs.noise(inputs.place(), 12.0, 2.0), 0.3, 0.7)
    patches = inputs.noise(inputs.place(), 0.08, 3.0)
    return inputs.darker(n.mix(grain, inputs.color, inputs.color2), n.add(0.5, patches))


def _grass(inputs: _Inputs) -> Any:
    n = inputs.n
    blades = n.ramp(inputs.noise(inputs.place(), 8.0, 4.0), 0.35, 0.65)
    patches = inputs.noise(inputs.place(), 0.06, 3.0)
    return inputs.darker(
        n.mix(blades, inputs.color, inputs.color2), n.add(0.4, n.times(1.2, patches))
    )


def _wood(inputs: _Inputs) -> Any:
    n = inputs.n
    u, v, _ = n.split(inputs.uv())
    grain = inputs.noise(n.join(n.times(u, 0.6), n.times(v, 9.0), 0.0), 3.0, 4.0)
    a = n.mix(n.ramp(grain, 0.3, 0.7), inputs.color, inputs.color2)
    b = inputs.darker(a, 0.78)
    return inputs.bricks(4.0, 0.5, 0.37, 0.006, a, b, inputs.darker(inputs.color2, 0.3))


def _image(inputs: _Inputs) -> Any:
    return inputs.n.vector("MULTIPLY", _drawn(inputs).outputs["Color"], inputs.color)


def _drawn(inputs: _Inputs) -> Any:
    """The texture of drawn images at the place that a face shows."""
    n = inputs.n
    texture = drawn_texture(n)
    n.put(n.attribute(UV, "Vector"), texture.inputs["Vector"])
    return texture


def _glass(inputs: _Inputs, roughness: Any) -> Any:
    """A pane: it reflects at grazing angles and tints what is behind it. No refraction, which
    needs many samples.
    """
    n = inputs.n
    through = n.node("ShaderNodeBsdfTransparent")
    n.put(inputs.color, through.inputs["Color"])
    gloss = n.node("ShaderNodeBsdfAnisotropic")
    n.put(roughness, gloss.inputs["Roughness"])
    fresnel = n.node("ShaderNodeFresnel")
    fresnel.inputs["IOR"].default_value = 1.5
    return n.mix_shader(fresnel.outputs[0], through.outputs[0], gloss.outputs[0])


def _lamp(inputs: _Inputs, roughness: Any) -> Any:
    """A shade or tube that shines, `scale` times as bright as white paper in the scene. Only the
    camera sees it shine: the lamps of the place give its light, and light found by chance is noise.
    """
    emission = inputs.n.node("ShaderNodeEmission")
    inputs.n.put(inputs.color, emission.inputs["Color"])
    seen = inputs.n.node("ShaderNodeLightPath").outputs["Is Camera Ray"]
    inputs.n.put(inputs.n.times(inputs.scale, seen), emission.inputs["Strength"])
    return emission.outputs[0]


def _weathered(inputs: _Inputs, color: Any, ground: float) -> Any:
    """`color` with patches, streaks that rain leaves, and dirt near the ground of the thing."""
    n = inputs.n
    x, y, z = n.split(n.attribute(PLACE, "Vector"))
    patches = n.ramp(inputs.noise(n.join(x, y, z), 0.5, 5.0), 0.3, 0.7)
    streaks = n.ramp(inputs.noise(n.join(x, y, n.times(z, 0.06)), 3.0, 3.0), 0.35, 0.75)
    low = n.ramp(n.add(z, n.times(0.9, patches)), 0.0, 1.3)
    clean = n.add(1.0 - ground, n.times(ground, low))
    shade = n.add(0.72, n.add(n.times(0.24, patches), n.times(0.12, streaks)))
    return inputs.darker(color, n.times(shade, clean))


def _plaster(inputs: _Inputs) -> Any:
    n = inputs.n
    grain = n.ramp(inputs.noise(inputs.place(), 22.0, 3.0), 0.35, 0.65)
    return _weathered(inputs, n.mix(grain, inputs.color, inputs.color2), 0.3)


def _masonry(inputs: _Inputs) -> Any:
    wall = inputs.bricks(0.25, 0.075, 0.5, 0.006, inputs.color, inputs.color2, _MORTAR)
    return _weathered(inputs, wall, 0.25)


def _paving(inputs: _Inputs) -> Any:
    """Slabs or stones of uneven tone; the second colour is that of the darkest."""
    n = inputs.n
    between = n.mix(0.55, inputs.color, inputs.color2)
    gap = inputs.darker(inputs.color2, 0.45)
    slabs = inputs.bricks(0.6, 0.4, 0.5, 0.008, inputs.color, between, gap)
    place = n.attribute(PLACE, "Vector")
    stains = n.ramp(inputs.noise(place, 0.45, 5.0), 0.3, 0.7)
    grain = n.ramp(inputs.noise(place, 30.0, 2.0), 0.3, 0.7)
    return inputs.darker(slabs, n.add(0.68, n.add(n.times(0.3, stains), n.times(0.14, grain))))


def _mirror(inputs: _Inputs, roughness: Any) -> Any:
    gloss = inputs.n.node("ShaderNodeBsdfAnisotropic")
    inputs.n.put(inputs.color, gloss.inputs["Color"])
    inputs.n.put(roughness, gloss.inputs["Roughness"])
    return gloss.outputs[0]


def _drawn_person(inputs: _Inputs, roughness: Any) -> Any:
    """The image, only where it shows persons: they lie on the image as an object of their own."""
    n, texture = inputs.n, _drawn(inputs)
    albedo = n.vector("MULTIPLY", texture.outputs["Color"], inputs.color)
    principled = n.node("ShaderNodeBsdfPrincipled")
    n.put(albedo, principled.inputs["Base Color"])
    n.put(roughness, principled.inputs["Roughness"])
    shading = n.group(shading_group(), Surface=principled.outputs[0], Albedo=albedo)
    there = n.math("GREATER_THAN", texture.outputs["Alpha"], 0.5)
    nothing = n.node("ShaderNodeBsdfTransparent").outputs[0]
    return n.mix_shader(there, nothing, shading.outputs["Surface"])


# Patterns that are no albedo but a shader of their own.
_SHADERS: dict[str, Callable[[_Inputs, Any], Any]] = {
    "glass": _glass,
    "lamp": _lamp,
    "mirror": _mirror,
    "drawn_person": _drawn_person,
}

# spec.SURFACE_PATTERNS names them in this order; a test fails when the two differ.
PAINT: dict[str, Callable[[_Inputs], Any]] = {
    "plain": _plain,
    "checks": _checks,
    "stripes": _stripes,
    "noise": _noise,
    "bricks": _bricks,
    "tiles": _tiles,
    "asphalt": _asphalt,
    "grass": _grass,
    "wood": _wood,
    "image": _image,
    "glass": _plain,
    "lamp": _plain,
    "plaster": _plaster,
    "masonry": _masonry,
    "paving": _paving,
    "mirror": _plain,
    "drawn_person": _plain,
}
