"""Visits of the pages of our shop."""

import csv
from collections import Counter
from pathlib import Path

import digdag


def count(source):
    visits = Counter()
    with Path(source).open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            visits[row["page"]] += int(row["visits"])
    pages = [{"page": page, "visits": number} for page, number in visits.most_common()]
    digdag.env.store({"total": visits.total(), "pages": pages})
