"""Values that stand before the words that name them: "771204 is your verification code", "K99812345 (passport)".

The grammar is value, link, label. The link is a bracket, or a form of "to be" with a word that says whose the value
is: "is her", "ist die", "est le". Behind the label the clause ends, so "30000 is the policy limit" names no policy.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from ss_ray.pii.text.bounded import BoundedRegex
from ss_ray.pii.text.id_labels import LABELLED_SCORE
from ss_ray.pii.text.labelled import LETTER, SPACE, Span, any_of, keywords_of

_OWNERS = (
    "the|my|your|his|her|its|our|their|die|der|das|mein|meine|dein|deine|ihr|ihre|sein|seine|le|la|mon|ma|votre|son|sa|"
    "el|mi|su|tu|il|mio|mia|suo|sua|o|a|meu|minha|seu|het|de|mijn|uw|zijn|haar"
)
_IS = "is|was|will be|ist|war|est|était|es|era|è|é"
_LINK = (
    rf"(?i:{SPACE}(?:(?:{_IS}){SPACE}(?:{_OWNERS})|as(?:{SPACE}(?:{_OWNERS}))?|als|comme|como){SPACE}"
    rf"(?:[\w-]{{2,14}}{SPACE})?|{SPACE}?\((?:(?:{_OWNERS}){SPACE})?)"
)
_NUMBER = rf"(?i:[{SPACE[1:-1]}-]?(?:number|no\.?|nr\.?|code|id|nummer|numéro|número|numero)(?!{LETTER}))?"
_CLAUSE_END = (
    r"(?=\s?(?:[.,;:!?)\n]|$)|\s(?i:for|and|to|of|on|in|at|from|with|but|so|für|und|von|pour|et|du|para|y|del|per|e|do|"
    r"voor|en|van)\b)"
)
_LINK_CLUE = re.compile(
    rf"\w[\"'”’]?\s?\([^\W\d_]|\s(?:(?:{_IS})\s(?:{_OWNERS})|as|als|comme|como)\s[^\W\d_]", re.IGNORECASE
)
# Characters before a link in which a value is looked for.
_BEFORE_CHARS = 64


def has_link(text: str) -> bool:
    """Whether a text has a link behind which a label may stand."""
    return _LINK_CLUE.search(text) is not None


class ReversedLabels:
    """Finds values of one entity type before their labels. It has Presidio's interface as far as we use it.

    Attributes:
        keywords: Words of which a text needs one.
    """

    def __init__(
        self, entity_type: str, labels: Sequence[str], value: str, accepts: Callable[[str, Span], bool]
    ) -> None:
        """Labels in any case, the pattern of a value, and a last look at a value in its text."""
        self.supported_entities = (entity_type,)
        self.keywords = keywords_of(labels)
        self._accepts = accepts
        self._value = BoundedRegex(rf"(?<![\w.,/@-])(?P<value>{value})[\"'”’`]?$")
        self._label = BoundedRegex(rf"{_LINK}(?i:{any_of(labels)}){_NUMBER}(?!{LETTER}){_CLAUSE_END}")

    def analyze(self, text: str, entities: Sequence[str]) -> Iterator[Span]:
        """Values of a text."""
        for label in self._label.finditer(text):
            place = max(0, label.start() - _BEFORE_CHARS)
            for match in self._value.finditer(text[place : label.start()]):
                start, end = match.span("value")
                found = Span(place + start, place + end, LABELLED_SCORE)
                if self._accepts(text, found):
                    yield found
