"""skydag show: what runs in which order, as text and as a flowchart."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from tests.language.sources import reader

from skydag.cli.main import main
from skydag.cli.show_mermaid import escaped
from skydag.cli.show_mermaid import lines as mermaid_lines
from skydag.cli.task_tree import tree
from skydag.language.compile import compile_file

DAILY = """\
timezone: Asia/Tokyo
_error:
  +tell: {mail>: failed, subject: x}
+load:
  sh>: ./load.sh "${session_date}" <in #1 `x` %%{init}%%
  _retry: {limit: 3, interval: 10}
  _check: {sh>: ./check.sh}
+prices:
  _parallel: {limit: 2}
  _retry: 1
  +north: {py>: prices.load}
  +south: {py>: prices.load}
  +east: {py>: prices.load}
  +west: {py>: prices.load, _after: [+north]}
+clean:
  _background: true
  sh>: |
    rm -rf tmp
    mkdir tmp
+old:
  _disable: true
  sh>: ./old.sh
+each:
  for_each>: {region: [a, b]}
  _parallel: true
  _do:
    +one: {echo>: "${region}"}
    +two: {echo>: 2}
+nothing: {}
+choose:
  if>: ${x}
  _do: {echo>: yes, sh>: no}
  _else_do: {fail>: "no"}
"""

TEXT = """\
+daily         sequence
├─ +load       sh> ./load.sh "${session_date}" <in · retry 3
│  └─ ^check   check · sh> ./check.sh
├─ +prices     batches of 2 · retry 1
│  ├─ +north   py> prices.load
│  ├─ +south   py> prices.load
│  ├─ +east    py> prices.load
│  └─ +west    py> prices.load · after +north
├─ +clean      sh> rm -rf tmp … · background
├─ +old        disabled
├─ +each       for_each> {"region":["a","b"]} · parallel
│  └─ ^sub     do · sequence
│     ├─ +one  echo> ${region}
│     └─ +two  echo> 2
├─ +nothing    no tasks
├─ +choose     if> ${x} · broken: A task can't have more than one operator: +daily+choose^sub has \
'echo>' and 'sh>'; move 'sh>' into a task of its own
│  └─ ^sub     else · fail> no
└─ ^error      on error · sequence
   └─ +tell    mail> failed
"""

MERMAID = """\
flowchart TD
    subgraph t0["+daily"]
        t1["+load<br/>sh#62; ./load.sh #34;#36;#123;session_date#125;#34; #60;in<br/>retry 3"]
        t8["^check<br/>sh#62; ./check.sh"]
        subgraph t2["+prices<br/>batches of 2, retry 1"]
            t9["+north<br/>py#62; prices.load"]
            t10["+south<br/>py#62; prices.load"]
            t11["+east<br/>py#62; prices.load"]
            t12["+west<br/>py#62; prices.load"]
        end
        t3["+clean<br/>sh#62; rm -rf tmp …<br/>background"]
        t4[["+old<br/>disabled"]]
        t5["+each<br/>for_each#62; #123;#34;region#34;:[#34;a#34;,#34;b#34;]#125;<br/>parallel"]
        subgraph t13["^sub"]
            t14["+one<br/>echo#62; #36;#123;region#125;"]
            t15["+two<br/>echo#62; 2"]
        end
        t6[["+nothing"]]
        t7["+choose<br/>if#62; #36;#123;x#125;"]
        t16["^sub<br/>fail#62; no"]
    end
    subgraph t17["^error"]
        t18["+tell<br/>mail#62; failed"]
    end
    t1 -. check .-> t8
    t9 & t10 --> t11 & t12
    t14 --> t15
    t5 -. do .-> t13
    t7 -. else .-> t16
    t1 --> t2
    t2 & t3 --> t4
    t4 --> t5
    t5 --> t6
    t6 --> t7
    t0 -. on error .-> t17
    classDef disabled stroke-dasharray: 5 5,color:gray
    class t4 disabled
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "daily.dig").write_text(DAILY)
    return tmp_path


@pytest.mark.parametrize(("argv", "golden"), [
    ((), TEXT), (("--format", "text"), TEXT), (("--format", "mermaid"), MERMAID),
])
def test_show_prints_operators_order_and_what_hangs_below_a_task(
    project: Path, argv: tuple[str, ...], golden: str, capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["show", "daily.dig", "--project", str(project), *argv]) == 0
    assert capsys.readouterr().out == golden


def test_the_file_may_lie_in_a_folder_and_include_beside_it(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "parts").mkdir()
    (project / "parts" / "one.dig").write_text("!include : more.yml\n")
    (project / "parts" / "more.yml").write_text("+a: {echo>: a}\n")
    assert main(["show", "parts/one", "--project", str(project)]) == 0
    assert capsys.readouterr().out == "+one   sequence\n└─ +a  echo> a\n"


@pytest.mark.parametrize(("argv", "message"), [
    (("dayly",), "there is no file dayly.dig in .*; did you mean 'daily.dig'?"),
    (("daily", "--format", "svg"), "Option --format takes text or mermaid, not 'svg'"),
    (("wrong",), "wrong.dig:1:1: Workflow 'wrong' includes unknown keys: .*"),
    (("../other",), ".* is not in the project .*"),
])
def test_what_cannot_be_shown_is_refused_with_the_reason(
    project: Path, argv: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str],
) -> None:
    inner = project / "inner"
    inner.mkdir()
    for name in ("daily", "wrong"):
        (inner / f"{name}.dig").write_text("tasks: {}\n" if name == "wrong" else "+a: {echo>: a}\n")
    (project / "other.dig").write_text("+a: {}\n")
    assert main(["show", *argv, "--project", str(inner)]) == 1
    assert re.search(message.replace("?", r"\?"), capsys.readouterr().err)


@pytest.mark.parametrize("text", ['"]', "#quot;", "</b>", "&lt;", "%%{init: {}}%%", "`md`", "\\n", "$$x$$", "end; x",
                                  "a\nb", "'", "\x1b[31m"])
def test_nothing_in_a_label_is_syntax(text: str) -> None:
    assert not re.search(r"""["&<>%`\\$'{}\n\x1b]|#(?!\d+;)|(?<!\d);""", escaped(text))


def test_batches_take_a_line_each_and_not_a_line_for_every_pair() -> None:
    text = "_parallel: {limit: 100}\n" + "".join(f"+t{n}: {{echo>: x}}\n" for n in range(300))
    arrows = [line for line in mermaid_lines(tree(compile_file("w.dig", reader({"w.dig": text})))) if "-->" in line]
    assert len(arrows) == 2


def test_an_output_without_such_letters_gets_plain_ones(
    project: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, encoding="ascii", write_through=True))
    assert main(["show", "daily", "--project", str(project)]) == 0
    assert b"|  `- ^check   check - sh> ./check.sh\n" in raw.getvalue()
