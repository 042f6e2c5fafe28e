"""What a run brings along: named in Python or in a file, opened when needed, missed before the first row."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from engines import ENGINES, opened
from judge_server import Judge, Reply, completion, problem, score, serving

import rewardkit as rk
from rewardkit.runtime.backends import Backends
from rewardkit.runtime.brought import bring, read_backends
from rewardkit.runtime.configs import JudgeConfig
from rewardkit.sandbox import SandboxConfig

BOTH = """
let tone = judge.choice(completion.text, "its tone", ["warm", "cold"]) ?? "cold"
term polite in [0, 1] = judge.score(completion.text, "is it polite?") ?? 0
term warm = tone == "warm"
reward { polite: 1  warm: 1 }
"""


def asked(judge: Judge) -> Backends:
    return Backends(judge=JudgeConfig(base_url=judge.url, model="small"))


@pytest.mark.parametrize(
    ("term", "told"),
    [
        ('judge.score(completion.text, "polite?") ?? 0', r"uses `judge.score`.* no judge: .*\[judge\]"),
        (
            "sigmoid(model.score(prompt.text, completion.text))",
            r"`model.score`.* no reward model: .*\[model\]",
        ),
    ],
)
def test_what_a_run_does_not_bring_is_missed_before_the_first_row(term, told):
    reward = rk.loads(f"input x: bool\nterm a in [0, 1] when x = {term}\nreward {{ a: 1 }}")
    with pytest.raises(rk.RewardError, match=told):
        reward([{"prompt": "q", "completion": "c", "x": False}])


def test_independent_calls_overlap():
    """Each kind of question is answered only once one of the other kind is there."""
    came = {"score": threading.Event(), "choice": threading.Event()}

    def reply(body, _):
        kind = "choice" if "warm" in str(body["messages"]) else "score"
        came[kind].set()
        other = came["score" if kind == "choice" else "choice"]
        if not other.wait(20):
            return completion("nobody else came")
        return score(0.5) if kind == "score" else completion('{"reasoning": "so", "choice": "warm"}')

    with serving(reply) as judge, asked(judge) as backends:
        scores = rk.loads(BOTH, backends=backends)([{"completion": "hello"}])
    assert scores.matrix.tolist() == [[0.5, 1.0]]
    assert set(scores.timings) >= {"judge.score", "judge.choice"}


def test_distinct_texts_are_asked_once_and_kept():
    with serving(lambda *_: score(1)) as judge, asked(judge) as backends:
        reward = rk.loads(
            'term a = judge.score(completion.text, "r") ?? 0\nreward { a: 1 }', backends=backends
        )
        for _ in range(2):
            assert reward(completion=["x", "y"] * 50).total.tolist() == [1.0] * 100
        assert len(judge.bodies) == 2 and reward.counts["judge.score"] == 2


def test_backends_are_opened_again_after_they_were_closed():
    with serving(lambda *_: score(1)) as judge, asked(judge) as backends:
        reward = rk.loads(
            'term a = judge.score(completion.text, "r") ?? 0\nreward { a: 1 }', backends=backends
        )
        assert reward(completion=["x"]).total[0] == 1
        backends.close()
        assert reward(completion=["y"]).total[0] == 1


# --- in a file -------------------------------------------------------------------------------------


def write(tmp_path: Path, text: str) -> str:
    path = tmp_path / "backends.toml"
    path.write_text(text)
    return str(path)


def test_a_file_of_backends(tmp_path):
    (tmp_path / "rm").mkdir()
    path = write(
        tmp_path,
        'workers = 2\n[sandbox]\nengine = "bubblewrap"\nslots = 3\n[judge]\nbase_url = "http://localhost:1/v1"\n'
        'model = "m"\n[model]\npath = "rm"\n[cache]\npath = "kept.cache"\n',
    )
    tables, base = read_backends(path)
    assert base == tmp_path and tables.workers == 2
    with bring(tables, base) as backends:
        assert backends._sandbox.slots == 3 and backends._sandbox.engine == "bubblewrap"
        assert backends._model.path == str(tmp_path / "rm")
    assert (tmp_path / "kept.cache").exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[sandbox", "is not TOML"),
        ('[judge]\nbase_url = "http://a/v1"', "[judge] `model` is missing"),
        ("[sandbx]\nslots = 1", "did you mean `sandbox`?"),
        ('[sandbox]\nengine = "podman"', "[sandbox] `engine`: input should be"),
        ('cache = "kept"', "`cache` is a table, `[cache]` with its keys below, not 'kept'"),
        ('[cache]\nfile = "kept"', "[cache] `path` is missing; [cache] unknown key `file`"),
        (
            '[model]\npath = "a"\ndevice = "gpu"',
            "`device` is `auto`, `cpu`, `mps`, `cuda` or `cuda:1`, not 'gpu'",
        ),
        (
            '[judge]\nbase_url = "http://a/v1"\nmodel = "m"\ntemperature = "hot"',
            "[judge] `temperature`: input should be a valid number, unable to parse string as a number, "
            "or 'default', not 'hot'",
        ),
        ("[sandbox]\nslots = 0", "at least 1 slot"),
        ("[sandbox]\nimages = 'x'", "did you mean `image`?"),
        ("workers = 0", "`workers`: input should be greater than or equal to 1"),
    ],
)
def test_wrong_files_of_backends(tmp_path, text, told):
    path = write(tmp_path, text)
    with pytest.raises(rk.RewardError) as error:
        bring(*read_backends(path))
    assert told in str(error.value)
    with pytest.raises(rk.RewardError, match="cannot read"):
        read_backends(str(tmp_path / "absent.toml"))


def test_a_file_of_backends_is_read_from_python_too(tmp_path):
    path = write(tmp_path, '[sandbox]\nslots = 3\n[cache]\npath = "kept.cache"')
    with Backends.read(path) as backends:
        assert backends._sandbox.slots == 3
        assert rk.loads("term t = 1\nreward { t: 1 }", backends=backends).backends is backends
    assert (tmp_path / "kept.cache").exists()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda: Backends(sandbox="docker"), r"`sandbox` is a `SandboxConfig\(…\)`, not 'docker'"),
        (lambda: Backends(judge={"model": "m"}), r"`judge` is a `JudgeConfig\(…\)`"),
        (lambda: Backends(model="a"), r"`model` is a `RewardModelConfig\(…\)`"),
        (lambda: Backends(cache="a"), r"`cache` is a `Cache\(…\)`"),
        (lambda: rk.loads("term t = 1\nreward { t: 1 }", backends="b.toml"), r"`Backends.read\(path\)`"),
        (lambda: SandboxConfig(engine="podman"), "`engine` is one of auto, docker, .*, not 'podman'"),
        (lambda: SandboxConfig(isolation="vm"), "`isolation` is one of namespaces, container, not 'vm'"),
        (lambda: SandboxConfig(memory="1g"), "`memory` is a whole number of bytes, not '1g'"),
        (lambda: SandboxConfig(slots="8"), "`slots` is a whole number, not '8'"),
    ],
)
def test_what_is_no_backend_is_told_where_it_is_given(wrong, told):
    with pytest.raises((TypeError, ValueError), match=told):
        wrong()


# --- ending early ----------------------------------------------------------------------------------

ALL = """
input answer: text
input cases: list[testcase]
term polite in [0, 1] = judge.score(completion.text, "is it polite?") ?? 0
term right  in [0, 1] = math.equal(completion.text, answer) ?? false
term passed in [0, 1] = code.run(completion.text, cases, timeout: 60s).share ?? 0
reward { polite: 1  right: 1  passed: 1 }
"""
#: of which each keeps its worker, or its program, busy for long
ROWS = [
    {
        "completion": f"while True: {n}",
        "answer": f"$10^{{10^{{{n}}}}}$",
        "cases": [{"input": "", "output": "1"}],
    }
    for n in range(20)
]


@pytest.fixture(params=ENGINES)
def engine(request):
    """An engine that is there."""
    with opened(engine=request.param, slots=1):
        return request.param


def children(parent: int) -> list[int]:
    """Every process below one."""
    found = []
    for task in Path(f"/proc/{parent}/task").glob("*"):
        for child in (task / "children").read_text().split():
            found += [int(child), *children(int(child))]
    return found


def test_one_backend_that_is_dead_ends_the_others(engine):
    """The programs would run for a minute each."""
    with serving(lambda *_: problem(401, "who are you")) as judge:
        config = JudgeConfig(base_url=judge.url, model="small")
        with Backends(judge=config, sandbox=SandboxConfig(engine=engine)) as backends:
            began = time.monotonic()
            with pytest.raises(rk.RewardError, match="401"):
                rk.loads(ALL, backends=backends)(ROWS)
            assert time.monotonic() - began < 50


@pytest.mark.parametrize("own", [True, False])
def test_a_run_that_is_stopped_ends_its_own_programs_and_no_others(engine, own):
    """They would go on for a minute each, and another run has the same sandbox all the while."""
    short = (
        "input cases: list[testcase]\nterm a = code.run(completion.text, cases).share ?? 0\nreward { a: 1 }"
    )
    rows = [{"completion": f"print({n})", "cases": [{"output": str(n)}] * 3} for n in range(40)]
    found = []
    reply = replace(problem(401, "who are you"), wait=1.0)
    with ExitStack() as open_ones:
        judge = open_ones.enter_context(serving(lambda *_: reply))
        sandbox = SandboxConfig(engine=engine, slots=2)
        given = sandbox if own else open_ones.enter_context(opened(engine=engine, slots=2))
        config = JudgeConfig(base_url=judge.url, model="small")
        backends = open_ones.enter_context(Backends(judge=config, sandbox=given))
        other = threading.Thread(target=lambda: found.append(rk.loads(short, backends=backends)(rows).total))
        other.start()
        began = time.monotonic()
        with pytest.raises(rk.RewardError, match="401"):
            rk.loads(ALL, backends=backends)(ROWS)
        assert time.monotonic() - began < 50
        other.join(100)
    assert found and found[0].tolist() == [1.0] * 40


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_ctrl_c_leaves_nothing_behind(engine, tmp_path):
    came = threading.Event()

    def reply(*_):
        came.set()
        return Reply(wait=60)

    (tmp_path / "s.rwd").write_text(ALL)
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    (tmp_path / "tmp").mkdir()
    with serving(reply) as judge:
        (tmp_path / "b.toml").write_text(
            f'[judge]\nbase_url = "{judge.url}"\nmodel = "small"\n[sandbox]\nengine = "{engine}"\n'
        )
        command = [sys.executable, "-m", "rewardkit", "score", "s.rwd", "rows.jsonl", "--backends", "b.toml"]
        run = subprocess.Popen(
            [*command, "-o", "out.jsonl"],
            cwd=tmp_path,
            env={**os.environ, "TMPDIR": str(tmp_path / "tmp")},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert came.wait(60)
        limit = time.monotonic() + 60
        while not ((below := children(run.pid)) or containers(run.pid)) and time.monotonic() < limit:
            time.sleep(0.1)  # until programs run
        assert below or containers(run.pid)
        run.send_signal(signal.SIGINT)
        _, told = run.communicate(timeout=60)
    assert run.returncode == 130, told
    limit = time.monotonic() + 20
    while (left := [p for p in below if alive(p)] + containers(run.pid)) and time.monotonic() < limit:
        time.sleep(0.1)  # a container's processes end a moment after it was told to
    assert not left
    assert [path.name for path in (tmp_path / "tmp").iterdir()] == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.toml", "rows.jsonl", "s.rwd", "tmp"]


def containers(process: int) -> list[str]:
    """The containers that a process made."""
    if shutil.which("docker") is None:
        return []
    named = f"label=rewardkit.sandbox.owner={process}"
    return subprocess.check_output(["docker", "ps", "-aq", "--filter", named], text=True).split()


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
