"""Texts and code columns that hold nothing personal, for `bench_false_alarms.py`. All of them are made up.

Sentences are every subject with every predicate of one language, so that each language has more than a hundred.
"""

from __future__ import annotations

import random
import string
import uuid
from collections.abc import Callable

# Language -> subjects and predicates, which go together in any combination.
FOREIGN: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "de": (
        (
            "Die Waschmaschine",
            "Der Aufzug im Haus",
            "Das Gerät",
            "Die Lampe im Flur",
            "Der neue Drucker",
            "Die Spülmaschine in der Küche",
            "Das Tor an der Einfahrt",
            "Der Kühlschrank",
            "Die Pumpe im Keller",
            "Der Bildschirm",
            "Das Fenster",
        ),
        (
            "ist seit gestern defekt.",
            "macht laute Geräusche.",
            "wurde schon zweimal repariert.",
            "muss dringend ausgetauscht werden.",
            "geht nicht mehr an",
            "kam mit einem Kratzer an, bitte um Ersatz.",
            "funktioniert nach dem Update wieder einwandfrei.",
            "war leider zu klein und geht zurück.",
            "braucht eine neue Dichtung",
            "hat keinen Strom.",
        ),
    ),
    "fr": (
        (
            "La machine à laver",
            "L'ascenseur",
            "Le nouvel appareil",
            "La lampe du couloir",
            "L'imprimante",
            "La pompe de la cave",
            "Le portail",
            "Le réfrigérateur",
            "La chaudière",
            "L'écran",
            "La fenêtre du salon",
        ),
        (
            "est en panne depuis hier.",
            "fait beaucoup de bruit.",
            "a déjà été réparé deux fois.",
            "doit être remplacé rapidement.",
            "ne marche plus",
            "est arrivé avec une rayure, merci de l'échanger.",
            "fonctionne de nouveau après la mise à jour.",
            "était trop petit et sera renvoyé.",
            "a besoin d'un nouveau joint",
            "n'a plus de courant.",
        ),
    ),
    "es": (
        (
            "La lavadora",
            "El ascensor",
            "El aparato nuevo",
            "La lámpara del pasillo",
            "La impresora",
            "La bomba del sótano",
            "La puerta del garaje",
            "El frigorífico",
            "La caldera",
            "La pantalla",
            "La ventana",
        ),
        (
            "está averiada desde ayer.",
            "hace mucho ruido.",
            "ya fue reparada dos veces.",
            "tiene que cambiarse cuanto antes.",
            "ya no enciende",
            "llegó con un arañazo, solicito el cambio.",
            "funciona otra vez después de la actualización.",
            "era demasiado pequeña y se devuelve.",
            "necesita una junta nueva",
            "no tiene corriente.",
        ),
    ),
    "it": (
        (
            "La lavatrice",
            "L'ascensore",
            "Il nuovo apparecchio",
            "La lampada del corridoio",
            "La stampante",
            "La pompa in cantina",
            "Il cancello",
            "Il frigorifero",
            "La caldaia",
            "Lo schermo",
            "La finestra",
        ),
        (
            "non funziona da ieri.",
            "fa molto rumore.",
            "è già stato riparato due volte.",
            "deve essere sostituito al più presto.",
            "non si accende più",
            "è arrivato con un graffio, chiedo il cambio.",
            "funziona di nuovo dopo l'aggiornamento.",
            "era troppo piccolo e viene restituito.",
            "ha bisogno di una nuova guarnizione",
            "è senza corrente.",
        ),
    ),
    "pt": (
        (
            "A máquina de lavar",
            "O elevador",
            "O aparelho novo",
            "A lâmpada do corredor",
            "A impressora",
            "A bomba da cave",
            "O portão",
            "O frigorífico",
            "A caldeira",
            "O ecrã",
            "A janela",
        ),
        (
            "está avariado desde ontem.",
            "faz muito barulho.",
            "já foi reparado duas vezes.",
            "tem de ser trocado o mais depressa possível.",
            "não liga mais",
            "chegou com um risco, peço a troca.",
            "voltou a funcionar depois da atualização.",
            "era demasiado pequeno e vai ser devolvido.",
            "precisa de uma junta nova",
            "não tem corrente.",
        ),
    ),
    "nl": (
        (
            "De wasmachine",
            "De lift in het gebouw",
            "Het apparaat",
            "De lamp in de gang",
            "De nieuwe printer",
            "De pomp in de kelder",
            "Het hek aan de oprit",
            "De koelkast",
            "De ketel",
            "Het scherm",
            "Het raam",
        ),
        (
            "is sinds gisteren stuk.",
            "maakt veel lawaai.",
            "werd al twee keer hersteld.",
            "moet zo snel mogelijk vervangen worden.",
            "gaat niet meer aan",
            "kwam met een kras aan, graag omruilen.",
            "werkt weer na de update.",
            "was helaas te klein en gaat terug.",
            "heeft een nieuwe afdichting nodig",
            "heeft geen stroom.",
        ),
    ),
}

