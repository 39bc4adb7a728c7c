"""Panel Generate Batch, and the progress of a batch in the status bar."""

from __future__ import annotations

from typing import Any

import bpy

from ...datagen.background_job import BatchJob, State
from ...datagen.output_folder import FolderContents, OutputFolder
from ...datagen.progress import Progress, clock
from ..operators.batch import (
    TROUBLE,
    PII_SYNTH_OT_cancel_batch,
    PII_SYNTH_OT_generate,
    PII_SYNTH_OT_new_folder,
    PII_SYNTH_OT_open_folder,
    PII_SYNTH_OT_overwrite_batch,
    current_job,
    destination_of,
    message_of,
    running_job,
    start_obstacle,
)
from ..preferences import default_output
from ..tab import Tab, draw_wrapped_text, label_beside_value, settings_of


class PII_SYNTH_PT_batch(Tab, bpy.types.Panel):
    bl_idname = "PII_SYNTH_PT_batch"
    bl_label = "Generate Batch"
    bl_description = "Render a dataset in the background"
    bl_order = 0

    def draw(self, context: Any) -> None:
        layout = label_beside_value(self.layout)
        job = running_job()
        settings = layout.column()
        settings.enabled = job is None
        _draw_settings(settings, context)
        if job is not None:
            _draw_running(layout, job)
            return
        _draw_start(layout, context)
        last = current_job()
        if last is not None:
            _draw_result(layout, context, last)


def _draw_settings(layout: Any, context: Any) -> None:
    settings = settings_of(context)
    render = settings.recipe.render
    layout.prop(settings, "count")
    layout.prop(settings, "seed")
    layout.prop(settings, "output", placeholder=str(default_output(context)))
    size = layout.column(align=True)
    size.prop(render, "width", text="Resolution X")
    size.prop(render, "height", text="Y")
    layout.prop(render, "samples")
    layout.prop(settings, "device")
    layout.prop(settings, "jobs")


def _draw_start(layout: Any, context: Any) -> None:
    """The button that starts or resumes; or what to do with a folder that holds something else."""
    destination = (
        OutputFolder(FolderContents.NOTHING) if start_obstacle(context) else destination_of(context)
    )
    if destination.contents in (FolderContents.OTHER, FolderContents.FOREIGN):
        draw_wrapped_text(layout, context, destination.reason, "ERROR", alert=True)
        row = layout.row(align=True)
        row.operator(PII_SYNTH_OT_new_folder.bl_idname, icon="NEWFOLDER")
        if destination.contents is FolderContents.OTHER:
            row.operator(PII_SYNTH_OT_overwrite_batch.bl_idname, icon="TRASH")
        return
    row = layout.row(align=True)
    row.scale_y = 1.5
    resume = destination.contents is FolderContents.PART and destination.done > 0
    row.operator(
        PII_SYNTH_OT_generate.bl_idname,
        text="Resume Batch" if resume else "Generate Batch",
        icon="RENDER_ANIMATION",
    )
    row.operator(PII_SYNTH_OT_open_folder.bl_idname, text="", icon="FOLDER_REDIRECT")
    if resume or destination.contents is FolderContents.ALL:
        layout.label(text=f"{destination.done} of {settings_of(context).count} images are rendered")


def _draw_running(layout: Any, job: BatchJob) -> None:
    layout.progress(factor=_share(job.progress), text=_status(job))
    stopping = job.state is State.STOPPING
    layout.operator(
        PII_SYNTH_OT_cancel_batch.bl_idname,
        text="Stop Now" if stopping else "Cancel",
        icon="CANCEL",
    ).now = stopping


def _draw_result(layout: Any, context: Any, job: BatchJob) -> None:
    """Draw how the last batch ended, and its folder, which may differ from the one chosen now."""
    box = layout.box()
    trouble = job.state in TROUBLE
    icon = "ERROR" if trouble else "CHECKMARK" if job.state is State.DONE else "PAUSE"
    draw_wrapped_text(box, context, message_of(job), icon, alert=trouble)
    if job.batch.output.is_dir():
        box.operator(PII_SYNTH_OT_open_folder.bl_idname, icon="FOLDER_REDIRECT").folder = str(
            job.batch.output
        )


def _draw_status_bar(header: Any, context: Any) -> None:
    job = running_job()
    if job is not None:
        row = header.layout.row(align=True)
        row.progress(factor=_share(job.progress), type="RING", text="")
        row.label(text=f"PII Synth {_status(job)}")
        row.operator(PII_SYNTH_OT_cancel_batch.bl_idname, text="", icon="X").now = (
            job.state is State.STOPPING
        )


def _share(progress: Progress | None) -> float:
    return progress.done / progress.total if progress and progress.total else 0.0


def _status(job: BatchJob) -> str:
    """Progress of a running batch: 12/100 · 0.55 images/s · 2:40 left."""
    progress = job.progress
    if progress is None:
        return "Stopping" if job.state is State.STOPPING else "Starting Blender"
    parts = [f"{progress.done}/{progress.total}"]
    if job.state is State.STOPPING:
        parts.append("stopping after this image")
    elif progress.seconds_left is not None:
        parts += [
            f"{progress.images_per_second:.2f} images/s",
            f"{clock(progress.seconds_left)} left",
        ]
    return " · ".join(parts)


_CLASSES = (PII_SYNTH_PT_batch,)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.STATUSBAR_HT_header.append(_draw_status_bar)


def unregister() -> None:
    bpy.types.STATUSBAR_HT_header.remove(_draw_status_bar)
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
