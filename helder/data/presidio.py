"""Presidio beside our own patterns, where it is installed: `personal_data_engine = "presidio"` of [documents].

Its recognisers of patterns and check digits are used, with a spaCy pipeline that is blank: nothing is fetched, and
names of persons, for which a trained model would be needed, are found no more than by our own.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from helder.data import personal
from helder.errors import HelderError

ENGINES = ("patterns", "presidio")
LEFT_OUT = ("DateRecognizer", "UrlRecognizer", "UuidRecognizer")  # any date or address of a page is not personal
LANGUAGE = "en"  # of its recognisers; those of other languages are few, and none is Dutch


@dataclass(frozen=True)
class Engine:
    """An engine of presidio's, ready to look for personal data.

    Attributes:
        analyzer: a `presidio_analyzer.AnalyzerEngine`.
        facts: what summary.json says of it: name, versions, language, and its recognisers.
    """

    analyzer: Any
    facts: dict[str, Any]

    def __call__(self, text: str, document: str = "") -> list[personal.Finding]:
        """Ours and its findings in a text."""
        return personal.find_with_presidio(text, self.analyzer, document, LANGUAGE)


def engine() -> Engine:
    """The engine with what is installed here.

    Raises:
        HelderError: presidio is not installed.
    """
    try:
        import presidio_analyzer
        import spacy
        from presidio_analyzer.nlp_engine import SpacyNlpEngine
    except ModuleNotFoundError as error:
        raise HelderError(
            "presidio is not installed.",
            f"{error}; [documents] asks for it with personal_data_engine.",
            "pip install 'helder[presidio]', or personal_data_engine = \"patterns\"",
        ) from error
    _stay_here()
    logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)  # it tells of each recogniser it has no use for
    words = SpacyNlpEngine(models=[{"lang_code": LANGUAGE, "model_name": "blank"}])
    words.nlp = {LANGUAGE: spacy.blank(LANGUAGE)}
    registry = presidio_analyzer.RecognizerRegistry()
    registry.load_predefined_recognizers(languages=[LANGUAGE], nlp_engine=words)
    for name in LEFT_OUT:
        registry.remove_recognizer(name)
    analyzer = presidio_analyzer.AnalyzerEngine(registry=registry, nlp_engine=words, supported_languages=[LANGUAGE])
    facts = {
        "name": "presidio",
        "versions": {name: version(name) for name in ("presidio-analyzer", "spacy")},
        "language": LANGUAGE,
        "model": "blank",
        "least_score": personal.PRESIDIO_SCORE,
        "recognisers": sorted(one.name for one in analyzer.get_recognizers(LANGUAGE)),
    }
    return Engine(analyzer, facts)


def _stay_here() -> None:
    """Let the library that tells names of machines apart use the list that it brings, and not ask for a newer one."""
    try:
        from tldextract import tldextract
    except ModuleNotFoundError:
        return
    tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(cache_dir=None, suffix_list_urls=())


def check_engine(name: str) -> str:
    """The name, when there is an engine of that name.

    Raises:
        HelderError: there is none.
    """
    if name not in ENGINES:
        raise HelderError(
            f"There is no engine {name!r} for personal data.",
            f"Known: {', '.join(ENGINES)}.",
            'Write personal_data_engine = "patterns".',
        )
    return name
