"""Workflow orchestration without a server to run."""

__version__ = "0.1.0"
