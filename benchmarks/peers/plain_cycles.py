"""Render saved scenes as a plain script does: open the file, render, and let Blender write it.

It knows nothing of this project. `benchmarks/render.py --peer` starts it, and gives it one request
a line on standard input; the answers go to the file descriptor that is its first argument.
"""

from __future__ import annotations

import json
import os
import sys
import time

import bpy


def main() -> None:
    with os.fdopen(int(sys.argv[1]), "w") as answers:
        for line in sys.stdin:
            request = json.loads(line)
            cpu, begun = time.process_time(), time.perf_counter()
            bpy.ops.wm.open_mainfile(filepath=request["file"])
            opened = time.perf_counter()
            scene = bpy.data.scenes[request["scene"]]
            scene.render.filepath = request["output"]
            bpy.ops.render.render(write_still=True, scene=scene.name)
            ended = time.perf_counter()
            answer = {
                "whole": ended - begun,
                "cycles": ended - opened,
                "cpu": time.process_time() - cpu,
            }
            answers.write(json.dumps(answer) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
