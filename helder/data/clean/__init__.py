"""From documents as they were extracted to documents that a model may learn from; begin at `stage`."""
