"""The way back: from a text to the documents, the files, the training sequences and the steps that saw it.

    index.py      token streams → suffix arrays, a stage that anybody can run again bit for bit
    kernels.py    the inner loops
    spans.py      a text → its maximal verbatim spans in an index, by OLMoTrace's rules; documents ranked
    sources.py    a place in a stream → document, file, page or byte offset, licence
    steps.py      a place in a stream → the training steps that saw it, held against the training log
    streams.py    a run → what its trainings learnt from, and the index of each
    way_back.py   `trace`: all of it for one text, with coverage
    memorisation.py  does the model write training text when it is given the beginning
    scan.py, erasure.py   a linear scan of the sources for a string, and what would have to be done to remove it
    repeats.py    passages that stand in the data several times

It shows verbatim overlap, not cause: that a model wrote what stands in a document does not say that it wrote it because
of the document. Statistical influence is not estimated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from helder.trace.erasure import erase
    from helder.trace.memorisation import memorised
    from helder.trace.way_back import trace

__all__ = ["erase", "memorised", "trace"]

_HOME = {"erase": "helder.trace.erasure", "memorised": "helder.trace.memorisation", "trace": "helder.trace.way_back"}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'helder.trace' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOME[name]), name)
