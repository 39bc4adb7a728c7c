"""Panels: what the tab shows."""
