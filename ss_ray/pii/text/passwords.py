"""Secrets behind a word that announces them: passwords, PINs, keys, and the two halves of a login.

What follows "password" is more often an ordinary word than a secret ("password reset", "the password is wrong"). So a
value behind a bare label has to look like a secret, by its digits, signs or capitals; behind ":" and "is" it may be a
word, but none of those that speak about passwords.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ss_ray.pii.text.bounded import BoundedRegex
from ss_ray.pii.text.labelled import GAP, LABEL_END, LABEL_START, LETTER, Span, any_of, keywords_of, span_of, split_list

SCORE = 0.6

PASSWORD_WORDS = split_list(
    "password, passwords, passwd, pwd, pw, pass, passwort, passphrase, pass phrase, passcode, pass code, passkey, p/w,"
    " kennwort, losungswort, zugangscode, mot de passe, mots de passe, mdp, phrase secrète, contraseña, contrasena,"
    " clave, clave de acceso, clave secreta, parola d'ordine, parola chiave, senha, palavra-passe, palavra passe,"
    " wachtwoord, wachtwoorden, hasło, lösenord, adgangskode, salasana, heslo, parola, şifre, secret word, psk, wpa"
    " key,"
    " wifi key, wi-fi key, wlan-schlüssel, netzwerkschlüssel, clé wifi, identified by"
)
PIN_WORDS = split_list(
    "pin, passcode, pass code, pin code, pin-code, pincode, code pin, codice pin, código pin, pin number,"
    " geheimzahl, otp, one-time code,"
    " one time code, one-time password, verification code, security pin, access code, unlock code, door code,"
    " alarm code, tan, bestätigungscode, entsperrcode, türcode, code secret, code de vérification, code d'accès,"
    " código de verificación, codice segreto, codice di verifica, código de verificação, verificatiecode, toegangscode,"
    " pincodes"
)
KEY_WORDS = split_list(
    "api key, api-key, apikey, api token, access key, access token, access key id, secret access key, secret key,"
    " secret,"
    " client secret, app secret, shared secret, auth token, auth key, authorization, bearer, token, session token,"
    " refresh token, session, private key, encryption key, license key, account key, accountkey, sharedaccesskey,"
    " sas token,"
    " webhook secret, signing key, session id, sessionid, cookie, zugriffstoken, api-schlüssel, schlüssel,"
    " clé api, clé d'api, clé secrète, jeton, clave api, clave de api, llave, chiave api, chiave segreta, chave api,"
    " chave secreta, chave de api, api-sleutel, sleutel, geheime sleutel"
)
_LOGIN_WORDS = split_list(
    "login, log in, logon, logged in, sign in, credentials, creds, credential, access, username/password,"
    " user/password,"
    " user/pass, zugangsdaten, anmeldedaten, anmeldung, identifiants, identifiant, connexion, credenciales, acceso,"
    " credenziali, accesso, credenciais, acesso, inloggegevens, inloggen"
)
_NO_PASSWORDS = frozenset(
    """
    a about above accepted access account active after again all already also always an and any are as ask asked at
    auth back bad be because been before being below best blank but by can case change changed changes check correct
    created default denied different disabled do does easy either email empty enabled encrypted entered error even
    ever every expired expires false field fields fine first for forgot forgotten found from generated given good hard
    has hashed have hidden his her here how i if important in incorrect invalid is it just kept last less like list
    locked login long lost manager masked me mine minimum missing more most must my n/a na needed needs never new nil
    no none not now null of off ok old on one only optional or our out page pending please policy policies pls prompt
    protected protection recovery redacted required requires reset resets reuse rotated rules safe same saved screen
    secret secure see sent set should show shown simple so something soon still stored stolen string strong str int
    bool char varchar text temporary that the their them then there they this to too true two typed unchanged
    undefined unknown unset until updated use used user username valid very was weak were what when where which who
    why will with without working would written wrong yes yet you your falsch richtig abgelaufen vergessen geändert
    nicht kein keine ist sehr zu noch erforderlich gesperrt ungültig bekannt incorrecta incorrecto oublié expiré
    invalide pas requis très le la les un une el los una olvidada caducada vencida incorreta inválida esquecida não
    requerida scaduta errata dimenticata non vergeten verlopen onjuist niet het een fout vereist
    """.split()
)
_VERBAL = re.compile(r"[a-z]{3,}(?:ed|ing|able|ible|ly)")
# Labels that are words of other uses: "the first pass is slow".
_WEAK_LABELS = frozenset({"pass", "clave", "parola"})
# The beginning of a program's expression that reads a secret and is none.
_EXPRESSION = re.compile(r"(?:process|os|env|sys|self|this|config|settings|secrets?|vault|kwargs|args|request)[.\[]")
_VARIABLE = re.compile(r"\$(?:[{(]|\w+\W?$)")
_QUOTES = "\"'`“”„«»‘’"
_SECRET = rf"[{_QUOTES}(\[<]?(?P<value>[^\s{_QUOTES}<>,;]{{3,128}})"
_ADJECTIVES = (
    "temporary|initial|new|old|current|temporaire|provisoire|actuel|temporal|provisional|nueva|temporär|temporäres|"
    "vorläufig|"
    "neu|provvisoria|temporanea|nuova|temporária|provisória|nova|tijdelijk|tijdelijke|nieuw"
)
_IS = (
    r"c['’]est|it['’]s|is|was|ist|war|lautet|lautete|est|était|es|era|è|é|to|zu|auf|en|a|now|jetzt|will be|wird|be|"
    r"should be|as|of"
)
PIN_VALUE = r"(?:\d{4,8}|\d{3}[ -]\d{3}|\d{2}(?:[ -]\d{2}){1,3}|\d(?:[ -]\d){3,7})"
SECRET_VALUE = rf"[^\s{_QUOTES}<>,;()]{{4,128}}"
_SENTENCE_ENDS = ".,:;?)]}"
_SIGN = re.compile(r"[!@#$%^&*?+=~|\\/{}€£_-]")


class Passwords:
    """Finds passwords behind their labels. It has Presidio's interface as far as a `Recognizer` uses it."""

    supported_entities = ("PASSWORD",)
    keywords = keywords_of(PASSWORD_WORDS) | {"pass"}

    def __init__(self) -> None:
        sign = r"(?P<sign>[\s\u00a0]{0,2}(?:[:=]{1,2}|->|=>|→)[\s\u00a0]{0,2})"
        link = rf"(?P<link>(?i:[\s\u00a0](?:(?:{_IS})[\s\u00a0:]{{1,2}}){{1,2}}))"
        dash = r"(?P<dash>[\s\u00a0][-–—|][\s\u00a0])"
        clause = r"(?i:[\s\u00a0](?:that|which|you|we|i|she|he|they)(?:[\s\u00a0][\w'’-]{1,14}){1,5}?)"
        purpose = (
            r"(?i:[\s\u00a0](?:for|of|für|zum|pour|du|de|del|para|per|do|da|voor|van)"
            r"(?:[\s\u00a0][\w.@'’-]{1,30}){1,3}?)"
        )
        self._pattern = BoundedRegex(
            rf"{LABEL_START}(?P<label>(?i:{any_of(PASSWORD_WORDS)})){LABEL_END}[{_QUOTES})]?(?i:[\s\u00a0](?:{_ADJECTIVES}))?"
            rf"(?:(?P<clause>{clause})?{purpose}?(?:{sign}|{link}|{dash})|{sign}|{link}|{dash}|(?P<bare>[\s\u00a0]{{1,2}}))"
            rf"(?:[\"“„«](?P<quoted>[^\"“”„«»\n]{{3,60}})[\"”“»]|{_SECRET})"
        )

    def analyze(self, text: str, entities: Sequence[str]) -> Iterator[Span]:
        """Passwords of a text."""
        for match in self._pattern.finditer(text):
            if match["quoted"]:
                yield span_of(match, "quoted", SCORE)
                continue

            start, end = trim_secret(text, *match.span("value"))
            value = text[start:end]
            if match["clause"] or (match["link"] and match["label"].lower() in _WEAK_LABELS):
                is_secret = looks_secret(value)
            elif match["sign"] or (match["bare"] and text[start - 1] in "\"'`"):
                is_secret = may_be_password(value)
            elif match["link"] and not re.search(r"\b(?:to|zu|auf|en|a|as|of)\b", match["link"]):
                is_secret = may_be_password(value) and not _VERBAL.fullmatch(value)
            elif match["link"] or match["bare"]:
                is_secret = looks_secret(value)
            else:
                is_secret = looks_secret(value) or (may_be_password(value) and not text[end:].strip(" .!\"')"))

            if is_secret:
                yield Span(start, end, SCORE)


