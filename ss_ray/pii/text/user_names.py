"""User names behind the words of the services that they belong to: "instagram handle grace_park22", "skype: kim.d".

A user name is often an ordinary word, so behind a bare label it needs a digit, an underscore or a dot inside. A word
that somebody "logged in" as needs none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ss_ray.pii.text.bounded import BoundedRegex
from ss_ray.pii.text.labelled import LABEL_END, LABEL_START, Span, any_of, keywords_of, span_of, split_list

SCORE = 0.6

_SERVICES = split_list(
    "handle, handles, user, username, user name, userid, screen name, screenname, nickname, nick, gamertag, gamer tag,"
    " instagram, insta, ig, twitter, skype, skype id, telegram, snapchat, snap, tiktok, discord, github, gitlab,"
    " reddit,"
    " linkedin, facebook, fb, twitch, wechat, line id, mastodon, bluesky, login, account name, benutzername, benutzer,"
    " nutzername, anmeldename, nom d'utilisateur, utilisateur, pseudo, identifiant, usuario, nombre de usuario, utente,"
    " nome utente, usuário, nome de usuário, utilizador, gebruikersnaam, gebruiker"
)
_SIGNED = r"(?:[\s\u00a0]{0,2}[:=>]{1,2}[\s\u00a0]{0,2}|[\s\u00a0](?:is|ist|est|es|è|é|lautet)[\s\u00a0:]{1,2})"
_VALUE = r"(?:live:)?[A-Za-z][\w.-]{2,37}(?<![.-])"
_NO_NAMES = frozenset(
    "the and not was has had who that this will can cannot could should is are account name names id ids access page"
    " team"
    " group required missing unknown none null invalid wrong blocked locked forgotten same with from for email changed"
    " admin str string int text char varchar undefined nil true false self root guest anonymous administrator"
    " superuser default oracle postgres local public other another before usual normal expected requested soon much"
    " well myself yourself himself herself somebody someone anyone everybody nobody test experience interface error"
    " report data support profile post posts message".split()
)


class UserNames:
    """Finds user names behind their labels. It has Presidio's interface as far as a `Recognizer` uses it."""

    supported_entities = ("USERNAME",)
    keywords = keywords_of(_SERVICES) | {"logged", "logging", "signed", "signing", "log", "sign"}

    def __init__(self) -> None:
        labels = rf"{LABEL_START}(?i:{any_of(_SERVICES)})(?:[\s\u00a0](?i:handle|name|user|account|id|id:))?{LABEL_END}"
        self._labelled = BoundedRegex(
            rf"{labels}[\"']?(?:(?P<sign>{_SIGNED})|[\s\u00a0])[\"'@]?(?P<value>{_VALUE})(?![\w@/:(])"
        )
        self._logged = BoundedRegex(
            rf"(?<!\w)(?i:user|account|benutzer|usuario|utente|utilisateur|gebruiker)[\s\u00a0](?P<value>{_VALUE})"
            r"[\s\u00a0](?i:(?:has |have |was |is |just )?(?:logged|signed|log|sign)(?:ging|ning)?"
            r"[ -]?(?:in|out|on|off)\b|by \(|from \d)"
        )

        # Behind "logged in as" a word in small letters that ends the clause, or an odd one.
        self._acting = BoundedRegex(
            r"(?i:(?:logg|sign)(?:ed|ing)[ -]?(?:in|on)|log[ -]?in|sign[ -]?in|authenticated|connected)[\s\u00a0]"
            rf"(?i:as|using|als|comme|como|come)[\s\u00a0][\"'@]?(?P<value>{_VALUE})(?=[\"']?(?:\s(?i:from|at|on|with|and|to|today|yesterday|again|now|this|last|for|in)\b|"
            r"\s?[.,;)\n]|\s?$))"
        )

    def analyze(self, text: str, entities: Sequence[str]) -> Iterator[Span]:
        """User names of a text."""
        for match in self._labelled.finditer(text):
            value = match["value"]
            if value.lower() not in _NO_NAMES and (_is_odd(value) or _is_alone(text, match)):
                yield span_of(match, "value", SCORE)

        for match in (*self._logged.finditer(text), *self._acting.finditer(text)):
            if match["value"].lower() not in _NO_NAMES:
                yield span_of(match, "value", SCORE)


def _is_odd(value: str) -> bool:
    """Whether a user name is no word: it has a digit behind letters, an underscore, or a dot inside."""
    return re.search(r"[A-Za-z]{2}\d|_|\w\.\w|live:", value) is not None and not re.fullmatch(r"v\d.*", value)


def _is_alone(text: str, match: re.Match[str]) -> bool:
    """Whether a value stands behind a sign such as ":", and is not the beginning of a sentence."""
    if not match["sign"] or match["sign"].strip() not in (":", "=", ">"):
        return False
    return re.match(r"\s*(?:$|[,;|)\n\"'.]|/)", text[match.end("value") :]) is not None
