"""Operators of the panel Generate Batch: start, stop and report a batch in a background Blender.

The running batch belongs to the Blender session, not to a scene: it continues when another file
is opened, and ends with Blender. While it runs, a timer redraws the panel; at the end the timer
reports the result and stops.
"""

from __future__ import annotations

import atexit
import re
import sys
from pathlib import Path
from typing import Any

import bpy

from ...datagen.background_job import Batch, BatchJob, JobError, State
from ...datagen.output_folder import FolderContents, OutputFolder, inspect_folder, make_writable
from ...dataset import DatasetError
from ..preferences import absolute, default_output, device_name
from ..properties.recipe_settings import in_panel_words, recipe_error, to_recipe
from ..tab import in_words, settings_of

REDRAW_INTERVAL = 0.25  # s
TROUBLE = (State.FAILED, State.DIED)

_job: BatchJob | None = None  # the running batch, or the last one


def current_job() -> BatchJob | None:
    """The running batch of this session, or the last one; None before the first."""
    return _job


def output_folder(context: Any) -> Path:
    """The output folder of the scene's batch.

    Raises:
        ValueError: the path starts with '//' in a .blend that was never saved.
    """
    text = settings_of(context).output
    return absolute(text) if text else default_output(context)


def message_of(job: BatchJob) -> str:
    """One sentence on how a batch ended, in the words of the sidebar."""
    return in_panel_words(job.message)


def running_job() -> BatchJob | None:
    return _job if _job is not None and _job.running else None


def start_obstacle(context: Any) -> str | None:
    """The reason why no batch can start now, or None. Checks only what is cheap to check."""
    if running_job():
        return "A batch is running: wait for it, or cancel it"
    error = recipe_error(settings_of(context).recipe)
    if error:
        return error
    try:
        output_folder(context)
    except ValueError as error:
        return str(error)
    return None


def _is_free(operator: Any, context: Any) -> bool:
    """Whether a batch can start; if not, the reason becomes the poll message of the operator."""
    obstacle = start_obstacle(context)
    if obstacle:
        operator.poll_message_set(obstacle)
    return not obstacle


def destination_of(context: Any) -> OutputFolder:
    """Inspect the output folder. Call it only when `start_obstacle` returns None."""
    settings = settings_of(context)
    return inspect_folder(
        output_folder(context), to_recipe(settings.recipe), settings.seed, settings.count
    )


class _StartsBatch:
    """Mixin: an operator that starts a batch."""

    bl_options = {"REGISTER"}
    overwrite = False

    @classmethod
    def poll(cls, context: Any) -> bool:
        return _is_free(cls, context)

    def execute(self: Any, context: Any) -> set[str]:
        global _job
        settings = settings_of(context)
        try:
            batch = Batch(
                recipe=to_recipe(settings.recipe).to_toml(),
                output=output_folder(context),
                count=settings.count,
                seed=settings.seed,
                device=device_name(context),
                jobs=settings.jobs,
                overwrite=self.overwrite,
            )
            destination = destination_of(context)
            if destination.contents is FolderContents.FOREIGN:
                raise DatasetError(destination.reason)
            if destination.contents is FolderContents.OTHER and not self.overwrite:
                raise DatasetError(
                    f"{destination.reason}; choose another output folder or replace it"
                )
            make_writable(batch.output)
            _job = BatchJob(batch)
        except (JobError, OSError, ValueError) as error:
            self.report({"ERROR"}, in_words(error))
            return {"CANCELLED"}
        if not bpy.app.timers.is_registered(_tick):
            bpy.app.timers.register(_tick, persistent=True)
        return {"FINISHED"}


class PII_SYNTH_OT_generate(_StartsBatch, bpy.types.Operator):
    """Render the dataset, or the rest of it, in a background Blender while you keep working"""

    bl_idname = "pii_synth.generate"
    bl_label = "Generate Batch"


class PII_SYNTH_OT_overwrite_batch(_StartsBatch, bpy.types.Operator):
    """Delete the dataset in the output folder and render this recipe there"""

    bl_idname = "pii_synth.overwrite_batch"
    bl_label = "Replace Dataset"

    overwrite = True

    def invoke(self, context: Any, event: Any) -> set[str]:
        return context.window_manager.invoke_confirm(
            self,
            event,
            title="Replace the Dataset?",
            message=f"All its images in {output_folder(context)} will be deleted.",
            confirm_text="Replace",
            icon="WARNING",
        )


