"""The words of seven languages that announce an identifier: "account", "Kontonummer", "numéro de sécurité sociale".

A label is written in small letters; "number", "no.", "#", "is" and the like follow it by the grammar of `labelled.py`.
Compounds with -nummer and -nr are formed there, too.
"""

from __future__ import annotations

from typing import NamedTuple

LABELLED_SCORE = 0.6


class IdLabels(NamedTuple):
    """The labels of one entity type.

    Attributes:
        entity_type: Entity type of the values.
        words: Labels in any case, separated by commas.
        capitals: Abbreviations that count in capitals only, because they are words in small letters.
        signed_capitals: Abbreviations in capitals that have other uses, so that a sign has to follow: the state "AZ".
        needs_sign: Labels that are words of other uses: "number", "#" or ":" has to follow them.
        min_digits: Digits that a value has at least after a sign (":", "#", "number", "is").
        max_digits: Digits that a value has at most.
        min_bare_digits: Digits that a value has at least where nothing stands between it and its label.
        score: Score of a value, lower for labels that stand beside values of other types, too.
    """

    entity_type: str
    words: str
    capitals: str = ""
    signed_capitals: str = ""
    needs_sign: str = ""
    min_digits: int = 4
    min_bare_digits: int = 5
    max_digits: int = 64
    score: float = LABELLED_SCORE

    def all_words(self) -> list[str]:
        """Labels with and without capitals that need no sign, and the others before "number"."""
        signed = [f"{word} number" for word in _split_list(f"{self.needs_sign},{self.signed_capitals}")]
        return [*_split_list(f"{self.words},{self.capitals}"), *signed]


def _split_list(words: str) -> list[str]:
    return [word.strip() for word in words.split(",") if word.strip()]


_SSN = "ssn, ssns, ss#, social security number, social security no, social security num"
_CARDS = (
    "card, credit card, debit card, bank card, cc, visa, mastercard, master card, amex, american express, maestro,"
    " karte, kreditkarte, carte, carte bancaire, tarjeta, tarjeta de crédito, carta di credito, cartão, kaart"
)

