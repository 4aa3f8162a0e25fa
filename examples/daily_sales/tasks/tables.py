"""The CSV files as SQL tables, in memory: in an installation every task has a fresh copy of the project and no more."""

from __future__ import annotations

import csv
import sqlite3
from pathlib import Path

DATA = Path("data")
SHOPS = ("north", "south", "harbour")


def database(*shops: str) -> sqlite3.Connection:
    """products(product, category, cents) and sales(shop, time, product, quantity) of these shops."""
    db = sqlite3.connect(":memory:")
    db.execute("create table products (product primary key, category, cents integer)")
    db.execute("create table sales (shop, time, product references products, quantity integer)")
    with (DATA / "products.csv").open(newline="") as file:
        db.executemany("insert into products values (:product, :category, :cents)", csv.DictReader(file))
    for shop in shops:
        with (DATA / f"{shop}.csv").open(newline="") as file:
            rows = [(shop, row["time"], row["product"], row["quantity"]) for row in csv.DictReader(file)]
        db.executemany("insert into sales values (?, ?, ?, ?)", rows)
    return db
