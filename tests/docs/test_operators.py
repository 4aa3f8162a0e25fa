"""docs/operators: a page an operator, whose example runs as written."""

from __future__ import annotations

import inspect
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.mail_server import post_office
from tests.operators.stand_in_ruby import StandIn
from tests.web import Reply, serving

from skydag.app.operators import BUILT_IN
from skydag.language.advice.options import OPTIONS
from skydag.local.docker import DockerCommands

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "operators"
CODE = ("_env", "_workdir", "docker")
NO_RETRY = {"notify", "param_get", "http_call"}     # of which the first has none, the second has every key
FAILS = {"fail"}                    # its example is a task that fails
RATES = b'[{"name": "USD", "value": 1.1}, {"name": "CHF", "value": 0.9}]'


def test_every_operator_has_a_page_and_every_page_an_operator() -> None:
    assert {page.stem for page in PAGES.glob("*.md")} == set(BUILT_IN)


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_the_page_names_each_option(name: str) -> None:
    text = (PAGES / f"{name}.md").read_text(encoding="utf-8")
    common = {"sh": ("shell", *CODE), "py": ("script", "python", *CODE), "rb": ("require", "script", "ruby", *CODE)}
    ofs_http = OPTIONS["http"] if name == "http_call" else ()                   # said there: "those of http>"
    wanted = {f"`{key}`" for key in (*common.get(name, OPTIONS.get(name, ())), "_retry") if key not in ofs_http}
    assert {key for key in wanted if key not in text} <= ({"`_retry`"} if name in NO_RETRY else set())


def test_the_keys_of_a_container_are_on_the_page_of_sh() -> None:
    text = (PAGES / "sh.md").read_text(encoding="utf-8")
    keys = re.findall(r'(?:required|optional|_texts)\(docker, "(\w+)"', inspect.getsource(DockerCommands))
    assert len(keys) > 5 and {key for key in keys if f"`{key}`" not in text} == set()


@contextmanager
def surroundings(home: Path) -> Iterator[dict[str, str]]:
    """The world that the examples speak to: every http:// address is asked of a server of ours, as a proxy; mails go to
    the server of the configuration."""
    with serving() as web, post_office() as post:
        (home / ".config" / "skydag").mkdir(parents=True)
        (home / ".config" / "skydag" / "config").write_text(
            f"config.mail.host = 127.0.0.1\nconfig.mail.port = {post.port}\n")
        web.answers["/latest"] = lambda asked: Reply(content=RATES)
        web.answers["/new"] = lambda asked: Reply(status=201)
        web.answers["/today.json"] = lambda asked: Reply(
            content=b'{"+a": {"echo>": "planned for ${session_date}"}}', headers={"Content-Type": "application/json"})
        yield {"http_proxy": web.url}


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_the_pages_example_runs_as_written(name: str, tmp_path: Path) -> None:
    text = (PAGES / f"{name}.md").read_text(encoding="utf-8")
    workflow, *others = re.findall(r"^```yaml\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    assert f"{name}>:" in workflow
    example = ROOT / "examples" / "daily_sales"
    shutil.copytree(example / "data", tmp_path / "data")
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "summary.dig").write_text("+say: {echo>: '${format}'}\n")
    for program in re.findall(r"^```ruby\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL):
        (tmp_path / "tasks").mkdir()
        (tmp_path / "tasks" / "daily.rb").write_text(program)
        if shutil.which("ruby") is None:
            StandIn(tmp_path / "bin", "leaves(store_params={'lines': sum(1 for _ in open(params['path']))})")
    for program in re.findall(r"^```python\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL):
        (tmp_path / "tasks.py").write_text(program)
    (tmp_path / "example.dig").write_text(workflow)
    for other in others:                # `# name.dig` on its first line
        (tmp_path / other.partition("\n")[0].removeprefix("# ")).write_text(other)
    source = os.pathsep.join(str(ROOT / root) for root in ("functions", "operators"))
    with surroundings(tmp_path) as environment:
        done = subprocess.run(
            [sys.executable, "-m", "skydag", "run", "example.dig"], cwd=tmp_path, text=True,
            capture_output=True, check=False,
            env={"PATH": f"{tmp_path / 'bin'}:{Path(sys.executable).parent}:/usr/bin:/bin", "PYTHONPATH": source,
                 "HOME": str(tmp_path), **environment})
    assert done.returncode == (1 if name in FAILS else 0), done.stdout + done.stderr
