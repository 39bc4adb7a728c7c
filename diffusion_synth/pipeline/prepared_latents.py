"""The tensors of one call of the pipeline: images, noise, masks and inversions in latents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from diffusion_synth.pipeline.ddim_inversion import Inversion, slerp


@dataclass(frozen=True)
class PreparedLatents:
    """The tensors of one call, each image repeated for its copies: B of them.

    Attributes:
        labels: (B, H, W), the regions of the pixels.
        clean: (B, C, h, w), the latents of the images.
        noise: (B, C, h, w), the noise to begin with.
        inside: Which latents are painted, bool, (B, 1 or C, h, w).
        inpainting: Further input channels of an inpainting UNet, or None.
        inversion: The images' latents at every level of noise; None in mode "blend".
    """

    labels: Tensor
    clean: Tensor
    noise: Tensor
    inside: Tensor
    inpainting: Tensor | None
    inversion: Inversion | None

    def initial(self, noise_sigma: Any, noise_mixing: float) -> Tensor:
        """Return the latents to begin with."""
        if self.inversion is None:
            return self.noise * noise_sigma
        inverted = self.inversion.latents[0]
        return torch.where(self.inside, slerp(inverted, self.noise, noise_mixing), inverted)

    def surroundings_after(self, step: int, scheduler: Any) -> Tensor:
        """Return the images' latents at the level of noise that `step` has led to."""
        timesteps = scheduler.timesteps
        if step + 1 == len(timesteps):
            return self.clean
        if self.inversion is not None:
            return self.inversion.latents[step + 1]
        noisy: Tensor = scheduler.add_noise(self.clean, self.noise, timesteps[step + 1 : step + 2])
        return noisy
