"""Importing: a CSV of contacts by the whole product path, against a bare COPY of the records that it became."""

import io
import random
import tempfile
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from . import stage

WORKER = """
import resource
from records.import_chunks import import_chunk
while import_chunk({account}, {source}):
    pass
open({told!r}, "w").write(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))
"""
COLUMNS = """account_id, object_type_id, properties, external_id, import_id, consent, consent_at, former_employee,
  created_at, updated_at"""
HEADER = (
    "Record ID,First Name,Last Name,Email,Phone Number,Company Name,City,Country/Region,Preferred language,Time Zone,"
    "Lifecycle Stage,Score,Newsletter opt-in,Date of birth,Renewal date,Create Date,Notes\n"
)
FIRST = ("Anna", "Åse", "Bengt", "Göran", "Ingrid", "Jørgen", "Kari", "Lars", "Ola", "Pär", "Sølvi", "Zara")
COUNTRIES = (("NO", "nb", "Europe/Oslo", "+47 9"), ("SE", "sv", "Europe/Stockholm", "070-"))
COMPANY = {"associated": "company"}  # where the product puts the column by itself
STAGES = ("Lead", "Customer", "Subscriber")


def measure(scale: float) -> list[dict]:
    """A worker through a tenth of the rows, through all of them with companies and without, and COPY of the latter."""
    rows = max(20_000, int(1_000_000 * scale))
    account, contact = stage.make_account(0, "Import")
    _seconds, small = _import(account, contact, rows // 10)
    _empty()
    with_companies, _peak = _import(account, contact, rows, company=COMPANY)
    rounds = [_round(account, contact, rows) for _ in range(2)]  # one after the other, since machines are noisy
    seconds, bare = (min(figures) for figures in zip(*((each[0], each[2]) for each in rounds), strict=True))
    large = max(each[1] for each in rounds)
    again, _peak = _import(account, contact, rows)
    linked, _peak = _import(account, contact, rows, company=COMPANY)
    return [
        _told(f"import: {rows:,} rows of 17 columns, rows a second", rows / seconds, "–", None),
        _told("import: created, each row with its company, rows a second", rows / with_companies, "–", None),
        _told("import: the same file once more, all unchanged, rows a second", rows / again, "–", None),
        _told("import: once more, each row with its company, rows a second", rows / linked, "–", None),
        _told("import: bare COPY of the records, rows a second", rows / bare, "–", None),
        _told("import: product against bare COPY", bare / seconds, "0.33 or more", bare / seconds >= 1 / 3, 2),
        _told(f"import: peak memory of the worker at {rows // 10:,} rows, MB", small / 1024, "–", None),
        _told("import: peak memory at ten times the rows", large / small, "1.2 or less", large / small <= 1.2, 2),
    ]


def _round(account: int, contact: int, rows: int) -> tuple[float, int, float]:
    """Seconds and peak memory of the product, seconds of COPY; the records stay."""
    _empty()
    seconds, peak = _import(account, contact, rows)
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "records"
        _keep(kept)
        _empty()
        return seconds, peak, _copy(kept)


def _told(what: str, figure: float, budget: str, met: bool | None, decimals: int = 0) -> dict:
    return {"what": what, "figure": figure, "measured": f"{figure:,.{decimals}f}", "budget": budget, "met": met}


def _import(account: int, contact: int, rows: int, company: dict | None = None) -> tuple[float, int]:
    """Seconds and peak memory in KB of a worker through a file that is in the database already.

    `company`: where the column of companies goes; without it it is a text, so that COPY writes the same.
    """
    from accounts.tenancy import account_scope
    from records import import_mapping
    from records.importing import Terms, start_import
    from records.models import Import, ObjectType

    with account_scope(account):
        object_type = ObjectType.objects.get(pk=contact)
        mapping = import_mapping.guess(HEADER.strip().split(","), object_type)
        source = start_import(
            name="Benchmark",
            object_type=object_type,
            mapping={**mapping, "Company Name": company or {"property": "company_name"}},
            file=_File(_lines(rows)),
            terms=Terms(match_on="external_id"),
        )
    stage.settle()
    with tempfile.NamedTemporaryFile("r") as told:
        seconds = stage.workers(WORKER.format(account=account, source=source.pk, told=told.name), 1)
        peak = int(told.read())
    with account_scope(account):
        done = Import.objects.get(pk=source.pk)
        if (done.status, done.refused) != ("done", 0):
            raise SystemExit(f"the import is {done.status} with {done.created} created, {done.refused} refused")
    return seconds, peak


def _lines(rows: int) -> Iterator[bytes]:
    chance = random.Random(1)
    day = date(1950, 1, 1)
    yield HEADER.encode()
    for number in range(rows):
        country, language, zone, dial = COUNTRIES[number % 2]
        first, last = FIRST[number % len(FIRST)], f"Nord{number % 7919}"
        born, renewal = day + timedelta(chance.randrange(20_000)), date(2027, 1, 1) + timedelta(number % 700)
        phone = f"{dial}{chance.randrange(10**6, 10**7):07}" if number % 3 else ""
        note = 'Said ""not now"", ask again; in May' if number % 10 == 0 else ""
        made = f"20{20 + number % 7}-{1 + number % 12:02}-{1 + number % 28:02} {number % 24:02}:{number % 60:02}"
        yield (
            f"{number},{first},{last},{last.lower()}.{number}@firma{number % 5000}.example,{phone},"
            f"Firma {number % 5000},City {number % 500},{country},{language},{zone},{STAGES[number % 3]},"
            f'{number % 100},{("true", "", "false")[number % 3]},{born},{renewal},{made},"{note}"\n'
        ).encode()


class _File(io.RawIOBase):
    """Lines as a file that is never whole in memory."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self.lines, self.kept = lines, bytearray()

    def read(self, size: int = -1, /) -> bytes:
        """The next `size` bytes."""
        while len(self.kept) < size and (line := next(self.lines, b"")):
            self.kept += line
        found = bytes(self.kept[:size])
        del self.kept[:size]
        return found


def _keep(place: Path) -> None:
    session = stage.owner()
    with session.cursor() as cursor, place.open("wb") as file:
        cursor.copy_expert(f"copy (select {COLUMNS} from records_record order by id) to stdout", file)
    session.close()


def _copy(place: Path) -> float:
    stage.settle()
    session = stage.owner()
    with session.cursor() as cursor, place.open("rb") as file:
        began = time.perf_counter()
        cursor.copy_expert(f"copy records_record ({COLUMNS}) from stdin", file)
        seconds = time.perf_counter() - began
    session.close()
    return seconds


def _empty() -> None:
    stage.run("delete from records_association")
    stage.run("delete from records_listentry")
    stage.run("delete from records_record")
    stage.run("vacuum full records_record")
    stage.run("vacuum full records_listentry")
