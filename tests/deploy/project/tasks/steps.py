"""User code of the journey; runs in the function Script, or in a container."""

import os
import platform
import signal

import digdag


def count(words):
    print("counting", *words)
    digdag.env.store({"counted": len(words)})


def reach_for_the_table(table):
    """F-8: user code has no right on the table, whatever it tries."""
    import boto3
    from botocore.exceptions import ClientError

    try:
        boto3.client("dynamodb").get_item(TableName=table, Key={"pk": {"S": "x"}, "sk": {"S": "x"}})
    except ClientError as refused:
        digdag.env.store({"reached": refused.response["Error"]["Code"]})
    else:
        digdag.env.store({"reached": "the table"})


def kill_the_worker():
    os.kill(os.getppid(), signal.SIGKILL)


def where_am_i():
    digdag.env.store({"system": platform.freedesktop_os_release()["ID"]})
