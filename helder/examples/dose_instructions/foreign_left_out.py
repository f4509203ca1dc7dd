"""Which cases of `dose-instruction-parser` are no part of the foreign test set, and why."""

from __future__ import annotations

_INNER = "a function inside the parser is given something that is not a text of a prescriber"
_SPANS = "defines where entities stand in the text, not what they mean"
_REWRITING = "defines how the text is rewritten before it is read, not what it means"
_OPEN_RANGE = "a range without an upper end, which the record cannot tell from a single number"
_NOT_ITS_BUSINESS = "None means that this function does not apply; it says nothing about the text"
_NONSENSE = "no text of a prescriber"

# Whole tests: name → reason.
LEFT_OUT_TESTS: dict[str, str] = {
    "test_parser": "read as whole records from the fixtures it compares with",
    "test_parse_di": "the same cases as test_parser",
    "test_create_structured_di": "read as whole records from its body",
    "test_create_structured_dis": "read as whole records from its body",
    "test_get_model_entities": _SPANS,
    "test_get_model_entities_from_text": _SPANS,
    "test_combine_split_dis": _INNER,
    "test_get_bounding_num": _INNER,
    "test_is_str_float": _INNER,
    "test_autocorrect": _REWRITING,
    "test_remove_parentheses": _REWRITING,
    "test_pad_hyphens_and_slashes": _REWRITING,
    "test_pad_numbers": _REWRITING,
    "test_convert_words_to_numbers": _REWRITING,
    "test_pre_process": _REWRITING,
}

# Single cases: (test, input) → reason.
LEFT_OUT: dict[tuple[str, str | None], str] = {
    ("test_get_latin_frequency", "five tabletts"): _NOT_ITS_BUSINESS,
    ("test_get_latin_frequency", "twice a day"): _NOT_ITS_BUSINESS,
    ("test_get_frequency_type", None): _INNER,
    ("test_get_frequency_type", "wk"): "a unit alone: of a frequency or of a duration",
    ("test_get_frequency_type", "on mon"): "Monday without a space after it is missed by the rule",
    ("test_get_number_of_times", "food"): "the word alone; 'with food' is advice and no frequency in our convention",
    ("test_check_min_max_amount", "at least 2"): _OPEN_RANGE,
    ("test_check_min_max_amount", "at least"): _OPEN_RANGE,
    ("test_check_min_max_amount", "at least a"): _OPEN_RANGE,
    ("test_check_explicit_range", "1 or 2 5 ml spoons /mg"): _NONSENSE,
    ("test_check_explicit_range", "4 or 5 word mg"): _NONSENSE,
    ("test_get_frequency_info", "hello"): "the default of a function for text without a frequency",
    ("test_get_frequency_info", "3 4 5 times"): _NONSENSE,
    ("test_check_range_from_list", "4 / d"): "alone it may as well be a dose of 4 a day",
    ("test_check_range_from_list", "14 times daily"): _NOT_ITS_BUSINESS,
    ("test_get_form_from_dosage_tag", "30ml spoonful"): "the whole parser calls this form ml, not spoonful",
    ("test_get_form_from_dosage_tag", "1 8 tablets"): _NONSENSE,
    ("test_to_singular", "octopodes"): _NONSENSE,
    ("test_get_continuous_dose", "1 tablet"): _NOT_ITS_BUSINESS,
    ("test_get_continuous_dose", "3 mg something ml"): _NONSENSE,
    ("test_dosage_info", "8 something 1"): _NONSENSE,
    ("test_dosage_info", "no number"): _NONSENSE,
    ("test_get_duration_info", "month 6"): "reads as the sixth month; no prescriber's wording for six months",
    (
        "README",
        "2 tabs twice daily increased to 2 tabs three times daily during exacerbation chest symptoms",
    ): "two frequencies for two situations are added to five times a day",
}

# Single fields of cases that contradict their own text or another case: (source, input) → field → reason.
LEFT_OUT_FIELDS: dict[tuple[str, str], dict[str, str]] = {
    ("README", "take one in the morning and take two at night as directed"): {
        "as_directed": "printed as false, though the text says as directed"
    },
    ("README", "to be applied tds-qds"): {
        "times_to": "printed as 3, though bid-tid two lines below is the range 2 to 3"
    },
    ("README", "4 caplets tid"): {"form": "printed as carpet, a spelling correction that went wrong"},
}
