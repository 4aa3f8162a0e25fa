"""template.yaml as the embedded installation sees it: resources with their names and ARNs, every reference resolved.

The one template serves AWS and the embedded installation; nothing is listed a second time. Names and ARNs are known
before anything is created, as both follow from the logical id; only a table's stream is learned (`learn`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from skydag.embedded import cloudformation
from skydag.errors import InvalidError, NotFoundError
from skydag.model.records import dataclass

REGION: Final = "us-east-1"
ACCOUNT: Final = "123456789012"             # moto's own account
_HERE: Final = Path(__file__).resolve().parent


def template_path() -> Path:
    """The copy that the wheel carries, or template.yaml of the source checkout."""
    for path in (_HERE / "data" / "template.yaml", _HERE.parents[2] / "template.yaml"):
        if path.is_file():
            return path
    raise NotFoundError("template.yaml is neither beside the sources nor in the package: install skydag again")


def example_path(name: str) -> Path:
    """The copy of an example project that the wheel carries, or the one of the source checkout."""
    for path in (_HERE / "data" / name, _HERE.parents[2] / "examples" / name):
        if path.is_dir():
            return path
    raise NotFoundError(f"the example project '{name}' is neither beside the sources nor in the package")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One resource; `properties` as written, not yet resolved."""

    id: str
    type: str
    properties: Mapping[str, Any]


class Template:
    """A template with its parameters' values. Resources whose condition is false are not there."""

    def __init__(
        self, document: Mapping[str, Any], parameters: Mapping[str, Any] | None = None, *, stack: str = "skydag",
    ) -> None:
        self.stack = stack
        self._document = document
        self._parameters = {name: _default(spec) for name, spec in document.get("Parameters", {}).items()}
        unknown = sorted(set(parameters or {}) - set(self._parameters))
        if unknown:
            raise InvalidError(f"template.yaml has no parameter '{unknown[0]}'")
        self._parameters.update(parameters or {})
        self._learned: dict[tuple[str, str], str] = {}
        self.resources: dict[str, Resource] = {}
        shared = document.get("Globals", {}).get("Function", {})
        for logical_id, spec in document["Resources"].items():
            if "Condition" in spec and not self.condition(spec["Condition"]):
                continue
            properties = spec.get("Properties", {})
            if spec["Type"] == "AWS::Serverless::Function":
                properties = _with_globals(shared, properties)
            self.resources[logical_id] = Resource(id=logical_id, type=spec["Type"], properties=properties)

    @classmethod
    def load(cls, path: Path | None = None, parameters: Mapping[str, Any] | None = None) -> Template:
        text = (path or template_path()).read_text(encoding="utf-8")
        return cls(cloudformation.read(text), parameters)

    @property
    def parameters(self) -> Mapping[str, Any]:
        return self._parameters

    def of(self, *types: str) -> Iterator[Resource]:
        """The resources of these types, in the template's order."""
        return (resource for resource in self.resources.values() if resource.type in types)

    def properties(self, resource: Resource) -> dict[str, Any]:
        """Its properties with every reference resolved."""
        return dict(self.value(resource.properties))

    def value(self, value: Any) -> Any:
        return cloudformation.evaluate(value, self)

    def name(self, resource: Resource) -> str:
        """The name it is created with: as the template says, else from stack and logical id."""
        key, _ = _KINDS.get(resource.type, _OTHER)
        given = resource.properties.get(key)
        if given is not None:
            return str(self.value(given))
        name = f"{self.stack}-{resource.id}"
        return name.lower() if resource.type == "AWS::S3::Bucket" else name

    def learn(self, logical_id: str, attribute: str, value: str) -> None:
        """An attribute that is known only after creation."""
        self._learned[logical_id, attribute] = value

    # --- cloudformation.Names

    def ref(self, name: str) -> Any:
        if name in self._parameters:
            return self._parameters[name]
        if name in _PSEUDO:
            return _PSEUDO[name]
        return self.attribute(name, "Ref")

    def attribute(self, resource: str, attribute: str) -> Any:
        if (resource, attribute) in self._learned:
            return self._learned[resource, attribute]
        if resource.endswith("Role") and resource not in self.resources:      # the role SAM makes for a function
            role = f"{self.stack}-{resource}"
            return role if attribute == "Ref" else f"arn:aws:iam::{ACCOUNT}:role/{role}"
        found = self.resources.get(resource)
        if found is None:
            raise InvalidError(f"template.yaml refers to '{resource}', which is neither a resource nor a parameter")
        _, attributes = _KINDS.get(found.type, _OTHER)
        known = attributes(self.name(found))
        if attribute not in known:
            raise InvalidError(f"the embedded installation does not know '{attribute}' of {found.type} ('{resource}')")
        return known[attribute]

    def condition(self, name: str) -> bool:
        return bool(self.value(self._document["Conditions"][name]))

    def find(self, mapping: str, first: str, second: str) -> Any:
        return self._document["Mappings"][mapping][first][second]


