"""Every verb: what it prints, its exit codes, and that no input of a user's gives a traceback."""

import json
from pathlib import Path

import polars as pl
import pytest

from rewardkit.cli import codes
from rewardkit.cli.main import VERBS, _run

GOOD = """
language 1
input answer: text
input hint: int? in [0, 9]
param bonus: real in [0, 1] = 0.5
let same = completion.text == answer
term right in [0, 1] = same
term brief in [0, 1] when same = 1 - clamp(completion.words / 10, 0, 1)
term seen  in [0, 9] = hint ?? 0
reward { right: 1.0  brief: bonus }
advantage grpo
test "right beats wrong" {
  sample right { completion.text = "a b"  answer = "a b" }
  sample wrong { completion.text = "c"    answer = "a b" }
  expect right.reward == 1.4 within 1e-9
  expect right.reward > wrong.reward
}
test "brief" {
  sample one { completion.text = "a"  answer = "a" }
  expect one.brief == 0.9 within 1e-9
}
"""

ROWS = [
    {"id": 1, "completion": "a b", "answer": "a b", "hint": 3},
    {"id": 1, "completion": "c", "answer": "a b", "hint": None},
    {"id": 2, "completion": "x", "answer": "x"},
]


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "good.rwd"
    path.write_text(GOOD)
    return path


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in ROWS))
    return path


def run(*words: object) -> int:
    return _run([str(word) for word in words])


# --- help and usage ------------------------------------------------------------------------------


