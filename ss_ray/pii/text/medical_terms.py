"""Names in medicine that name nobody who is in the text: eponyms ("Cushing's syndrome"), drugs and microbes.

An eponym is a word of the list below beside a clinical noun, or any one surname beside a noun that only eponyms have:
"Lopez syndrome" is one, "Lopez's test" is somebody's. A drug ends as the generic names of its class do, or is a brand.
"""

from __future__ import annotations

import re

from ss_ray.pii.stand_ins.lexicon import fold_name
from ss_ray.pii.text.word_lists import is_known

EPONYMS = tuple(
    """
    Addison Adson Allen Alport Alzheimer Angelman Apgar Asperger Auer Babinski Baker Bankart Barlow Barre Barrett
    Barthel Bartholin Bartter Basedow Battle Bechterew Beck Becker Behcet Bell Bence Berger Billroth Bishop
    Blumberg Boerhaave Bouchard Bowen Braden Bright Broca Brodie Brudzinski Brugada Budd Buerger Burkitt Calve
    Carnett Castleman Celsius Chagas Charcot Cheyne Chiari Child Chvostek Clark Cobb Cockcroft Colles Conn Coombs
    Cori Courvoisier Creutzfeldt Crohn Cullen Cushing Danlos Doppler Down Dressler Duchenne Dupuytren Ebstein
    Edwards Ehlers Eisenmenger Epley Epstein Erb Ewing Fabry Fallot Fanconi Felty Finkelstein Fitz Foley Fontan
    Fournier Fowler Freiberg Friedreich Frohlich Galeazzi Garden Gaucher Gault Giemsa Gilbert Glasgow Gleason
    Goodpasture Gram Graves Grey Guillain Guthrie Hallpike Hamilton Hansen Hardy Hartmann Hashimoto Hawkins
    Heberden Heimlich Henoch Hickman Hirschsprung Hodgkin Hoffman Hoffmann Holter Homans Hoover Horner Howell
    Huntington Jackson Jakob Jarvik Johnson Jolly Kaposi Kartagener Katz Kawasaki Kayser Kegel Kehr Kernig
    Kiesselbach Killip Klinefelter Klippel Kocher Koplik Korotkoff Korsakoff Korsakov Krukenberg Kussmaul Lachman
    Ladd Lasegue Laurence Leber Legg Legionnaires Leigh Lennox Levine Lewy Lhermitte Libman Likert Lisfranc Lou
    Lyme Lynch Maisonneuve Mallampati Mallory Mantoux Marfan McBurney McMurray Meckel Meige Menetrier Meniere
    Minnesota Mobitz Mohs Monteggia Moro Morquio Morton Munchausen Murphy Myerson Neer Nissen Noonan Ober Ogilvie
    Ortolani Osgood Osler Paget Pancoast Pap Papanicolaou Parinaud Parkinson Patau Patrick Penrose Perthes
    Peyronie Pfannenstiel Phalen Philadelphia Pick Plummer Pompe Popeye Pott Potter Prader Pratt Prinzmetal
    Proteus Pugh Purkinje Quervain Quincke Ramsay Ranson Raynaud Reed Reiter Rett Reye Richter Rinne Romberg
    Rorschach Rosai Roth Roux Rovsing Ryle Sachs Salter Sarnat Scheuermann Schilling Schirmer Schlatter Schober
    Schoenlein Schonlein Schwann Sever Sheehan Sjogren Snellen Spurling Steinert Stevens Stickler Still Stokes
    Sturge Sudeck Swan Sydenham Takayasu Tanner Tay Thompson Tietze Tinel Todd Tourette Traube Treacher
    Trendelenburg Trousseau Turcot Turner Usher Valsalva Vincent Virchow Volkmann Waardenburg Waldenstrom
    Waterhouse Weber Wegener Weiss Wells Wenckebach Wernicke West Whipple White Willebrand Willi Williams Wilms
    Wilson Wiskott Wolff Wright Yankauer Yersin Zellweger Zenker Ziehl Zollinger
    """.split()
)
"""Persons after whom diseases, signs, tests, devices and operations are named, without accents."""

EPONYM_NOUNS = tuple(
    """
    syndrome syndromes syndrom sign signs palsy chorea maneuver manoeuvre phenomenon tetralogy triad lymphoma sarcoma
    thyroiditis ataxia dystrophy anomaly malformation reflex contracture encephalopathy neuropathy purpura nephropathy
    granulomatosis arteritis macroglobulinemia disease criteria scale catheter
    """.split()
)
"""Nouns that stand behind eponyms; all but "disease", "criteria", "scale" and "catheter" stand behind nothing else."""

