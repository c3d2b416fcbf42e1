"""The server of a run's page: what it shows when, and what it refuses."""

import http.client
import json

import pytest
from tests.report.serving import serving

from kohort import DataError, ParameterError
from kohort.cohort.record import Record
from kohort.report.page_server import HOST
from kohort.report.progress_file import ProgressWriter
from kohort.report.run_folder import PROGRESS
from kohort.report.watching import server

DESCRIPTION = {"space": {"width": [1]}, "cv": 1, "candidates": 1, "data": {"target": "price"}}


@pytest.fixture
def port(tmp_path):
    with serving(server(tmp_path / "run")) as port:
        yield port


def _ask(port, path="/facts.json", method="GET", **headers):
    connection = http.client.HTTPConnection(HOST, port, timeout=20)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, body


def _state(port):
    live = json.loads(_ask(port)[1])["live"]
    return live and live["state"]


def _start(tmp_path):
    folder = tmp_path / ".run.kohort-0123456789abcdef"
    folder.mkdir()
    return folder, ProgressWriter(folder / PROGRESS, DESCRIPTION)


def test_it_listens_on_this_machine_alone(tmp_path):
    with server(tmp_path / "run") as answering:
        assert answering.server_address[0] == "127.0.0.1"


def test_the_page_asks_this_server_alone(port):
    answer, body = _ask(port, "/")
    assert answer.status == 200
    assert b"connect-src 'self'" in body
    assert answer.headers["Content-Security-Policy"] == "frame-ancestors 'none'"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_a_run_is_followed_from_before_its_start_to_its_end(port, tmp_path):
    assert _state(port) == "missing"
    folder, writer = _start(tmp_path)
    writer.write([Record({"width": 1}, {"loss": [2.0], "val_loss": [3.0]})], {"ended": 0})
    found = json.loads(_ask(port)[1])
    assert found["live"] == {"state": "running", "census": {"ended": 0}, "fits": 2}
    assert found["board"]["mean_score"] == [3.0]
    (folder / PROGRESS).unlink()
    folder.rmdir()
    assert _state(port) == "silent"  # What was known is still shown.


def test_a_record_that_nobody_touches_is_called_silent(port, tmp_path, monkeypatch):
    _start(tmp_path)
    assert _state(port) == "running"
    monkeypatch.setattr("kohort.report.watching._SILENCE", 0.0)
    assert _state(port) == "silent"


def test_news_are_sent_once(port, tmp_path):
    _, writer = _start(tmp_path)
    first, _ = _ask(port)
    again, body = _ask(port, **{"If-None-Match": first.headers["ETag"]})
    assert (again.status, body) == (304, b"")
    writer.write([Record({"width": 1})], {})
    later, body = _ask(port, **{"If-None-Match": first.headers["ETag"]})
    assert later.status == 200
    assert json.loads(body)["board"]["statuses"] == ["1 waiting"]


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1", "127.0.0.2:{}"])
def test_other_names_for_this_machine_are_refused(port, host):
    """A page of another site whose name resolves to 127.0.0.1 must read nothing."""
    for path in ("/", "/facts.json"):
        answer, body = _ask(port, path, Host=host.format(port))
        assert answer.status == 421
        assert b"price" not in body


def test_localhost_is_a_name_of_this_machine(port):
    assert _ask(port, Host=f"localhost:{port}")[0].status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_can_be_written(port, method):
    assert _ask(port, "/", method)[0].status == 501


@pytest.mark.parametrize("path", ["/run.json", "/../run.json", "/%2e%2e/run.json", "/facts.json/"])
def test_no_file_is_served(port, path):
    assert _ask(port, path)[0].status == 404


def test_bad_input_is_one_clear_error(port, tmp_path):
    with pytest.raises(ParameterError, match=f"`port` must be a free port; got {port}"):
        server(tmp_path, port)
    with pytest.raises(ParameterError, match="`port` must be"):
        server(tmp_path, 70000)
    with pytest.raises(ParameterError, match="`language` must be"):
        server(tmp_path, 0, "fr")


@pytest.mark.parametrize(
    ("line", "before"),
    [
        (b"{", [3.0]),
        (b"[]", [3.0]),
        (b"null", [3.0]),
        (b'{"census": {}}', [3.0]),
        (b'{"census": {}, "fits": [[5, {}]]}', [3.0]),
        (b"\xff\xfe", [3.0]),
        (b'{"census": {}, "fits": [[0, {"history": {"val_loss": ["low"]}}]]}', []),
    ],
)
def test_a_broken_progress_file_is_answered_in_words(port, tmp_path, capfd, line, before):
    folder, writer = _start(tmp_path)
    writer.write([Record({"width": 1}, {"loss": [2.0], "val_loss": [3.0]})], {})
    with (folder / PROGRESS).open("ab") as file:
        file.write(line + b"\n")
    for _ in range(2):
        answer, body = _ask(port)
        found = json.loads(body)
        assert answer.status == 200
        assert found["live"]["state"] == "broken"
        assert found["board"]["mean_score"] == before
        reason = "line 3 of " if before else "holds what no search writes"
        assert reason in found["live"]["reason"]
        assert PROGRESS in found["live"]["reason"]
    assert b"cannot be read any further" in _ask(port, "/")[1]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("first", [b"[]\n", b'{"cv": 0, "candidates": "a"}\n'])
def test_a_search_that_was_never_described_is_answered_in_words(port, tmp_path, first):
    folder, _ = _start(tmp_path)
    line = b'{"census": {}, "fits": [[0, {"parameters": {}, "history": {}}]]}\n'
    (folder / PROGRESS).write_bytes(first + line)
    assert _state(port) == "broken"


def test_results_that_are_broken_later_are_answered_in_words(port, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("{")
    live = json.loads(_ask(port)[1])["live"]
    assert live["state"] == "broken"
    assert "It has no leaderboard.parquet" in live["reason"]
    with pytest.raises(DataError, match=r"It has no leaderboard\.parquet"):
        server(tmp_path / "run")


def test_a_run_may_have_a_name_in_any_script(tmp_path):
    folder = tmp_path / ".실행.kohort-0123456789abcdef"
    folder.mkdir()
    ProgressWriter(folder / PROGRESS, DESCRIPTION)
    with serving(server(tmp_path / "실행")) as port:
        assert _state(port) == "running"
