"""Pre-signed addresses (F-9)."""

from __future__ import annotations

import boto3
import pytest

from skydag.aws.client import config_of
from skydag.aws.objects import S3Objects


@pytest.mark.parametrize("is_upload", [False, True])
def test_an_address_names_the_buckets_region_and_is_signed_with_version_4(is_upload: bool) -> None:
    client = boto3.client("s3", region_name="eu-central-1", aws_access_key_id="id", aws_secret_access_key="key",
                          config=config_of("s3"))
    objects = S3Objects(client, "bucket")
    address = objects.upload_url("data/a b") if is_upload else objects.url("data/a b")
    assert address is not None
    assert address.startswith("https://bucket.s3.eu-central-1.amazonaws.com/data/a%20b?X-Amz-Algorithm=AWS4-HMAC-SHA256")
