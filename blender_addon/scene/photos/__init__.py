"""Photos as backdrops: their camera, light and grain, and what stands in front of people."""