def test_help_names_every_verb(capsys):
    assert run("--help") == codes.OK
    out = capsys.readouterr().out
    assert all(verb in out for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb, capsys):
    assert run(verb, "--help") == codes.OK
    assert "Usage" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], ""),
        (["chek"], "did you mean `check`"),
        (["check"], "Missing argument"),
        (["check", "--stric", "x.rwd"], "--strict"),
        (["score", "x.rwd"], "Missing argument"),
        (["score", "x.rwd", "rows.jsonl", "--step", "-1"], "--step"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_3(words, says, capsys):
    assert run(*words) == codes.USAGE
    assert says in capsys.readouterr().err


# --- check ---------------------------------------------------------------------------------------


def test_check_sums_up(spec, capsys):
    assert run("check", spec) == codes.OK
    assert "3 terms, reward in [0, 2], 2 tests" in capsys.readouterr().out


def test_check_shows_each_error_and_exits_1(tmp_path, capsys):
    path = tmp_path / "bad.rwd"
    path.write_text("term a = x\nterm b = y\n")
    assert run("check", path) == codes.WRONG_SPEC
    err = capsys.readouterr().err
    assert err.count("error[RK0201]") == 2
    assert "bad.rwd:2:10" in err


def test_check_as_json(tmp_path, spec, capsys):
    bad = tmp_path / "bad.rwd"
    bad.write_text("term a = x\n")
    assert run("check", spec, bad, "--format", "json") == codes.WRONG_SPEC
    good, wrong = json.loads(capsys.readouterr().out)
    assert good["ok"] and [term["name"] for term in good["terms"]] == ["right", "brief", "seen"]
    assert not wrong["ok"] and wrong["diagnostics"][0]["code"] == "RK0201"


def test_check_knows_the_profiles_of_a_normalizer(tmp_path, capsys):
    path = tmp_path / "profile.rwd"
    text = 'input x: real\nterm a = x\nreward { a: 1 }\nadvantage NAME { profile: "PROFILE" }\n'
    for name, profile, code, said in (
        ("gdpo", "trl", codes.OK, ""),
        ("reinforce_pp", "verl", codes.OK, ""),
        ("reinforce_pp", "trl", codes.WRONG_SPEC, "`profile` cannot be"),
        ("gdpo", "ms-swift", codes.WRONG_SPEC, "`ms_swift`"),
    ):
        path.write_text(text.replace("NAME", name).replace("PROFILE", profile))
        assert run("check", path, "--strict") == code
        assert said in capsys.readouterr().err


CLAIMS = "input ok: bool\ninput tidy: bool\nterm a = ok\nterm b = tidy\nreward { a: 1  b: 0.5 }\n"


def test_check_proves_claims(tmp_path, capsys):
    path = tmp_path / "claims.rwd"
    path.write_text(CLAIMS + "prove ok outranks not ok\n")
    assert run("check", path, "--strict") == codes.OK
    assert "1 claim proved" in capsys.readouterr().out
    path.write_text(CLAIMS + "prove ok outranks not ok\nprove tidy outranks not tidy\n")
    assert run("check", path, "--format", "json") == codes.WRONG_SPEC
    (found,) = json.loads(capsys.readouterr().out)
    assert not found["ok"] and [c["verdict"] for c in found["claims"]] == ["proved", "refuted"]
    assert found["diagnostics"][0]["code"] == "RK0301"


def test_prove_shows_each_verdict(tmp_path, capsys):
    path = tmp_path / "claims.rwd"
    path.write_text(CLAIMS + "prove ok outranks not ok\nprove tidy outranks not tidy\n")
    assert run("prove", path, "-k", "OK OUT") == codes.OK
    assert "proved  ok outranks not ok" in capsys.readouterr().out
    assert run("prove", path) == codes.WRONG_SPEC
    shown = capsys.readouterr()
    assert "REFUTED  tidy outranks not tidy" in shown.out
    assert "expect better.reward > worse.reward" in shown.err
    assert run("prove", path, "--format", "json") == codes.WRONG_SPEC
    _, refuted = json.loads(capsys.readouterr().out)
    assert refuted["line"] == 7 and refuted["witness"]["rows"][0]["given"] == {"ok": False, "tidy": True}


def test_an_undecided_claim_counts_under_strict(tmp_path, capsys):
    path = tmp_path / "claims.rwd"
    # true by a hair, of a product that no bound can be told of so closely
    path.write_text(
        "input x: real in [0.5, 1]\nterm t = cos(x) * exp(x) * log(x + 1) * sqrt(x)\nreward { t: 1 }\n"
        "prove t <= 1.0285\n"
    )
    for verb in ("check", "prove"):
        assert run(verb, path) == codes.OK
        assert "RK0305" in capsys.readouterr().err
        assert run(verb, path, "--strict") == codes.UNDECIDED
    capsys.readouterr()


def test_a_spec_without_claims_and_a_selection_of_none(tmp_path, capsys):
    path = tmp_path / "claims.rwd"
    path.write_text(CLAIMS)
    assert run("prove", path) == codes.OK
    assert "note: there are no claims" in capsys.readouterr().err
    assert run("prove", path, "-k", "brevity") == codes.USAGE
    assert "no claim contains `brevity`; there are none" in capsys.readouterr().err
    path.write_text(CLAIMS + "prove ok outranks not ok\n")
    assert run("prove", path, "-k", "brevity") == codes.USAGE
    assert "no claim contains `brevity`" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["check", "--format", "x"], "--format: `x` is not one of full, concise, json, github, sarif"),
        (["prove", "--format=concise"], "--format: `concise` is not one of full, json"),
        (["test", "--format", "concise"], "--format: `concise` is not one of full, json"),
        (["test", "--format", "full", "--format", ""], "--format: `` is not one of full, json"),
        (["test", "--coverage", "--fail-under", "most"], "--fail-under: `most` is not a number"),
        (["analyze", "--step", "1.5"], "--step: `1.5` is not a whole number"),
    ],
)
def test_wrong_values_of_options_are_told_in_our_words(words, message, spec, capsys):
    assert run(*words, spec) == codes.USAGE
    assert capsys.readouterr().err == f"error: {message} (see `rewardkit {words[0]} --help`)\n"


