"""Cycles: settings and devices, one table of passes, pixels out, masks.

Import order matters nowhere; bpy is imported inside functions, so the pure parts test without Blender.
"""
