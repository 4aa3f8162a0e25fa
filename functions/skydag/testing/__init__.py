"""Try an operator or a workflow: nothing is installed, nobody waits. docs/plugins.md shows how.

    Trial       one task of one operator, run as `skydag run` and an installation would
    Tried       how a run of it ended
    Bench       what operators find around them, and what they did with it; a Trial is one
"""

from skydag.testing.bench import Bench
from skydag.testing.trial import Trial, Tried

__all__ = ["Bench", "Trial", "Tried"]
