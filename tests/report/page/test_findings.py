from types import SimpleNamespace

import pandas as pd

from kohort.cohort.record import Record
from kohort.report.leaderboard import SearchMember
from kohort.report.page.findings import diagnosis, findings_of


def _finding(code, severity, **more):
    known = {"layer": None, "evidence": {"ratio": 1e-7}, "explanation": "Why.", "remedy": "How."}
    return SimpleNamespace(code=code, severity=severity, reference="", **known | more)


def _member(candidate, fold, *findings):
    table = pd.DataFrame({"step": [0, 5], "epoch": 0, "layer": "dense", "gradient": [1.0, 2.0]})
    record = Record({"width": 4})
    record.diagnosis = SimpleNamespace(findings=findings, table=table)
    return SearchMember(candidate, fold, record)


def test_findings_of_all_fits_come_most_severe_first_and_once_each():
    members = [
        _member(0, 0, _finding("overfitting", 0.4)),
        _member(1, 0, _finding("rate_too_high", 0.8), _finding("overfitting", 0.5)),
        _member(1, None),
        SearchMember(2, 0, Record({"width": 8})),
    ]
    findings, layers = findings_of(members)
    found = diagnosis(findings, layers)
    assert [(f["code"], f["severity"], f["count"]) for f in found["findings"]] == [
        ("rate_too_high", "severe", 1),
        ("overfitting", "warning", 2),
    ]
    assert found["findings"][1]["candidate"] == "1"
    assert found["findings"][0]["evidence"] == "ratio 1.0e-7"
    assert [(m["candidate"], m["fold"]) for m in found["layers"]] == [
        ("1", "1"),
        ("0", "1"),
        ("1", "0"),
    ]
    assert found["layers"][0]["times"] == [0, 5]
    assert found["layers"][0]["quantities"]["gradient"].tolist() == [[1.0, 2.0]]


def test_tables_of_a_diagnosis_survive_a_file(tmp_path):
    tables = findings_of([_member(0, 0, _finding("overfitting", 0.1))])
    for number, table in enumerate(tables):
        table.to_parquet(tmp_path / f"{number}.parquet", index=False)
    read = [pd.read_parquet(tmp_path / f"{number}.parquet") for number in range(2)]
    before, after = diagnosis(*tables), diagnosis(*read)
    assert after["findings"] == before["findings"]
    assert after["findings"][0]["severity"] == "hint"


def test_no_finding_is_an_answer_and_no_diagnosis_is_none():
    assert diagnosis(*findings_of([_member(0, 0)]))["findings"] == []
    assert findings_of([SearchMember(0, 0, Record({}))]) == (None, None)
    assert diagnosis(None, None) is None
