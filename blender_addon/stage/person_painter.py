"""The closures of skin, hair and clothes, painted over the coordinates of the body chart.

A garment lies where its field is positive (`wardrobe.coverage`; the functions that run on numpy
arrays build the nodes here). `PersonPainter.person` mixes the layers of a person by masks from the
outermost inwards; `PersonPainter.layer` is one of them alone, for a mesh that is nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bpy

from ..wardrobe.chart import ARM_LENGTH, CHANNELS, HEAD_UNIT, LEVEL_HEIGHT
from ..wardrobe.cloth_layers import HAIR
from ..wardrobe.coverage import (
    Cut,
    band_field,
    curtain_field,
    garment_field,
    hair_field,
)
from ..wardrobe.dressed import SKIN
from ..wardrobe.garment_kind import PATTERNS
from .fabric_shader import FabricPainter
from .formula import Formula, Value
from .hair_shader import hair_closure, scalp_layer
from .nodes import Nodes, new_group
from .outfit_properties import CLOTH, PATTERNED_LAYERS, PREFIX
from .shading import shading_group
from .skin_shader import SkinPainter

SOLE_HEIGHT = 0.013  # rm


def surface(nodes: Nodes, color: Any, roughness: Any) -> bpy.types.NodeSocket:
    """Matt colour under a gloss of the given roughness, which the Fresnel formula strengthens at
    grazing angles.

    Not a Principled BSDF: Cycles reserves room for all of its twelve lobes, and a dozen layers of
    twelve are more than the 64 it has.
    """
    f = Formula(nodes)
    diffuse, glossy = nodes.node("ShaderNodeBsdfDiffuse"), nodes.node("ShaderNodeBsdfGlossy")
    nodes.put(color, diffuse.inputs["Color"])
    nodes.put((0.8, 0.8, 0.8, 1.0), glossy.inputs["Color"])
    nodes.put(roughness, glossy.inputs["Roughness"])
    fresnel = f.value(nodes.node("ShaderNodeFresnel").outputs[0])
    smooth = 1.05 - roughness if isinstance(roughness, float) else f.value(roughness) * -1.0 + 1.05
    gloss = (fresnel * smooth).socket
    closure = nodes.mix_shader(gloss, diffuse.outputs["BSDF"], glossy.outputs["BSDF"])
    shading = nodes.group(shading_group(), Surface=closure, Albedo=color)
    return shading.outputs["Surface"]


def read_chart(f: Formula) -> dict[str, Value]:
    """The coordinates that `attach_chart` wrote, as Values by name."""
    c: dict[str, Value] = {}
    for name, channels in CHANNELS.items():
        attribute = f.nodes.node("ShaderNodeAttribute", attribute_name=PREFIX + name)
        c.update(_four(f, attribute, channels))
    return c


def read_cut(f: Formula, layer: str) -> tuple[Cut, Value]:
    """Read the edges of a layer's garment and its pattern's number from the object's properties."""
    low, high, sleeve, neck = _four(f, _property(f, f"{layer} cut"), "rgba").values()
    opening, depth, slope, pattern = _four(f, _property(f, f"{layer} front"), "rgba").values()
    return Cut(low, high, sleeve, neck, opening, depth, slope), pattern


def _property(f: Formula, name: str) -> bpy.types.Node:
    return f.nodes.node(
        "ShaderNodeAttribute", attribute_type="OBJECT", attribute_name=PREFIX + name
    )


def _four(f: Formula, attribute: bpy.types.Node, names: Any) -> dict[str, Value]:
    parts = (*f.nodes.split(attribute.outputs["Vector"]), attribute.outputs["Alpha"])
    return {name: f.value(socket) for name, socket in zip(names, parts, strict=False)}


_EDGE = 0.010  # rm: width of a hem, and of the shade a garment throws on what it lies on
_ARMHOLE = -0.04  # `arm` from which cloth is wrapped around the arm in place of the torso
_CHIN = -0.08  # `neck` above which there are hats and no garments: no collar reaches it

Layer = tuple[Any, Any]  # mask, closure
LayerBuilder = Callable[["PersonPainter", Value], tuple[Layer, Value]]
"""From a painter and the light that is left above, to a layer and the light below it."""


