"""Secrets and identifiers in the forms in which logs, configurations, records and letters hold them.

In each case brackets mark what has to be found, letters and digits of it at least.
"""

import re
import time

import pytest

from ss_ray.pii.entities import BY_NAME, Operator
from ss_ray.pii.text.detect import Detector

IN_PROGRAMS = """
dbPass: "[wXk29slqq]",
mail_password=[Regen.Tonne55]
PORTAL_PASS = "[Qz8-Uhu-31]"
userPassword=[kohlrabi77]
pass := "[$Rt7#uuK]"
ALTER USER hr IDENTIFIED BY '[gRasHalm]';
CREATE USER '[reporting]'@'10.2.3.4';
mysql -u [root_ann] -p[Winter2xyz] shop
connect("host=db1 user=[jmiller] password=[Zq11pw!x] dbname=x")
mysqlUser = '[svc_billing]'
secretKey: '[77f6d081884c7d659a2feaa0c55ad099]'
client_secret = "[Gq7~8x.Tk2_ppWq1]"
Session: [5bac93e04eaabbeff90c99b3bfbab21c]
"customerId": [C88123A],
session opened for user [mweber] by (uid=0)
""".strip().splitlines()
BEHIND_LABELS = """
Transfer by IBAN to [GB30ABCD60309977]
IBAN [DE11168663008212375499]
iban: [DE12 1686 6300 8212 3754 18]
Card: [4000-0000-0104-9765]
paid with card [374245455400128]
Kreditkarte [4929 1234 1234 1235]
SSN [666-57-4627]
SSN [376-68-4S93]
SSN ending in [6789]
Reisepass [C4VKZ1J9K]
registration [LR09 KTU]
matrícula [1234 BCD]
Kennzeichen [M-AB 1234]
BIC: [COBADEFFXXX]
(ID: [MRN-7095741])
[EMP-82841], Anna
Policy No. [HX 22 991 A]
docket [1:21-cv-00457]
Bar No. [224456]
his ID is [88-1123-X]
Accession No. [S21-004513]
visit number: [V00012346]
Index No. [652032/2020]
Emirates ID [784-1980-1234567-2]
HKID [A123456(7)]
historia clínica n.º [88124]
Her account, which she opened in 2019, is [77412234]
Patient's record number, as far as I know, is [0099127].
logged in as [pkowalski]
the password you asked for is [tulip-garden-9]
use code [482914] to log in
""".strip().splitlines()
BEFORE_LABELS = """
[771203] is your verification code
use [Xk29!plm] as password
[blau7wiese] is the password
[07700 900124] is her mobile number
[K99812346] (passport)
[943-476-5918] is his NHS number
[4711 0815 22] ist meine Kontonummer
""".strip().splitlines()
NAMES = """
EMP-1,[Monika Hoffmann],monika.hoffmann66@example.com,Sales
[Oyelaran, Temitope]|temitope.oyelaran@example.org
Record: [Кenneth Yоung] - kenneth.yоung54@exаmple.com
Contact [M\u200bary L\ufeffopez] at mary.lopez66@example.com
Partly hidden: [D**** W*****], born in spring
""".strip().splitlines()
CLEAN = """
The password that protects the archive is weak.
The first pass is slow, the second pass is fast.
password = os.environ["PASSWORD"]
const dbPass = process.env.DB_PASS;
dbUser: string
maxPasswordLength = 128
sessionTimeout = 3600
session: 2021-11-05T10:30
sort -u names.txt
docker run -u node app
Sign in as soon as you can.
He logged in as usual.
300000 is the policy limit.
12000 was the plan for the spring.
10000 is my record
We sold 12345 (case) units.
Visa applications rose to 12000 in 2019.
Swift response in 2 hours is expected.
The IBAN is a standard of 1997.
IBAN checks take 2 or 3 days
Registration fee 250
The plates are 12 cm wide.
Reg. 2016/679 applies.
Bar 21 opens in May.
ID badges are made on floor 12.
Use code SAVE20 at checkout.
From 122 to 241 there were 59 sessions: dd4 was first.
CLM-1 and POL-01
Part No. 65203-2020
Regulation No. 2016/6790
the total number is 65203
My favourite number is 12345.
an absolute dream #90210
we sat at the bar (2012)
See attached file: Sam3102.doc
Customer Service: customer.service@example.com
""".strip().splitlines()


@pytest.fixture(scope="module")
def patterns():
    return Detector(ner_model=None)


def find_hidden(detector, text):
    """Places of a text that are replaced unless the configuration says otherwise."""
    findings = [f for f in detector.find(text) if BY_NAME[f.entity_type].operator is not Operator.KEEP]
    return {place for f in findings for place in range(f.start, f.end)}


@pytest.mark.parametrize("marked", [*IN_PROGRAMS, *BEHIND_LABELS, *BEFORE_LABELS, *NAMES])
def test_marked_part_is_found(patterns, marked):
    parts = re.split(r"[\[\]]", marked)
    text = "".join(parts)
    hidden = find_hidden(patterns, text)

    for number in range(1, len(parts), 2):
        start = sum(map(len, parts[:number]))
        part = parts[number]
        missed = [text[at] for at in range(start, start + len(part)) if at not in hidden and text[at].isalnum()]
        assert not missed


@pytest.mark.parametrize("text", CLEAN)
def test_words_that_only_look_alike_are_kept(patterns, text):
    hidden = find_hidden(patterns, text)
    assert not any(text[at].isalnum() for at in hidden) or "@" in text

    # The address itself is personal, the words before it are not.
    assert not any(at < text.find(":") for at in hidden)


@pytest.mark.parametrize(
    ("text", "entity_type"),
    [
        ("Card: 4000-0000-0104-9765", "CREDIT_CARD"),
        ("card ending in 4242", "ACCOUNT_NUMBER"),
        ("IBAN DE11168663008212375499", "IBAN_CODE"),
        ("phone unknown, logged in from 195.179.31.102", "IP_ADDRESS"),
        ("ID: 123.456.789-09", "NATIONAL_ID"),
        ("ID: 88-1123-X", "UNIQUE_ID"),
        ("Phoenix, AZ 85001", "POSTCODE"),
        ("AZ: 12 O 345/20", "UNIQUE_ID"),
    ],
)
def test_value_gets_the_type_that_its_word_says(patterns, text, entity_type):
    assert [f.entity_type for f in patterns.find(text)] == [entity_type]


@pytest.mark.parametrize(
    "text",
    [
        "IBAN GB12" + "1A" * 20_000 + "x",
        "iban " + "ab " * 20_000,
        "password " + "that we use " * 10_000,
        "case no. " + "A1-" * 5_000,
        "is the " * 20_000 + "number",
        "a.b" * 20_000 + "@example.com",
        "Accession No. " * 5_000,
    ],
)
def test_long_repetitions_end_in_time(patterns, text):
    started = time.process_time()
    patterns.find(text)
    assert time.process_time() - started < 4


def test_label_in_capitals_that_a_dash_joins_is_part_of_the_identifier(patterns):
    text = "badge of EMP-82841 and emp 82842"
    assert [text[f.start : f.end] for f in patterns.find(text)] == ["EMP-82841", "82842"]
