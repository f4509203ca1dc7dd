"""The folder of the made-up community centre De Brug: name → bytes, with the traps of a real one.

`EXPECTED` says what becomes of each file when the folder is read, and why; a test holds the two together.
"""

from __future__ import annotations

import json

from helder.examples.dice import Dice
from helder.examples.handbook import office
from helder.examples.handbook.facts import ACTIVITIES, DAYS, ROOMS
from helder.examples.handbook.office import deleted, docx, inserted, odt, paragraph, pdf, pptx, run, table, xlsx, zipped

HIDDEN = "VERBORGEN"  # stands in everything that must not be read
NEWS = 24  # short notes of the news archive, a row each

RULES = """# Huisregels van De Brug

De Brug is er voor de hele buurt. Iedereen is welkom, ook zonder afspraak.

- Wie een zaal huurt, laat haar schoon achter.
- Roken mag alleen buiten, achter de fietsenstalling.
- Honden mogen mee naar binnen als ze aangelijnd zijn.
- De laatste die weggaat, sluit de ramen en zet de verwarming op zestien graden.
- De borg voor een sleutel is twintig euro.

Wie zich niet aan de regels houdt, wordt daar door de beheerder op aangesproken.
"""
EXPECTED = {
    # name → (state, words of the reason)
    "huisregels.md": ("accepted", ""),
    "kopie/huisregels (kopie).md": ("accepted", ""),  # a copy; "clean" finds it
    "oud/huisregels-2023.md": ("accepted", ""),  # says other things than the new one; "clean" shows them side by side
    "openingstijden.txt": ("accepted", ""),
    "house-rules.md": ("accepted", ""),
    "rooms.txt": ("accepted", ""),
    "vrijwilligers.docx": ("accepted", ""),
    "zaalhuur.xlsx": ("accepted", ""),
    "welkom.html": ("accepted", ""),
    "open-dag.pptx": ("accepted", ""),
    "notulen.odt": ("accepted", ""),
    "brochure.pdf": ("accepted", ""),
    "nieuws.jsonl": ("accepted", ""),
    "activiteiten.csv": ("accepted", ""),
    "vraag-van-een-buurvrouw.eml": ("accepted", ""),
    "wifi.txt": ("accepted", ""),
    "oud/jaarverslag-mojibake.txt": ("accepted", ""),
    "oud/brief-utf16.txt": ("accepted", ""),
    "oud/scan-contract.pdf": ("held", "a scan without text"),
    "oud/archief-2019.zip": ("held", "unpack it first"),
    "oud/statuten.doc": ("held", "an old Office file"),
    "oud/ruski.txt": ("held", "encoding is not known"),
    "zorg/intake-mevrouw-j.txt": ("held", "perhaps health data"),
    "foto-club/over-ons.html": ("held", "not for AI training: robots says noai"),
    "gedichten/regen.txt": ("held", "by noai.txt in its folder"),
    "gedichten/noai.txt": ("refused", "a mark"),
    "oud/verslag-afgebroken.docx": ("refused", "cut short"),
    "oud/factuur.docx": ("refused", "entity bomb"),
    "oud/leeg.txt": ("refused", "empty"),
    "oud/logo.png": ("refused", "a picture"),
    "~$vrijwilligers.docx": ("refused", "a lock file"),
    ".DS_Store": ("refused", "a hidden file"),
}


def files() -> dict[str, bytes]:
    """All files of the folder."""
    made = {
        "huisregels.md": RULES.encode(),
        "kopie/huisregels (kopie).md": RULES.replace("\n", "\r\n").encode("utf-8-sig"),
        "oud/huisregels-2023.md": RULES.replace("twintig euro", "vijftig euro").replace("aangelijnd", "klein").encode(),
        "openingstijden.txt": _hours().encode("cp1252"),
        "house-rules.md": _english_rules().encode(),
        "rooms.txt": _rooms().encode(),
        "vrijwilligers.docx": _volunteers(),
        "zaalhuur.xlsx": _prices(),
        "welkom.html": _page("", "Welkom bij De Brug").encode(),
        "open-dag.pptx": _open_day(),
        "notulen.odt": _minutes(),
        "brochure.pdf": pdf(["De Brug\nEen huis voor de hele buurt.", "Kom langs: de koffie staat klaar."], "Brochure"),
        "nieuws.jsonl": _news().encode(),
        "activiteiten.csv": _activities().encode(),
        "vraag-van-een-buurvrouw.eml": _mail(),
        "wifi.txt": _wifi().encode(),
        "oud/jaarverslag-mojibake.txt": _mojibake().encode(),
        "oud/brief-utf16.txt": "Beste buren,\r\n\r\nDe lift is weer gemaakt. Één keer drukken is genoeg.\r\n".encode(
            "utf-16"
        ),
        "oud/scan-contract.pdf": pdf(["", ""], "Contract"),
        "oud/archief-2019.zip": zipped({"brief.txt": "Een oude brief."}),
        "oud/statuten.doc": bytes.fromhex("d0cf11e0a1b11ae1") + bytes(504),
        "oud/ruski.txt": "Дорогие соседи, добро пожаловать в наш дом.".encode("cp1251"),
        "zorg/intake-mevrouw-j.txt": _intake().encode(),
        "foto-club/over-ons.html": _page('<meta name="robots" content="noai">', "Onze foto's").encode(),
        "gedichten/regen.txt": b"De regen tikt, de straat wordt stil,\nde buurt schuilt samen, wie maar wil.\n",
        "gedichten/noai.txt": b"Deze gedichten zijn niet bedoeld om AI mee te trainen.\n",
        "oud/verslag-afgebroken.docx": docx([paragraph(run("Een verslag dat nooit aankwam. " * 20))])[:-200],
        "oud/factuur.docx": _entity_bomb(),
        "oud/leeg.txt": b"",
        "oud/logo.png": b"\x89PNG\r\n\x1a\n" + bytes(40),
        "~$vrijwilligers.docx": b"\x05Beheer",
        ".DS_Store": b"\0\0\0\x01Bud1",
    }
    assert made.keys() == EXPECTED.keys()
    return dict(sorted(made.items()))


