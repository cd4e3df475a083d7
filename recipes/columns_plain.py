"""Ordinary columns for the column model, which must not be taken for personal data: (header, values) from a seed.

Real tables were not looked at. The vocabulary is the lists below and the English of Python's own documentation
(`pydoc_data`), so that capitalised words and short phrases that are no names are met in the thousands.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from functools import cache
from pydoc_data import topics
from random import Random

from recipes.columns_forms import dates, pattern
from recipes.columns_vocabulary import vocabulary

Column = tuple[str, list[str]]  # header and values

_LISTS: dict[str, str] = {
    "zone setting terrain": (
        "urban|rural|suburban|coastal|mountain|north|south|east|west|north-east|downtown|island|highland"
    ),
    "channel lead_source medium": (
        "online|offline|web|store|email|social media|referral|phone|wholesale|app|call center|print"
    ),
    "segment tier loyalty_level": (
        "vip|regular|new|returning|business|consumer|gold|silver|bronze|platinum|trial|dormant"
    ),
    "kinship family_relation": (
        "mother|father|sister|brother|aunt|uncle|grandparent|cousin|guardian|step-parent|spouse|child"
    ),
    "sector industry employer_type": (
        "Retail|Banking|Insurance|Manufacturing|Agriculture|Mining|Construction|Hospitality|Public administration|"
        "Nonprofit|Telecommunications|Energy|Logistics"
    ),
    "salary_band bracket": "0-25k|25k-50k|50k-100k|100k+|low|medium|high|top 10%|under 20,000|20,000 to 40,000",
    "family_status civil_status": "single|married|divorced|widowed|separated|registered partnership|cohabiting",
    "flag opt_in consent email_opt_in newsletter": "Yes|No",
    "fare_class tariff": "basic|flex|saver|standard|plus|promo|a|b|c|d|e|f",
    "connection line_type": "copper|fibre|cable|satellite|5G|LTE|VoIP|none",
    "status order_status state": (
        "active|inactive|pending|closed|open|cancelled|shipped|delivered|returned|on hold|draft|approved|rejected|"
        "in progress|new|done|failed|expired"
    ),
    "payment_method payment": (
        "Credit card|Debit card|Cash|Bank transfer|PayPal|Invoice|Cheque|Gift card|Direct debit|Apple Pay"
    ),
    "contract plan subscription_type": (
        "Monthly|Yearly|Month to month|Two years|Prepaid|Postpaid|Free|Basic|Premium|Enterprise|Trial"
    ),
    "color colour farbe couleur": (
        "red|green|blue|black|white|yellow|purple|orange|grey|brown|pink|navy|beige|turquoise|silver|gold"
    ),
    "size shirt_size": "S|M|L|XL|XXL|XS|One size|36|38|40|42",
    "department department_name": (
        "Sales|Marketing|Finance|Human Resources|Engineering|Operations|Legal|Support|Research|Cardiology|Radiology|"
        "Surgery|Oncology|Neurology|Pediatrics|Emergency|Orthopedics|Dermatology|Psychiatry"
    ),
    "category product_category section": (
        "Electronics|Clothing|Furniture|Toys|Books|Groceries|Beauty|Sports|Garden|Automotive|Jewelry|Shoes|Health|"
        "Office supplies|Pet food|Kitchen|Lighting|Jackets|Trousers|Skirts|Blouses|Swimwear|Coats|Knitwear|Underwear|"
        "Shorts|Suits|Petites|Accessories"
    ),
    "diagnosis condition illness": (
        "Hypertension|Type 2 diabetes|Asthma|Pneumonia|Migraine|Fracture of femur|Acute appendicitis|Anemia|"
        "Bronchitis|COPD|Depression|Anxiety disorder|Osteoarthritis|Hyperlipidemia|Sepsis|Atrial fibrillation|"
        "Heart failure|Stroke|Gastritis|Psoriasis|Parkinson disease|Alzheimer disease|Crohn disease|Hodgkin lymphoma"
    ),
    "medication drug substance": (
        "Ibuprofen|Paracetamol|Amoxicillin|Metformin|Lisinopril|Atorvastatin|Omeprazole|Aspirin|Insulin|Warfarin|"
        "Prednisone|Salbutamol|Levothyroxine|Sertraline|Amlodipine|Simvastatin|Clopidogrel|Azithromycin|Losartan|"
        "Gabapentin"
    ),
    "procedure test_name exam": (
        "MRI brain|CT scan|X-ray chest|Blood panel|Biopsy|ECG|Colonoscopy|Ultrasound|Urinalysis|Physical therapy|"
        "Echocardiogram|Dialysis|Lumbar puncture|Endoscopy|Vaccination|Hemoglobin A1c|Lipid panel"
    ),
    "event_label event action": (
        "login|logout|purchase|page view|add to cart|Initial visit|Follow-up|Check out|Transfer|Consultation|"
        "Discharge planning|Registration|signup|click|scroll|video play|search|refund issued"
    ),
    "product product_name item name": (
        "Laptop|Coffee maker|Running shoes|Desk lamp|Wireless mouse|Yoga mat|Water bottle|Phone case|Office chair|"
        "Backpack|Headphones|Bluetooth speaker|Blender|Smart watch|Notebook|Garden hose|Winter jacket|Cotton shirt|"
        "Leather wallet|Ceramic mug|LED strip|USB cable"
    ),
    "brand make manufacturer": (
        "Toyota|Ford|BMW|Audi|Honda|Samsung|Apple|Sony|Nike|Adidas|Bosch|Philips|Canon|Dell|Lenovo|Nissan|Kia|Fiat|"
        "Renault|Peugeot|Mazda|Subaru|Tesla|Volvo|Chevrolet|Hyundai|Puma|Gucci|Levi's|Zara"
    ),
    "model car_model": (
        "Corolla|Civic|Golf|Focus|A4|X5|Model 3|Clio|Panda|Astra|Polo|Passat|Mustang|Camry|Accord|Octavia|Yaris|"
        "iPhone 14|Galaxy S22|ThinkPad X1"
    ),
    "species animal pet_type": (
        "dog|cat|horse|Homo sapiens|Canis lupus|Felis catus|Quercus robur|Iris setosa|Iris virginica|Iris versicolor|"
        "Adelie|Gentoo|Chinstrap|Salmo salar|Parus major|rabbit|parrot|goldfish|hamster"
    ),
    "cuisine dish food fruit": (
        "Apple|Banana|Italian|Thai|Mexican|Pizza|Sushi|Burger|Salad|Pasta|Soup|Tacos|Curry|Bread|Cheese|Chicken|Tofu|"
        "Rice|Orange juice|Espresso|Olive oil|Dark chocolate"
    ),
    "genre style": (
        "Rock|Pop|Jazz|Classical|Hip hop|Drama|Comedy|Horror|Thriller|Documentary|Science fiction|Fantasy|Romance|"
        "Animation|Western|Folk|Blues|Metal"
    ),
    "title movie book song": (
        "The Long Road|Night Train|A Winter Tale|Return of the King|Lost in Time|The Silent House|Red Planet|"
        "Dancing in the Rain|The Last Letter|Blue Velvet|City of Glass|The Great Escape|Home Alone|Shallow Water|"
        "Jane Eyre|Emma|Don Quixote|Harry and Sally|Forrest|Macbeth"
    ),
    "weekday day_of_week wochentag": (
        "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday|Mon|Tue|Wed|Thu|Fri|Sat|Sun|Montag|Dienstag|lundi|"
        "mardi"
    ),
    "month monat mois": (
        "January|February|March|April|May|June|July|August|September|October|November|December|Jan|Feb|Mar|Apr|Jun"
    ),
    "season quarter": "Spring|Summer|Autumn|Winter|Q1|Q2|Q3|Q4",
    "flag is_new subscribed has_children": "true|false",
    "smoker answer": "Y|N",
    "response satisfaction": "Strongly agree|Agree|Neutral|Disagree|Strongly disagree|Very satisfied|Not satisfied",
    "priority severity level": "Low|Medium|High|Critical|P1|P2|P3|Blocker|Minor|Major|1 - urgent|mild|moderate|severe",
    "currency currency_code": "USD|EUR|GBP|JPY|CHF|CAD|AUD|CNY|INR|BRL|MXN|SEK|NOK|PLN",
    "unit units uom": "kg|g|lb|ml|l|mg/dL|mmol/L|cm|m|km|pcs|box|each|%|bpm|mmHg",
    "device_type platform os browser": (
        "iOS|Android|Windows|macOS|Linux|Chrome|Firefox|Safari|Edge|mobile|desktop|tablet|Opera"
    ),
    "card_type cc_type card_brand": "Visa|MasterCard|American Express|Discover|VISA 16 digit|Maestro|Diners Club|JCB",
    "result outcome": (
        "Positive|Negative|Inconclusive|Normal|Abnormal|pass|fail|win|loss|draw|Improved|Stable|Worsened|Recovered|Died"
    ),
    "team club": (
        "Red Sox|Lakers|Arsenal|Bayern|Chelsea|Yankees|Giants|Juventus|Real Madrid|Team A|Team B|Tigers|Eagles|"
        "Sharks|Wolves"
    ),
    "error message error_code": (
        "timeout|connection refused|not found|permission denied|OK|E1001|ERR_CONN|HTTP 500|NullPointerException|"
        "segfault"
    ),
    "material fabric texture": (
        "Cotton|Wool|Polyester|Silk|Linen|Leather|Steel|Aluminium|Oak|Pine|Glass|Plastic|Marble|Granite|Denim|Viscose"
    ),
    "subject course major": (
        "Mathematics|Physics|Biology|History|Geography|Chemistry|Art|Music|Economics|Philosophy|Computer science|"
        "Nursing|Law|Psychology 101|Intro to statistics"
    ),
    "building housing_type property": (
        "House|Apartment|Condo|Studio|Townhouse|Villa|Cabin|Loft|Duplex|Office|Warehouse|Barn"
    ),
    "transport vehicle_type mode": (
        "Car|Bus|Train|Bicycle|Truck|Motorcycle|Plane|Ferry|SUV|Sedan|Hatchback|Van|Pickup|Tram"
    ),
    "initial middle_letter group_letter bin": "A|B|C|D|E|F|G|H|I|J|K|L|M|N|O|P|Q|R|S|T|U|V|W|X|Y|Z|Š|Ž|Å|Ö",
    "grade rating_label score_label": "A|B|C|D|F|A+|AAA|BB|good|fair|poor|excellent",
    "class ticket_class cabin": "First|Second|Third|Economy|Business|Premium economy|Upper|Middle|Lower",
    "activity hobby sport": (
        "running|swimming|cycling|football|tennis|reading|hiking|chess|yoga|climbing|skiing|golf|cooking|gaming"
    ),
    "shape form pattern": "round|square|oval|triangle|striped|dotted|plain|floral|curved|flat|hexagon",
    "planet star element": (
        "Mercury|Venus|Earth|Mars|Jupiter|Saturn|Hydrogen|Helium|Carbon|Oxygen|Iron|Gold|Sirius|Vega|Rigel"
    ),
    "crop plant flower": (
        "wheat|maize|rice|barley|Rose|Tulip|Daisy|Lily|Jasmine|Violet|Poppy|Basil|Rosemary|Heather|Ivy|Olive"
    ),
    "kunde_typ status_de zahlungsart": (
        "offen|bezahlt|storniert|Neukunde|Bestandskunde|Rechnung|Lastschrift|Überweisung|Barzahlung|ja|nein|"
        "unbekannt|gering|mittel|hoch"
    ),
    "statut type etat": (
        "actif|inactif|en attente|livré|annulé|oui|non|inconnu|faible|moyen|élevé|carte bancaire|virement|espèces"
    ),
    "estado tipo situacion": (
        "activo|inactivo|pendiente|enviado|cancelado|sí|no|bajo|medio|alto|tarjeta|transferencia|efectivo|desconocido"
    ),
    "categoria prodotto stato": (
        "attivo|sospeso|chiuso|aperto|sì|basso|alto|elettronica|abbigliamento|cucina|giardino|libri|giocattoli|scarpe"
    ),
    "produto situacao": (
        "ativo|inativo|enviado|entregue|cartão|boleto|dinheiro|roupas|eletrônicos|móveis|livros|brinquedos|calçados"
    ),
}

_AMOUNTS = (
    "amount price revenue cost balance fee discount tax income salary betrag preis prix montant precio importe "
    "valore saldo umsatz spend premium credit_limit"
)
_COUNTS = (
    "count quantity num_items visits clicks children adults nights bedrooms previous_orders age_of_account anzahl "
    "menge nombre_articles cantidad"
)
_MEASURES = (
    "weight height temperature bmi glucose blood_pressure distance speed duration humidity pressure score index "
    "ratio percentage rate length width depth area volume heart_rate gewicht hoehe largeur peso latency "
    "response_time rainfall wind_speed"
)
_CODES = (
    "code sku item_code product_id article_no icd_code isbn ean barcode version zone_code store_id category_id batch "
    "lot gate shelf position_code section_no model_no flight airport currency_pair ticker procedure_code row "
    "line_number seq step hex_color checksum build dial_code country_calling_code order_type_id year rank level page "
    "class_id group_no cell_line"
)
_TEXTS = (
    "notes comments description remarks summary feedback message bemerkung commentaire comentario details reason "
    "instructions subject headline question answer abstract body content"
)
_PHRASES = (
    "item product_name event_label task description reason topic headline feature symptom result label tag keyword "
    "service project campaign option skill ingredient comment name title type group step goal finding treatment"
)


def plain_column(random: Random, size: int) -> Column:
    """A column of one of the kinds below."""
    return random.choices(_KINDS, _SHARES)[0](random, size)


def _listed(random: Random, size: int) -> Column:
    headers = random.choice(list(_LISTS))
    values = _LISTS[headers].split("|")
    header = random.choice(headers.split())
    chosen = random.sample(values, random.randint(min(2, len(values)), len(values)))
    return header, [_recased(value, random.randrange(6)) for value in chosen] if random.random() < 0.5 else chosen


def _recased(value: str, how: int) -> str:
    return (
        value.lower(),
        value.upper(),
        value.replace(" ", "_").lower(),
        value.replace(" ", "-"),
        value.title(),
        value,
    )[how]


def _mixed_lists(random: Random, size: int) -> Column:
    keys = random.sample(list(_LISTS), random.randint(2, 6))
    words = [value for key in keys for value in _LISTS[key].split("|")]
    return random.choice(_PHRASES.split()), random.sample(words, min(len(words), size))


def _amount(random: Random, size: int) -> Column:
    middle = random.uniform(0, 11)
    spread = random.uniform(0.2, 1.5)
    decimals = random.choice((0, 1, 2, 2, 2, 4))
    drawn = (random.lognormvariate(middle, spread) for _ in range(size))
    sign = random.choice(("", "", "", "", "$", "€", "EUR "))
    return random.choice(_AMOUNTS.split()), [f"{sign}{value:.{decimals}f}" for value in drawn]


def _count(random: Random, size: int) -> Column:
    high = random.choice((2, 5, 10, 50, 100, 365, 1000, 10_000, 1_000_000, 2_000_000_000))
    if random.random() < 0.3:
        start = random.randint(0, high)
        step = random.choice((1, 1, 2, 10))
        return random.choice(_COUNTS.split()), [str(start + i * step) for i in range(size)]

    return random.choice(_COUNTS.split()), [str(min(high, int(random.expovariate(4 / high)))) for _ in range(size)]


def _measure(random: Random, size: int) -> Column:
    middle = random.choice((0.5, 1.7, 25, 37, 70, 120, 170, 1000))
    spread = random.uniform(0.02, 0.6)
    decimals = random.choice((0, 1, 2, 3, 4, 6, 12))
    unit = random.choice(("", "", "", "", " kg", " cm", "%", " mmHg", " g/L", " days", "x"))
    drawn = [random.gauss(middle, middle * spread) for _ in range(size)]
    if random.random() < 0.2:
        drawn = [random.uniform(-180, 180) for _ in range(size)]

    return random.choice(_MEASURES.split()), [f"{value:.{decimals}f}{unit}" for value in drawn]


def _coarse_coordinate(random: Random, size: int) -> Column:
    """A grid: three decimals are 110 m, and no person's place."""
    header = random.choice(("longitude", "latitude", "lat", "lon", "lng"))
    middle = random.uniform(-120, 120)
    decimals = random.choice((0, 1, 2, 2, 3))
    return header, [f"{random.gauss(middle, 3):.{decimals}f}" for _ in range(size)]


