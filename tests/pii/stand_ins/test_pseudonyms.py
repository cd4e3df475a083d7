import ipaddress
import pickle
import re
import subprocess
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ss_ray.errors import ConfigError, PrivacyError
from ss_ray.pii.entities import ENTITY_TYPES
from ss_ray.pii.stand_ins.formats import digits_of
from ss_ray.pii.stand_ins.pseudonyms import MASK, Pseudonyms, normalise
from ss_ray.tables.check_digits import luhn_digit
from tests.examples import examples

KEY = b"a key of the tests, 32 bytes long"
NO_FORMAT = {"UNKNOWN", "TITLE", "GENDER", "NRP", "SENSITIVE", "DATE_OF_BIRTH", "DATE_TIME"}
TYPES = sorted(ENTITY_TYPES - NO_FORMAT)
QUICK = examples(50)
VALUES = st.one_of(
    st.text(min_size=1, max_size=20),
    st.from_regex(
        r"[2-9][0-9]{2}-555-[0-9]{4}|[0-9]{3}-[0-9]{2}-[0-9]{4}|4[0-9]{15}|[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}",
        fullmatch=True,
    ),
    st.from_regex(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,20}|\+[0-9]{9,14}|[A-Za-z]+@[a-z]+\.com", fullmatch=True),
)

SAMPLES = {
    "FIRST_NAME": "Anna",
    "LAST_NAME": "Li",
    "PERSON": "Anna Li",
    "STREET_ADDRESS": "1 Main St",
    "ADDRESS": "1 Main St, Bonn",
    "CITY": "Bonn",
    "STATE": "TX",
    "POSTCODE": "12345",
    "EMAIL_ADDRESS": "anna@example.edu",
    "PHONE_NUMBER": "(212) 555-0147",
    "US_SSN": "219-09-9998",
    "NATIONAL_ID": "AB 123",
    "TAX_ID": "12-3456789",
    "CREDIT_CARD": "4111 1111 1111 1111",
    "IBAN_CODE": "DE89 3704 0044 0532 0130 00",
    "IP_ADDRESS": "8.8.4.4",
    "MAC_ADDRESS": "00:1B:44:11:3A:B7",
    "URL": "https://www.example.edu/people/1",
    "USERNAME": "anna1",
    "PASSWORD": "s3cret1",
    "FAX_NUMBER": "(212) 555-0147",
    "COUNTRY": "Germany",
    "LOCATION": "Bonn",
    "LATITUDE": "52.5211",
    "LONGITUDE": "13.4011",
    "COORDINATE": "52.5211, 13.4011",
    "PASSPORT": "C01X00T41",
    "LICENSE": "D1234561",
    "CVV": "112",
    "PIN": "1121",
    "ACCOUNT_NUMBER": "000111222",
    "ROUTING_NUMBER": "021000021",
    "SWIFT_BIC": "DEUTDEFF1XX",
    "MEDICAL_RECORD": "MRN-100231",
    "HEALTH_PLAN": "HP1002",
    "UNIQUE_ID": "C-10021",
    "DEVICE_ID": "356938035643801",
    "BIOMETRIC": "fp-0011",
    "VEHICLE_ID": "1HGCM82633A004352",
    "LICENSE_PLATE": "AB-C 1234",
    "API_KEY": "sk-1a2b3c",
    "AGE": "41",
    "ORGANIZATION": "Contoso 1",
    "JOB_TITLE": "Baker 1",
}


@examples(150)
@given(st.sampled_from(TYPES), VALUES)
@example("ACCOUNT_NUMBER", "- ")  # has nothing to permute
def test_stand_in_is_stable_and_never_the_original(pseudonyms, entity_type, value):
    first = pseudonyms.stand_in(entity_type, value)
    pseudonyms.stand_in("FIRST_NAME", "another call in between")
    assert pseudonyms.stand_in(entity_type, value) == first
    if value.strip():
        assert normalise(entity_type, first) != normalise(entity_type, value)


@examples(15)
@given(st.permutations([(entity_type, f"{value}{i}") for entity_type, value in SAMPLES.items() for i in range(2)]))
def test_order_of_the_calls_does_not_matter(pseudonyms, calls):
    fresh = Pseudonyms(KEY)
    assert [fresh.stand_in(*call) for call in calls] == [pseudonyms.stand_in(*call) for call in calls]


@pytest.mark.slow
def test_another_process_gives_the_same_stand_ins(pseudonyms):
    code = f"from ss_ray.pii.stand_ins.pseudonyms import Pseudonyms; p = Pseudonyms({KEY!r});"
    code += f"print([p.stand_in(t, v) for t, v in {SAMPLES!r}.items()])"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.strip() == str([pseudonyms.stand_in(*sample) for sample in SAMPLES.items()])


@pytest.mark.parametrize("entity_type", TYPES)
def test_another_key_changes_the_stand_ins(entity_type):
    values = [SAMPLES[entity_type].replace("1", str(number)) + " " * number for number in range(5)]
    first, second = Pseudonyms(b"1" * 16), Pseudonyms(b"2" * 16)
    assert [first.stand_in(entity_type, v) for v in values] != [second.stand_in(entity_type, v) for v in values]


