"""Operators: what the buttons of the tab do."""
