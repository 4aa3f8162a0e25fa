"""How the installation speaks to moto: sessions, clients, and an environment that names no other AWS."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, Final

import boto3
import botocore.loaders
import botocore.session
from botocore import UNSIGNED
from botocore.config import Config

from skydag.embedded.template import REGION

_MODELS: Final = botocore.loaders.create_loader()       # the services' descriptions, read once a process
_OURS: Final = {
    "AWS_DEFAULT_REGION": REGION, "AWS_REGION": REGION, "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled",
    "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",              # 1,300 images that nobody asks for
}


def new_session() -> boto3.Session:
    """A session for `Installation(session=...)`; one without the hooks of any other."""
    session = botocore.session.Session()
    session.register_component("data_loader", _MODELS)
    return boto3.Session(botocore_session=session, region_name=REGION)


class SharedClients:
    """A session of which all functions get the same clients: making one takes longer than a call."""

    def __init__(self, session: boto3.Session) -> None:
        self._session, self._made, self._lock = session, dict[str, Any](), Lock()

    def client(self, service: str, config: Any = None) -> Any:
        with self._lock:
            if service not in self._made:
                if service == "dynamodb":       # nobody checks a signature here, and making one takes a while
                    config = (config or Config()).merge(Config(signature_version=UNSIGNED))
                self._made[service] = self._session.client(service, config=config)
            return self._made[service]


@contextmanager
def own_environment() -> Iterator[None]:
    """No AWS setting of the user's reaches the installation, and afterwards all is as it was.

    `python` is the one that runs the installation, as in Lambda; many systems have none of that name.
    """
    before = dict(os.environ)
    for name in [name for name in before if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(_OURS)
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), before.get("PATH", os.defpath)])
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
