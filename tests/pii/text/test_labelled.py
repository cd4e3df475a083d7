"""Secrets and identifiers are found behind the words that announce them; the words alone find nothing."""

import pytest

from ss_ray.pii.text.detect import Detector


@pytest.fixture(scope="module")
def patterns():
    return Detector(ner_model=None)


PASSWORDS = [  # text, the secret in it
    ("my password is Tulip-Garden7", "Tulip-Garden7"),
    ("her password is sunshine", "sunshine"),
    ("pw: kestrel", "kestrel"),
    ("PW:kestrel!", "kestrel!"),
    ("password - Blue.Heron88", "Blue.Heron88"),
    ("temporary password Xk4-pp9z", "Xk4-pp9z"),
    ("login with anna.b/Winter2024!", "Winter2024!"),
    ("credentials: admin / hunter2", "hunter2"),
    ("Passwort: Sommer#19", "Sommer#19"),
    ("das Passwort lautet Apfelbaum3", "Apfelbaum3"),
    ("Kennwort ist Regen!wald", "Regen!wald"),
    ("mot de passe : soleil2020", "soleil2020"),
    ("le mot de passe est Lavande_9", "Lavande_9"),
    ("mdp: azerty77", "azerty77"),
    ("contraseña: Girasol.5", "Girasol.5"),
    ("la contraseña es Luna#Nueva", "Luna#Nueva"),
    ("la password è Vesuvio79", "Vesuvio79"),
    ("senha: Cavaco1x", "Cavaco1x"),
    ("a senha é Cavaco1x", "Cavaco1x"),
    ("wachtwoord is Tulp#44", "Tulp#44"),
    ("wachtwoord: Fiets12", "Fiets12"),
    ("wifi password for guests: bluebird99", "bluebird99"),
    ("I reset it, the new password is now Q!w2e3r4.", "Q!w2e3r4"),
    ('pwd="s3cr3t-x"', "s3cr3t-x"),
    ("passphrase: correcthorse", "correcthorse"),
    ("changed the password to Mango_77 today", "Mango_77"),
    ("Server=db;User Id=sa;Password=Zx9.kk2;Encrypt=yes", "Zx9.kk2"),
    ("logged in as guest/Pass4guest", "Pass4guest"),
    ("Password for the portal is rainy-day-55", "rainy-day-55"),
    ('the password "Green Hill 9" works', "Green Hill 9"),
    ("mot de passe temporaire Ty9-tt4", "Ty9-tt4"),
    ("la clave del wifi es casa2020!", "casa2020!"),
    ("a senha do portal é Gato_22", "Gato_22"),
]
PINS = [
    ("PIN 4711", "4711"),
    ("his pin is 90210", "90210"),
    ("code PIN : 4711", "4711"),
    ("die Geheimzahl lautet 4711", "4711"),
    ("your one-time code is 482913", "482913"),
    ("verification code: 482 913", "482 913"),
    ("door code 4711", "4711"),
    ("código pin 8844", "8844"),
]
KEYS = [
    ("My key sk-4hTq92LkPzx01 leaked", "sk-4hTq92LkPzx01"),
    ("It shows rk_live_7fQ2mZ9x now", "rk_live_7fQ2mZ9x"),
    ("key-3ax6xnjp29jd6fds4gc373sgvjxteol0", "key-3ax6xnjp29jd6fds4gc373sgvjxteol0"),
    ("api key: 9f8e7d6c5b4a", "9f8e7d6c5b4a"),
    ("the API key is zt81-kk20-99ab-x1", "zt81-kk20-99ab-x1"),
    ("client_secret=V8xkQ2mm91aa", "V8xkQ2mm91aa"),
    ("Authorization: Bearer abCD1234efGH5678", "abCD1234efGH5678"),
    ("AccountKey=Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MA==;", "Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MA=="),
    ("access token 77aa88bb99cc00dd", "77aa88bb99cc00dd"),
    ("API-Schlüssel: a1b2c3d4e5", "a1b2c3d4e5"),
    ("clé API : a1b2c3d4e5", "a1b2c3d4e5"),
    (
        "github_pat_11ABCDEFG0aaaaaaaaaaaa_bbbbbbbbbbbbbbbbbbbb",
        "github_pat_11ABCDEFG0aaaaaaaaaaaa_bbbbbbbbbbbbbbbbbbbb",
    ),
    ("ya29.a0AfH6SMBx-abcdefghijklmnop", "ya29.a0AfH6SMBx-abcdefghijklmnop"),
    ("whsec_" + "a1B2c3D4" * 4, "whsec_" + "a1B2c3D4" * 4),
]
IDS = [
    ("deposit into checking 3344009911 today", "3344009911"),
    ("Direct deposit: 883300127 (Harbor Bank)", "883300127"),
    ("transferred to 6610992204 on Monday", "6610992204"),
    ("überwiesen auf 4471902338", "4471902338"),
    ("livret 00918273645", "00918273645"),
    ("her account: DE-44-019283", "DE-44-019283"),
    ("The account number of Olga Stone is 4471902", "4471902"),
    ("Kontonummer von Olga Stein lautet 4471902", "4471902"),
    ("passport of the applicant: K7710293", "K7710293"),
    ("wallet 0x9f8a3bC2d1E04b77a61fC09Ed2281Ab34F90c1De", "0x9f8a3bC2d1E04b77a61fC09Ed2281Ab34F90c1De"),
    ("travel document N1200345", "N1200345"),
    ("documento de viaje XDB402919", "XDB402919"),
    ("PP No.: J8812093", "J8812093"),
    ("FEIN #36-4410293", "36-4410293"),
    ("Employer Identification Number: 36-4410293", "36-4410293"),
    ("IRS no. 36-4410293", "36-4410293"),
    ("account no. 4471 8823 01", "4471 8823 01"),
    ("acct # 88-4471-02", "88-4471-02"),
    ("Account number is 00123", "00123"),
    ("account ending in 4471", "4471"),
    ("acct 0099887766", "0099887766"),
    ("my account number, 4471 8823, was charged", "4471 8823"),
    ("account ending with 998", "998"),
    ("Kto.-Nr. 1234567", "1234567"),
    ("Policen-Nr. 77-123456", "77-123456"),
    ("lidnummer 554433", "554433"),
    ("my account: AB/4471/88", "AB/4471/88"),
    ("a/c 123456789", "123456789"),
    ("Kontonummer 4711 0815 22", "4711 0815 22"),
    ("Konto-Nr.: 471108", "471108"),
    ("Konto 47110815", "47110815"),
    ("numéro de compte : 00012345678", "00012345678"),
    ("compte n° 12345-678-90", "12345-678-90"),
    ("cuenta número 0049 1500 05", "0049 1500 05"),
    ("n. di conto 000012345", "000012345"),
    ("conta corrente nº 12345-6", "12345-6"),
    ("rekeningnummer 41.73.90.220", "41.73.90.220"),
    ("policy number POL-88-2231", "POL-88-2231"),
    ("policy 88123477", "88123477"),
    ("Versicherungsnummer: 65 170839 J 003", "65 170839 J 003"),
    ("póliza nº 99-221-7", "99-221-7"),
    ("polizza n. 1234567", "1234567"),
    ("polisnummer 44120987", "44120987"),
    ("member ID W1234 56789", "W1234 56789"),
    ("member #88214", "88214"),
    ("employee 20311", "20311"),
    ("employee no 4417", "4417"),
    ("Personalnummer 00347", "00347"),
    ("matricule 88-1234", "88-1234"),
    ("empleado nº 5521", "5521"),
    ("matricola 77123", "77123"),
    ("personeelsnummer 90112", "90112"),
    ("case number 21-cv-00412", "21-cv-00412"),
    ("case no. 2021-00412", "2021-00412"),
    ("case #CS0098812", "CS0098812"),
    ("Aktenzeichen 12 O 345/21", None),
    ("ticket INC0012345", "INC0012345"),
    ("ticket number 77-123", "77-123"),
    ("voter registration number 1009382", None),
    ("voter ID: ABC1234567", "ABC1234567"),
    ("customer no. K-20331", "K-20331"),
    ("Kundennummer lautet 20331-7", "20331-7"),
    ("numéro client 004412", "004412"),
    ("klantnummer: 883311", "883311"),
    ("tax id 12-3456789", "12-3456789"),
    ("TFN 123 456 782", "123 456 782"),
    ("Steuernummer 12/345/67890", "12/345/67890"),
    ("Steuer-ID: 86 095 742 719", "86 095 742 719"),
    ("USt-IdNr. DE136695976", "DE136695976"),
    ("numéro fiscal 30 23 217 600 053", "30 23 217 600 053"),
    ("NIF 501964843", "501964843"),
    ("codice fiscale RSSMRA85T10A562S", "RSSMRA85T10A562S"),
    ("PAN ABCPK1234L", "ABCPK1234L"),
    ("routing 021000021", "021000021"),
    ("sort code 20-45-67", "20-45-67"),
    ("BLZ 370 400 44", "370 400 44"),
    ("MRN 00-44-71", "00-44-71"),
    ("MRN#4471823", "4471823"),
    ("patient no. P/4471", "P/4471"),
    ("Patientennummer 998812", "998812"),
    ("NHS no 943 476 5919", "943 476 5919"),
    ("Aadhaar 2345-6789-0124", "2345-6789-0124"),
    ("CPF 111.444.777-35", "111.444.777-35"),
    ("CPF: 11144477735", "11144477735"),
    ("DNI: 12.345.678-Z", "12.345.678-Z"),
    ("NIR 1 85 05 78 006 084 91", "1 85 05 78 006 084 91"),
    ("numéro de sécurité sociale 1 85 05 78 006 084 91", "1 85 05 78 006 084 91"),
    ("BSN 1112.22.333", "1112.22.333"),
    ("burgerservicenummer: 111222333", "111222333"),
    ("PESEL: 44051401359", "44051401359"),
    ("SIN 046-454-286", "046-454-286"),
    ("NI number QQ 12 34 56 C", "QQ 12 34 56 C"),
    ("national insurance AB123456C", "AB123456C"),
    ("Sozialversicherungsnummer 12 150780 J 009", "12 150780 J 009"),
    ("cédula 1.032.456.789", "1.032.456.789"),
    ("carta d'identità CA12345AA", "CA12345AA"),
    ("Passport No: X 123 4567", "X 123 4567"),
    ("Reisepass C01X00T47", "C01X00T47"),
    ("passeport n° 12AB34567", "12AB34567"),
    ("Führerschein-Nr. B072RRE2I55", "B072RRE2I55"),
    ("rijbewijs 5123456789", "5123456789"),
]
CHECKED = [
    ("CPF dele, que perdeu: 111.444.777-35", "111.444.777-35"),
    ("he wrote 111.444.777-35 on it", "111.444.777-35"),
    ("bring 12345678Z tomorrow", "12345678Z"),
    ("RSSMRA85T10A562S signed", "RSSMRA85T10A562S"),
    ("it says 131052-308T there", "131052-308T"),
    ("DE89\u00a03704\u00a00044\u00a00532\u00a00130\u00a000", "DE89\u00a03704\u00a00044\u00a00532\u00a00130\u00a000"),
    ("DE89.3704.0044.0532.0130.00", "DE89.3704.0044.0532.0130.00"),
    ("DE89 3704\n0044 0532\n0130 00", "DE89 3704\n0044 0532\n0130 00"),
    ("GB 29 NWBK 601613 31926819", "GB 29 NWBK 601613 31926819"),
    ("FR14 20041 01005 0500013M026 06", "FR14 20041 01005 0500013M026 06"),
    ("NL91-ABNA-0417-1643-00", "NL91-ABNA-0417-1643-00"),
    ("4111\u00a01111\u00a01111\u00a01111", "4111\u00a01111\u00a01111\u00a01111"),
    ("4111.1111.1111.1111", "4111.1111.1111.1111"),
    ("4111–1111–1111–1111", "4111–1111–1111–1111"),
    ("41111 11111 111111", "41111 11111 111111"),
    ("4111 1111\n1111 1111", "4111 1111\n1111 1111"),
    ("3782 822463 10005", "3782 822463 10005"),
    ("card 41 11 11 11 11 11 11 11", "41 11 11 11 11 11 11 11"),
    ("SSN on file XXX-XX-2409", "XXX-XX-2409"),
    ("paid with ****1234", "****1234"),
    ("card xxxx-xxxx-xxxx-1234", "xxxx-xxxx-xxxx-1234"),
    ("**** **** **** 1234", "**** **** **** 1234"),
    ("•••• 1234", "•••• 1234"),
    ("visa ending in 4242", "4242"),
]
PHONES = [
    ("call 020 7946 0958", "020 7946 0958"),
    ("Tel. 030/1234567", "030/1234567"),
    ("m: 0412 345 678", "0412 345 678"),
    ("phone (03) 9123 4567", "(03) 9123 4567"),
    ("Handy 0151 23456789", "0151 23456789"),
    ("Handynummer: 0151-23456789", "0151-23456789"),
    ("portable : 06 12 34 56 78", "06 12 34 56 78"),
    ("móvil 612 345 678", "612 345 678"),
    ("cellulare 347 123 4567", "347 123 4567"),
    ("telemóvel 912 345 678", "912 345 678"),
    ("mobiel 06-12345678", "06-12345678"),
    ("reach me on 07700 900123", "07700 900123"),
    ("ring her at home on 01632 960 001", "01632 960 001"),
    ("+33 1 23 45 67 89", "+33 1 23 45 67 89"),
    ("schreib an uns (firma.de) oder 030 90182010", "030 90182010"),
]
NOTHING = """
checking 3 boxes and 20000 rows
savings of 20000 dollars by then
transfer to 3 South took long
the travel document of 1998
see PP 12345 of the report
sk-learn-contrib and sk-12 forms
The account of marketing: 250000 impressions
Federal tax rate of 21 percent
password reset
please reset your password
password manager
the password is required
your password was changed yesterday
password is incorrect
password: required
password policy of the clinic
the password expired
password-protected file
password must have 8 characters
the password is stored in the safe
forgot my password again
login with Google
login with username/password
sign in with email/phone
PIN code required
the pin is missing
pin 2 of the connector
token of appreciation
a secret recipe
the key is under the mat
secret santa on Friday
account manager
account balance is 1234.56
account for 40 % of sales
on account of the rain
accounts for 12000 euros
account: 12000 euros
members: 12000 people
the account was closed in 2019
the case was closed
case 3 of 10
in case 20 people come
in that case 2019 was worse
ticket price 40
ticket for 12 March
two tickets at 10:30
policy of 2020
policy 2020
the 2021-2022 policy
member since 2019
member of 3 clubs
members 12000 people
part number AB-1234
order total 1499.00
order total: 12,500
version 4.2.11
firmware 4.2.11.3
build 10.0.19045.3
release 2.4.1.7
tax 2020
tax of 1200 EUR
tax rate 19 %
employee of the year 2020
employees 12500 people
customer 360 view
claim 15 % more
the patient is 45
patient 3 years
patient temperature 38.5
chart 12 shows it
hospital 2020
insurance 300 EUR
routing protocol
sort by 2020
plan 2025
license 2.0
the student got 95 points
ISBN 978-3-16-148410-0
isbn 9783161484100
room 4711, floor 3
page 123 of 456
2019 2020 2021 2022
chapter 10.2.3.4
from 10:30 to 12:45
1,234,567.89
a ratio of 16:9
sizes 38 39 40 41 42 43
model X-200
call me in 2024
call 3 times
ring 2 days later
text 500 words
contact sheet 12 of 40
desk 14
phone bill of 250.00 EUR
telefon 24 Stunden
## 2020
**2024** was good
xxx 2020
part number 123-45-6789
model 219-09-9998
das Konto ist leer
le compte est vide
la cuenta del 2020
il conto di 45 euro
a conta de 2020
de rekening van 2020
Fall 2021
im Fall 3
el caso de 2019
dossier 2020
police 2020
""".strip().splitlines()


