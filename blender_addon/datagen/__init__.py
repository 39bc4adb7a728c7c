"""From a recipe to a dataset on disk: the renderer, the loop over scenes, processes and their
progress.
"""
