"""Signs requests to the HTTP API (AWS Signature Version 4), with the credentials AWS's own tools would find."""

from __future__ import annotations

from collections.abc import Callable

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.session import Session

from skydag.errors import InvalidError


def signer(*, region: str | None) -> Callable[[str, str, dict[str, str], bytes | None], dict[str, str]]:
    """(method, url, headers, body) -> headers with the signature. region None: the one of the environment."""
    session = Session()
    credentials = session.get_credentials()
    if credentials is None:
        raise InvalidError("No AWS credentials found: set AWS_PROFILE, or run `aws configure` or `aws sso login`")
    place = region or session.get_config_variable("region")
    if not place:
        raise InvalidError("No AWS region known for this address: set AWS_DEFAULT_REGION")

    def signed(method: str, url: str, headers: dict[str, str], body: bytes | None) -> dict[str, str]:
        request = AWSRequest(method=method, url=url, data=body or b"")      # proxies may change the other headers
        SigV4Auth(credentials.get_frozen_credentials(), "execute-api", place).add_auth(request)
        return {**headers, **dict(request.headers.items())}

    return signed
