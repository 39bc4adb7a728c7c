"""OpenVINO on a CPU."""

from __future__ import annotations

import sys
import threading
from typing import Any

import numpy as np

from pii_seg.errors import CheckpointError
from pii_seg.inference.caching import compiled_folder
from pii_seg.inference.cores import usable_cores
from pii_seg.inference.exported import Exported
from pii_seg.inference.model_checks import check_model
from pii_seg.inference.tiling import Segmenter


def import_openvino() -> Any:
    """Import OpenVINO without its telemetry, which reports every import to its maker.

    None in place of a module makes its import fail, and OpenVINO then does without.
    """
    if "openvino" not in sys.modules:
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


def open_model(exported: Exported, threads: int) -> Segmenter:
    """Compile an export for this CPU, in float32 where it is not quantised.

    Args:
        exported: A checked export to OpenVINO or ONNX.
        threads: Number of threads that work on one call. With 1, as many calls run at the same time
            as there are usable cores, each on one; otherwise one at a time.

    Raises:
        CheckpointError: The model is damaged, or holds more than a network.
    """
    check_model(exported)
    openvino = import_openvino()
    cores = usable_cores()
    settings: dict[str, Any] = {
        "NUM_STREAMS": cores if threads == 1 else 1,
        "INFERENCE_NUM_THREADS": cores if threads == 1 else min(threads, cores),
        # Pinned threads of two processes would share the first cores, and leave the others idle.
        "ENABLE_CPU_PINNING": False,
        "INFERENCE_PRECISION_HINT": "f32",
    }
    if (folder := compiled_folder()) is not None:
        settings["CACHE_DIR"] = str(folder)
    try:
        compiled = openvino.Core().compile_model(str(exported.model_file), "CPU", settings)
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1][:200]
        raise CheckpointError(
            f"{exported.model_file}: OpenVINO cannot use it ({reason}); export it again"
        ) from None
    own = threading.local()  # a request serves one thread at a time

    def predict(tiles: np.ndarray) -> np.ndarray:
        if not hasattr(own, "request"):
            own.request = compiled.create_infer_request()
        # Shared with the request, which computes the next tiles of this thread alone.
        return own.request.infer({0: tiles}, share_inputs=True, share_outputs=True)[0]

    return predict
