"""The language of a text, where it is surely not English; offline, some microseconds for most texts.

The packaged model of names knows English alone and takes the nouns of other languages for names, so it must not read
them; an English text that it did not read would keep its names. Hence English is what a text is until two sources agree
on another language: function words or accents of that language, and the letter statistics of py3langid (4.6 MB, in the
package; 3 of 1,500 English sentences and 6 of 800 foreign ones are on the wrong side).

Words that begin with a capital do not count, unless they are function words: names and places say where somebody comes
from, and not what a text is written in. Nor do name particles ("de la", "van der") alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from runpy import run_path
from typing import Any

ENGLISH = "en"

# Words beside digits or slashes are units and abbreviations, beside "@" and points parts of addresses.
_WORD = re.compile(r"(?<![\w/'’@.])[^\W\d_]+(?:['’-][^\W\d_]+)*(?![\w/@]|\.\w)")
_SENTENCE_START = re.compile(r"(?:^|[.!?]\s+)\W*$")
# Code of py3langid, and of spaCy where that differs.
_WITH_FUNCTION_WORDS = {
    **{code: code for code in "de fr es it pt nl da sv fi pl cs hu ro tr".split()},
    "no": "nb",
}
_BY_LETTERS_ALONE = "vi ca hr sl et lv lt sk id".split()
_PARTICLES = frozenset(
    "al d da dal dalla das de degli dei del della delle den der des di do dos du el la las le les lo los os san st te "
    "ten ter van von zu zum zur".split()
)
"""Function words that stand in names and addresses."""
_SHARED_WITH_ENGLISH = frozenset(
    "i a an am as at be die do for has her him in is it me no on of or so us was we".split()
)
"""English words of which other languages, too, have many."""
_SCRIPTS = (
    ("ja", re.compile("[\u3040-\u30ff]")),
    ("ko", re.compile("[\u1100-\u11ff\uac00-\ud7af]")),
    ("zh", re.compile("[\u3400-\u9fff]")),
    ("th", re.compile("[\u0e00-\u0e7f]")),
    ("el", re.compile("[\u0370-\u03ff]")),
    ("he", re.compile("[\u0590-\u05ff]")),
)
_MIN_TEXTS, _MIN_SHARE = 3, 0.5
_LATIN = re.compile("[A-Za-z\u00c0-\u024f\u1e00-\u1eff]")
_BY_SCRIPT_AND_LETTERS = "ru uk bg sr kk ar fa ur hi mr ne bn ta te ka hy".split()
# Scores are logarithms of probabilities, divided by the square root of the number of bytes.
_CLEAR, _LIKELY = 2.0, 0.5
_MIN_BREAKS, _MIN_IN_BLOCK = 3, 3
# Share of Latin letters from which a text is one in Latin letters that quotes names in others.
_MIN_LATIN = 0.25
_ACCENT = re.compile("[\u00df-\u00f6\u00f8-\u024f]")


def language_of_column(texts: Sequence[str]) -> str | None:
    """The most frequent language of texts of which half or more are surely not English; None for other texts."""
    found = Counter(language for text in texts if (language := foreign_language(text)))
    if found.total() < max(_MIN_TEXTS, _MIN_SHARE * len(texts)):
        return None
    return found.most_common(1)[0][0]


@lru_cache(maxsize=1 << 14)
def foreign_language(text: str, usual: str | None = None) -> str | None:
    """Code of the language (ISO 639-1) of a text that is surely not English; None for English and where it is unclear.

    Args:
        text: A text of any length and language.
        usual: Language of most texts beside this one, not English; then the text needs an English function word, or the
            letters of English, to be taken for English.
    """
    letters = sum(map(str.isalpha, text))
    if not letters:
        return None
    if not text.isascii() and len(_LATIN.findall(text)) < letters * _MIN_LATIN:
        return _language_of_script(text)

    every, english, by_language = _function_words()
    words = _small_words(text.lower() if text.isupper() else text, every)
    if text.isupper():
        # Accents may be those of names.
        words = [word for word in words if word.isascii()]

    num_english = sum(word in english for word in words)
    # Most English texts end here, without a look at their letters.
    if num_english >= 2 and num_english >= 2 * sum(word in every for word in words):
        return None

    first = _WORD.search(text)
    first_word = first[0].lower() if first else ""
    is_block = text.count("\n") >= _MIN_BREAKS
    language = _language_of_words(words, first_word, num_english, by_language, is_block=is_block)
    if language is None and usual is not None and not num_english and not _has_letters_of_english(text):
        return usual
    return language


def _has_letters_of_english(text: str) -> bool:
    """Whether the letters of a text are clearly rather those of English than of any other language."""
    joined = " ".join(match[0].lower() for match in _WORD.finditer(text))
    best, second = _load_identifier("latin").rank(joined)[:2]
    return best[0] == ENGLISH and best[1] - second[1] > _LIKELY * len(joined.encode()) ** 0.5


def _small_words(text: str, every: frozenset[str]) -> list[str]:
    """Words in small letters, and the function words that begin a sentence."""
    return [
        word
        for match in _WORD.finditer(text)
        if len(word := match[0].lower()) > 1
        and _LATIN.match(word)
        and (match[0] == word or (word in every and _SENTENCE_START.search(text, 0, match.start())))
    ]


def _language_of_words(
    words: list[str], first: str, num_english: int, by_language: dict[str, frozenset[str]], *, is_block: bool
) -> str | None:
    """Language of the words in small letters of a text in Latin letters, which begins with the word `first`."""
    if not words or (len(words) < 2 and first in words):
        return None

    # The first word may be a name, so it adds to the letters and is no evidence by itself.
    joined = " ".join(words if words[0] == first else [first, *words])
    scores = dict(_load_identifier("latin").rank(joined))
    english_score = scores.pop(ENGLISH)
    language = max(scores, key=scores.__getitem__)
    lead = (scores[language] - english_score) / len(joined.encode()) ** 0.5
    if lead <= _LIKELY:
        return None

    num_function = sum(word in by_language.get(language, ()) for word in words)
    num_accents = sum(bool(_ACCENT.search(word)) for word in words)
    # A block of lines is a card of contacts as often as a letter, and has the words of streets and firms.
    if is_block:
        return language if num_function >= _MIN_IN_BLOCK and num_function > num_english else None
    # English borrows words and quotes names of streets, so its own function words have to be fewer.
    is_short = len(words) < 2 and not num_accents
    if (num_function > num_english and not is_short) or num_function + num_accents > max(num_english, 1):
        return language
    # "granulomatous plaque" has the letters of Latin; three words in a row have them seldom by chance.
    may_be_english = any(word in _SHARED_WITH_ENGLISH for word in words) or num_english
    if lead > _CLEAR and not may_be_english and len(words) - sum(word in _PARTICLES for word in words) > 2:
        return language

    return None


def _language_of_script(text: str) -> str:
    """Language of a text whose letters are mostly not Latin."""
    for code, pattern in _SCRIPTS:
        if pattern.search(text):
            return code
    return str(_load_identifier("others").classify(text)[0])


def english_function_words() -> frozenset[str]:
    """English function words that few other languages share."""
    return _function_words()[1]


@cache
def _function_words() -> tuple[frozenset[str], frozenset[str], dict[str, frozenset[str]]]:
    """Function words of all other languages, of English, and by language; words of several languages say nothing."""
    lists = {code: _read_stop_words(spacy_code) for code, spacy_code in _WITH_FUNCTION_WORDS.items()}
    english = _read_stop_words(ENGLISH)

    by_language = {code: words - english - _PARTICLES for code, words in lists.items()}
    every = frozenset().union(*by_language.values()) | _PARTICLES
    return every, english - _SHARED_WITH_ENGLISH - _PARTICLES, by_language


def _read_stop_words(code: str) -> frozenset[str]:
    """Stop words of a language of spaCy, by their file alone: the languages themselves take seconds to import."""
    spacy = find_spec("spacy")
    assert spacy is not None
    assert spacy.origin is not None
    path = Path(spacy.origin).parent / "lang" / code / "stop_words.py"
    return frozenset(run_path(str(path))["STOP_WORDS"])


@cache
def _load_identifier(kind: str) -> Any:
    """The identifier of languages in Latin letters with English, or of the others."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    loaded = LanguageIdentifier.from_model_file(MODEL_FILE)
    if kind == "latin":
        loaded.set_languages([ENGLISH, *_WITH_FUNCTION_WORDS, *_BY_LETTERS_ALONE])
    else:
        loaded.set_languages(_BY_SCRIPT_AND_LETTERS)
    return loaded
