"""Folders of models are data: nothing of them runs, and what is no model is refused by name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from diffusion_synth.errors import CheckpointError
from diffusion_synth.pipeline.loading import load_lora, load_pipeline, model_identity
from diffusion_synth.pipeline.lora import add_lora, check_lora, find_lora, save_lora
from diffusion_synth.pipeline.model_folder import (
    CODE_KEYS,
    check_configuration,
    check_folder,
    check_index,
    depth_of,
    variant_of,
    variant_of_file,
)
from diffusion_synth.pipeline.shape_guided import ShapeGuidedPipeline
from tests.diffusion_synth.conftest import tiny_pipeline
from tests.fuzz import fuzz_count, fuzz_settings, mutated, random_of


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model")
    tiny_pipeline("sd").save_pretrained(path)
    return path


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    """Return a copy that a test may damage."""
    return Path(shutil.copytree(saved, tmp_path / "model"))


def change(path: Path, **entries: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **entries}))


INDEX_FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"unet": ["os", "system"]}, "expected UNet2DConditionModel"),
    ({"unet": ["evil", "UNet2DConditionModel"]}, "expected UNet2DConditionModel"),
    ({"unet": ["diffusers", "FlashPackUNet2DConditionModel"]}, "expected UNet2DConditionModel"),
    ({"text_encoder": ["transformers", "T5EncoderModel"]}, "expected CLIPTextModel"),
    ({"tokenizer": ["transformers", "AutoTokenizer"]}, "expected CLIPTokenizer"),
    ({"scheduler": ["diffusers", "DDIMScheduler.step"]}, "a scheduler of diffusers"),
    ({"scheduler": ["subprocess", "AScheduler"]}, "a scheduler of diffusers"),
    ({"safety_checker": ["mymodule", "Checker"]}, "code is never loaded"),
    ({"_class_name": ["my_pipeline", "MyPipeline"]}, "code is never loaded"),
    ({"custom_pipeline": "owner/code"}, "custom_pipeline"),
    ({"trust_remote_code": True}, "trust_remote_code"),
    ({"unet": ["diffusers"]}, r"must be \[library, class\]"),
    ({"unet": [None, None]}, "has no unet"),
    ({"vae": None}, "has no vae"),
]


@pytest.mark.parametrize(("entries", "said"), INDEX_FAULTS)
def test_an_index_that_names_code_is_refused(
    entries: dict[str, Any], said: str, folder: Path
) -> None:
    change(folder / "model_index.json", **entries)
    with pytest.raises(CheckpointError, match=said):
        check_folder(folder)


@pytest.mark.parametrize(
    "name", ["None.py", "pipeline.py", "unet/diffusers.py", "text_encoder/transformers.PY"]
)
def test_programs_in_a_folder_are_refused_and_not_run(
    name: str, folder: Path, tmp_path: Path
) -> None:
    """Each of these was run by some version of diffusers."""
    (folder / name).write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass C: pass\n")
    with pytest.raises(CheckpointError, match="is a program"):
        load_pipeline(folder)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("key", sorted(CODE_KEYS))
def test_options_that_load_code_are_refused(key: str, folder: Path) -> None:
    change(folder / "text_encoder" / "config.json", nested=[{key: "owner/code"}])
    with pytest.raises(CheckpointError, match=key):
        load_pipeline(folder)


@pytest.mark.parametrize(
    ("file", "entries", "said"),
    [
        ("text_encoder/config.json", {"num_hidden_layers": 10**9}, "at most 1000"),
        ("unet/config.json", {"layers_per_block": [2, 10**6]}, "at most 1000"),
        ("unet/config.json", {"block_out_channels": [10**12, 8]}, "at most 10000000"),
        ("scheduler/scheduler_config.json", {"num_train_timesteps": 10**9}, "at most 100000"),
        ("vae/config.json", {"scaling_factor": float("nan")}, "scaling_factor is nan"),
        ("vae/config.json", {"note": "x" * (1 << 20)}, "larger than"),
    ],
)
def test_configurations_without_bounds_are_refused(
    file: str, entries: dict[str, Any], said: str, folder: Path
) -> None:
    change(folder / file, **entries)
    with pytest.raises(CheckpointError, match=said):
        load_pipeline(folder)


def test_deep_json_is_refused_before_it_is_parsed(folder: Path) -> None:
    (folder / "unet" / "config.json").write_text('{"a": ' + "[" * 300_000 + "]" * 300_000 + "}")
    with pytest.raises(CheckpointError, match="nested deeper"):
        load_pipeline(folder)
    assert depth_of(b'{"[[[[": "{{\\"[["}') == 1
    assert depth_of(b'"' + b'\\"' * 500_000) == 0


@pytest.mark.parametrize(
    "shard", ["../../secret.safetensors", "/etc/x.safetensors", "pytorch_model.bin", 3]
)
def test_shards_stay_in_their_folder(shard: Any, folder: Path) -> None:
    path = folder / "unet" / "diffusion_pytorch_model.safetensors.index.json"
    path.write_text(json.dumps({"metadata": {}, "weight_map": {"conv_in.weight": shard}}))
    with pytest.raises(CheckpointError, match="index"):
        load_pipeline(folder)


@pytest.mark.parametrize("part", ["unet", "text_encoder"])
def test_pickles_are_no_weights(part: str, folder: Path) -> None:
    for path in (folder / part).glob("*.safetensors"):
        torch.save(load_file(path), path.with_name("pytorch_model.bin"))
        path.unlink()
    with pytest.raises(CheckpointError, match=rf"{part}: has no weights in safetensors"):
        load_pipeline(folder)


def test_a_folder_of_half_precision_files_is_loaded(folder: Path) -> None:
    assert variant_of(folder) is None
    for part in ("unet", "vae", "text_encoder"):
        for path in (folder / part).glob("*.safetensors"):
            path.rename(path.with_suffix(".fp16.safetensors"))
    assert variant_of(folder) == "fp16"
    assert isinstance(load_pipeline(folder), ShapeGuidedPipeline)
    assert isinstance(load_pipeline(folder, variant="fp16"), ShapeGuidedPipeline)
    assert variant_of_file("model.fp16-00001-of-00002.safetensors") == "fp16"
    assert variant_of_file("model-00001-of-00002.safetensors") == ""
    with pytest.raises(CheckpointError, match="bf16"):
        load_pipeline(folder, variant="bf16")


def test_a_byte_order_mark_is_no_fault(folder: Path) -> None:
    index = folder / "model_index.json"
    index.write_text(index.read_text(), encoding="utf-8-sig")
    check_folder(folder)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    | st.sampled_from(["diffusers", "transformers", "UNet2DConditionModel", "DDIMScheduler"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)  # fmt: skip
names = st.sampled_from(
    ["unet", "vae", "scheduler", "tokenizer", "text_encoder", "_class_name", "auto_map", "x"]
)


@fuzz_settings
@given(st.dictionaries(names, values, max_size=6))
def test_any_index_is_read_or_refused(tmp_path_factory: Any, content: dict[str, Any]) -> None:
    path = tmp_path_factory.getbasetemp() / "index_fuzz.json"
    path.write_text(json.dumps(content))
    try:
        parts = check_index(path)
    except CheckpointError as error:
        assert "\n" not in str(error)
    else:
        assert {"unet", "vae", "scheduler"} <= set(parts)


@pytest.mark.fuzz
def test_mutated_configurations_are_read_or_refused(saved: Path, tmp_path: Path) -> None:
    files = sorted(path for path in saved.rglob("*.json") if path.stat().st_size < 4000)
    for number in range(fuzz_count()):
        numbers = random_of(number)
        source = numbers.choice(files)
        path = tmp_path / source.name
        path.write_bytes(mutated(source.read_bytes(), numbers))
        try:
            if source.name == "model_index.json":
                check_index(path)
            else:
                check_configuration(path, tokenizer=False)
        except CheckpointError as error:
            assert str(path) in str(error)


@pytest.fixture(scope="module")
def lora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lora")
    pipeline = tiny_pipeline("sd")
    add_lora(pipeline.unet, 2, generator=torch.Generator().manual_seed(0))
    save_lora(pipeline.unet, folder)
    return folder / "pytorch_lora_weights.safetensors"


def test_a_lora_may_have_any_name(lora: Path, tmp_path: Path) -> None:
    mine = Path(shutil.copy(lora, tmp_path / "my style.safetensors"))
    for place in (mine, tmp_path):
        assert find_lora(place) == mine
        load_lora(tiny_pipeline("sd"), place, scale=0.5)
    assert model_identity(mine) == model_identity(lora)
    shutil.copy(lora, tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match=r"holds 2 files .*give the file itself"):
        find_lora(tmp_path)
    (tmp_path / "old.bin").write_bytes(b"")
    with pytest.raises(CheckpointError, match="not in safetensors"):
        find_lora(tmp_path / "old.bin")
    with pytest.raises(CheckpointError, match="no such file"):
        find_lora(tmp_path / "nowhere")


def test_a_lora_of_other_programs_and_models(lora: Path, tmp_path: Path) -> None:
    kohya = {
        "lora_unet_" + name.removeprefix("unet.").replace(".lora_A", "").replace(
            ".lora_B", ""
        ).replace(".weight", "").replace(".", "_")
        + (".lora_down" if "lora_A" in name or "lora.down" in name else ".lora_up") + ".weight": one
        for name, one in load_file(lora).items()
    }  # fmt: skip
    kohya = {name.replace("_lora_down.", ".").replace("_lora_up.", "."): one
             for name, one in kohya.items()}  # fmt: skip
    path = tmp_path / "kohya.safetensors"
    save_file(kohya, path)
    check_lora(path, tiny_pipeline("sd"))
    with pytest.raises(CheckpointError, match="another base model"):
        check_lora(path, tiny_pipeline("sdxl"))
    unet = {name: torch.full_like(one, torch.nan) for name, one in load_file(lora).items()}
    save_file(unet, path)
    with pytest.raises(CheckpointError, match="NaN or infinity"):
        check_lora(path, tiny_pipeline("sd"))
    save_file(
        load_file(lora), path, metadata={"lora_adapter_metadata": json.dumps({"unet.r": 10**9})}
    )
    with pytest.raises(CheckpointError, match="metadata"):
        check_lora(path, tiny_pipeline("sd"))


@pytest.mark.fuzz
def test_mutated_loras_are_read_or_refused(lora: Path, tmp_path: Path) -> None:
    content, pipeline = lora.read_bytes(), tiny_pipeline("sd")
    path = tmp_path / "lora.safetensors"
    for number in range(fuzz_count()):
        path.write_bytes(mutated(content, random_of(number)))
        try:
            check_lora(path, pipeline)
        except CheckpointError as error:
            assert "\n" not in str(error)
