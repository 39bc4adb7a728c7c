"""The material of skin that is a mesh of its own: blush, blotches, freckles, lines, stubble, ink,
lips, brows and eyes.

Places come from the chart (`wardrobe.skin_chart`), texture from tiles of the atlas
(`wardrobe.skin_tiles`), strengths from the object's properties (`fabric_properties`).
"""

from __future__ import annotations

from typing import Any

from ..wardrobe.chart import ARM_LENGTH, HEAD_UNIT
from ..wardrobe.fabric_images import tile_origin
from ..wardrobe.skin_tiles import FACE_LOW, FACE_SIZE, INK_SIZE, SKIN_SIZE
from .atlas import look_up
from .body_mesh import UV_MAP
from .fabric_shader import layered_surface, object_property
from .formula import Formula, Value
from .shading import shading_group

SKIN_IMAGE = "Skin"  # name of the node
SKIN_FACTOR = "skin image"  # property with the factor on its colour

_PUPIL, _IRIS = 0.17, 0.42  # radii of the eyeball
_SPOT = (0.60, 0.42, 0.34)  # share of the skin's colour that freckles and moles have
_INK = (0.035, 0.045, 0.055, 1.0)


class SkinPainter:
    """Builds the closures of skin over the chart `c`."""

    def __init__(
        self,
        f: Formula,
        c: dict[str, Value],
        cloth: Any,
        arm: Value,
        *,
        with_image: bool = False,
    ) -> None:
        """Prepare.

        Args:
            f: Where to build.
            c: The coordinates of the chart.
            cloth: A vector: place on the body's wrapping, rm.
            arm: 1 where the place is on an arm.
            with_image: Whether the skin shows an image, in the node SKIN_IMAGE.
        """
        self._with_image = with_image
        self._image_color: Any = None
        self.f, self.nodes, self.c, self.cloth, self.arm = f, f.nodes, c, cloth, arm

    def _property(self, name: str) -> tuple[Any, Value]:
        return object_property(self.f, name)

    def body(self) -> Any:
        """The closure of all but the head; ink costs nothing where there is none."""
        f, nodes = self.f, self.nodes
        color, height, (_, along, bumpy) = self._base()
        roughness = Value(nodes, nodes.value("Roughness", 0.46))
        origin, on = self._property("ink")
        u, v, _ = (f.value(socket) for socket in nodes.split(self.cloth))
        s, t = u / INK_SIZE + 0.5, (v - along * ARM_LENGTH) / INK_SIZE + 0.5
        inside = f.minimum(f.minimum(s, 1.0 - s), f.minimum(t, 1.0 - t)) > 0.0
        inked = inside * on * self.arm * (self.c["x"] > 0.0)
        _, ink, _, _ = look_up(nodes, nodes.join(s.socket, t.socket, 0.0), origin)
        drawn = nodes.mix((f.value(ink) * 0.8).socket, color, _INK)
        return nodes.mix_shader(
            inked.socket,
            layered_surface(nodes, color, roughness, height, bumpy, 0.75),
            layered_surface(nodes, drawn, roughness, height, bumpy, 0.75),
        )

    def _base(self) -> tuple[Any, Value, tuple[Value, Value, Value]]:
        """(colour, height, (shine, place of the tattoo, whether it is bumpy)) of skin anywhere."""
        f, nodes, c = self.f, self.nodes, self.c
        skin, (_, blush) = self._skin(), self._property("tone")
        blood, freckles = self._property("blood")
        marks, _ = self._property("marks")
        gloss, bumpy = self._property("gloss")
        mottling, _, shadow = (f.value(socket) for socket in nodes.split(marks))
        shine, pores, along = (f.value(socket) for socket in nodes.split(gloss))
        at = nodes.vector("SCALE", self.cloth, 1.0 / SKIN_SIZE)
        blotch, spot, shade, grain = look_up(nodes, at, (*tile_origin("skin"), 0.0))
        red = c["flush"] * blush + (f.value(blotch) - 0.5) * mottling
        color = nodes.mix((c["palm"] * 0.45).socket, skin, (0.50, 0.27, 0.21, 1.0))
        color = nodes.mix(f.maximum(red, 0.0).socket, color, blood)
        color = nodes.mix(
            (f.value(spot) * freckles).socket, color, nodes.vector("MULTIPLY", skin, _SPOT)
        )
        light = f.value(shade) * 2.0 * (1.0 - c["shadow"] * shadow * 0.65)
        return f.scale(color, light), f.value(grain) * pores, (shine, along, bumpy)

    def _skin(self) -> Any:
        """The colour of bare skin: one for all of it, or the image's."""
        if not self._with_image:
            return self._property("tone")[0]
        if self._image_color is None:
            nodes = self.nodes
            texture = nodes.node("ShaderNodeTexImage", name=SKIN_IMAGE)
            nodes.put(nodes.attribute(UV_MAP, "Vector"), texture.inputs["Vector"])
            factor, _ = self._property(SKIN_FACTOR)
            self._image_color = nodes.vector("MULTIPLY", factor, texture.outputs["Color"])
        return self._image_color

    def face(self) -> Any:
        """The closure of the head without its hair."""
        f, nodes, c = self.f, self.nodes, self.c
        color, height, (shine, _, bumpy) = self._base()
        x = c["x"] * (1.0 / (HEAD_UNIT * FACE_SIZE)) + 0.5
        y = (c["head_y"] - FACE_LOW) * (1.0 / FACE_SIZE)
        at = nodes.join(x.socket, y.socket, 0.0)
        lines, freckle, stubble, _ = (
            f.value(s) for s in look_up(nodes, at, (*tile_origin("face"), 0.0))
        )
        front = c["head_z"].ramp(0.15, 0.35)
        _, freckles = self._property("blood")
        marks, shaved = self._property("marks")
        wrinkles = f.value(nodes.split(marks)[1]) * front * lines
        spots = nodes.vector("MULTIPLY", self._skin(), _SPOT)
        color = nodes.mix((freckle * freckles * front).socket, color, spots)
        color = f.scale(color, 1.0 - wrinkles * 0.28)
        height = height - wrinkles * 0.0014
        color = self._beard(color, stubble, shaved)
        color = self._painted(color, "lips", c["lips"].ramp(0.0, 0.4) * (stubble * 0.3 + 0.85))
        brow = c["brow"].ramp(0.0, 0.030) * (stubble * 0.6 + 0.55)
        color = self._painted(color, "brows", f.minimum(brow, 1.0))
        color = nodes.mix(c["inside"].socket, color, (0.06, 0.012, 0.012, 1.0))
        color = nodes.mix((c["lash"] * 0.85).socket, color, (0.012, 0.008, 0.006, 1.0))
        wet = c["lips"].ramp(0.0, 0.3)
        zone = f.maximum(abs(c["x"]).ramp(0.05, 0.02), wet)
        roughness = 0.48 - zone * (shine * 0.16 + wet * 0.10)
        covered = layered_surface(nodes, color, roughness, height, bumpy)
        return nodes.mix_shader((c["white"] > 0.0).socket, covered, self._eye())

    def _beard(self, color: Any, stubble: Value, shaved: Value) -> Any:
        c = self.c
        hair, _ = self._property("hair")
        _, beard = self._property("eyes")
        edge = (c["beard"] * HEAD_UNIT + (stubble - 0.5) * 0.012).ramp(0.0, 0.016)
        shade = self.f.maximum(beard, shaved * (stubble * 0.24 + 0.08))
        return self.nodes.mix((edge * shade).socket, color, hair)

    def _painted(self, color: Any, name: str, mask: Value) -> Any:
        paint, opacity = self._property(name)
        return self.nodes.mix((mask * opacity).socket, color, paint)

    def _eye(self) -> Any:
        f, nodes, c = self.f, self.nodes, self.c
        gaze, _ = self._property("gaze")
        iris_color, _ = self._property("eyes")
        right, up, _ = nodes.split(gaze)
        x, y = c["eye_x"] - f.value(right), c["eye_y"] - f.value(up)
        away = f.root(x * x + y * y)
        vein = self._veins(x, y)
        white = nodes.mix(vein.socket, (0.50, 0.46, 0.42, 1.0), (0.42, 0.22, 0.18, 1.0))
        fibre = vein * 0.8 + away.ramp(_PUPIL, _IRIS) * 0.7 + 0.45
        rim = away.ramp(_IRIS - 0.07, _IRIS)
        iris = f.scale(iris_color, fibre * (1.0 - rim * 0.75))
        color = nodes.mix(away.ramp(_IRIS - 0.015, _IRIS + 0.03).socket, iris, white)
        color = nodes.mix(
            away.ramp(_PUPIL, _PUPIL + 0.03).socket, (0.003, 0.003, 0.003, 1.0), color
        )
        # The upper lid and its lashes shade the eye.
        lid = c["eye_y"].ramp(0.05, 0.55) * 0.65
        corner = abs(c["eye_x"]).ramp(0.45, 0.95) * 0.35
        color = f.scale(color, (1.0 - lid) * (1.0 - corner))
        diffuse, glossy = nodes.node("ShaderNodeBsdfDiffuse"), nodes.node("ShaderNodeBsdfGlossy")
        nodes.put(color, diffuse.inputs["Color"])
        glossy.inputs["Roughness"].default_value = 0.05
        fresnel = nodes.node("ShaderNodeFresnel")
        fresnel.inputs[0].default_value = 1.38
        closure = nodes.mix_shader(
            fresnel.outputs[0], diffuse.outputs["BSDF"], glossy.outputs["BSDF"]
        )
        group = nodes.group(shading_group(), Surface=closure, Albedo=color)
        return group.outputs["Surface"]

    def _veins(self, x: Value, y: Value) -> Value:
        """Red blotches on the white and fibres of the iris, from the skin's tile."""
        at = self.nodes.join((x * 0.45).socket, (y * 0.45).socket, 0.0)
        blotch, _, _, _ = look_up(self.nodes, at, (*tile_origin("skin"), 0.0))
        return self.f.value(blotch) * 0.45
