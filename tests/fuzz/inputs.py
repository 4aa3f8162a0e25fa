# ruff: noqa: E501  (a shape a line reads best)
"""Inputs made from a seed: whole projects, parameter files, and texts with expressions.

Three kinds in turn: conformance files that were damaged, files that a grammar made (mostly valid ones), and those that
are made to do harm.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

CONFORMANCE: Final = Path(__file__).parent.parent / "conformance"


class Input(NamedTuple):
    """kind: what made it. files: a project's files by path. params: a `-P` file. texts: evaluated over `scope`."""

    kind: str
    files: Mapping[str, bytes]
    params: bytes
    texts: Mapping[str, Any]
    scope: Mapping[str, Any]


def make(seed: int) -> Input:
    chance = random.Random(seed)
    kind = chance.choices(("grammar", "damaged", "hostile"), (6, 4, 1))[0]
    files = {"grammar": _grammar, "damaged": _damaged, "hostile": _hostile}[kind](chance)
    return Input(kind=kind, files=files, params=_params(chance), texts={"a": _text(chance), "b": [_text(chance)]},
                 scope={"x": 1, "s": "text", "o": {"a": [1, {"b": None}], "n": 1.5}, "session_date": "2025-01-01"})


# --- a grammar of workflows ------------------------------------------------------------------------------------------

_NAMES: Final = ("a", "b", "load", "x-1", "t_2", "c.d", "n=1", "日", "a b", "")
_WEIGHTS: Final = (9, 9, 9, 4, 4, 4, 4, 0.05, 0.05, 0.2)
_SCALARS: Final = ("1", "0.5", "010", "0x1F", "1e3", "true", "null", "~", "yes", "'q'", '"d\\n"', "2025-01-01", "07:00:00",
                   "${x}", '"${o.a[0]}"', "ü", "|\n{pad}  text\n{pad}  ${s}", ">-\n{pad}  folded\n{pad}  text", ".inf",
                   "!!str 1", "!!binary aGk=", "1_000", "-0", '"\\ud83d\\ude00"')
_SCHEDULES: Final = ("daily>: 07:00:00", "hourly>: 30:00", "weekly>: Mon,01:00:00", "monthly>: 1,00:00:00",
                     "minutes_interval>: 5", "cron>: '*/5 * * * *'", "cron>: '0 0 31 2 *'", "daily>: 7", "{}", "every>: 1",
                     "cron>: '0 0 L * *'", "minutes_interval>: 99999999999999999999", "daily>: 07:00:00\n  start: 2025-01-01",
                     "daily>: 07:00:00\n  start: 2025-13-01", "daily>: 99999:0:0")


def _grammar(chance: random.Random) -> dict[str, bytes]:
    lines: list[str] = []
    if chance.random() < 0.3:
        lines.append(f"timezone: {chance.choice(('UTC', 'Asia/Tokyo', 'Europe/Berlin', '+09:00', 'PST', '[]'))}")
    if chance.random() < 0.25:
        lines += ["schedule:", f"  {chance.choices(_SCHEDULES, [6] * 6 + [1] * 9)[0]}"]
    if chance.random() < 0.2:
        lines += ["sla:", f"  {chance.choice(('time: 02:00', 'duration: 01:00', 'duration: 1', 'time: [x]'))}",
                  *(["  fail: true", "  +late: {echo>: late}"] if chance.random() < 0.5 else [])]
    _export(chance, lines, "")
    if chance.random() < 0.2:
        lines.append("!include : part.yml")
    _tasks(chance, lines, "", 3)
    if chance.random() < 0.04:
        lines.append(chance.choice(("tasks: x", "_background: true", "echo>: x", "+a: {sh>: x, py>: y}", "+z: 1")))
    text = "\n".join(lines) + "\n"
    if chance.random() < 0.1:
        text = text.replace("\n", "\r\n")
    part = chance.choice(("k: {v: 1}\n", "_export: {i: 1}\n", "+inc: {echo>: i}\n", "!include : part.yml\n", "- 1\n"))
    return {"w.dig": text.encode(), "part.yml": part.encode()}


def _export(chance: random.Random, lines: list[str], pad: str) -> None:
    if chance.random() < 0.4:
        anchor = f" &e{len(lines)}" if chance.random() < 0.2 else ""
        lines.append(f"{pad}_export:{anchor}")
        for number in range(chance.randint(1, 4)):
            lines.append(f"{pad}  k{number}: {_scalar(chance, pad + '  ')}")


