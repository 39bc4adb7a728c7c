"""Running a segmenter on whole images."""
