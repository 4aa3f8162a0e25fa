"""CSV to JSON, a file a task."""

import csv
import json
from pathlib import Path

import digdag


def find():
    digdag.env.store({"files": sorted(path.name for path in Path("data").glob("*.csv"))})


def one(file, folder="out"):
    source = Path("data", file)
    with source.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    target = Path(folder, f"{source.stem}.json")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part")              # whoever looks sees the whole file or none
    part.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    part.replace(target)
    digdag.env.store({"rows": {source.stem: len(rows)}})
