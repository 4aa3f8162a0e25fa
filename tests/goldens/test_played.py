"""Every golden is played, or has a reason why not yet."""

from __future__ import annotations

from tests.goldens import cli_player, played, rest_player


def test_every_rest_scenario_is_played_or_says_why_not() -> None:
    files = {path.stem for path in rest_player.SCENARIOS.glob("*.json")}
    assert files == {*played.REST_ON_MEMORY, *played.REST_RUNNING, *played.REST_NOT_YET}


def test_every_command_line_group_is_played_or_says_why_not() -> None:
    files = {path.stem for path in cli_player.GROUPS.glob("*.json")}
    assert files == {*played.CLI_LOCAL, *played.CLI_ON_MEMORY, *played.CLI_RUNNING, *played.CLI_NOT_YET}
