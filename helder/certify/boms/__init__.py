"""A release in other people's formats: CycloneDX, SPDX, Croissant, and the YAML of the Model Openness Framework.

Each module has `render(evidence, …) -> bytes`, a pure function of the evidence: the same release gives the same bytes,
so that whoever verifies it renders again and compares. A field that nothing shows is left out, or says "not stated".
"""
