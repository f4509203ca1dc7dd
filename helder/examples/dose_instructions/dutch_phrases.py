"""Dutch phrases: for each concept those of the training set, and those that only the test set uses.

The record is the same as for English, with English names: "2 dd 1 tablet zo nodig" is a tablet, twice per
"day".
"""

from __future__ import annotations

from helder.examples.dose_instructions.concepts import Concept

# fmt: off

DAILY = Concept(
    "1x daags",
    ("1x daags", "1 x daags", "eenmaal daags", "1 maal daags", "1 keer per dag", "een keer per dag",
     "elke dag", "dagelijks", "1x per dag", "1 x per dag", "eenmaal per dag", "1x/dag", "per dag",
     "iedere dag", "1 dd",
     "één maal per dag", "1 maal per dag", "1x op een dag", "elke 24 uur", "iedere 24 uur",
     "eenmaal op de dag", "1 keer elke dag", "eenmaal iedere dag", "één maal daags"),
    ("één keer per dag", "1 keer daags", "om de 24 uur", "eens per dag"),
)
TIMES_A_DAY = Concept(
    "nx daags",
    ("{N}x daags", "{N} x daags", "{n} maal daags", "{n} keer per dag", "{N}x per dag", "{N} x per dag",
     "{N}x/dag", "{N} maal per dag", "{n} maal daags", "{N} dd",
     "{n} maal op een dag", "{n} keer elke dag", "{N}x op een dag", "{n} maal iedere dag",
     "{n} keer over de dag", "{n} keer verdeeld over de dag", "{N} keer/dag"),
    ("{n} keer daags", "{N}x p.d.", "{n} keer op een dag"),
)
TWICE = Concept(
    "tweemaal daags",
    ("tweemaal daags", "2x daags", "'s morgens en 's avonds", "ochtend en avond", "tweemaal per dag",
     "bij ontbijt en avondeten", "2x per dag", "'s ochtends en 's avonds",
     "twee maal daags", "twee keer per dag", "morgen en avond", "elke ochtend en elke avond",
     "tweemaal op een dag", "'s morgens en voor de nacht"),
    ("twee keer iedere dag", "morgens en avonds", "twee keer daags"),
)
THRICE = Concept(
    "driemaal daags",
    ("driemaal daags", "3x daags", "ochtend, middag en avond", "driemaal per dag", "3 maal daags",
     "drie maal daags", "drie keer per dag", "'s morgens, 's middags en 's avonds",
     "ochtend, middag, avond", "ontbijt, lunch en avondeten"),
    ("drie keer iedere dag", "morgen, middag en avond"),
)
DD = Concept(
    "n dd",
    ("{N} dd", "{N}dd", "{N} d.d.", "{N}x daags", "{N} maal daags", "{N} x daags",
     "{N}dd.", "{N} d d", "{N} X daags"),
    ("{N} x dd", "{N} keer daags"),
)
MORNING = Concept(
    "'s morgens",
    ("'s morgens", "'s ochtends", "bij het ontbijt", "elke ochtend", "s morgens", "s ochtends",
     "voor het ontbijt", "in de ochtend", "iedere ochtend",
     "in de morgen", "iedere morgen", "'s morgens vroeg", "vroeg in de ochtend", "tijdens het ontbijt",
     "met ontbijt", "bij opstaan"),
    ("bij het opstaan", "elke morgen", "na het ontbijt"),
)
NIGHT = Concept(
    "'s avonds",
    ("'s avonds", "an", "voor de nacht", "voor het slapen", "a.n.", "elke avond", "s avonds",
     "voor het slapen gaan", "in de avond", "bij het avondeten",
     "voor het naar bed gaan", "'s avonds laat", "voor bedtijd", "laat op de avond", "elke nacht",
     "in de nacht", "voor nacht"),
    ("ante noctem", "bij het naar bed gaan", "iedere avond", "'s nachts"),
)
NOON = Concept(
    "'s middags",
    ("'s middags", "bij de lunch", "tussen de middag", "in de middag",
     "rond de middag", "met de lunch", "na de lunch", "elke middag", "iedere middag",
     "halverwege de dag"),
    ("rond het middaguur",),
)
CLOCKS = Concept(
    "twee tijden",
    ("om {am} uur en {late} uur", "om {am} en {late} uur", "om 0{am}:00 en {late}:00", "om {am}u en {late}u",
     "om {am} uur en om {late} uur", "{am} uur en {late} uur"),
    ("om {am}.00 en {late}.00 uur",),
)
MEALS = Concept(
    "bij de maaltijden",
    ("bij de maaltijden", "bij elke maaltijd", "na de maaltijden", "voor elke maaltijd",
     "tijdens de maaltijden", "voor de maaltijden", "na elke maaltijd",
     "met de maaltijden", "met elke maaltijd", "tijdens elke maaltijd", "na iedere maaltijd",
     "voor iedere maaltijd"),
    ("bij iedere maaltijd", "rond de maaltijden"),
)
EVERY_HOURS = Concept(
    "om de n uur",
    ("om de {n} uur", "elke {n} uur", "iedere {n} uur", "per {N} uur", "elke {N}u",
     "om de {N}u", "om de {N} uren", "iedere {N}u", "met {n} uur ertussen", "na elke {n} uur",
     "steeds na {n} uur"),
    ("eens per {n} uur", "telkens na {n} uur"),
)
ALTERNATE = Concept(
    "om de dag",
    ("om de dag", "om de andere dag", "elke 2 dagen", "elke twee dagen", "om de 2 dagen",
     "elke andere dag", "1x per 2 dagen", "elke tweede dag", "iedere tweede dag",
     "eenmaal per twee dagen"),
    ("de ene dag wel, de andere niet", "eens in de twee dagen"),
)
WEEKLY = Concept(
    "1x per week",
    ("1x per week", "eenmaal per week", "elke week", "1 keer per week", "wekelijks", "op {day}",
     "elke {day}", "1 x per week",
     "één keer per week", "1 maal per week", "iedere week", "eenmaal in de week", "elke week op {day}",
     "alleen op {day}"),
    ("eens per week", "iedere {day}"),
)
TIMES_A_WEEK = Concept(
    "nx per week",
    ("{N}x per week", "{n} keer per week", "{n} maal per week", "{N} x per week", "{N}x/week",
     "{n} keer elke week", "{N}x in de week", "{n} maal in de week", "{n} dagen per week"),
    ("{n} keer in de week",),
)
FORTNIGHTLY = Concept(
    "om de week",
    ("om de week", "elke 2 weken", "om de 2 weken", "elke twee weken",
     "elke 14 dagen", "om de 14 dagen", "1x per 2 weken", "iedere twee weken", "om de twee weken"),
    ("eens in de twee weken", "tweewekelijks"),
)
MONTHLY = Concept(
    "1x per maand",
    ("1x per maand", "elke maand", "maandelijks", "1 keer per maand", "eenmaal per maand",
     "iedere maand", "één keer per maand", "1 maal per maand", "elke 4 weken"),
    ("eens per maand",),
)
RANGE_OF_TIMES = Concept(
    "n tot m keer per dag",
    ("{N}-{M}x daags", "{n} tot {m} keer per dag", "{N} a {M} keer per dag", "{N}-{M} dd",
     "{N}-{M} maal daags", "{N} tot {M} maal daags",
     "{N}-{M} keer per dag", "{N}-{M}x per dag", "{n} of {m} maal daags", "{n} à {m} keer per dag",
     "{N} a {M}x daags"),
    ("{N}-{M}x p.d.", "{n} of {m} keer per dag"),
)
UP_TO_TIMES = Concept(
    "maximaal n keer per dag",
    ("max {N}x daags", "maximaal {n} keer per dag", "max {N} maal daags", "max. {N}x per dag",
     "hooguit {n} keer per dag",
     "maximaal {N}x per dag", "{n} keer per dag maximaal", "max {n} keer per dag",
     "nooit meer dan {n} keer per dag", "hoogstens {n} keer per dag", "niet vaker dan {n} keer per dag"),
    ("niet meer dan {n} keer per dag", "ten hoogste {n} maal daags"),
)
STAT = Concept(
    "direct",
    ("direct", "meteen", "eenmalig", "in 1 keer", "nu",
     "in één keer", "terstond", "stat", "eenmalige gift"),
    ("onmiddellijk", "per direct"),
)
AS_REQUIRED = Concept(
    "zo nodig",
    ("zo nodig", "zn", "z.n.", "indien nodig", "zonodig", "zo nodig bij pijn", "alleen indien nodig",
     "bij pijn zo nodig",
     "indien noodzakelijk", "als nodig", "alleen zo nodig", "alleen als nodig", "bij noodzaak",
     "mits nodig", "wanneer noodzakelijk", "indien gewenst", "bij klachten zo nodig", "zn."),
    ("naar behoefte", "wanneer nodig", "bij behoefte", "als het nodig is"),
)
AS_DIRECTED = Concept(
    "volgens voorschrift",
    ("volgens voorschrift", "volgens afspraak", "vlgs afspraak", "zoals afgesproken", "vv", "volgens schema",
     "vlgs voorschrift",
     "zoals voorgeschreven", "volgens advies", "zoals gezegd", "zoals uitgelegd", "volgens recept",
     "conform afspraak", "conform voorschrift", "op voorschrift", "zoals overlegd"),
    ("zoals besproken", "op advies van arts", "volgens instructie"),
)
UNITS: dict[str, Concept] = {
    "day": Concept("dagen", ("dag|dagen", "dag|dagen", "dgn|dgn"), ()),
    "week": Concept("weken", ("week|weken", "week|weken", "wk|wkn"), ()),
    "month": Concept("maanden", ("maand|maanden", "mnd|mnd"), ()),
}
FOR = Concept(
    "gedurende n dagen",
    ("gedurende {n} {units}", "{n} {units} lang", "voor {n} {units}", "{n} {units}", "ged. {N} {units}",
     "({N} {units})",
     "tijdens {n} {units}", "{n} {units} aaneen", "{n} {units} achter elkaar", "in totaal {n} {units}",
     "totaal {n} {units}", "nog {n} {units}", "de komende {n} {units}", "{n} {units} kuur",
     "kuur: {n} {units}", "behandelduur {n} {units}", "{n} {units} aan een stuk",
     "met een duur van {n} {units}"),
    ("voor de duur van {n} {units}", "kuur van {n} {units}", "{N} {units} achtereen"),
)
FOR_ONE = Concept(
    "een week",
    ("gedurende een {units}", "voor een {units}", "een {units} lang",
     "de komende {units}", "tijdens een {units}", "nog een {units}", "een {units} achter elkaar"),
    ("een hele {units}",),
)
FOR_UP_TO = Concept(
    "maximaal n dagen",
    ("maximaal {n} {units}", "max {N} {units}", "gedurende maximaal {n} {units}", "hooguit {n} {units}",
     "{n} {units} maximaal", "nooit langer dan {n} {units}", "hoogstens {n} {units}",
     "max. {N} {units}", "maximaal gedurende {n} {units}"),
    ("niet langer dan {n} {units}", "ten hoogste {n} {units}"),
)
FOR_RANGE = Concept(
    "n tot m dagen",
    ("gedurende {N}-{M} {units}", "{n} tot {m} {units}", "{N} a {M} {units}",
     "gedurende {n} tot {m} {units}",
     "{N}-{M} {units}", "{n} tot {m} {units} lang", "{n} of {m} {units}", "tijdens {N}-{M} {units}"),
    ("voor {N}-{M} {units}",),
)
THEN = Concept(
    "daarna",
    ("daarna", "dan", "vervolgens", "en dan", ", daarna", "gevolgd door", "; daarna", "en daarna",
     "en vervolgens", "daarna verder met", "dan verder met", "daarop", "waarna", "en later"),
    ("aansluitend", "hierna", "nadien"),
)
THEN_LESS = Concept(
    "afbouwen naar",
    ("afbouwen naar", "dan verlagen naar", "verminderen tot", "daarna afbouwen naar",
     "verlagen naar", "minderen naar", "dan minderen tot", "terugbrengen naar", "afbouwen tot",
     "verlagen tot"),
    ("dan terug naar", "zakken naar"),
)
THEN_MORE = Concept(
    "ophogen naar",
    ("ophogen naar", "dan verhogen naar", "daarna ophogen naar",
     "verhogen naar", "verhogen tot", "ophogen tot", "opvoeren naar"),
    ("dan opbouwen naar",),
)
ADDITION = Concept("en", ("en", "en", "+", ",", "plus",
     "samen met", "en ook"), ("alsook",))
