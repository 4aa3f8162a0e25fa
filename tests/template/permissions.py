"""Who may do what, as template.yaml says it and as docs/permissions.md tells it; the tests compare the two."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skydag.embedded.template import Resource, Template

DOCS = Path(__file__).parents[2] / "docs" / "permissions.md"


def installation() -> Template:
    """The template as a stack named skydag that may send mails; the stream's ARN, known only after creation, is made
    up."""
    template = Template.load(parameters={"MailIdentity": "example.com"})
    template.learn("Table", "StreamArn", f"{template.attribute('Table', 'Arn')}/stream/*")
    return template




@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """One statement: for whom, its name, what, on what. ARNs as in a stack named skydag, without account and region."""

    holder: str
    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]

    def row(self, why: str = "") -> str:
        actions, resources = (", ".join(f"`{part}`" for part in parts) for parts in (self.actions, self.resources))
        return f"| {self.sid} | {actions} | {resources} | {why} |"


def holders(template: Template) -> list[Resource]:
    return list(template.of("AWS::IAM::ManagedPolicy", "AWS::IAM::Role"))


def grants(template: Template) -> list[Grant]:
    """Every statement of every role and shared policy."""
    out: list[Grant] = []
    for holder in holders(template):
        properties = template.properties(holder)
        documents = [properties["PolicyDocument"]] if "PolicyDocument" in properties else []
        documents += [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
        out += [_grant(holder.id, statement) for document in documents for statement in document["Statement"]]
    return out


def attached(template: Template) -> dict[str, list[str]]:
    """role -> the shared policies it holds."""
    held = {
        role.id: [policy["Ref"] for policy in role.properties.get("ManagedPolicyArns", [])]
        for role in template.of("AWS::IAM::Role")
    }
    for policy in template.of("AWS::IAM::ManagedPolicy"):       # or it names its roles itself
        for role in policy.properties.get("Roles", []):
            held[role["Ref"]].append(policy.id)
    return held


def _grant(holder: str, statement: Mapping[str, Any]) -> Grant:
    assert statement["Effect"] == "Allow", f"{holder}: only allowances are told in docs/permissions.md"
    return Grant(
        holder, statement["Sid"], tuple(_list(statement["Action"])), tuple(map(short, _list(statement["Resource"])))
    )


def _list(value: Any) -> list[str]:
    return [str(part) for part in value] if isinstance(value, list) else [str(value)]


def short(arn: str) -> str:
    """'arn:aws:sqs:us-east-1:123456789012:skydag-timer' -> 'sqs:skydag-timer'."""
    return re.sub(r"-\d{12}-us-east-1", "", re.sub(r"^arn:aws:([a-z0-9]+):[^:]*:[^:]*:", r"\1:", arn))


def told() -> tuple[list[Grant], dict[str, list[str]]]:
    """(the statements, role -> shared policies) of docs/permissions.md."""
    statements: list[Grant] = []
    shared: dict[str, list[str]] = {}
    holder = ""
    for line in DOCS.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            holder = line.removeprefix("## ").split()[0]
        elif line.startswith("Holds "):
            shared[holder] = re.findall(r"\[(\w+)\]", line)
        elif line.startswith("| ") and "`" in line:
            sid, actions, resources, _ = (cell.strip() for cell in line.strip("|").split("|"))
            statements.append(
                Grant(holder, sid, tuple(re.findall(r"`([^`]+)`", actions)), tuple(re.findall(r"`([^`]+)`", resources)))
            )
    return statements, shared
