"""The word for a lost race: what was read is no longer so; read again and decide anew."""

from __future__ import annotations

from skydag.errors import ConflictError


class Stale(ConflictError):
    """Somebody wrote what this write was based upon. Whoever raised it changed nothing."""