class LoginPairs:
    """Finds the user name or the password in "login with anna/Winter2024!", by the type that is asked for."""

    keywords = keywords_of(_LOGIN_WORDS)

    def __init__(self, entity_type: str):
        self.supported_entities = (entity_type,)
        self._group = "user" if entity_type == "USERNAME" else "value"
        self._pattern = BoundedRegex(
            rf"(?<!\w)(?i:{any_of(_LOGIN_WORDS)})(?:[\s\u00a0]{{0,2}}(?:(?i:with|are|is|as|using|via|mit|sind|lauten|"
            rf"avec|"
            rf"con|com|met|zijn|sont|son|sono|são|details|data|info|for)(?!{LETTER})|[:=–-])){{0,4}}[\s\u00a0]{{0,2}}"
            rf"(?P<user>[\w.@+-]{{2,64}})[\s\u00a0]?(?:[/:|]|//|\band\b|&)[\s\u00a0]?{_SECRET}"
        )

    def analyze(self, text: str, entities: Sequence[str]) -> Iterator[Span]:
        """Halves of logins whose password looks like one."""
        for match in self._pattern.finditer(text):
            start, end = trim_secret(text, *match.span("value"))
            if looks_secret(text[start:end]):
                yield Span(start, end, SCORE) if self._group == "value" else span_of(match, "user", SCORE)


