"""What `make build` makes: for one architecture and Python version, pinned, small (style.md 3.5)."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from skydag.embedded.template import Template

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def _trim() -> ModuleType:
    spec = importlib.util.spec_from_file_location("trim", ROOT / "infra" / "trim.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _pins() -> dict[str, str]:
    lines = (ROOT / "functions" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {name.lower().replace("_", "-"): version for name, version in pairs}


def _default(variable: str) -> str:
    found = re.search(rf"^{variable} \?= (\S+)$", MAKEFILE, re.MULTILINE)
    assert found is not None, f"Makefile gives {variable} no default"
    return found[1]


def test_makefile_and_template_mean_the_same_architecture_and_python_when_nobody_says_otherwise() -> None:
    parameters = Template.load().parameters
    assert (_default("ARCH"), f"python{_default('PYTHON')}") == (
        parameters["Architecture"],
        parameters["PythonVersion"],
    )


def test_every_function_is_built_by_the_makefile() -> None:
    text = (ROOT / "template.yaml").read_text(encoding="utf-8")
    assert text.count("BuildMethod: makefile") == len(list(Template.load().of("AWS::Serverless::Function")))


def test_the_artifact_brings_every_dependency_but_boto3_to_the_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {re.split(r"[<>=~!\[]", requirement)[0].lower() for requirement in project["dependencies"]}
    assert wanted - {"boto3"} <= set(_pins())
    assert not {"boto3", "botocore", "s3transfer", "urllib3"} & set(_pins())


def test_pins_obey_what_pyproject_allows() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for requirement in project["dependencies"]:
        name, limits = re.split(r"(?=[<>=~!])", requirement, maxsplit=1)
        if name in _pins():
            version = _numbers(_pins()[name])
            for operator, bound in re.findall(r"(>=|<)([\d.]+)", limits):
                assert version >= _numbers(bound) if operator == ">=" else version < _numbers(bound), requirement


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


@pytest.mark.parametrize("target", ["build-Work", "worker-image"])
def test_plugins_go_into_the_artifact_and_the_image_and_without_them_nothing_does(target: str) -> None:
    def installs(*variables: str) -> list[str]:
        command = ["make", "-n", "-B", "ARTIFACTS_DIR=out", target, *variables]
        done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=True)
        return [line for line in done.stdout.splitlines() if "pip install" in line]

    plain, more = installs(), installs("PLUGINS=../one two==1.0")
    (added,) = [line for line in more if line not in plain]
    assert added.endswith(" ../one two==1.0") and "--no-deps" in added
    assert len(more) == len(plain) + 1


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """A build as `sam build` leaves it, for arm64 and Python 3.13."""
    (tmp_path / "Work").mkdir()
    (tmp_path / "Work" / "artifact.json").write_text(json.dumps({"architecture": "arm64", "python": "python3.13"}))
    return tmp_path


def test_an_artifact_for_what_is_deployed_passes(build: Path) -> None:
    assert _trim().check(build, "arm64", "python3.13") == []


@pytest.mark.parametrize(("architecture", "python"), [("x86_64", "python3.13"), ("arm64", "python3.11")])
def test_an_artifact_for_something_else_is_refused_with_the_way_out(
    build: Path, architecture: str, python: str
) -> None:
    (wrong,) = _trim().check(build, architecture, python)
    assert f"make build ARCH={architecture} PYTHON={python.removeprefix('python')}" in wrong


def test_an_artifact_that_is_too_large_is_refused(build: Path) -> None:
    with (build / "Work" / "driver.so").open("wb") as out:
        out.truncate(_trim().LIMIT_BYTES)
    (wrong,) = _trim().check(build, "arm64", "python3.13")
    assert "more than 20" in wrong


def test_a_build_without_artifacts_is_refused(tmp_path: Path) -> None:
    (wrong,) = _trim().check(tmp_path, "arm64", "python3.13")
    assert "has sam build run?" in wrong


def test_trimming_keeps_version_and_entry_points_and_drops_installers_files(tmp_path: Path) -> None:
    info = tmp_path / "skydag-1.dist-info"
    info.mkdir()
    for name in ("METADATA", "entry_points.txt", "RECORD", "WHEEL"):
        (info / name).write_text("")
    (tmp_path / "bin").mkdir()
    _trim().trim(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["METADATA", "entry_points.txt", "skydag-1.dist-info"]


def test_every_dependency_has_its_reason_in_the_docs() -> None:
    document = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project, groups = document["project"], document["dependency-groups"]
    wanted = [*project["dependencies"], *groups["dev"]]
    wanted += [requirement for extra in project["optional-dependencies"].values() for requirement in extra]
    told = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    assert [name for one in wanted if (name := re.split(r"[<>=~!\[]", one)[0]) not in told] == []