def test_check_takes_folders(tmp_path, spec, capsys):
    assert run("check", tmp_path) == codes.OK
    (tmp_path / "empty").mkdir()
    assert run("check", tmp_path / "empty") == codes.USAGE
    assert "no `.rwd` file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [
        (None, codes.USAGE, "No such file"),
        (b"", codes.WRONG_SPEC, "RK0001"),
        (b"\n  \n", codes.WRONG_SPEC, "RK0001"),
        (b"term a = \xff\xfe", codes.USAGE, "not UTF-8"),
        (b"term a = (", codes.WRONG_SPEC, "RK0101"),
        (b"\x00\x01\x02", codes.WRONG_SPEC, "RK01"),
        (b"#" * 300_000, codes.WRONG_SPEC, "too long"),
    ],
)
def test_files_that_are_no_specs(tmp_path, capsys, content, code, says):
    path = tmp_path / "odd.rwd"
    if content is not None:
        path.write_bytes(content)
    for verb in (["check"], ["test"]):
        assert run(*verb, path) == code
        assert says in capsys.readouterr().err
    rows = tmp_path / "rows.jsonl"
    rows.write_text("{}")
    assert run("score", path, rows) == code


def test_a_folder_is_no_spec(tmp_path, capsys):
    (tmp_path / "x.rwd").mkdir()
    assert run("score", tmp_path / "x.rwd", "rows.jsonl") == codes.USAGE
    assert "error: cannot read" in capsys.readouterr().err


# --- test ----------------------------------------------------------------------------------------


def test_tests_pass(spec, capsys):
    assert run("test", spec) == codes.OK
    assert "2 passed" in capsys.readouterr().out


def test_a_failing_test_shows_the_values_and_exits_2(spec, capsys):
    spec.write_text(GOOD.replace("1.4 within", "1.3 within"))
    assert run("test", spec) == codes.FAILED
    out = capsys.readouterr().out
    assert "1 passed, 1 failed" in out
    assert "│\n" in out and "1.4\n" in out


def test_an_empty_selection_is_no_pass(spec, capsys):
    assert run("test", spec, "-k", "brief") == codes.OK
    assert run("test", spec, "-k", "breif") == codes.USAGE
    assert "no test's name contains `breif`; did you mean `brief`?" in capsys.readouterr().err
    spec.write_text("input ok: bool\nterm a = ok\nreward { a: 1 }\n")
    assert run("test", spec) == codes.FAILED
    assert "no tests" in capsys.readouterr().err


def test_params_can_be_set(spec, capsys):
    assert run("test", spec, "-k", "right", "--set", "bonus=0.25") == codes.FAILED
    assert run("test", spec, "--set", "bonus=2") == codes.USAGE
    assert "must lie in [0, 1]" in capsys.readouterr().err
    assert run("test", spec, "--set", "bonsu=0.5") == codes.USAGE


def test_test_results_as_json(spec, capsys):
    assert run("test", spec, "--format", "json") == codes.OK
    results = json.loads(capsys.readouterr().out)["tests"]
    assert [result["test"] for result in results] == ["right beats wrong", "brief"]
    assert all(result["passed"] for result in results)


def test_a_test_that_cannot_run_fails_with_the_reason(spec, capsys):
    spec.write_text(GOOD + 'test "rows" { rows "none.jsonl" { expect mean(reward) > 0 } }')
    assert run("test", spec) == codes.FAILED
    assert "`none.jsonl` is not there: the test looks for its rows in" in capsys.readouterr().out


# --- score ---------------------------------------------------------------------------------------


