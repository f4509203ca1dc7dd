"""The closed room that every stage runs in."""