def test_key_shows_in_no_repr_and_survives_pickling(pseudonyms):
    assert "key of the tests" not in repr(pseudonyms)
    assert pickle.loads(pickle.dumps(pseudonyms)).stand_in("CITY", "Bonn") == pseudonyms.stand_in("CITY", "Bonn")


@pytest.mark.parametrize(
    ("entity_type", "one", "other"),
    [
        ("FIRST_NAME", "José", "JOSE\u0301 "),
        ("PHONE_NUMBER", "(212) 555-0147", "+1 212.555.0147"),
        ("US_SSN", "219-09-9998", "219099998"),
        ("CREDIT_CARD", "4111-1111-1111-1111", "4111111111111111"),
        ("IBAN_CODE", "DE89 3704 0044 0532 0130 00", "de89370400440532013000"),
        ("EMAIL_ADDRESS", "Anna@Example.com", "anna@example.com"),
    ],
)
def test_spellings_of_one_value_get_one_stand_in(pseudonyms, entity_type, one, other):
    stand_ins = [normalise(entity_type, pseudonyms.stand_in(entity_type, value)) for value in (one, other)]
    assert stand_ins[0] == stand_ins[1]


@QUICK
@given(st.from_regex(r"\(?[2-9][0-9]{2}[) .-]{1,2}[0-9]{3}[ .-][0-9]{4}( x[0-9]{1,6})?", fullmatch=True))
def test_north_american_phone_keeps_its_shape_and_gets_the_exchange_555(pseudonyms, value):
    stand_in = pseudonyms.stand_in("PHONE_NUMBER", value)
    assert re.sub(r"\d", "#", stand_in) == re.sub(r"\d", "#", value)
    assert digits_of(stand_in)[3:6] == "555"


@QUICK
@given(st.from_regex(r"\+?[1-9][0-9 /-]{5,12}[0-9]", fullmatch=True))
def test_other_phones_keep_their_shape(pseudonyms, value):
    if len(digits_of(value)) >= 6:
        stand_in = pseudonyms.stand_in("PHONE_NUMBER", value)
        assert re.sub(r"\d", "#", stand_in) == re.sub(r"\d", "#", value)


@QUICK
@given(st.from_regex(r"[0-8][0-9]{2}([-. ]?)[0-9]{2}\1[0-9]{4}", fullmatch=True))
def test_ssn_keeps_its_separators_and_is_never_issued(pseudonyms, value):
    stand_in = pseudonyms.stand_in("US_SSN", value)
    assert re.sub(r"\d", "#", stand_in) == re.sub(r"\d", "#", value)
    digits = digits_of(stand_in)
    assert digits[0] == "9"
    assert 1 <= int(digits[3:5]) < 50
    assert digits[5:] != "0000"


@QUICK
@given(st.integers(12, 19), st.sampled_from(["", " ", "-"]), st.sampled_from("23456"))
def test_card_keeps_its_format_and_passes_the_luhn_test(pseudonyms, length, separator, network):
    value = separator.join(re.findall(".{1,4}", network + "1" * (length - 1)))
    stand_in = pseudonyms.stand_in("CREDIT_CARD", value)
    digits = digits_of(stand_in)
    assert re.sub(r"\d", "#", stand_in) == re.sub(r"\d", "#", value)
    assert digits[0] == network
    assert digits[-1] == luhn_digit(digits[:-1])


def test_luhn_digit_of_a_known_number():
    assert luhn_digit("7992739871") == "3"  # the example of ISO/IEC 7812-1, annex B


@pytest.mark.parametrize("value", ["DE89 3704 0044 0532 0130 00", "GB33BUKB20201555555555", "not an IBAN"])
def test_iban_has_valid_check_digits_and_is_detected(pseudonyms, detector, value):
    stand_in = pseudonyms.stand_in("IBAN_CODE", value)
    compact = stand_in.replace(" ", "")
    assert int("".join(str(int(c, 36)) for c in compact[4:] + compact[:4])) % 97 == 1
    assert len(stand_in) == len(value) or value == "not an IBAN"


@QUICK
@given(st.ip_addresses())
def test_ip_stays_in_its_version_and_in_a_private_or_documentation_range(pseudonyms, address):
    stand_in = ipaddress.ip_address(pseudonyms.stand_in("IP_ADDRESS", str(address)))
    assert stand_in.version == address.version
    assert stand_in in ipaddress.ip_network("10.0.0.0/8" if address.version == 4 else "2001:db8::/32")


def test_email_is_at_a_reserved_domain(pseudonyms):
    domains = {pseudonyms.stand_in("EMAIL_ADDRESS", f"a{n}@b{n}.de").partition("@")[2] for n in range(50)}
    assert domains == {"example.com", "example.org", "example.net"}


