"""Events with ids that grow. A log file stands for the table or queue that they come from."""

from pathlib import Path

import digdag

BATCH = 3


def load(after):
    lines = Path("data/events.log").read_text(encoding="utf-8").splitlines()
    events = [(int(number), text) for number, _, text in (line.partition(" ") for line in lines)]
    new = [event for event in sorted(events) if event[0] > int(after)][:BATCH]
    for number, text in new:
        print(f"event {number}: {text}")
    digdag.env.store({"loaded": len(new), "newest_id": new[-1][0] if new else int(after)})
