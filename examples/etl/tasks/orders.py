"""Orders: read, loaded, summed up. sqlite stands for your database; what is done to it would be the same.

Parameters arrive by name. `warehouse` is one with a default: `-p warehouse=...` names another file.
"""

import csv
import sqlite3
from contextlib import closing
from pathlib import Path

import digdag

WAREHOUSE = "out/warehouse.sqlite"
TABLE = "CREATE TABLE IF NOT EXISTS orders (day TEXT, id INTEGER, city TEXT, cents INTEGER, PRIMARY KEY (day, id))"


def extract(source):
    orders, rejected = [], []
    with Path(source).open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["cents"].isdigit() and row["city"]:
                orders.append({"id": int(row["id"]), "city": row["city"].strip(), "cents": int(row["cents"])})
            else:
                rejected.append(",".join(row.values()))
    # In an installation each task has a copy of the project of its own: results travel by `store`, not by files.
    digdag.env.store({"orders": orders, "rejected": rejected})


def load(orders, day, warehouse=WAREHOUSE):
    with closing(opened(warehouse)) as database, database:      # `with database`: all of it, or nothing
        database.execute("DELETE FROM orders WHERE day = ?", (day,))
        rows = [{**order, "day": day} for order in orders]
        database.executemany("INSERT INTO orders VALUES (:day, :id, :city, :cents)", rows)
    print(f"{len(orders)} orders loaded")


def by_city(day, warehouse=WAREHOUSE):
    with closing(opened(warehouse)) as database:
        found = database.execute(Path("sql/by_city.sql").read_text(encoding="utf-8"), {"day": day})
        digdag.env.store({"cities": [dict(row) for row in found]})


def opened(warehouse):
    Path(warehouse).parent.mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(warehouse)
    database.row_factory = sqlite3.Row
    database.execute(TABLE)
    return database