def _scalar(chance: random.Random, pad: str) -> str:
    return chance.choice(_SCALARS).replace("{pad}", pad)


def _tasks(chance: random.Random, lines: list[str], pad: str, depth: int) -> None:
    is_parallel = chance.random() < 0.25
    if is_parallel:
        lines.append(f"{pad}_parallel: {chance.choice(('true', '{limit: 2}', '{limit: 3}'))}")
    before: list[str] = []
    for number in range(chance.randint(1, 4)):
        name = f"{chance.choices(_NAMES, _WEIGHTS)[0]}{number}"
        lines.append(f"{pad}+{name}:")
        inner = pad + "  "
        if is_parallel and before and chance.random() < 0.3:
            lines.append(f"{inner}_after: [+{chance.choice(before)}]")
        if not is_parallel and chance.random() < 0.1:
            lines.append(f"{inner}_background: true")
        if chance.random() < 0.15:
            lines.append(f"{inner}_retry: {chance.choice(('3', '{limit: 2, interval: 5}', '-1', '${x}', 'x'))}")
        if chance.random() < 0.1:
            lines.append(f"{inner}_error: {{echo>: failed}}")
        _export(chance, lines, inner)
        if depth and chance.random() < 0.35:
            _tasks(chance, lines, inner, depth - 1)
        else:
            _operator(chance, lines, inner)
        before.append(name)


def _operator(chance: random.Random, lines: list[str], pad: str) -> None:
    match chance.randrange(6):
        case 0:
            lines += [f"{pad}for_each>: {{v: [1, 2]}}", f"{pad}_do:", f"{pad}  +one: {{echo>: '${{v}}'}}"]
        case 1:
            lines += [f"{pad}if>: ${{x}}", f"{pad}_do: {{echo>: 1}}", f"{pad}_else_do: {{echo>: 2}}"]
        case 2:
            lines += [f"{pad}call>: {chance.choice(('other', 'w', 'sub/x.dig', '${x}', '[]'))}"]
        case 3:
            lines += [f"{pad}py>: m.f", f"{pad}p: {_scalar(chance, pad)}"]
        case _:
            lines += [f"{pad}{chance.choice(('echo', 'sh'))}>: {_scalar(chance, pad)}"]


# --- damage ----------------------------------------------------------------------------------------------------------

@cache
def _originals() -> list[dict[str, str]]:
    found = []
    for path in sorted((CONFORMANCE / "workflows").glob("*.json")):
        for case in json.loads(path.read_text(encoding="utf-8")):
            files = {name: text for name, text in case.get("files", {}).items() if name.endswith((".dig", ".yml"))}
            if files:
                found.append(files)
    return found


_PIECES: Final = (b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\t", b"\r\n", b"\r", b": ", b"- ", b"{", b"}", b"[", b"]", b"&a ",
                  b"*a ", b"<<: *a\n", b"!include : w.dig\n", b"!x ", b"'", b'"', b"${", b"}", b"#", b"---\n", b"...\n", b"%YAML 1.2\n",
                  b"| ", b"? ", b"\\", b"_export: ", b"_parallel: true\n", b"+a: ", b"9" * 50, b"\xc2\x85", b"\xe2\x80\xa8",
                  b"\xed\xa0\xbd", b"\n" * 3, b"!!int ", b"!!float x", b"!!timestamp 9999-99-99", b"!!set {", b"!!omap [", b"~: ")


def _damaged(chance: random.Random) -> dict[str, bytes]:
    files = {name: text.encode() for name, text in chance.choice(_originals()).items()}
    for _ in range(chance.choice((0, 1, 1, 1, 2, 4, 8))):
        name = chance.choice(list(files))
        files[name] = _DAMAGES[chance.randrange(len(_DAMAGES))](chance, files[name])
    return files


def _insert(chance: random.Random, data: bytes) -> bytes:
    at = chance.randint(0, len(data))
    return data[:at] + chance.choice(_PIECES) + data[at:]


def _delete(chance: random.Random, data: bytes) -> bytes:
    at = chance.randint(0, len(data))
    return data[:at] + data[at + chance.randint(1, 12):]


def _flip(chance: random.Random, data: bytes) -> bytes:
    if not data:
        return b"\x80"
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1:]


