"""Training of the small generator and of LoRAs on rendered persons."""
