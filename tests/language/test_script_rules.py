"""How expressions are run, rule by rule: X-1 to X-12."""

from __future__ import annotations

import time
from typing import Any

import pytest

from skydag.errors import ConfigError
from skydag.language import javascript
from skydag.language.evaluate import Evaluator
from skydag.language.references import MISS, reference
from skydag.language.template import split


def text(template: str, scope: dict[str, Any] | None = None) -> str:
    return Evaluator("UTC").text(template, scope or {})


def scripts(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What is handed to JavaScript from now on."""
    calls: list[dict[str, Any]] = []
    run = javascript.run

    def recorded(template: str, parts: Any, names_json: str, timezone: str, *, alone: bool) -> str:
        calls.append({"text": template, "names": names_json, "alone": alone})
        return run(template, parts, names_json, timezone, alone=alone)

    monkeypatch.setattr(javascript, "run", recorded)
    return calls


def test_a_text_is_split_once_x_1() -> None:
    assert split("a ${b}") is split("a ${b}")
    assert split.cache_info().maxsize == 4096


def test_only_what_certainly_is_the_same_is_answered_without_javascript_x_2(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = scripts(monkeypatch)
    assert text("${a.b[0]} ${n}|${f}", {"a": {"b": ["x"]}, "n": None, "f": 1.0}) == "x |1"
    assert calls == []
    assert text("${s.length}", {"s": "abc"}) == "3"
    assert [call["text"] for call in calls] == ["${s.length}"]
    assert reference("__proto__", {"__proto__": 1}) is MISS


def test_a_text_is_one_function_compiled_once_x_3(monkeypatch: pytest.MonkeyPatch) -> None:
    assert text("${x = 5}${x + 1}") == "56"
    context = javascript._shared(False)
    before = len(context._compiled)
    assert [text("${n + 1000}", {"n": n}) for n in range(3)] == ["1000", "1001", "1002"]
    assert len(javascript._shared(False)._compiled) == before + 1


def test_objects_are_made_anew_for_every_text_x_4(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = scripts(monkeypatch)
    scope = {"l": [1], "not_named": ["x" * 1000]}
    assert [text("${l.push(2)}", scope), text("${l.push(2)}", scope), text("${l.length + 0}", scope)] == ["2", "2", "1"]
    assert scope["l"] == [1]
    assert all("not_named" not in call["names"] for call in calls)
    assert text("${this['not_' + 'named'].length}", scope) == "1"


@pytest.mark.parametrize(("value", "result"), [
    ("a\0b", "a\0b"), ("\ud83d\ude00", "\U0001f600"), ("\ud800", "\ufffd"), ("é\u2028", "é\u2028")], ids=ascii)
def test_results_come_back_as_text_whatever_is_in_them_x_5(value: str, result: str) -> None:
    assert text("${v + ''}", {"v": value}) == result


def test_large_whole_numbers_come_back_as_javascript_writes_them_x_5() -> None:
    assert text("${4294967296 * 2}") == "8589934592"


def test_no_object_of_python_is_inside_x_6() -> None:
    names = text("${Object.getOwnPropertyNames(globalThis).join(' ')}").split()
    assert [name for name in names if name.startswith("_")] == ["__skydag_text"]
    assert text("${String(__skydag_text).slice(0, 8)}") == "function"       # written in JavaScript, not handed in


def test_an_interrupted_context_is_dropped_and_a_worn_one_too_x_7(monkeypatch: pytest.MonkeyPatch) -> None:
    before = javascript._shared(False)
    with pytest.raises(ConfigError, match="64 MiB of memory"):
        text("${'x'.repeat(1e9)}")
    after = javascript._shared(False)
    assert after is not before
    monkeypatch.setattr(javascript, "COMPILED_MAX", 3)
    for n in range(3):
        text(f"${{{n} + 1}}")
    assert javascript._shared(False) is not after


def test_a_text_has_a_limit_of_processor_time_x_8_v_15() -> None:
    start = time.process_time()
    with pytest.raises(ConfigError, match=r"it ran for more than 0\.8 s"):
        text("${(function(){for(;;){}})()}")
    assert 0.5 < time.process_time() - start < 1.5


@pytest.mark.parametrize("call", [
    "join('')", "reverse()", "toString()", "toLocaleString()", "sort()", "splice(0, 1)", "unshift(1)", "shift()",
    "copyWithin(0, 1)", "flat()", "slice(0)", "concat([1])"])
def test_no_array_method_hangs_on_a_length_that_lies_x_9(call: str) -> None:
    start = time.process_time()
    with pytest.raises(ConfigError):
        text(f"${{Array(4294967295).{call}.length}}")
    assert time.process_time() - start < 1.2


@pytest.mark.parametrize("name", ["performance", "queueMicrotask", "DOMException", "btoa", "atob", "navigator",
                                  "Atomics", "SharedArrayBuffer", "WebAssembly"])
def test_what_digdag_does_not_have_is_taken_away_x_9(name: str) -> None:
    assert text(f"${{typeof {name}}}") == "undefined"


@pytest.mark.parametrize(("code", "result"), [
    ("'a1b2'.replaceAll('[0-9]', '')", "ab"), ("'a1b2'.replaceFirst('[0-9]', '')", "ab2"),
    ("'abc'.contains('b')", "true"), ("''.isEmpty()", "true"), ("'a'.equals('a')", "true"),
    ("'a'.equalsIgnoreCase('A')", "true"), ("'abc'.matches('a.c')", "true"), ("'abc'.matches('b')", "false")])
def test_the_methods_of_java_texts_work_x_10_l_100(code: str, result: str) -> None:
    assert text(f"${{{code}}}") == result


@pytest.mark.parametrize(("code", "result"), [
    ("[1,2].map(x => x * 2)", "[2,4]"), ("`a${1}`", "a1"), ("[1].includes(1)", "true"),
    ("Object.values({a: 1})", "[1]"), ("x?.y?.z", ""), ("x ?? 'none'", "none")])
def test_javascript_of_today_is_taken_x_11(code: str, result: str) -> None:
    assert text(f"${{{code}}}", {"x": None}) == result


def test_a_failure_names_expression_and_character_x_12() -> None:
    with pytest.raises(ConfigError, match=r"in \$\{no_such \+ 1\}, character 9"):
        text("${1}: ${no_such + 1}")
    with pytest.raises(ConfigError, match=r"SyntaxError.*, in \$\{b \+\}"):
        text("${1} ${b +}")


def test_a_text_that_changes_what_is_shared_is_run_again_alone_l_100(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = scripts(monkeypatch)
    assert text("${Object.defineProperty(Math, 'zzz', {value: 1}) && Math.zzz}") == "1"
    assert [call["alone"] for call in calls] == [False]
    assert text("${typeof Math.zzz + ''}") == "undefined"
