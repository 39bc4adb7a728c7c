"""Body-part labels out of a path tracer, which averages all that it renders.

A label written as one number would be averaged over the samples of a pixel: between part 3 and part
9 there would be a line of 6. So each part has a channel of its own that is 1 on it and 0 elsewhere.
Averaged, the channel is the share of the pixel that shows the part, as anti-aliased as the image
itself, and the label is the part with the largest share: only labels that are present appear. It
holds under occlusion, depth of field and motion blur, and needs no second render. 24 channels are 8
colours, written by the material through shader AOVs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

PART_ATTRIBUTE = "part"
PART_COUNT = 24
AOVS = tuple(f"part_{i}" for i in range(PART_COUNT // 3))

_GROUP = "PII Synth part outputs"


def decode(shares: NDArray[np.float32], mask: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Decode part labels.

    Args:
        shares: (H, W, 24) float32, the share of each pixel that shows part 1, 2, …; of equal shares
            the lower number wins.
        mask: (H, W) instance mask.

    Returns:
        (H, W) uint8: 1..24 on persons; 0 elsewhere, and where a person shows no part.
    """
    label = np.zeros(mask.shape, dtype=np.uint8)
    inside = np.nonzero(mask)  # most of an image is background: only persons are decoded
    found = shares[inside]
    label[inside] = np.where(found.max(axis=-1, initial=0.0) > 0, found.argmax(axis=-1) + 1, 0)
    return label


def add_part_outputs(material: Any) -> None:
    """Make `material` (with nodes) write the PARTS pass; a second call changes nothing.

    The mesh has the attribute PART_ATTRIBUTE, domain FACE, type INT or FLOAT: 1..24 = part label +
    1; 0 or no attribute is no part. It costs nothing while the view layer has no PARTS pass.
    """
    nodes = material.node_tree.nodes
    if not any(
        node.type == "GROUP" and node.node_tree and node.node_tree.name == _GROUP for node in nodes
    ):
        nodes.new("ShaderNodeGroup").node_tree = _node_group()


def _node_group() -> Any:
    """One group for all materials: attribute → 24 comparisons → 8 AOV outputs."""
    import bpy

    group = bpy.data.node_groups.get(_GROUP)
    if group is not None:
        return group
    group = bpy.data.node_groups.new(_GROUP, "ShaderNodeTree")
    group.use_fake_user = True
    part = group.nodes.new("ShaderNodeAttribute")
    part.attribute_name = PART_ATTRIBUTE
    for i, aov in enumerate(AOVS):
        color = group.nodes.new("ShaderNodeCombineColor")
        for channel in range(3):
            equal = group.nodes.new("ShaderNodeMath")
            equal.operation = "COMPARE"
            equal.inputs[1].default_value = 3 * i + channel + 1
            equal.inputs[2].default_value = 0.5
            group.links.new(part.outputs["Fac"], equal.inputs[0])
            group.links.new(equal.outputs[0], color.inputs[channel])
        output = group.nodes.new("ShaderNodeOutputAOV")
        output.aov_name = aov
        group.links.new(color.outputs[0], output.inputs["Color"])
    return group