RANGE = Concept(
    "van n tot m",
    ("{N}-{M}", "{n} tot {m}", "{n} of {m}", "{N} a {M}", "{N} - {M}", "{N} à {M}",
     "{n} à {m}", "{n} tot en met {m}", "{N} tot {M}"),
    ("tussen {n} en {m}",),
)
UP_TO = Concept(
    "maximaal n",
    ("maximaal {n}", "max {N}", "max. {N}", "hooguit {n}", "niet meer dan {n}",
     "hoogstens {n}", "nooit meer dan {n}", "maximum {n}"),
    ("ten hoogste {n}", "niet boven de {n}"),
)
HALF = Concept(
    "halve",
    ("halve", "1/2", "een halve", "½", "0,5", "een half", "half",
     "0.5", "een ½"),
    ("de helft van een",),
)
ONE_AND_A_HALF = Concept("anderhalve", ("anderhalve", "1,5", "1½", "1 1/2",
     "1 en een halve", "één en een half"), ("een en een halve",))
FORMS: dict[str, Concept] = {
    "tablet": Concept(
        "tablet",
        ("tablet|tabletten", "tabl|tabl", "tab|tab", "tablet|tabletten", "tabl.|tabl.", "pil|pillen",
     "tabs|tabs", "tablet(ten)|tablet(ten)"),
        ("tabletje|tabletjes", "tbl|tbln"),
    ),
    "capsule": Concept(
        "capsule",
        ("capsule|capsules", "caps|caps", "capsule|capsules", "caps.|caps.",
     "cps|cps", "capsule(s)|capsule(s)"),
        ("capsuletje|capsuletjes",),
    ),
    "puff": Concept(
        "pufje",
        ("pufje|pufjes", "puf|puffen", "inhalatie|inhalaties", "puff|puffs",
     "inhal|inhal", "inhal.|inhal.", "pufs|pufs"),
        ("puffje|puffjes", "inh.|inh."),
    ),
    "drop": Concept(
        "druppel",
        ("druppel|druppels", "dr|dr", "drup|drups", "druppel|druppels",
     "gtt|gtt", "druppel(s)|druppel(s)", "dr.|dr."),
        ("druppeltje|druppeltjes",),
    ),
    "ml": Concept("ml", ("ml|ml", "ml|ml", "milliliter|milliliter"), ()),
    "mg": Concept("mg", ("mg|mg", "milligram|milligram"), ()),
    "sachet": Concept(
        "sachet",
        ("sachet|sachets", "zakje|zakjes",
     "sach|sach", "zakje(s)|zakje(s)"),
        ("zakje poeder|zakjes poeder",),
    ),
    "suppository": Concept("zetpil", ("zetpil|zetpillen", "supp|supp",
     "zetp|zetp", "suppositorium|suppositoria"), ("zetpilletje|zetpilletjes",)),
    "patch": Concept(
        "pleister",
        ("pleister|pleisters",
     "pleister(s)|pleister(s)", "plstr|plstrs"),
        ("medicijnpleister|medicijnpleisters",),
    ),
    "unit": Concept(
        "eenheid",
        ("eenheid|eenheden", "ie|ie", "eh|eh",
     "eenh|eenh", "eenh.|eenh."),
        ("internationale eenheid|internationale eenheden",),
    ),
}
VERB = Concept(
    "innemen",
    ("neem", "gebruik", "innemen:", "neem in", "toedienen:",
     "in te nemen", "nemen", "neemt u"),
    ("slik", "inname van"),
    neutral=True,
)
APPLY = Concept(
    "aanbrengen",
    ("aanbrengen", "smeren", "insmeren", "dun aanbrengen", "gebruiken"),
    ("opbrengen", "opsmeren"),
    neutral=True,
)
ADVICE = Concept(
    "advies",
    ("bij de maaltijd", "na het eten", "met water", "met een glas water", "heel doorslikken",
     "voor het eten", "op lege maag", "tegen de pijn", "kuur afmaken", "tijdens het eten", "niet kauwen"),
    ("met ruim water", "voor de bloeddruk", "met wat melk"),
    neutral=True,
)
PLACES: dict[str, Concept] = {
    "drop": Concept(
        "in het oog",
        ("in beide ogen", "in het rechteroog", "in het linkeroor"),
        ("in elk oog",),
        neutral=True,
    ),
    "puff": Concept(
        "via de mond",
        ("met voorzetkamer", "via de mond", "diep inademen"),
        ("inhaleren",),
        neutral=True,
    ),
    "patch": Concept(
        "op de huid",
        ("op de huid", "op de bovenarm"),
        ("op een schone huid",),
        neutral=True,
    ),
    "suppository": Concept("rectaal", ("rectaal", "in de anus"), ("in de endeldarm",), neutral=True),
    "unit": Concept(
        "onderhuids",
        ("onderhuids", "sc", "in de buik"),
        ("in het bovenbeen",),
        neutral=True,
    ),
}
MAXIMUM = Concept(
    "maximum ernaast",
    ("max {N} per dag", "maximaal {n} per dag", "max. {N} per 24 uur", "niet meer dan {n} per dag"),
    ("dagmaximum {n}", "ten hoogste {n} per etmaal"),
)
UNREADABLE = Concept(
    "niet leesbaar",
    ("zie brief", "onleesbaar", "nvt", "onbekend", "zie trombosedienst", "volgt", "in overleg met apotheek",
     "zie bijlage", "nog te bepalen", "gestopt", "overleg arts",
     "zie status", "nakijken", "vraag arts", "geen gegevens", "niet duidelijk"),
    ("niet te lezen", "zie dossier", "navragen", "vervallen"),
)
DAYS = ("maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag", "zondag")