class PersonPainter:
    """Builds the closures of skin, hair and clothes over the chart `c`."""

    def __init__(self, f: Formula) -> None:
        self.f, self.nodes, self.c = f, f.nodes, read_chart(f)

    def person(self) -> Any:
        head = self.c["neck"] < _CHIN
        return self.nodes.mix_shader(head.socket, self._body(), self._head())

    def layer(self, name: str, *, skin_image: bool = False) -> Any:
        """The closure of one layer alone, for a mesh that is nothing else.

        Args:
            name: One of wardrobe.dressed.MATERIALS.
            skin_image: Whether skin shows an image.
        """
        bright = Value.one(self.nodes)
        if name == SKIN:
            head = self.c["neck"] < _CHIN
            arm = self.c["arm"] > _ARMHOLE
            skin = SkinPainter(self.f, self.c, self._place_on_cloth(), arm, with_image=skin_image)
            face = self._stack([scalp_layer(self.f, self.c, self._noise(520.0))], skin.face())
            return self.nodes.mix_shader(head.socket, skin.body(), face)
        if name == HAIR:
            return hair_closure(self.f)
        if name == "shoes":
            return self._shoes(bright)[0][1]
        fabric = FabricPainter(self.f, self.c, self._place_on_cloth())
        return fabric.cloth_surface(name, figured=name in PATTERNED_LAYERS)

    def _place_on_cloth(self) -> Any:
        """Place of the point on the cloth as a vector, rm."""
        u, v = self._wrapped()
        return self.nodes.join(u.socket, v.socket, 0.0)

    def _head(self) -> Any:
        bright = Value.one(self.nodes)
        hat, shade = self._grouped("hat", lambda painter, _: painter._hat(), bright)
        hair, _ = self._grouped("hair", lambda painter, light: (painter._hair(light), light), shade)
        # The face lies below all layers: its mask is not asked for.
        (_, face), _ = self._grouped(
            "face", lambda painter, light: ((light, painter._face(light)), light), shade
        )
        return self._stack([hat, hair], face)

    def _body(self) -> Any:
        layers, shade = [self._hanging_hair()], Value.one(self.nodes)
        for name, build in (
            ("shoes", PersonPainter._shoes),
            ("outer", PersonPainter._outer),
            ("top", PersonPainter._top),
            ("bottom", PersonPainter._bottom),
            ("socks", PersonPainter._socks),
        ):
            layer, shade = self._grouped(name, build, shade)
            layers.append(layer)
        return self._stack(layers, self._skin(shade))

    def _grouped(self, name: str, build: LayerBuilder, shade: Value) -> tuple[Layer, Value]:
        """Build a layer in a node group of its own, which Cycles unfolds.

        At each new node Blender goes through the whole tree: in one tree, the 1,430 nodes of a
        person take three seconds.
        """
        name = f"{PREFIX}painted {name}"
        tree = bpy.data.node_groups.get(name)
        if tree is None:
            kinds = {"Mask": "Float", "Closure": "Shader", "Shade": "Float"}
            nodes, given, results = new_group(name, {"Shade": "Float"}, kinds)
            painter = PersonPainter(Formula(nodes))
            (mask, closure), left = build(painter, painter.f.value(given["Shade"]))
            for output, value in (
                ("Mask", mask.socket),
                ("Closure", closure),
                ("Shade", left.socket),
            ):
                nodes.put(value, results[output])
            tree = nodes.tree
        outputs = self.nodes.group(tree, Shade=shade.socket).outputs
        mask, left = (self.f.value(outputs[output]) for output in ("Mask", "Shade"))
        return (mask, outputs["Closure"]), left

    def _stack(self, layers: list[Layer], skin: Any) -> Any:
        """`layers` from the outermost inwards, over `skin`."""
        for mask, closure in reversed(layers):
            skin = self.nodes.mix_shader(mask.socket, skin, closure)
        return skin

    def _property(self, name: str) -> tuple[Any, Value]:
        """(the first three numbers as a colour, the fourth) of one of the object's properties."""
        attribute = _property(self.f, name)
        return attribute.outputs["Color"], self.f.value(attribute.outputs["Alpha"])

    def _under(self, shade: Value, field: Value) -> Value:
        """The light that is left beside the edge of the garment whose `field` this is."""
        return shade * (field.ramp(-_EDGE, 0.0) * -0.35 + 1.0)

    def _hem(self, field: Value) -> Value:
        return field.ramp(0.0, _EDGE) * 0.22 + 0.78

    # -- body

    def _skin_color(self, shade: Value) -> Any:
        skin, _ = self._property("skin")
        color = self.nodes.mix((self.c["palm"] * 0.45).socket, skin, (0.50, 0.27, 0.21, 1.0))
        return self.f.scale(color, ((self._noise(45.0) - 0.5) * 0.25 + 1.0) * shade)

    def _skin(self, shade: Value) -> Any:
        return surface(self.nodes, self._skin_color(shade), 0.48)

    def _face(self, shade: Value) -> Any:
        c, nodes = self.c, self.nodes
        color = self._skin_color(shade)
        stubble, _ = self._property("hair")
        eyes, beard = self._property("eyes")
        jitter = (self._noise(180.0) - 0.5) * 0.016
        color = nodes.mix(
            ((c["beard"] * HEAD_UNIT + jitter).ramp(0.0, 0.014) * beard).socket, color, stubble
        )
        color = self._paint(color, "lips", c["lip"].ramp(0.0, 0.3))
        color = self._paint(color, "brows", c["brow"].ramp(0.0, 0.025))
        eye = nodes.mix((c["iris"] < 0.46).socket, (0.62, 0.58, 0.54, 1.0), eyes)
        eye = nodes.mix((c["iris"] < 0.19).socket, eye, (0.004, 0.004, 0.004, 1.0))
        return nodes.mix_shader(
            (c["white"] > 0.0).socket, surface(nodes, color, 0.48), surface(nodes, eye, 0.08)
        )

    def _paint(self, color: Any, name: str, mask: Value) -> Any:
        paint, opacity = self._property(name)
        return self.nodes.mix((mask * opacity).socket, color, paint)

    def _hair_cut(self) -> tuple[Value, Value, Value]:
        recede, top, fall, _ = _four(self.f, _property(self.f, "hair cut"), "rgba").values()
        return recede, top, fall

    def _hair(self, shade: Value) -> Layer:
        field = hair_field(self.f, self.c, *self._hair_cut()) + (self._strands() - 0.5) * 0.012
        _, density = self._property("hair")
        return field.ramp(0.0, 0.006) * density, self._hair_surface(shade)

    def _hanging_hair(self) -> Layer:
        _, _, fall = self._hair_cut()
        # No noise at this edge: the whole body would pay for it.
        return curtain_field(self.f, self.c, fall) > 0.0, self._hair_surface(Value.one(self.nodes))

    def _hair_surface(self, shade: Value) -> Any:
        color, _ = self._property("hair")
        return surface(self.nodes, self.f.scale(color, (self._strands() * 1.5 + 0.25) * shade), 0.5)

    def _strands(self) -> Value:
        return self._noise((130.0, 18.0, 130.0))

    # -- clothes

    def _hat(self) -> tuple[Layer, Value]:
        color, line = self._property("hat")
        field = (self.c["hat"] - line) * HEAD_UNIT
        light = ((self._noise(300.0) - 0.5) * 0.3 + 1.0) * self._hem(field)
        layer = field > 0.0, surface(self.nodes, self.f.scale(color, light), 0.9)
        return layer, self._under(Value.one(self.nodes), field)

    def _socks(self, shade: Value) -> tuple[Layer, Value]:
        color, line = self._property("socks")
        field = (line - self.c["level"]) * LEVEL_HEIGHT
        layer = (
            field > 0.0,
            surface(self.nodes, self.f.scale(color, shade * self._hem(field)), 0.85),
        )
        return layer, self._under(shade, field)

    def _shoes(self, shade: Value) -> tuple[Layer, Value]:
        f, height = self.f, self.c["tread"]
        shoes, shaft = self._property("shoes")
        soles, roughness = self._property("soles")
        sole = SOLE_HEIGHT - height
        upper = f.scale(shoes, self._hem(shaft - height) * (sole.ramp(-0.006, 0.0) * -0.5 + 1.0))
        color = self.nodes.mix((sole > 0.0).socket, upper, soles)
        field = shaft - height
        return (field > 0.0, surface(self.nodes, color, roughness.socket)), self._under(
            shade, field
        )

    def _outer(self, shade: Value) -> tuple[Layer, Value]:
        return self._garment("outer", garment_field, shade)

    def _top(self, shade: Value) -> tuple[Layer, Value]:
        return self._garment("top", garment_field, shade)

    def _bottom(self, shade: Value) -> tuple[Layer, Value]:
        return self._garment("bottom", band_field, shade)

    def _garment(self, layer: str, field_of: Any, shade: Value) -> tuple[Layer, Value]:
        cut, pattern = read_cut(self.f, layer)
        field = field_of(self.f, self.c, cut)
        light = shade * self._hem(field)
        cloth = self.nodes.mix_shader(
            (pattern > 0.5).socket,
            self._plain(layer, light),
            self._patterned(layer, pattern, light),
        )
        return (field > 0.0, cloth), self._under(shade, field)

    def _plain(self, layer: str, light: Value) -> Any:
        color, weave = self._property(f"{layer} color")
        _, roughness = self._property(f"{layer} color 2")
        light = ((self._noise(420.0) - 0.5) * weave * 2.0 + 1.0) * light
        return surface(self.nodes, self.f.scale(color, light), roughness.socket)

    def _patterned(self, layer: str, number: Value, light: Value) -> Any:
        f, nodes = self.f, self.nodes
        first, weave = self._property(f"{layer} color")
        second, roughness = self._property(f"{layer} color 2")
        third, scale = self._property(f"{layer} color 3")
        angle = f.value(nodes.split(_property(f, f"{layer} angle").outputs["Vector"])[0])
        is_ = {name: number.is_about(float(i)) for i, name in enumerate(PATTERNS)}
        # Threads and printed blots use one noise; only its frequency differs.
        large = is_["floral"] + is_["print"]
        noise = self._noise(f.select(large, 420.0, 1.0 / scale))

        s, t = self._threads(scale, angle)
        s, t = s.fraction() - 0.5, t.fraction() - 0.5
        half_s, half_t = s < 0.0, t < 0.0
        to_second = is_["stripes"] * half_t
        to_second = to_second + is_["checks"] * (half_s + half_t) * 0.5
        to_second = to_second + is_["dots"] * (s * s + t * t < 0.07)
        to_second = to_second + is_["melange"] * noise.ramp(0.3, 0.7)
        blots = is_["floral"] + is_["print"] * self._on_the_chest()
        to_second = to_second + blots * (noise > 0.56)
        lines = f.maximum(abs(s - 0.25) < 0.03, abs(t - 0.25) < 0.03)
        to_third = is_["checks"] * lines + blots * (noise < 0.42)

        color = nodes.mix(to_second.socket, first, second)
        color = nodes.mix(to_third.socket, color, third)
        color = f.scale(color, ((noise - 0.5) * weave * 2.0 + 1.0) * light)
        return surface(nodes, color, roughness.socket)

    def _noise(self, frequency: Any) -> Value:
        """Smooth noise 0..1, fixed to the body; `frequency` per rm: a number, a Value or three
        numbers.
        """
        nodes = self.nodes
        seed = nodes.attribute(PREFIX + "skin", "Alpha", "OBJECT")
        place = nodes.attribute(PREFIX + "place", "Vector")
        texture = nodes.node("ShaderNodeTexNoise", noise_dimensions="4D")
        if isinstance(frequency, tuple):
            place, frequency = nodes.vector("MULTIPLY", place, frequency), 1.0
        nodes.put(place, texture.inputs["Vector"])
        nodes.put(
            frequency.socket if isinstance(frequency, Value) else frequency, texture.inputs["Scale"]
        )
        nodes.put(nodes.math("MULTIPLY", seed, 50.0), texture.inputs["W"])
        texture.inputs["Detail"].default_value = 0.0
        return self.f.value(next(o for o in texture.outputs if o.type == "VALUE"))

    def _threads(self, scale: Value, angle: Value) -> tuple[Value, Value]:
        """Place of the point in the cloth, in repeats of the pattern, turned by `angle`."""
        u, v = self._wrapped()
        cos, sin = self.f.cos(angle), self.f.sin(angle)
        return (u * cos + v * sin) / scale, (v * cos - u * sin) / scale

    def _wrapped(self) -> tuple[Value, Value]:
        """Place of the point on the cloth, around torso, leg or arm and along it, rm."""
        f, c = self.f, self.c
        around, around_arm, _ = (
            f.value(socket) for socket in f.nodes.split(f.nodes.attribute(PREFIX + CLOTH, "Vector"))
        )
        arm = c["arm"] > _ARMHOLE
        return (
            f.select(arm, around, around_arm),
            f.select(arm, c["down"], c["arm"] * ARM_LENGTH),
        )

    def _on_the_chest(self) -> Value:
        c = self.c
        across = 0.11 - abs(c["x"])
        upright = 0.13 - abs(c["level"] - 0.64)
        f = self.f
        return (
            f.minimum(f.minimum(across, upright), f.minimum(c["front"] - 0.02, _ARMHOLE - c["arm"]))
            > 0.0
        )
