"""Shader nodes written as arithmetic: `Value` has operators, `Formula` functions.

`wardrobe.coverage` computes with numpy arrays or with these: the same lines then build a node tree.
"""

from __future__ import annotations

from typing import Any

import bpy

from .nodes import Nodes


class Value:
    """A number in a node tree with arithmetic operators; `socket` carries it."""

    def __init__(self, nodes: Nodes, socket: bpy.types.NodeSocket) -> None:
        self.nodes, self.socket = nodes, socket

    @classmethod
    def one(cls, nodes: Nodes) -> Value:
        """A constant 1, which Cycles folds away."""
        return cls(nodes, nodes.value("One", 1.0))

    def _math(self, operation: str, *operands: Any) -> Value:
        plain = (o.socket if isinstance(o, Value) else float(o) for o in operands)
        return Value(self.nodes, self.nodes.math(operation, *plain))

    def __add__(self, other: Any) -> Value:
        return self._math("ADD", self, other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Value:
        return self._math("SUBTRACT", self, other)

    def __rsub__(self, other: Any) -> Value:
        return self._math("SUBTRACT", other, self)

    def __mul__(self, other: Any) -> Value:
        return self._math("MULTIPLY", self, other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Value:
        return self._math("DIVIDE", self, other)

    def __rtruediv__(self, other: Any) -> Value:
        return self._math("DIVIDE", other, self)

    def __neg__(self) -> Value:
        return self._math("MULTIPLY", self, -1.0)

    def __abs__(self) -> Value:
        return self._math("ABSOLUTE", self)

    def __gt__(self, other: Any) -> Value:
        return self._math("GREATER_THAN", self, other)

    def __lt__(self, other: Any) -> Value:
        return self._math("LESS_THAN", self, other)

    def is_about(self, constant: float) -> Value:
        """1 within 0.5 of `constant`, else 0."""
        return self._math("COMPARE", self, constant, 0.5)

    def fraction(self) -> Value:
        return self._math("FRACT", self)

    def ramp(self, low: float, high: float) -> Value:
        """0 at `low`, 1 at `high`, linear between."""
        scale = 1.0 / (high - low)
        node = self.nodes.node("ShaderNodeMath", operation="MULTIPLY_ADD", use_clamp=True)
        for operand, socket in zip((self.socket, scale, -low * scale), node.inputs, strict=True):
            self.nodes.put(operand, socket)
        return Value(self.nodes, node.outputs[0])


class Formula:
    """Functions of Values under numpy's names, so that it can replace numpy."""

    def __init__(self, nodes: Nodes) -> None:
        self.nodes = nodes

    def value(self, socket: bpy.types.NodeSocket) -> Value:
        return Value(self.nodes, socket)

    def minimum(self, a: Any, b: Any) -> Value:
        return self._either("MINIMUM", a, b)

    def maximum(self, a: Any, b: Any) -> Value:
        return self._either("MAXIMUM", a, b)

    def cos(self, a: Value) -> Value:
        return a._math("COSINE", a)

    def sin(self, a: Value) -> Value:
        return a._math("SINE", a)

    def root(self, a: Value) -> Value:
        return a._math("SQRT", a)

    def select(self, mask: Value, no: Any, yes: Any) -> Value:
        """`no` where the mask is 0, `yes` where it is 1."""
        return mask * (yes - no) + no

    def color(self, mask: Value, no: Any, yes: Any) -> bpy.types.NodeSocket:
        """The same for colours and vectors, which are sockets or 4-tuples."""
        return self.nodes.mix(mask.socket, no, yes)

    def scale(self, color: Any, factor: Value) -> bpy.types.NodeSocket:
        return self.nodes.vector("SCALE", color, factor.socket)

    @staticmethod
    def _either(operation: str, a: Any, b: Any) -> Value:
        first = a if isinstance(a, Value) else b
        return first._math(operation, a, b)
