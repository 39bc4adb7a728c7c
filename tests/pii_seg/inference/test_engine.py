"""Calibrations are bound to what computed their logits."""

from __future__ import annotations

import pytest

from pii_seg.errors import CalibrationError
from pii_seg.inference.engine import bound_engine, engine_of, require_engine

PLAIN = {"channels": "RGB", "stride": 32}
OPENVINO = engine_of("openvino", "float32", PLAIN)


@pytest.mark.parametrize(
    ("calibration", "engine"),
    [
        ({}, OPENVINO),
        ({"by": "held out"}, OPENVINO),
        ({"engine": OPENVINO, "promise": {}}, OPENVINO),
        ({"promise": {}}, engine_of("torch", "bfloat16", PLAIN)),
        ({"engine": "nonsense"}, OPENVINO),
    ],
)
def test_the_engine_of_a_calibration_is_accepted(calibration: dict, engine: dict) -> None:
    require_engine(calibration, engine, "best.ckpt")


@pytest.mark.parametrize(
    ("calibration", "engine", "said"),
    [
        ({"promise": {}}, OPENVINO, "backend torch"),
        ({"promise": {}, "engine": "nonsense"}, OPENVINO, "backend torch"),
        ({"engine": OPENVINO}, engine_of("onnxruntime", "float32", PLAIN), "backend openvino"),
        ({"engine": OPENVINO}, engine_of("openvino", "int8", PLAIN), "precision float32"),
        (
            {"engine": OPENVINO},
            engine_of("openvino", "float32", {**PLAIN, "stride": 16}),
            "preprocessing",
        ),
        ({"engine": {}, "promise": {}}, OPENVINO, "backend torch"),
    ],
)
def test_any_other_engine_is_refused(calibration: dict, engine: dict, said: str) -> None:
    with pytest.raises(CalibrationError, match=rf"best.ckpt: .*with {said}.*--backend"):
        require_engine(calibration, engine, "best.ckpt")


def test_what_a_calibration_says_of_its_engine_is_known() -> None:
    assert bound_engine({"engine": OPENVINO}) == OPENVINO
    assert bound_engine({"promise": {}}) == {"backend": "torch"}
    assert bound_engine({"by": "held out"}) is None
