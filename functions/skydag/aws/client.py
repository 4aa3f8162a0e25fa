"""boto3 clients as skydag wants them, and a service's errors in our words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

from skydag.errors import UnavailableError

CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 4},
    connect_timeout=2,
    read_timeout=20,
    tcp_keepalive=True,
    max_pool_connections=32,
)
# Pre-signed addresses name the bucket's own region: the global one redirects, and a redirect breaks the signature.
S3_CONFIG = CONFIG.merge(Config(signature_version="s3v4", s3={"addressing_style": "virtual"}))
SLOW_DOWN = frozenset({
    "ThrottlingException", "Throttling", "ThrottledException", "TooManyRequestsException", "RequestLimitExceeded",
    "ProvisionedThroughputExceededException", "ThrottlingError", "ProvisionedThroughputExceeded", "SlowDown",
    "LimitExceededException", "InternalServerError", "InternalFailure", "InternalServerException", "ServerException",
    "ServiceUnavailable", "ServiceUnavailableException", "ServiceException", "TransactionInProgressException",
    "EC2ThrottledException", "ENILimitReachedException",
})


def client(service: str, **more: Any) -> Any:
    """A client of one service; `more` as boto3 takes it (region_name, endpoint_url). Make it once a process (A-143)."""
    import boto3

    return boto3.client(service, config=config_of(service), **more)


def config_of(service: str) -> Config:
    return S3_CONFIG if service == "s3" else CONFIG


@contextmanager
def calling(service: str) -> Iterator[None]:
    """UnavailableError for no answer and for "slow down"; every other ClientError passes as it is."""
    try:
        yield
    except (ConnectionError, HTTPClientError) as trouble:
        raise UnavailableError(f"{service} did not answer: {type(trouble).__name__}") from trouble
    except ClientError as trouble:
        if is_slow_down(trouble):
            raise UnavailableError(f"{service} asks to slow down: {code(trouble)}") from trouble
        raise


def code(trouble: ClientError) -> str:
    return str(trouble.response.get("Error", {}).get("Code", ""))


def is_slow_down(trouble: ClientError) -> bool:
    status = trouble.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return code(trouble) in SLOW_DOWN or status >= 500


class Backoff:
    """Pauses of 50 ms, 100 ms, 200 ms ... up to 2 s, each spread between half and whole: `tries` of them.

    sleep: waits that many seconds. spread: a number in [0, 1), from chance (bootstrap hands it in).
    """

    def __init__(self, sleep: Callable[[float], None], spread: Callable[[], float], *, tries: int = 7) -> None:
        self._sleep, self._spread, self.tries = sleep, spread, tries

    def pause(self, number: int) -> None:
        """number: 0 before the first repeat."""
        self._sleep(min(0.05 * 2**number, 2.0) * (0.5 + 0.5 * self._spread()))