def test_score_writes_one_row_per_row_in_order(spec, rows, tmp_path, capsys):
    out = tmp_path / "out.jsonl"
    assert run("score", spec, rows, "-o", out, "--keep", "same", "--with", "id,answer") == codes.OK
    found = [json.loads(line) for line in out.read_text().splitlines()]
    assert [list(row) for row in found] == [["reward", "right", "brief", "seen", "same", "id", "answer"]] * 3
    assert [row["reward"] for row in found] == [1.4, 0.0, 1.45]
    assert [row["id"] for row in found] == [1, 1, 2]
    summary = capsys.readouterr().out
    assert "gate open" in summary and "66.7%" in summary and "3 rows" in summary


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
def test_every_format_in_and_out(spec, tmp_path, ending, capsys):
    table = pl.DataFrame({"completion": ["a b", "c"], "answer": ["a b", "a b"], "hint": [3, None]})
    source, out = tmp_path / f"rows.{ending}", tmp_path / f"out.{ending}"
    {"parquet": table.write_parquet, "csv": table.write_csv, "jsonl": table.write_ndjson}[ending](source)
    assert run("score", spec, source, "-o", out) == codes.OK
    read = {"parquet": pl.read_parquet, "csv": pl.read_csv, "jsonl": pl.read_ndjson}[ending]
    assert read(out)["reward"].to_list() == [1.4, 0.0]
    assert read(out)["seen"].to_list() == [3, 0]


def test_score_from_standard_input_to_standard_output(spec, rows, capsys, monkeypatch):
    with rows.open("rb") as file:
        monkeypatch.setattr("sys.stdin", type("Stdin", (), {"buffer": file})())
        assert run("score", spec, "-", "-o", "-") == codes.OK
    captured = capsys.readouterr()
    assert [json.loads(line)["reward"] for line in captured.out.splitlines()] == [1.4, 0.0, 1.45]
    assert "3 rows" in captured.err


def test_columns_can_be_mapped(spec, tmp_path, capsys):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"response": "a", "extra": {"solution": "a"}}')
    assert run("score", spec, path) == codes.USAGE
    assert "--map" in capsys.readouterr().err
    words = ["score", spec, path, "--map", "answer=extra.solution", "--map", "completion=response"]
    assert run(*words, "--map", "hint=h") == codes.USAGE  # named, and not there
    path.write_text('{"response": "a", "extra": {"solution": "a"}, "hint": 1}')
    assert run(*words) == codes.OK


def test_summary_as_json(spec, rows, capsys):
    assert run("score", spec, rows, "--format", "json") == codes.OK
    summary = json.loads(capsys.readouterr().out)
    assert summary["rows"] == 3 and len(summary["fingerprint"]) == 16
    brief = next(line for line in summary["columns"] if line["name"] == "brief")
    assert brief["open"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no rows"),
        (b"\n\n", "no rows"),
        (b"{", "line 1: not JSON"),
        (b'{"completion": "a", "answer": "a"}\n[1]\n', "line 2: a row is a JSON object"),
        (b'{"completion": "\xff"}', "line 1: not UTF-8"),
        (b'{"completion": "a"}', "there is no column `answer`"),
        (b'{"completion": "a", "answer": 4}', "row 0, column `answer`: expected a text, found 4"),
        (b'{"completion": "a", "answer": "a", "hint": 12}', "outside its range"),
        (b'{"completion": "a", "answer": "a", "hint": 1.5}', "expected a whole number"),
        (b'{"completion": "a", "answer": "a", "hint": Infinity}', "infinity"),
        (b'{"completion": 7, "answer": "a"}', "expected a text or a list of messages"),
        (b'{"completion": "\\ud800", "answer": "a"}', "surrogate"),
        (b'{"completion": "a", "answer": null}', "declare `answer: text?`"),
        (b"[" * 100_000, "line 1: not JSON"),
    ],
)
def test_rows_that_do_not_fit_are_one_line_and_exit_3(spec, tmp_path, capsys, content, says):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content)
    assert run("score", spec, path) == codes.USAGE
    err = capsys.readouterr().err
    assert says in err
    assert err.startswith("error: ") and err.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("rows.csv", b"", "cannot read"),
        ("rows.csv", b"completion,answer,hint\na,a,many\n", "row 0, column `hint`: 'many' is not `int?`"),
        ("rows.csv", b"completion,answer\n\xff\xfe,a\n", "cannot read"),
        ("rows.parquet", b"not parquet", "cannot read"),
        ("rows.txt", b"x", "rows are .jsonl"),
        ("missing.jsonl", None, "No such file"),
    ],
)
def test_files_that_are_no_rows(spec, tmp_path, capsys, name, content, says):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    assert run("score", spec, path) == codes.USAGE
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--keep", "sme"], "the lets are `same`"),
        (["--with", "sme"], "there is no column `sme`"),
        (["--map", "answer"], "NAME=VALUE"),
        (["--group", "nope"], "there is no column `nope`"),
        (["--group", "id", "--group-size", "3"], "not both"),
        (["--group-size", "2"], "a group is cut"),
        (["-o", "out.txt"], "cannot write"),
        (["-o", "/no/such/folder/out.jsonl"], "cannot write"),
    ],
)
def test_options_that_do_not_fit(spec, rows, capsys, words, says):
    assert run("score", spec, rows, *words) == codes.USAGE
    assert says in capsys.readouterr().err


