"""From documents as they were extracted to documents that a model may learn from; begin at `stage`."""

LEAST_PASSAGE = 10  # words, below which a run is ordinary language (assumption)
