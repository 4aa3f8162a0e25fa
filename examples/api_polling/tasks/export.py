"""What becomes of the service's answers."""

import json
from pathlib import Path

import digdag


def begun(answer):
    number = json.loads(answer)["id"]
    print(f"export {number} begun")
    digdag.env.store({"export_id": number})


def save(rows, name, folder="out"):
    found = json.loads(rows)
    Path(folder).mkdir(parents=True, exist_ok=True)
    Path(folder, name).write_text(json.dumps(found, indent=1), encoding="utf-8")
    print(f"{len(found)} rows, {sum(row['units'] for row in found)} units")
