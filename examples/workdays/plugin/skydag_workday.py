"""workday>: whether people work on the session's day, and which was the last day before it on which they did."""

from datetime import date, timedelta

from skydag.model.values import array, optional
from skydag.spi import ConfigError, Operator, TaskRequest, TaskResult


class Workday(Operator):
    def run(self, request: TaskRequest) -> TaskResult:
        days = optional(request.config, "holidays", array, [])
        try:
            holidays = {date.fromisoformat(day) for day in days}
        except (TypeError, ValueError):
            raise ConfigError(f"holidays are days such as 2025-12-25, not {days}") from None
        today = last = date.fromisoformat(request.config["session_date"])
        while (last := last - timedelta(days=1)) in holidays or last.weekday() > 4:
            pass
        is_workday = today.weekday() < 5 and today not in holidays
        return TaskResult(store={"is_workday": is_workday, "last_workday": last.isoformat()})
