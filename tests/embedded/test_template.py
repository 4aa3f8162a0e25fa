"""What the embedded installation reads out of template.yaml."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from skydag.embedded import cloudformation
from skydag.embedded.functions import QueueTrigger, RuleTrigger, StreamTrigger, TickTrigger, UploadTrigger, functions
from skydag.embedded.template import Template, template_path
from skydag.errors import InvalidError

SMALL = """
Parameters:
  Stage: {Type: String, Default: dev}
  Subnets: {Type: CommaDelimitedList, Default: "a, b"}
Conditions:
  IsLive: !Equals [!Ref Stage, live]
Globals:
  Function:
    Timeout: 7
    Environment: {Variables: {STAGE: !Ref Stage, SHARED: "1"}}
Resources:
  Queue: {Type: AWS::SQS::Queue}
  Spare: {Type: AWS::SQS::Queue, Condition: IsLive}
  Bucket: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub "${AWS::StackName}-b-${AWS::AccountId}"}}
  One:
    Type: AWS::Serverless::Function
    Properties:
      Handler: a.b
      Environment: {Variables: {SHARED: "2", OWN: !GetAtt Queue.Arn, SUBNETS: !Join [",", !Ref Subnets]}}
"""


def small(**parameters: Any) -> Template:
    return Template(cloudformation.read(SMALL), parameters)


def test_globals_are_merged_and_a_functions_own_variables_win() -> None:
    (one,) = functions(small())
    assert one.environment == {
        "STAGE": "dev", "SHARED": "2", "OWN": "arn:aws:sqs:us-east-1:123456789012:skydag-Queue", "SUBNETS": "a,b"}
    assert one.timeout_s == 7


def test_a_resource_whose_condition_is_false_is_not_there() -> None:
    assert "Spare" not in small().resources
    assert "Spare" in small(Stage="live").resources


def test_names_follow_the_template_or_the_logical_id() -> None:
    template = small()
    assert template.ref("Bucket") == "skydag-b-123456789012"
    assert template.ref("Queue") == "https://sqs.us-east-1.amazonaws.com/123456789012/skydag-Queue"


def test_an_unknown_parameter_and_an_unknown_reference_are_named() -> None:
    with pytest.raises(InvalidError, match="no parameter 'Stge'"):
        small(Stge="live")
    with pytest.raises(InvalidError, match="refers to 'Nothing'"):
        small().ref("Nothing")


@pytest.mark.parametrize(("text", "value"), [
    ("!Sub 'x-${Stage}-${!Stage}'", "x-dev-${Stage}"),
    ("!Sub ['${a}/${Stage}', {a: !Ref Stage}]", "dev/dev"),
    ("!If [IsLive, 1, 2]", 2),
    ("!Select [1, !Ref Subnets]", "b"),
    ("!Split ['-', 'a-b']", ["a", "b"]),
    ("[1, !Ref AWS::NoValue, 3]", [1, 3]),
    ("{a: !If [IsLive, 1, !Ref AWS::NoValue]}", {}),
    ("!Sub '${Queue.QueueName}'", "skydag-Queue"),
])
def test_functions_of_cloudformation(text: str, value: Any) -> None:
    assert small().value(cloudformation.read(f"x: {text}")["x"]) == value


def test_the_real_template_names_a_trigger_for_every_way_in() -> None:
    template = Template.load()
    template.learn("Table", "StreamArn", "arn:aws:dynamodb:us-east-1:123456789012:table/skydag-Table/stream/1")
    found = {one.id: {type(trigger) for trigger in one.triggers} for one in functions(template)}
    assert found == {
        "Register": {UploadTrigger}, "Expand": set(), "Advance": {StreamTrigger}, "Work": set(), "Script": set(),
        "Finish": set(), "ContainerEnded": {RuleTrigger}, "Timer": {QueueTrigger}, "Watch": {TickTrigger}, "Api": set()}


def test_advance_follows_the_stream_twice_without_and_with_a_window() -> None:
    template = Template.load()
    template.learn("Table", "StreamArn", "arn:aws:dynamodb:us-east-1:123456789012:table/skydag-Table/stream/1")
    advance = next(one for one in functions(template) if one.id == "Advance")
    settings = [trigger.settings for trigger in advance.triggers if isinstance(trigger, StreamTrigger)]
    assert [one.window for one in settings] == [timedelta(0), timedelta(seconds=30)]
    for one in settings:
        assert one.reports_failures and one.bisects
        assert one.retries >= 0 and one.max_age is not None, "A-18: else a bad record blocks its shard for a day"
        assert one.on_failure is not None


def test_the_template_is_found() -> None:
    assert template_path().is_file()
