"""English forms, verbs, and the words around a dose that do not change the record."""

from __future__ import annotations

from helder.examples.dose_instructions.concepts import Concept

# fmt: off

# A form is named in the record by its singular; units of weight and volume by their sign.
FORMS: dict[str, Concept] = {
    "tablet": Concept(
        "tablet",
        ("tablet|tablets", "tab|tabs", "tablet|tablets", "tab|tabs", "tab.|tabs.", "tablet(s)|tablet(s)",
         "tab|tab", "tablet|tablet", "tab(s)|tab(s)",
     "tabl|tabls", "tabet|tabets", "tblet|tblets"),
        ("tablt|tablts", "oral tablet|oral tablets"),
    ),
    "capsule": Concept(
        "capsule",
        ("capsule|capsules", "cap|caps", "capsule(s)|capsule(s)", "cap.|caps.", "capsule|capsule",
         "cap(s)|cap(s)",
     "capsl|capsls", "caps|caps", "capsle|capsles"),
        ("capsul|capsuls", "oral capsule|oral capsules"),
    ),
    "puff": Concept(
        "puff",
        ("puff|puffs", "puff(s)|puff(s)", "puf|pufs", "puff|puff",
     "pufs|pufs", "puff of inhaler|puffs of inhaler"),
        ("pufff|pufffs", "inhaler puff|inhaler puffs"),
    ),
    "drop": Concept(
        "drop",
        ("drop|drops", "drop(s)|drop(s)", "drp|drps", "gtt|gtts",
     "gutt|gutts", "gutt.|gutt.", "drp|drp", "droplet|droplets"),
        ("gutta|guttae",),
    ),
    "spray": Concept(
        "spray",
        ("spray|sprays", "spray(s)|spray(s)", "spray|spray",
     "spry|sprys"),
        ("spr|sprs",),
    ),
    "sachet": Concept(
        "sachet",
        ("sachet|sachets", "sach|sachs", "satchet|satchets", "sachet(s)|sachet(s)",
     "sct|scts", "sach.|sach.", "sache|saches"),
        ("sacht|sachts",),
    ),
    "patch": Concept(
        "patch",
        ("patch|patches", "patch(es)|patch(es)"),
        ("transdermal patch|transdermal patches",),
    ),
    "application": Concept(
        "application",
        ("application|applications", "applic|applics", "app|apps",
     "appln|applns", "appn|appns", "applicn|applicns"),
        ("appl|appls",),
    ),
    "suppository": Concept(
        "suppository",
        ("suppository|suppositories", "supp|supps", "suppos|suppos",
     "suppo|suppos", "sup|sups"),
        ("suppy|suppies",),
    ),
    "pessary": Concept(
        "pessary",
        ("pessary|pessaries", "pess|pess",
     "pessry|pessries"),
        ("vaginal pessary|vaginal pessaries",),
    ),
    "lozenge": Concept("lozenge", ("lozenge|lozenges",
     "lozeng|lozengs", "lozg|lozgs"), ("loz|loz",)),
    "caplet": Concept("caplet", ("caplet|caplets",), ()),
    "pill": Concept("pill", ("pill|pills",), ()),
    "nebule": Concept("nebule", ("nebule|nebules", "neb|nebs",
     "nebul|nebuls"), ("nebuliser|nebulisers",)),
    "capful": Concept("capful", ("capful|capfuls", "cappful|cappfuls"), ()),
    "spoonful": Concept(
        "spoonful",
        ("spoonful|spoonfuls", "spoon|spoons", "spoonful(s)|spoonful(s)",
     "spoonfull|spoonfulls", "spnful|spnfuls"),
        ("spnfl|spnfls",),
    ),
    "scoop": Concept("scoop", ("scoop|scoops",), ()),
    "ampoule": Concept("ampoule", ("ampoule|ampoules", "amp|amps",
     "ampul|ampuls", "ampl|ampls"), ("ampule|ampules",)),
    "dose": Concept("dose", ("dose|doses",), ()),
    "unit": Concept(
        "unit",
        ("unit|units", "iu|iu", "units|units",
     "intl units|intl units", "unit(s)|unit(s)"),
        ("international units|international units",),
    ),
    "ml": Concept(
        "ml",
        ("ml|ml", "ml|mls", "mls|mls", "millilitre|millilitres",
     "milliliter|milliliters"),
        ("mil|mils",),
    ),
    "mg": Concept("mg", ("mg|mg", "mg|mgs", "milligram|milligrams", "mg|mg",
     "milligramme|milligrammes", "mgr|mgrs"), ("mgm|mgm",)),
    "g": Concept("g", ("g|g", "gram|grams", "g|g",
     "gramme|grammes", "grm|grms"), ("gm|gms",)),
    "microgram": Concept(
        "microgram",
        ("microgram|micrograms", "mcg|mcg", "micrograms|micrograms",
     "microgramme|microgrammes", "µg|µg", "mcgr|mcgr"),
        ("mcgs|mcgs", "ug|ug"),
    ),
}
UNITS_OF_MEASURE = ("ml", "mg", "g", "microgram", "unit")

