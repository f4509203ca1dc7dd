"""The tiny model as a folder and as a file, as the prediction stage's tests make it."""

from tests.evaluate.test_predict import files, model

__all__ = ["files", "model"]
