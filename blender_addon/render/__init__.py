"""Cycles: settings and devices, the table of passes, pixels out, masks.

bpy is imported inside functions, so the pure parts are tested without Blender.
"""
