"""`rewardkit diff`: what it prints, on specs and on rows, and its exit codes."""

import json
import os
import re
from pathlib import Path

import pytest

from rewardkit.cli import codes
from rewardkit.cli.main import _run

ROOT = Path(__file__).parents[2]
GRADED = ROOT.parent / "shared" / "data" / "gsm8k_graded.jsonl"

OLD = """
input gold: int
param bonus: real in [0, 1] = 0.5
term right in [0, 1] = completion.words == gold
term brief in [0, 1] = 1 - clamp(completion.words / 10, 0, 1)
reward { right: 1.0  brief: bonus }
"""
NEW = """
input gold: int
input hint: int?
param bonus: real in [0, 1] = 0.5
skip when gold == 9
term right in [0, 1] = completion.words == gold
term brief in [0, 1] when right > 0 = 1 - clamp(completion.words / 10, 0, 1)
term hinted = hint ?? 0
reward { right: 1.0  brief: bonus  hinted: 0.25 }
"""
#: a wrong short answer falls behind in the first group; the last row is skipped by NEW
ROWS = [
    {"id": "a", "completion": "w " * 3, "gold": 3},
    {"id": "a", "completion": "w", "gold": 3},
    {"id": "a", "completion": "w " * 8, "gold": 3},
    {"id": "b", "completion": "w " * 2, "gold": 2},
    {"id": "b", "completion": "w " * 4, "gold": 2, "hint": 8},
    {"id": "b", "completion": "w " * 4, "gold": 9},
]


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("old.rwd").write_text(OLD)
    Path("new.rwd").write_text(NEW)
    Path("rows.jsonl").write_text("\n".join(map(json.dumps, ROWS)))


def run(capsys, *words):
    code = _run(["diff", *map(str, words)])
    return code, capsys.readouterr()


def test_the_same_meaning(files, capsys):
    Path("spaced.rwd").write_text(OLD.replace("= 1 -", "=\n  1 -  # less\n "))
    code, shown = run(capsys, "old.rwd", "spaced.rwd", "--exit-code")
    assert (code, shown.out) == (codes.OK, "no difference in meaning\n")


def test_what_changed(files, capsys):
    code, shown = run(capsys, "old.rwd", "new.rwd")
    assert code == codes.OK
    assert shown.out.splitlines() == [
        "+ input hint: int?  (reaches hinted)",
        "~ term brief gate: none → right > 0",
        "+ term hinted = hint ?? 0",
        "+ weight hinted: 0.25",
        "~ reward lies in [0, 2] → (-inf, inf)",
        "+ skip: gold == 9",
    ]
    assert run(capsys, "old.rwd", "new.rwd", "--exit-code")[0] == codes.FAILED


def test_a_change_that_reaches_far(files, capsys):
    chain = "\n".join(f"let l{i} = l{i - 1} + 1" for i in range(1, 2000))
    terms = "\n".join(f"term t{i} = l1999" for i in range(20))
    for name, first in (("one.rwd", 1), ("two.rwd", 2)):
        Path(name).write_text(f"input n: int\nlet l0 = n * {first}\n{chain}\n{terms}\nreward {{ t0: 1 }}\n")
    _, shown = run(capsys, "one.rwd", "two.rwd")
    assert shown.out.splitlines()[:2] == [
        "~ let l0: n * 1 → n * 2  (reaches t0, t1, t2, t3, t4, t5, t6, t7 and 12 more)",
        "~ term t0 value: through l0",
    ]


def test_only_tests_and_claims(files, capsys):
    Path("more.rwd").write_text(OLD + "prove right in [0, 1]\n")
    _, shown = run(capsys, "old.rwd", "more.rwd")
    assert shown.out == "+ prove right in [0, 1]\n\nthe reward itself is the same\n"


def on_rows(capsys, *more):
    code, shown = run(capsys, "old.rwd", "new.rwd", "--on", "rows.jsonl", "--format", "json", *more)
    assert code == codes.OK, shown.err
    return json.loads(shown.out)["rows"]


