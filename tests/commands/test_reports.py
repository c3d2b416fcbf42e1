"""`kohort report` and `kohort watch`, of a folder that a search has written."""

import json
import shutil

import pytest
from tests.commands.conftest import SMALL, failing, run

pytest.importorskip("skrub")
pytest.importorskip("matplotlib")


def test_a_search_s_report_is_a_page(searched, tmp_path, capsys):
    assert run("report", searched, "--out", tmp_path / "page.html", "--language", "ko") == 0
    assert capsys.readouterr().out == f"Written: {tmp_path / 'page.html'}\n"
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert '<html lang="ko">' in page
    assert "kohort search" in page
    assert '"schedule":{"name":"constant"' in page


def test_a_report_of_an_older_folder_shows_what_it_has(searched, tmp_path):
    """Version 0.1.0's first folders had no times, no command and no schedule."""
    for name in ("leaderboard.parquet", "learning_curves.parquet"):
        (tmp_path / name).write_bytes((searched / name).read_bytes())
    known = json.loads((searched / "run.json").read_text(encoding="utf-8"))
    older = {key: value for key, value in known.items() if key not in ("times", "command")}
    (tmp_path / "run.json").write_text(json.dumps(older), encoding="utf-8")
    assert run("report", tmp_path) == 0
    assert (tmp_path / "report.html").stat().st_size > 1e6


def test_reports_and_watching_fail_in_one_line(searched, tmp_path, capsys):
    assert "`RUN` must be a folder" in failing(capsys, "report", tmp_path)
    assert "`language` must be" in failing(capsys, "report", searched, "--language", "fr")
    assert "`port` must be" in failing(capsys, "watch", searched, "--port", "99999")


def test_a_report_is_part_of_its_run_and_nothing_else_is(searched, folder, tmp_path, capsys):
    run_folder = tmp_path / "run"
    shutil.copytree(searched, run_folder)
    assert run("report", run_folder) == 0
    assert "report.html" in json.loads((run_folder / ".kohort-run.json").read_text())["files"]
    (run_folder / "notes.html").write_text("mine")
    capsys.readouterr()
    options = ["--target", "kind", "--out", run_folder, "--overwrite"]
    message = failing(capsys, "fit", folder / "kinds.csv", *options, *SMALL)
    assert "It holds 'notes.html', which kohort did not write; nothing was removed" in message
    (run_folder / "notes.html").unlink()
    assert run("fit", folder / "kinds.csv", *options, *SMALL) == 0
    assert not (run_folder / "report.html").exists()
