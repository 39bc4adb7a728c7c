"""Repainting of images and datasets: crops, painters, filter, the loop over a dataset."""
