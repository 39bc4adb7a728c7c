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


def layered_surface(
    nodes: Nodes, color: Any, roughness: Value, height: Value, bumpy: Value, gloss: float = 0.8
) -> bpy.types.NodeSocket:
    """Matt colour under a gloss, as `person_painter.surface`.

    Args:
        nodes: Where to build.
        color: The colour.
        roughness: Roughness of the gloss.
        height: m, which the normal follows.
        bumpy: 1 or 0: whether it does. Cycles computes heights three times for a normal, and skips
            all that only serves a closure of share 0: far away a fifth of the time is saved.
        gloss: Reflectance of the gloss.
    """
    bump = nodes.node("ShaderNodeBump")
    bump.inputs["Distance"].default_value = 1.0
    nodes.put(height.socket, bump.inputs["Height"])
    smooth = roughness * -1.0 + 1.05
    closures = []
    for normal in (None, bump.outputs["Normal"]):
        diffuse, glossy = nodes.node("ShaderNodeBsdfDiffuse"), nodes.node("ShaderNodeBsdfGlossy")
        fresnel = nodes.node("ShaderNodeFresnel")
        nodes.put(color, diffuse.inputs["Color"])
        nodes.put((gloss, gloss, gloss, 1.0), glossy.inputs["Color"])
        nodes.put(roughness.socket, glossy.inputs["Roughness"])
        if normal is not None:
            for node in (diffuse, glossy, fresnel):
                nodes.put(normal, node.inputs["Normal"])
        share = Value(nodes, fresnel.outputs[0]) * smooth
        closures.append(
            nodes.mix_shader(share.socket, diffuse.outputs["BSDF"], glossy.outputs["BSDF"])
        )
    closure = nodes.mix_shader(bumpy.socket, *closures)
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

    def cloth_surface(self, layer: str, *, figured: bool) -> Any:
        """The closure of a layer.

        Args:
            layer: One of fabric_properties.WOVEN_LAYERS.
            figured: Whether there may be a figure; otherwise the cloth has the first colour.
        """
        f, nodes = self.f, self.nodes
        color, has_figure = object_property(f, f"{layer} color")
        weave, contrast = object_property(f, f"{layer} weave")
        relief, finish = object_property(f, f"{layer} relief")
        weave_depth, fold_depth, shift = (f.value(socket) for socket in nodes.split(relief))
        roughness, bumpy = abs(finish), finish > 0.0
        at_weave = nodes.vector("SCALE", self.cloth, nodes.split(weave)[2])
        _, _, threads, thread_height = look_up(nodes, at_weave, weave)
        moved = nodes.vector("MULTIPLY_ADD", self.cloth, (1 / FOLD_SIZE,) * 3, shift.socket)
        _, _, fold_shade, fold_height = look_up(nodes, moved, (*tile_origin("folds"), 0.0))
        depth = fold_depth * self.c["crease"]
        height = f.value(fold_height) * depth + f.value(thread_height) * weave_depth
        # Both shades are neutral at 0.5.
        factor = (f.value(threads) - 0.5) * contrast + 1.0
        factor = factor * ((f.value(fold_shade) - 0.5) * (depth * _FOLD_SHADE) + 1.0)
        plain = layered_surface(nodes, f.scale(color, factor), roughness, height, bumpy)
        if not figured:
            return plain
        drawn = f.scale(self._figure(layer, color), factor)
        return nodes.mix_shader(
            has_figure.socket, plain, layered_surface(nodes, drawn, roughness, height, bumpy)
        )

    def _figure(self, layer: str, color: Any) -> Any:
        """The colour with its figure."""
        f, nodes, c = self.f, self.nodes, self.c
        second, placed = object_property(f, f"{layer} color 2")
        third, _ = object_property(f, f"{layer} color 3")
        along, origin_x = object_property(f, f"{layer} u")
        up, origin_y = object_property(f, f"{layer} v")
        u, v, _ = nodes.split(self.cloth)
        # A print lies on the chest, by height and distance from the middle.
        u = f.select(placed, f.value(u), c["x"])
        v = f.select(placed, f.value(v), c["level"] * LEVEL_HEIGHT)
        at = nodes.join(u.socket, v.socket, 1.0)
        s = f.value(nodes.vector("DOT_PRODUCT", at, along))
        t = f.value(nodes.vector("DOT_PRODUCT", at, up))
        inside = f.minimum(f.minimum(s, 1.0 - s), f.minimum(t, 1.0 - t))
        inside = f.minimum(inside, f.minimum(c["front"] - 0.02, -0.04 - c["arm"])) > 0.0
        shown = f.maximum(inside, 1.0 - placed)
        place = nodes.join(s.socket, t.socket, 0.0)
        origin = nodes.join(origin_x.socket, origin_y.socket, 0.0)
        to_second, to_third, shade, _ = look_up(nodes, place, origin)
        color = nodes.mix((f.value(to_second) * shown).socket, color, second)
        color = nodes.mix((f.value(to_third) * shown).socket, color, third)
        return f.scale(color, f.value(shade) * 2.0)


_FOLD_SHADE = 90.0  # contrast of the shade of folds for each m of their depth
