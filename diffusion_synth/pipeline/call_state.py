"""The state of a pipeline's call, by the names that diffusers' callbacks read and change."""

from __future__ import annotations

from typing import Any

import torch
from diffusers.models.embeddings import get_timestep_embedding
from torch import Tensor


class CallState:
    """Guidance, number of steps and further options of the call that is in progress.

    Callbacks of diffusers change `_guidance_scale` and `_interrupt` between two steps.
    """

    unet: Any
    _guidance_scale: float = 1.0
    _num_timesteps: int = 0
    _clip_skip: int | None = None
    _interrupt: bool = False
    _attention_kwargs: dict[str, Any] | None = None

    def begin_call(
        self,
        guidance_scale: float = 1.0,
        clip_skip: int | None = None,
        attention_kwargs: dict[str, Any] | None = None,
    ) -> None:
        """Set the state of a new call."""
        self._guidance_scale, self._clip_skip = guidance_scale, clip_skip
        self._attention_kwargs, self._interrupt = attention_kwargs, False

    @property
    def guidance_scale(self) -> float:
        """Weight of the prompt (Ho & Salimans 2022); 1 and less is no guidance."""
        return self._guidance_scale

    @property
    def do_classifier_free_guidance(self) -> bool:
        """Whether the UNet runs without and with the prompt.

        UNets that were distilled with guidance take its scale as an input instead.
        """
        return self._guidance_scale > 1 and self.unet.config.time_cond_proj_dim is None

    @property
    def num_timesteps(self) -> int:
        """Number of steps of sampling."""
        return self._num_timesteps

    @property
    def clip_skip(self) -> int | None:
        """Number of the text encoder's last layers that are skipped."""
        return self._clip_skip

    @property
    def cross_attention_kwargs(self) -> dict[str, Any] | None:
        """Options of the attentions: the scale of a LoRA."""
        return self._attention_kwargs

    @property
    def interrupt(self) -> bool:
        """Whether a callback has asked to end sampling early."""
        return self._interrupt

    def guidance_embedding(self, batch: int, device: torch.device) -> Tensor | None:
        """Return the input (B, D) of a UNet that takes the guidance scale; None for the others."""
        width = self.unet.config.time_cond_proj_dim
        if width is None:
            return None
        scale = torch.full((batch,), (self._guidance_scale - 1) * 1000.0, device=device)
        return get_timestep_embedding(scale, width, downscale_freq_shift=1)