# Short texts: an opinion, a note of a clinic, a request; they have few function words.
FOREIGN_SHORT: dict[str, tuple[str, ...]] = {
    "de": (
        "Farbe blass, sonst gut.",
        "Patientin berichtet über Schwindel und Übelkeit.",
        "Keine Allergien bekannt.",
        "Zustand nach Sturz, Röntgen ohne Befund.",
        "Ware beschädigt, Rückgabe erbeten.",
        "Mehr Lohn gewünscht.",
        "Termin verschoben auf nächste Woche.",
        "Passt perfekt!",
    ),
    "fr": (
        "Couleur un peu pâle, sinon bien.",
        "La patiente signale des vertiges et des nausées.",
        "Pas d'allergie connue.",
        "Chute à domicile, radiographie sans anomalie.",
        "Colis abîmé, retour demandé.",
        "Rendez-vous reporté à la semaine prochaine.",
        "Trop cher pour ce que c'est.",
    ),
    "es": (
        "Color algo pálido, por lo demás bien.",
        "La paciente refiere mareos y náuseas.",
        "Sin alergias conocidas.",
        "Caída en casa, radiografía sin hallazgos.",
        "Paquete dañado, se pide devolución.",
        "Cita aplazada a la próxima semana.",
        "Demasiado caro para lo que es.",
    ),
    "it": (
        "Colore un po' pallido, per il resto bene.",
        "La paziente riferisce vertigini e nausea.",
        "Nessuna allergia nota.",
        "Caduta in casa, radiografia negativa.",
        "Pacco danneggiato, chiedo il reso.",
        "Appuntamento rinviato alla prossima settimana.",
        "Troppo caro per quello che è.",
    ),
    "pt": (
        "Cor um pouco pálida, de resto bom.",
        "A paciente refere tonturas e náuseas.",
        "Sem alergias conhecidas.",
        "Queda em casa, radiografia sem alterações.",
        "Embalagem danificada, pede-se devolução.",
        "Consulta adiada para a próxima semana.",
        "Muito caro para o que é.",
    ),
    "nl": (
        "Kleur wat flets, verder goed.",
        "Patiënte meldt duizeligheid en misselijkheid.",
        "Geen allergieën bekend.",
        "Thuis gevallen, röntgenfoto zonder afwijkingen.",
        "Pakket beschadigd, retour gevraagd.",
        "Afspraak verzet naar volgende week.",
        "Veel te duur voor wat het is.",
    ),
    "ja": (
        "洗濯機が動きません。",
        "画面に傷がありました。",
        "アレルギーなし。",
        "サイズが小さすぎた。",
        "プリンターを修理しました。",
        "来週に予定を変更。",
        "めまいと吐き気あり。",
        "品質は普通です。",
    ),
    "ru": ("Насос в подвале шумит.", "Аллергии нет.", "Экран поцарапан.", "Приём перенесён на неделю."),
    "el": ("Το πλυντήριο χάλασε χθες.", "Χωρίς αλλεργίες.", "Η οθόνη έχει γρατζουνιά."),
    "pl": ("Pralka nie działa od wczoraj.", "Brak alergii.", "Ekran jest porysowany, proszę o wymianę."),
    "sv": ("Tvättmaskinen är trasig sedan igår.", "Inga kända allergier.", "Skärmen har en repa och ska bytas."),
    "tr": ("Çamaşır makinesi dünden beri bozuk.", "Bilinen alerjisi yok.", "Ekran çizik geldi, değişim istiyorum."),
}

