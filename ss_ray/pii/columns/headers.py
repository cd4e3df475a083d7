"""A column's header -> the entity type that it names, in the common words of seven languages.

A header is *specific* where it can hardly mean anything else ("prenom", "ssn", "customer e-mail"), and ambiguous
where other tables use it for other things ("state" of an order, "title" of a book, "name" of a product). Whoever
reads a match decides by that whether values that do not look like the type are a reason to hide the column.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from ss_ray.pii import entities as e

# Comma-separated phrases, without accents; spaces do not matter.
SPECIFIC: Mapping[str, str] = {
    e.FIRST_NAME: (
        "first name, fname, firstnm, given name, forename, christian name, middle name, preferred name, nickname, "
        "vorname, rufname, prenom, primer nombre, segundo nombre, nombre de pila, primeiro nome, voornaam, imie, "
        "fornavn"
    ),
    e.LAST_NAME: (
        "last name, lname, lastnm, surname, family name, maiden name, mothers maiden, mothers maiden name, sur name, "
        "nachname, familienname, geburtsname, zuname, nom de famille, nom de naissance, nom de jeune fille, "
        "apellido, apellidos, primer apellido, segundo apellido, sobrenome, apelido, ultimo nome, cognome, "
        "achternaam, familienaam, nazwisko, efternamn, etternavn"
    ),
    e.PERSON: (
        "full name, fullname, person name, display name, legal name, name first last, cardholder, card holder name, "
        "account holder, emergency contact, next of kin, contact name, contact person, father name, mother name, "
        "spouse name, vollstandiger name, ansprechpartner, nom complet, nom et prenom, nom prenom, nombre completo, "
        "nombre y apellidos, nome completo, nome e cognome, nominativo, volledige naam, contactpersoon, "
        "vor und nachname, name des kunden"
    ),
    e.TITLE: (
        "salutation, honorific, name prefix, anrede, civilite, tratamiento, tratamento, aanhef, titre de civilite"
    ),
    e.USERNAME: (
        "username, user login, login name, loginid, screen name, screenname, twitter handle, nutzername, "
        "benutzername, nom utilisateur, nom d utilisateur, nombre de usuario, nome de usuario, nome utente, "
        "gebruikersnaam, usuario, user handle, instagram, skype"
    ),
    e.PASSWORD: (
        "password, passwd, passwort, kennwort, mot de passe, mdp, contrasena, senha, wachtwoord, user pass, pwd, "
        "passphrase, palavra passe, password hash"
    ),
    e.EMAIL_ADDRESS: (
        "email, e mail, emailaddress, email address, mail address, email id, work email, personal email, "
        "emailadresse, mailadresse, courriel, adresse mail, adresse email, adresse electronique, correo, "
        "correo electronico, correio eletronico, posta elettronica, indirizzo email, emailadres, e post, "
        "direccion de correo"
    ),
    e.PHONE_NUMBER: (
        "phone, phone number, phone no, phone num, telephone, telephone number, tel, tel no, telno, telnr, "
        "mobile number, mobile phone, mobile no, cellphone, cell phone, cell number, home phone, work phone, "
        "contact number, landline, telefon, telefonnummer, telefonnr, handynummer, mobilnummer, rufnummer, "
        "mobiltelefon, numero de telephone, num tel, tel portable, telephone portable, telefono, numero de telefono, "
        "movil, celular, telefone, telemovel, numero de telefone, numero di telefono, cellulare, telefoonnummer, "
        "telefoon, whatsapp, msisdn"
    ),
    e.FAX_NUMBER: "fax, fax number, fax no, telefax, faxnummer, numero de fax, telecopie, faxnr",
    e.URL: (
        "url, website, web site, homepage, web address, profile url, web page, site web, sitio web, pagina web, "
        "webseite, internetadresse, sito web, linkedin, linkedin url, facebook url, personal website, uri"
    ),
    e.IP_ADDRESS: (
        "ip, ip address, ip addr, client ip, ipv4, ipv6, source ip, src ip, dst ip, remote addr, ip adresse, "
        "adresse ip, direccion ip, endereco ip, indirizzo ip, ip adres, destination ip, server ip, last login ip"
    ),
    e.MAC_ADDRESS: (
        "mac address, mac addr, macaddress, mac adresse, hardware address, wifi mac, bluetooth mac, adresse mac"
    ),
    e.STREET_ADDRESS: (
        "street address, street, address line, address line 1, addr line, home street, street name, strasse, "
        "strasse hausnummer, strassenname, strasse und hausnummer, nom de rue, numero et rue, logradouro, "
        "via e numero, straat, straatnaam, street addr, house number and street, ulica"
    ),
    e.ADDRESS: (
        "full address, home address, mailing address, postal address, billing address, shipping address, "
        "residential address, delivery address, anschrift, postanschrift, wohnadresse, lieferadresse, "
        "rechnungsadresse, adresse postale, adresse complete, domicilio, direccion postal, endereco, morada, "
        "indirizzo di casa, indirizzo, direccion, adresse du client, woonadres, postadres"
    ),
    e.CITY: (
        "city, town, city name, hometown, municipality, birth city, city of residence, wohnort, stadt, ortschaft, "
        "ville, ciudad, municipio, poblacion, localidad, cidade, citta, woonplaats, gemeinde, birthplace, "
        "place of birth, geburtsort, lieu de naissance, miasto"
    ),
    e.STATE: (
        "state name, state code, state province, province, us state, state full, state abbr, bundesland, provincia, "
        "comunidad autonoma, provincie, departement, kanton, prefecture, state of residence, home state"
    ),
    e.POSTCODE: (
        "postcode, post code, postal code, zip, zip code, zipcode, zip5, zip plus 4, plz, postleitzahl, code postal, "
        "codepostal, codigo postal, cep, cap cod, codice postale, postnummer, pincode, eircode, kod pocztowy"
    ),
    e.COUNTRY: (
        "country, country name, country code, country of birth, country of residence, native country, birth country, "
        "home country, country full, herkunftsland, wohnsitzland, pays, pays de naissance, pais, paese, nazione, "
        "land van herkomst, iso country, geburtsland, country iso"
    ),
    e.LATITUDE: "latitude, lat, breitengrad, latitud, latitudine, geo lat, gps lat, gps latitude, lat deg",
    e.LONGITUDE: (
        "longitude, lon, lng, laengengrad, langengrad, longitud, longitudine, geo lon, geo lng, gps lon, gps lng, "
        "gps longitude"
    ),
    e.COORDINATE: (
        "coordinates, coordinate, lat long, lat lon, latlng, gps, gps coordinates, geolocation, geo location, "
        "gps position, koordinaten, coordonnees, coordenadas, coordinate gps, geo point, latitude longitude"
    ),
    e.US_SSN: (
        "ssn, social security number, social security, ss number, social security no, ssn number, us ssn, socsec, "
        "soc sec, social sec no"
    ),
    e.NATIONAL_ID: (
        "national id, national id number, national identification number, identity number, identity card number, "
        "personal identity number, citizen id, aadhaar, aadhaar number, personalausweis, personalausweisnummer, "
        "ausweisnummer, sozialversicherungsnummer, svnr, ahv nummer, numero de securite sociale, num secu, "
        "numero secu, dni, dni nie, documento de identidad, cedula, curp, cpf, numero de identificacion, "
        "cartao de cidadao, codice fiscale, bsn, burgerservicenummer, personnummer, fodselsnummer, henkilotunnus, "
        "pesel, nhs number, national insurance number, nhs no, cpr nummer, rodne cislo, kennitala, "
        "sozialversicherungsnr, numero de securite"
    ),
    e.TAX_ID: (
        "tax id, tax number, taxpayer id, taxid, itin, vat number, vat id, vat no, steuer id, steueridnr, "
        "steuernummer, steuer identifikationsnummer, ust id, umsatzsteuer id, numero fiscal, numero fiscale, nif, "
        "cnpj, partita iva, btw nummer, siret, siren, numero tva, gstin, taxpayer identification number, "
        "tax id number"
    ),
    e.PASSPORT: (
        "passport, passport number, passport no, passport num, passnummer, reisepass, reisepassnummer, "
        "numero de passeport, passeport, numero de pasaporte, pasaporte, passaporte, passaporto, paspoortnummer, "
        "passport id"
    ),
    e.LICENSE: (
        "drivers license, driver license, drivers license number, driver licence, driving licence, driving license, "
        "driving licence number, dl number, license number, licence number, certificate number, fuhrerschein, "
        "fuhrerscheinnummer, permis de conduire, numero de permis, licencia de conducir, carta de conducao, cnh, "
        "patente di guida, rijbewijs, rijbewijsnummer, medical license number, npi, npi number, "
        "professional license, dea number, license no"
    ),
    e.CREDIT_CARD: (
        "credit card, credit card number, credit card no, card number, cc number, ccnum, cc num, cc no, "
        "debit card number, debit card, card num, card no, pan number, payment card, kreditkarte, "
        "kreditkartennummer, kartennummer, numero de carte, carte bancaire, numero de tarjeta, tarjeta de credito, "
        "numero do cartao, cartao de credito, numero carta, carta di credito, creditcardnummer, credit debit card"
    ),
    e.CVV: "cvv, cvc, cvv2, cvc2, card security code, card verification, cvv code, cvn, prufziffer karte",
    e.PIN: "pin code number, pin number, pin nummer, user pin, card pin, atm pin, pinnummer",
    e.IBAN_CODE: "iban, iban code, iban number, iban nr, kontonummer iban, iban code number",
    e.ACCOUNT_NUMBER: (
        "account number, account no, acct number, acct no, acct num, account num, bank account, acc number, "
        "bank account number, kontonummer, kontonr, bankkonto, numero de compte, compte bancaire, numero de cuenta, "
        "cuenta bancaria, numero da conta, conta bancaria, numero conto, conto corrente, rekeningnummer, bban, "
        "clabe, checking account"
    ),
    e.ROUTING_NUMBER: (
        "routing number, routing no, bank routing number, aba number, aba routing, sort code, bankleitzahl, blz, "
        "bsb, routing num, transit number, ifsc, ifsc code, code banque"
    ),
    e.SWIFT_BIC: "swift code, bic code, swift bic, bic swift, swiftcode, bank identifier code",
    e.MEDICAL_RECORD: (
        "mrn, medical record number, medical record no, medical record, med rec no, patient mrn, chart number, "
        "hospital number, medical record id, patientennummer, patientenakte, numero de dossier medical, "
        "historia clinica, numero de historia, prontuario, cartella clinica, patientnummer, medrec"
    ),
    e.HEALTH_PLAN: (
        "health plan number, health plan id, health plan beneficiary number, insurance id, insurance number, "
        "insurance member id, member number insurance, medicare number, medicare id, medicaid id, medicaid number, "
        "health insurance number, mbi, hicn, beneficiary id, beneficiary number, policy number, "
        "insurance policy number, krankenversichertennummer, versichertennummer, krankenkassennummer, "
        "numero d assurance, carte vitale, numero de seguro, tessera sanitaria, zorgverzekering nummer, "
        "subscriber number, insurance policy no, group member id"
    ),
    e.UNIQUE_ID: (
        "unique identifier, unique id, uuid, guid, customer id, employee id, user id, userid, customer number, "
        "customer no, employee number, client id, person id, personid, patient id, member id, student id, "
        "kundennummer, kundennr, kunden id, personalnummer, mitarbeiternummer, mitgliedsnummer, matrikelnummer, "
        "numero client, id client, identifiant client, matricule, id cliente, numero cliente, codigo cliente, "
        "codice cliente, klantnummer, klant id, personeelsnummer, subject id, participant id, staff id, "
        "badge number, account id, loyalty number, frequent flyer number, cust id, emp id, empno, cust no, custid, "
        "pat id, membership number, respondent id, id empleado, id usuario"
    ),
    e.DEVICE_ID: (
        "device id, device identifier, imei, imei number, device serial, imsi, idfa, android id, advertising id, "
        "gaid, udid, device serial number, geratenummer, seriennummer, numero de serie, iccid, meid"
    ),
    e.BIOMETRIC: (
        "biometric, biometric id, biometric identifier, fingerprint, fingerprint id, fingerprint template, "
        "retina scan, iris scan, "
        "face id, voiceprint, voice print, biometric hash, fingerabdruck, empreinte digitale, huella dactilar, "
        "face template"
    ),
    e.VEHICLE_ID: (
        "vin, vin number, vehicle identification number, vehicle id number, chassis number, fahrgestellnummer, "
        "fin nummer, numero de chassis, bastidor, numero de bastidor, chassi, telaio, numero di telaio, "
        "chassisnummer, vehicle vin"
    ),
    e.LICENSE_PLATE: (
        "license plate, licence plate, plate number, number plate, license plate number, registration plate, "
        "kennzeichen, kfz kennzeichen, autokennzeichen, plaque d immatriculation, immatriculation, "
        "matricula vehiculo, kenteken, vehicle registration, plate no, nummernschild, car plate"
    ),
    e.API_KEY: (
        "api key, apikey, secret key, access token, auth token, api token, secret access key, bearer token, "
        "http cookie, session cookie, auth cookie, session token, client secret, access key, private key, "
        "refresh token, jwt"
    ),
    e.DATE_OF_BIRTH: (
        "date of birth, dob, birth date, birthdate, birthday, birth dt, date birth, bday, born, born on, "
        "geburtsdatum, geburtstag, geb datum, gebdat, date de naissance, date naissance, naissance, "
        "fecha de nacimiento, fecha nacimiento, fec nac, nacimiento, data de nascimento, data nascimento, "
        "nascimento, dt nasc, data di nascita, data nascita, nascita, geboortedatum, geboren, geburtsjahr, "
        "birth year, year of birth, yob, patient dob"
    ),
    e.AGE: (
        "age, age years, age at diagnosis, age in years, patient age, alter in jahren, edad, idade, leeftijd, "
        "age group, altersgruppe, age at admission, age yrs"
    ),
    e.ORGANIZATION: (
        "company, company name, employer, organization, organisation, organization name, business name, firm, "
        "employer name, firma, firmenname, arbeitgeber, unternehmen, entreprise, societe, nom de l entreprise, "
        "employeur, raison sociale, empresa, empleador, nombre de la empresa, azienda, datore di lavoro, bedrijf, "
        "bedrijfsnaam, werkgever"
    ),
    e.JOB_TITLE: (
        "job title, job, occupation, profession, jobtitle, job role, beruf, berufsbezeichnung, metier, poste occupe, "
        "ocupacion, profesion, profissao, ocupacao, professione, lavoro, beroep, functietitel, current job"
    ),
    e.GENDER: (
        "gender, sex, gender identity, biological sex, geschlecht, sexe, genero, sexo, sesso, geslacht, patient sex"
    ),
    e.NRP: (
        "race, ethnicity, ethnic group, race ethnicity, religion, religious belief, political view, political party, "
        "party affiliation, nationality, ethnie, etnia, raza, raca, religione, nacionalidad, nacionalidade, "
        "nazionalita, nationalite, staatsangehorigkeit, staatsburgerschaft, konfession, nationaliteit, citizenship, "
        "ethnic origin, denomination"
    ),
    e.SENSITIVE: (
        "sexuality, sexual orientation, blood type, blood group, mother tongue, native language, spoken language, "
        "education, education level, highest degree, employment status, preferred language, blutgruppe, "
        "groupe sanguin, bildungsstand, schulabschluss, niveau d etudes, nivel de estudios, escolaridade, "
        "grupo sanguineo, langue maternelle, muttersprache, primary language, educational attainment, tipo sanguineo"
    ),
    e.DATE_TIME: (
        "date, datetime, timestamp, time, created at, updated at, created on, order date, start date, end date, "
        "visit date, event date, admission date, discharge date, hire date, transaction date, expiry date, "
        "expiration date, datum, uhrzeit, zeitstempel, erstellt am, heure, horodatage, fecha, hora, data e hora, "
        "fecha de alta, data ora, tijd, date debut, date fin, purchase date, signup date, last login, date created, "
        "cc expires, card expiry"
    ),
}
AMBIGUOUS: Mapping[str, str] = {
    e.FIRST_NAME: "first, given, initials",
    e.LAST_NAME: "last, family, nom, second name",
    e.PERSON: (
        "name, nombre, nome, naam, patient, doctor, physician, author, owner, manager, driver, contact, agent, "
        "teacher, nurse, caller, sender, recipient, player, artist, director, attending, signed by, created by, "
        "reported by, arzt, medecin"
    ),
    e.TITLE: "title, titel, titre, prefix, titulo, titolo",
    e.USERNAME: "user, login, handle, nick, account name, user account, uid",
    e.PASSWORD: "pass, secret, credential",
    e.EMAIL_ADDRESS: "mail, contact email id, username email",
    e.PHONE_NUMBER: "mobile, cell, mobil, portable, contact no, number to call, handy, gsm",
    e.URL: "link, domain, web, site, href, domain name, webpage, profile",
    e.STREET_ADDRESS: "addr, address1, address 1, addr1, adresse 1, road, hausnummer, via, str, calle, rue, rua",
    e.ADDRESS: "address, adresse, adres, addresses",
    e.CITY: "ort, place, locality, district, region city, county, commune, comune, plaats",
    e.STATE: "state, region, land, estado, stato, st, regione, canton",
    e.POSTCODE: "cap, postal, cp, post",
    e.COUNTRY: "land, origin, origin country, nation, market, staat",
    e.LATITUDE: "breite",
    e.LONGITUDE: "long",
    e.NATIONAL_ID: (
        "identity, id card, id number, document number, id no, government id, govt id, ausweis, document, nie, nir, "
        "nino"
    ),
    e.TAX_ID: "ein, tin, rfc, cif",
    e.LICENSE: "license, licence, certificate, permit, permit number",
    e.CVV: "security code",
    e.PIN: "pin",
    e.ACCOUNT_NUMBER: "account, acct, konto, compte, cuenta, conta, conto, rekening",
    e.ROUTING_NUMBER: "routing, aba",
    e.SWIFT_BIC: "swift, bic",
    e.HEALTH_PLAN: "insurance, health plan, policy, policy id, policy no, insurance no, medicare, medicaid",
    e.UNIQUE_ID: (
        "id, identifier, key, order id, transaction id, invoice number, ticket id, reference number, session id, pk, "
        "order number, booking id, claim id, claim number, case number, case id, tracking number, "
        "confirmation number, rowid, kennung, record id"
    ),
    e.DEVICE_ID: "device, serial, hardware id, serial no, serial number",
    e.VEHICLE_ID: "vehicle id, chassis",
    e.LICENSE_PLATE: "plate, registration, registration number, matricula, placa, targa",
    e.API_KEY: "token, credentials, cookie",
    e.DATE_OF_BIRTH: "birth",
    e.AGE: "years old, eta, alter",
    e.ORGANIZATION: "org, business, institution, hospital, school, university, vendor, supplier, bank, clinic",
    e.JOB_TITLE: "position, role, job description, designation, job function, funktion, cargo, puesto",
    e.GENDER: "genre",
    e.NRP: "ethnic, party, belief, faith, citizen",
    e.SENSITIVE: "language, orientation, degree, sprache, langue, idioma, lingua, taal, employment",
    e.DATE_TIME: "day, dt, ts, jour, dia, data, giorno, dag, tag",
    e.LOCATION: (
        "location, place name, standort, lieu, ubicacion, localizacao, luogo, locatie, where, venue, home location"
    ),
}
ROLES = (
    "patient customer client employee person doctor physician provider contact guest cardholder accountholder owner"
    " applicant member student beneficiary insured emergencycontact subscriber borrower tenant buyer seller user staff"
    " participant subject respondent cust emp pat spouse father mother parent child kunde kunden mitarbeiter patienten"
    " cliente clients paciente paziente klant employe usuario empleado passenger traveler donor voter worker author"
    " manager driver teacher nurse agent caller sender recipient payer payee debtor witness suspect victim defendant"
)  # fmt: skip
_QUALIFIERS = (
    "home work primary secondary current billing shipping mailing main alt alternate other new old personal private"
    " business residence residential permanent office contact delivery bill ship emergency full us raw my your the"
    " registered preferred daytime evening patient encrypted orig original clean cleaned src privat arbeit"
    " domicile principal principale pro professionnel"
)  # fmt: skip
_PERSONAL_SUFFIXES = {
    "id",
    "no",
    "number",
    "nr",
    "num",
    "key",
    "code",
    "ref",
    "nummer",
    "uid",
    "uuid",
    "identifier",
    "hash",
}
_NAME_WORDS = {"name", "nm", "fullname", "nom", "naam", "nombre", "nome"}
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_LETTERS = str.maketrans({"ß": "ss", "ø": "o", "ł": "l", "æ": "ae", "œ": "oe", "đ": "d"})


@dataclass(frozen=True)
class HeaderMatch:
    """Entity type that a header names.

    Attributes:
        entity_type: Entity type, one of `entities.ENTITY_TYPES`.
        specific: Whether the header can hardly mean anything else.
    """

    entity_type: str
    specific: bool


def match_header(name: str, unknown: frozenset[str] = frozenset()) -> HeaderMatch | None:
    """The entity type that a header names by itself or after words like "customer", "billing" or "emergency".

    Args:
        name: Header of the column.
        unknown: Phrases without spaces that are taken for unknown; held-out evaluation needs some.
    """
    words = header_words(name)
    for candidate in _shorten_words(words):
        plain = "".join(candidate)
        if plain not in unknown:
            found = _load_lexicon().get(plain)
        else:
            found = None

        if found is not None:
            if len(candidate) == len(words):
                return found
            return _of_person(found, words)

    return _role_and_rest(words)


def header_words(name: str) -> tuple[str, ...]:
    """Words of a header in lower case and without accents: "customerE-Mail_2" gives customer, e, mail."""
    parts = re.split(r"[\W_]+|(?<=\D)\d+$", _CAMEL.sub(" ", plain_text(name, keep_case=True)))
    words = tuple(part.lower() for part in parts if part)
    if len(words) > 1 and words[-1].isdecimal():
        return words[:-1]
    return words


def plain_text(text: str, *, keep_case: bool = False) -> str:
    """A text without accents, as lexicon and gazetteers have it."""
    text = text.strip()
    if not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text.translate(_LETTERS))
        text = "".join(c for c in decomposed if not unicodedata.combining(c))

    if keep_case:
        return text

    return text.casefold()


def is_about_person(name: str) -> bool:
    """Whether a header is the name of a role alone, "patient" or "policy_holder", or of a role and a key."""
    words = header_words(name)
    plain = "".join(words)
    return plain in _load_roles() or plain.removesuffix("s") in _load_roles()


def phrases(lexicon: Mapping[str, str], entity_type: str) -> tuple[str, ...]:
    """The phrases that a lexicon has for a type."""
    return tuple(phrase.strip() for phrase in lexicon.get(entity_type, "").split(",") if phrase.strip())


def _shorten_words(words: tuple[str, ...]) -> Iterable[tuple[str, ...]]:
    """The words, then without leading roles and qualifiers, then without trailing qualifiers."""
    yield words
    dropped = _load_roles() | set(_QUALIFIERS.split())
    start = 0

    while start < len(words) - 1 and words[start] in dropped:
        start += 1
        yield words[start:]

    end = len(words)
    while end > 1 and words[end - 1] in dropped:
        end -= 1
        yield words[:end]


def _role_and_rest(words: tuple[str, ...]) -> HeaderMatch | None:
    """Match of a role and the word after it, as in "customeremail", "patient key" and "driver nm"."""
    plain = "".join(words)
    role = max((role for role in _load_roles() if plain.startswith(role)), key=len, default="")
    rest = plain.removeprefix(role)
    if not role or not rest:
        return None
    if rest in _NAME_WORDS:
        return HeaderMatch(e.PERSON, specific=True)
    if rest in _PERSONAL_SUFFIXES:
        return HeaderMatch(e.UNIQUE_ID, specific=True)

    found = _load_lexicon().get(rest)
    if found is not None and len(words) == 1:
        return found

    return None


def _of_person(found: HeaderMatch, words: tuple[str, ...]) -> HeaderMatch:
    """A match after a role: the name of a product may be anything, the name of a customer is a name."""
    known = found.entity_type in {e.PERSON, e.ADDRESS, e.UNIQUE_ID, e.EMAIL_ADDRESS, e.PHONE_NUMBER}
    return HeaderMatch(found.entity_type, found.specific or (known and words[0] in _load_roles()))


@cache
def _load_roles() -> frozenset[str]:
    return frozenset(ROLES.split())


@cache
def _load_lexicon() -> dict[str, HeaderMatch]:
    matches: dict[str, HeaderMatch] = {}
    for lexicon, specific in ((AMBIGUOUS, False), (SPECIFIC, True)):
        for entity_type in lexicon:
            for phrase in phrases(lexicon, entity_type):
                matches["".join(phrase.split())] = HeaderMatch(entity_type, specific)

    return matches
