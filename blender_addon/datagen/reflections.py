"""Reflections of persons in the masks of an image, see stage.reflected."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..scene.mirrors import mirror_of
from ..scene.spec import SceneSpec

if TYPE_CHECKING:
    from ..render.engine import Frame
    from ..render.passes import Pass
    from ..stage.stage import Stage

Names = Sequence[Sequence[str]]


def with_reflections(
    stage: Stage,
    spec: SceneSpec,
    names: Names,
    frame: Frame,
    render: Callable[[Names, Sequence[Pass]], Frame],
) -> tuple[Frame, NDArray[np.bool_]]:
    """Add the reflections in a mirror to the masks of a frame, with the ids of their persons.

    Args:
        stage: The stage, which shows the scene.
        spec: The scene.
        names: The objects of each id that `frame` has in its masks.
        frame: The rendered frame.
        render: Renders passes of the stage as it is, with a mask of these objects.

    Returns:
        (the frame, (H, W) the px that show a reflected person).
    """
    from ..render.passes import Pass
    from ..stage.reflected import reflected

    mirror = mirror_of(spec.props) if "reflections" in spec.counted else None
    first = frame.arrays[Pass.INSTANCES]
    if mirror is None or not spec.persons:
        return frame, np.zeros(first.shape, dtype=bool)
    passes = [p for p in (Pass.INSTANCES, Pass.ALPHA, Pass.PARTS) if p in frame.arrays]
    with reflected(stage, spec, mirror) as behind:
        ids = sorted(behind)
        seen = render([*names, *(behind[id_] for id_ in ids)], passes)
    labels = seen.arrays[Pass.INSTANCES].astype(np.int64) - len(names)
    mine = labels > 0
    arrays: dict[Pass, NDArray[Any]] = dict(frame.arrays)
    instances = first.copy()
    instances[mine] = np.array([0, *ids])[labels[mine]]
    arrays[Pass.INSTANCES] = instances
    if Pass.ALPHA in arrays:
        arrays[Pass.ALPHA] = np.maximum(arrays[Pass.ALPHA], seen.arrays[Pass.ALPHA])
    if Pass.PARTS in arrays:
        arrays[Pass.PARTS] = np.where(mine, seen.arrays[Pass.PARTS], arrays[Pass.PARTS])
    seconds = frame.seconds + seen.seconds
    return dataclasses.replace(frame, arrays=arrays, seconds=seconds), mine
