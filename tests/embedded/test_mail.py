"""mail> in an installation: its server and password are secrets, its files lie in the archive (O-41, O-49, G-8)."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.embedded.test_journey import House, archive
from tests.embedded.test_secrets import everything
from tests.mail_server import post_office

from skydag.embedded.clocks import VirtualClock
from skydag.embedded.installation import Installation

PASSWORD = "correct-horse-battery"
FILES = {
    "w.dig": "+a:\n  mail>: mails/body.txt\n  subject: of ${session_date}\n  from: us@example.com\n"
             "  to: [ann@example.com]\n  attach_files: [{path: data/x.csv, filename: x.csv}]\n"
             "  debug: true\n  _retry: {limit: 1, interval: 60}\n",
    "mails/body.txt": "rows: ${1 + 1}\n",
    "data/x.csv": "a,b\n",
}


def test_a_mail_whose_answer_was_lost_is_sent_again_as_the_same_mail_and_its_password_is_nowhere() -> None:
    with Installation(clock=VirtualClock(datetime(2025, 3, 1, 12, tzinfo=UTC))) as installation, \
            post_office(users={"ann": PASSWORD}) as post:
        house = House(installation)
        house.upload(archive(FILES))
        number = int(house.rest.get("/api/project", name="p")["id"])
        secrets = {"host": "127.0.0.1", "port": str(post.port), "username": "ann", "password": PASSWORD}
        for key, value in secrets.items():
            installation.application("Work").ports.secrets.put(number, f"mail.{key}", value, version="v1")
        post.answers["MESSAGE"] = ""            # taken, but nobody hears of it
        attempt = house.start("w")
        while not post.mails:
            assert installation.step()
        del post.answers["MESSAGE"]
        installation.settle()
        assert house.states(attempt) == {"+w": "success", "+w+a": "success"}
        log = "\n".join(house.rest.logs(attempt)["+w+a"])
        found = everything(house)
    first, second = post.mails
    assert first.message["Message-ID"] == second.message["Message-ID"]
    assert (second.user, second.message["Subject"], second.text.strip()) == ("ann", "of 2025-03-01", "rows: 2")
    assert [part.get_filename() for part in second.message.iter_attachments()] == ["x.csv"]
    assert "it may have been sent all the same" in log
    assert PASSWORD not in log + found
