"""What more than one room's tests share: moto, started once a module and only by a test that asks for it (A-156).

Not once a session: an `Installation` has a moto of its own, and two at a time share their tables.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

REGION = "us-east-1"
FAKE_ACCOUNT = {
    "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION, "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled", "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}


@pytest.fixture(scope="session", autouse=True)
def ctrl_c_is_heard() -> None:
    """A shell has what it starts in the background ignore Ctrl-C, and all that this starts in turn."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    """moto with skydag's patches; the region. Name what you create so that no other test meets it."""
    from moto import mock_aws

    from skydag.embedded.moto_patches import install

    before = {name: os.environ.get(name) for name in FAKE_ACCOUNT}
    os.environ.update(FAKE_ACCOUNT)
    os.environ.pop("AWS_PROFILE", None)
    install()
    with mock_aws():
        yield REGION
    for name, value in before.items():
        os.environ.pop(name, None) if value is None else os.environ.update({name: value})
