from datetime import UTC, datetime

from skydag.testing import Trial, Tried
from skydag_workday import Workday


def test_before_a_monday_comes_the_friday_unless_it_is_a_holiday():
    monday = datetime(2025, 4, 21, tzinfo=UTC)
    trial = Trial(Workday(), {"holidays": ["2025-04-18"]}, session_time=monday)
    assert trial.run() == Tried(store={"is_workday": True, "last_workday": "2025-04-17"})


def test_what_is_no_day_is_told():
    trial = Trial(Workday(), {"holidays": ["Easter"]})
    assert trial.run().error == "holidays are days such as 2025-12-25, not ['Easter'] (config)"
