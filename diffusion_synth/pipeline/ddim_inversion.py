"""DDIM (Song et al., ICLR 2021) in both directions, in float32.

Inversion walks the noise levels of a sampler upwards and keeps every latent, so that sampling
finds, at each level, the latent of the image at that very level.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from diffusion_synth.errors import ConfigError

Predict = Callable[[Tensor, Tensor, int], Tensor]
"""(latents, timestep, number of the step) → the network's output for them."""


@dataclass(frozen=True)
class Inversion:
    """Latents of B images at every noise level of a sampler.

    It is valid for the same images, size, prompts and steps, and can be used for all variants.

    Attributes:
        clean: The latents of the images themselves, (B, C, h, w).
        timesteps: The levels, descending.
        latents: (B, C, h, w) for each of `timesteps`.
    """

    clean: Tensor
    timesteps: tuple[int, ...]
    latents: tuple[Tensor, ...]

    def expand(self, copies: int) -> Inversion:
        """Return each image `copies` times in a row."""
        return Inversion(
            self.clean.repeat_interleave(copies, 0),
            self.timesteps,
            tuple(latent.repeat_interleave(copies, 0) for latent in self.latents),
        )


def split_prediction(
    output: Tensor, latents: Tensor, alpha: Tensor, prediction_type: str
) -> tuple[Tensor, Tensor]:
    """Split a network's output into the (clean, noise) that it stands for.

    Args:
        output: The network's output for `latents`.
        latents: (B, C, h, w).
        alpha: Share of signal of the latents, ᾱ of the paper.
        prediction_type: epsilon, sample, or v_prediction (Salimans & Ho, ICLR 2022).

    Raises:
        ConfigError: There is no such prediction type.
    """
    signal, noise = alpha.sqrt(), (1 - alpha).sqrt()
    if prediction_type == "epsilon":
        return (latents - noise * output) / signal, output
    if prediction_type == "sample":
        return output, (latents - signal * output) / noise
    if prediction_type == "v_prediction":
        return signal * latents - noise * output, signal * output + noise * latents
    raise ConfigError(
        f"prediction_type must be epsilon, sample or v_prediction, got {prediction_type!r}"
    )


def ddim_move(
    output: Tensor, latents: Tensor, alpha: Tensor, alpha_to: Tensor, prediction_type: str
) -> Tensor:
    """Move latents from the noise level `alpha` to `alpha_to`, up or down (eq. 12 of the paper)."""
    clean, noise = split_prediction(output, latents, alpha, prediction_type)
    return alpha_to.sqrt() * clean + (1 - alpha_to).sqrt() * noise


def invert(
    predict: Predict, clean: Tensor, timesteps: Sequence[int], alphas: Tensor, prediction_type: str
) -> Inversion:
    """Walk `clean` up to the noisiest of `timesteps`.

    The lowest level stands for the clean image, where the sampler ends: n levels take n - 1 steps.
    diffusers' `DDIMInverseScheduler` has the same bits where the steps divide the training levels.
    Elsewhere (the default 30 of 1000, "trailing") it assumes a gap that the levels do not have, and
    errs by more than 0.01.

    Args:
        predict: The network.
        clean: Latents of the images, (B, C, h, w).
        timesteps: The levels of the sampler, descending.
        alphas: ᾱ of every training step.
        prediction_type: epsilon, sample or v_prediction.
    """
    ascending = list(reversed(timesteps))
    latents = clean.float()
    kept = [latents]
    for step, (level, following) in enumerate(pairwise(ascending)):
        output = predict(latents, torch.as_tensor(level), step)
        latents = ddim_move(
            output.float(), latents, alphas[level], alphas[following], prediction_type
        )
        kept.append(latents)
    return Inversion(clean.float(), tuple(timesteps), tuple(reversed(kept)))


def slerp(start: Tensor, end: Tensor, share: float) -> Tensor:
    """Interpolate on the great circle through two latents (B, …); linearly where they are parallel.

    Args:
        start: The result for share 0.
        end: The result for share 1.
        share: 0..1.
    """
    a, b = start.flatten(1), end.flatten(1)
    cosine = (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1)).clamp_min(1e-12)
    angle = cosine.clamp(-1, 1).arccos()[:, None]
    sine = angle.sin()
    curved = ((1 - share) * angle).sin() / sine * a + (share * angle).sin() / sine * b
    straight = (1 - share) * a + share * b
    return torch.where(sine.abs() > 1e-4, curved, straight).view_as(start)