def _hours() -> str:
    lines = [f"Op {day} is De Brug open van {opens} tot {closes} uur." for day, (_, opens, closes) in DAYS.items()]
    return (
        "Openingstijden – geldig voor heel België én Nederland\n\n"
        + "\n".join(lines)
        + "\nOp zondag is De Brug dicht.\n"
    )


def _english_rules() -> str:
    hours = "\n".join(f"- On {day} De Brug is open from {opens} to {closes}." for day, opens, closes in DAYS.values())
    return (
        "# House rules and opening hours\n\nDe Brug is a house for the whole neighbourhood. Everybody is welcome.\n\n"
        "- Whoever rents a room leaves it clean.\n- Smoking is allowed outside only.\n"
        f"- The deposit for a key is twenty euros.\n\n## Opening hours\n\n{hours}\n- On Sunday De Brug is closed.\n"
        f"<!-- {HIDDEN}: ask the board about Sundays -->\n"
    )


def _rooms() -> str:
    lines = []
    for room, (english, seats, price, floor) in ROOMS.items():
        lines.append(
            f"{english[0].upper()}{english[1:]} ({room}) is on floor {floor}. It has {seats} seats and costs {price} "
            f"euros an hour. In Dutch: {room} heeft {seats} plaatsen, ligt op verdieping {floor} en kost {price} euro "
            "per uur."
        )
    return "Rooms of De Brug\n\n" + "\n\n".join(lines) + "\n"


def _volunteers() -> bytes:
    body = [
        paragraph(run("Handleiding voor vrijwilligers"), style="Kop"),
        paragraph(
            run("Een dienst duurt "), deleted(f"{HIDDEN} vier uur"), inserted("drie uur"), run(" en begint met koffie.")
        ),
        paragraph(
            run("De sleutel hangt achter de bar. "), run(f"{HIDDEN}: de reservesleutel ligt onder de mat.", hidden=True)
        ),
        paragraph(run(f"{HIDDEN} interne notitie"), style="Intern"),
        table([["Taak", "Wie"], ["Koffie zetten", "de eerste die komt"], ["Afsluiten", "de beheerder"]]),
        paragraph(run("Reiskosten worden vergoed: 23 cent per kilometer.")),
    ]
    parts = {
        "styles": '<w:style w:styleId="Intern"><w:rPr><w:vanish/></w:rPr></w:style>',
        "footer": paragraph(run("De Brug, handleiding voor vrijwilligers")),
        "comments": f'<w:comment w:id="1">{paragraph(run(f"{HIDDEN}: klopt dit nog?"))}</w:comment>',
    }
    return docx(body, "Handleiding voor vrijwilligers", parts)


def _prices() -> bytes:
    rows: list[list[office.Cell]] = [["Zaal", "Plaatsen", f"{HIDDEN} inkoop", "Per uur", "Geldig vanaf"]]
    rows += [[room, seats, 1, price, 46023] for room, (_, seats, price, _) in ROOMS.items()]
    dates = [f"E{number}" for number in range(2, len(rows) + 1)]
    secret: list[list[office.Cell]] = [[f"{HIDDEN} salarissen"]]
    return xlsx({"Prijzen": rows, "Intern": secret}, hidden=["Intern"], hidden_columns=[3], dates=dates)


def _page(meta: str, title: str) -> str:
    rows = "".join(f"<tr><td>{activity}<td>{day}<td>{time}</tr>" for activity, (_, day, time, _) in ACTIVITIES.items())
    return (
        f'<!doctype html><html lang="nl"><head><meta charset="utf-8">{meta}<title>{title}</title>'
        f"<style>.weg {{ display: none }}</style><script>console.log('{HIDDEN}')</script></head><body><h1>{title}</h1>"
        f"<p>Wij zijn er voor jong &amp; oud.</p><!-- {HIDDEN} --><p class='weg'>{HIDDEN}</p><p hidden>{HIDDEN}</p>"
        f"<table><tr><th>Wat<th>Dag<th>Tijd</tr>{rows}</table></body></html>"
    )


