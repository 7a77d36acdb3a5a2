"""The doctor also says what the running roles say of themselves."""

from __future__ import annotations

import json

from carewatch.doctor import Verdict
from carewatch.places import status_file
from carewatch.status import Problem, RoleStatus, write_status
from tests.carewatch.doctor_reads import installation, said_of

PART = "running carewatch"
SHED = Problem("disk", "300 MB free: readings are shed", "free room", 1)
SHARED = Problem("watches", "two watches seem to share an id: w1", "give one another id", 1, is_grave=False)
AWAY = Problem("broker", "no link", "start the broker", 1)


async def test_nothing_runs(tmp_path):
    assert await said_of(installation(tmp_path), PART) == ([Verdict.GOOD], "no role runs here now -> ")


async def test_a_running_role_that_is_well(tmp_path):
    settings = installation(tmp_path)
    write_status(status_file(settings, "ingest"), RoleStatus("ingest", 77))
    assert await said_of(settings, PART) == ([Verdict.GOOD], "ingest runs as process 77 -> ")


async def test_what_is_wrong_is_told_with_its_remedy_and_not_twice(tmp_path):
    settings = installation(tmp_path)
    write_status(status_file(settings, "ingest"), RoleStatus("ingest", 77, problems=(AWAY, SHED, SHARED)))
    verdicts, text = await said_of(settings, PART)
    assert verdicts == [Verdict.BAD, Verdict.WARNING]
    assert text.splitlines() == [
        "ingest, disk: 300 MB free: readings are shed -> free room",
        "ingest, watches: two watches seem to share an id: w1 -> give one another id",
    ]


async def test_what_a_role_said_that_is_gone_is_no_news(tmp_path):
    settings = installation(tmp_path)
    path = status_file(settings, "ingest")
    write_status(path, RoleStatus("ingest", 77, problems=(SHED,)))
    document = json.loads(path.read_text()) | {"written_boot_s": 0.0}
    path.write_text(json.dumps(document))
    verdicts, _ = await said_of(settings, PART)
    assert verdicts == [Verdict.GOOD]


async def test_less_room_than_shedding_begins_at(tmp_path):
    verdicts, text = await said_of(
        installation(tmp_path, log={"path": tmp_path / "r.sqlite", "shed_free_mb": 1 << 40}), "folder of the log"
    )
    assert verdicts[-1] is Verdict.BAD
    assert "less than log.shed_free_mb: only emergencies are kept" in text
