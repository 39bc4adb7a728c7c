"""The material of hair that is geometry, and the tint of the scalp below it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..wardrobe.ribbons import OF_BROWS
from ..wardrobe.scalp import scalp_field
from .formula import Formula, Value
from .outfit_properties import PREFIX
from .shading import shading_group


def hair_closure(f: Formula) -> Any:
    """The closure of locks, which carry `ribbons.HairMesh.values` in place of a place on the body.

    A diffuse surface with streaks along the locks, and a faint, wide gloss without a Fresnel
    term: ribbons are seen at grazing angles everywhere, and would mirror the sky.
    """
    nodes = f.nodes
    attribute = nodes.node("ShaderNodeAttribute", attribute_name=PREFIX + "place")
    across, along, lock = (f.value(socket) for socket in nodes.split(attribute.outputs["Vector"]))
    light = f.value(attribute.outputs["Alpha"])
    hair = nodes.attribute(PREFIX + "hair", "Color", "OBJECT")
    brows = nodes.attribute(PREFIX + "brows", "Color", "OBJECT")
    color = nodes.mix((lock > OF_BROWS - 0.5).socket, hair, brows)
    texture = nodes.node("ShaderNodeTexNoise", noise_dimensions="2D")
    texture.inputs["Detail"].default_value = 1.0
    texture.inputs["Scale"].default_value = 1.0
    nodes.put(
        nodes.join((across * 5.0).socket, (along * 1.6 + lock * 60.0).socket, 0.0),
        texture.inputs["Vector"],
    )
    streaks = f.value(next(o for o in texture.outputs if o.type == "VALUE"))
    color = f.scale(color, (streaks * 1.3 + 0.30) * light * 0.8)
    diffuse, glossy = nodes.node("ShaderNodeBsdfDiffuse"), nodes.node("ShaderNodeBsdfGlossy")
    nodes.put(color, diffuse.inputs["Color"])
    nodes.put((0.9, 0.85, 0.8, 1.0), glossy.inputs["Color"])
    nodes.put(0.38, glossy.inputs["Roughness"])
    closure = nodes.mix_shader(
        (streaks * light * 0.035).socket, diffuse.outputs["BSDF"], glossy.outputs["BSDF"]
    )
    shading = nodes.group(shading_group(), Surface=closure, Albedo=color)
    return shading.outputs["Surface"]


def scalp_layer(f: Formula, c: Mapping[str, Value], grain: Value) -> tuple[Value, Any]:
    """The mask and the closure of the skin below hair, which fades at the hairline.

    Args:
        f: Builds nodes.
        c: The chart.
        grain: Fine noise 0..1.
    """
    nodes = f.nodes
    hair = nodes.node(
        "ShaderNodeAttribute", attribute_type="OBJECT", attribute_name=PREFIX + "hair"
    )
    cut = nodes.attribute(PREFIX + "hair cut", "Vector", "OBJECT")
    recede, top, _ = (f.value(socket) for socket in nodes.split(cut))
    field = scalp_field(f, c, recede, top) + (grain - 0.5) * 0.014
    color = f.scale(hair.outputs["Color"], grain * 0.9 + 0.15)
    diffuse = nodes.node("ShaderNodeBsdfDiffuse")
    nodes.put(color, diffuse.inputs["Color"])
    shading = nodes.group(shading_group(), Surface=diffuse.outputs["BSDF"], Albedo=color)
    mask = field.ramp(-0.002, 0.016) * f.value(hair.outputs["Alpha"])
    return mask, shading.outputs["Surface"]
