"""Shape-guided diffusion as a pipeline of diffusers: it repaints persons inside their exact shape.

Park et al., "Shape-Guided Diffusion with Inside-Outside Attention", WACV 2024. The inside of a mask
attends to the inside and to its prompt, the outside to the outside and to its prompt; after every
step the surroundings are put back. docs/diffusion.md says where this differs from the program of
the authors, and why.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from diffusers import DDIMScheduler
from diffusers.utils import BaseOutput
from diffusers.utils.torch_utils import randn_tensor
from PIL import Image
from torch import Tensor

from diffusion_synth.errors import ConfigError, DataError
from diffusion_synth.pipeline.attention import region_processors
from diffusion_synth.pipeline.attention_schedules import cross_region_weight_at
from diffusion_synth.pipeline.components import PipelineComponents
from diffusion_synth.pipeline.conditioning import (
    Conditioning,
    Prompts,
    one_prompt_each,
)
from diffusion_synth.pipeline.ddim_inversion import Inversion, invert, slerp
from diffusion_synth.pipeline.input_checks import (
    check_inversion,
    check_options,
    read_labels,
)
from diffusion_synth.pipeline.prompt_packing import OWN_TOKEN_WEIGHT
from diffusion_synth.pipeline.regions import Regions


@dataclass
class ShapeGuidedOutput(BaseOutput):
    """images: list of PIL images, numpy (B, H, W, 3) in 0..1, or tensor (B, 3, H, W) in -1..1."""

    images: list[Image.Image] | np.ndarray | Tensor


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


class ShapeGuidedPipeline(PipelineComponents):
    """Pipeline that repaints persons inside their masks.

    It loads folders of Stable Diffusion 1.x, 2.x, their inpainting forms and SDXL, and their LoRAs
    (`load_lora_weights`).

        pipeline = load_pipeline()                        # the bundled generator
        (image,) = pipeline(photo, mask, "a woman in a red coat", "a street").images
    """

    @property
    def interrupt(self) -> bool:
        """Whether a callback has asked to end sampling early."""
        return self._interrupt

    @torch.no_grad()
    def __call__(
        self,
        image: Any,
        masks: Any,
        inside: Prompts,
        outside: str | Sequence[str] = "",
        negative: str | Sequence[str] = "",
        *,
        mode: str = "blend",
        num_inference_steps: int = 30,
        guidance_scale: float | None = None,
        self_attention: str = "linear",
        own_token_weight: float = OWN_TOKEN_WEIGHT,
        inversion: Inversion | None = None,
        source_inside: Prompts = "",
        source_outside: str | Sequence[str] | None = None,
        noise_mixing: float = 0.0,
        num_images_per_prompt: int = 1,
        generator: torch.Generator | list[torch.Generator] | None = None,
        latents: Tensor | None = None,
        output_type: str = "pil",
        return_dict: bool = True,
        callback_on_step_end: Callable[..., dict[str, Any] | None] | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] = ("latents",),
    ) -> ShapeGuidedOutput | tuple[Any]:
        """Repaint the persons of one or several images.

        Outside the masks the result is the image as the codec returns it; `crops.paste_back` keeps
        the image's own pixels.

        Args:
            image: PIL, numpy or tensor, one or a list, all of one size.
            masks: Of each image (H, W): 0 outside, r inside person r; booleans, or 0 and 255, for
                one person.
            inside: One prompt for all persons, one for each image, or one for each person of each
                image.
            outside: The prompt of the surroundings, one or one for each image.
            negative: The prompt that guidance leads away from, one or one for each image.
            mode: "blend" paints from fresh noise. "invert", the paper's mode, begins with the
                image's own inverted latents, so traces of the person may stay: never use it to
                anonymise.
            num_inference_steps: Steps of sampling.
            guidance_scale: Weight of the prompt (Ho & Salimans 2022); None for
                `default_guidance_scale`, 1 for no guidance.
            self_attention: How strictly regions ignore each other (`attention_schedules`).
            own_token_weight: Weight of a region's own tokens in cross-attention.
            inversion: A result of `invert_images` to use again in mode "invert".
            source_inside: The prompt of the persons as they are, for the inversion.
            source_outside: The same of the surroundings; None for `outside`.
            noise_mixing: Share of fresh noise inside in mode "invert", 0..1.
            num_images_per_prompt: Variants of each image.
            generator: One generator, or one for each result.
            latents: The noise to begin with, (B · num_images_per_prompt, C, h, w).
            output_type: "pil", "np", "pt" or "latent".
            return_dict: Whether to return a ShapeGuidedOutput rather than a tuple.
            callback_on_step_end: Called with (pipeline, step, timestep, {"latents": …}) after
                every step; it may return other latents.
            callback_on_step_end_tensor_inputs: Tensors for the callback; there is only "latents".

        Raises:
            ConfigError: An option is not valid.
            DataError: Images, masks, prompts or latents do not fit together.
            FloatingPointError: The model yields values that are not finite.
        """
        # 1. Check the inputs
        self._interrupt = False
        copies = num_images_per_prompt
        check_options(
            mode=mode, steps=num_inference_steps, self_attention=self_attention,
            noise_mixing=noise_mixing, copies=copies,
        )  # fmt: skip
        self.check_inputs(mode, callback_on_step_end_tensor_inputs)
        if guidance_scale is None:
            guidance_scale = self.default_guidance_scale
        device = self._execution_device
        pixels, labels = (part.to(device) for part in self.prepare_images(image, masks))

        # 2. Encode the prompts, for every copy; without and with the prompt where it is guided
        conditioning = self.encode_prompt(inside, outside, labels, own_token_weight).repeat(copies)
        if guidance_scale > 1:
            texts = one_prompt_each(negative, len(labels), "negative")
            regions = conditioning.weights.shape[1]
            away = self.encoders.uncondition(texts, regions, device).repeat(copies)
            conditioning = conditioning.guided_by(away)

        # 3. Prepare the timesteps
        self.scheduler.set_timesteps(num_inference_steps, device=device)

        # 4. Encode the images, and invert them in mode "invert"
        clean = self.encode_images(pixels)
        inpainting = self.prepare_inpainting_channels(pixels, labels)
        if mode != "invert":
            inversion = None
        elif inversion is not None:
            check_inversion(inversion, self.scheduler.timesteps, clean)
        else:
            around = outside if source_outside is None else source_outside
            source = self.encode_prompt(source_inside, around, labels, own_token_weight)
            inversion = self._invert(clean, labels, source, inpainting)

        # 5. Prepare the latents of every copy
        prepared = self.prepare_latents(
            labels, clean, inpainting, inversion, copies, generator, latents
        )

        # 6. Denoise inside the masks
        current = self.denoise(
            prepared, prepared.initial(self.scheduler.init_noise_sigma, noise_mixing), conditioning,
            guidance_scale=guidance_scale, self_attention=self_attention, generator=generator,
            callback=callback_on_step_end,
        )  # fmt: skip

        # 7. Decode
        images = current if output_type == "latent" else self.decode_latents(current, output_type)
        self.maybe_free_model_hooks()
        return ShapeGuidedOutput(images=images) if return_dict else (images,)

    @torch.no_grad()
    def invert_images(
        self,
        image: Any,
        masks: Any,
        source_inside: Prompts = "",
        source_outside: str | Sequence[str] = "",
        *,
        num_inference_steps: int = 30,
        own_token_weight: float = OWN_TOKEN_WEIGHT,
    ) -> Inversion:
        """Return the images' latents at every level of DDIM sampling, for mode "invert".

        It is unguided and keeps regions strictly apart, as in the paper. The arguments are those
        of `__call__`.
        """
        device = self._execution_device
        pixels, labels = (part.to(device) for part in self.prepare_images(image, masks))
        source = self.encode_prompt(source_inside, source_outside, labels, own_token_weight)
        self.scheduler.set_timesteps(num_inference_steps, device=device)
        inpainting = self.prepare_inpainting_channels(pixels, labels)
        inversion = self._invert(self.encode_images(pixels), labels, source, inpainting)
        self.maybe_free_model_hooks()
        return inversion

    def check_inputs(self, mode: str, callback_tensors: Sequence[str]) -> None:
        """Raise ConfigError for what this pipeline's scheduler or callbacks cannot do."""
        for name in callback_tensors:
            if name not in self._callback_tensor_inputs:
                raise ConfigError(
                    f"callbacks can have {', '.join(self._callback_tensor_inputs)}, not {name!r}"
                )
        if mode == "invert" and not isinstance(self.scheduler, DDIMScheduler):
            raise ConfigError(
                f"mode invert needs a DDIMScheduler, got {type(self.scheduler).__name__}; "
                "mode blend takes any scheduler"
            )

    def prepare_images(self, image: Any, masks: Any) -> tuple[Tensor, Tensor]:
        """Return (pixels (B, 3, H, W) in -1..1, labels (B, H, W)).

        Raises:
            DataError: Shapes, values or numbers of images and masks do not fit.
        """
        pixels = self.image_processor.preprocess(image)
        if pixels.ndim != 4 or pixels.shape[1] != 3:
            raise DataError(f"expected images of shape (B, 3, H, W), got {tuple(pixels.shape)}")
        if not bool(pixels.isfinite().all()):
            raise DataError("expected an image of finite values, got NaN or infinity")
        given = masks if isinstance(masks, list | tuple) else [masks]
        if isinstance(masks, np.ndarray | Tensor) and masks.ndim == 3:
            given = list(masks)
        if len(given) != len(pixels):
            raise DataError(f"expected a mask for each of {len(pixels)} images, got {len(given)}")
        height, width = pixels.shape[-2:]
        labels = torch.stack([read_labels(mask, height, width) for mask in given])
        if height % self.codec_factor or width % self.codec_factor:
            raise DataError(
                f"both sides of an image must divide by {self.codec_factor}, "
                f"got {width} × {height} px"
            )
        return pixels.float(), labels

    def prepare_latents(
        self,
        labels: Tensor,
        clean: Tensor,
        inpainting: Tensor | None,
        inversion: Inversion | None,
        copies: int,
        generator: torch.Generator | list[torch.Generator] | None,
        latents: Tensor | None,
    ) -> PreparedLatents:
        """Repeat all tensors for the copies of each image, and draw the noise unless it is given.

        Raises:
            DataError: The given noise is of another shape.
        """
        expected = (len(clean) * copies, *clean.shape[1:])
        if latents is not None and latents.shape != expected:
            raise DataError(f"expected latents of shape {expected}, got {tuple(latents.shape)}")
        clean, labels = clean.repeat_interleave(copies, 0), labels.repeat_interleave(copies, 0)
        noise = (
            randn_tensor(clean.shape, generator=generator, device=clean.device, dtype=torch.float32)
            if latents is None
            else latents.to(clean.device, torch.float32)
        )
        return PreparedLatents(
            labels,
            clean,
            noise,
            self.latent_mask(labels, clean),
            None if inpainting is None else inpainting.repeat_interleave(copies, 0),
            None if inversion is None else inversion.expand(copies),
        )

    def denoise(
        self,
        prepared: PreparedLatents,
        current: Tensor,
        conditioning: Conditioning,
        *,
        guidance_scale: float,
        self_attention: str,
        generator: Any,
        callback: Callable[..., dict[str, Any] | None] | None,
    ) -> Tensor:
        """Walk `current` (B, C, h, w) down to clean latents; outside, the image's own are put back.

        Raises:
            FloatingPointError: The result is not finite.
        """
        timesteps = self.scheduler.timesteps
        runs = len(conditioning.weights) // len(prepared.labels)  # 2 with guidance
        regions = Regions(torch.cat([prepared.labels] * runs), conditioning.weights)
        options = self.step_options(generator)
        with region_processors(self.unet), self.progress_bar(total=len(timesteps)) as bar:
            for step, timestep in enumerate(timesteps):
                if self._interrupt:
                    continue
                across = cross_region_weight_at(self_attention, step, len(timesteps))
                regions = regions.with_cross_region_weight(
                    torch.full((regions.batch,), across, device=current.device)
                )
                output = self.predict(current, timestep, conditioning, regions, prepared.inpainting)
                if runs > 1:
                    unprompted, prompted = output.chunk(2)
                    output = unprompted + guidance_scale * (prompted - unprompted)
                current = self.scheduler.step(output, timestep, current, **options).prev_sample
                around = prepared.surroundings_after(step, self.scheduler)
                current = torch.where(prepared.inside, current, around)
                if callback is not None:
                    changed = callback(self, step, timestep, {"latents": current}) or {}
                    current = changed.pop("latents", current)
                bar.update()
        if not bool(current.isfinite().all()):
            raise FloatingPointError(
                "the model's latents hold NaN or infinity; try float32, or another guidance_scale"
            )
        return current

    def _invert(
        self, clean: Tensor, labels: Tensor, source: Conditioning, inpainting: Tensor | None
    ) -> Inversion:
        """Invert latents (B, C, h, w) over the scheduler's timesteps."""
        regions = Regions(labels, source.weights, torch.zeros(len(labels), device=labels.device))

        def predict(latents: Tensor, timestep: Tensor, step: int) -> Tensor:
            return self.predict(latents, timestep.to(latents.device), source, regions, inpainting)

        with region_processors(self.unet):
            return invert(
                predict,
                clean,
                [int(t) for t in self.scheduler.timesteps],
                self.scheduler.alphas_cumprod.to(clean.device),
                self.scheduler.config.prediction_type,
            )
