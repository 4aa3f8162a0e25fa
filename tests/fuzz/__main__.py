"""python -m tests.fuzz [N] [SEED]: N inputs from SEED on, in parallel; the failing seeds, with less of their input."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections import Counter
from collections.abc import Mapping

from tests.fuzz.inputs import make
from tests.fuzz.read import Outcome, read


def one(seed: int) -> tuple[int, str, Outcome]:
    given = make(seed)
    return seed, given.kind, read(given)


def smaller(seed: int) -> Mapping[str, bytes]:
    """The failing input with every line taken away that the failure does not need; at most a few hundred tries."""
    given = make(seed)
    files = dict(given.files)
    for _ in range(3):
        for name in list(files):
            lines = files[name].split(b"\n")[:200]
            at = 0
            while at < len(lines):
                tried = files | {name: b"\n".join(lines[:at] + lines[at + 1:])}
                if read(given._replace(files=tried)).fault:
                    files = tried
                    del lines[at]
                else:
                    at += 1
    return files


def main(count: int, first: int) -> int:
    seen: Counter[str] = Counter()
    failed: list[int] = []
    with multiprocessing.Pool(os.cpu_count()) as pool:
        for seed, kind, outcome in pool.imap_unordered(one, range(first, first + count), chunksize=50):
            seen[kind] += 1
            seen["valid"] += outcome.is_valid
            seen["all"] += 1
            if seen["all"] % 5_000 == 0:
                print(f"{seen['all']:,} read, {len(failed)} failures", file=sys.stderr, flush=True)
            if outcome.fault:
                failed.append(seed)
                print(f"seed {seed} ({kind}): {outcome.fault}\n  again: python -m tests.fuzz 1 {seed}", flush=True)
    print(f"{count:,} inputs, {seen['valid'] / count:.0%} valid, {len(failed)} failures; "
          + ", ".join(f"{kind} {seen[kind]:,}" for kind in ("grammar", "damaged", "hostile")))
    for seed in failed[:3]:
        print(f"seed {seed}, as small as it fails:")
        for name, data in smaller(seed).items():
            print(f"  {name}: {data[:2000]!r}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*(int(argument) for argument in [*sys.argv[1:3], *("2000", "1")[len(sys.argv) - 1:]])))