def test_ranks_within_groups(files, capsys):
    found = on_rows(capsys, "--group", "id")
    assert (found["rows"], found["compared"], found["groups"]) == (6, 5, 2)
    # row 1 and 2 keep no bonus for being short; row 4 is hinted and overtakes row 3
    assert [(m["row"], m["group"], m["rank"]) for m in found["moved"]] == [
        (4, "b", [2.0, 1.0]),
        (3, "b", [1.0, 2.0]),
        (1, "a", [2.0, 2.5]),
        (2, "a", [3.0, 2.5]),
    ]
    assert found["moved"][0]["terms"] == {"hinted": 2.0, "brief": -0.3}
    assert found["moved"][0]["reward"] == [0.3, 2.0]
    assert found["pairs"] == {"all": 4, "swapped": 1, "tied": 1, "split": 0}
    assert found["groups_changed"] == 2 and found["rank_changed"] == 4 and found["reward_changed"] == 3
    assert found["skipped_by_one"] == [0, 1] and found["rewarded_by"] == [1, 0]
    assert [m["row"] for m in found["rewarded_by_one"]] == [5]
    assert found["terms"][2] == {"name": "hinted", "adds": [None, 0.4]}


def test_without_groups_all_rows_are_ranked_together(files, capsys):
    found = on_rows(capsys, "--top", 1)
    assert found["groups"] == 1 and found["pairs"]["all"] == 10
    assert len(found["moved"]) == 1 and found["moved"][0]["group"] is None
    _, shown = run(capsys, "old.rwd", "new.rwd", "--on", "rows.jsonl", "--top", 1)
    assert "5 rewarded by both, ranked together: no groups are given" in shown.out
    assert "the 1 that moved most of" in shown.out
    assert "1 row with no reward any more: 5" in shown.out


def test_groups_of_a_size_and_from_standard_input(files, capsys, monkeypatch):
    assert on_rows(capsys, "--group-size", 3)["moved"][0]["group"] == 1
    with open("rows.jsonl", "rb") as file:
        monkeypatch.setattr("sys.stdin", type("In", (), {"buffer": file})())
        code, shown = run(capsys, "old.rwd", "new.rwd", "--on", "-", "--group-size", 3, "--format", "json")
    assert code == codes.OK and json.loads(shown.out)["rows"]["rank_changed"] == 4


def test_params_and_maps_go_to_the_spec_that_has_them(files, capsys):
    plain = OLD.replace("param bonus: real in [0, 1] = 0.5\n", "").replace("bonus", "0.5")
    Path("plain.rwd").write_text(plain)
    on = ("--on", "rows.jsonl", "--format", "json")
    code, shown = run(capsys, "plain.rwd", "new.rwd", *on, "--set", "bonus=0")
    assert code == codes.OK
    assert json.loads(shown.out)["rows"]["terms"][1]["adds"][1] == 0
    code, shown = run(capsys, "old.rwd", "new.rwd", "--set", "bones=0")
    assert code == codes.USAGE and "neither spec has a param `bones`; the params are `bonus`" in shown.err
    code, shown = run(capsys, "old.rwd", "new.rwd", *on, "--map", "hint=gold")
    assert code == codes.OK and json.loads(shown.out)["rows"]["terms"][2]["adds"][1] > 0.5
    code, shown = run(capsys, "old.rwd", "new.rwd", *on, "--map", "hunt=gold")
    assert code == codes.USAGE and "neither spec reads `hunt`" in shown.err


def test_a_column_that_one_spec_lacks(files, capsys):
    Path("other.rwd").write_text(OLD.replace("gold", "label"))
    code, shown = run(capsys, "old.rwd", "other.rwd", "--on", "rows.jsonl")
    assert code == codes.USAGE
    assert shown.err.startswith("error: `other.rwd`: there is no column `label`; the columns are")


def test_a_spec_that_does_not_check(files, capsys):
    Path("bad.rwd").write_text("term a = b\n")
    code, shown = run(capsys, "old.rwd", "bad.rwd")
    assert code == codes.WRONG_SPEC and "RK0201" in shown.err and shown.out == ""


