"""ONNX Runtime on a CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime

from pii_seg.errors import CheckpointError
from pii_seg.inference.exported import Exported
from pii_seg.inference.model_checks import check_model
from pii_seg.inference.tiling import Segmenter


def open_model(exported: Exported, threads: int) -> Segmenter:
    """Load an export to ONNX.

    Args:
        exported: A checked export.
        threads: Number of threads that work on one call; with 1, it is the calling thread.

    Raises:
        CheckpointError: The model is damaged, or holds more than a network.
    """
    check_model(exported)
    if hasattr(onnxruntime, "disable_telemetry_events"):
        onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3  # errors
    # Threads that spin while they wait take the time of other programs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    try:
        # From memory, so that the model has no folder whose files it could name.
        session: Any = onnxruntime.InferenceSession(
            exported.model_file.read_bytes(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # classes of a C++ library, without a common one
        reason = str(error).strip().splitlines()[-1][:200]
        raise CheckpointError(
            f"{exported.model_file}: ONNX Runtime cannot use it ({reason}); export it again"
        ) from None
    (entry,) = session.get_inputs()

    def predict(tiles: np.ndarray) -> np.ndarray:
        return session.run(None, {entry.name: tiles})[0]

    return predict
