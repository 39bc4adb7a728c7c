"""Callbacks after a step of sampling: the tensors that they get and may change.

Those of diffusers end guidance: they keep the last row of the prompts and set the pipeline's
`_guidance_scale` to 0. That is right for one image; here a batch keeps the rows of all its images.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from diffusers.callbacks import MultiPipelineCallbacks, PipelineCallback
from torch import Tensor

from diffusion_synth.errors import ConfigError, DataError
from diffusion_synth.pipeline.conditioning import Conditioning

OF_XL = ("add_text_embeds", "add_time_ids")
FIELDS = {"prompt_embeds": "embeddings", "add_text_embeds": "pooled", "add_time_ids": "time_ids"}
"""Tensor by the name that diffusers gives it → field of Conditioning."""


@dataclass(frozen=True)
class StepCallback:
    """A callback and the names of the tensors that it gets."""

    function: Callable[..., Mapping[str, Any] | None]
    names: tuple[str, ...]

    @classmethod
    def of(
        cls, function: Callable[..., Any] | None, names: Sequence[str], known: Sequence[str]
    ) -> StepCallback | None:
        """Return the callback of a call; None where there is none.

        Args:
            function: The callback. diffusers' own name their tensors themselves.
            names: The tensors that others get.
            known: The tensors that this pipeline has.

        Raises:
            ConfigError: The callback wants another tensor.
        """
        if isinstance(function, PipelineCallback | MultiPipelineCallbacks):
            names = function.tensor_inputs
        for name in names:
            if name not in known:
                raise ConfigError(f"callbacks can have {', '.join(known)}, not {name!r}")
        return None if function is None else cls(function, tuple(dict.fromkeys(names)))

    def __call__(
        self, pipeline: Any, step: int, timestep: Any, latents: Tensor, conditioning: Conditioning
    ) -> tuple[Tensor, Conditioning]:
        """Call it after `step`. Returns the (latents, conditioning) of the next one."""
        images = len(latents)
        tensors: dict[str, Any] = {
            "latents": latents,
            "negative_prompt_embeds": conditioning.embeddings[:-images],
            **{name: getattr(conditioning, field) for name, field in FIELDS.items()},
        }
        given = {name: tensors[name] for name in self.names}
        changed = self.function(pipeline, step, timestep, given) or {}
        after = changed.get("latents", latents)
        if after.shape != latents.shape:
            raise DataError(
                f"a callback returned latents of shape {tuple(after.shape)}, "
                f"expected {tuple(latents.shape)}"
            )
        return after, changed_conditioning(conditioning, changed, images)


def changed_conditioning(
    conditioning: Conditioning, changed: Mapping[str, Any], images: int
) -> Conditioning:
    """Return the conditioning with the tensors that a callback returned.

    Args:
        conditioning: Of B images, or 2 B with guidance.
        changed: Tensors by name. When the prompts keep only the half with the prompt, all do.
        images: B.

    Raises:
        DataError: A tensor has a shape that fits neither.
    """
    found = {}
    for name, field in FIELDS.items():
        before, after = getattr(conditioning, field), changed.get(name)
        if after is None or after is before:
            continue
        if before is None or after.shape[1:] != before.shape[1:]:
            expected = None if before is None else tuple(before.shape)
            raise DataError(
                f"a callback returned {name} of shape {tuple(after.shape)}, expected {expected}"
            )
        if len(after) == 1 < images and torch.equal(after, before[-1:]):
            after = before[-images:]
        if len(after) not in (images, len(before)):
            raise DataError(
                f"a callback returned {name} of {len(after)} rows, "
                f"expected {images} or {len(before)}"
            )
        found[field] = after
    if any(len(tensor) < len(conditioning) for tensor in found.values()):
        conditioning = conditioning.last(images)
        found = {field: tensor[-images:] for field, tensor in found.items()}
    return replace(conditioning, **found)
