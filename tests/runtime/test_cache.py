"""The cache of results: bounded, of every type of value, and kept on disk between runs."""

import os
import sqlite3
import subprocess
import sys
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rewardkit as rk
from rewardkit import library
from rewardkit.diagnostics import RewardError
from rewardkit.runtime import cache as caches
from rewardkit.runtime.cache import Cache
from rewardkit.types.function import Function, Parameter
from rewardkit.types.types import INT, TEXT
from rewardkit.types.values import Call, Message, RunResult

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(st.characters() | st.just("\ud800"))
)
structured = st.sampled_from(
    [RunResult(3, 5, True), Call("f", '{"a":1}'), Message("user", "hi", (Call("g", "{}"),))]
)
values = st.recursive(
    scalars | structured, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=8
)


def key(cache, n):
    return cache.key("f", {}, (n,))


def test_least_recently_used_go_first():
    cache = Cache(2)
    for n in (1, 2):
        cache.put(key(cache, n), n)
    assert cache.get(key(cache, 1)) == (1,)
    cache.put(key(cache, 3), None)
    assert [cache.get(key(cache, n)) for n in (1, 2, 3)] == [(1,), None, (None,)]


def test_keys_tell_calls_apart():
    cache = Cache()
    calls = [
        ("f", {}, ("1",)),
        ("f", {}, (1,)),
        ("f", {}, (True,)),
        ("f", {}, (1.0,)),
        ("f", {}, ("1", "")),
        ("g", {}, ("1",)),
        ("f", {"strict": True}, ("1",)),
        ("f", {}, ("\ud800",)),
        ("f", {}, (("1",),)),
    ]
    assert len({cache.key(*call) for call in calls}) == len(calls)


@given(st.lists(values, min_size=1, max_size=5))
@settings(max_examples=50, deadline=None)
def test_every_value_comes_back_from_disk(tmp_path_factory, results):
    path = tmp_path_factory.mktemp("cache") / "results.db"
    with Cache(path=path) as cache:
        for n, value in enumerate(results):
            cache.put(key(cache, n), value)
    with Cache(path=path) as cache:
        found = [cache.get(key(cache, n)) for n in range(len(results))]
        assert cache.get(key(cache, len(results))) is None
    assert found == [(value,) for value in results]
    assert list(map(repr, found)) == [repr((value,)) for value in results]  # 1 is not True, nor 1.0


def test_the_file_is_bounded(tmp_path):
    path = tmp_path / "results.db"
    with Cache(100, path) as cache:
        for n in range(5000):
            cache.put(key(cache, n), n)
        cache.put(key(cache, "large"), "x" * (1 << 17))
        assert cache.get(key(cache, "large")) is not None  # in memory
    with Cache(100, path) as cache:
        kept = [n for n in range(5000) if cache.get(key(cache, n))]
        assert cache.get(key(cache, "large")) is None
    assert kept == list(range(4900, 5000))


def test_an_upgrade_forgets(tmp_path, monkeypatch):
    path = tmp_path / "results.db"
    with Cache(path=path) as cache:
        cache.put(key(cache, 1), 1)
    monkeypatch.setattr(caches, "version", lambda name: "0.0.0")
    monkeypatch.setattr(caches, "_SALT", None)
    with Cache(path=path) as cache:
        assert cache.get(key(cache, 1)) is None


@pytest.mark.parametrize("content", [b"not a database at all, " * 50, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_file_is_an_error_that_says_what_to_do(tmp_path, content):
    path = tmp_path / "results.db"
    path.write_bytes(content)
    with pytest.raises(RewardError, match=r"is no cache, or a damaged one; delete it or name another file"):
        Cache(path=path)
    assert path.read_bytes() == content


def test_a_database_of_somebody_else_is_left_alone(tmp_path):
    path = tmp_path / "mine.db"
    with sqlite3.connect(path) as mine:
        mine.execute("CREATE TABLE poems (text)")
    mine.close()
    before = path.read_bytes()
    with pytest.raises(RewardError, match="is no cache"):
        Cache(path=path)
    assert path.read_bytes() == before


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(RewardError, match=r"cannot open the cache .* name a file in a folder"):
        Cache(path=tmp_path / "nowhere" / "results.db")


def test_a_file_that_breaks_in_mid_run_stops_nothing(tmp_path):
    path = tmp_path / "results.db"
    cache = Cache(path=path)
    with sqlite3.connect(path) as other:
        other.execute("DROP TABLE results")
    other.close()
    cache.put(key(cache, 1), 1)
    with pytest.warns(RuntimeWarning, match=r"the cache .* is not used any more"):
        cache.flush()
    cache.put(key(cache, 2), 2)
    cache.flush()
    assert cache.get(key(cache, 2)) == (2,) and cache.get(key(cache, 3)) is None


def test_several_processes_write_at_once(tmp_path):
    path = tmp_path / "results.db"
    script = (
        "import sys\nfrom rewardkit.runtime.cache import Cache\n"
        "with Cache(path=sys.argv[1]) as cache:\n"
        "    for n in range(3000):\n"
        "        cache.put(cache.key('f', {}, (int(sys.argv[2]), n)), n)\n"
        "        n % 100 or cache.flush()\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-W", "error", "-c", script, path, str(i)]) for i in range(4)
    ]
    assert [process.wait(120) for process in running] == [0] * 4
    with Cache(path=path) as cache:
        assert all(cache.get(cache.key("f", {}, (i, n))) == (n,) for i in range(4) for n in range(3000))