_CODE_FORMS = (
    "A99|A99.9|999|9999|99999|AAA-999|AA-9999|999-9|A9|9A|v9.9.9|9.9|#hhhhhh|AAA|AAAA|978-9-99-999999-9|"
    "9999999999999|hhhhhhhh|hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh|AA9|9-9|99-99|LOT99999|AA 9999|AA999|AAAAAA|99A|"
    "ITEM-999|aaaa_99|a9|9/9|99:99|SKU-99999-AA|9999999|999999|8|89|AAAXX|99x99|99x99x99|+89|00899|A-99|A.9.9|"
    "Room 999|Unit 99|Group A|Type 9"
).split("|")


def _code(random: Random, size: int) -> Column:
    forms = [pattern(form) for form in random.sample(_CODE_FORMS, random.choice((1, 1, 1, 2)))]
    if random.random() < 0.6:
        distinct = size
    else:
        distinct = random.randint(2, 12)

    return random.choice(_CODES.split()), [random.choice(forms)(random) for _ in range(distinct)]


def _phrase(random: Random, size: int) -> Column:
    """Short phrases, capitalised in one way throughout the column."""
    words_known = vocabulary()
    how = random.randrange(5)
    longest = random.choice((1, 2, 2, 3, 5))
    values = []

    for _ in range(size if random.random() < 0.6 else random.randint(2, 30)):
        words = random.choices(words_known, k=random.randint(1, longest))
        if random.random() < 0.1:
            words.append(str(random.randint(1, 99)))
        text = " ".join(words)
        values.append((text.title(), text.capitalize(), text, "_".join(words), text.upper())[how])

    return random.choice(_PHRASES.split()), values


