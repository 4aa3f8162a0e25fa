"""Notifications of a local run: shown, and kept for whoever asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any


class LocalAlerts:
    """ports.Alerts. show: takes the notice's message. A repeat (same stable_id) is neither shown nor kept."""

    def __init__(self, show: Callable[[str], None] | None = None) -> None:
        self._show = show
        self._lock = Lock()
        self._published: dict[str, dict[str, Any]] = {}

    def publish(self, notice: Mapping[str, Any], *, stable_id: str) -> None:
        with self._lock:
            if stable_id in self._published:
                return
            self._published[stable_id] = dict(notice)
        if self._show is not None:
            self._show(str(notice.get("message", "")))

    @property
    def published(self) -> Mapping[str, Mapping[str, Any]]:
        """stable_id -> notice, in the order in which they came."""
        return dict(self._published)
