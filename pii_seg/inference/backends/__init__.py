"""The programs that can run a segmenter, one module for each."""