def _text(random: Random, size: int) -> Column:
    sentences = _sentences()
    longest = random.choice((1, 2, 4))
    return random.choice(_TEXTS.split()), [
        " ".join(random.choices(sentences, k=random.randint(1, longest))) for _ in range(size)
    ]


_STARTS = (
    "Acute|Chronic|Suspected|Post-operative|Follow-up for|Evaluation of|Management of|Severe|Mild|Recurrent|"
    "History of|Removal of|Check|Assess|Treatment of|Routine|Elective|Initial|Repeat|Bilateral|Left|Right"
).split("|")
_ENDS = (
    "pain|fever|cough|mass|lesion|fracture|infection|anemia|edema|surgery|biopsy|ultrasound|chemotherapy|dyspnea|"
    "bleeding|nausea|ulcer|tumor|stenosis|hernia|admission|discharge|consultation|imaging|antibiotics|therapy|"
    "dialysis|rash|seizure|headache"
).split("|")
_PLACES = (
    "|abdominal|chest|renal|cardiac|hepatic|pulmonary|thyroid|knee|spinal|pelvic|ovarian|cerebral|vascular"
).split("|")


def _clinical_phrase(random: Random, size: int) -> Column:
    values = [
        " ".join(filter(None, (random.choice(_STARTS), random.choice(_PLACES), random.choice(_ENDS))))
        for _ in range(size)
    ]
    return random.choice(
        ("reason", "event_label", "result", "finding", "diagnosis", "procedure", "impression", "plan")
    ), values


