"""Train a person segmenter, find the persons in images, and anonymise them.

Find and remove the persons in an image, an array, a PIL image or a path:

    from pii_seg import Anonymizer, PersonSegmenter

    mask = PersonSegmenter.load("run/best.ckpt").predict(image).mask     # bool (H, W)
    redacted = Anonymizer.load("run/best.ckpt").redact(image)            # uint8 (H, W, 3)

Train, measure, calibrate, and predict files:

    from pii_seg import DataConfig, TrainConfig, calibrate, evaluate, predict_files, train

    train(TrainConfig(DataConfig(synthetic=("renders",))), "run")
    evaluate("run/best.ckpt", "report", ["labelled"])[0].scores.missed
    calibrate("run/best.ckpt", ["labelled"], confidence="expectation").promise.best_recall
    predict_files("run/best.ckpt", ["photos"], "masks")

Train on photos without masks too:

    from pii_seg import LoopConfig, self_train

    self_train(LoopConfig(TrainConfig(DataConfig(synthetic=("renders",))), ("photos",)), "run").best

Each name is imported when it is first used, so that `import pii_seg` is quick and loads no torch.

Licence: Apache-2.0 (LICENSES/Apache-2.0.txt).
"""

from __future__ import annotations

import importlib
import sys
import types
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pii_seg.anonymize.anonymizer import Anonymizer
    from pii_seg.config import DataConfig, TrainConfig
    from pii_seg.evaluation.calibrate import calibrate
    from pii_seg.evaluation.evaluate import evaluate
    from pii_seg.inference.person_segmenter import PersonSegmenter, Prediction
    from pii_seg.inference.predict import predict_files
    from pii_seg.inference.settings import InferenceSettings
    from pii_seg.selftrain.config import LoopConfig
    from pii_seg.selftrain.loop import self_train
    from pii_seg.training.fit import fit as train

__all__ = [
    "Anonymizer",
    "DataConfig",
    "InferenceSettings",
    "LoopConfig",
    "PersonSegmenter",
    "Prediction",
    "TrainConfig",
    "calibrate",
    "evaluate",
    "predict_files",
    "self_train",
    "train",
]

# Where each public name is defined; the imports above say the same to type checkers.
_DEFINED_IN = {
    "Anonymizer": "pii_seg.anonymize.anonymizer",
    "DataConfig": "pii_seg.config",
    "InferenceSettings": "pii_seg.inference.settings",
    "LoopConfig": "pii_seg.selftrain.config",
    "PersonSegmenter": "pii_seg.inference.person_segmenter",
    "Prediction": "pii_seg.inference.person_segmenter",
    "TrainConfig": "pii_seg.config",
    "calibrate": "pii_seg.evaluation.calibrate",
    "evaluate": "pii_seg.evaluation.evaluate",
    "predict_files": "pii_seg.inference.predict",
    "self_train": "pii_seg.selftrain.loop",
    "train": "pii_seg.training.fit:fit",
}


def __getattr__(name: str) -> Any:
    if name not in _DEFINED_IN:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _DEFINED_IN[name].partition(":")
    return getattr(importlib.import_module(module), attribute or name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Package(types.ModuleType):
    """This package: its public functions stay what they are when a command is imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        # Importing a submodule sets the attribute of that name on its package. The commands train,
        # evaluate and calibrate, which `python -m pii_seg.train` needs, are called like the public
        # functions and would replace them; the import system itself reads sys.modules.
        if not (name in _DEFINED_IN and isinstance(value, types.ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
