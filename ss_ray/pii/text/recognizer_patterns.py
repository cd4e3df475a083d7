"""Entity types of Presidio's recognizers under our names, and patterns for types that Presidio lacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ss_ray.pii.columns.checksums import is_vin

# Presidio's entity -> ours. Those of a country need one of their context words near the match.
COUNTRY_TYPES = {
    "ABA_ROUTING_NUMBER": "ROUTING_NUMBER", "CA_POSTAL_CODE": "POSTCODE", "CA_SIN": "NATIONAL_ID",
    "UK_NHS": "MEDICAL_RECORD", "MEDICAL_LICENSE": "LICENSE", "SG_NRIC_FIN": "NATIONAL_ID",
    "US_BANK_NUMBER": "ACCOUNT_NUMBER", "US_CLAIM_NUMBER": "UNIQUE_ID", "US_HEALTH_INSURANCE_MEMBER_ID": "HEALTH_PLAN",
    "US_ITIN": "TAX_ID", "US_DRIVER_LICENSE": "LICENSE", "US_MBI": "HEALTH_PLAN", "US_NPI": "LICENSE",
    "US_PASSPORT": "PASSPORT", "US_PRESCRIPTION_NUMBER": "UNIQUE_ID", "US_PRIOR_AUTHORIZATION_NUMBER": "UNIQUE_ID",
    "US_PROVIDER_TAX_ID": "TAX_ID", "US_REFERRAL_NUMBER": "UNIQUE_ID", "ES_NIF": "NATIONAL_ID", "ES_NIE": "NATIONAL_ID",
    "ES_PASSPORT": "PASSPORT", "AU_ABN": "TAX_ID", "AU_ACN": "TAX_ID", "AU_TFN": "TAX_ID", "AU_MEDICARE": "HEALTH_PLAN",
    "IT_DRIVER_LICENSE": "LICENSE", "IT_FISCAL_CODE": "TAX_ID", "IT_VAT_CODE": "TAX_ID",
    "IT_IDENTITY_CARD": "NATIONAL_ID", "IT_PASSPORT": "PASSPORT", "IN_PAN": "TAX_ID", "IN_AADHAAR": "NATIONAL_ID",
    "IN_GSTIN": "TAX_ID", "IN_VEHICLE_REGISTRATION": "LICENSE_PLATE", "IN_VOTER": "NATIONAL_ID",
    "IN_PASSPORT": "PASSPORT", "PH_TIN": "TAX_ID", "PH_UMID": "NATIONAL_ID", "PH_PASSPORT": "PASSPORT",
    "PL_PESEL": "NATIONAL_ID", "SG_UEN": "TAX_ID", "FI_PERSONAL_IDENTITY_CODE": "NATIONAL_ID",
    "UK_DRIVING_LICENCE": "LICENSE", "UK_NINO": "NATIONAL_ID", "UK_PASSPORT": "PASSPORT", "UK_POSTCODE": "POSTCODE",
    "UK_VEHICLE_REGISTRATION": "LICENSE_PLATE", "KR_BRN": "TAX_ID", "KR_RRN": "NATIONAL_ID",
    "KR_DRIVER_LICENSE": "LICENSE", "KR_FRN": "NATIONAL_ID", "KR_PASSPORT": "PASSPORT",
    "SE_ORGANISATIONSNUMMER": "TAX_ID", "SE_PERSONNUMMER": "NATIONAL_ID", "TH_TNIN": "NATIONAL_ID",
    "TR_LICENSE_PLATE": "LICENSE_PLATE", "TR_NATIONAL_ID": "NATIONAL_ID", "ZA_COMPANY_REGISTRATION": "TAX_ID",
    "ZA_DRIVER_LICENSE": "LICENSE", "ZA_ID_NUMBER": "NATIONAL_ID", "ZA_INCOME_TAX_NUMBER": "TAX_ID",
    "ZA_LICENSE_PLATE": "LICENSE_PLATE", "ZA_PASSPORT": "PASSPORT", "ZA_TRAFFIC_REGISTER_NUMBER": "LICENSE",
    "ZA_VAT_NUMBER": "TAX_ID", "NG_NIN": "NATIONAL_ID", "NG_VEHICLE_REGISTRATION": "LICENSE_PLATE",
    "DE_TAX_ID": "TAX_ID", "DE_TAX_NUMBER": "TAX_ID", "DE_PASSPORT": "PASSPORT", "DE_ID_CARD": "NATIONAL_ID",
    "DE_SOCIAL_SECURITY": "NATIONAL_ID", "DE_HEALTH_INSURANCE": "HEALTH_PLAN", "DE_KFZ": "LICENSE_PLATE",
    "DE_PLZ": "POSTCODE", "DE_LANR": "LICENSE", "DE_BSNR": "LICENSE", "DE_VAT_ID": "TAX_ID",
    "DE_FUEHRERSCHEIN": "LICENSE",
}  # fmt: skip

# Context words of Presidio's that stand in any text, or in any text of the country.
TOO_COMMON = frozenset(
    "us united states travel document canada ontario quebec alberta pass auto car reg address delivery mailing shipping"
    " correspondence ort stadt dorf adresse gemeinde ag kg ug save check bank debit billing insurance medication"
    " specialty infusion approval auth id identity payer individual association number provider cms pi pan fin mot"
    " fahrzeug zulassung registration vehicle reise rente praxis rezept invoice rechnung carta"
    " documento viaggio estero sin nas cf policy permit identification license licence".split()
)

# Words of ours beside them.
MORE_CONTEXT = {
    "US_DRIVER_LICENSE": ("driver license", "drivers license", "driver s license", "license number", "driving license"),
    "CA_SIN": ("sin number", "sin card"),
    "US_PASSPORT": ("passport",),
}

# What Presidio lacks, as (name, pattern, score). Cards still need their Luhn digit.
MORE_PATTERNS = {
    "CREDIT_CARD": (
        ("Mastercard, series 2", r"\b2[2-7]\d{2}(?:[- ]?\d{4}){3}\b", 0.3),
        ("19 digits", r"\b[46]\d{3}(?:[- ]?\d{4}){3}[- ]?\d{3}\b", 0.3),
        ("JCB, 15 digits", r"\b2131(?:[- ]?\d){11}\b", 0.3),
        ("Maestro, 12 digits", r"\b(?:50|5[6-9]|6\d)\d{2}(?:[- ]?\d{4}){2}\b", 0.3),
    ),
    "PHONE_NUMBER": (
        (
            "North American shape",
            r"(?<![\w-])(?:(?:\+|00)?1[-. ]?)?(?:\(\d{3}\) ?|\d{3}[-. ])\d{3}[-. ]\d{4}"
            r"(?: ?(?:x|ext\.?) ?\d{1,6})?(?![\w-])",
            0.4,
        ),
        ("International shape", r"(?<![\w+])\+\d(?:[ ()./-]{0,3}\d){7,14}(?!\w)", 0.4),
    ),
    "US_SSN": (
        ("SSN with wide separators", r"(?<![\d-])\d{3}(\s{2,3}|\t|\s?[-–]\s?)\d{2}\1\d{4}(?![\d-])", 0.5),
        ("SSN with slashes", r"(?<![\d/])\d{3}/\d{2}/\d{4}(?![\d/])", 0.5),
        (
            "SSN after its name",
            r"(?<=\b(?:ssn|social security(?: number| no\.?)?)(?: is)?[\s:#x_-]{0,3})\d{9}\b",
            0.6,
        ),
    ),
}


class Ours(NamedTuple):
    """A recognizer of our own.

    Attributes:
        entity_type: Entity type of its findings.
        keywords: The text must hold one of these words; none for any text.
        pattern: Regular expression of the value; labels stand in a lookbehind, so that the finding is the value alone.
        score: Score of a match, in (0, 1].
        context: Words near a match that raise its score.
        accepts: Check that lifts a match to 1.0; one that it refuses keeps its score.
        clue: The text must have a match of this too; cheaper than the pattern, for want of keywords.
    """

    entity_type: str
    keywords: str
    pattern: str
    score: float = 0.6
    context: str = ""
    accepts: Callable[[str], bool] | None = None
    clue: str = r"\d"


_IS = r"(?: ?(?:number|no\.?|num|nr\.?|#|id|code))?(?: is| was)?[\s:#=|>(\"']{1,6}"
_VALUE = r"(?=[\w-]*\d)[A-Z0-9](?:[A-Z0-9]|-(?=[A-Z0-9])){3,19}\b"
_AGE = r"(?:1[01]\d|120|[1-9]?\d)"
_BRITISH_POSTCODE = r"[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}"
_CANADIAN_POSTCODE = r"[A-Z]\d[A-Z] \d[A-Z]\d"
_POSTCODE = rf"(?:\d{{4,6}}(?:-\d{{3,4}})?|\d{{3}} \d{{2}}|{_BRITISH_POSTCODE}|{_CANADIAN_POSTCODE})\b"
_TOKENS = "|".join(
    (
        r"sk-[A-Za-z0-9_-]{20,200}|sk-(?=[A-Za-z_-]{0,20}\d)(?=[a-z\d_-]{0,20}[A-Z])[A-Za-z0-9_-]{12,20}",
        r"(?:sk|pk|rk)_(?:live|test)_[A-Za-z0-9]{8,200}",
        r"(?:hf|npm|pypi|dop_v1|shpat)[_-][A-Za-z0-9_-]{20,250}",
        r"github_pat_\w{22,255}",
        r"(?:whsec|sntrys|dckr_pat|dckr_oat|lin_api|figd|rubygems|secret|nvapi|gsk|r8|xai|pplx|sq0atp|sq0csp|EAAA|"
        r"PMAK|dp\.pt|"
        r"hvs|GOCSPX|xapp|glptt|gldt|ATATT|shpss|shpca|shppa|dapi|rdme)[._-]?[\w=-]{20,255}",
        r"ya29\.[\w-]{20,500}",
        r"key-[0-9a-z]{32}|[0-9a-f]{32}-us\d{1,2}|(?:AC|SK)[0-9a-f]{32}",
        r"\d{8,10}:AA[\w-]{33}",
        r"(?:ASIA|AROA|AIDA|ABIA|ACCA)[0-9A-Z]{16}",
        r"\d{6,15}-\w{32}\.apps\.googleusercontent\.com",
        r"SG\.[\w-]{16,64}\.[\w-]{16,80}",
        r"AKIA[0-9A-Z]{16}",
        # Public keys of SSH, which tell their owner.
        r"AAAA[BCE]3NzaC1[\w+/]{20,2000}={0,2}",
        r"gh[pousr]_[A-Za-z0-9]{36,255}",
        r"glpat-[\w-]{20,64}",
        r"xox[abprs]-[\w-]{10,200}",
        r"AIza[\w-]{35}",
        # JWT.
        r"eyJ[\w-]{8,4000}\.eyJ[\w-]{8,4000}\.[\w-]{8,2000}",
    )
)


_HOMES = (
    r"[/\\](?:home|homes|users?|usr|people|profiles?|members?|staff|accounts?|mail|home\$|in|documents and settings)"
)
_NO_HANDLES = (
    "property|staticmethod|classmethod|dataclass|param|returns?|override|media|import|charset|everyone|channel|here|all|"
    "gmail|home|work"
)
_NO_USERS = (
    r"(?:is|str|string|int|text|char|varchar|none|null|nil|undefined|true|false|required|optional|unknown|self|this|env|"
    r"process|os|config|settings|the|not|a|an)(?![\w-])"
)
_ACCOUNT = r"(?!(?:shared|public|default|local|bin|lib|share|include|sbin|src)[/\\])[A-Za-z][\w.-]{1,38}(?<![.-])"
_FIRST_LAST = r"(?!\w+\.(?:com|org|net|io|py|js|d|app|framework|so|git|egg)\b)[A-Za-z]{2,20}[._][A-Za-z]{2,20}"


def _make_labelled(
    entity_type: str, keywords: str, label: str, value: str, score: float = 0.6, clue: str = r"\d"
) -> Ours:
    return Ours(entity_type, keywords, rf"(?<=\b(?:{label}){_IS}){value}", score, clue=clue)


OURS = (
    _make_labelled("MEDICAL_RECORD", "mrn medical patient chart", "mrn|medical record|patient|chart", _VALUE),
    _make_labelled("PASSPORT", "passport", "passport", r"[A-Z]{0,2}\d{6,9}\b"),
    _make_labelled("LICENSE", "license licence dl", "licen[sc]e|dl", _VALUE),
    _make_labelled("ACCOUNT_NUMBER", "account acct", r"account|acct\.?|a/c", r"\d(?:[ -]?\d){5,19}\b"),
    _make_labelled("ROUTING_NUMBER", "routing aba sort", "routing|aba|sort", r"(?:\d{9}|\d\d-\d\d-\d\d)\b"),
    _make_labelled(
        "SWIFT_BIC",
        "swift bic",
        "swift(?:/bic)?|bic",
        r"(?-i:[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?)\b",
        clue=r"[A-Z0-9]{8}",
    ),
    _make_labelled(
        "HEALTH_PLAN", "member subscriber insurance beneficiary", "member|subscriber|insurance|beneficiary", _VALUE
    ),
    _make_labelled(
        "UNIQUE_ID", "customer client employee staff student", "customer|client|employee|staff|student", _VALUE
    ),
    _make_labelled("DEVICE_ID", "imei serial device", "imei|serial|device", r"(?=[\w-]*\d)[A-Z0-9-]{8,24}\b"),
    _make_labelled(
        "LICENSE_PLATE",
        "plate plates registration reg kennzeichen immatriculation matrícula matricula targa kenteken",
        r"plates?|registration|reg\.?|kennzeichen|immatriculation|matr[ií]cula|targa|kenteken",
        r"(?-i:(?=[A-Z0-9 -]{0,8}\d)(?=[A-Z0-9 -]{0,8}[A-Z])[A-Z0-9]{1,4}(?:[ -]?[A-Z0-9]{1,4}){1,3}"
        r"|(?!(?:19|20)\d\d\b)\d{4,8})\b",
    ),
    _make_labelled(
        "POSTCODE", "zip zipcode postcode postal post plz", "zip ?code|zip|post ?code|postal code|plz", _POSTCODE
    ),
    _make_labelled("CVV", "cvv cvc security", "cvv2?|cvc2?|security code", r"\d{3,4}\b"),
    Ours(
        "USERNAME",
        "username login user",
        rf"(?<=\b(?:user ?name|login|user ?id|user(?==))[\"']?(?: is|[:=]) ?[\"']?)(?!{_NO_USERS})"
        r"[\w.-]{3,32}(?<![.-])(?=[\"'&]| \w+=|\s?(?:$|[,;|)\n.])|\s(?:and|with|or|on|at|for|from|in|has|was|to)\b)",
        clue="[:=]|is",
    ),
    Ours(
        "AGE",
        "y yo yr yrs year years",
        rf"(?<![\w.,/-]){_AGE}(?=[ -]?(?:y/o|y\.?o\b|yrs?\.?[ -]?old|years?[ -]old))",
    ),
    Ours("AGE", "age aged ages", rf"(?<=\b(?:aged?(?: of)?|ages)(?: is)?[:= ]{{1,2}}){_AGE}(?!\d|[.,/-]\d|%)"),
    Ours("API_KEY", "", rf"(?<![\w-])(?-i:{_TOKENS})(?![\w-])", 0.9, clue=r"[\w-]{15}"),
    # Accounts of Ethereum and of chains like it.
    Ours("ACCOUNT_NUMBER", "", r"(?<!\w)0x[0-9a-f]{40}(?!\w)", 0.9, clue=r"0x[0-9a-fA-F]{40}"),
    Ours(
        "API_KEY",
        "key token secret bearer apikey",
        r"(?<=\b(?:api[ _-]?key|token|secret|bearer)[ :=\"']{1,4})(?=[\w-]*\d)[\w-]{16,128}\b",
    ),
    Ours(
        "VEHICLE_ID",
        "",
        r"\b(?=[A-Z0-9]*\d)[A-HJ-NPR-Z0-9]{17}\b",
        0.1,
        "vin vehicle chassis car",
        is_vin,
        r"[A-Za-z0-9]{17}",
    ),
    Ours(
        "EMAIL_ADDRESS",
        "",
        r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9][A-Za-z0-9._%+'-]{0,63}@{1,2}(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![A-Za-z])",
        0.9,
        clue="@",
    ),
    Ours("API_KEY", "", r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----[\s\S]{0,8000}", 0.9, clue="PRIVATE KEY"),
    Ours("POSTCODE", "", rf"\b(?-i:{_BRITISH_POSTCODE}|{_CANADIAN_POSTCODE})\b", 0.5, clue=r"\d[A-Z]"),
    Ours("POSTCODE", "", r"(?<=, (?-i:[A-Z]{2}) )\d{5}(?:-\d{4})?\b", 0.65, clue=r", [A-Z]{2} \d{5}"),
    Ours(
        "URL",
        "",
        r"(?<![A-Za-z0-9])[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s/@:'\"<>]{1,100}:[^\s/@'\"<>]{1,100}@[^\s'\"<>]{1,500}",
        0.9,
        clue="://",
    ),
    Ours("USERNAME", "", rf"(?<=(?:{_HOMES})[/\\]){_ACCOUNT}(?=[/\\\s\"',;:)]|$)", clue=r"[/\\]"),
    Ours("USERNAME", "", rf"(?<=[/\\~]){_FIRST_LAST}(?=[/\\])", clue=r"[/\\~]"),
    # Accounts of databases: 'anna'@'localhost', and "mysql -u anna -pSecret".
    Ours("USERNAME", "", r"(?<=['\"`])[A-Za-z][\w.-]{1,38}(?=(['\"`])@\1)", clue="@"),
    Ours("USERNAME", "", r"(?<=\s-u ?)[A-Za-z][\w.-]{1,38}(?= -p ?[^\s-])", clue=r"\s-u"),
    Ours("PASSWORD", "", r"(?<=\s-u ?[A-Za-z][\w.-]{1,38} -p ?)[^\s'\"-][^\s'\"]{2,127}", clue=r"\s-u"),
    Ours("USERNAME", "", rf"(?<=/~){_ACCOUNT}(?![\w.-])", clue="/~"),
    Ours(
        "USERNAME",
        "",
        rf"(?<![\w@/+-])(?<!\w\.)@(?!(?:{_NO_HANDLES})\b)_{{0,2}}[A-Za-z]\w{{1,38}}"
        r"(?:[.-]\w{1,38}){0,4}(?![\w@/(]|[.-]\w)",
        clue="@",
    ),
    Ours("COORDINATE", "", r"(?<![\w.])-?\d{1,2}\.\d{4,},\s?-?\d{1,3}\.\d{4,}(?![\w.])", clue=r"\.\d{4,},"),
    Ours("COORDINATE", "", r"\d{1,3}°\s?\d{1,2}['′](?:\s?\d{1,2}(?:\.\d+)?[\"″])?\s?[NSEW]\b", clue="°"),
)
