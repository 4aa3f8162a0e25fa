from __future__ import annotations

from typing import Any, cast

from tests.app.archives import project
from tests.app.registry_world import NOW, TASK, World

from skydag.app.application import Application
from skydag.handlers.register import handle


class FakeApplication:
    """A world as the handler sees it."""

    def __init__(self, world: World, revision: str | None = None) -> None:
        self.register, self.objects = world.register, self
        self._metadata = {} if revision is None else {"revision": revision}
        self.asked: list[str] = []

    def now(self) -> Any:
        return NOW

    def metadata(self, key: str) -> dict[str, str]:
        self.asked.append(key)
        return self._metadata


def event(key: str, size: int = 100) -> dict[str, Any]:
    return {"Records": [{"s3": {"bucket": {"name": "b"}, "object": {"key": key, "size": size}}}]}


def test_the_key_of_an_event_is_decoded_and_the_revision_comes_from_the_metadata() -> None:
    world = World()
    world.objects.put("upload/my sales+ü.tar.gz", project({"daily.dig": TASK}))
    application = FakeApplication(world, "v1")
    handle(event("upload/my+sales%2B%C3%BC.tar.gz"), None, cast(Application, application))
    assert [(p.name, p.revision) for p in world.projects.list()] == [("my sales+ü", "v1")]
    assert application.asked == ["upload/my sales+ü.tar.gz"]


def test_a_size_beyond_the_limit_is_refused_by_the_event_alone() -> None:
    world = World()
    handle(event("upload/sales.tar.gz", 200_000_001), None, cast(Application, FakeApplication(world)))
    assert [key for key, _ in world.objects.list("")] == ["upload/sales.tar.gz.error.json"]
