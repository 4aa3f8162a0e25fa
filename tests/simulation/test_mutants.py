"""The simulator can fail: each deliberate fault (mutants/catalog.py) is caught, the unchanged core passes the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.simulation import seeds
from tests.simulation.mutants.catalog import MUTANTS, Mutant

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_simulator_catches(mutant: Mutant) -> None:
    path = os.pathsep.join([str(ROOT / "functions"), str(ROOT / "operators"), str(ROOT)])
    done = subprocess.run([sys.executable, "-m", "tests.simulation.mutants.plant", mutant.name], cwd=ROOT, check=False,
                          capture_output=True, text=True, timeout=120, env={**os.environ, "PYTHONPATH": path})
    assert done.returncode == 0, f"{mutant.name} ({mutant.rule}) lives:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"


def test_there_are_forty_mutants_of_different_names() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 40


def test_the_unchanged_core_passes_the_seeds_that_catch_mutants() -> None:
    caught = {seed: why for seed in sorted({mutant.seed for mutant in MUTANTS}) if (why := seeds.broken(seed))}
    assert not caught
