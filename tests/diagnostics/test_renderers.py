"""What each renderer makes of the same findings."""

import json
from dataclasses import replace

import pytest

from rewardkit.checker import check
from rewardkit.diagnostics import (
    Diagnostic,
    Edit,
    Fix,
    Label,
    Source,
    Span,
    render_concise,
    render_full,
    render_github,
    to_json,
    to_sarif,
)

SOURCE = Source("specs/a,b.rwd", 'term é = 1\nterm long = """x\ny""" + 1tok\n')


def diagnostic(start=5, end=6, message="`é` is 100%: wrong", fix=None, labels=()):
    return Diagnostic(
        "RK0401",
        "error",
        message,
        Label(Span(SOURCE, start, end), "here"),
        labels,
        help="write `e`",
        notes=("a note",),
        fix=fix,
    )


RENAME = Fix("rename it to `e`", (Edit(Span(SOURCE, 5, 6), "e"),), safe=True)


def test_concise_is_one_line():
    assert render_concise(diagnostic()) == "specs/a,b.rwd:1:6: error[RK0401] `é` is 100%: wrong"
    assert "\n" not in render_concise(diagnostic(message="a\nb\x1b[31m"))
    assert "\x1b" not in render_concise(diagnostic(message="a\nb\x1b[31m"))


def test_github_is_one_escaped_command():
    shown = render_github(diagnostic())
    assert shown == (
        "::error file=specs/a%2Cb.rwd,line=1,endLine=1,col=6,endColumn=7,title=RK0401"
        "::`é` is 100%25: wrong%0Ahere%0Aa note%0Awrite `e`"
    )
    across = render_github(diagnostic(23, 29))
    assert ",line=2,endLine=3,title=" in across
    assert "\n" not in render_github(diagnostic(message="a\r\n::stop-commands::x"))


@pytest.mark.parametrize(
    ("severity", "command", "level"),
    [("error", "error", "error"), ("warning", "warning", "warning"), ("lint", "notice", "note")],
)
def test_each_severity_has_a_word_that_the_format_knows(severity, command, level):
    found = replace(diagnostic(), severity=severity)
    assert render_github(found).startswith(f"::{command} file=")
    log = essentials(to_sarif([found]))
    assert [result["level"] for result in log["runs"][0]["results"]] == [level]


def test_full_shows_the_fix():
    assert render_full(diagnostic(fix=RENAME)).endswith(" = help: write `e`\n  = fix: rename it to `e`")
    same = render_full(diagnostic(fix=Fix("write `e`", RENAME.edits)))
    assert same.endswith(" = note: a note\n  = fix (a guess): write `e`")


def test_json_holds_the_fix():
    fix = to_json(diagnostic(fix=RENAME))["fix"]
    assert fix == {
        "title": "rename it to `e`",
        "safe": True,
        "edits": [{"start": 5, "end": 6, "text": "e"}],
    }


def essentials(log):
    """What SARIF 2.1.0 requires of the parts that we write."""
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert run["tool"]["driver"]["name"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for result in run["results"]:
        assert result["message"]["text"]
        assert result["level"] in ("none", "note", "warning", "error")
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        places = [*result["locations"], *result.get("relatedLocations", [])]
        for place in (p["physicalLocation"] for p in places):
            region = place["region"]
            assert " " not in place["artifactLocation"]["uri"]
            assert (region["startLine"], region["startColumn"]) <= (region["endLine"], region["endColumn"])
            assert min(region.values()) >= 1
        for fix in result.get("fixes", []):
            assert fix["artifactChanges"]
            for change in fix["artifactChanges"]:
                assert change["artifactLocation"]["uri"]
                assert all("deletedRegion" in r for r in change["replacements"])
    return json.loads(json.dumps(log))


def test_sarif_holds_what_the_standard_requires():
    labels = (Label(Span(SOURCE, 0, 4), "declared here"), Label(Span(SOURCE, 0, 4)))
    log = essentials(to_sarif([diagnostic(fix=RENAME, labels=labels), diagnostic(23, 29)]))
    first, second = log["runs"][0]["results"]
    assert first["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "specs/a%2Cb.rwd"},
        "region": {"startLine": 1, "startColumn": 6, "endLine": 1, "endColumn": 7},
    }
    assert [r.get("message", {}).get("text") for r in first["relatedLocations"]] == ["declared here", None]
    assert first["fixes"][0]["artifactChanges"][0]["replacements"][0]["insertedContent"] == {"text": "e"}
    assert second["locations"][0]["physicalLocation"]["region"]["endLine"] == 3


def test_sarif_without_findings_is_a_run_without_results():
    log = essentials(to_sarif([]))
    assert log["runs"][0]["results"] == []


def test_sarif_names_an_absolute_file_by_its_uri():
    _, found = check(Source("/tmp/my specs/a.rwd", "term t = 1 +"))
    place = to_sarif(found)["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "file:///tmp/my%20specs/a.rwd"


WRONG = [
    "",
    "term a = 1tok\n",
    "let x = y\nlet z = x.w",
    "term \ud800 = 1",
    "x" * 5000,
    "reward { a: 1 }\r\n",
]


@pytest.mark.parametrize("text", WRONG, ids=range(len(WRONG)))
def test_every_finding_of_a_real_check_renders(text):
    _, found = check(Source("spec.rwd", text))
    assert found
    essentials(to_sarif(found))
    for diagnosed in found:
        assert render_concise(diagnosed).startswith("spec.rwd:")
        assert render_github(diagnosed).startswith(f"::{diagnosed.severity} file=spec.rwd,line=")