def test_a_library_cannot_score(files, capsys):
    Path("lib.rwd").write_text("let a = 1\n")
    assert run(capsys, "lib.rwd", "lib.rwd")[1].out == "no difference in meaning\n"
    code, shown = run(capsys, "lib.rwd", "lib.rwd", "--on", "rows.jsonl")
    assert code == codes.USAGE and "has no `reward`" in shown.err


def test_no_row_is_rewarded_by_both(files, capsys):
    Path("none.rwd").write_text(NEW.replace("gold == 9", "gold >= 0"))
    code, shown = run(capsys, "old.rwd", "none.rwd", "--on", "rows.jsonl", "--group", "id")
    assert code == codes.OK and "6 rows, 0 rewarded by both, in 0 groups" in shown.out
    assert json.loads(run(capsys, "old.rwd", "none.rwd", "--on", "rows.jsonl", "--format", "json")[1].out)


def test_the_document_shows_what_is_printed(tmp_path, capsys, monkeypatch):
    """REWARDKIT_UPDATE=1 writes the shown output anew."""
    monkeypatch.chdir(tmp_path)
    page = ROOT / "docs" / "diff.md"
    text = page.read_text()
    old, new = re.findall(r"^```rwd\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    Path("old.rwd").write_text(old)
    Path("new.rwd").write_text(new)
    command = re.search(r"`rewardkit (diff old.rwd .*?)`", text)
    rows = str(ROOT / "examples" / "gsm8k" / "rows.jsonl")
    code = _run(command[1].replace("rows.jsonl", rows).split())
    printed = capsys.readouterr().out
    shown = re.search(r"(?<=^```text\n).*?(?=^```$)", text, re.MULTILINE | re.DOTALL)
    if os.environ.get("REWARDKIT_UPDATE"):
        page.write_text(text[: shown.start()] + printed + text[shown.end() :])
    assert (code, printed) == (codes.OK, shown[0])


@pytest.mark.skipif(not GRADED.exists(), reason="the graded GSM8K rows are not beside this checkout")
def test_on_the_graded_gsm8k_rows(tmp_path, capsys):
    spec = ROOT / "examples" / "gsm8k" / "gsm8k.rwd"
    ungated = tmp_path / "ungated.rwd"
    ungated.write_text(
        spec.read_text().replace("[0, 1] when correct = 1 -", "[0, 1] = 1 -").partition("test ")[0]
    )
    code, shown = run(
        capsys, spec, ungated, "--on", GRADED, "--group", "prompt", "--format", "json", "--top", 3
    )
    assert code == codes.OK
    report = json.loads(shown.out)
    assert [(c["what"], c["name"], c["part"]) for c in report["changes"] if c["what"] != "test"] == [
        ("term", "brevity", "gate"),
        ("claim", "correct outranks not correct in advantage for groups of 8", "verdict"),
    ]
    rows = report["rows"]
    assert (rows["rows"], rows["groups"], rows["faulted"]) == (2640, 660, [0, 0])
    # only wrong rows are paid for being short now, so no right one changes its reward
    assert rows["reward_changed"] > 1500 and rows["terms"][0]["adds"][0] == rows["terms"][0]["adds"][1]
    assert all(set(m["terms"]) == {"brevity"} for m in rows["moved"])


def test_claims_that_a_change_breaks_are_told(tmp_path, capsys):
    a, b = tmp_path / "a.rwd", tmp_path / "b.rwd"
    text = "term a = completion.finished\nreward { a: 1.0 }\nprove reward in [0, 1]\n"
    a.write_text(text)
    b.write_text(text.replace("1.0", "2.0"))
    assert _run(["diff", str(a), str(b)]) == codes.OK
    assert "~ claim `reward in [0, 1]`: proved → refuted" in capsys.readouterr().out
    assert _run(["diff", str(b), str(a)]) == codes.OK
    assert "~ claim `reward in [0, 1]`: refuted → proved" in capsys.readouterr().out
    b.write_text(text + "prove a < 1\n")
    assert _run(["diff", str(a), str(b)]) == codes.OK
    assert "~ claim `a < 1`: refuted" in capsys.readouterr().out
