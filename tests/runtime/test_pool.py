"""The worker pool: deadlines, memory, deaths and threads. Tasks are Python expressions, run by `eval`."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from rewardkit.diagnostics import RewardError
from rewardkit.runtime import pool as pools
from rewardkit.runtime.pool import WorkerPool, shared_pool

EVAL = "builtins:eval"
MIB = 1 << 20

STUCK = ("__import__('time').sleep(1000)",)
STUCK_IN_C = ("len(str(9 ** 9 ** 9))",)  # holds the GIL
MEMORY_BOMB = ("'x' * (1 << 40)",)
SLOW_MEMORY_BOMB = ("[bytearray(1 << 20) for _ in range(1 << 20)] and 1",)
SEGFAULT = ("__import__('ctypes').string_at(0)",)
EXIT = ("__import__('os')._exit(3)",)
SYS_EXIT = ("__import__('sys').exit(0)",)
PRINT = (
    "print('x' * 100_000) or __import__('os').write(1, b'noise') and __import__('os').write(2, b'noise')",
)


@pytest.fixture
def pool():
    with WorkerPool(workers=2, memory_bytes=512 * MIB) as pool:
        yield pool


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as stat:  # a zombie that nobody has waited for is gone too
        return stat.read().rpartition(")")[2].split()[0] != "Z"


def eventually(condition, seconds=30):
    limit = time.monotonic() + seconds
    while not condition() and time.monotonic() < limit:
        time.sleep(0.02)
    return condition()


def sums(count):
    return [(f"{n} + 1",) for n in range(count)]


def values(outcomes):
    return [outcome.value for outcome in outcomes]


def test_no_process_until_there_is_work(pool):
    assert pool.processes == []
    assert pool.run(EVAL, [], deadline=5) == []
    assert pool.processes == []
    assert values(pool.run(EVAL, [("6 * 7",)], deadline=5)) == [42]
    assert len(pool.processes) == 1


def test_results_keep_their_order_and_type(pool):
    outcomes = pool.run(EVAL, sums(1000), deadline=20)
    assert values(outcomes) == list(range(1, 1001))
    assert all(outcome.error is None and outcome.seconds >= 0 for outcome in outcomes)
    assert values(pool.run(EVAL, [("True",), ("None",), ("1.0",), (r"'\ud800 é'",)], 5)) == [
        True,
        None,
        1.0,
        "\ud800 é",
    ]
    assert len(pool.processes) == 2


def test_constants_are_passed_by_name(pool):
    assert values(pool.run("builtins:sum", [([1, 2],)], 5, {"start": 10})) == [13]


@pytest.mark.parametrize(
    ("task", "error"),
    [
        (STUCK, "timed out after 2 s"),
        (STUCK_IN_C, "timed out after 2 s"),
        (MEMORY_BOMB, "out of memory"),
        (SLOW_MEMORY_BOMB, "out of memory"),
        (SEGFAULT, "worker died (SIGSEGV)"),
        (EXIT, "worker died (exit code 3)"),
        (SYS_EXIT, "SystemExit: 0"),
        (("1 / 0",), "ZeroDivisionError: division by zero"),
        (("object()",), "TypeError: Object of type object is not JSON serializable"),
    ],
)
def test_a_bad_task_costs_only_itself(pool, task, error):
    pool.run(EVAL, sums(2), deadline=60)  # warm
    deadline = 60 if "memory" in error else 2
    tasks = sums(200)
    tasks[70:70] = [task]
    outcomes = pool.run(EVAL, tasks, deadline)
    assert (outcomes[70].value, outcomes[70].error) == (None, error)
    assert values(outcomes[:70] + outcomes[71:]) == list(range(1, 201))


def test_a_task_that_exhausts_its_worker_gets_its_value_elsewhere(pool):
    tasks = [*sums(3), MEMORY_BOMB, SEGFAULT, STUCK, ("1 / 0",), EXIT]
    outcomes = pool.run(EVAL, tasks, deadline=5, overdue="builtins:len")
    assert values(outcomes) == [1, 2, 3, len(MEMORY_BOMB[0]), len(SEGFAULT[0]), None, None, None]
    # one that sleeps, raises or ends itself has exhausted nothing
    assert [outcome.exhausted for outcome in outcomes] == [False] * 3 + [True] * 2 + [False] * 3
    assert [outcome.error is None for outcome in outcomes] == [True] * 5 + [False] * 3
    # where the other function fails as well, the first error stands
    (outcome,) = pool.run(EVAL, [MEMORY_BOMB], deadline=5, overdue="builtins:int")
    assert (outcome.value, outcome.error) == (None, "out of memory")


def test_several_stuck_tasks_in_one_chunk(pool):
    tasks = [STUCK if n % 40 == 0 else (str(n),) for n in range(160)]
    outcomes = pool.run(EVAL, tasks, deadline=2)
    assert [n for n, outcome in enumerate(outcomes) if outcome.error] == [0, 40, 80, 120]
    assert all(outcome.seconds >= 2 for outcome in outcomes if outcome.error)
    assert [outcome.value for outcome in outcomes if not outcome.error] == [n for n in range(160) if n % 40]


def test_what_a_task_prints_disturbs_nothing(pool, capfd):
    assert [outcome.error for outcome in pool.run(EVAL, [PRINT, *sums(3)], deadline=20)] == [None] * 4
    assert capfd.readouterr() == ("", "")


def test_loading_is_not_on_the_deadline(pool, tmp_path, monkeypatch):
    (tmp_path / "slow_to_load.py").write_text(
        "import time\ntime.sleep(1.5)\nwarmed = []\n"
        "def warm(): warmed.append(1)\n"
        "def count(x): return x + len(warmed)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert values(pool.run("slow_to_load:count", [(1,)], deadline=1)) == [2]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("no_such_module_at_all:f", "cannot load `no_such_module_at_all:f`: ModuleNotFoundError"),
        ("math:no_such_function", "cannot load `math:no_such_function`: AttributeError"),
    ],
)
def test_a_function_that_cannot_be_loaded_is_no_fault_of_a_row(pool, path, message):
    with pytest.raises(RewardError, match=message):
        pool.run(path, [(1,)] * 100, deadline=5)
    assert values(pool.run(EVAL, sums(3), deadline=5)) == [1, 2, 3]


def test_a_task_that_cannot_be_sent(pool):
    with pytest.raises(Exception, match="pickle"):
        pool.run(EVAL, [(lambda: 1,)], deadline=5)
    assert values(pool.run(EVAL, sums(3), deadline=5)) == [1, 2, 3]


def test_another_thread_and_several_at_once(pool):
    results = {}

    def work(name):
        tasks = [(f"{n} * {name}",) for n in range(300)]
        tasks[name * 10] = STUCK
        results[name] = pool.run(EVAL, tasks, deadline=2)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    for name in range(1, 5):
        expected = [None if n == name * 10 else n * name for n in range(300)]
        assert values(results[name]) == expected
    assert len(pool.processes) <= 2


def test_a_worker_killed_from_outside_in_mid_task():
    with WorkerPool(workers=1) as pool:

        def kill_in_the_second(index, outcome):
            if index == 0:
                os.kill(pool.processes[0], signal.SIGKILL)

        tasks = [("0",), STUCK, *sums(50)]
        outcomes = pool.run(EVAL, tasks, deadline=600, on_done=kill_in_the_second)
    assert outcomes[1].error == "worker died (SIGKILL)"
    assert values(outcomes) == [0, None, *range(1, 51)]


def test_a_worker_killed_while_idle_costs_nothing(pool):
    pool.run(EVAL, sums(100), deadline=20)
    for pid in pool.processes:
        os.kill(pid, signal.SIGKILL)
    assert values(pool.run(EVAL, sums(100), deadline=20)) == list(range(1, 101))


@pytest.mark.parametrize("size", [1, 10_000_000])
def test_a_worker_stopped_while_idle_waits_no_longer_than_a_deadline(size):
    with WorkerPool(workers=1) as pool:
        pool.run(EVAL, sums(2), deadline=20)
        (stopped,) = pool.processes
        os.kill(stopped, signal.SIGSTOP)
        start = time.monotonic()
        assert values(pool.run(EVAL, [(f"len({'x' * size!r})",), *sums(2)], deadline=5)) == [size, 1, 2]
        assert time.monotonic() - start < 100
        assert not alive(stopped)


def dies_on_import(tmp_path, monkeypatch, times):
    """A module that kills its process the first few times that it is imported."""
    (tmp_path / "dies_on_import.py").write_text(
        "import os, pathlib, signal\n"
        f"tries = pathlib.Path({str(tmp_path / 'tries')!r})\n"
        "made = tries.stat().st_size if tries.exists() else 0\n"
        f"if made < {times}:\n"
        "    tries.write_text('x' * (made + 1))\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "def same(x): return x\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    return "dies_on_import:same"


def test_a_worker_killed_while_importing_is_replaced(tmp_path, monkeypatch):
    path = dies_on_import(tmp_path, monkeypatch, 2)
    with WorkerPool(workers=1) as pool:
        pool.run(EVAL, sums(2), deadline=20)
        assert values(pool.run(path, [(1,), (2,)], deadline=20)) == [1, 2]
        assert len(pool.processes) == 1


def test_workers_that_all_die_while_importing(tmp_path, monkeypatch):
    path = dies_on_import(tmp_path, monkeypatch, 100)
    with WorkerPool(workers=1) as pool:
        with pytest.raises(RewardError, match=r"3 worker processes ended \(SIGKILL\) .* use fewer workers"):
            pool.run(path, [(1,), (2,)], deadline=20)
        assert eventually(lambda: pool.processes == [])
        assert values(pool.run(EVAL, sums(2), deadline=20)) == [1, 2]


def test_a_process_that_cannot_start(pool, monkeypatch):
    def fails(*_):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(pools, "WorkerProcess", fails)
    with pytest.raises(RewardError, match="cannot start a worker process: Resource temporarily unavailable;"):
        pool.run(EVAL, sums(2), deadline=5)


def test_on_done_hears_of_each_task_in_the_callers_thread(pool):
    heard = {}
    here = threading.get_ident()

    def on_done(index, outcome):
        assert threading.get_ident() == here
        heard[index] = outcome

    outcomes = pool.run(EVAL, [*sums(50), STUCK], deadline=2, on_done=on_done)
    assert heard == dict(enumerate(outcomes))


def test_on_done_that_raises_ends_the_run(pool):
    def on_done(index, outcome):
        raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        pool.run(EVAL, [*sums(50), STUCK], deadline=100, on_done=on_done)
    assert values(pool.run(EVAL, sums(3), deadline=20)) == [1, 2, 3]


def test_close_leaves_no_process_and_ends_runs():
    pool = WorkerPool(workers=2)
    failures = []

    def work():
        try:
            pool.run(EVAL, [STUCK, STUCK_IN_C], deadline=600)
        except RewardError as failure:
            failures.append(str(failure))

    thread = threading.Thread(target=work)
    thread.start()
    assert eventually(lambda: len(pool.processes) == 2)
    processes = pool.processes
    pool.close()
    thread.join(timeout=30)
    assert failures == ["the worker pool was closed; make another one to go on"]
    assert pool.processes == [] and not any(map(alive, processes))
    with pytest.raises(RewardError, match="closed"):
        pool.run(EVAL, sums(1), deadline=1)


def test_a_forked_child_starts_its_own_workers(pool):
    pool.run(EVAL, sums(100), deadline=20)
    before = pool.processes
    child = os.fork()
    if child == 0:
        code = 1
        try:
            if pool.processes == [] and values(pool.run(EVAL, sums(3), deadline=20)) == [1, 2, 3]:
                code = 0 if not set(pool.processes) & set(before) else 2
            pool.close()
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert pool.processes == before and values(pool.run(EVAL, sums(3), deadline=20)) == [1, 2, 3]


def script(tmp_path, body):
    """A script without a `__main__` guard whose pool is stuck; it prints its workers' process ids first."""
    path = tmp_path / "script.py"
    path.write_text(
        textwrap.dedent(
            f"""
            import os, signal, sys, threading, time
            from rewardkit.runtime.pool import WorkerPool
            pool = WorkerPool(workers=2)
            def tell():
                while len(pool.processes) < 2:
                    time.sleep(0.02)
                time.sleep(1)
                print(*pool.processes, flush=True)
                {body}
            threading.Thread(target=tell, daemon=True).start()
            pool.run({EVAL!r}, [{STUCK!r}, {STUCK_IN_C!r}], deadline=600)
            """
        )
    )
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=120)
    processes = [int(word) for word in done.stdout.split()]
    assert len(processes) == 2, done.stderr
    return done, processes


def test_ctrl_c_leaves_no_process(tmp_path):
    done, processes = script(tmp_path, "os.kill(os.getpid(), signal.SIGINT)")
    assert "KeyboardInterrupt" in done.stderr and "Error" not in done.stderr
    assert eventually(lambda: not any(map(alive, processes)))


@pytest.mark.parametrize("body", ["os.kill(os.getpid(), signal.SIGKILL)", "os._exit(0)"])
def test_workers_die_with_their_parent(tmp_path, body):
    _, processes = script(tmp_path, body)
    assert eventually(lambda: not any(map(alive, processes)))


def test_the_shared_pool_is_one():
    assert shared_pool() is shared_pool()


def test_a_pool_needs_a_worker():
    with pytest.raises(ValueError, match="at least 1 worker"):
        WorkerPool(workers=0)


def test_a_worker_retires_after_many_tasks():
    with WorkerPool(workers=1) as pool:
        assert values(pool.run(EVAL, sums(1), deadline=20)) == [1]
        first = pool.processes
        assert values(pool.run(EVAL, sums(50_100), deadline=20)) == list(range(1, 50_101))
        assert pool.processes != first