_MORE_NOUNS = tuple(
    """
    disease criteria scale catheter catheters test tests score scores classification index stain agar fracture
    hernia node nodes cell cells body bodies ulcer esophagus oesophagus procedure operation repair position
    incision gait law grade stage tube drain line lines tumor tumour cyst aneurysm block breathing respiration
    murmur spots pouch ring angle fever drainage bypass technique osteotomy prosthesis monitor monitoring
    ultrasound study studies flow chart rods brace collar chromosome exercises method scan smear resection patch
    coma deformity deformities esophagitis dementia degeneration disorder hyperplasia nails lesion lesions anemia
    bag
    """.split()
)
# Eponyms that stand alone with an apostrophe: "a history of Crohn's".
_ALONE = frozenset(
    "Alzheimer Asperger Barrett Crohn Cushing Graves Hashimoto Hirschsprung Hodgkin Huntington Kawasaki Lewy Marfan "
    "Meniere Parkinson Raynaud Sjogren Tourette".lower().split()
)
_KNOWN = frozenset(name.lower() for name in EPONYMS)
# Names that many patients have, too: they count beside a noun that only eponyms have, or beside their own noun.
_OWN_NOUNS = {
    name: frozenset(nouns.split("/")) - {""}
    for name, _, nouns in (
        entry.partition(" ")
        for entry in (
            "allen test,baker cyst,barlow,bell,berger disease,bishop score,bowen disease,"
            "child score/classification,clark level,cullen,edwards,fitz,fowler position,"
            "garden classification,gilbert,glasgow coma/score/scale,grey,hamilton scale,"
            "hardy classification,hawkins test,hoffman,hoffmann,hoover,horner,howell body/bodies,"
            "jackson,johnson,jolly body/bodies,katz index/score,lawrence,leigh disease,levine,"
            "lyme disease/test/tests,lynch,minnesota tube/test,morton neuroma,murphy,myerson,"
            "ober test,patrick test,philadelphia brace/collar/chromosome,pick disease,potter,ramsay,"
            "reed cell/cells,richter,roth spots,salter classification/fracture,stevens,stokes,"
            "tanner stage,thompson test,todd,turner,vincent,wells score/criteria,west,"
            "white classification,williams,wilson disease,wolff,wright stain"
        ).split(",")
    )
}
_STRONG = frozenset(EPONYM_NOUNS) - {"disease", "criteria", "scale", "catheter"}

_APOSTROPHE = r"['’´`]"
_NOUNS = frozenset({*EPONYM_NOUNS, *_MORE_NOUNS})
_ANY_NOUN = "|".join(sorted(_NOUNS, key=len, reverse=True))
_BEHIND = re.compile(
    rf"(?P<own>{_APOSTROPHE}s?|s{_APOSTROPHE})?[ -](?:[a-z]{{2,14}} )?(?P<noun>{_ANY_NOUN})\b"
    rf"|(?P<numbers>s?:? (?:scores?|of|was|is|=)?:? ?\d{{1,2}}(?:\b|/))",
    re.IGNORECASE,
)
_OWN_ALONE = re.compile(rf"{_APOSTROPHE}s?(?!\w)")
# "Morbus Crohn", "syndrome de Marfan", "ziekte van Parkinson".
_STRONG_BEFORE = re.compile(
    r"\b(?:morbus|syndrom|syndrome? (?:de|d['’])|s[ií]ndrome (?:de|do|di|del)|syndroom van|triade de|signe de|"
    r"signo de|segno di|sinal de|teken van)\s?$",
    re.IGNORECASE,
)
_WEAK_BEFORE = re.compile(
    r"\b(?:maladie|enfermedad|doença|malattia|morbo|ziekte|krankheit|sonde|sonda|catetere?|cath[eé]ter|katheter|escala|"
    r"échelle|echelle|scala|schaal|test|prueba|prova|teste|score|linfoma|lymphome|lymfoom|sarcoma|"
    r"tetralog[iy][ae]?|tétralogie|fenómeno|manovra|maniobra|manœuvre|fièvre) "
    r"(?:de|di|do|da|van|del|of|nach|d['’])\s?$",
    re.IGNORECASE,
)
_COMPOUND = re.compile(r"-(?:syndrom|krankheit|zeichen|katheter|test|score|skala|lymphom|fraktur)", re.IGNORECASE)
_DEVICES = frozenset("apgar foley doppler holter valsalva trendelenburg".split())
_DEVICE_BESIDE = re.compile(
    r"\b(?:place[ds]?|insert\w*|remov\w*|drain\w*|in place|in situ|draining|to gravity|intact|patent|fr|french|urine|"
    r"cath\w*|minutes?|min|echo\w*|ultrasound|monitor\w*|bladder|position|newborn|neonat\w*)\b",
    re.IGNORECASE,
)
_BESIDE_CHARS = 40

