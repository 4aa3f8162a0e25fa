from __future__ import annotations

import json

import pytest
from tests.app.archives import file, packed, project
from tests.app.registry_world import NOW, TASK, World, at, scheduled

from skydag.app.register import Refused, Registered
from skydag.errors import UnavailableError

DAILY = {"daily.dig": scheduled("daily>: 07:00:00")}


def test_an_upload_named_by_project_gets_the_hash_of_its_content_as_revision() -> None:
    world = World()
    done = world.upload("upload/sales.tar.gz", project(DAILY))
    assert isinstance(done, Registered) and done.is_new
    assert (done.project.name, len(done.revision)) == ("sales", 24)
    assert [w.name for w in world.projects.workflows(1)] == ["daily"]
    assert world.wakes.next_at() == at("06-11 07:00")
    assert world.projects.revision(1).user_info == {"upload": "s3"}


def test_the_same_content_twice_is_one_revision_however_it_was_packed() -> None:
    world = World()
    world.upload("upload/sales.tar.gz", packed(file("daily.dig", TASK), mtime=1))
    done = world.upload("upload/sales.tar.gz", packed(file("daily.dig", TASK), mtime=2))
    assert isinstance(done, Registered) and not done.is_new
    assert len(world.projects.revisions(1)) == 1
    world.upload("upload/sales.tar.gz", packed(file("daily.dig", TASK, 0o755)))
    assert len(world.projects.revisions(1)) == 2


def test_a_revision_comes_from_the_key_or_from_the_metadata() -> None:
    world = World()
    world.upload("upload/sales/2025-06-10 a.tar.gz", project(DAILY))
    world.upload("upload/sales.tar.gz", project(DAILY), revision="v2")
    world.upload("upload/sales/v3.tar.gz", project(DAILY), revision="ignored")
    assert [r.name for r in world.projects.revisions(1)] == ["v3", "v2", "2025-06-10 a"]


def test_an_old_revision_with_other_content_is_refused_and_stays() -> None:
    world = World()
    world.upload("upload/sales/r1.tar.gz", project(DAILY))
    assert isinstance(world.upload("upload/sales/r1.tar.gz", project(DAILY)), Registered)
    done = world.upload("upload/sales/r1.tar.gz", project({"other.dig": TASK}))
    assert isinstance(done, Refused)
    assert done.reason == "Resource already exists: revision=r1 in project id=1"
    assert [w.name for w in world.projects.workflows(1)] == ["daily"]


@pytest.mark.parametrize(("key", "data", "reason"), [
    ("upload/sales.zip", b"", "upload/sales.zip is no place for a project; upload it to upload/<project>.tar.gz"),
    ("upload/a/b/c.tar.gz", b"", "is no place for a project"),
    ("upload/.tar.gz", b"", "name must not be empty"),
    ("upload/1a.tar.gz", b"", "must not start with a digit"),
    ("upload/sales.tar.gz", b"no archive", "this is no whole tar.gz archive"),
    ("upload/sales.tar.gz", packed(file("../x", "")), "../x leaves the project"),
    ("upload/sales.tar.gz", project({"w.dig": "+a: ["}), "w.dig:2:1: not YAML"),
    ("upload/sales.tar.gz", project({"w.dig": "foo: 1"}), "unknown keys: [foo]"),
])
def test_what_is_refused_registers_nothing_and_says_why_beside_the_upload_and_by_notice(
    key: str, data: bytes, reason: str,
) -> None:
    world = World()
    done = world.upload(key, data)
    assert isinstance(done, Refused)
    assert reason in done.reason
    error = json.loads(world.objects.get(f"{key}.error.json"))
    assert error == {"message": done.reason, "upload": key, "refused_at": "2025-06-10T12:40:00Z"}
    [notice] = world.alerts.published.values()
    assert notice["message"] == f"Upload refused: {key}: {done.reason}"
    assert list(notice)[:5] == ["timestamp", "message", "site_id", "project_id", "project_name"]
    assert world.projects.list() == ()
    assert [name for name, _ in world.objects.list("")] == sorted([key, f"{key}.error.json"])


def test_g9_a_repeated_event_repeats_the_same_notice_and_another_mistake_makes_another() -> None:
    world = World()
    world.upload("upload/sales.tar.gz", b"no archive")
    world.upload("upload/sales.tar.gz", b"no archive")
    assert len(world.alerts.published) == 1
    world.upload("upload/sales.tar.gz", b"still no archive")
    assert len(world.alerts.published) == 2


def test_the_error_beside_an_upload_is_no_upload_and_goes_when_the_upload_is_good() -> None:
    world = World()
    world.upload("upload/sales.tar.gz", b"no archive")
    assert world.register("upload/sales.tar.gz.error.json", now=NOW) is None
    world.upload("upload/sales.tar.gz", project(DAILY))
    assert list(world.objects.list("upload/")) == [("upload/sales.tar.gz", len(project(DAILY)))]


def test_a_refused_upload_leaves_what_was_there_before() -> None:
    world = World()
    world.upload("upload/sales.tar.gz", project(DAILY))
    before = world.projects.get(1)
    assert isinstance(world.upload("upload/sales.tar.gz", project({"daily.dig": "x"})), Refused)
    assert world.projects.get(1) == before
    assert world.schedule().next_run_time == at("06-11 07:00")


def test_an_upload_that_is_gone_again_is_nothing_and_a_huge_one_is_not_even_read() -> None:
    world = World()
    assert world.register("upload/sales.tar.gz", now=NOW) is None
    done = world.register("upload/sales.tar.gz", now=NOW, size=200_000_001)
    assert isinstance(done, Refused) and "200,000,001 bytes" in done.reason


def test_a_service_that_does_not_answer_is_no_mistake_of_the_user() -> None:
    world = World()

    def down(*_: object, **__: object) -> None:
        raise UnavailableError("no answer")

    world.table.transact = down         # type: ignore[method-assign]
    with pytest.raises(UnavailableError):
        world.upload("upload/sales.tar.gz", project(DAILY))
    assert world.alerts.published == {}
