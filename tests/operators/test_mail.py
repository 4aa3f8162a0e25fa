"""mail>: what is written, who gets it, and what a server that refuses is worth (O-41, O-136 .. O-139)."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.certificates import certificate
from tests.mail_server import Post, Taken, post_office
from tests.operators.doubles import Trial

from skydag.errors import ConfigError, TaskError
from skydag_operators.mail import MailTo

USERS = {"ann": "s3cret-word"}


@pytest.fixture
def post() -> Iterator[Post]:
    with post_office() as post:
        yield post


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    return Trial(tmp_path)


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ssl.SSLContext]:
    """A server's certificate, and a machine that trusts it."""
    made = certificate(tmp_path_factory.mktemp("certificate"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SSL_CERT_FILE", str(made.file))
        yield made.server()


def config(post: Post, **more: Any) -> dict[str, Any]:
    plain = {"host": "localhost", "port": post.port, "subject": "hello", "from": "me@example.com",
             "to": "ann@example.com", "body": "how are you?"}
    return {key: value for key, value in {**plain, **more}.items() if value is not None}


def sent(trial: Trial, post: Post, **more: Any) -> Taken:
    trial.run(MailTo(), config(post, **more))
    return post.mails[-1]


def refused(trial: Trial, post: Post, kind: type[TaskError] = TaskError, **more: Any) -> str:
    with pytest.raises(TaskError) as error:
        trial.run(MailTo(), config(post, **more))
    assert type(error.value) is kind, error.value
    return str(error.value)


# ---- the message -----------------------------------------------------------------------------------------------------


def test_o139_subject_recipients_and_text_arrive_in_every_script(trial: Trial, post: Post) -> None:
    mail = sent(trial, post, subject="Größe 日本 ✓", body="Zeile 1 ü\n.\n..\nZeile 2\n", to=["Ann Ä <ann@example.com>"])
    assert mail.message["Subject"] == "Größe 日本 ✓"
    assert mail.message["To"] == "Ann Ä <ann@example.com>"
    assert mail.text.replace("\r\n", "\n") == "Zeile 1 ü\n.\n..\nZeile 2\n"
    assert mail.message.get_content_type() == "text/plain"
    assert (mail.sender, mail.recipients) == ("me@example.com", ("ann@example.com",))
    assert mail.data.isascii()
    assert all(line.endswith(b"\r\n") and len(line) <= 1000 for line in mail.data.splitlines(keepends=True))
    assert mail.message["Date"] == "Wed, 01 Jan 2025 00:00:00 +0000"


def test_to_cc_and_bcc_get_it_once_each_and_bcc_is_seen_by_nobody(trial: Trial, post: Post) -> None:
    mail = sent(trial, post, to=["a@example.com", "b@example.com"], cc=["c@example.com", "a@example.com"],
                bcc=["hidden@example.com"])
    assert mail.recipients == ("a@example.com", "b@example.com", "c@example.com", "hidden@example.com")
    assert mail.message["To"] == "a@example.com, b@example.com"
    assert mail.message["Cc"] == "c@example.com, a@example.com"
    assert b"hidden" not in mail.data


def test_html_says_so(trial: Trial, post: Post) -> None:
    mail = sent(trial, post, html=True, body="<b>fett</b>")
    assert mail.message.get_content_type() == "text/html"
    assert mail.text.strip() == "<b>fett</b>"


def test_o41_the_body_is_a_file_with_its_expressions_evaluated(trial: Trial, post: Post) -> None:
    trial.file("mails/body.txt", "of ${session_date}\n")
    assert sent(trial, post, _command="body.txt", _workdir="mails", session_date="2025-01-01",
                body=None).text.strip() == "of 2025-01-01"


def test_o41_data_is_text_as_it_is(trial: Trial, post: Post) -> None:
    assert sent(trial, post, _command={"data": "as it is: ${x}"}, body=None).text.strip() == "as it is: ${x}"


@pytest.mark.parametrize(("command", "words"), [
    ("none.txt", "File not found: none.txt"), ("../out.txt", "File name must not be outside of project path"),
    ("latin.txt", "latin.txt is not UTF-8 text"), ("mails", "mails is no file"),
    ({"text": "x"}, "Parameter 'data' is required but not set"), ([1], "string type for key '_command'"),
    ("broken.txt", "broken"), ("a\0b", "must not be outside"),
])
def test_o41_what_can_be_no_body_is_refused_before_anybody_is_asked(
    tmp_path: Path, post: Post, command: Any, words: str,
) -> None:
    trial = Trial(tmp_path / "project")
    trial.file("mails/x", "")
    trial.file("broken.txt", "${broken.word}")
    trial.file("../out.txt", "secret")
    (tmp_path / "project" / "latin.txt").write_bytes(b"gr\xfc\xdfe")
    assert words in refused(trial, post, ConfigError, _command=command)
    assert post.commands == []


def test_attachments_have_the_last_part_of_their_path_as_name_with_its_slash(trial: Trial, post: Post) -> None:
    trial.file("data/größe.csv", "a,b\n")
    trial.file("top.bin", "\0\1")
    files = [{"path": "data/größe.csv", "content_type": "text/csv; charset=utf-8"}, {"path": "top.bin"},
             {"path": "top.bin", "filename": "日本.bin"}]
    mail = sent(trial, post, attach_files=files)
    found = [(part.get_filename(), part.get_content_type(), part.get_payload(decode=True))
             for part in mail.message.iter_attachments()]
    assert found == [("/größe.csv", "text/csv", b"a,b\n"), ("top.bin", "application/octet-stream", b"\0\1"),
                     ("日本.bin", "application/octet-stream", b"\0\1")]
    assert mail.text.strip() == "how are you?"


@pytest.mark.parametrize(("file", "words"), [
    ({"path": "none"}, "File not found: none"), ({"path": "/etc/passwd"}, "must not be outside of project path"),
    ({"filename": "x"}, "Parameter 'path' is required"), ("x", "object type for key 'attach_files'"),
    ({"path": "x", "content_type": "text"}, "it looks like text/csv"),
    ({"path": "x", "content_type": "text/csv\r\nX-Evil: 1"}, "it looks like text/csv"),
    ({"path": "x", "filename": "a\r\nX-Evil: 1"}, "filename holds a line break"),
])
def test_attachments_that_cannot_be_are_refused(trial: Trial, post: Post, file: Any, words: str) -> None:
    trial.file("x", "x")
    assert words in refused(trial, post, ConfigError, attach_files=[file])
    assert post.commands == []


def test_attachments_have_a_limit(trial: Trial, post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skydag_operators._mail_message.ATTACHED_BYTES_MAX", 1_000_000)
    trial.file("x", "x" * 600_000)
    assert "larger than 1 MB in all" in refused(trial, post, ConfigError, attach_files=[{"path": "x"}] * 2)
    trial.file("y", "y" * 1_000_001)
    assert "y is larger than 1 MB" in refused(trial, post, ConfigError, attach_files=[{"path": "y"}])


@pytest.mark.parametrize("evil", ["x\r\nBcc: evil@example.com", "x\nBcc: evil@example.com", "x\rBcc: e@x.y", "x\0y",
                                  "x\u2028Bcc: e@x.y", "x\x85y", "x\x0by", "half \ud800"])
def test_nobody_adds_a_header_or_a_recipient_by_a_parameter(trial: Trial, post: Post, evil: str) -> None:
    assert "subject holds a line break" in refused(trial, post, ConfigError, subject=evil)
    for key in ("from", "to"):
        assert "Invalid address" in refused(trial, post, ConfigError, **{key: f"{evil} <a@example.com>"})
    assert "Invalid address" in refused(trial, post, ConfigError, cc=[f"a@example.com{evil[1:]}"])
    assert post.commands == []


def test_a_block_of_yaml_may_be_a_subject(trial: Trial, post: Post) -> None:
    assert sent(trial, post, subject="one line\n").message["Subject"] == "one line"


@pytest.mark.parametrize("wrong", ["", "nobody", "a b@example.com", "a@b@c", "@example.com", "a@", "a@b, c@d", "<a@b",
                                   "A, B <a@example.com>", "a@example.com>\tNOTIFY", "a@x\u00ad..y", "a@b (c)"])
def test_o138_what_is_no_single_address_is_refused(trial: Trial, post: Post, wrong: str) -> None:
    for key, value in (("to", wrong), ("to", [wrong]), ("from", wrong), ("bcc", [wrong])):
        assert refused(trial, post, ConfigError, **{key: value}).startswith(f"Invalid address in {key}: ")
    assert post.commands == []


@pytest.mark.parametrize(("written", "shown", "bare"), [
    (" a@example.com ", "a@example.com", "a@example.com"), ("<a@example.com>", "a@example.com", "a@example.com"),
    ('"Doe, \\"J\\"" <a@example.com>', '"Doe, \\"J\\"" <a@example.com>', "a@example.com"),
    ("a+b.c@bücher.example", "a+b.c@xn--bcher-kva.example", "a+b.c@xn--bcher-kva.example"),
])
def test_addresses_come_with_and_without_names(
    trial: Trial, post: Post, written: str, shown: str, bare: str,
) -> None:
    mail = sent(trial, post, to=written)
    assert (str(mail.message["To"]), mail.recipients) == (shown, (bare,))


def test_an_address_that_only_some_servers_take_is_not_sent_to_the_others(trial: Trial, post: Post) -> None:
    assert "takes only ASCII before the @" in refused(trial, post, to="jürgen@example.com")
    assert post.mails == []


@pytest.mark.parametrize(("more", "words"), [
    ({"to": None}, "Parameter 'to' is required but not set"), ({"to": []}, "there is nobody to send to"),
    ({"from": None}, "Parameter 'from' is required"), ({"subject": None}, "Parameter 'subject' is required"),
    ({"body": None}, "Parameter 'body' is required"), ({"cc": "a@b.c"}, "array type for key 'cc'"),
    ({"bcc": "a@b.c"}, "array type for key 'bcc'"), ({"port": None}, "Parameter 'port' is required"),
    ({"port": 0}, "port is 0; it is 587"), ({"html": "perhaps"}, "'true' or 'false' for key 'html'"),
    ({"transport": "pigeon"}, "transport is 'pigeon'; it can be smtp or ses"), ({"body": "half \udc00"}, "surrogate"),
])
def test_o138_what_is_missing_or_wrong_is_named(trial: Trial, post: Post, more: Any, words: str) -> None:
    assert words in refused(trial, post, ConfigError, **more)
    assert post.commands == []


# ---- the server ------------------------------------------------------------------------------------------------------


def test_o136_the_tasks_settings_or_the_configurations_never_a_mixture(tmp_path: Path, post: Post) -> None:
    shared = {"config.mail.host": "127.0.0.1", "config.mail.port": str(post.port), "config.mail.from": "us@example.com",
              "config.mail.subject": "news"}
    mail = sent(Trial(tmp_path, properties=shared), post, host=None, port=1, subject=None, **{"from": None})
    assert (mail.sender, mail.message["Subject"], mail.user) == ("us@example.com", "news", None)
    trial = Trial(tmp_path, properties=shared)
    assert "Parameter 'port' is required" in refused(trial, post, ConfigError, port=None)
    assert sent(trial, post, subject="own").message["Subject"] == "own"


@pytest.mark.parametrize("host", [None, ""])
def test_o136_without_any_server_one_message_says_where_to_name_it(trial: Trial, post: Post, host: str | None) -> None:
    said = refused(trial, post, ConfigError, host=host)
    assert said.startswith("Missing SMTP configuration: ")
    for place in ("mail.host", "config.mail.host", "transport: ses"):
        assert place in said


def test_o137_o49_secrets_beat_parameters_and_their_port_suffices(tmp_path: Path) -> None:
    with post_office(users=USERS) as post:
        secrets = {"mail.host": "localhost", "mail.port": str(post.port), "mail.username": "ann",
                   "mail.password": USERS["ann"], "mail.tls": "false"}
        trial = Trial(tmp_path, secrets=secrets)
        assert sent(trial, post, host="nowhere.invalid", port=None, username="bob").user == "ann"
        assert trial.logged == []


def test_the_password_is_a_secret_and_no_parameter(tmp_path: Path) -> None:
    with post_office(users=USERS) as post:
        trial = Trial(tmp_path)
        said = refused(trial, post, username="ann", password=USERS["ann"])
        assert said.startswith(f"the mail server localhost:{post.port} does not accept user or password (535)")
        assert "the parameter 'password' is ignored" in trial.log[0]


def test_o47_secrets_may_have_other_names(tmp_path: Path) -> None:
    with post_office(users=USERS) as post:
        trial = Trial(tmp_path, secrets={"post.pw": USERS["ann"]})
        assert sent(trial, post, username="ann", _secrets={"mail": {"password": "post.pw"}}).user == "ann"


def test_no_password_is_told_by_an_error_or_by_debug(tmp_path: Path) -> None:
    with post_office(users={"ann": "other"}) as post:
        post.answers["AUTH"] = f"535 {USERS['ann']} is wrong"
        shared = {"config.mail.host": "localhost", "config.mail.port": str(post.port), "config.mail.username": "ann",
                  "config.mail.password": USERS["ann"]}
        trial = Trial(tmp_path, properties=shared)
        said = refused(trial, post, host=None, debug=True)
        post.answers["MAIL"] = f"550 {USERS['ann']} again"
        del post.answers["AUTH"]
        told = refused(Trial(tmp_path, secrets={"mail.password": USERS["ann"]}), post, debug=True)
    assert USERS["ann"] not in said + told + "\n".join(trial.logged)
    assert "550 *** again" in told
    assert any(line.startswith("> ***") for line in trial.log)


def test_debug_tells_the_conversation_and_without_it_nothing_is_told(trial: Trial, post: Post) -> None:
    sent(trial, post)
    assert trial.logged == []
    sent(trial, post, debug=True)
    said = "\n".join(trial.log)
    assert "> rcpt to:<ann@example.com>\n< 250 fine" in said.lower()
    assert "how are you" not in said


def test_tls_is_starttls_where_the_server_offers_it(tls: ssl.SSLContext, trial: Trial) -> None:
    with post_office(tls, users=USERS) as post:
        trial.secrets["mail.password"] = USERS["ann"]
        mail = sent(trial, post, username="ann")
        assert (mail.is_by_tls, mail.user) == (True, "ann")
        assert not sent(trial, post, tls=False).is_by_tls


def test_ssl_is_tls_from_the_first_byte_on(tls: ssl.SSLContext, trial: Trial) -> None:
    with post_office(tls, is_tls_at_once=True) as post:
        assert sent(trial, post, ssl=True).is_by_tls


def test_a_certificate_that_is_not_trusted_fails_the_task(
    tls: ssl.SSLContext, trial: Trial, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", os.devnull)
    with post_office(tls) as starttls, post_office(tls, is_tls_at_once=True) as at_once:
        for post, by in ((starttls, {}), (at_once, {"ssl": True})):
            said = refused(trial, post, TaskError, **by)
            assert said.startswith(f"the certificate of the mail server localhost:{post.port} is not trusted: ")
            assert "SSL_CERT_FILE" in said
            assert post.mails == []


def test_no_password_goes_unprotected_to_another_machine(
    trial: Trial, post: Post, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("skydag_operators._mail_smtp.LOOPBACK", ())
    said = refused(trial, post, username="ann")
    assert "offers no STARTTLS" in said
    assert "set 'ssl: true'" in said
    assert not any(line.startswith("AUTH") for line in post.commands)


def test_a_plain_port_asked_by_tls_says_what_to_write(trial: Trial, post: Post) -> None:
    assert "'ssl: true' is for ports that speak TLS at once" in refused(trial, post, ssl=True)


@pytest.mark.parametrize(("answers", "words"), [
    ({"CONNECT": "554 not you"}, "refuses: 554 not you"), ({"MAIL": "550 no such sender"}, "refuses the sender me@"),
    ({"RCPT b@example.com": "550 who is that?"}, "refuses b@example.com: 550 who is that?; nobody got the mail"),
    ({"DATA": "452 full"}, "refuses the mail: 452 full"), ({"MESSAGE": "554 spam"}, "refuses the mail: 554 spam"),
    ({"EHLO": ""}, "closed the connection"),
])
def test_what_the_server_refuses_is_told_in_its_words_and_nobody_gets_the_mail(
    trial: Trial, post: Post, answers: dict[str, str], words: str,
) -> None:
    post.answers.update(answers)
    said = refused(trial, post, to=["ann@example.com", "b@example.com"])
    assert said.startswith(f"the mail server localhost:{post.port} ")
    assert words in said
    assert post.mails == []


@pytest.mark.parametrize(("host", "port", "words"), [
    ("localhost", 1, "cannot be used: Connection refused"), ("no..host", 25, "cannot be used"),
    ("nowhere.invalid", 25, "cannot be used"),
])
def test_a_server_that_is_not_there_is_named(trial: Trial, post: Post, host: str, port: int, words: str) -> None:
    said = refused(trial, post, host=host, port=port)
    assert said.startswith(f"the mail server {host}:{port} {words}")


# ---- every act may come twice ----------------------------------------------------------------------------------------


def test_once_the_server_has_it_nothing_makes_the_task_fail(trial: Trial, post: Post) -> None:
    for answer in ("", "500 I won't"):
        post.answers["QUIT"] = answer
        sent(trial, post)
    assert len(post.mails) == 2


def test_a_lost_answer_says_that_the_mail_may_have_been_sent(trial: Trial, post: Post) -> None:
    post.answers["MESSAGE"] = ""
    assert "it may have been sent all the same" in refused(trial, post)
    assert len(post.mails) == 1


def test_every_try_of_a_task_sends_the_same_message_id_and_no_other_task_has_it(trial: Trial, post: Post) -> None:
    from skydag.model.records import replace

    request = trial.request(config(post))
    for other in ({}, {"run": 2}, {"task_id": 3}, {"attempt_id": 8}, {"session_uuid": "other"}):
        MailTo().run(replace(request, **other))
    first, again, *others = [mail.message["Message-ID"] for mail in post.mails]
    assert first == again
    assert len({first, *others}) == 4


# ---- Amazon SES ------------------------------------------------------------------------------------------------------


@pytest.fixture
def verified(aws: str) -> str:
    import boto3

    boto3.client("ses").verify_domain_identity(Domain="example.com")
    return "me@example.com"


def ses(trial: Trial, **more: Any) -> None:
    trial.run(MailTo(), {"transport": "ses", "subject": "hello", "to": "ann@example.com", "body": "ü", **more})


def asked_of_ses(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    import botocore.client

    asked: list[dict[str, Any]] = []
    plain = botocore.client.BaseClient._make_api_call

    def call(self: Any, operation: str, given: dict[str, Any]) -> Any:
        asked.append({"operation": operation, **given})
        return plain(self, operation, given)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call)
    return asked


def test_o139_ses_gets_the_whole_mail_and_no_server_is_needed(
    trial: Trial, verified: str, monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = asked_of_ses(monkeypatch)
    ses(trial, bcc=["hidden@example.com"], **{"from": verified})
    [sending] = asked
    assert (sending["operation"], sending["Source"]) == ("SendRawEmail", verified)
    assert sending["Destinations"] == ["ann@example.com", "hidden@example.com"]
    assert b"\r\nTo: ann@example.com\r\n" in sending["RawMessage"]["Data"]
    assert b"hidden" not in sending["RawMessage"]["Data"]


def test_o139_ses_may_be_the_choice_of_the_configuration(tmp_path: Path, verified: str) -> None:
    trial = Trial(tmp_path, properties={"config.mail.transport": "ses", "config.mail.from": verified})
    trial.run(MailTo(), {"subject": "hello", "to": "ann@example.com", "body": "x"})


def test_what_ses_refuses_is_told_in_its_words(trial: Trial, aws: str) -> None:
    with pytest.raises(TaskError, match=r"^Amazon SES refuses the mail: MessageRejected: .*unknown\.example"):
        ses(trial, **{"from": "me@unknown.example"})


def test_ses_is_asked_once_and_a_lost_answer_says_so(
    trial: Trial, verified: str, monkeypatch: pytest.MonkeyPatch,
) -> None:
    import botocore.httpsession
    from botocore.exceptions import ReadTimeoutError

    tries: list[str] = []

    def lost(self: Any, request: Any) -> Any:
        tries.append(request.url)
        raise ReadTimeoutError(endpoint_url=request.url)

    monkeypatch.setattr("moto.core.botocore_stubber.BotocoreStubber.__call__", lambda *_, **__: None)
    monkeypatch.setattr(botocore.httpsession.URLLib3Session, "send", lost)
    with pytest.raises(TaskError, match="Amazon SES was lost; the mail may have been sent all the same"):
        ses(trial, **{"from": verified})
    assert len(tries) == 1


def test_without_a_region_the_message_says_what_is_missing(
    trial: Trial, aws: str, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(TaskError, match="Amazon SES cannot be asked: You must specify a region"):
        ses(trial, **{"from": "me@example.com"})


def test_boto3_is_loaded_only_where_a_mail_goes_by_ses() -> None:
    import subprocess
    import sys

    loaded = "import sys, skydag_operators.mail; sys.exit('boto3' in sys.modules or 'botocore' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loaded], check=False).returncode == 0
