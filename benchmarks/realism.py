"""Measure how easily renders are told from real photos.

    python benchmarks/realism.py --renders renders/images --photos validation/*/images negatives

A frozen ImageNet encoder turns each image into features; a logistic regression, fitted on most of
the images and tested on the rest (k folds, balanced classes), tells the two kinds apart. Chance is
0.5. All images are first brought to the same size and compressed alike, so that neither resolution
nor file format gives anything away: the shorter side to --side px, a square out of the middle, JPEG
of quality --quality.

The fewer the images, the lower the accuracy that can be reached, so compare folders of equal
numbers: --count takes the first images of each.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import timm
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from pii_seg.data.image_io import IMAGE_ENDINGS, read_image
from pii_seg.models.pretrained import find_pretrained

ENCODER = "tf_efficientnet_lite0"
PENALTIES = (1e-3, 1e-2, 1e-1, 1.0)


def main() -> None:
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument(
        "--renders", type=Path, nargs="+", required=True, help="Measure each of these folders."
    )
    p.add_argument(
        "--photos",
        type=Path,
        nargs="+",
        required=True,
        help="Compare with these folders of photos.",
    )
    p.add_argument("--count", type=int, default=200, help="Use this many images of each kind.")
    p.add_argument("--side", type=int, default=224, help="Side of the images in px.")
    p.add_argument("--quality", type=int, default=85, help="JPEG quality of all images.")
    p.add_argument("--folds", type=int, default=5, help="Number of folds.")
    p.add_argument("--repeats", type=int, default=3, help="Number of divisions into folds.")
    options = p.parse_args()

    encoder = frozen_encoder()
    photos = features(encoder, images_in(options.photos), options)
    table = Table(title="Renders told from photos (chance: 0.5)")
    for column in ("folder", "renders", "photos", "accuracy", "spread over divisions"):
        table.add_column(column)
    for folder in options.renders:
        renders = features(encoder, images_in([folder]), options)
        scores = [
            accuracy(renders, photos, options.folds, np.random.default_rng(seed))
            for seed in range(options.repeats)
        ]
        count = min(len(renders), len(photos))
        table.add_row(
            str(folder), str(count), str(count), f"{np.mean(scores):.3f}", f"{np.std(scores):.3f}"
        )
    Console(width=120).print(table)


def images_in(folders: Sequence[Path]) -> list[Path]:
    """The images of the folders in turn, so that the first ones come from each folder."""
    lists = [
        sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_ENDINGS)
        for folder in folders
    ]
    longest = max(map(len, lists))
    return [files[i] for i in range(longest) for files in lists if i < len(files)]


def frozen_encoder() -> nn.Module:
    """The encoder without its classifier; its output is (B, C)."""
    found = find_pretrained(ENCODER, "auto")
    if found.state is None:
        raise SystemExit(f"{ENCODER}: {found.description}")
    model = timm.create_model(ENCODER, pretrained=False)
    model.load_state_dict(dict(found.state))
    model.reset_classifier(0)
    return model.eval()


def features(encoder: nn.Module, paths: Sequence[Path], options: argparse.Namespace) -> Tensor:
    """(N, C) features of the first images."""
    rows = []
    for path in paths[: options.count]:
        image = alike(read_image(path), options.side, options.quality)
        x = torch.from_numpy(image.astype(np.float32) / 127.5 - 1.0).permute(2, 0, 1)
        with torch.inference_mode():
            rows.append(encoder(x[None])[0])
    return torch.stack(rows)


def alike(image: np.ndarray, side: int, quality: int) -> np.ndarray:
    """The middle of an image as a square of `side` px, compressed and decoded again."""
    height, width = image.shape[:2]
    scale = side / min(height, width)
    size = (max(side, round(width * scale)), max(side, round(height * scale)))
    image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    y, x = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    square = np.ascontiguousarray(image[y : y + side, x : x + side, ::-1])
    _, content = cv2.imencode(".jpg", square, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(content, cv2.IMREAD_COLOR)[..., ::-1]


def accuracy(renders: Tensor, photos: Tensor, folds: int, rng: np.random.Generator) -> float:
    """Cross-validated accuracy with equal numbers of both kinds; the penalty is chosen on a part of
    each training set.
    """
    count = min(len(renders), len(photos))
    parts = [x[torch.from_numpy(rng.permutation(len(x))[:count])] for x in (renders, photos)]
    fold = torch.from_numpy(rng.permutation(count) % folds)
    right = 0.0
    for k in range(folds):
        inner = fold == (k + 1) % folds
        training = (fold != k) & ~inner
        scores = [_score(parts, training, inner, penalty) for penalty in PENALTIES]
        best = PENALTIES[int(np.argmax(scores))]
        right += _score(parts, fold != k, fold == k, best) * float((fold == k).sum())
    return right / count


def _score(parts: Sequence[Tensor], training: Tensor, test: Tensor, penalty: float) -> float:
    """Accuracy on `test` of a logistic regression fitted on `training`."""
    x = torch.cat([part[training] for part in parts])
    y = torch.cat([torch.full((int(training.sum()),), float(i)) for i in range(len(parts))])
    mean, std = x.mean(dim=0), x.std(dim=0) + 1e-6
    weight = torch.zeros(x.shape[1] + 1, requires_grad=True)
    optimiser = torch.optim.LBFGS([weight], max_iter=60, line_search_fn="strong_wolfe")
    x = (x - mean) / std

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(x @ weight[1:] + weight[0], y)
        loss = loss + penalty * weight[1:].square().sum()
        loss.backward()
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        hits = [
            (((part[test] - mean) / std @ weight[1:] + weight[0] > 0) == bool(i)).float().mean()
            for i, part in enumerate(parts)
        ]
    return float(torch.stack(hits).mean())


if __name__ == "__main__":
    main()