@pytest.mark.parametrize("entity_type", ["PHONE_NUMBER", "US_SSN", "CREDIT_CARD", "IBAN_CODE", "IP_ADDRESS"])
@pytest.mark.parametrize("value", ["ask Wanda Quux", "Wanda 212-555-0147", "1.2.3.4/Wanda", "+49 Wanda 12345678"])
def test_value_without_the_format_leaves_no_letter_behind(pseudonyms, entity_type, value):
    stand_in = pseudonyms.stand_in(entity_type, value)
    assert not {"Wanda", "Quux"} & set(re.findall(r"[A-Za-z]+", stand_in))


@pytest.mark.parametrize("entity_type", ["PHONE_NUMBER", "US_SSN", "CREDIT_CARD", "IP_ADDRESS", "EMAIL_ADDRESS"])
def test_stand_ins_are_found_again_as_what_they_are(pseudonyms, detector, entity_type):
    for number in range(20):
        stand_in = pseudonyms.stand_in(entity_type, f"no format {number}")
        assert [f.entity_type for f in detector.find(f"see {stand_in} there")] == [entity_type]


def test_names_keep_upper_and_lower_case(pseudonyms):
    names = [pseudonyms.stand_in("FIRST_NAME", value) for value in ("Anna", "ANNA", "anna")]
    assert names == [names[0], names[0].upper(), names[0].lower()]


def test_locale_decides_the_names():
    names = {Pseudonyms(KEY, "de_DE").stand_in("CITY", f"Rome {number}") for number in range(30)}
    assert names.isdisjoint({Pseudonyms(KEY).stand_in("CITY", f"Rome {number}") for number in range(30)})


def test_unknown_is_masked_alike_and_blank_stays_blank(pseudonyms):
    assert {pseudonyms.stand_in("UNKNOWN", value) for value in ("a", "longer value", "1")} == {MASK}
    assert pseudonyms.stand_in("FIRST_NAME", "") == ""
    assert pseudonyms.stand_in("PHONE_NUMBER", "  ") == "  "
    assert pseudonyms.stand_in("TAX_ID", "-") == MASK


def test_short_keys_unknown_locales_and_unknown_types_are_refused(pseudonyms):
    with pytest.raises(PrivacyError, match="16"):
        Pseudonyms(b"short")
    with pytest.raises(ConfigError, match="locale"):
        Pseudonyms(KEY, "xx_XX")
    with pytest.raises(ConfigError, match="SHOE_SIZE"):
        pseudonyms.stand_in("SHOE_SIZE", "44")


@pytest.mark.parametrize(
    ("entity_type", "value"),
    [
        ("US_SSN", "XXX-XX-2409"),
        ("CREDIT_CARD", "xxxx-xxxx-xxxx-1234"),
        ("CREDIT_CARD", "4111\u00a01111\u00a01111\u00a01111"),
        ("IBAN_CODE", "DE89.3704.0044.0532.0130.00"),
        ("ROUTING_NUMBER", "20-45-67"),
    ],
)
def test_a_number_keeps_its_mask_and_its_separators(pseudonyms, entity_type, value):
    made = pseudonyms.stand_in(entity_type, value)
    assert made != value
    assert [c for c in made if not c.isdigit()] == [c for c in value if not c.isdigit()]


@pytest.mark.parametrize(
    ("card", "shape"),
    [
        ("4539148803436467", r"(\d)(\d{15})"),
        ("4539148803436467.0", r"(\d)(\d{15})\.0"),
        ("4.539148803436467e+15", r"(\d)\.(\d{15})e\+15"),
        ("4.539148803436467E15", r"(\d)\.(\d{15})E15"),
        ("4,539148803436467E+15", r"(\d),(\d{15})E\+15"),
        ("4.539148803436467O+15", r"(\d)\.(\d{15})O\+15"),
    ],
)
def test_card_as_a_spreadsheet_wrote_it_keeps_its_form_and_its_stand_in(pseudonyms, card, shape):
    made = re.fullmatch(shape, pseudonyms.stand_in("CREDIT_CARD", card))
    assert made is not None
    assert made[1] + made[2] == pseudonyms.stand_in("CREDIT_CARD", "4539 1488 0343 6467").replace(" ", "")


@pytest.mark.parametrize("form", ["{}.{}E+15", "{}{}0000000000", "{}{}0000000000.0", "{}.{}O+41"])
def test_rounded_cards_stay_apart_and_keep_their_form(pseudonyms, form):
    cards = [form.format(5, f"{number:05d}") for number in range(30_000, 30_500)]
    made = [pseudonyms.stand_in("CREDIT_CARD", card) for card in cards]
    shape = re.escape(form).replace(r"\{\}", r"5", 1).replace(r"\{\}", r"\d{5}")
    assert all(re.fullmatch(shape, card) for card in made)
    assert len(set(made)) == len(cards)
    assert not set(made) & {cards[0]}


def test_id_with_an_exponent_keeps_the_exponent(pseudonyms):
    assert re.fullmatch(r"\d\.\d{5}E\+12", pseudonyms.stand_in("NATIONAL_ID", "5.70611E+12"))
