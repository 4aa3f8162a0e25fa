"""template.yaml and the code fit together: handlers, environment, streams, retries."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.template.permissions import installation

from skydag.embedded.template import Resource

ROOT = Path(__file__).parents[2]
TEMPLATE = installation()
FUNCTIONS = {function.id: function for function in TEMPLATE.of("AWS::Serverless::Function")}


def properties(function: str) -> dict[str, Any]:
    return TEMPLATE.properties(FUNCTIONS[function])


def test_the_functions_of_the_design_are_there() -> None:
    assert set(FUNCTIONS) == {
        "Register",
        "Expand",
        "Advance",
        "Work",
        "Script",
        "Finish",
        "ContainerEnded",
        "Timer",
        "Watch",
        "Api",
    }


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_handler_can_be_imported_with_the_templates_environment(function: str) -> None:
    """In a process of its own, as Lambda does it: with no credentials and no network."""
    module, _, name = properties(function)["Handler"].rpartition(".")
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{ROOT / 'functions'}{os.pathsep}{ROOT / 'operators'}",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        **{key: str(value) for key, value in properties(function)["Environment"]["Variables"].items()},
    }
    code = f"import importlib; assert callable(importlib.import_module({module!r}).{name})"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _read_by_bootstrap() -> set[str]:
    source = (ROOT / "functions" / "skydag" / "bootstrap.py").read_text(encoding="utf-8")
    return set(re.findall(r"\bSKYDAG_[A-Z_]+[A-Z]\b", source))


def test_bootstrap_reads_every_variable_of_the_template_and_no_other_H_4() -> None:
    assert set(properties("Work")["Environment"]["Variables"]) == _read_by_bootstrap()


def test_a_container_gets_only_variables_that_bootstrap_reads() -> None:
    (task,) = TEMPLATE.of("AWS::ECS::TaskDefinition")
    container, _ = TEMPLATE.properties(task)["ContainerDefinitions"]
    names = {variable["Name"] for variable in container["Environment"]}
    assert {name for name in names if name.startswith("SKYDAG_")} <= _read_by_bootstrap()


def test_environment_variables_stay_below_the_services_limit_A_3() -> None:
    variables = properties("Work")["Environment"]["Variables"]
    longest_names_bytes = 1_000  # the stack's name, at most 27 letters, comes up to 20 times; ids of subnets beside it
    assert len(json.dumps(variables)) + longest_names_bytes < 4_096


def test_every_function_has_a_log_that_forgets_A_108() -> None:
    retention = {
        TEMPLATE.name(group): TEMPLATE.properties(group)["RetentionInDays"]
        for group in TEMPLATE.of("AWS::Logs::LogGroup")
    }
    for function in FUNCTIONS:
        group = f"/aws/lambda/{properties(function)['FunctionName']}"
        assert properties(function)["LoggingConfig"]["LogGroup"] == group
        assert retention[group] > 0


def _streams() -> dict[str, dict[str, Any]]:
    return {
        name: event["Properties"]
        for name, event in properties("Advance")["Events"].items()
        if event["Type"] == "DynamoDB"
    }


def test_two_mappings_read_the_stream_and_no_more_may_A_25() -> None:
    readers = [
        event
        for function in FUNCTIONS
        for event in properties(function).get("Events", {}).values()
        if event["Type"] == "DynamoDB"
    ]
    assert len(readers) == len(_streams()) == 2


def test_a_stream_batch_that_keeps_failing_is_given_up_and_said_A_18() -> None:
    for mapping in _streams().values():
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert mapping["BisectBatchOnFunctionError"] is True
        assert 0 < mapping["MaximumRetryAttempts"] < 100
        assert 0 < mapping["MaximumRecordAgeInSeconds"] < 86_400
        assert mapping["DestinationConfig"]["OnFailure"]["Destination"].endswith(":skydag-stream-failures")
        assert mapping["StartingPosition"] == "TRIM_HORIZON"


def test_what_must_be_acted_on_waits_for_nothing_and_the_safety_net_waits_half_a_minute() -> None:
    by_mark = {}
    for mapping in _streams().values():
        (rule,) = mapping["FilterCriteria"]["Filters"]
        (mark,) = json.loads(rule["Pattern"])["dynamodb"]["NewImage"]["act"]["S"]
        by_mark[mark] = (
            mapping["BatchSize"],
            mapping["MaximumBatchingWindowInSeconds"],
            mapping.get("ParallelizationFactor", 1),
        )
    assert by_mark == {"a": (100, 0, 10), "s": (1000, 30, 1)}


@pytest.mark.parametrize("function", ["Work", "Script"])
def test_a_dead_worker_is_told_to_finish_at_once_and_never_repeated_by_lambda_A_5(function: str) -> None:
    config = properties(function)["EventInvokeConfig"]
    assert config["MaximumRetryAttempts"] == 0
    assert config["DestinationConfig"]["OnFailure"]["Destination"] == properties("Finish")["Role"].replace(
        "iam::", "lambda:us-east-1:"
    ).replace("role/skydag-FinishRole", "function:skydag-finish")


@pytest.mark.parametrize("function", ["Register", "Expand", "Finish", "ContainerEnded"])
def test_an_event_that_fails_every_time_rings_an_alarm_A_6(function: str) -> None:
    config = properties(function)["EventInvokeConfig"]
    assert config["MaximumRetryAttempts"] == 2
    assert config["DestinationConfig"]["OnFailure"]["Destination"].endswith("skydag-dead-letters")


@pytest.mark.parametrize("function", ["Advance", "Work", "Script", "Finish", "Timer"])
def test_the_functions_that_go_round_say_so_A_9(function: str) -> None:
    assert properties(function)["RecursiveLoop"] == "Allow"


def test_a_timer_stays_hidden_six_times_as_long_as_its_handler_may_take_A_87() -> None:
    (queue,) = (queue for queue in TEMPLATE.of("AWS::SQS::Queue") if queue.id == "TimerQueue")
    assert TEMPLATE.properties(queue)["VisibilityTimeout"] >= 6 * properties("Timer")["Timeout"]


def test_the_api_answers_signed_callers_only() -> None:
    (api,) = TEMPLATE.of("AWS::Serverless::HttpApi")
    assert TEMPLATE.properties(api)["Auth"] == {"EnableIamAuthorizer": True, "DefaultAuthorizer": "AWS_IAM"}
    assert properties("Api")["Timeout"] <= 30


def test_buckets_are_private_encrypted_versioned_and_forget() -> None:
    buckets = list(TEMPLATE.of("AWS::S3::Bucket"))
    assert len(buckets) == 2
    for bucket in buckets:
        found = TEMPLATE.properties(bucket)
        assert set(found["PublicAccessBlockConfiguration"].values()) == {True}
        assert found["VersioningConfiguration"] == {"Status": "Enabled"}
        assert found["BucketEncryption"]
        assert all(rule["Status"] == "Enabled" for rule in found["LifecycleConfiguration"]["Rules"])


def test_buckets_answer_over_tls_only() -> None:
    told = {
        TEMPLATE.properties(policy)["Bucket"]: TEMPLATE.properties(policy)["PolicyDocument"]
        for policy in TEMPLATE.of("AWS::S3::BucketPolicy")
    }
    assert set(told) == {TEMPLATE.name(bucket) for bucket in TEMPLATE.of("AWS::S3::Bucket")}
    for document in told.values():
        (deny,) = document["Statement"]
        assert (deny["Effect"], deny["Action"], deny["Condition"]) == (
            "Deny",
            "s3:*",
            {"Bool": {"aws:SecureTransport": "false"}},
        )


def test_the_table_is_as_F_5_says() -> None:
    (table,) = TEMPLATE.of("AWS::DynamoDB::Table")
    found = TEMPLATE.properties(table)
    assert found["BillingMode"] == "PAY_PER_REQUEST"
    assert found["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert found["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert found["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    (index,) = found["GlobalSecondaryIndexes"]
    assert (index["IndexName"], index["Projection"]) == ("due", {"ProjectionType": "KEYS_ONLY"})


def test_an_idle_installation_has_nothing_that_always_runs() -> None:
    types = {resource.type for resource in TEMPLATE.resources.values()}
    assert types.isdisjoint(
        {
            "AWS::ECS::Service",
            "AWS::EC2::NatGateway",
            "AWS::EC2::VPCEndpoint",
            "AWS::EC2::Instance",
            "AWS::RDS::DBInstance",
        }
    )
    assert [function for function in FUNCTIONS if "ProvisionedConcurrencyConfig" in properties(function)] == []


def test_an_alarm_without_data_is_no_alarm_and_every_alarm_is_sent_A_110() -> None:
    alarms: list[Resource] = list(TEMPLATE.of("AWS::CloudWatch::Alarm"))
    watched = {alarm.id.removesuffix("Alarm") for alarm in alarms}
    assert {"DeadLetters", "StreamFailures", "AdvanceErrors", "AdvanceLag", "LostWorkers", "Throttles"} <= watched
    for alarm in alarms:
        found = TEMPLATE.properties(alarm)
        assert found["TreatMissingData"] == "notBreaching"
        assert found["AlarmActions"] == [TEMPLATE.ref("Topic")]
