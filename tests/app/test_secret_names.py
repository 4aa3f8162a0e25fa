"""`_secrets` renames what an operator asks for (O-47, L-120)."""

from __future__ import annotations

from typing import Any

import pytest

from skydag.app.secret_names import renamed
from skydag.errors import ConfigError

STORED = {"pg.user": "u", "pg.password": "p", "warehouse.pw": "w", "warehouse.user": "wu"}


def ask(key: str, names: Any, logged: list[str] | None = None) -> str | None:
    def stored(key: str) -> str | None:
        return STORED.get(key)

    return renamed(stored, names, (logged if logged is not None else []).append)(key)


@pytest.mark.parametrize(("key", "names", "value"), [
    ("pg.password", None, "p"),
    ("pg.password", {}, "p"),
    ("pg.password", {"pg": {"password": "warehouse.pw"}}, "w"),
    ("pg.user", {"pg": {"password": "warehouse.pw"}}, "u"),
    ("pg.user", {"pg": "warehouse"}, "wu"),
    ("pg.password", {"pg": "warehouse"}, None),
    ("pg", {"pg": {"password": "warehouse.pw"}}, None),
])
def test_o47_a_text_replaces_what_leads_to_it_and_all_else_keeps_its_name(key: str, names: Any, value: str) -> None:
    assert ask(key, names) == value


def test_o47_true_means_the_same_name_and_is_said_to_be_of_no_use() -> None:
    logged: list[str] = []
    assert ask("pg.password", {"pg": {"password": True}}, logged) == "p"
    assert "pg.password" in logged[0]


@pytest.mark.parametrize("leaf", [False, 3, None, ["x"]])
def test_o47_any_other_leaf_is_refused_when_it_is_asked_for(leaf: Any) -> None:
    with pytest.raises(ConfigError, match="Illegal value in _secrets: "):
        ask("pg.password", {"pg": {"password": leaf}})
    assert ask("pg.user", {"pg": {"password": leaf}}) == "u"


@pytest.mark.parametrize("key", ["", "pg.*", "*"])
def test_o47_a_name_that_is_empty_or_a_pattern_is_refused(key: str) -> None:
    with pytest.raises(ConfigError, match="Illegal name of a secret"):
        ask(key, None)


def test_o47_secrets_that_are_no_mapping_are_refused() -> None:
    with pytest.raises(ConfigError, match="'_secrets'"):
        ask("pg.user", "warehouse")
