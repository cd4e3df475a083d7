"""Entity types in the words of people who do not know the codes."""

from __future__ import annotations

_WORDS = {
    "PERSON": "name of a person",
    "USERNAME": "user name",
    "EMAIL_ADDRESS": "e-mail address",
    "URL": "web address",
    "IP_ADDRESS": "internet address (IP)",
    "MAC_ADDRESS": "address of a device (MAC)",
    "POSTCODE": "postal code",
    "LOCATION": "place",
    "COORDINATE": "coordinates of a place",
    "US_SSN": "US social security number",
    "NATIONAL_ID": "national identity number",
    "TAX_ID": "tax number",
    "PASSPORT": "passport number",
    "LICENSE": "number of a licence or certificate",
    "CREDIT_CARD": "credit card number",
    "CVV": "security code of a card",
    "PIN": "personal identification number (PIN)",
    "IBAN_CODE": "bank account number (IBAN)",
    "ROUTING_NUMBER": "bank routing number",
    "SWIFT_BIC": "bank code (SWIFT)",
    "MEDICAL_RECORD": "medical record number",
    "HEALTH_PLAN": "health plan number",
    "UNIQUE_ID": "identifier of a person or record",
    "DEVICE_ID": "identifier of a device",
    "BIOMETRIC": "biometric identifier",
    "VEHICLE_ID": "vehicle identification number",
    "API_KEY": "secret key of a program",
    "DATE_TIME": "date or time",
    "NRP": "nationality, religion or political group",
    "SENSITIVE": "other sensitive value",
    "UNKNOWN": "personal value of an unknown type",
    "FREE_TEXT": "free text with personal data",
    "CODES": "codes, searched by patterns",
}


def describe_entity(code: str) -> str:
    """An entity type in plain words; a code that has no words of its own is spelled with spaces.

    Args:
        code: Entity type ("US_SSN").

    Example:
        >>> describe_entity("US_SSN"), describe_entity("FIRST_NAME")
        ('US social security number', 'first name')
    """
    return _WORDS.get(code, code.replace("_", " ").lower())
