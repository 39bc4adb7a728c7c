"""Shape-guided diffusion as a pipeline of diffusers: persons repainted inside their exact shape.

Park et al., "Shape-Guided Diffusion with Inside-Outside Attention", WACV 2024. What is inside a mask attends to what is
inside and to the inside's prompt, what is outside likewise; after every step the surroundings are put back.
docs/diffusion.md says where this differs from the authors' program, and why.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from diffusers import DDIMScheduler
from diffusers.image_processor import VaeImageProcessor
from diffusers.loaders import StableDiffusionXLLoraLoaderMixin
from diffusers.pipelines.pipeline_utils import DiffusionPipeline
from diffusers.utils import BaseOutput
from diffusers.utils.torch_utils import randn_tensor
from PIL import Image
from torch import Tensor

from diffusion_synth.pipeline.attention import region_processors
from diffusion_synth.pipeline.attention_schedules import SCHEDULES, foreign_weight
from diffusion_synth.pipeline.conditioning import Conditioning, TextEncoders
from diffusion_synth.pipeline.ddim_inversion import Inversion, invert, slerp
from diffusion_synth.pipeline.pixel_shuffle import PixelShuffleCodec, codec_factor, inside_share
from diffusion_synth.pipeline.prompt_packing import OWN_WEIGHT
from diffusion_synth.pipeline.regions import Regions, resize_labels

MODES = ("blend", "invert")
# Saved pipelines name the module of a component. Those saved by an earlier version name this one.
MOVED_MODULES = {"diffusion_synth.codec": PixelShuffleCodec.__module__}
Prompts = str | Sequence[str] | Sequence[Sequence[str]]


@dataclass
class ShapeGuidedOutput(BaseOutput):
    """images: list of PIL pictures, numpy (B, H, W, 3) of 0..1, or tensor (B, 3, H, W) of -1..1, as was asked for."""

    images: list[Image.Image] | np.ndarray | Tensor


class ShapeGuidedPipeline(DiffusionPipeline, StableDiffusionXLLoraLoaderMixin):
    """Repaint persons inside their masks. Loads folders of Stable Diffusion 1.x, 2.x, their inpainting forms, and SDXL;
    and their LoRAs (`load_lora_weights`).

    vae: AutoencoderKL, or any codec with its `encode` and `decode`. unet: UNet2DConditionModel; when it takes more
    channels than the latents have, it is shown the mask and the picture without the persons, as inpainting UNets are.
    scheduler: any of diffusers that adds noise; for mode "invert", DDIMScheduler.
    """

    model_cpu_offload_seq = "text_encoder->text_encoder_2->unet->vae"  # type: ignore[assignment]
    _optional_components = ["text_encoder_2", "tokenizer_2"]  # as diffusers reads it
    _callback_tensor_inputs = ["latents"]

    vae: Any
    text_encoder: Any
    tokenizer: Any
    unet: Any
    scheduler: Any
    text_encoder_2: Any
    tokenizer_2: Any

    def __init__(
        self,
        vae: Any,
        text_encoder: Any,
        tokenizer: Any,
        unet: Any,
        scheduler: Any,
        text_encoder_2: Any = None,
        tokenizer_2: Any = None,
    ) -> None:
        super().__init__()
        check_components(
            vae=vae, text_encoder=text_encoder, tokenizer=tokenizer, unet=unet, scheduler=scheduler
        )
        self.register_modules(
            vae=vae,
            text_encoder=text_encoder,
            tokenizer=tokenizer,
            unet=unet,
            scheduler=scheduler,
            text_encoder_2=text_encoder_2,
            tokenizer_2=tokenizer_2,
        )
        self.codec_factor = codec_factor(vae)
        self.image_processor = VaeImageProcessor(
            vae_scale_factor=self.codec_factor, do_resize=False
        )
        self._interrupt = False

    @classmethod
    def load_config(cls, *given: Any, **options: Any) -> Any:
        """Read model_index.json as diffusers does; modules that have moved get their new name."""
        config = super().load_config(*given, **options)
        parts = config[0] if isinstance(config, tuple) else config
        for name, value in parts.items():
            if isinstance(value, list | tuple) and value and value[0] in MOVED_MODULES:
                parts[name] = [MOVED_MODULES[value[0]], *value[1:]]
        return config

    @property
    def interrupt(self) -> bool:
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
        own_weight: float = OWN_WEIGHT,
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
        """Repaint the persons of one or several pictures.

        image: PIL, numpy or tensor, one or a list, all of one size.
        masks: of each picture (H, W): 0 outside, r inside person r; booleans, or 0 and 255, for one person.
        inside: one prompt for everybody, one a picture, or one a person of each picture.
        outside, negative: one, or one a picture.
        mode: "blend" paints from fresh noise; "invert", the paper's, from the picture's own inverted latents, so that
        what it shows of a person may stay: never use it to anonymise. self_attention: how strictly regions ignore one
        another (`schedules`). noise_mixing: in mode "invert", share of fresh noise inside, 0..1.
        inversion: of `invert_pictures`, to be used again; source_inside, source_outside: prompts that say what is
        there, for the inversion; default: nothing inside, `outside` outside. guidance_scale: by
        default `usual_guidance`.
        latents: the noise to begin with, (B · num_images_per_prompt, C, h, w).
        Outside the masks the result is the picture as the codec gives it back; `crops.paste_back` keeps its own pixels.
        Raises ValueError for what cannot be, and FloatingPointError when the model yields values that are no numbers.
        """
        self._interrupt = False
        check_options(
            mode=mode, steps=num_inference_steps, self_attention=self_attention,
            noise_mixing=noise_mixing, copies=num_images_per_prompt,
        )  # fmt: skip
        for name in callback_on_step_end_tensor_inputs:
            if name not in self._callback_tensor_inputs:
                raise ValueError(
                    f"callbacks are given {', '.join(self._callback_tensor_inputs)}, not {name!r}"
                )
        if mode == "invert" and not isinstance(self.scheduler, DDIMScheduler):
            raise ValueError(
                f"mode invert needs a DDIMScheduler, not {type(self.scheduler).__name__}; mode blend takes any"
            )
        device = self._execution_device
        pixels, labels = self.check_pictures(image, masks)
        labels = labels.to(device)
        copies = num_images_per_prompt
        guidance_scale = self.usual_guidance if guidance_scale is None else guidance_scale
        guided = guidance_scale > 1

        conditioning = self.condition(inside, outside, labels, device, own_weight).repeat(copies)
        if guided:
            texts = self.encoders.uncondition(
                [*_one_each(negative, len(pixels), "negative")],
                conditioning.weights.shape[1],
                device,
            )
            conditioning = conditioning.guided_by(texts.repeat(copies))

        self.scheduler.set_timesteps(num_inference_steps, device=device)
        timesteps = self.scheduler.timesteps
        clean = self.encode_pictures(pixels.to(device))
        due = (len(clean) * copies, *clean.shape[1:])
        if latents is not None and latents.shape != due:
            raise ValueError(f"latents are {tuple(latents.shape)}; {due} was due")
        shown = self.shown_besides(pixels.to(device), labels)
        if mode != "invert":
            inversion = None
        elif inversion is None:
            around = outside if source_outside is None else source_outside
            source = self.condition(source_inside, around, labels, device, own_weight)
            inversion = self._invert(clean, labels, source, shown)
        else:
            check_inversion(inversion, timesteps, clean)

        clean, labels = clean.repeat_interleave(copies, 0), labels.repeat_interleave(copies, 0)
        shown = None if shown is None else shown.repeat_interleave(copies, 0)
        inversion = None if inversion is None else inversion.expand(copies)
        noise = (
            randn_tensor(clean.shape, generator=generator, device=device, dtype=torch.float32)
            if latents is None
            else latents.to(device, torch.float32)
        )
        is_inside = self.inside_latents(labels, clean)
        if inversion is not None:
            current = torch.where(
                is_inside, slerp(inversion.latents[0], noise, noise_mixing), inversion.latents[0]
            )
        else:
            current = noise * self.scheduler.init_noise_sigma
        shown_together = len(conditioning.weights)
        regions = Regions(torch.cat([labels] * (2 if guided else 1)), conditioning.weights)
        extra = self.step_options(generator)
        with ExitStack() as stack:
            stack.enter_context(region_processors(self.unet))
            bar = stack.enter_context(self.progress_bar(total=len(timesteps)))
            for step, timestep in enumerate(timesteps):
                if self._interrupt:
                    continue
                foreign = foreign_weight(self_attention, step, len(timesteps))
                regions = regions.with_foreign(
                    torch.full((shown_together,), foreign, device=device)
                )
                output = self.predict(current, timestep, conditioning, regions, shown)
                if guided:
                    plain, prompted = output.chunk(2)
                    output = plain + guidance_scale * (prompted - plain)
                current = self.scheduler.step(output, timestep, current, **extra).prev_sample
                # The surroundings, at the level of noise that this step has led to.
                if step + 1 == len(timesteps):
                    known = clean
                elif inversion is not None:
                    known = inversion.latents[step + 1]
                else:
                    known = self.scheduler.add_noise(clean, noise, timesteps[step + 1 : step + 2])
                current = torch.where(is_inside, current, known)
                if callback_on_step_end is not None:
                    answer = callback_on_step_end(self, step, timestep, {"latents": current}) or {}
                    current = answer.pop("latents", current)
                bar.update()
        if not bool(current.isfinite().all()):
            raise FloatingPointError(
                "the model's latents hold values that are no numbers; try float32, or another guidance_scale"
            )
        images = current if output_type == "latent" else self.decode_latents(current, output_type)
        self.maybe_free_model_hooks()
        return ShapeGuidedOutput(images=images) if return_dict else (images,)

    @torch.no_grad()
    def invert_pictures(
        self,
        image: Any,
        masks: Any,
        source_inside: Prompts = "",
        source_outside: str | Sequence[str] = "",
        *,
        num_inference_steps: int = 30,
        own_weight: float = OWN_WEIGHT,
    ) -> Inversion:
        """The pictures' latents at every level of DDIM sampling: unguided, with strict regions, as the paper has it."""
        device = self._execution_device
        pixels, labels = self.check_pictures(image, masks)
        labels = labels.to(device)
        source = self.condition(source_inside, source_outside, labels, device, own_weight)
        self.scheduler.set_timesteps(num_inference_steps, device=device)
        shown = self.shown_besides(pixels.to(device), labels)
        inversion = self._invert(self.encode_pictures(pixels.to(device)), labels, source, shown)
        self.maybe_free_model_hooks()
        return inversion

    def _invert(
        self, clean: Tensor, labels: Tensor, source: Conditioning, shown: Tensor | None
    ) -> Inversion:
        """Of latents (B, C, h, w), over the scheduler's timesteps."""
        regions = Regions(labels, source.weights, torch.zeros(len(labels), device=labels.device))

        def predict(latents: Tensor, timestep: Tensor, step: int) -> Tensor:
            return self.predict(latents, timestep.to(latents.device), source, regions, shown)

        with region_processors(self.unet):
            return invert(
                predict,
                clean,
                [int(t) for t in self.scheduler.timesteps],
                self.scheduler.alphas_cumprod.to(clean.device),
                self.scheduler.config.prediction_type,
            )

    def predict(
        self,
        latents: Tensor,
        timestep: Tensor,
        conditioning: Conditioning,
        regions: Regions,
        shown: Tensor | None,
    ) -> Tensor:
        """The UNet's word on latents (B, C, h, w), once for each conditioning of B or 2 B; float32."""
        times = len(conditioning.embeddings) // len(latents)
        x = self.scheduler.scale_model_input(torch.cat([latents] * times), timestep)
        if shown is not None:
            x = torch.cat([x, torch.cat([shown] * times)], 1)
        kind = self.unet.dtype
        added = None
        if conditioning.pooled is not None:
            height, width = regions.labels.shape[-2:]
            sizes = torch.tensor([height, width, 0, 0, height, width], device=x.device, dtype=kind)
            added = {
                "text_embeds": conditioning.pooled.to(kind),
                "time_ids": sizes.repeat(len(x), 1),
            }
        return self.unet(
            x.to(kind),
            timestep,
            conditioning.embeddings.to(kind),
            added_cond_kwargs=added,
            cross_attention_kwargs={"regions": regions},
        ).sample.float()

    @property
    def encoders(self) -> TextEncoders:
        pairs = [(self.tokenizer, self.text_encoder)]
        if self.text_encoder_2 is not None:
            pairs.append((self.tokenizer_2, self.text_encoder_2))
        return TextEncoders(tuple(pairs))

    def condition(
        self,
        inside: Prompts,
        outside: str | Sequence[str],
        labels: Tensor,
        device: torch.device,
        own_weight: float,
    ) -> Conditioning:
        persons = [int(picture.max()) for picture in labels]
        surroundings = _one_each(outside, len(labels), "outside")
        people = _of_persons(inside, persons)
        prompts = [[around, *of] for around, of in zip(surroundings, people, strict=True)]
        return self.encoders.condition(prompts, device, own_weight=own_weight)

    def check_pictures(self, image: Any, masks: Any) -> tuple[Tensor, Tensor]:
        """(pixels (B, 3, H, W) in -1..1, labels (B, H, W)). Raises ValueError that says what does not fit."""
        pixels = self.image_processor.preprocess(image)
        if pixels.ndim != 4 or pixels.shape[1] != 3:
            raise ValueError(f"pictures of shape {tuple(pixels.shape)}; (B, 3, H, W) was due")
        if not bool(pixels.isfinite().all()):
            raise ValueError("the picture holds values that are no numbers")
        given = masks if isinstance(masks, list | tuple) else [masks]
        if isinstance(masks, np.ndarray | Tensor) and masks.ndim == 3:
            given = list(masks)
        if len(given) != len(pixels):
            raise ValueError(f"{len(given)} masks for {len(pixels)} pictures")
        height, width = pixels.shape[-2:]
        labels = torch.stack([read_labels(mask, height, width) for mask in given])
        if height % self.codec_factor or width % self.codec_factor:
            raise ValueError(
                f"pictures of {width} × {height} px; both sides must divide by {self.codec_factor}"
            )
        return pixels.float(), labels

    def encode_pictures(self, pixels: Tensor) -> Tensor:
        """Latents (B, C, h, w), float32."""
        distribution = self.vae.encode(pixels.to(self.vae.dtype)).latent_dist
        return (distribution.mode().float() - self._shift) * self.vae.config.scaling_factor

    def decode_latents(self, latents: Tensor, output_type: str) -> Any:
        latents = latents / self.vae.config.scaling_factor + self._shift
        pixels = self.vae.decode(latents.to(self.vae.dtype)).sample.float()
        return self.image_processor.postprocess(pixels, output_type=output_type)

    @property
    def _shift(self) -> float:
        return float(getattr(self.vae.config, "shift_factor", None) or 0.0)

    def shown_besides(self, pixels: Tensor, labels: Tensor) -> Tensor | None:
        """What an inpainting UNet sees beside the latents: the mask, and the latents of the picture without persons.

        Its further channels say how the mask comes: one, at the latents' size; or all its pixels, moved into channels.
        """
        fine = self.mask_channels
        if not fine:
            return None
        inside = (labels > 0).float()[:, None]
        if fine == 1:
            size = tuple(side // self.codec_factor for side in labels.shape[-2:])
            mask = F.interpolate(inside, size=size, mode="nearest-exact")
        else:
            mask = F.pixel_unshuffle(inside, self.codec_factor)
        return torch.cat([mask, self.encode_pictures(pixels * (1 - inside))], 1)

    @property
    def mask_channels(self) -> int:
        """In which the UNet is shown the mask: 0, 1, or all the pixels of a latent. Raises ValueError for another."""
        channels = len(self.unet.conv_in.weight[0])
        latents = self.unet.config.out_channels
        if channels == latents:
            return 0
        if (fine := channels - 2 * latents) not in (1, self.codec_factor**2):
            raise ValueError(
                f"the UNet takes {channels} channels for latents of {latents}; an inpainting UNet takes "
                f"{2 * latents + 1} or {2 * latents + self.codec_factor**2}"
            )
        return fine

    def inside_latents(self, labels: Tensor, latents: Tensor) -> Tensor:
        """Which of the latents (B, C, h, w) are painted: bool, (B, 1, h, w), or of their own shape.

        Shuffled pixels are told apart one by one: as a whole, a place at the rim would keep pixels of the person.
        """
        if isinstance(self.vae, PixelShuffleCodec):
            return inside_share(labels, self.vae, latents.shape[1]) > 0
        return resize_labels(labels, (latents.shape[-2], latents.shape[-1]))[:, None] > 0

    @property
    def native_size(self) -> int:
        """Side of the pictures that the UNet has learnt from, px; 0 when it does not say, or they were not square."""
        side = self.unet.config.sample_size
        return self.codec_factor * side if isinstance(side, int) else 0

    @property
    def usual_guidance(self) -> float:
        """The paper's 3.5, which others count as 4.5; less for a network of pixels, whose colours that burns out."""
        return 2.0 if isinstance(self.vae, PixelShuffleCodec) else 4.5

    @property
    def size_multiple(self) -> int:
        """Pictures whose sides divide by it have a whole number of places at every level of the UNet."""
        return self.codec_factor * 2 ** (len(self.unet.config.block_out_channels) - 1)

    def step_options(self, generator: Any) -> dict[str, Any]:
        """What this scheduler's step takes beside the latents."""
        accepted = self.scheduler.step.__code__.co_varnames
        return {"generator": generator} if "generator" in accepted else {}


def read_labels(mask: Any, height: int, width: int) -> Tensor:
    """A mask, of whatever kind, as labels (H, W), int64. Raises ValueError."""
    labels = torch.as_tensor(np.array(mask))
    if tuple(labels.shape) != (height, width):
        raise ValueError(
            f"a mask of {tuple(labels.shape)} for a picture of {(height, width)} (height, width)"
        )
    if labels.is_floating_point():
        raise ValueError("masks are whole numbers: 0 outside, r inside person r")
    if labels.dtype == torch.uint8 and set(labels.unique().tolist()) == {0, 255}:
        labels = labels > 0
    if int(labels.min()) < 0 or not bool((labels > 0).any()):
        raise ValueError("a mask is empty or negative: there is nobody to repaint")
    return labels.long()


def check_components(**components: Any) -> None:
    """Raises TypeError that names the component which is not what its place needs."""
    needed = {
        "vae": ("encode", "decode"),
        "text_encoder": ("forward",),
        "tokenizer": ("__call__", "model_max_length"),
        "unet": ("attn_processors", "set_attn_processor"),
        "scheduler": ("step", "set_timesteps", "add_noise"),
    }
    for name, component in components.items():
        if lacking := [part for part in needed[name] if not hasattr(component, part)]:
            raise TypeError(f"{name} is a {type(component).__name__}, which has no {lacking[0]}")


def check_options(
    *, mode: str, steps: int, self_attention: str, noise_mixing: float, copies: int
) -> None:
    """Raises ValueError."""
    if mode not in MODES:
        raise ValueError(f"mode is {mode!r}; it must be one of {', '.join(MODES)}")
    if steps < 1 or copies < 1:
        raise ValueError("num_inference_steps and num_images_per_prompt must be at least 1")
    if self_attention not in SCHEDULES:
        raise ValueError(
            f"self_attention is {self_attention!r}; it must be one of {', '.join(SCHEDULES)}"
        )
    if not 0 <= noise_mixing <= 1:
        raise ValueError(f"noise_mixing is {noise_mixing}; it must lie within 0..1")


def _one_each(texts: str | Sequence[str], pictures: int, name: str) -> list[str]:
    if isinstance(texts, str):
        return [texts] * pictures
    if len(texts) != pictures:
        raise ValueError(f"{len(texts)} prompts of {name} for {pictures} pictures")
    return list(texts)


def _of_persons(inside: Prompts, persons: Sequence[int]) -> list[list[str]]:
    """The prompts of every person of every picture."""
    if isinstance(inside, str):
        return [[inside] * count for count in persons]
    if len(inside) != len(persons):
        raise ValueError(f"prompts inside of {len(inside)} pictures, but there are {len(persons)}")
    found = []
    for said, count in zip(inside, persons, strict=True):
        prompts = [said] * count if isinstance(said, str) else list(said)
        if len(prompts) != count:
            raise ValueError(f"{len(prompts)} prompts inside for {count} persons of a picture")
        found.append(prompts)
    return found


def check_inversion(inversion: Inversion, timesteps: Tensor, clean: Tensor) -> None:
    """Raises ValueError when an inversion is of other pictures, sizes or steps."""
    if inversion.timesteps != tuple(int(t) for t in timesteps):
        raise ValueError(
            "the inversion has other steps; invert with the same num_inference_steps and scheduler"
        )
    if inversion.clean.shape != clean.shape or not torch.allclose(
        inversion.clean, clean, atol=1e-3
    ):
        raise ValueError("the inversion is of other pictures")