SHORTHAND = (
    "Hgb 10.4, Plt 188",
    "Na 138 K 4.1 Cl 101 CO2 24",
    "BP 118/76 HR 68 RR 14 SpO2 98% RA",
    "WBC 11.2, Hct 33, MCV 88",
    "T 37.9 P 92",
    "Cr 1.1 (b/l 0.9)",
    "INR 2.3 on warf 5 mg qd",
    "s/p CABG x3, CXR clear",
    "c/o SOB, DOE x2d",
    "h/o HTN, DM2, CKD 3",
    "NPO p MN, IVF NS @ 75/h",
    "EKG NSR, no ST chg",
    "Trop neg x2, BNP 340",
    "UA neg, UCx pend",
    "d/c home, f/u PCP 1 wk",
    "A&O x3, NAD",
    "LFTs wnl, lipase 28",
    "abd soft NT/ND, +BS",
    "CV RRR no m/r/g",
    "Lungs CTAB",
    "ASA 81 mg PO qd",
    "Metoprolol 25 mg BID",
    "Lasix 40 IV x1, UOP 1.2 L",
    "Vanc trough 14.8",
    "GCS 15, PERRL",
    "LMP 2 wks ago, G2P1",
    "Tdap UTD, Flu given",
    "PT/OT eval, WBAT RLE",
    "I/O +450, wt 81.2 kg",
    "Glu 212, SSI 4 u",
    "HbA1c 7.8%, LDL 96",
    "Ca 8.9 Mg 1.9 Phos 3.2",
    "ABG 7.38/42/88/24",
    "FEV1 68% pred",
    "EF 55%, mild MR",
    "Zofran 4 mg IV prn N/V",
    "O2 2 L NC, sat 94",
    "CT h neg, CTA neg PE",
    "Temp max 38.4 o/n",
    "R knee XR: OA, no fx",
)

CODE = (
    "SELECT COUNT(*) FROM orders WHERE total > 100;",
    "if (x == null) { return -1; }",
    "for i in range(10): print(i)",
    "const total = items.reduce((a, b) => a + b, 0);",
    "git commit -am 'fix'",
    "df.groupby('Region')['Sales'].sum()",
    "public static void main(String[] args)",
    "=VLOOKUP(A2,Sheet2!A:C,3,FALSE)",
    "curl -X POST localhost:8080/api/v1/jobs",
    "import numpy as np",
    '<div class="Header"><p>Total</p></div>',
    '{"Status": "OK", "Code": 200}',
    "Traceback: KeyError: 'Price' at line 42",
    "NullPointerException at OrderService.java:118",
    "docker run -p 80:80 nginx",
    "#include <stdio.h>",
    'printf("%d\\n", Count);',
    "x = np.linspace(0, 1, 50)",
    "ALTER TABLE Item ADD COLUMN Color TEXT",
    "/usr/local/bin/Launcher --mode=Fast",
    "y ~ Age + Weight + (1 | Site)",
    "[INFO] Build SUCCESS in 12.3 s",
    "let Total: Vec<u32> = Vec::new();",
    "HTTP/1.1 404 Not Found",
    "E = mc^2",
    "2 H2 + O2 -> 2 H2O",
    "f(x) = 3x^2 + 2x - 1",
)


def foreign_sentences() -> dict[str, list[str]]:
    """Sentences by language."""
    made = {language: list(FOREIGN_SHORT[language]) for language in FOREIGN_SHORT}
    for language, (subjects, predicates) in FOREIGN.items():
        made[language] += [f"{subject} {predicate}" for subject in subjects for predicate in predicates]
    return made


