"""Fuzzing of everything that reads what others wrote: coverage-guided with atheris, short and repeatable in the suite.

    python -m bench.fuzz gguf --seconds 600

Fine is what a person can act on: the input is taken, or refused with a `HelderError`. Any other exception, more than
5 seconds of processor time, or more memory than twice the input and a constant is a finding, kept with its traceback.
"""
