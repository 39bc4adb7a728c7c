"""The last node before every material's output: either the surface itself, or SURREAL's shading.

SURREAL lights its people by nine spherical-harmonic coefficients and nothing else: the colour of a
pixel is albedo × E(n), n the normal in world axes. There is no ray, so no shadow. Each material of
the stage sends its closure and its albedo through one shared node group, whose coefficients
`set_harmonics` sets:

    shading = nodes.new("ShaderNodeGroup"); shading.node_tree = shading_group()
    links.new(principled.outputs["BSDF"], shading.inputs["Surface"])
    links.new(albedo, shading.inputs["Albedo"])          # the colour that goes into Base Color
    links.new(shading.outputs["Surface"], output.inputs["Surface"])

and is made by `nodes.material_of`, so that Cycles never takes people for lamps.

E(n) is the quadratic form of Ramamoorthi and Hanrahan, "An Efficient Representation for Irradiance
Environment Maps", SIGGRAPH 2001, eq. 13, which is what SURREAL's shader computes.
"""

from __future__ import annotations

from collections.abc import Sequence

import bpy

from .nodes import change, new_group

GROUP = "PII Shading"
_ON = "On"
# Three coefficients to a vector: a write costs Blender 1.5 ms, whatever it holds.
_TRIPLES = ("L00 L1-1 L10", "L11 L2-2 L2-1", "L20 L21 L22")

# Eq. 12 of the paper: the constants of the basis times the cosine lobe's coefficients.
_C1, _C2, _C3, _C4, _C5 = 0.429043, 0.511664, 0.743125, 0.886227, 0.247708


def shading_group() -> bpy.types.NodeTree:
    """The node group, made at the first call: inputs "Surface" (shader) and "Albedo" (colour),
    output "Surface".
    """
    tree = bpy.data.node_groups.get(GROUP)
    if tree is None:
        tree = _build()
    return tree


def set_harmonics(coefficients: Sequence[float] | None) -> None:
    """Shade everything by nine coefficients (SURREAL's order: L00 L1-1 L10 L11 L2-2 L2-1 L20 L21
    L22), or by the lights of the scene when None. Raises ValueError for another number of
    coefficients.
    """
    if coefficients is not None and len(coefficients) != 9:
        raise ValueError(f"spherical harmonics: {len(coefficients)} coefficients, expected 9")
    nodes = shading_group().nodes
    change(nodes[_ON].outputs[0], "default_value", 0.0 if coefficients is None else 1.0)
    if coefficients is not None:
        for k, name in enumerate(_TRIPLES):
            change(nodes[name].inputs[0], "default_value", tuple(coefficients[3 * k : 3 * k + 3]))


def _build() -> bpy.types.NodeTree:
    nodes, inputs, outputs = new_group(
        GROUP, {"Surface": "Shader", "Albedo": "Color"}, {"Surface": "Shader"}
    )
    on = nodes.value(_ON)
    (L00, L1m1, L10), (L11, L2m2, L2m1), (L20, L21, L22) = (
        nodes.split(nodes.node("ShaderNodeVectorMath", name=name, operation="ADD").outputs[0])
        for name in _TRIPLES
    )
    # SURREAL's vertical axis points down (-y is up there) and L1-1 is never positive: light comes
    # from above. Here up is +z: (x, y, z) of the formula = (x, -z, y) of the world.
    world_x, world_y, world_z = nodes.split(nodes.node("ShaderNodeNewGeometry").outputs["Normal"])
    x, y, z = world_x, nodes.times(world_z, -1.0), world_y

    add, times = nodes.add, nodes.times
    E = add(
        times(_C1, L22, nodes.math("SUBTRACT", times(x, x), times(y, y))),
        times(_C3, L20, z, z),
        times(_C4, L00),
        times(-_C5, L20),
        times(2 * _C1, add(times(L2m2, x, y), times(L21, x, z), times(L2m1, y, z))),
        times(2 * _C2, add(times(L11, x), times(L1m1, y), times(L10, z))),
    )
    emission = nodes.node("ShaderNodeEmission")
    nodes.put(inputs["Albedo"], emission.inputs["Color"])
    nodes.put(nodes.math("MAXIMUM", E, 0.0), emission.inputs["Strength"])
    nodes.put(nodes.mix_shader(on, inputs["Surface"], emission.outputs[0]), outputs["Surface"])
    return nodes.tree