class PII_SYNTH_OT_cancel_batch(bpy.types.Operator):
    """Stop the running batch; it can be resumed"""

    bl_idname = "pii_synth.cancel_batch"
    bl_label = "Cancel"
    bl_options = {"REGISTER"}

    now: bpy.props.BoolProperty(
        name="Now", description="Do not wait for the current image", options={"SKIP_SAVE"}
    )

    @classmethod
    def description(cls, context: Any, properties: Any) -> str:
        if properties.now:
            return "Stop now; the current image is lost, and Resume Batch renders it again"
        return "Stop after the current image; Resume Batch continues with the next"

    @classmethod
    def poll(cls, context: Any) -> bool:
        running = running_job() is not None
        if not running:
            cls.poll_message_set("No batch is running")
        return running

    def execute(self, context: Any) -> set[str]:
        job = running_job()
        if job is None:
            return {"CANCELLED"}
        job.kill() if self.now else job.cancel()
        return {"FINISHED"}


class PII_SYNTH_OT_open_folder(bpy.types.Operator):
    """Show the dataset's folder in the system's file browser"""

    bl_idname = "pii_synth.open_folder"
    bl_label = "Open Folder"
    bl_options = {"REGISTER"}

    folder: bpy.props.StringProperty(
        name="Folder",
        description="Open this folder; leave it empty to open the output folder",
        options={"SKIP_SAVE", "HIDDEN"},
    )

    def execute(self, context: Any) -> set[str]:
        try:
            folder = Path(self.folder) if self.folder else output_folder(context)
            if not folder.is_dir():
                raise ValueError(f"{folder} does not exist yet: generate a batch first")
            bpy.ops.wm.path_open(filepath=str(folder))
        except (OSError, ValueError, RuntimeError) as error:
            self.report({"ERROR"}, in_words(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class PII_SYNTH_OT_new_folder(bpy.types.Operator):
    """Use a new folder beside the current output folder"""

    bl_idname = "pii_synth.new_folder"
    bl_label = "New Folder"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: Any) -> bool:
        return _is_free(cls, context)

    def execute(self, context: Any) -> set[str]:
        settings = settings_of(context)
        stem = re.sub(r"_\d+$", "", (settings.output or str(default_output(context))).rstrip("/\\"))
        number = 2
        while absolute(f"{stem}_{number}").exists():
            number += 1
        settings.output = f"{stem}_{number}"
        return {"FINISHED"}


class PII_SYNTH_OT_report_batch(bpy.types.Operator):
    """Report how the batch ended"""

    bl_idname = "pii_synth.report_batch"
    bl_label = "Report Batch"
    bl_options = {"INTERNAL"}

    _timer: Any = None

    def invoke(self, context: Any, event: Any) -> set[str]:
        # When a script calls an operator, Blender shows its reports to the script only, unless the
        # operator is modal. So this one is modal, until the next event.
        self._timer = context.window_manager.event_timer_add(0.01, window=context.window)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: Any, event: Any) -> set[str]:
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        context.window_manager.event_timer_remove(self._timer)
        return self.execute(context)

    def execute(self, context: Any) -> set[str]:
        if _job is not None and _job.message:
            self.report({"ERROR" if _job.state in TROUBLE else "INFO"}, message_of(_job))
        return {"FINISHED"}


def _tick() -> float | None:
    """The timer: redraw while a batch runs, then report how it ended.

    Returns:
        Seconds until the next call; None stops the timer.
    """
    job = _job
    if job is None:
        return None
    running = job.running  # read once, so that the last redraw shows what is reported
    _redraw()
    if running:
        return REDRAW_INTERVAL
    if job.state in TROUBLE:
        print(*job.last_lines, sep="\n", file=sys.stderr)
    windows = bpy.context.window_manager.windows
    if windows and not bpy.app.background:
        with bpy.context.temp_override(window=windows[0]):
            bpy.ops.pii_synth.report_batch("INVOKE_DEFAULT")
    return None


def _redraw() -> None:
    """Let Blender draw the sidebars and the status bar again."""
    manager = bpy.context.window_manager
    for window in manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                for region in area.regions:
                    if region.type == "UI":
                        region.tag_redraw()
    # No screen lists the status bar, but it shows this property: writing it redraws the bar.
    manager.extensions_updates = manager.extensions_updates


def _end_job() -> None:
    """Stop the running batch and drop it."""
    global _job
    if _job is not None:
        _job.close()
    _job = None


_CLASSES = (
    PII_SYNTH_OT_generate,
    PII_SYNTH_OT_overwrite_batch,
    PII_SYNTH_OT_cancel_batch,
    PII_SYNTH_OT_open_folder,
    PII_SYNTH_OT_new_folder,
    PII_SYNTH_OT_report_batch,
)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    atexit.register(_end_job)  # Blender does not always unregister its extensions when it ends


def unregister() -> None:
    atexit.unregister(_end_job)
    _end_job()
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