def _default(spec: Mapping[str, Any]) -> Any:
    """A parameter's value when nobody gives one; lists are written with commas."""
    default = spec.get("Default", "")
    if "List" in spec.get("Type", "") and isinstance(default, str):
        return [part.strip() for part in default.split(",") if part.strip()]
    return default


def _with_globals(shared: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """SAM's rule: mappings are merged, everything else of the function's own wins."""
    out = dict(shared)
    for key, value in own.items():
        old = out.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        out[key] = _with_globals(old, value) if both and isinstance(old, Mapping) else value
    return out


def _arn(service: str, rest: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}"


_PSEUDO: Final[Mapping[str, Any]] = {
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": "skydag",
    "AWS::StackId": _arn("cloudformation", "stack/skydag/embedded"),
    "AWS::NotificationARNs": [],
}

_Kind = tuple[str, Callable[[str], Mapping[str, str]]]
_OTHER: Final[_Kind] = ("Name", lambda n: {"Ref": n, "Arn": _arn("other", n), "Id": n})

# type -> (the property that names it, its name -> what Ref and GetAtt give)
_KINDS: Final[Mapping[str, _Kind]] = {
    "AWS::DynamoDB::Table": ("TableName", lambda n: {"Ref": n, "Arn": _arn("dynamodb", f"table/{n}")}),
    "AWS::S3::Bucket": ("BucketName", lambda n: {
        "Ref": n, "Arn": f"arn:aws:s3:::{n}", "DomainName": f"{n}.s3.amazonaws.com",
        "RegionalDomainName": f"{n}.s3.{REGION}.amazonaws.com"}),
    "AWS::SQS::Queue": ("QueueName", lambda n: {
        "Ref": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{n}", "Arn": _arn("sqs", n), "QueueName": n,
        "QueueUrl": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{n}"}),
    "AWS::SNS::Topic": ("TopicName", lambda n: {"Ref": _arn("sns", n), "TopicArn": _arn("sns", n), "TopicName": n}),
    "AWS::ECS::Cluster": ("ClusterName", lambda n: {"Ref": n, "Arn": _arn("ecs", f"cluster/{n}")}),
    "AWS::ECS::TaskDefinition": ("Family", lambda n: {
        "Ref": _arn("ecs", f"task-definition/{n}:1"), "TaskDefinitionArn": _arn("ecs", f"task-definition/{n}:1")}),
    "AWS::Scheduler::ScheduleGroup": ("Name", lambda n: {"Ref": n, "Arn": _arn("scheduler", f"schedule-group/{n}")}),
    "AWS::IAM::Role": ("RoleName", lambda n: {"Ref": n, "Arn": f"arn:aws:iam::{ACCOUNT}:role/{n}", "RoleId": n}),
    "AWS::IAM::ManagedPolicy": ("ManagedPolicyName", lambda n: {"Ref": f"arn:aws:iam::{ACCOUNT}:policy/{n}"}),
    "AWS::Serverless::Function": ("FunctionName", lambda n: {"Ref": n, "Arn": _arn("lambda", f"function:{n}")}),
    "AWS::Serverless::HttpApi": ("Name", lambda n: {"Ref": n, "ApiEndpoint": f"https://{n}.execute-api.invalid"}),
    "AWS::Logs::LogGroup": ("LogGroupName", lambda n: {"Ref": n, "Arn": _arn("logs", f"log-group:{n}:*")}),
    "AWS::EC2::SecurityGroup": ("GroupName", lambda n: {"Ref": n, "GroupId": n}),
}
