"""F-8: each function has its own role with the actions it uses on the resources it uses."""

from __future__ import annotations

from tests.template.permissions import Grant, attached, grants, installation, told

from skydag.embedded.template import Template

TEMPLATE = installation()

#: The only statements on every resource there is, each because AWS knows no resource for its action.
ON_EVERYTHING = {
    ("AdvanceRole", "dynamodb:ListStreams"): "a mapping looks for the stream by listing",
    ("WorkRole", "ecs:DescribeTaskDefinition"): "a copy for another image is made of what is described",
    ("WorkRole", "ecs:RegisterTaskDefinition"): "what a copy may do is bounded by the roles that Work may hand over",
    ("WorkerExecutionRole", "ecr:GetAuthorizationToken"): "the token is the account's, not a repository's",
}


def test_no_role_may_do_something_to_everything_but_where_aws_knows_no_resource() -> None:
    found = {(grant.holder, action) for grant in grants(TEMPLATE) if "*" in grant.resources for action in grant.actions}
    assert found == set(ON_EVERYTHING)


def test_no_action_is_a_pattern() -> None:
    assert [(grant.holder, action) for grant in grants(TEMPLATE) for action in grant.actions if "*" in action] == []


def test_a_pattern_for_resources_stays_below_this_installation() -> None:
    names = ("skydag-", "skydag/", "/skydag/")
    for grant in grants(TEMPLATE):
        for resource in grant.resources:
            if "*" in resource and resource not in ("*", "ecr:repository/*"):
                assert any(name in resource.partition("*")[0] for name in names), (
                    f"{grant.holder} {grant.sid}: {resource}"
                )


def test_every_function_has_a_role_of_its_own() -> None:
    roles = {
        function.id: TEMPLATE.properties(function)["Role"].rpartition("/")[2]
        for function in TEMPLATE.of("AWS::Serverless::Function")
    }
    assert roles == {function: f"skydag-{function}Role" for function in roles}


def test_user_code_has_no_right_on_the_table_nor_on_secrets_F_8() -> None:
    allowed = {action for grant in _all_of("ScriptRole") + _all_of("WorkerRole") for action in grant.actions}
    assert allowed == {
        "s3:GetObject",
        "s3:PutObject",
        "lambda:InvokeFunction",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
    }


def test_user_code_in_a_container_may_do_what_it_may_do_in_lambda() -> None:
    own_log = {grant for grant in _all_of("ScriptRole") if grant.sid == "OwnLog"}
    in_lambda = {(grant.actions, grant.resources) for grant in set(_all_of("ScriptRole")) - own_log}
    assert {(grant.actions, grant.resources) for grant in _all_of("WorkerRole")} == in_lambda


def test_f8_only_work_and_finish_read_secrets_and_neither_runs_user_code() -> None:
    """Work for its own operators, Finish for a run of user code that it knows by its token (app/grants.py)."""
    assert {grant.holder for grant in grants(TEMPLATE) for action in grant.actions if action.startswith("ssm:")} == {
        "WorkRole", "FinishRole"
    }


def test_only_work_sends_mails_and_only_where_an_identity_is_given() -> None:
    def holders(template: Template) -> list[str]:
        return [grant.holder for grant in grants(template) if "ses:SendRawEmail" in grant.actions]

    plain = Template.load()
    plain.learn("Table", "StreamArn", "arn:aws:dynamodb:us-east-1:123456789012:table/skydag-Table/stream/*")
    assert (holders(TEMPLATE), holders(plain)) == (["MailPolicy"], [])
    assert [role for role, policies in attached(TEMPLATE).items() if "MailPolicy" in policies] == ["WorkRole"]


def test_nobody_scans_or_administers_the_table() -> None:
    actions = {action for grant in grants(TEMPLATE) for action in grant.actions if action.startswith("dynamodb:")}
    assert actions == {
        "dynamodb:GetItem",
        "dynamodb:BatchGetItem",
        "dynamodb:Query",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "dynamodb:DeleteItem",
        "dynamodb:ConditionCheckItem",
        "dynamodb:DescribeStream",
        "dynamodb:GetRecords",
        "dynamodb:GetShardIterator",
        "dynamodb:ListStreams",
    }


def test_docs_permissions_tells_exactly_what_the_template_grants() -> None:
    statements, shared = told()
    assert sorted(statements) == sorted(grants(TEMPLATE))
    assert {role: policies for role, policies in attached(TEMPLATE).items() if policies} == shared


def _all_of(role: str) -> list[Grant]:
    """What a role may do, shared policies included."""
    holders = {role, *attached(TEMPLATE)[role]}
    return [grant for grant in grants(TEMPLATE) if grant.holder in holders]
