"""Render saved scenes by BlenderProc: open the file, render image and instances, write HDF5.

The scene keeps its own samples, bounces and denoiser, so that all render the same. BlenderProc 2.8
and later run on Blender as a module when USE_EXTERNAL_BPY_MODULE is 1, which
`benchmarks/render.py --peer` sets. Requests and answers are those of `plain_cycles.py`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import blenderproc as bproc  # first, as it asks
import bpy


def main() -> None:
    bproc.init()
    bproc.renderer.set_render_devices(use_only_cpu=sys.argv[2] == "cpu")
    with os.fdopen(int(sys.argv[1]), "w") as answers:
        for line in sys.stdin:
            request = json.loads(line)
            cpu, begun = time.process_time(), time.perf_counter()
            bpy.ops.wm.open_mainfile(filepath=request["file"])
            scene = bpy.data.scenes[request["scene"]]
            scene.frame_start, scene.frame_end = 0, 1  # its frame_end is not rendered
            scene.render.use_file_extension = True  # it looks for .png and .exr
            bproc.renderer.set_output_format("PNG", 8)
            bproc.renderer.enable_segmentation_output(
                map_by=["instance"], default_values={"category_id": 0}
            )
            set_up = time.perf_counter()
            data = bproc.renderer.render()
            rendered = time.perf_counter()
            bproc.writer.write_hdf5(str(Path(request["output"]).with_suffix("")), data)
            answer = {
                "whole": time.perf_counter() - begun,
                "cycles": rendered - set_up,  # with reading what was rendered
                "cpu": time.process_time() - cpu,
            }
            answers.write(json.dumps(answer) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