def code_columns(rows: int, seed: int = 1) -> dict[str, list[str]]:
    """Code columns by name, (rows,) values each."""
    draw = random.Random(seed)

    def of(alphabet: str, length: int) -> str:
        return "".join(draw.choice(alphabet) for _ in range(length))

    def isbn() -> str:
        body = "978" + of(string.digits, 9)
        check = -sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(body)) % 10
        return f"978-{body[3]}-{body[4:9]}-{body[9:]}-{check}"

    number = draw.randint
    upper = string.ascii_uppercase
    makers: dict[str, Callable[[], str]] = {
        "dna": lambda: of("ACGT", number(12, 20)),
        "protein": lambda: of("ACDEFGHIKLMNPQRSTVWY", number(10, 18)),
        "booking": lambda: of(upper + string.digits, 6),
        "flight": lambda: f"{of(upper, 2)}{number(10, 9999)}",
        "route": lambda: f"{of(upper, 3)}-{of(upper, 3)}",
        "part_number": lambda: f"{of(upper, 2)}-{of(string.digits, 4)}-{of(upper, 1)}",
        "order": lambda: f"ORD-2024-{of(string.digits, 6)}",
        "hex": lambda: of("0123456789abcdef", 16),
        "sha1": lambda: of("0123456789abcdef", 40),
        "uuid": lambda: str(uuid.UUID(int=draw.getrandbits(128), version=4)),
        "isbn": isbn,
        "ean": lambda: of(string.digits, 13),
        "answers": lambda: of("ABCD", 10),
        "gcs": lambda: f"E{number(1, 4)}V{number(1, 5)}M{number(1, 6)}",
        "colour": lambda: "#" + of("0123456789abcdef", 6),
        "rgb": lambda: f"rgb({number(0, 255)},{number(0, 255)},{number(0, 255)})",
        "interval": lambda: f"[{number(0, 500)}, {number(500, 900)}]",
        "range": lambda: f"({number(0, 50)}, {number(50, 90)}]",
        "dose": lambda: f"{number(1000, 9999) / 1000}mg",
        "change": lambda: f"{draw.choice('+-')}{number(0, 9)}.{number(0, 9)}",
        "grouped": lambda: f"{number(1, 99)} {number(100, 999)}",
        "smiles": lambda: "".join(draw.choice(("C", "N", "O", "CC", "Cl", "(=O)", "c1ccccc1")) for _ in range(8)),
        "formula": lambda: f"C{number(2, 20)}H{number(2, 40)}N{number(1, 5)}O{number(1, 9)}",
        "iupac_ion": lambda: f"{draw.choice(('Na', 'Mg', 'Ca', 'Fe', 'Zn'))}{number(1, 3)}+",
        "mutation": lambda: f"c.{number(10, 3000)}{draw.choice('ACGT')}>{draw.choice('ACGT')}",
        "variant": lambda: (
            f"p.{draw.choice(('Arg', 'Gly', 'Val', 'Leu'))}{number(10, 900)}{draw.choice(('Ter', 'Ser', 'Met', 'Trp'))}"
        ),
        "icd": lambda: f"{of(upper, 1)}{of(string.digits, 2)}.{number(0, 9)}",
        "ticker": lambda: of(upper, 4),
        "version": lambda: f"v{number(0, 9)}.{number(0, 30)}.{number(0, 99)}",
        "ratio": lambda: f"{number(1, 9)}:{number(1, 9)}",
        "dimensions": lambda: f"{number(1, 99)}x{number(1, 99)}x{number(1, 99)} cm",
        "thread": lambda: f"M{number(2, 24)}x{number(10, 120)} DIN {number(900, 999)}",
        "chess": lambda: f"{number(1, 60)}. {draw.choice('NBRQK')}{draw.choice('abcdefgh')}{number(1, 8)}",
        "cron": lambda: f"{number(0, 59)} {number(0, 23)} * * {number(0, 6)}",
        "base64": lambda: of(string.ascii_letters + string.digits, 22) + "==",
        "plate_shape": lambda: f"{of(upper, 3)}{of(string.digits, 3)}",
        "grid": lambda: f"{number(10, 60)}{of('CDEFGHJ', 1)}{of(upper, 2)} {number(1000, 9999)} {number(1000, 9999)}",
        "peptide": lambda: "-".join(draw.choice(("Ala", "Gly", "Ser", "Val", "Leu", "Phe", "Lys")) for _ in range(5)),
        "blood_gas": lambda: f"{number(700, 760) / 100}/{number(30, 60)}/{number(60, 99)}",
        "path": lambda: f"/srv/{of(string.ascii_lowercase, 3)}/{of(string.digits, 4)}.dat",
        "sku": lambda: f"{of(upper, 3)}/{of(upper, 2)}/{number(10, 99)}",
    }

    return {name: [make() for _ in range(rows)] for name, make in makers.items()}