def _open_day() -> bytes:
    slides = [
        ["Open dag", "Kom kijken in alle zalen\nEr is soep en muziek"],
        [f"{HIDDEN} begroting"],
        ["Programma", "10:00\tkoffie", "11:00\trondleiding", "12:30\tsoep"],
    ]
    return pptx(slides, hidden=[2], notes={1: f"{HIDDEN}: niet vergeten de burgemeester te noemen"})


def _minutes() -> bytes:
    gone = f"<text:deletion><text:p>{HIDDEN}</text:p></text:deletion>"
    return odt(
        f"<text:tracked-changes><text:changed-region>{gone}</text:changed-region></text:tracked-changes>"
        "<text:h>Notulen van de vergadering</text:h>"
        "<text:p>De tuin wordt in mei opnieuw aangelegd. "
        f'<text:span text:style-name="T1">{HIDDEN}</text:span>De buurt helpt mee.</text:p>'
        "<table:table><table:table-row><table:table-cell><text:p>Spade</text:p></table:table-cell>"
        "<table:table-cell><text:p>6 stuks</text:p></table:table-cell></table:table-row></table:table>",
        '<style:style style:name="T1"><style:text-properties text:display="none"/></style:style>',
        "Notulen",
    )


def _news() -> str:
    dice, lines = Dice("handbook", "news"), []
    for place in range(NEWS):
        activity = dice.of(list(ACTIVITIES))
        english, day, time, room = ACTIVITIES[activity]
        guests = dice.between(4, 40)
        text = (
            f"Afgelopen {day} kwamen er {guests} mensen naar {activity}. Volgende week begint {activity} weer om "
            f"{time} uur in {room}. Neem gerust een buur mee."
            if place % 2
            else f"Last {DAYS[day][0]} {guests} people came to {english}. Next week {english} begins at {time} again, "
            f"in {ROOMS[room][0]}. Bring a neighbour."
        )
        lines.append(json.dumps({"title": f"Nieuws {place + 1}", "text": text}, ensure_ascii=False))
    lines.insert(7, '{"title": "Nieuws", "text": "Deze regel is afgebro')
    return "\n".join(lines) + "\n"


def _activities() -> str:
    rows = [f'{activity};{day};{time};"{room}"' for activity, (_, day, time, room) in ACTIVITIES.items()]
    rows.insert(3, "een regel met te weinig velden")
    rows.append('de buurtmaaltijd;donderdag;17:30;"de Keuken,\nmet uitzicht op de tuin"')
    return "activiteit;dag;tijd;zaal\n" + "\n".join(rows) + "\n"


def _mail() -> bytes:
    # Names are made up; the numbers have right checksums and belong to nobody (the bank's and the BSN's test ranges).
    text = (
        "From: Willemijn Voorbeeld <w.voorbeeld@example.org>\r\nTo: beheer@example.org\r\n"
        "Subject: =?utf-8?q?Vraag_over_het_repaircaf=C3=A9?=\r\nDate: Mon, 12 Jan 2026 09:30:00 +0100\r\n"
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        "Dag beheerder,\r\n\r\nMag ik zaterdag mijn naaimachine meenemen naar het repaircafé? Bel me gerust op "
        "06-12345678, of stuur de rekening naar IBAN NL91 ABNA 0417 1643 00.\r\nMijn BSN is 111222333, voor de "
        "ledenlijst.\r\n\r\nGroet, Willemijn\r\n"
    )
    return text.encode("latin-1")


def _wifi() -> str:
    # No key of anybody: the example that the documentation of the service uses.
    return (
        "Het wifi-netwerk heet DeBrug-gasten. Vraag het wachtwoord aan de bar.\n"
        "Voor de website: AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE\n"
    )


def _mojibake() -> str:
    right = "Het jaar in één zin: vele cafés, twee crèches en geen enkele ruzie.\n"
    return right.encode().decode("cp1252") + "Onzichtbaar: hier\u200b staat een teken van nul breed.\n"


def _intake() -> str:
    return (
        "Intakegesprek zorgloket\n\nMevrouw J., geboren 3 mei 1948, cliëntnummer 0042.\n"
        "Voorgeschiedenis: hoge bloeddruk, allergie voor penicilline. De huisarts stelde de diagnose artrose.\n"
        "Medicatie volgens voorschrift. Behandelplan: twee keer per week wandelen met een buddy.\n"
    )


def _entity_bomb() -> bytes:
    entities = '<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">'
    document = f'<?xml version="1.0"?><!DOCTYPE d [{entities}]><d>&c;</d>'
    return zipped({"[Content_Types].xml": "<Types/>", "word/document.xml": document})