def test_several_processes_open_the_same_new_files(tmp_path):
    """Each waits for the others before every file, so that they come to it together."""
    script = """if True:
        import sys
        from pathlib import Path
        from rewardkit.runtime.cache import Cache
        folder, failures = Path(sys.argv[1]), []
        for n in range(60):
            (folder / f"{n}.{sys.argv[2]}").touch()
            while not all((folder / f"{n}.{i}").exists() for i in range(4)):
                pass
            try:
                Cache(path=folder / f"{n}.db").close()
            except Exception as error:
                failures.append(str(error))
        sys.exit("; ".join(failures) or None)
    """
    running = [
        subprocess.Popen([sys.executable, "-W", "error", "-c", script, tmp_path, str(i)]) for i in range(4)
    ]
    assert [process.wait(120) for process in running] == [0] * 4


def test_what_is_left_is_written_at_the_end_of_the_program(tmp_path):
    path = tmp_path / "results.db"
    script = (
        "import sys\nfrom rewardkit.runtime.cache import Cache\ncache = Cache(path=sys.argv[1])\n"
        "cache.put(cache.key('f', {}, (1,)), 1)\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", script, path], check=True)
    with Cache(path=path) as cache:
        assert cache.get(key(cache, 1)) == (1,)


def test_several_threads(tmp_path):
    with Cache(path=tmp_path / "results.db") as cache:

        def work(name):
            for n in range(2000):
                cache.put(key(cache, (name, n)), n)
                assert cache.get(key(cache, (name, n))) == (n,)

        threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert cache.get(key(cache, (3, 1999))) == (1999,)


def test_a_forked_child_has_a_connection_of_its_own(tmp_path):
    cache = Cache(path=tmp_path / "results.db")
    cache.put(key(cache, "parent"), 1)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            cache.put(key(cache, "child"), 2)
            cache.flush()
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    cache.close()
    with Cache(path=tmp_path / "results.db") as cache:
        assert cache.get(key(cache, "parent")) == (1,) and cache.get(key(cache, "child")) == (2,)


def test_only_what_a_worker_decided_is_looked_up_and_kept(monkeypatch):
    """Not what is told at once, nor what took all that a worker had: another one may have more."""

    class Watched(Cache):
        asked = kept = 0

        def get(self, key):
            self.asked += 1
            return super().get(key)

        def put(self, key, value):
            self.kept += 1
            super().put(key, value)

    more = {"fast": lambda x: 5 if x == "five" else None, "overdue": "builtins:len"}
    evaluated = Function(
        "probe.evaluated", (Parameter("x", TEXT),), INT, "", "worker", "builtins:eval",
        faults=True, deadline=60.0, extra=more,
    )  # fmt: skip
    known = {**library.functions(), evaluated.name: evaluated}
    monkeypatch.setattr(library, "functions", lambda: known)
    bomb = "'x' * (1 << 50)"
    spec = "input x: text\nlet n = probe.evaluated(x) ?? -1\nterm a = n\nreward { a: 1 }"
    cache = Watched()
    reward = rk.loads(spec, backends=rk.Backends(workers=1, cache=cache))
    for asked, kept, made in ((3, 1, 3), (6, 1, 5)):
        found = reward(x=["five", "3 + 4", bomb, "1 // 0"]).total
        assert found.tolist() == [5, 7, len(bomb), -1]
        assert (cache.asked, cache.kept, reward.counts["probe.evaluated"]) == (asked, kept, made)


TABLE = caches._TABLE
PLANTED = {
    "nested": "[" * 100_000,
    "no result": '["result","a",1]',
    "more than there are": '["result",9,1,false,false,false,null]',
    "no tag": "[]",
    "a tag that is none": '["eval","1"]',
    "a tag that is no text": '[["list"]]',
    "a number": 3,
    "no text": b"\xff",
    "digits": "9" * 5000,
}


@pytest.mark.parametrize("planted", PLANTED.values(), ids=PLANTED)
@pytest.mark.filterwarnings("ignore:the cache:RuntimeWarning")
def test_what_somebody_else_put_into_a_file_breaks_nothing(tmp_path, planted):
    path = tmp_path / "results"
    Cache(path=path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO results (key, value) VALUES (?, ?)", (key(Cache(), 1), planted))
    connection.close()
    with Cache(path=path) as cache:
        assert cache.get(key(cache, 1)) in (None, (3,))


def test_a_large_value_of_a_file_is_not_read(tmp_path):
    path = tmp_path / "results"
    Cache(path=path).close()
    with sqlite3.connect(path) as connection:
        connection.execute(
            "INSERT INTO results (key, value) VALUES (?, ?)", (key(Cache(), 1), '"' + "x" * (1 << 20) + '"')
        )
    connection.close()
    with Cache(path=path) as cache:
        assert cache.get(key(cache, 1)) is None


@pytest.mark.parametrize(
    "planted",
    [
        [TABLE, "CREATE TRIGGER t AFTER INSERT ON results BEGIN SELECT 1; END"],
        [TABLE, "CREATE VIEW v AS SELECT 1"],
        ["CREATE VIEW results AS SELECT 1 AS number, x'00' AS key, 'true' AS value"],
        ["CREATE TABLE results (number INTEGER PRIMARY KEY, key, value AS (hex(key)))"],
    ],
)
def test_a_file_that_would_run_something_is_no_cache(tmp_path, planted):
    path = tmp_path / "results"
    with sqlite3.connect(path) as connection:
        for statement in planted:
            connection.execute(statement)
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    with pytest.raises(RewardError, match="is no cache"):
        Cache(path=path)
