"""Example: the handbook of a small organisation."""