def _lines(chance: random.Random, data: bytes) -> bytes:
    lines = data.split(b"\n")
    one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    if chance.random() < 0.5:
        lines[one], lines[other] = lines[other], lines[one]
    else:
        lines.insert(one, b" " * chance.randint(0, 4) + lines[other])
    return b"\n".join(lines)


_DAMAGES: Final[tuple[Callable[[random.Random, bytes], bytes], ...]] = (
    _insert, _insert, _delete, _flip, _lines, lambda chance, data: data.replace(b"\n", b"\r\n"),
    lambda chance, data: b"\xef\xbb\xbf" + data, lambda chance, data: data[: chance.randint(0, len(data))])


# --- harm ------------------------------------------------------------------------------------------------------------

def _hostile(chance: random.Random) -> dict[str, bytes]:
    size = chance.choice((10, 300, 3_000))
    return {"w.dig": chance.choice(SHAPES)(size)}


def _bomb(size: int, body: str) -> bytes:
    lines = [f"  k{n}: &k{n} {body.replace('@', f'*k{n - 1}')}" for n in range(1, min(size, 40))]
    return ("_export:\n  k0: &k0 {x: 1}\n" + "\n".join(lines) + "\n").encode()


SHAPES: Final[tuple[Callable[[int], bytes], ...]] = (
    lambda n: _bomb(n, "[@, @, @, @]"),
    lambda n: _bomb(n, "{<<: [@, @, @], y: @}"),
    lambda n: b"_export: &a {b: [*a]}\n",
    lambda n: b"+a: " + b"[" * n,
    lambda n: b"+a: " + b"[" * n + b"]" * n,
    lambda n: b"+a: " + b"{a: " * n + b"1" + b"}" * n,
    lambda n: b"".join(b" " * depth + b"+a:\n" for depth in range(min(n, 700))) + b" " * 700 + b"echo>: x\n",
    lambda n: b"- " * n + b"x\n",
    lambda n: b"? " * n + b"x\n",
    lambda n: b"_export: {a: '" + b"x" * (n * 100) + b"'}\n+a: {}\n",
    lambda n: b"_export: {a: " + b"9" * (n * 10) + b"}\n+a: {}\n",
    lambda n: b"_export: {a: 1e" + b"9" * n + b", b: " + b"1:" * n + b"1.5}\n",
    lambda n: b"_export:\n" + b"".join(b"  k%d: %d\n" % (i, i) for i in range(n)) + b"+a: {}\n",
    lambda n: b"".join(b"k%d: x\n" % i for i in range(n)),
    lambda n: b"".join(b"+t%d: {echo>: %d}\n" % (i, i) for i in range(n)),
    lambda n: b"+g:\n" + b"".join(b"  parallel%d: x\n" % i for i in range(n)),
    lambda n: b"k: 1\n" * n,
    lambda n: b"_parallel: true\n+t: {}\n" + b"".join(b"+t%d: {_after: [+u%d]}\n" % (i, i) for i in range(n)),
    lambda n: b"+a: {echo>: '" + b"${" * n + b"'}\n",
    lambda n: b"schedule: {cron>: '" + b"*/1," * n + b" * * * *'}\n+a: {}\n",
    lambda n: b"sla: {duration: '" + b"9" * n + b":00', +x: {}}\n+a: {}\n",
    lambda n: b"timezone: " + b"../" * n + b"etc/passwd\n+a: {}\n",
    lambda n: b"timezone: 'A\\0B'\n+a: {}\n",
    lambda n: "+a: {echo>: hi}\n".encode("utf-16"),
    lambda n: b"+a: {echo>: \xff\xc0\xaf\xed\xa0\x80}\n",
    lambda n: b"!include : " + b"a/" * n + b"x.yml\n+a: {}\n",
    lambda n: b"!include : w.dig\n",
    lambda n: b"%TAG ! tag:x,2000:\n--- !y\n+a: {}\n",
    lambda n: b"+" + b"a" * n + b": {}\n",
    lambda n: b"+a: {? {x: 1} : 2, ? [] : 3}\n",
    lambda n: b"+a:\n\t- \t" * min(n, 50),
    lambda n: b"#" * n + b"\r" * n,
    lambda n: b"",
)