def test_a_spec_without_a_reward_cannot_score(tmp_path, rows, capsys):
    path = tmp_path / "lib.rwd"
    path.write_text("let a = completion.words\n")
    assert run("check", path) == codes.OK
    assert run("score", path, rows) == codes.USAGE
    assert "no `reward`" in capsys.readouterr().err


def test_groups_and_batches(tmp_path, capsys):
    path, rows = tmp_path / "g.rwd", tmp_path / "rows.jsonl"
    path.write_text("input x: int\nterm a = x - min(x) over group\nreward { a: 1 }\n")
    rows.write_text("\n".join(json.dumps({"x": x, "g": g}) for x, g in [(5, 1), (9, 2), (7, 1)]))
    assert run("score", path, rows) == codes.USAGE
    assert "--group" in capsys.readouterr().err
    out = tmp_path / "out.jsonl"
    assert run("score", path, rows, "--group", "g", "-o", out) == codes.OK
    assert [json.loads(line)["a"] for line in out.read_text().splitlines()] == [0, 0, 2]
    path.write_text("input x: int\nterm a = x - min(x) over batch\nreward { a: 1 }\n")
    assert run("score", path, rows) == codes.USAGE
    assert "--batch-size" in capsys.readouterr().err
    assert run("score", path, rows, "--batch-size", 2, "-o", out) == codes.OK
    assert [json.loads(line)["a"] for line in out.read_text().splitlines()] == [0, 4, 0]


def test_too_many_faults_stop_with_exit_3(tmp_path, capsys):
    path, rows = tmp_path / "f.rwd", tmp_path / "rows.jsonl"
    path.write_text("input x: int\nterm a = x * x\nreward { a: 1 }\n")
    rows.write_text("\n".join(json.dumps({"x": x}) for x in [1, 2, 2**62]))
    assert run("score", path, rows) == codes.USAGE
    assert "1 of 3 rows failed" in capsys.readouterr().err
    assert run("score", path, rows, "--max-faults", "0.5") == codes.OK
    assert "too large" in capsys.readouterr().out


# --- explain and new -------------------------------------------------------------------------------


def test_explain_shows_closed_gates_and_why(spec, rows, capsys):
    assert run("explain", spec, rows, "--row", 1) == codes.OK
    out = capsys.readouterr().out
    assert "gate closed" in out and "when same: false" in out and 'answer: "a b"' in out
    assert run("explain", spec, rows, "--row", 0, "--format", "json") == codes.OK
    tree = json.loads(capsys.readouterr().out)
    assert tree["value"] == 1.4 and [part["text"] for part in tree["parts"]] == ["right", "brief", "seen"]
    assert run("explain", spec, rows, "--row", 7) == codes.USAGE


