"""The certificate as one page for people: four languages, its own checks, no network."""