def _json(random: Random, size: int) -> Column:
    words = vocabulary()
    keys = random.sample(words, 3)
    return random.choice(("details", "payload", "attributes", "metadata", "options")), [
        json.dumps({k: random.choice((random.choice(words), random.randint(0, 99), None)) for k in keys})
        for _ in range(size)
    ]


def _product(random: Random, size: int) -> Column:
    adjectives = (
        "Classic|Slim|Premium|Organic|Vintage|Ultra|Mini|Pro|Eco|Deluxe|Soft|Smart|Portable|Wireless|Heavy duty".split(
            "|"
        )
    )
    nouns = [
        word
        for key in ("product product_name item name", "material fabric texture", "cuisine dish food fruit")
        for word in _LISTS[key].split("|")
    ]
    form = random.randrange(3)
    values = []

    for _ in range(size):
        words = [random.choice(adjectives), random.choice(nouns), random.choice(nouns)][: 3 - (form == 2)]
        values.append(
            " ".join(words)
            + (f" {random.randint(2, 500)}{random.choice(('g', ' ml', ' cm', 'W', ' pack', ''))}" if form == 1 else "")
        )

    return random.choice(("product", "product_name", "item", "name", "title", "article", "description")), values


def _file_or_path(random: Random, size: int) -> Column:
    words = vocabulary()
    endings = ("csv", "pdf", "png", "txt", "py", "docx")
    form = random.randrange(3)
    values = []

    for _ in range(size):
        name = f"{random.choice(words)}_{random.choice(words)}.{random.choice(endings)}"
        values.append((name, f"/{random.choice(words)}/{name}", f"{random.choice(words)}.{random.choice(words)}")[form])

    return random.choice(("file", "filename", "path", "source", "module", "attachment", "key")), values


