"""In which order a file writes the day and the month: "3/14/1975" can only be the fourteenth of March."""

import csv
import re
from itertools import islice
from typing import Final

from .import_reading import RowsFrom
from .import_types import GUESSED_FROM
from .models import DateOrder, Import

WRITTEN: Final = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2\d{4}(?:\D.*)?", re.ASCII | re.DOTALL)
MONTHS: Final = 12
# Outlook, spreadsheets and MySQL write these where there is no date.
NO_DATE: Final = frozenset({"0/0/00", "0/0/0000", "00/00/0000", "00.00.0000", "0000-00-00", "0000-00-00 00:00:00"})


def guess_order(source: Import) -> str:
    """What most dates of the first rows say beyond doubt of their order; day first where none does."""
    day_first = month_first = 0
    try:
        for cells in islice(RowsFrom(source, source.next_byte), GUESSED_FROM):
            for found in filter(None, (WRITTEN.fullmatch(cell.strip()) for cell in cells)):
                first, second = int(found[1]), int(found[3])
                day_first += second <= MONTHS < first <= 31
                month_first += first <= MONTHS < second <= 31
    except csv.Error:
        pass  # told where the file is looked at
    return (DateOrder.MONTH_FIRST if month_first > day_first else DateOrder.DAY_FIRST).value
