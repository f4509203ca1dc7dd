"""What went in, what came out, who says so: artifacts, canonical bytes, signed statements, keys."""