HUGE: Final[Mapping[str, Callable[[], bytes]]] = {
    "10 MB of text": lambda: b"+a: {echo>: '" + b"x" * 10_000_000 + b"'}\n",
    "depth 10,000": lambda: b"+a: " + b"[" * 10_000 + b"]" * 10_000,
    "depth 10,000 of mappings": lambda: b"+a: " + b"{a: " * 10_000 + b"1" + b"}" * 10_000,
    "100,000 parameters": lambda: b"_export:\n" + b"".join(b"  k%d: %d\n" % (i, i) for i in range(100_000)) + b"+a: {}\n",
    "100,000 unknown keys": lambda: b"".join(b"k%d: x\n" % i for i in range(100_000)),
    "100,000 keys of a group": lambda: b"+g:\n" + b"".join(b"  k%d: %d\n" % (i, i) for i in range(100_000)),
    "100,000 tasks": lambda: b"".join(b"+t%d: {}\n" % i for i in range(100_000)),
    "a list of 600,000": lambda: b"_export:\n  a: [" + b"x, " * 600_000 + b"]\n",
    "mappings in a row": lambda: b"_export:\n  a: [" + b"{a: 1}, " * 200_000 + b"]\n",
    "aliases in a row": lambda: b"_export:\n  a: &a x\n  b: [" + b"*a, " * 400_000 + b"]\n",
    "merges of a wide mapping": lambda: b"_export:\n  a: &a {" + b",".join(b"k%d: 1" % i for i in range(10_000)) + b"}\n"
                                        + b"".join(b"  m%d: {<<: *a}\n" % i for i in range(1_500)),
    "tabs": lambda: b"_export:\n" + b"".join(b"  k%d:\t%d\n" % (i, i) for i in range(100_000)),
    "tags": lambda: b"_export:\n" + b"".join(b"  k%d: !x %d\n" % (i, i) for i in range(60_000)),
    "one key, again and again": lambda: b"_export:\n" + b"".join(b"  k: %d\n" % i for i in range(100_000)),
    "everyone after many": lambda: b"_parallel: {limit: 3000}\n" + b"".join(
        b"+t%d: {_after: [+t0]}\n" % i for i in range(1, 19_000)),
}


# --- parameters and expressions --------------------------------------------------------------------------------------

def _params(chance: random.Random) -> bytes:
    data = "".join(f"k{n}: {_scalar(chance, '')}\n" for n in range(chance.randint(1, 4))).encode()
    return chance.choice(_DAMAGES)(chance, data) if chance.random() < 0.3 else data


_CODE: Final = ("x", "s", "o.a[1].b", "o.n", "session_date", "1 + 1", "x > 0 ? 'y' : 'n'", "JSON.stringify(o)", "s.length",
                "o.a.map(v => v)", "no_such", "o.no.such", "moment(session_date).format('YYYY')", "Math.max(1, 2)", "x ==",
                "function(){", "this", "new Date(0)", "s.replace(/t/g, '')", "[1,2].join('-')", "typeof y", "`a${x}`",
                "({}).constructor", "x = 2", "undefined", "null", "NaN", "'\\ud83d'", "o['a'][x]", "s.equals('text')")
_EXPENSIVE: Final = ("(function f(){return f()})()", "'x'.repeat(1e9)", "Array(4294967295).join('')", "[].concat(Array(4e9))",
                     "JSON.parse('['.repeat(1e5))", "'a'.padEnd(5e8)", "new Set(Array(4294967295)).size", "(" * 3000,
                     "[" * 3000 + "]" * 3000)
ENDLESS: Final = ("${(function(){for(;;){}})()}", "${/(a+)+$/.test('" + "a" * 60 + "!')}",
                  "${/^(\\w+\\s?)*$/.test('" + "aaaa " * 20 + "!')}", "${(function(){while(true) [].push(1)})()}",
                  "${(function(){var s='x';for(;;) s+=s})()}", "${[].reduceRight.call({length: 9e15}, a => a, 0)}")


def _text(chance: random.Random) -> str:
    if chance.random() < 0.01:
        return "${" + chance.choice(_EXPENSIVE) + "}"
    codes = (chance.choice(_CODE) for _ in range(chance.randint(1, 3)))
    text = chance.choice(("", "a ", "$$", "ü", "{")) + " ".join(f"${{{code}}}" for code in codes)
    if chance.random() < 0.25:
        at = chance.randint(0, len(text))
        text = text[:at] + chance.choice(("$", "{", "}", "'", "\\", "(", ")", "\n", "\0", "\u2028", "${", "*/", "//")) + text[at:]
    return text