def _year_or_time(random: Random, size: int) -> Column:
    form = random.randrange(3)
    if form == 0:
        return random.choice(("year", "model_year", "jahr", "annee", "vintage")), [
            str(y) for y in range(1900 + random.randint(0, 90), 2025)
        ]
    if form == 1:
        return random.choice(("duration", "elapsed", "interval")), [
            f"{random.randint(1, 59)} {random.choice(('min', 'h', 'days'))}" for _ in range(size)
        ]

    draw = dates(2010, 2023, "%Y-%m", "%Y-W%W")
    return random.choice(("period", "year_month", "week")), [draw(random) for _ in range(size)]


@cache
def _sentences() -> list[str]:
    text = " ".join(topics.topics.values())
    found = re.findall(r"[A-Z][a-z]+(?: [a-z]+,?){4,18}\.", re.sub(r"\s+", " ", text))
    return [
        *found,
        *(line for value in _LISTS.values() for line in value.split("|") if line.count(" ") > 2),
        *_OPINIONS,
    ]


_OPINIONS = (
    "I love this product, it fits well.|Not what I expected, the colour is off.|Great value for the money!|"
    "Would not buy again.|The patient was stable on arrival and discharged after two days.|Follow-up in six weeks.|"
    "No complications were noted.|Der Kunde ist mit der Lieferung zufrieden.|Le colis est arrivé en retard.|"
    "El producto llegó roto.|Tutto bene, grazie.|Delivery was late but support was friendly.|"
    "Runs small, order one size up.|Treatment was tolerated well."
).split("|")


_KINDS: tuple[Callable[[Random, int], Column], ...] = (
    _listed, _mixed_lists, _amount, _count, _measure, _coarse_coordinate, _code, _phrase, _text, _clinical_phrase,
    _json, _product, _file_or_path, _year_or_time,
)  # fmt: skip
_SHARES: Sequence[float] = (24, 8, 8, 9, 7, 2, 14, 14, 8, 6, 1, 6, 2, 2)
