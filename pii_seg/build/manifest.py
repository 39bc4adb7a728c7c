"""The manifest of a segmenter: hash and licence of every input, and the hash of every file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from blender_addon.dataset import LINES_NAME, iter_lines, read_info, write_atomically
from pii_seg.build.recipe import BuildRecipe, Photos, Renders
from pii_seg.data.content_hash import ContentHashes
from pii_seg.data.files import list_files
from pii_seg.data.hashes import sha256_of
from pii_seg.errors import DataError
from pii_seg.models.checkpoint import load_checkpoint
from pii_seg.selftrain.stages import Stage
from pii_seg.training.fit import program_version
from pii_seg.training.run_folder import BEST

MANIFEST = "manifest.json"
CARD = "README.md"


def write_manifest(
    folder: Path, recipe: BuildRecipe, stages: Mapping[str, Stage], hashes: ContentHashes
) -> dict[str, Any]:
    """Write manifest.json into the folder of a segmenter.

    Args:
        folder: The folder; the hash of each file in it, but of card and manifest, is recorded.
        recipe: The recipe.
        stages: The stages that are done, by name.
        hashes: Reads the contents of inputs.

    Returns:
        The manifest.

    Raises:
        DataError: A dataset shows a work whose licence is not recorded.
    """
    # Later trainings start from the weights of the first one.
    first = stages[f"train-{recipe.trainings[0].name}-{recipe.seeds[0]}"]
    begun = load_checkpoint(first.folder / BEST)
    listed = list_files(folder)
    manifest = {
        "name": recipe.name,
        "version": recipe.version,
        "licence": recipe.licence,
        "program": f"pii_seg {program_version()}",
        "renders": [_dataset("renders", entry, stages) for entry in recipe.renders],
        "held_out": [_dataset("held-out", entry, stages) for entry in recipe.held_out],
        "photos": [_photos(entry, hashes) for entry in recipe.photos],
        "held_out_photos": [_photos(entry, hashes) for entry in recipe.held_out_photos],
        "distractors": [_photos(entry, hashes) for entry in recipe.distractors],
        "encoder": {
            "name": begun.model.encoder,
            "weights": str(begun.provenance.get("encoder", "not recorded")),
        },
        "hours": hours_of(stages),
        "files": {
            name: sha256_of(path)
            for name, path in zip(listed.names, listed.files, strict=True)
            if name not in (CARD, MANIFEST)
        },
    }
    write_atomically(folder / MANIFEST, json.dumps(manifest, indent=2).encode() + b"\n")
    return manifest


def _photos(entry: Photos, hashes: ContentHashes) -> dict[str, str]:
    return {
        "sha256": hashes.of_data(Path(entry.folder)),
        "licence": entry.licence,
        "origin": entry.origin,
    }


def _dataset(kind: str, entry: Renders, stages: Mapping[str, Stage]) -> dict[str, Any]:
    root = stages[f"{kind}-{entry.name}"].folder
    info = read_info(root)
    licences = info.get("licences", {})
    if unknown := sorted(name for name, licence in licences.items() if not licence):
        raise DataError(
            f"{root}: shows {unknown[0]!r}, whose licence is not recorded; leave it out of the "
            "recipe, or state its licence in its pack"
        )
    stated = asdict(entry)
    del stated["folder"]  # a path of the machine that built it
    if entry.is_file or entry.folder:
        stated["recipe"] = info.get("name", "a file")
    if entry.folder:
        stated["seed"] = info.get("seed", 0)
    return {
        **stated,
        "count": sum(1 for _ in iter_lines(root)),
        "index_sha256": sha256_of(root / LINES_NAME),
        "licences": licences,
        "credits": info.get("credits", {}),
    }


def hours_of(stages: Mapping[str, Stage]) -> dict[str, float]:
    """Hours of wall-clock time by kind of stage: rendering, training, everything else."""
    hours = dict.fromkeys(("rendering", "training", "other"), 0.0)
    for name, stage in stages.items():
        kind = {"renders": "rendering", "held": "rendering", "train": "training"}
        hours[kind.get(name.partition("-")[0], "other")] += stage.seconds / 3600
    return {kind: round(value, 2) for kind, value in hours.items()}