VERBS: dict[str, Concept] = {
    "mouth": Concept(
        "take",
        ("take", "take", "take", "give", "please take", "chew", "to take", "dissolve", "use", "have"),
        ("swallow", "administer", "ingest"),
        neutral=True,
    ),
    "liquid": Concept(
        "take",
        ("take", "take", "give", "to take", "please take", "have", "drink"),
        ("administer", "ingest"),
        neutral=True,
    ),
    "lung": Concept(
        "inhale",
        ("inhale", "take", "use", "breathe in", "to inhale"),
        ("inh", "draw in"),
        neutral=True,
    ),
    "eye": Concept(
        "instil",
        ("instil", "put", "use", "apply", "instill", "insert"),
        ("squeeze in", "administer"),
        neutral=True,
    ),
    "nose": Concept("spray", ("use", "spray", "apply"), ("squirt", "administer"), neutral=True),
    "skin": Concept(
        "apply",
        ("apply", "use", "to be applied", "rub in", "massage in"),
        ("smear on", "spread"),
        neutral=True,
    ),
    "inside": Concept(
        "insert",
        ("insert", "use", "place"),
        ("introduce", "administer"),
        neutral=True,
    ),
    "needle": Concept(
        "inject",
        ("inject", "give", "take", "use"),
        ("administer", "self-inject"),
        neutral=True,
    ),
}
TO_BE_TAKEN = Concept(
    "to be taken",
    ("to be taken", "to be taken", "to be used", "taken"),
    ("to be swallowed", "to be had"),
    neutral=True,
)
CHANGE = Concept("change", ("change", "replace", "renew"), ("swap",), neutral=True)

