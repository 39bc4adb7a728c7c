"""Makes a segmenter to ship, from a recipe: renders, trainings, calibration, model card."""