_DRUG_STEM = re.compile(
    r"[a-z]{2,}(?:mab|tinib|pril|sartan|olol|dipine|statin|floxacin|cillin|penem|mycin|micin|cycline|conazole|prazole|"
    r"gliptin|gliflozin|glutide|xaban|parin|setron|triptan|zepam|zolam|oxetine|caine|curonium|terol|sone|solone|profen|"
    r"barbital|fibrate|thiazide|semide|platin|taxel|rubicin|navir|tegravir|ciclovir|buvir|tidine|azepam|apine|"
    r"peridone|pidem|triptyline|azosin|lukast|dronate|formin|glitazone|mustine|poetin|grastim)"
)
_SPECIES = re.compile(r"(?:[A-Z]\.|([A-Z][a-z]{3,})) ([a-z]{3,}(?:a|ae|ans|ens|es|i|ii|is|oli|um|us))(?: spp?\.)?")
_BRANDS = frozenset(
    """
    abilify adderall advair advil aleve allegra ambien amoxil aspirin ativan augmentin bactrim benadryl botox celebrex
    cialis cipro clexane concerta coumadin cozaar crestor cymbalta dexedrine diflucan dilantin diovan dulcolax effexor
    eliquis enbrel entresto epipen excedrin flagyl flomax flonase fosamax haldol heparin herceptin humalog humira
    ibuprofen imodium insulin jardiance januvia keflex keppra keytruda klonopin lamictal lantus lasix levaquin levitra
    lexapro lipitor lovenox lyrica metformin miralax mirena motrin mucinex narcan naproxen neurontin nexium norco
    norvasc novolog nyquil opana oxycontin ozempic panadol paracetamol paxil paxlovid pepcid percocet phenergan plavix
    pradaxa prednisone prevacid prilosec prozac remicade risperdal ritalin robitussin rocephin seroquel singulair
    skyrizi stelara strattera suboxone sudafed symbicort synthroid tagamet tamiflu tegretol topamax toradol tramadol
    trulicity tums tylenol ultram valium valtrex ventolin viagra vicodin voltaren vyvanse warfarin wegovy wellbutrin
    xanax xarelto zantac zithromax zocor zofran zoloft zosyn zovirax zyprexa zyrtec
    """.split()
)


def is_medical_term(text: str, start: int, end: int) -> bool:
    """Whether a span that a model took for a name is an eponym or a drug.

    Example:
        >>> text = "Suspected Addison's disease; Olga Addison agreed."
        >>> is_medical_term(text, 10, 17), is_medical_term(text, 29, 41)
        (True, False)
    """
    return _is_drug(text[start:end]) or _is_species(text[start:end]) or _is_eponym(text, start, end)


def _is_drug(name: str) -> bool:
    """Whether a name is one word that is a brand or ends as generic names do, and is no first name."""
    word = fold_name(name)
    if word in _BRANDS:
        return True
    return _DRUG_STEM.fullmatch(word) is not None and not is_known(word, ("first_name", "last_name"))


def _is_species(name: str) -> bool:
    """Whether a name is the Latin name of a microbe: "S. enterica", "Coxiella burnetii"."""
    match = _SPECIES.fullmatch(name)
    return match is not None and not any(is_known(word, ("first_name", "last_name")) for word in match.groups() if word)


def _is_eponym(text: str, start: int, end: int) -> bool:
    """Whether the words beside a name, or the last word of the name, make it the name of a disease or a device."""
    first, *nouns = _OWN_ALONE.sub("", text[start:end]).split() or [""]
    names = fold_name(first).split("-")
    if nouns and (nouns[-1].lower() not in _NOUNS or not _is_listed(names)) and not _is_new_eponym(names, nouns[-1]):
        # A first name and a surname, or a patient and what he has.
        return False

    behind = _BEHIND.match(text, start + len(first))
    noun = behind["noun"].lower() if behind and behind["noun"] else ""
    before = text[max(0, start - _BESIDE_CHARS) : start]
    if _is_new_eponym(names, noun) or _STRONG_BEFORE.search(before):
        return True
    if not _is_listed(names):
        return False
    if len(names) == 1 and names[0] in _OWN_NOUNS:
        return noun in _OWN_NOUNS[names[0]]
    if noun or _COMPOUND.match(text, end) or _WEAK_BEFORE.search(before):
        return True
    if names[0] in _ALONE and _OWN_ALONE.match(text, start + len(first)):
        return True

    beside = before + text[end : end + _BESIDE_CHARS]
    return names[0] in _DEVICES and bool(behind or _DEVICE_BESIDE.search(beside))


def _is_listed(names: list[str]) -> bool:
    return any(name in _KNOWN or name.removesuffix("s") in _KNOWN for name in names)


def _is_new_eponym(names: list[str], noun: str) -> bool:
    """Whether a surname, of whatever list, stands before a noun that only eponyms have."""
    is_person = len(names) == 1 and is_known(names[0], ("first_name",)) and not _is_listed(names)
    return noun.lower() in _STRONG and not is_person
