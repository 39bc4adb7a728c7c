"""DDIM (Song et al., ICLR 2021) forwards and backwards, in float32.

A latent belongs to a level of noise. Inversion walks the levels of the sampler upwards and keeps every latent, so that
sampling finds, at each level, the latent of the picture at that very level.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

Predict = Callable[[Tensor, Tensor, int], Tensor]
"""(latents, timestep, number of the step) → the network's output for them."""


@dataclass(frozen=True)
class Inversion:
    """Latents (B, C, h, w) of a picture at every level of a sampler: `latents[i]` at `timesteps[i]`, descending.

    clean: the picture's own latent. Valid for the same picture, size, prompts and steps; made once for all variants.
    """

    clean: Tensor
    timesteps: tuple[int, ...]
    latents: tuple[Tensor, ...]

    def expand(self, copies: int) -> Inversion:
        """Each picture `copies` times in a row."""
        return Inversion(
            self.clean.repeat_interleave(copies, 0),
            self.timesteps,
            tuple(latent.repeat_interleave(copies, 0) for latent in self.latents),
        )


def split_prediction(
    output: Tensor, latents: Tensor, alpha: Tensor, prediction_type: str
) -> tuple[Tensor, Tensor]:
    """(clean, noise) that a network's output means, for latents whose share of signal is `alpha` (ᾱ of the paper).

    prediction_type: epsilon, sample, or v_prediction (Salimans & Ho, ICLR 2022). Raises ValueError for another.
    """
    signal, noise = alpha.sqrt(), (1 - alpha).sqrt()
    if prediction_type == "epsilon":
        return (latents - noise * output) / signal, output
    if prediction_type == "sample":
        return output, (latents - signal * output) / noise
    if prediction_type == "v_prediction":
        return signal * latents - noise * output, signal * output + noise * latents
    raise ValueError(f"prediction_type {prediction_type!r} is not epsilon, sample or v_prediction")


def ddim_move(
    output: Tensor, latents: Tensor, alpha: Tensor, alpha_to: Tensor, prediction_type: str
) -> Tensor:
    """Latents at the level `alpha_to`, up or down, from those at `alpha` and the network's output there (eq. 12)."""
    clean, noise = split_prediction(output, latents, alpha, prediction_type)
    return alpha_to.sqrt() * clean + (1 - alpha_to).sqrt() * noise


def invert(
    predict: Predict, clean: Tensor, timesteps: Sequence[int], alphas: Tensor, prediction_type: str
) -> Inversion:
    """Walk `clean` up to the noisiest of `timesteps` (descending); `alphas`: ᾱ of every training step.

    The lowest level stands for the clean picture, as the sampler ends there: n levels take n - 1 steps.
    diffusers' `DDIMInverseScheduler` has the same bits where the steps divide the training levels. Elsewhere (the
    default 30 of 1000, "trailing") it assumes a gap that the levels do not have, and errs by more than 0.01.
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
    """On the great circle through two latents (B, …): share 0 is start, 1 end; straight where they are parallel."""
    a, b = start.flatten(1), end.flatten(1)
    cosine = (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1)).clamp_min(1e-12)
    angle = cosine.clamp(-1, 1).arccos()[:, None]
    sine = angle.sin()
    curved = ((1 - share) * angle).sin() / sine * a + (share * angle).sin() / sine * b
    straight = (1 - share) * a + share * b
    return torch.where(sine.abs() > 1e-4, curved, straight).view_as(start)