@pytest.mark.parametrize(("text", "part"), [*PASSWORDS, *PINS, *KEYS])
def test_a_secret_behind_its_label_is_found_whole(patterns, text, part):
    assert part in [text[f.start : f.end] for f in patterns.find(text)]


@pytest.mark.parametrize(("text", "part"), [*IDS, *CHECKED, *PHONES])
def test_an_identifier_is_found_in_any_grouping(patterns, text, part):
    found = [text[f.start : f.end] for f in patterns.find(text)]
    assert part in found if part else found


@pytest.mark.parametrize("text", NOTHING)
def test_the_words_of_identifiers_alone_find_nothing(patterns, text):
    found = {(text[f.start : f.end], f.entity_type) for f in patterns.find(text) if f.entity_type != "DATE_TIME"}
    assert found == set()


@pytest.mark.parametrize("text", ["ORD-2024-135833", "see INV/2023/4471123 of May", "RMA2025-1234567"])
def test_a_year_and_a_running_number_behind_letters_are_no_phone(text):
    assert "PHONE_NUMBER" not in {f.entity_type for f in Detector(ner_model=None).find(text)}


def test_phones_behind_letters_are_phones():
    for text in ("PO-415-555-0132", "call 2024-135833", "Ann/(415) 555-0132"):
        assert "PHONE_NUMBER" in {f.entity_type for f in Detector(ner_model=None).find(text)}


def test_an_iban_behind_the_word_for_a_transfer_is_an_iban():
    (found,) = Detector(ner_model=None).find("IBAN transfer to GB44ABCD60305294 was booked")
    assert found.entity_type == "IBAN_CODE"
