"""Large and hostile specs and rows: what the limits let through costs no more than its size."""

import time

import pytest
from probes import install

import rewardkit as rk
from rewardkit.runtime.errors import RowsError
from rewardkit.runtime.files import read_rows
from rewardkit.runtime.rows import number_groups

R = "\nreward { t: 1 }"


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    install(monkeypatch)
    began = time.process_time()
    yield
    assert time.process_time() - began < 20, "this took far longer than it should"


def total(spec, columns, group=None):
    return rk.loads(spec + R)(columns, group=group).total.tolist()


def chain(n, first, step):
    """`n` lets, each of the one before it."""
    return "\n".join([first, *(step.format(i=i, before=i - 1) for i in range(1, n + 1)), f"term t = l{n}"])


def test_a_long_chain_of_lets():
    spec = chain(4000, "input a: int\nlet l0 = a", "let l{i} = l{before} + 1")
    assert total(spec, {"a": [1]}) == [4001]


def test_a_chain_in_the_other_order():
    lines = chain(3000, "input a: int\nlet l0 = a", "let l{i} = l{before} + 1").splitlines()
    assert total("\n".join([lines[0], *reversed(lines[1:])]), {"a": [1]}) == [3001]


def test_every_path_through_a_graph():
    spec = chain(500, "input a: int\nlet l0 = a", "let l{i} = l{before} - l{before} + l{before}")
    assert total(spec, {"a": [1]}) == [1]


def test_every_path_through_conditions():
    spec = chain(
        80, "input a: int?\nlet l0 = a != null", "let l{i} = l{before} and (l{before} or not l{before})"
    ).replace("term t = l80", "term t when l80 = a")
    assert total(spec, {"a": [3, None]}) == [3, 0]


def test_numbers_that_grow():
    spec = chain(200, "input a: int in [0, 3]\nlet l0 = a / 7", "let l{i} = l{before} * l{before} + 0.1")
    assert 0 < total(spec, {"a": [1]})[0] < 1
    spec = chain(200, "input a: real in [2, 3]\nlet l0 = a", "let l{i} = l{before} * l{before}")
    assert total(spec + " ?? -1", {"a": [2]}) == [-1]


def test_a_wide_sum():
    # deeper than the nesting limit, so in slices
    terms = "\n".join(f"let s{k} = " + " + ".join(f"a * {k * 50 + j}" for j in range(50)) for k in range(40))
    spec = f"input a: int\n{terms}\n"
    spec += (
        "\n".join(f"let u{k} = s{k}" + (f" + u{k - 1}" if k else "") for k in range(40)) + "\nterm t = u39"
    )
    assert total(spec, {"a": [2]}) == [2 * sum(range(2000))]


def test_many_aggregates():
    lets = "\n".join(f"let l{k} = mean(a * {k + 1}) over group" for k in range(500))
    sums = "\n".join(f"let u{k} = l{k}" + (f" + u{k - 1}" if k else "") for k in range(500))
    assert total(f"input a: int\n{lets}\n{sums}\nterm t = u499", {"a": [1, 3]}, 2) == [250500, 250500]


def test_a_chain_of_calls():
    spec = chain(400, "input s: text\nlet l0 = s", "let l{i} = text.lower(l{before})")
    assert total(spec.replace("term t = l400", 'term t = l400 == "ab"'), {"s": ["AB", "C"]}) == [1, 0]


def test_a_chain_of_guarded_calls():
    spec = chain(
        100,
        "input a: int\nlet l0 = a",
        "let l{i} = if probe.even(l{before}) then probe.half(l{before}) ?? 0 else 1",
    )
    assert total(spec, {"a": [2**40, 12, 7]}) == [1, 1, 1]


@pytest.mark.parametrize("depth", [2, 4])
def test_folds_in_folds(depth):
    body = "1"
    for level in range(depth):
        body = f"sum({body} for x{level} in xs)"
    assert total(f"input xs: list[int]\nterm t = {body}", {"xs": [list(range(8)), []]}) == [8**depth, 0]


def test_folds_in_a_chain_of_lets():
    spec = chain(200, "input xs: list[int]\nlet l0 = 1", "let l{i} = sum(x * 0 + l{before} for x in xs)")
    assert total(spec, {"xs": [[5], []]}) == [1, 0]


def test_digits():
    spec = "input a: int\nlet x = math.number(completion.text) ?? 1\nterm t = x + a"
    assert total(spec, {"a": [1, 1], "completion": ["9" * 100_000, "9" * 150]}) == [2, 1e150]


def test_large_groups_and_many():
    n = 20_000
    spec = "input a: int\nterm t = a - (mean(a) over group) + rank(a) over group"
    assert len(total(spec, {"a": list(range(n))}, n)) == n
    assert len(total(spec, {"a": list(range(n))}, 1)) == n


def test_a_row_of_many_keys_of_which_one_comes_twice(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("{" + ",".join(f'"k{i}":1' for i in range(100_000)) + ',"k99999":2}')
    with pytest.raises(RowsError, match=r"line 1: the key 'k99999' comes twice"):
        read_rows(str(path))


def test_a_cell_of_many_digits_that_is_no_number(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("a\n" + "9" * 200_000 + "x\n")
    with pytest.raises(RowsError, match=r"column `a`: '9{60}' is not `real`"):
        read_rows(str(path), rk.loads("input a: real\nterm t = a" + R).spec)


def test_group_ids_of_one_hash():
    ids = [i * (2**61 - 1) for i in range(1, 100_001)]
    assert number_groups([*ids, -ids[0], ids[0]], {})[-2:].tolist() == [100_000, 0]