ID_LABELS = (
    IdLabels(
        "ACCOUNT_NUMBER",
        "account, accounts, acct, a/c, bank account, checking account, savings account, wallet, clabe, cbu, giro,"
        " kto, konto, rechnungskonto, bankkonto, girokonto, depot, compte, compte bancaire, cuenta, cuenta bancaria,"
        " cuenta corriente,"
        " conto, conto corrente, conto bancario, c/c, conta, conta bancária, conta corrente, rekening, bankrekening",
        needs_sign="acc",
    ),
    # Kinds of accounts, which stand beside amounts, too; so the number is a long one.
    IdLabels(
        "ACCOUNT_NUMBER",
        "checking, savings, brokerage, escrow, direct deposit, iolta, ira, hsa, 401k, wire to, wired to, transfer to,"
        " transferred to, remit to, deposit to, deposit into, deposited into, debited from, withdrawn from,"
        " credited to,"
        " sparkonto, sparbuch, épargne, livret, ahorros, cuenta de ahorros, risparmio, poupança, spaarrekening,"
        " überwiesen auf, versé sur, abonado en, accreditato su, creditado em, gestort op",
        min_digits=6,
        min_bare_digits=8,
        score=0.5,
    ),
    # A card's number counts whatever its check digit; fewer digits are the end of one.
    IdLabels("CREDIT_CARD", _CARDS, min_digits=13, min_bare_digits=13, max_digits=19),
    IdLabels("ACCOUNT_NUMBER", "", needs_sign=f"{_CARDS}, {_SSN}", max_digits=12),
    # Three digits, two and four, some of which a scanner read as letters.
    IdLabels(
        "US_SSN",
        _SSN,
        min_digits=7,
        min_bare_digits=7,
        max_digits=9,
    ),
    IdLabels(
        "HEALTH_PLAN",
        "policy, member, membership, subscriber, beneficiary, insurance, insured, medicare, medicaid, group id,"
        " versicherungsnummer, versicherung, versicherten, versichertennummer, krankenversicherung, krankenkasse,"
        " police d'assurance, contrat d'assurance, assuré, adhérent, mutuelle, póliza, asegurado, polizza, assicurato,"
        " apólice, segurado, polis, verzekering, verzekerde, mitglied, mitglieds, tarjeta sanitaria",
        capitals="POL",
        needs_sign="police, policen, plan, socio, lid, utente",
    ),
    IdLabels(
        "UNIQUE_ID",
        "employee, emp, staff, personnel, worker, payroll, badge, customer, client, student, pupil, user id, loan,"
        " case, ticket, incident, claim, complaint, docket, application, enrollment, voter, applicant, candidate,"
        " loyalty, frequent flyer, mileage plus, personal, mitarbeiter, personalnummer, kunden, kunde, matrikel,"
        " aktenzeichen, fall, vorgang, vorgangs, schaden, schadens, antrag, antrags, matricule, employé, salarié,"
        " dossier, sinistre, étudiant, électeur, empleado, trabajador, cliente, expediente, siniestro, estudiante,"
        " elector, dipendente, matricola, pratica, sinistro, studente, elettore, funcionário, colaborador, matrícula,"
        " processo, chamado, estudante, título de eleitor, personeel, personeels, medewerker, klant, zaak, schade,"
        " studentnummer, kenmerk, rx, prescription, accession",
        capitals="EPIC, INC, CUST, CUS, CLM, STU",
        signed_capitals="AZ",
        needs_sign="file, record, specimen, encounter, visit, inmate, prisoner, booking, arrest, warrant, cause, index,"
        " civil action, group, caso, aluno, incidente",
    ),
    IdLabels(
        "TAX_ID",
        "tax id, tax identification, federal tax, federal tax id, fein, employer identification, employer"
        " id, tax number, tax no, tax file, taxpayer, taxpayer id, tax reference, tax, tfn, utr, itin, ein, vat,"
        " vat id, vat number, abn, gstin, permanent account, steuer, steuer-id, steueridentifikation,"
        " steueridentifikations, idnr, ust-idnr, ust-id, umsatzsteuer-id, fiscal, numéro fiscal, tva, siren, siret,"
        " spi, identificación fiscal, cif, rfc, cuit, cuil, codice fiscale, partita iva, p.iva, p. iva, contribuinte,"
        " identificação fiscal, cnpj, btw, btw-id, fiscaal, sofi, nip, inn",
        capitals="TIN, PAN, NIF, RUC, NIT, EIN",
        signed_capitals="IRS",
        min_digits=4,
        min_bare_digits=4,
    ),
    IdLabels(
        "NATIONAL_ID",
        "national id, national identity, national identification, national insurance, nino, ni number, id number,"
        " id no, id card, identity card, identity number, identity document, citizen id, citizen number, personal id,"
        " personal identity, personal number, personal identification number, resident id, social insurance,"
        " social security, aadhaar, aadhar, adhaar, voter id, uidai, cpf, dni, nie, bsn, pesel, ppsn, pps, nric,"
        " mykad, cnic, nik, ktp, hkid, curp, egn, oib, jmbg, emšo, amka, hetu, henkilötunnus, personnummer,"
        " cpr, cpr-nummer, fødselsnummer, kennitala, rodné číslo, asmens kodas, isikukood, kimlik,"
        " sozialversicherung, sozialversicherungs, sv-nummer, svnr, rentenversicherung, rentenversicherungs, ahv,"
        " ahv-nummer, ausweis, personalausweis, identitätskarte, sécurité sociale, sécu, numéro insee,"
        " carte d'identité, carte nationale d'identité, cni, identité, documento nacional,"
        " documento de identidad, documento nacional de identidad, cédula, cédula de identidad, seguridad social,"
        " carta d'identità, documento d'identità, tessera sanitaria, cartão de cidadão, bilhete de identidade,"
        " identidade, registro geral, burgerservice, burgerservicenummer, identiteitskaart, identiteits,"
        " rijksregister, rijksregisternummer, legitimatie",
        needs_sign="alien, a-number, emirates id",
        capitals="INE, SIN, NIR, CNP, FIN, RG, BI, RUT, RUN, CC, UMID, NIN, UID, INSEE, NISS, RRN, TCKN",
        min_bare_digits=5,
    ),
    IdLabels(
        "MEDICAL_RECORD",
        "mrn, medical record, medical records, med. rec, med rec, patient, patient id, chart, hospital, hospital"
        " number, nhs, nhi,"
        " health card, health number, phn, patienten, patientennummer, dossier médical, dossier patient, ipp,"
        " historia clínica, paciente, cartella clinica, paziente, prontuário, utente de saúde, patiënt,"
        " patiënt id, patiëntnummer",
        capitals="PAT",
    ),
    IdLabels(
        "ROUTING_NUMBER",
        "routing, routing transit, aba, aba routing, rtn, transit, sort code, sort, sortcode, bsb, ifsc, ifsc code,"
        " bankleitzahl, blz, code banque, code guichet, agência",
    ),
    IdLabels(
        "PASSPORT",
        "passport, passports, reisepass, pass-nr, passnummer, passeport, pasaporte, passaporto, passaporte, paspoort,"
        " travel document, reisedokument, document de voyage, titre de voyage, documento de viaje, documento di"
        " viaggio, documento de viagem, reisdocument",
        signed_capitals="PP",
        min_digits=5,
    ),
    IdLabels(
        "LICENSE",
        "driver's license, drivers license, driver license, driver's licence, driving licence, driving license,"
        " license, licence, führerschein, führerscheinnummer, permis de conduire, permis, permiso de conducir,"
        " carnet de conducir, licencia de conducir, licencia, patente, patente di guida, carta de condução,"
        " carteira de motorista, cnh, rijbewijs, npi, dea",
        capitals="DL, SBN",
        needs_sign="bar, state bar, roll, registration",
    ),
)
