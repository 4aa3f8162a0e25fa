"""The ways to run an attempt faster or slower (design.md section 4): one table. All must come to the same end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pytest

#: By name, the settings of app/advance.Settings that make the mode.
MODES: Final[Mapping[str, Mapping[str, bool]]] = {
    "direct": {"is_direct": True, "is_fused": False, "is_inline": False},
    "stream-only": {"is_direct": False, "is_fused": False, "is_inline": False},
    "fused": {"is_direct": True, "is_fused": True, "is_inline": True},
    "inline": {"is_direct": False, "is_fused": False, "is_inline": True},
}
EVERY_MODE = pytest.mark.parametrize("mode", MODES)
