"""Fitting a segmenter with PyTorch Lightning."""
