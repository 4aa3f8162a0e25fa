"""What README tells people to type works as written (tests/docs/readme.py says which block is tried how)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.docs.readme import README, ROOT, _all, blocks, fences

from skydag.embedded.template import Template

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TEMPLATE = (ROOT / "template.yaml").read_text(encoding="utf-8")
WORDS = {"make", "demo", "activate", "file", "laptop", "terminal", "server", "aws"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """README's project, as its reader types it."""
    folder = tmp_path / "hello"
    folder.mkdir()
    for block in blocks("file"):
        (folder / block.word.partition("=")[2]).write_text(block.text, encoding="utf-8")
    return folder


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A path with `skydag` and `python`, as after `. .venv/bin/activate`, and a home with nothing in it."""
    binaries = tmp_path / "bin"
    binaries.mkdir()
    (binaries / "skydag").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m skydag "$@"\n')
    (binaries / "skydag").chmod(0o755)
    (binaries / "python").symlink_to(sys.executable)
    source = os.pathsep.join(str(ROOT / root) for root in ("functions", "operators"))
    kept = {name: value for name, value in os.environ.items() if name in ("LANG", "LC_ALL", "TZ")}
    return {**kept, "PATH": f"{binaries}:/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": source}


def shell(text: str, project: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(["/bin/sh", "-e"], input=text, cwd=project, env=environment, text=True, capture_output=True,
                          timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_block_says_how_it_is_tried() -> None:
    assert len(_all()) == fences()
    assert {block.word.partition("=")[0] for block in _all()} == WORDS


def test_the_two_commands_are_targets_of_the_makefile() -> None:
    (block,) = blocks("make")
    assert block.text.splitlines() == ["make demo", "make test"]
    assert {"demo", "test"} <= set(_targets())


def test_a_workflow_runs_on_a_laptop_as_written(project: Path, environment: dict[str, str]) -> None:
    first, again = blocks("laptop", "sh")
    (shown,) = blocks("laptop", "text")
    assert shell(first.text, project, environment).endswith(shown.text)
    assert shell(again.text, project, environment) == shown.text.replace("03-01", "03-02") * 2


@pytest.fixture
def server(project: Path, environment: dict[str, str]) -> Iterator[str]:
    (block,) = blocks("terminal")
    command = [*block.text.split(), "-n", "0"]       # any port: the usual one may be in use here
    process = subprocess.Popen(command, cwd=project, env=environment, text=True, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        line = next(line for line in process.stdout if "ready" in line)
        assert re.sub(r":\d+", ":65432", line.strip()) in README
        yield line.split()[-1]
    finally:
        process.terminate()
        process.communicate(timeout=30)


def test_the_servers_commands_work_as_written(server: str, project: Path, environment: dict[str, str]) -> None:
    (block,) = blocks("server")
    output = shell(block.text, project, environment | {"DIGDAG_CONFIG": f"client.http.endpoint={server}"})
    assert "attempt id: 1" in output
    assert "hello world\n" in output and "the square is 144\n" in output
    assert "name: +hello+result\n   state: success" in output
    assert "status: success" in output


def test_the_aws_commands_name_targets_variables_parameters_and_outputs_that_are_there() -> None:
    text = "\n".join(block.text for block in blocks("aws")) + README
    targets = re.findall(r"\bmake (?!`)([a-z][a-z-]+)", "\n".join(block.text for block in blocks("aws")))
    assert {"deploy", "worker-image"} == set(targets) <= set(_targets())
    for variable in ("ARCH", "PYTHON", "ALERT_EMAIL", "PARAMETERS", "IMAGE"):
        assert f"{variable}=" in text
        assert f"$({variable})" in MAKEFILE, f"the Makefile knows no {variable}"
    named = {name for given in re.findall(r'PARAMETERS="([^"]+)"', text) for name in re.findall(r"(\w+)=", given)}
    assert named <= set(Template.load().parameters)
    for output in ("ApiUrl", "ProjectBucketName", "TopicArn"):
        assert f"`{output}`" in README and f"\n  {output}: {{" in TEMPLATE


def test_the_idle_costs_are_those_of_the_template() -> None:
    resources = re.findall(r"Type: (AWS::\S+)", TEMPLATE)
    alarms, = re.findall(r"\| (\d+) CloudWatch alarms", README)
    assert int(alarms) == resources.count("AWS::CloudWatch::Alarm")
    assert re.findall(r"rate\((.+?)\)", TEMPLATE) == ["1 minute"]               # `watch` is the only clock
    assert len(re.findall(r"Type: SQS$", TEMPLATE, flags=re.MULTILINE)) == 1    # one queue is polled
    for always_on in ("ProvisionedConcurrency", "ProvisionedThroughput", "NatGateway", "VPCEndpoint", "ECS::Service"):
        assert always_on not in TEMPLATE
    costs = [float(cost) for cost in re.findall(r"\| \$(\d\.\d\d) \|", README)]
    told, = re.findall(r"About (\d\.\d\d) US dollars a month", README)
    assert abs(sum(costs) - float(told)) <= 0.05


def test_what_readme_points_to_is_there() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert [link for link in links if not link.startswith("http") and not (ROOT / link).exists()] == []


def _targets() -> list[str]:
    phony = re.search(r"^\.PHONY: (.+)$", MAKEFILE, flags=re.MULTILINE)
    assert phony is not None
    return phony[1].split()
