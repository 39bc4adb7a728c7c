"""Properties that are saved with the .blend: the settings of the tab, and the recipe."""
