"""Functions of the package against those of diffusers that do the same: how far they agree."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from diffusers import DDIMInverseScheduler, DDIMScheduler
from diffusers.optimization import get_cosine_schedule_with_warmup
from diffusers.training_utils import EMAModel, compute_snr
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

from diffusion_synth.pipeline.attention_schedules import SCHEDULES
from diffusion_synth.pipeline.ddim_inversion import invert
from diffusion_synth.training.generator_learner import ema_decay
from diffusion_synth.training.learner import rate_share
from diffusion_synth.training.lora_learner import min_snr_weights
from diffusion_synth.training.small_generator import make_scheduler

STEPS, WARMUP = 100, 10


def model(latents: Tensor, timestep: Tensor, step: int) -> Tensor:
    """A network whose output depends on the latents and on the level of noise."""
    return torch.tanh(1.3 * latents + float(timestep) / 1000)


def inverted_by_diffusers(scheduler: DDIMScheduler, clean: Tensor, steps: int) -> Tensor:
    """The noisiest latent by DDIMInverseScheduler, asked at the levels that `invert` walks."""
    inverse = DDIMInverseScheduler.from_config(scheduler.config)
    inverse.set_timesteps(steps)
    latents = clean
    for level, following in pairwise([int(t) for t in inverse.timesteps]):
        output = model(latents, torch.tensor(level), 0)
        latents = inverse.step(output, following, latents).prev_sample
    return latents


@pytest.mark.parametrize("prediction", ["sample", "v_prediction"])
@pytest.mark.parametrize(("steps", "equal"), [(10, True), (25, True), (50, True), (30, False)])
def test_inversion_equals_diffusers_where_the_steps_divide_the_levels(
    prediction: str, steps: int, equal: bool
) -> None:
    """With 30 trailing steps of 1000 levels diffusers assumes a gap of 33, which few have."""
    scheduler = make_scheduler(prediction)
    scheduler.set_timesteps(steps)
    clean = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    timesteps = [int(t) for t in scheduler.timesteps]
    ours = invert(model, clean, timesteps, scheduler.alphas_cumprod, prediction).latents[0]
    difference = (ours - inverted_by_diffusers(scheduler, clean, steps)).abs().max()
    assert difference == 0 if equal else difference > 1e-2


def test_the_average_of_weights_equals_diffusers_to_rounding() -> None:
    """The decay is the same; torch interpolates where EMAModel subtracts: last bits differ."""
    draw = torch.Generator().manual_seed(0)
    current = torch.nn.Parameter(torch.randn(1000, generator=draw))
    ours = [current.detach().clone()]
    theirs = EMAModel(
        [current], decay=0.999, use_ema_warmup=True, inv_gamma=10, power=1.0, update_after_step=-1
    )
    bits_differ = False
    for step in range(1, 200):
        with torch.no_grad():
            current.add_(torch.randn(1000, generator=draw) * 0.01)
            get_ema_multi_avg_fn(ema_decay(0.999, step))(ours, [current.detach()], step)
        theirs.step([current])
        assert theirs.cur_decay_value == pytest.approx(ema_decay(0.999, step), abs=1e-12)
        torch.testing.assert_close(ours[0], theirs.shadow_params[0], rtol=0, atol=1e-6)
        bits_differ |= not torch.equal(ours[0], theirs.shadow_params[0])
    assert bits_differ


def test_the_learning_rate_equals_diffusers_except_for_a_first_step_of_zero() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = get_cosine_schedule_with_warmup(optimizer, WARMUP, STEPS).lr_lambdas[0]
    for step in range(STEPS):
        ours = rate_share(step, STEPS, WARMUP)
        assert ours == pytest.approx(schedule(step + (step < WARMUP)), abs=1e-12)
    assert schedule(0) == 0 < rate_share(0, STEPS, WARMUP)


@pytest.mark.parametrize("prediction", ["epsilon", "sample", "v_prediction"])
def test_min_snr_weights_equal_diffusers_to_rounding(prediction: str) -> None:
    scheduler, gamma = DDIMScheduler(beta_schedule="scaled_linear"), 5.0
    times = torch.arange(1000)
    snr = compute_snr(scheduler, times)
    wanted = snr.clamp_max(gamma)
    wanted = wanted / {"epsilon": snr, "sample": 1, "v_prediction": snr + 1}[prediction]
    ours = min_snr_weights(scheduler.alphas_cumprod[times], prediction, gamma)
    torch.testing.assert_close(ours, wanted, rtol=2e-6, atol=0)


def test_a_level_of_noise_is_as_strict_as_the_step_of_sampling_that_begins_there() -> None:
    """`Learner.loss` takes "linear" of the table; its closed form has the same bits."""
    levels = 1000
    times = torch.arange(levels)
    found = 1 - SCHEDULES["linear"](1 - (times + 1) / levels)
    assert torch.equal(found, 1 - (times + 1) / levels)
