"""The people of the example: made up, the same every time, spread over the Nordic countries."""

from random import Random
from typing import Any, Final

from django.utils.text import slugify

from web.opening import SPELT

NORWAY, SWEDEN, DENMARK, FINLAND = "Norway", "Sweden", "Denmark", "Finland"
INTEREST: Final = "interest"
INTERESTS: Final = ("Skiing", "Hiking", "Paddling")
FIRST: Final = {
    NORWAY: [
        "Ingrid",
        "Bjørn-Erik",
        "Øyvind",
        "Sunniva",
        "Torbjørn",
        "Kjersti",
        "Håkon",
        "Marit",
        "Eirik",
        "Ragnhild",
        "Sigrid",
        "Åsmund",
    ],
    SWEDEN: [
        "Linnéa",
        "Käthe",
        "Göran",
        "Åsa",
        "Björn",
        "Maja",
        "Wilhelmina",
        "Oskar",
        "Elsa",
        "Nils",
        "Freja",
        "Sören",
    ],
    DENMARK: ["Søren", "Mette", "Rasmus", "Kirsten", "Jeppe", "Freja", "Anders", "Birgitte"],
    FINLAND: ["Aino", "Väinö", "Eero", "Päivi", "Jukka", "Sanna"],
}
LAST: Final = {
    NORWAY: [
        "Sæther-Bråthen",
        "Ødegård",
        "Æsøy",
        "Nygård",
        "Bråthen",
        "Lie",
        "Hågensen",
        "Tveit",
        "Østergård",
        "Moe",
        "Skjæveland",
        "Fosse",
    ],
    SWEDEN: ["Öberg", "Ångström", "Åkesson", "Nyström", "Lindqvist", "Sjöström", "Hägg", "Björk", "Ström", "Dahlgren"],
    DENMARK: ["Kjærgaard", "Østerby", "Møller", "Sønderby", "Holm", "Nørgaard"],
    FINLAND: ["Hämäläinen", "Korhonen", "Mäkinen", "Virtanen", "Öhman"],
}
CITIES: Final = {
    NORWAY: ("Bergen", "Ålesund", "Oslo", "Volda", "Tromsø"),
    SWEDEN: ("Malmö", "Umeå", "Åre", "Göteborg"),
    DENMARK: ("Aarhus", "Odense", "København"),
    FINLAND: ("Tampere", "Helsinki"),
}
COMPANIES: Final = (
    "Ålesund Sjømatkompani",
    "Fjällstugan i Åre",
    "Østerby Kajak",
    "Sunnmøre Turlag",
    "Åkessons Friluft",
)
# Long names, so that pages show what they do with them.
STANDOUTS: Final = (
    ("Wilhelmina Charlotta", "von Essen-Stiernhielm af Ödesjö", SWEDEN, "Uppsala"),
    ("Bjørn-Erik", "Østergård-Mikkelsen", NORWAY, "Ålesund"),
)


def make(amount: int, *, stage: str, seed: int, consent: bool = True) -> list[dict[str, Any]]:
    """`amount` rows for `records.upserts.upsert`, all of one lifecycle stage; the same for the same `seed`."""
    chance = Random(seed)
    return [_person(chance, number, stage, seed, consent) for number in range(amount)]


def _person(chance: Random, number: int, stage: str, seed: int, consent: bool) -> dict[str, Any]:
    country = chance.choices((NORWAY, SWEDEN, DENMARK, FINLAND), (55, 25, 13, 7))[0]
    first, last = chance.choice(FIRST[country]), chance.choice(LAST[country])
    city = chance.choice(CITIES[country])
    if number < len(STANDOUTS) and seed == 1:
        first, last, country, city = STANDOUTS[number]
    properties: dict[str, Any] = {
        "first_name": first,
        "last_name": last,
        "email": f"{_plain(first)}.{_plain(last)}.{seed}{number:02}@example.com",
        "city": city,
        "country": country,
        "lifecycle_stage": stage,
        "score": chance.randint(5, 95),
    }
    if chance.random() < 0.8:
        properties[INTEREST] = chance.choice(INTERESTS)
    if chance.random() < 0.25:
        properties["company_name"] = chance.choice(COMPANIES)
    agreed = consent and chance.random() > 0.06
    return {"properties": properties, "consent": "given" if agreed else "withdrawn"}


def _plain(name: str) -> str:
    """The name as it may stand in an address."""
    return slugify(name.lower().translate(SPELT))