def test_explain_a_row_of_a_group(tmp_path, capsys):
    path, rows = tmp_path / "g.rwd", tmp_path / "rows.jsonl"
    path.write_text("input x: int\nskip when x == 0\nterm a = x - min(x) over group\nreward { a: 1 }\n")
    rows.write_text("\n".join(json.dumps({"x": x, "g": g}) for x, g in [(5, 1), (9, 2), (7, 1), (0, 1)]))
    assert run("explain", path, rows, "--row", 2, "--group", "g") == codes.OK
    assert "min(x) over group: 5" in capsys.readouterr().out
    assert run("explain", path, rows, "--row", 2) == codes.USAGE
    capsys.readouterr()
    assert run("explain", path, rows, "--row", 3, "--group", "g") == codes.OK
    assert "skipped" in capsys.readouterr().out


def test_explain_several_rows_and_their_advantages(spec, rows, capsys):
    assert run("explain", spec, rows, "--row", 1, "--row", 0, "--row", 1, "--group", "id") == codes.OK
    out = capsys.readouterr().out
    assert out.index("row 1\nreward: 0") < out.index("row 0\nreward: 1.4")
    assert "advantage: 0.707" in out and 'because `completion.text == answer` is "c" == "a b"' in out
    assert run("explain", spec, rows, "--row", 1, "--row", 0, "--group", "id", "--format", "json") == codes.OK
    assert [tree["row"] for tree in json.loads(capsys.readouterr().out)] == [1, 0]


@pytest.mark.parametrize("template", ["math", "tags"])
def test_new_starts_what_works(tmp_path, capsys, template):
    folder = tmp_path / "mine"
    assert run("new", folder, "--template", template) == codes.OK
    assert run("check", folder, "--strict") == codes.OK
    assert run("test", folder) == codes.OK
    assert run("score", folder / "reward.rwd", folder / "rows.jsonl", "--group", "id") == codes.OK
    assert run("new", folder) == codes.USAGE


def test_a_closed_pipe_is_no_error(spec):
    import subprocess
    import sys

    command = f"{sys.executable} -m rewardkit check {spec} --format json | head -n 1"
    found = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60)
    assert found.stderr == ""


def test_a_failure_of_ours_is_told_apart(monkeypatch, spec, capsys):
    def broken(source):
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("rewardkit.cli.check.check", broken)
    monkeypatch.delenv("REWARDKIT_TRACEBACK", raising=False)
    assert run("check", spec) == codes.BUG
    assert "this is a bug in rewardkit" in capsys.readouterr().err


def test_ctrl_c_is_told_and_has_its_code(monkeypatch, spec, capsys):
    def interrupted(source):
        raise KeyboardInterrupt

    monkeypatch.setattr("rewardkit.cli.check.check", interrupted)
    assert run("check", spec) == codes.INTERRUPTED


def test_ctrl_c_keeps_what_was_scored(monkeypatch, spec, tmp_path, capsys):
    rows, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    rows.write_text("\n".join(json.dumps({"completion": "a", "answer": "a", "hint": 1}) for _ in range(10)))
    monkeypatch.setattr("rewardkit.runtime.scoring.BLOCK", 4)
    calls = iter(range(10))

    from rewardkit.runtime import Reward

    score = Reward.score

    def interrupted(*words, **options):
        if next(calls) == 2:
            raise KeyboardInterrupt
        return score(*words, **options)

    monkeypatch.setattr(Reward, "score", interrupted)
    assert run("score", spec, rows, "-o", out) == codes.INTERRUPTED
    partial = tmp_path / "out.jsonl.partial"
    assert f"the first 8 of 10 rows are in `{partial}`" in capsys.readouterr().err
    assert len(partial.read_text().splitlines()) == 8
    assert not out.exists()


def test_a_usage_error_names_the_help_of_its_own_command(capsys):
    assert run("sandbox", "check", "--engine", "podman") == codes.USAGE
    assert capsys.readouterr().err == (
        "error: --engine: `podman` is not one of docker, bubblewrap (see `rewardkit sandbox check --help`)\n"
    )
