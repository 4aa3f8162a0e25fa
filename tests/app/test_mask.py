"""Secrets that a task has read show as *** (G-8)."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from skydag.app.mask import Mask
from skydag.app.task_log import TaskLog


@pytest.fixture
def mask() -> Mask:
    mask = Mask()
    mask.learn('p"ss w/rd\n')
    mask.learn("-----BEGIN KEY-----\nfirst line\nsecond line\nend\n")
    mask.learn("short")
    mask.learn('p"ss w/rd and more')
    return mask


@pytest.mark.parametrize(("text", "shown"), [
    ('a p"ss w/rd b', "a *** b"), ('p"ss w/rd and more', "***"),
    (json.dumps({"p": 'p"ss w/rd'}), '{"p": "***"}'), ("https://u:" + quote('p"ss w/rd', safe="") + "@host",
     "https://u:***@host"),
    ("x second line y", "x *** y"), ("in short, the end", "in short, the end"), ("nothing", "nothing"), ("", ""),
])
def test_g8_a_secret_is_masked_line_by_line_in_json_and_in_addresses(mask: Mask, text: str, shown: str) -> None:
    assert mask(text) == shown


def test_g8_a_log_masks_what_is_written_after_the_secret_was_read() -> None:
    log = TaskLog(lambda: pytest.fail("small output needs no store"))
    log.write("a-long-secret is a word like any other")
    log.mask.learn("a-long-secret")
    log.write("token a-long-secret")
    assert log.close() == "a-long-secret is a word like any other\ntoken ***\n"
