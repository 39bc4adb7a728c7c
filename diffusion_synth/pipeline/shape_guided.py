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
from diffusion_synth.pipeline.conditioning import Conditioning, Prompts
from diffusion_synth.pipeline.ddim_inversion import Inversion, invert
from diffusion_synth.pipeline.input_checks import (
    check_inversion,
    check_options,
    read_labels,
    require_finite,
)
from diffusion_synth.pipeline.prepared_latents import PreparedLatents
from diffusion_synth.pipeline.prompt_encoding import PromptEmbeddings
from diffusion_synth.pipeline.prompt_packing import OWN_TOKEN_WEIGHT
from diffusion_synth.pipeline.regions import Regions
from diffusion_synth.pipeline.step_callbacks import OF_XL, StepCallback


@dataclass
class ShapeGuidedOutput(BaseOutput):
    """images: list of PIL images, numpy (B, H, W, 3) in 0..1, or tensor (B, 3, H, W) in -1..1."""

    images: list[Image.Image] | np.ndarray | Tensor


class ShapeGuidedPipeline(PipelineComponents):
    """Pipeline that repaints persons inside their masks.

    It loads folders of Stable Diffusion 1.x, 2.x, their inpainting forms and SDXL, and their LoRAs
    (`load_lora_weights`).

        pipeline = load_pipeline()                        # the bundled generator
        (image,) = pipeline(photo, mask, "a woman in a red coat", "a street").images
    """

    @torch.no_grad()
    def __call__(
        self,
        image: Any,
        masks: Any,
        inside: Prompts | None = None,
        outside: str | Sequence[str] = "",
        negative: str | Sequence[str] | None = None,
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
        prompt_embeds: Tensor | None = None,
        negative_prompt_embeds: Tensor | None = None,
        pooled_prompt_embeds: Tensor | None = None,
        negative_pooled_prompt_embeds: Tensor | None = None,
        outside_embeds: Tensor | None = None,
        clip_skip: int | None = None,
        cross_attention_kwargs: dict[str, Any] | None = None,
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
                image; None where `prompt_embeds` has them.
            outside: The prompt of the surroundings, one or one for each image.
            negative: The prompt that guidance leads away from, one or one for each image. None is
                the empty prompt, or zeros for SDXL (`force_zeros_for_empty_prompt`).
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
            prompt_embeds: (B, T, D), a result of `encode_prompt` in place of `inside`.
            negative_prompt_embeds: (B, T, D), in place of `negative`.
            pooled_prompt_embeds: (B, P), of SDXL.
            negative_pooled_prompt_embeds: (B, P), of SDXL.
            outside_embeds: (B, T, D), in place of `outside`.
            clip_skip: Number of the text encoder's last layers to skip.
            cross_attention_kwargs: {"scale": the scale of a LoRA}.
            output_type: "pil", "np", "pt" or "latent".
            return_dict: Whether to return a ShapeGuidedOutput rather than a tuple.
            callback_on_step_end: Called with (pipeline, step, timestep, {"latents": …}) after
                every step; it may return other tensors, and change `_guidance_scale`.
            callback_on_step_end_tensor_inputs: Tensors for the callback, of those in
                `_callback_tensor_inputs`.

        Raises:
            ConfigError: An option is not valid.
            DataError: Images, masks, prompts or latents do not fit together.
            FloatingPointError: The model yields values that are not finite.
        """
        # 1. Check the inputs
        copies = num_images_per_prompt
        check_options(
            mode=mode, steps=num_inference_steps, self_attention=self_attention,
            noise_mixing=noise_mixing, copies=copies, guidance_scale=guidance_scale,
            output_type=output_type, attention_kwargs=cross_attention_kwargs,
        )  # fmt: skip
        callback = self.check_inputs(mode, callback_on_step_end, callback_on_step_end_tensor_inputs)
        if guidance_scale is None:
            guidance_scale = self.default_guidance_scale
        self.begin_call(guidance_scale, clip_skip, cross_attention_kwargs)
        given = PromptEmbeddings(
            prompt_embeds, negative_prompt_embeds, pooled_prompt_embeds,
            negative_pooled_prompt_embeds, outside_embeds,
        )  # fmt: skip
        device = self._execution_device
        pixels, labels = (part.to(device) for part in self.prepare_images(image, masks))

        # 2. Encode the prompts, for every copy; without and with the prompt where it is guided
        with self.text_lora_scaled((cross_attention_kwargs or {}).get("scale")):
            conditioning = self.encode_regions(
                inside, outside, labels, own_token_weight, given, clip_skip=clip_skip
            )
            if self.do_classifier_free_guidance:
                away = self.encode_negative(negative, conditioning, labels, given).repeat(copies)
                conditioning = conditioning.repeat(copies).guided_by(away)
            else:
                conditioning = conditioning.repeat(copies)

        # 3. Prepare the timesteps
        self.scheduler.set_timesteps(num_inference_steps, device=device)
        self._num_timesteps = len(self.scheduler.timesteps)

        # 4. Encode the images, and invert them in mode "invert"
        clean = self.encode_images(pixels)
        inpainting = self.prepare_inpainting_channels(pixels, labels)
        if mode != "invert":
            inversion = None
        elif inversion is not None:
            check_inversion(inversion, self.scheduler.timesteps, clean)
        else:
            around = outside if source_outside is None else source_outside
            source = self.encode_regions(source_inside, around, labels, own_token_weight)
            inversion = self._invert(clean, labels, source, inpainting)

        # 5. Prepare the latents of every copy
        prepared = self.prepare_latents(
            labels, clean, inpainting, inversion, copies, generator, latents
        )

        # 6. Denoise inside the masks
        current = self.denoise(
            prepared, prepared.initial(self.scheduler.init_noise_sigma, noise_mixing), conditioning,
            self_attention=self_attention, generator=generator, callback=callback,
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
        self.begin_call()
        device = self._execution_device
        pixels, labels = (part.to(device) for part in self.prepare_images(image, masks))
        source = self.encode_regions(source_inside, source_outside, labels, own_token_weight)
        self.scheduler.set_timesteps(num_inference_steps, device=device)
        inpainting = self.prepare_inpainting_channels(pixels, labels)
        inversion = self._invert(self.encode_images(pixels), labels, source, inpainting)
        self.maybe_free_model_hooks()
        return inversion

    def check_inputs(
        self, mode: str, callback: Callable[..., Any] | None, callback_tensors: Sequence[str]
    ) -> StepCallback | None:
        """Return the callback; raise ConfigError for what this pipeline cannot do."""
        known = [name for name in self._callback_tensor_inputs if self.is_xl or name not in OF_XL]
        found = StepCallback.of(callback, callback_tensors, known)
        if mode == "invert" and not isinstance(self.scheduler, DDIMScheduler):
            raise ConfigError(
                f"mode invert needs a DDIMScheduler, got {type(self.scheduler).__name__}; "
                "mode blend takes any scheduler"
            )
        return found

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
        if isinstance(generator, list) and len(generator) != expected[0]:
            raise DataError(f"expected {expected[0]} generators, got {len(generator)}")
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
        self_attention: str,
        generator: Any,
        callback: StepCallback | None,
    ) -> Tensor:
        """Walk `current` (B, C, h, w) down to clean latents; outside, the image's own are put back.

        Raises:
            FloatingPointError: The UNet's output or the result is not finite.
        """
        timesteps, images = self.scheduler.timesteps, len(prepared.labels)
        regions = regions_of(prepared.labels, conditioning)
        options = self.step_options(generator)
        with region_processors(self.unet), self.progress_bar(total=len(timesteps)) as bar:
            for step, timestep in enumerate(timesteps):
                if self.interrupt:
                    continue
                guided = self.do_classifier_free_guidance
                if not guided:
                    conditioning = conditioning.last(images)
                elif len(conditioning) == images:
                    raise ConfigError(
                        "guidance needs prompts without and with the prompt, and a callback took "
                        "one half; set pipeline._guidance_scale to 0 with it"
                    )
                if regions.batch != len(conditioning):
                    regions = regions_of(prepared.labels, conditioning)
                across = cross_region_weight_at(self_attention, step, len(timesteps))
                regions = regions.with_cross_region_weight(
                    torch.full((regions.batch,), across, device=current.device)
                )
                output = self.predict(current, timestep, conditioning, regions, prepared.inpainting)
                require_finite(output, "UNet", self.unet.dtype)
                if guided:
                    unprompted, prompted = output.chunk(2)
                    output = unprompted + self.guidance_scale * (prompted - unprompted)
                current = self.scheduler.step(output, timestep, current, **options).prev_sample
                around = prepared.surroundings_after(step, self.scheduler)
                current = torch.where(prepared.inside, current, around)
                if callback is not None:
                    current, conditioning = callback(self, step, timestep, current, conditioning)
                bar.update()
        if not bool(current.isfinite().all()):
            raise FloatingPointError(
                "the latents became NaN or infinity; try float32, or another guidance_scale"
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


def regions_of(labels: Tensor, conditioning: Conditioning) -> Regions:
    """Return the regions of images with labels (B, H, W), repeated for the rows of the prompts."""
    runs = len(conditioning) // len(labels)  # 2 with guidance
    return Regions(torch.cat([labels] * runs), conditioning.weights)
