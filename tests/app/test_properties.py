"""What operators may ask of the configuration, in an installation."""

from __future__ import annotations

from skydag.bootstrap import _properties


def test_properties_come_from_the_template_separated_by_semicolons() -> None:
    given = {"SKYDAG_PROPERTIES": "config.mail.host=smtp.example; config.http.max_redirects = 3;"}
    assert _properties(given) == {"config.mail.host": "smtp.example", "config.http.max_redirects": "3"}
    assert _properties({}) == {}


def test_on_lambda_tasks_do_not_reach_the_machine_they_run_on_unless_somebody_says_so() -> None:
    on_lambda = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"}
    key = "config.http.allow_local_addresses"
    assert _properties(on_lambda) == {key: "false"}
    assert _properties({**on_lambda, "SKYDAG_PROPERTIES": f"{key}=true"}) == {key: "true"}
