"""The roster that holds, where its file is wrong or the disk takes no copy of it."""

from __future__ import annotations

from pathlib import Path

from carewatch.roster import roster_in_force
from tests.carewatch.doctor_reads import installation


def test_a_disk_that_takes_no_copy_keeps_nobody_from_being_called(tmp_path, monkeypatch, capsys):
    settings = installation(tmp_path)
    roster_in_force(settings)
    kept = (tmp_path / "roster.last_good.toml").read_bytes()

    def refuse(path, _content):
        path.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    in_force = roster_in_force(settings)

    assert in_force.roster.officers
    assert in_force.problem == ""
    said = capsys.readouterr()
    assert "roster_not_kept" in said.out + said.err
    assert (tmp_path / "roster.last_good.toml").read_bytes() == kept
    assert [file.name for file in tmp_path.glob("roster.*")] == ["roster.last_good.toml"]
