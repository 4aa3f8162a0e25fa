"""Try an operator or a workflow: nothing is installed, nobody waits. docs/plugins.md shows how.

    Trial       one task of one operator, run as `skydag run` and an installation would
    Tried       how a run of it ended
    Bench       what operators find around them, and what they did with it; a Trial is one

    run_workflow    a workflow of a project, as `skydag run` does it; its waits take no time
    Ran             how that ended
"""

from skydag.testing.bench import Bench
from skydag.testing.trial import Trial, Tried
from skydag.testing.workflow import Ran, run_workflow

__all__ = ["Bench", "Ran", "Trial", "Tried", "run_workflow"]
