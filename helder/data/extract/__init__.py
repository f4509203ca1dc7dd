"""Files of people → documents: what a person reads in a file, as text, with the way back to its place there.

One reader for each media type, in the table of `kinds.py`; which one reads a file is seen from its content first, from
its name second. Files come from outside, so each is read in a process with limits (`workers.py`), and what cannot be
read whole is refused or held for a person, never cut in silence.
"""
