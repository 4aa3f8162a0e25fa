"""A process in which one mutant lives: `python -m tests.simulation.mutants.plant NAME` says what caught it.

The text of a module is changed as it is imported, nothing on disk. First random seeds, then scenarios: the calm ones of
test_crashes.py, and those of rare meetings (test_races.py, test_found.py, test_fusing.py);
exit code 0 when something caught it.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any, Final

from tests.simulation.mutants.catalog import MUTANTS, Mutant

PACKAGE: Final = Path(__file__).parents[3] / "functions" / "skydag"
SEEDS: Final = 40                   # then scenarios are tried
MEMORY_BYTES_MAX: Final = 2 * 1024**3
BROKEN_TEXT: Final = ("TypeError", "NameError", "AttributeError", "SyntaxError", "ImportError")


def place(mutant: Mutant) -> Path:
    """The one file that holds the mutant's text."""
    found = [path for path in sorted(PACKAGE.rglob("*.py")) for _ in range(path.read_text().count(mutant.old))]
    if len(found) != 1:
        raise LookupError(f"the text of the mutant {mutant.name!r} stands at {len(found)} places, not at one")
    return found[0]


class _Loader(SourceFileLoader):
    def __init__(self, name: str, path: str, mutant: Mutant) -> None:
        super().__init__(name, path)
        self._mutant = mutant

    def get_code(self, fullname: str) -> CodeType:
        text = Path(self.path).read_text().replace(self._mutant.old, self._mutant.new)
        return compile(text, self.path, "exec")


class _Finder(MetaPathFinder):
    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant
        self._file = str(place(mutant))

    def find_spec(self, name: str, path: Sequence[str] | None, target: Any = None) -> ModuleSpec | None:
        if not name.startswith("skydag."):
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.origin == self._file:
            spec.loader = _Loader(name, self._file, self._mutant)
        return spec


def plant(mutant: Mutant) -> None:
    """Before anything of skydag is imported."""
    assert not any(name.startswith("skydag.") for name in sys.modules)
    sys.meta_path.insert(0, _Finder(mutant))


def caught_by(mutant: Mutant) -> str | None:
    """What caught the planted mutant, None if nothing did."""
    from tests.simulation import resumed, seeds  # only now may skydag be imported

    broken = resumed.broken if mutant.is_of_resume else seeds.broken
    for seed in () if mutant.is_rare else (mutant.seed, *range(SEEDS)):
        if why := broken(seed):
            assert not why.startswith(BROKEN_TEXT), f"the mutant {mutant.name!r} is no program: {why}"
            return f"seed {seed}: {why.splitlines()[0]}"
    from tests.simulation.modes import MODES
    from tests.simulation.scenarios import SCENARIOS
    from tests.simulation.test_crashes import calm

    for name, scenario in SCENARIOS.items():
        for mode in MODES:
            try:
                calm(scenario, mode)
            except AssertionError as wrong:
                return f"scenario {name!r}: {str(wrong).splitlines()[0]}"
    import pytest

    here = Path(__file__).parents[1]
    scenarios = [str(here / name) for name in ("test_found.py", "test_races.py", "test_fusing.py")]
    code = pytest.main(["-q", "-x", "--no-header", "--tb=no", "-p", "no:cacheprovider", "-p", "no:xdist", *scenarios])
    return "a scenario" if code == 1 else None


def main(name: str) -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))    # a mutant may go on for ever
    mutant = next(one for one in MUTANTS if one.name == name)
    plant(mutant)
    caught = caught_by(mutant)
    print(f"{name}: {caught or 'NOT CAUGHT'}")
    return 0 if caught else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
