"""Projects, revisions and definitions as items, and back. Attribute names of them live here alone."""

from __future__ import annotations

from datetime import datetime

from skydag.model.ids import ProjectId, WorkflowId, padded
from skydag.model.project import Revision, StoredProject, StoredWorkflow
from skydag.ports import Item
from skydag.store import registry_keys as keys
from skydag.store.times import to_text, to_time
from skydag.store.values import Blobs


def key(pair: keys.Key) -> Item:
    return {"pk": pair[0], "sk": pair[1]}


def present(**attributes: object) -> Item:
    """Attributes without those that are None: an item holds no nulls."""
    return {name: value for name, value in attributes.items() if value is not None}


def project_item(project: StoredProject, *, number: int, workflows: str) -> Item:
    """number: of the latest revision; workflows: sk of its row in the list of workflows, "" without workflows."""
    return key(keys.project(project.id)) | present(
        id=project.id, name=project.name, revision=project.revision, number=number, workflows=workflows,
        created_at=to_text(project.created_at), updated_at=to_text(project.updated_at),
        deleted_at=_text(project.deleted_at), archive_type=project.archive_type, archive_md5=project.archive_md5,
    )


def project_of(item: Item) -> StoredProject:
    return StoredProject(
        id=ProjectId(item["id"]), name=item["name"], revision=item["revision"], created_at=to_time(item["created_at"]),
        updated_at=to_time(item["updated_at"]), deleted_at=_time(item.get("deleted_at")),
        archive_type=item["archive_type"], archive_md5=item.get("archive_md5"),
    )


def revision_item(
    revision: Revision, schedules: tuple[tuple[str, int], ...], content_hash: str, blobs: Blobs,
) -> Item:
    """schedules: (workflow name, schedule id) of the revision's scheduled workflows."""
    under = f"project/{revision.project_id}"
    return key(keys.revision(revision.project_id, revision.number)) | present(
        project_id=revision.project_id, name=revision.name, number=revision.number,
        created_at=to_text(revision.created_at), archive=revision.archive, archive_md5=revision.archive_md5,
        archive_type=revision.archive_type, content_hash=content_hash,
        user_info=blobs.keep_json(revision.user_info, under), names=blobs.keep_json(revision.workflows, under),
        schedules=blobs.keep_json(schedules, under),
    )


def revision_of(item: Item, blobs: Blobs) -> Revision:
    return Revision(
        project_id=ProjectId(item["project_id"]), name=item["name"], number=item["number"],
        created_at=to_time(item["created_at"]), archive=item.get("archive"), archive_md5=item.get("archive_md5"),
        archive_type=item["archive_type"], user_info=blobs.json(item["user_info"]),
        workflows=workflows_of(item, blobs),
    )


def workflows_of(item: Item, blobs: Blobs) -> tuple[tuple[str, WorkflowId], ...]:
    """(name, id) of a revision's workflows."""
    return tuple((name, WorkflowId(number)) for name, number in blobs.json(item["names"]))


def schedules_of(item: Item, blobs: Blobs) -> tuple[tuple[str, int], ...]:
    """(workflow name, schedule id) of a revision's scheduled workflows."""
    return tuple((name, number) for name, number in blobs.json(item["schedules"]))


def workflow_item(workflow: StoredWorkflow, blobs: Blobs) -> Item:
    under = f"project/{workflow.project_id}"
    return key(keys.workflow(workflow.id)) | present(
        id=workflow.id, name=workflow.name, project_id=workflow.project_id, project_name=workflow.project_name,
        revision=workflow.revision, timezone=workflow.timezone, config=blobs.keep_json(workflow.config, under),
        pages=workflow.pages, task_count=workflow.task_count, archive=workflow.archive,
        schedule=None if workflow.schedule is None else blobs.keep_json(workflow.schedule, under),
        sla=None if workflow.sla is None else blobs.keep_json(workflow.sla, under),
    )


def workflow_of(item: Item, blobs: Blobs) -> StoredWorkflow:
    return StoredWorkflow(
        id=WorkflowId(item["id"]), name=item["name"], project_id=ProjectId(item["project_id"]),
        project_name=item["project_name"], revision=item["revision"], timezone=item["timezone"],
        config=blobs.json(item["config"]), pages=item["pages"], task_count=item["task_count"],
        archive=item.get("archive"),
        schedule=None if "schedule" not in item else blobs.json(item["schedule"]),
        sla=None if "sla" not in item else blobs.json(item["sla"]),
    )


def workflows_row_sk(revision: Revision) -> str:
    return padded(revision.workflows[0][1]) if revision.workflows else ""


def _text(time: datetime | None) -> str | None:
    return None if time is None else to_text(time)


def _time(text: str | None) -> datetime | None:
    return None if text is None else to_time(text)
