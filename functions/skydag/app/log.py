"""What happened, for whoever runs the installation: loggers of the standard library, loaded at the first record.

A run on a laptop has nothing to say, and `logging` takes as long to load as ten of our modules. To the type checker
`logger` is `logging.getLogger`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging

    logger = logging.getLogger
else:
    class logger:  # noqa: N801  it stands for a function
        """Has the methods of a logger."""

        def __init__(self, name):
            self._name = name

        def __getattr__(self, method):
            import logging

            return getattr(logging.getLogger(self._name), method)

__all__ = ["logger"]
