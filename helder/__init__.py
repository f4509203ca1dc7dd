"""Helder: make a small language model for one job, measure it, and prove how it was made."""

__version__ = "0.1.0"