ROUTES: dict[str, Concept] = {
    "mouth": Concept(
        "by mouth",
        ("by mouth", "po", "orally", "oral", "p.o.", "with water"),
        ("per os", "by the mouth"),
        neutral=True,
    ),
    "liquid": Concept(
        "by mouth",
        ("by mouth", "po", "orally", "oral", "in water", "in a drink"),
        ("per os", "by the mouth"),
        neutral=True,
    ),
    "lung": Concept(
        "inhaled",
        ("inhaled", "via spacer", "by inhalation", "via inhaler"),
        ("with a spacer device",),
        neutral=True,
    ),
    "eye": Concept(
        "in the eye",
        ("in both eyes", "to both eyes", "into the right eye", "in the left eye", "to affected eye",
         "in each eye", "into affected ear", "in right ear", "to left ear"),
        ("in the bad eye", "bilaterally"),
        neutral=True,
    ),
    "nose": Concept(
        "in the nose",
        ("in each nostril", "into each nostril", "up each nostril", "to both nostrils", "nasally"),
        ("intranasally",),
        neutral=True,
    ),
    "skin": Concept(
        "on the skin",
        ("to the affected area", "to skin", "topically", "to affected areas", "sparingly", "thinly",
         "to the rash", "to face", "to the scalp", "to dry skin", "a thin layer", "liberally"),
        ("to the sore bits", "on the itchy places", "to the legs"),
        neutral=True,
    ),
    "inside": Concept(
        "rectally",
        ("rectally", "pr", "pv", "into the vagina", "per rectum"),
        ("into the back passage",),
        neutral=True,
    ),
    "needle": Concept(
        "subcutaneously",
        ("sc", "subcutaneously", "im", "under the skin", "s/c"),
        ("subcut", "in the thigh"),
        neutral=True,
    ),
}
REASONS = Concept(
    "the reason",
    ("for pain", "for allergy", "for blood pressure", "for the heart", "for nausea", "for cholesterol",
     "for hayfever", "for infection", "for asthma", "to thin the blood", "for indigestion", "for sleep",
     "for pain/inflammation", "for bp", "for mood", "for water retention", "for constipation", "for itching",
     "to help breathing"),
    ("to prevent gout", "to protect the stomach", "for epilepsy", "to lower sugar", "against sickness"),
    neutral=True,
)
ADVICE = Concept(
    "advice",
    ("with food", "after food", "pc", "ac", "avoid alcohol", "do not crush", "before food",
     "with a full glass of water", "on an empty stomach", "dissolved in water", "with or after food",
     "half an hour before food", "30 minutes before food", "do not stop suddenly", "in a glass of water",
     "an hour before food", "swallowed whole with water", "may cause drowsiness", "until finished",
     "long term", "shake well", "do not drive if affected", "complete the course", "if sleepy do not drive",
     "at the same time"),
    ("swallow whole", "p.c.", "a.c.", "with plenty of fluid", "with milk", "do not chew",
     "finish the course", "sitting upright"),
    neutral=True,
)
DRUGS = Concept(
    "a drug and its strength",
    ("paracetamol", "amoxicillin 500mg", "ibuprofen 400mg", "omeprazole 20mg", "salbutamol", "ramipril 5mg",
     "metformin 500mg", "prednisolone 5mg", "co-codamol 30/500", "simvastatin 40mg", "amlodipine 5mg",
     "codeine 30mg", "lansoprazole 15mg", "sertraline 50mg", "bisoprolol 2.5mg", "furosemide 40mg",
     "doxycycline 100mg", "senna", "levothyroxine 50mcg", "atorvastatin 20mg", "gabapentin 300mg",
     "naproxen 250mg", "cetirizine 10mg", "lactulose", "beclometasone 100mcg", "flucloxacillin 500mg",
     "diazepam 2mg", "zopiclone 7.5mg"),
    ("tramadol 50mg", "citalopram 20mg", "warfarin 1mg", "allopurinol 100mg", "loratadine 10mg",
     "morphine 10mg"),
    neutral=True,
)
UNREADABLE = Concept(
    "cannot be read",
    ("see letter", "see separate sheet", "ask pharmacy", "see notes", "n/a", "???", "illegible",
     "phone surgery", "not known", "unknown", "refer to clinic letter", "see hospital chart", "xxx", "---",
     "none", "to follow", "see attached", "test", "tbc", "dose changed ring gp", "same again please",
     "see yellow book", "...", "do not dispense", "awaiting advice", "text missing", "cannot read", "error",
     "see other item", "null", "discuss with consultant", "under review", "check with ward", "not stated",
     "void", "stopped by clinic", "as per letter from hospital", "dose as per clinic letter", "as before",
     "no dose given", "ring patient", "not on repeat", "do not use", "review at next visit",
     "to be confirmed", "see front page", "blank", "patient has supply", "given by nurse", "held",
     "ask nurse"),
    ("see chart", "please call the practice", "unclear", "refer to protocol", "not legible",
     "ask the doctor", "no instructions", "pending", "cancelled", "see warfarin record", "check notes",
     "prescriber to confirm", "no dose on script", "unsure", "contact surgery", "details missing",
     "see system"),
)
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
SHORT_DAYS = ("mon", "tues", "wed", "thurs", "fri", "sat", "sun")
