"""Answers from passages: documents → passages → an index → the passages that fit a question, and what becomes of them.

    words.py      text → the words that are looked for
    passages.py   a document → passages of so many tokens, cut where sentences and headings end
    index.py      the stage "passages": passages and their postings, whole numbers only; BM25 over them
    ground.py     question → passages and question, within a room of tokens; the stage "ground" does it to all records
    quotes.py     what of an answer stands verbatim in its passages, and how far they support it

Retrieval is by words. Meanings that share no word with the passage are not found; there are no embeddings.
"""

SUFFIX = "-retrieval"  # of a subject that is asked with passages
