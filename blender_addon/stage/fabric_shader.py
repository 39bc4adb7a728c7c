"""The materials of cloth that is a mesh of its own: tiles of the atlas, recoloured per person.

A garment shows a figure (plaid, print) on a weave (threads, quilts) on folds. Tiles, sizes and
colours are custom properties of the object (`fabric_properties`), so one material of a layer serves
everybody, and no frame compiles a shader.
"""

from __future__ import annotations

from typing import Any

import bpy

from ..wardrobe.chart import LEVEL_HEIGHT
from ..wardrobe.fabric_images import tile_origin
from .atlas import look_up
from .fabric_properties import FOLD_SIZE
from .formula import Formula, Value
from .nodes import Nodes
from .outfit_properties import PREFIX
from .shading import shading_group


def bumpy_surface(
    nodes: Nodes, color: Any, roughness: Any, height: Any, gloss: float = 0.8
) -> bpy.types.NodeSocket:
    """Matt colour under a gloss, as `person_painter.surface`, with a normal that follows `height`
    (m).
    """
    f = Formula(nodes)
    bump = nodes.node("ShaderNodeBump")
    bump.inputs["Distance"].default_value = 1.0
    nodes.put(height, bump.inputs["Height"])
    normal = bump.outputs["Normal"]
    diffuse, glossy = nodes.node("ShaderNodeBsdfDiffuse"), nodes.node("ShaderNodeBsdfGlossy")
    fresnel = nodes.node("ShaderNodeFresnel")
    nodes.put(color, diffuse.inputs["Color"])
    nodes.put((gloss, gloss, gloss, 1.0), glossy.inputs["Color"])
    nodes.put(roughness, glossy.inputs["Roughness"])
    for node in (diffuse, glossy, fresnel):
        nodes.put(normal, node.inputs["Normal"])
    smooth = f.value(roughness) * -1.0 + 1.05
    share = (f.value(fresnel.outputs[0]) * smooth).socket
    closure = nodes.mix_shader(share, diffuse.outputs["BSDF"], glossy.outputs["BSDF"])
    shading = nodes.group(shading_group(), Surface=closure, Albedo=color)
    return shading.outputs["Surface"]


def object_property(f: Formula, name: str) -> tuple[Any, Value]:
    """(the first three numbers as a vector, the fourth) of one of the object's properties."""
    node = f.nodes.node(
        "ShaderNodeAttribute", attribute_type="OBJECT", attribute_name=PREFIX + name
    )
    return node.outputs["Vector"], f.value(node.outputs["Alpha"])


class FabricPainter:
    """Builds the closure of a layer of cloth over the chart `c`."""

    def __init__(self, f: Formula, c: dict[str, Value], cloth: Any) -> None:
        """Prepare.

        Args:
            f: Where to build.
            c: The coordinates of the chart.
            cloth: A vector: place on the cloth, rm.
        """
        self.f, self.nodes, self.c, self.cloth = f, f.nodes, c, cloth

    def _property(self, name: str) -> tuple[Any, Value]:
        return object_property(self.f, name)

    def cloth_surface(self, layer: str, light: Value, *, figured: bool) -> Any:
        """The closure of a layer.

        Args:
            layer: One of fabric_properties.WOVEN_LAYERS.
            light: A factor on the colour.
            figured: Whether there may be a figure; otherwise the cloth has the first colour.
        """
        f, nodes = self.f, self.nodes
        color, strength = self._property(f"{layer} color")
        weave, shown = self._property(f"{layer} weave")
        figure, fold_depth = self._property(f"{layer} figure")
        size, weave_depth = nodes.split(weave)[2], nodes.split(figure)[2]
        _, shift = self._property(f"{layer} v")
        roughness: Any = 0.85
        if figured:
            color, roughness = self._figure(layer, color, figure)
        at_weave = nodes.vector("SCALE", self.cloth, size)
        _, _, threads, thread_height = look_up(nodes, at_weave, weave)
        moved = nodes.vector("MULTIPLY_ADD", self.cloth, (1 / FOLD_SIZE,) * 3, shift.socket)
        _, _, fold_shade, fold_height = look_up(nodes, moved, (*tile_origin("folds"), 0.0))
        crease = self.c["crease"]
        depth = fold_depth * crease
        height = f.value(fold_height) * depth + f.value(thread_height) * f.value(weave_depth)
        # Both shades are neutral at 0.5.
        contrast = strength * shown * 6.0
        factor = ((f.value(threads) - 0.5) * contrast + 1.0) * light
        factor = factor * ((f.value(fold_shade) - 0.5) * (depth * 160.0) + 1.0)
        return bumpy_surface(nodes, f.scale(color, factor), roughness, height.socket)

    def _figure(self, layer: str, color: Any, origin: Any) -> tuple[Any, Any]:
        """(colour with its figure, roughness)."""
        f, nodes, c = self.f, self.nodes, self.c
        second, roughness = self._property(f"{layer} color 2")
        third, _ = self._property(f"{layer} color 3")
        along, placed = self._property(f"{layer} u")
        up, _ = self._property(f"{layer} v")
        u, v, _ = nodes.split(self.cloth)
        repeated = nodes.join(u, v, 1.0)
        once = nodes.join(c["x"].socket, (c["level"] * LEVEL_HEIGHT).socket, 1.0)
        at = nodes.node("ShaderNodeMix", data_type="VECTOR")
        inputs = {socket.identifier: socket for socket in at.inputs}
        nodes.put(placed.socket, inputs["Factor_Float"])
        nodes.put(repeated, inputs["A_Vector"])
        nodes.put(once, inputs["B_Vector"])
        at = next(socket for socket in at.outputs if socket.identifier == "Result_Vector")
        s = f.value(nodes.vector("DOT_PRODUCT", at, along))
        t = f.value(nodes.vector("DOT_PRODUCT", at, up))
        inside = f.minimum(f.minimum(s, 1.0 - s), f.minimum(t, 1.0 - t))
        inside = f.minimum(inside, f.minimum(c["front"] - 0.02, -0.04 - c["arm"])) > 0.0
        shown = f.maximum(inside, 1.0 - placed)
        to_second, to_third, shade, _ = look_up(nodes, nodes.join(s.socket, t.socket, 0.0), origin)
        color = nodes.mix((f.value(to_second) * shown).socket, color, second)
        color = nodes.mix((f.value(to_third) * shown).socket, color, third)
        return f.scale(color, f.value(shade) * 2.0), roughness.socket
