"""Helpers that build shader node trees, so that the code of a tree reads like a formula."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import bpy
import numpy as np

from ..render.compat import use_nodes

_TANGENT, _NO_TANGENT = "Tangent", "No tangent"


class Nodes:
    """Adds nodes to `tree`. Operands are sockets or constants; methods return the node's output
    socket.
    """

    def __init__(self, tree: bpy.types.NodeTree) -> None:
        self.tree = tree

    def node(self, kind: str, **properties: Any) -> bpy.types.Node:
        """Add a node and set `properties` on it. Raises RuntimeError for a kind that Blender does
        not have.
        """
        node = self.tree.nodes.new(kind)
        for name, value in properties.items():
            setattr(node, name, value)
        if _TANGENT in node.inputs:
            self.put(self._no_tangent(), node.inputs[_TANGENT])
        return node

    def _no_tangent(self) -> bpy.types.NodeSocket:
        """A constant for inputs that only anisotropic surfaces read, and none here is: without one
        Cycles computes the tangent of every point that it shades.
        """
        constant = self.tree.nodes.get(_NO_TANGENT)
        if constant is None:
            constant = self.tree.nodes.new("ShaderNodeCombineXYZ")
            constant.name = constant.label = _NO_TANGENT
        return constant.outputs[0]

    def put(self, value: Any, socket: bpy.types.NodeSocket) -> None:
        """Connect a socket to an input, or set the input to a constant."""
        if isinstance(value, bpy.types.NodeSocket):
            self.tree.links.new(value, socket)
        else:
            socket.default_value = value

    def value(self, name: str, constant: float = 0.0) -> bpy.types.NodeSocket:
        """A number that later code changes, at tree.nodes[name].outputs[0].default_value."""
        node = self.node("ShaderNodeValue", name=name, label=name)
        node.outputs[0].default_value = constant
        return node.outputs[0]

    def math(self, operation: str, *operands: Any, clamp: bool = False) -> bpy.types.NodeSocket:
        node = self.node("ShaderNodeMath", operation=operation, use_clamp=clamp)
        for operand, socket in zip(operands, node.inputs, strict=False):
            self.put(operand, socket)
        return node.outputs[0]

    def add(self, *terms: Any) -> bpy.types.NodeSocket:
        total = terms[0]
        for term in terms[1:]:
            total = self.math("ADD", total, term)
        return total

    def times(self, *factors: Any) -> bpy.types.NodeSocket:
        product = factors[0]
        for factor in factors[1:]:
            product = self.math("MULTIPLY", product, factor)
        return product

    def vector(self, operation: str, *operands: Any) -> bpy.types.NodeSocket:
        """Vector maths. SCALE takes (vector, factor); LENGTH and DOT_PRODUCT return a number."""
        node = self.node("ShaderNodeVectorMath", operation=operation)
        if operation == "SCALE":
            self.put(operands[0], node.inputs["Vector"])
            self.put(operands[1], node.inputs["Scale"])
        else:
            for operand, socket in zip(operands, node.inputs, strict=False):
                self.put(operand, socket)
        return node.outputs["Value" if operation in ("LENGTH", "DOT_PRODUCT") else "Vector"]

    def split(self, vector: Any) -> tuple[bpy.types.NodeSocket, ...]:
        node = self.node("ShaderNodeSeparateXYZ")
        self.put(vector, node.inputs[0])
        return tuple(node.outputs)

    def join(self, x: Any, y: Any, z: Any) -> bpy.types.NodeSocket:
        node = self.node("ShaderNodeCombineXYZ")
        for value, socket in zip((x, y, z), node.inputs, strict=True):
            self.put(value, socket)
        return node.outputs[0]

    def ramp(self, value: Any, low: Any, high: Any) -> bpy.types.NodeSocket:
        """0 at `low`, 1 at `high`, smooth between (smoothstep)."""
        node = self.node("ShaderNodeMapRange", interpolation_type="SMOOTHSTEP")
        self.put(value, node.inputs["Value"])
        self.put(low, node.inputs["From Min"])
        self.put(high, node.inputs["From Max"])
        return node.outputs["Result"]

    def mix(self, factor: Any, a: Any, b: Any) -> bpy.types.NodeSocket:
        """Colour `a` at factor 0, `b` at 1."""
        node = self.node("ShaderNodeMix", data_type="RGBA")
        inputs = {socket.identifier: socket for socket in node.inputs}
        self.put(factor, inputs["Factor_Float"])
        self.put(a, inputs["A_Color"])
        self.put(b, inputs["B_Color"])
        return next(socket for socket in node.outputs if socket.identifier == "Result_Color")

    def grey(self, color: Any) -> bpy.types.NodeSocket:
        """The luminance of a colour."""
        node = self.node("ShaderNodeRGBToBW")
        self.put(color, node.inputs[0])
        return node.outputs[0]

    def mix_shader(self, factor: Any, a: Any, b: Any) -> bpy.types.NodeSocket:
        node = self.node("ShaderNodeMixShader")
        self.put(factor, node.inputs[0])
        self.put(a, node.inputs[1])
        self.put(b, node.inputs[2])
        return node.outputs[0]

    def attribute(self, name: str, output: str, kind: str = "GEOMETRY") -> bpy.types.NodeSocket:
        """An attribute of the mesh (GEOMETRY) or a custom property of the object (OBJECT); `output`
        is one of Color, Vector, Fac, Alpha.
        """
        return self.node("ShaderNodeAttribute", attribute_type=kind, attribute_name=name).outputs[
            output
        ]

    def group(self, tree: bpy.types.NodeTree, **inputs: Any) -> bpy.types.Node:
        node = self.node("ShaderNodeGroup", node_tree=tree)
        for name, value in inputs.items():
            self.put(value, node.inputs[name])
        return node


def new_group(name: str, inputs: dict[str, str], outputs: dict[str, str]) -> tuple[Nodes, Any, Any]:
    """Make a shader node group.

    Args:
        name: Its name.
        inputs, outputs: Type by socket name ('NodeSocketFloat' without the prefix).

    Returns:
        (its Nodes, the outputs of its input node, the inputs of its output node).
    """
    tree = bpy.data.node_groups.new(name, "ShaderNodeTree")
    for direction, sockets in (("INPUT", inputs), ("OUTPUT", outputs)):
        for socket, kind in sockets.items():
            tree.interface.new_socket(socket, in_out=direction, socket_type=f"NodeSocket{kind}")
    nodes = Nodes(tree)
    return nodes, nodes.node("NodeGroupInput").outputs, nodes.node("NodeGroupOutput").inputs


def change(owner: Any, name: str, value: float | Sequence[float]) -> None:
    """Set a number or vector of a node, socket or lamp, unless it has that value.

    Every write makes Cycles compile again. Values are compared as Blender keeps them, in 32 bits:
    with a tolerance an image would depend on the one before.
    """
    current, wanted = (np.asarray(x, dtype=np.float32) for x in (getattr(owner, name), value))
    if not np.array_equal(current, wanted):
        setattr(owner, name, value)


def material_of(name: str, build: Callable[[Nodes], None]) -> bpy.types.Material:
    """The material of a name; at the first call `build` fills its empty node tree."""
    material = bpy.data.materials.get(name)
    if material is None:
        material = bpy.data.materials.new(name)
        build(clear_tree(material))
        # SURREAL's shading is an emission, and no lamp.
        material.cycles.emission_sampling = "NONE"
    return material


def show_image(node: bpy.types.Node, image: bpy.types.Image) -> None:
    """Let a texture node show an image, unless it shows that one already."""
    if node.image != image:
        node.image = image


def clear_tree(owner: Any) -> Nodes:
    """Empty the node tree of a material, world or light, and return its Nodes."""
    tree = use_nodes(owner)
    tree.nodes.clear()
    return Nodes(tree)