class Pins:
    """Finds PINs and one-time codes: four to eight digits behind a label."""

    supported_entities = ("PIN",)
    keywords = keywords_of(PIN_WORDS) | {"code"}

    def __init__(self) -> None:
        self._pattern = BoundedRegex(
            rf"(?<!\w)(?i:{any_of(PIN_WORDS)})(?!{LETTER})(?i:{GAP})(?<![^\W_])"
            rf"(?P<value>{PIN_VALUE})(?![\w%€$£]|[.,:/-]\d)"
        )
        self._used = BoundedRegex(
            rf"(?<!\w)(?i:code|pin)[\s\u00a0:]{{1,2}}(?P<value>{PIN_VALUE})"
            r"(?=[\s\u00a0](?i:to|for|when|zum|pour|para|per|om)[\s\u00a0][^.\n]{0,24}?"
            r"(?i:log|sign|verif|confirm|authenti|access|unlock|reset|einlogg|anmeld|connect|entrar|acced))"
        )

    def analyze(self, text: str, entities: Sequence[str]) -> Iterator[Span]:
        """PINs of a text."""
        for pattern in (self._pattern, self._used):
            yield from (span_of(match, "value", SCORE) for match in pattern.finditer(text))


class ApiKeys:
    """Finds keys and tokens behind their labels: letters and digits, eight and more."""

    supported_entities = ("API_KEY",)
    keywords = keywords_of(KEY_WORDS)

    def __init__(self) -> None:
        self._pattern = BoundedRegex(
            rf"{LABEL_START}(?i:{any_of(KEY_WORDS)})[{_QUOTES})]?{LABEL_END}"
            rf"(?P<gap>(?:[\s\u00a0]{{0,2}}(?:(?i:is|was|ist|lautet|est|es|è|é|of|basic|bearer|value|now)(?!{LETTER})"
            rf"|[:=>–-]|[{_QUOTES}])){{0,5}}[\s\u00a0]{{0,2}})(?<![^\W_])"
            r"(?P<value>(?!\d{4}-\d\d-\d\d)[A-Za-z0-9][A-Za-z0-9_.~+/=-]{7,511})(?<![.])"
        )

    def analyze(self, text: str, entities: Sequence[str]) -> Iterator[Span]:
        """Keys of a text."""
        for match in self._pattern.finditer(text):
            value = match["value"]
            letters = sum(map(str.isalpha, value))
            digits = sum(map(str.isdigit, value))
            is_signed = bool(match["gap"].strip())
            is_mixed = digits and letters and digits + letters >= 7 and (is_signed or len(value) >= 12)
            if is_mixed or (is_signed and len(value) >= 20 and not value.islower()):
                yield span_of(match, "value", SCORE)


def trim_secret(text: str, start: int, end: int) -> tuple[int, int]:
    """A secret without the punctuation of the sentence behind it."""
    while end - start > 1 and text[end - 1] in _SENTENCE_ENDS:
        end -= 1
    return start, end


def is_secret(text: str, found: Span) -> bool:
    """Whether the word before "is the password" looks like one."""
    return looks_secret(text[found.start : found.end])


def is_pin(text: str, found: Span) -> bool:
    """Whether the digits before "is your PIN" are no year of a date."""
    return re.search(r"[\d./:-]$", text[max(0, found.start - 1) : found.start]) is None


def may_be_password(value: str) -> bool:
    """Whether a value that follows "password:" or "password is" can be one: no word about passwords, no blank."""
    if len(value) < 3 or value.lower().rstrip("!") in _NO_PASSWORDS or not any(map(str.isalnum, value)):
        return False
    if _EXPRESSION.match(value):
        return False
    return not value.startswith(("[", "{", "http://", "https://")) and not _VARIABLE.match(value)


def looks_secret(value: str) -> bool:
    """Whether a value is no word: letters with digits or signs, capitals inside, or six digits and more."""
    if not may_be_password(value) or len(value) < 4 or (value.lower().startswith("v") and value[1:2].isdigit()):
        return False

    has_digit = any(map(str.isdigit, value))
    has_letter = any(map(str.isalpha, value))
    if has_digit and has_letter:
        return not re.fullmatch(r"\d+(?:st|nd|rd|th|x|s|h|d|min|am|pm|days?)", value, re.IGNORECASE)
    if has_digit:
        return value.isdecimal() and len(value) >= 6

    inside = value.strip("-_/.!?*'()")
    has_sign = _SIGN.search(inside.replace("-", "").replace("/", "")) is not None
    return (
        has_sign
        or (value.endswith("!") and not value[:-1].islower() and not inside.istitle())
        or (len(value) >= 6 and re.search(r"[a-z][A-Z]", value) is not None)
    )
