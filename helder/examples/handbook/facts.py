"""What is true in the made-up community centre De Brug: all that its documents and questions say comes from here."""

from __future__ import annotations

ROOMS = {
    # Dutch name → (English name, seats, euros an hour, floor)
    "de Kas": ("the Greenhouse", 12, 15, 0),
    "de Zolder": ("the Attic", 20, 18, 2),
    "de Grote Zaal": ("the Great Hall", 120, 60, 0),
    "het Atelier": ("the Studio", 16, 22, 1),
    "de Keuken": ("the Kitchen", 10, 25, 0),
    "de Bibliotheek": ("the Library", 24, 12, 1),
}
DAYS = {
    "maandag": ("Monday", "09:00", "17:00"),
    "dinsdag": ("Tuesday", "09:00", "21:00"),
    "woensdag": ("Wednesday", "09:00", "17:00"),
    "donderdag": ("Thursday", "10:00", "22:00"),
    "vrijdag": ("Friday", "09:00", "16:00"),
    "zaterdag": ("Saturday", "10:00", "14:00"),
}
ACTIVITIES = {
    # Dutch name → (English name, day, time, room)
    "de taalles": ("the language class", "dinsdag", "10:00", "de Bibliotheek"),
    "de eettafel": ("the shared meal", "donderdag", "18:00", "de Keuken"),
    "het koor": ("the choir", "dinsdag", "19:30", "de Grote Zaal"),
    "de schilderclub": ("the painting club", "woensdag", "13:30", "het Atelier"),
    "het repaircafé": ("the repair café", "zaterdag", "10:30", "de Grote Zaal"),
    "de schaakclub": ("the chess club", "donderdag", "20:00", "de Zolder"),
    "het spreekuur": ("the advice hour", "maandag", "14:00", "de Kas"),
}
