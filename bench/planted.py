"""Text with personal data of every kind planted in it, and with what only looks like it; made from a seed.

It shares no code with the recognisers: check digits are found by trying, by rules said in another way. The people,
numbers and keys are drawn at random and belong to nobody, or to whoever has them by chance.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable
from dataclasses import dataclass

FILLER = (
    "De vergadering begint om tien uur in de grote zaal.", "Bring the form to the desk on the second floor.",
    "Für die Anmeldung wird eine Kopie benötigt.", "Le dossier est complet depuis la semaine dernière.",
    "The pump runs at 3.5 bar and is checked every 12 weeks.", "Zie hoofdstuk 4.2 van het handboek, uitgave 2019.",
    "Order 48213 was sent on 12 March 2021 in 3 boxes.", "Der Umsatz stieg um 12,5 % auf 1.250.000 Euro.",
    "Version 10.4 replaces 10.3 from 01-06-2022 on.", "In 1998 waren er 16.204 deelnemers, nu 17.118.",
)  # fmt: skip
PLAIN = (
    "Iedere bezoeker meldt zich bij de balie, waar een vrijwilliger de weg wijst en koffie aanbiedt.",
    "The committee met in the library and agreed that the garden should be open on most afternoons.",
    "Wer die Räume nutzen möchte, fragt bitte im Büro nach, ob sie frei sind, und bringt sie danach in Ordnung.",
    "Les clés se trouvent chez la gardienne, qui les remet contre une signature et les reprend le soir.",
    "When the alarm sounds, leave by the nearest door, do not use the lift, and wait outside for the others.",
    "De tuin wordt onderhouden door buurtbewoners, die samen bepalen wat er groeit en wie er oogst.",
)
FIRST = ("anna", "jan", "maria", "peter", "sofie", "thomas", "fatima", "lucas", "emma", "hans", "zoe", "ali")
LAST = ("devries", "jansen", "muller", "smith", "dubois", "kowalska", "bakker", "olsen", "oneill", "schmidt", "khan")
PLACES_NL = ("Utrecht", "Amsterdam", "Den Haag", "Groningen", "Nijmegen", "Bergen op Zoom")
PLACES_DE = ("Berlin", "München", "Hamburg", "Köln", "Leipzig", "Bad Homburg")
MONTHS = {
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
}


@dataclass(frozen=True)
class Planted:
    """A text and the bytes of its UTF-8 where something of a kind was planted."""

    text: str
    kind: str
    start: int
    end: int


class Generator:
    """Draws values of each kind; the same seed gives the same values."""

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(seed)
        self.kinds: dict[str, Callable[[], tuple[str, str]]] = {
            "e-mail": self._mail, "phone": self._phone, "iban": self._iban, "card": self._card, "bsn": self._bsn,
            "nhs": self._nhs, "ssn": self._ssn, "ip": self._ip, "date-of-birth": self._birth,
            "address": self._address, "secret": self._secret,
        }  # fmt: skip

    def plant(self, kind: str) -> Planted:
        """A few sentences, one of which holds a value of the kind."""
        before, value = self.kinds[kind]()
        return self._put(before, value, kind)

    def plant_false(self, kind: str) -> Planted:
        """The same with a value that only looks like one of the kind: a wrong check digit, a range that is not used."""
        before, value = self._false(kind)
        return self._put(before, value, kind)

    def prose(self, size: int) -> str:
        """Sentences without anything planted, at least `size` characters."""
        parts, length = [], 0
        while length < size:
            parts.append(self._draw.choice(FILLER if self._draw.random() < 0.2 else PLAIN))
            length += len(parts[-1]) + 1
        return "\n".join(parts)

    def _put(self, before: str, value: str, kind: str) -> Planted:
        lead = " ".join(self._draw.sample(FILLER, 2)) + self._draw.choice((" ", "\n"))
        after = self._draw.choice((". ", ", ", "\n", " ; ", ") ")) + self._draw.choice(FILLER)
        start = len((lead + before).encode("utf-8"))
        own = value.partition("@db.")[0]  # the host of a URL is no part of its password
        return Planted(lead + before + value + after, kind, start, start + len(own.encode("utf-8")))

    def _digits(self, count: int) -> str:
        return "".join(self._draw.choice(string.digits) for _ in range(count))

    def _letters(self, count: int, of: str = string.ascii_letters + string.digits) -> str:
        return "".join(self._draw.choice(of) for _ in range(count))

    def _one(self, *of: str) -> str:
        return self._draw.choice(of)

    # -- with a check digit ------------------------------------------------------------------------------

    def _iban(self, right: bool = True) -> tuple[str, str]:
        country, body = self._draw.choice(
            (
                ("NL", self._one("ABNA", "INGB", "RABO", "TRIO") + self._digits(10)), ("DE", self._digits(18)),
                ("GB", self._one("NWBK", "BARC", "LOYD") + self._digits(14)), ("BE", self._digits(12)),
                ("FR", self._digits(10) + self._letters(11, string.digits) + self._digits(2)), ("ES", self._digits(20)),
                ("AT", self._digits(16)), ("CH", self._digits(17)), ("PL", self._digits(24)), ("NO", self._digits(11)),
                ("IT", self._one("X", "K") + self._digits(22)), ("MT", "MALT" + self._digits(5) + self._digits(18)),
            )
        )  # fmt: skip
        fits = [check for check in range(2, 99) if _remainder(body + country + f"{check:02}") == 1]
        check = fits[0] if right else (fits[0] + self._draw.randrange(1, 90)) % 97 + 1
        if not right and _remainder(f"{body}{country}{check:02}") == 1:
            check = check + 1
        plain = f"{country}{check:02}{body}"
        spaced = " ".join(plain[place : place + 4] for place in range(0, len(plain), 4))
        return self._one("Rekening ", "IBAN: ", "Pay to "), self._one(plain, spaced)

    def _card(self, right: bool = True) -> tuple[str, str]:
        prefix, length = self._draw.choice(
            (("4", 16), ("51", 16), ("55", 16), ("2221", 16), ("2720", 16), ("34", 15), ("37", 15), ("6011", 16),
             ("65", 16), ("36", 14), ("3530", 16), ("62", 16))
        )  # fmt: skip
        body = prefix + self._digits(length - 1 - len(prefix))
        sums = {digit: _doubled(body + digit) for digit in string.digits}
        good = next(digit for digit, total in sums.items() if total % 10 == 0)
        number = body + (good if right else self._one(*(digit for digit in string.digits if digit != good)))
        cuts = (4, 10) if length < 16 else (4, 8, 12)
        parts = [number[a:b] for a, b in zip((0, *cuts), (*cuts, length), strict=True)]
        return self._one("Card ", "Kaartnummer ", "paid with "), self._one(number, " ".join(parts), "-".join(parts))

    def _bsn(self, right: bool = True) -> tuple[str, str]:
        while True:
            number = self._digits(9)
            total = sum((9 - place) * int(digit) for place, digit in enumerate(number[:8])) - int(number[8])
            if (total % 11 == 0) == right and number[:3] != "000":
                break
        dotted = f"{number[:4]}.{number[4:6]}.{number[6:]}"
        return self._one("BSN ", "burgerservicenummer: ", "nummer "), self._one(number, dotted, _threes(number))

    def _nhs(self, right: bool = True) -> tuple[str, str]:
        while True:
            body = self._one("4", "6", "7") + self._digits(8)
            rest = (11 - sum(int(digit) * (10 - place) for place, digit in enumerate(body)) % 11) % 11
            if rest < 10:
                break
        last = rest if right else (rest + self._draw.randrange(1, 10)) % 10
        number = f"{body}{last}"
        return self._one("NHS ", "NHS number: ", "patient "), self._one(number, f"{body[:3]} {body[3:6]} {number[6:]}")

    # -- with a form or a range --------------------------------------------------------------------------

    def _ssn(self) -> tuple[str, str]:
        area = self._draw.choice([number for number in range(1, 900) if number != 666])
        group, serial = self._draw.randrange(1, 100), self._draw.randrange(1, 10_000)
        gap = self._one("-", " ", "")
        value = f"{area:03}{gap}{group:02}{gap}{serial:04}"
        return ("SSN " if not gap else self._one("SSN: ", "number ", "")), value

    def _mail(self) -> tuple[str, str]:
        local = self._one(*FIRST) + self._one(".", "_", "-", "", "+") + self._one(*LAST, *(str(n) for n in range(9)))
        host = self._one("example", "uni-mail", "post", "ziekenhuis-oost", "mail.bedrijf", "a1")
        end = self._one("org", "nl", "de", "co.uk", "com", "eu", "fr", "info", "museum")
        return self._one("Mail ", "<", "contact: ", "("), f"{local}@{host}.{end}"

    def _phone(self) -> tuple[str, str]:
        d = self._digits
        dutch = (
            f"06-{self._mobile()}", f"06 {self._mobile()}", f"06{self._mobile()}", f"+316{self._mobile()}",
            f"+31 6 {self._mobile()}", f"020-{self._line(7)}", f"020 {self._line(3)} {d(4)}",
            f"(020) {self._line(3)} {d(2)} {d(2)}",
            f"0345-{self._line(6)}", f"+31 (0)20 {self._line(3)} {d(4)}", f"0031 30 {self._line(7)}",
            f"06 {self._pair()} {d(2)} {d(2)} {d(2)}",
        )  # fmt: skip
        british = (
            f"020 7{d(3)} {d(4)}", f"+44 20 7{d(3)} {d(4)}", f"07{self._one('4', '7', '9')}{d(2)} {d(6)}",
            f"0161 4{d(2)} {d(4)}", f"(0161) 4{d(2)} {d(4)}", f"+44 7911 {d(6)}",
        )  # fmt: skip
        area, exchange = self._one("212", "415", "646", "305"), f"{self._draw.randrange(200, 1000)}"
        american = (
            f"({area}) {exchange}-{d(4)}", f"{area}-{exchange}-{d(4)}", f"{area}.{exchange}.{d(4)}",
            f"+1 {area} {exchange} {d(4)}", f"+1-{area}-{exchange}-{d(4)}", f"1-{area}-{exchange}-{d(4)}",
        )  # fmt: skip
        others = (
            f"+49 30 {self._line(7)}", f"030/{self._line(7)}", f"0171 {self._line(7)}", f"0049 89 {self._line(7)}",
            f"+33 1 {d(2)} {d(2)} {d(2)} {d(2)}", f"06 {self._pair()} {d(2)} {d(2)} {d(2)}",
            f"+32 471 {d(2)} {d(2)} {d(2)}", f"0471 {self._pair()} {d(2)} {d(2)}",
            f"+48 22 {self._line(3)} {d(2)} {d(2)}",
            f"+351 21 {self._line(3)} {d(4)}", f"+358 40 {self._line(7)}", f"+91 98{d(3)} {d(5)}",
        )  # fmt: skip
        return self._one("Tel. ", "", "bel ", "reach us at ", "T: "), self._one(*dutch, *british, *american, *others)

    def _mobile(self) -> str:
        return self._one("1", "2", "3", "4", "5", "8") + self._digits(7)

    def _line(self, count: int) -> str:
        return self._one("2", "3", "4", "5", "6", "7") + self._digits(count - 1)

    def _pair(self) -> str:
        return self._one("1", "2", "3", "4") + self._digits(1)

    def _ip(self) -> tuple[str, str]:
        four = ".".join(str(self._draw.randrange(low, 255)) for low in (11, 0, 0, 1))
        six = ":".join(f"{self._draw.randrange(1, 65536):x}" for _ in range(8))
        short = f"2001:db8::{self._draw.randrange(1, 65536):x}:{self._draw.randrange(1, 65536):x}"
        value = self._one(four, four, six, short) if not four.startswith("127.") else six
        return self._one("from ", "IP ", "client=", "[", "adres "), value

    def _birth(self) -> tuple[str, str]:
        day, month, year = self._draw.randrange(1, 29), self._draw.randrange(1, 13), self._draw.randrange(1920, 2015)
        language = self._one(*MONTHS)
        name = MONTHS[language].split()[month - 1]
        written = {"nl": f"{day} {name} {year}", "de": f"{day}. {name} {year}", "fr": f"{day} {name} {year}"}
        written["en"] = self._one(f"{day} {name} {year}", f"{name} {day}, {year}")
        numeric = self._one(
            f"{day:02}-{month:02}-{year}",
            f"{day}/{month}/{year}",
            f"{year}-{month:02}-{day:02}",
            f"{day:02}.{month:02}.{year}",
        )
        words = {
            "nl": ("geboren op ", "geboortedatum: ", "geb. ", "Geboren te Utrecht op "),
            "en": ("born on ", "Date of birth: ", "DOB ", "born in Leeds on ", "D.O.B. "),
            "de": ("geboren am ", "Geburtsdatum: ", "geb. am ", "geb. "),
            "fr": ("né le ", "née le ", "date de naissance : ", "Née à Lyon le "),
        }
        return self._one(*words[language]), self._one(written[language], numeric)

    def _address(self) -> tuple[str, str]:
        number = str(self._draw.randrange(1, 400))
        dutch_code = f"{self._draw.randrange(1000, 9999)} {self._letters(1, 'ABCDEFGH')}{self._letters(1, 'GHJKLM')}"
        dutch = self._one(
            "Kerkstraat", "Prins Hendrikkade", "Laan van Meerdervoort", "Dorpsweg", "Plein 1944", "Lange Vest"
        )
        german = self._one("Hauptstraße", "Am Markt", "Lindenallee", "Bahnhofstr.", "Goetheplatz", "Alte Gasse")
        english = self._one("High Street", "Church Lane", "Victoria Road", "Mill Close", "St Mary's Avenue")
        british_code = self._one("SW1A 1AA", "NW1 6XE", "M1 4BT", "EH1 2NG", "B33 8TH", "CR2 6XH")
        zip_code = self._one("IL", "CA", "NY", "TX") + f" {self._draw.randrange(10_000, 99_999)}"
        american = self._one("Main Street", "Oak Avenue", "Sunset Boulevard", "Elm Drive", "Maple Court")
        return self._one("Adres: ", "Send it to ", "woont op ", "Wohnhaft: ", ""), self._one(
            f"{dutch} {number}, {dutch_code} {self._one(*PLACES_NL)}",
            f"{dutch} {number}a\n{dutch_code} {self._one(*PLACES_NL)}",
            f"{german} {number}, {self._draw.randrange(10115, 99998)} {self._one(*PLACES_DE)}",
            f"{german} {number}\n{self._draw.randrange(10115, 99998)} {self._one(*PLACES_DE)}",
            f"{number} {english}, London {british_code}",
            f"{number} {english}, Leeds, {british_code}",
            f"{number} {american}, Springfield, {zip_code}",
            f"Kerkstraat {number}",
            f"{number} High Street",
            f"Goethestraße {number}",
        )

    def _secret(self) -> tuple[str, str]:
        upper, text = string.ascii_uppercase + string.digits, self._letters
        key = "\n".join(text(64, string.ascii_letters + string.digits + "+/") for _ in range(5))
        kind = self._one("RSA ", "EC ", "OPENSSH ", "", "ENCRYPTED ")
        jwt = f"eyJ{text(20)}.eyJ{text(40)}.{text(43)}"
        whole = (
            f"-----BEGIN {kind}PRIVATE KEY-----\n{key}\n-----END {kind}PRIVATE KEY-----", f"AKIA{text(16, upper)}",
            f"ghp_{text(36)}", f"github_pat_{text(22)}_{text(59)}", f"glpat-{text(20)}",
            f"xoxb-{self._digits(12)}-{text(24)}", f"AIza{text(35)}", f"sk_live_{text(24)}",
            f"npm_{text(36)}", f"hf_{text(34)}", jwt, f"sk-proj-{text(48)}",
        )  # fmt: skip
        word = text(8) + self._one("7", "3") + text(4)
        named = (
            (self._one("password: ", "password=", 'passwd = "'), word),
            (self._one("API_KEY=", "api_key: ", 'apiKey: "'), text(31) + "4"),
            (self._one("client_secret=", "secret: "), text(23) + "5"),
            (self._one("postgres://", "https://"), f"admin:{word}"),
        )
        if self._draw.random() < 0.25:
            before, value = self._draw.choice(named)
            return (before, value + "@db.example.org") if "://" in before else (before, value)
        return self._one("key ", "", "token: "), self._one(*whole)

    # -- that only look like it --------------------------------------------------------------------------

    def _false(self, kind: str) -> tuple[str, str]:
        if kind in ("iban", "card", "bsn", "nhs"):
            made: dict[str, Callable[[bool], tuple[str, str]]] = {
                "iban": self._iban, "card": self._card, "bsn": self._bsn, "nhs": self._nhs,
            }  # fmt: skip
            return made[kind](False)
        if kind == "ssn":
            return "SSN ", self._one(
                f"000-12-{self._digits(4)}", f"666-12-{self._digits(4)}", f"912-34-{self._digits(4)}"
            )
        if kind == "ip":
            return "at ", self._one("256.1.2.3", "12.300.4.5", "1.2.3.4.5", "10:24:31", "std::vector::begin")
        if kind == "date-of-birth":
            return self._one("printed on ", "opgesteld op ", "vom ", "version du "), "12-03-1984"
        if kind == "e-mail":
            return "see ", self._one("user@localhost", "@decorator", "logo@2x.png", "a @ b.org", "3@home")
        raise ValueError(kind)


def _remainder(text: str) -> int:
    """What is left of letters and digits, written as numbers, modulo 97; digit by digit."""
    left = 0
    for character in text:
        value = int(character) if character.isdigit() else ord(character) - 55
        left = (left * (100 if value > 9 else 10) + value) % 97
    return left


def _doubled(number: str) -> int:
    """The sum of Luhn's rule, from the right."""
    table = [0, 2, 4, 6, 8, 1, 3, 5, 7, 9]
    backwards = number[::-1]
    return sum(int(digit) for digit in backwards[::2]) + sum(table[int(digit)] for digit in backwards[1::2])


def _threes(number: str) -> str:
    return " ".join(number[place : place + 3] for place in range(0, len(number), 3))
