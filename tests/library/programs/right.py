"""Right programs: each passes its cases."""

SQUARE = "def f(x):\n    return x * x\n"


def call(*args, expected, entry_point="f", **more):
    return {"entry_point": entry_point, "args": list(args), "expected": expected, **more}


RIGHT = {
    "a stream": (
        "print(int(input()) ** 2)",
        {"input": "3\n", "output": "9\n"},
    ),
    "a stream without its last line end": (
        "print(int(input()) ** 2)",
        {"stdin": "3", "stdout": "9"},
    ),
    "white space at the ends of lines": (
        "print('1  \\n2\\n\\n')",
        {"input": "", "output": "1\n2"},
    ),
    "lines as lists": (
        "print(sum(map(int, open(0))))",
        {"input": ["1", "2"], "output": ["3"]},
    ),
    "many streams": (
        "print(input()[::-1])",
        {"inputs": ["ab\n", "cd\n"], "outputs": ["ba\n", "dc\n"]},
    ),
    "lines of Windows": (
        "print('1\\r\\n2')",
        {"input": "", "expected_output": "1\n2\n"},
    ),
    "floats in a stream": (
        "print('x', 1 / 3)",
        {"output": "x 0.333333", "tolerance": 1e-5},
    ),
    "the main part": (
        """\
if __name__ == '__main__':
    print(1)
""",
        {"output": "1"},
    ),
    "a big output": (
        "print('x' * (3 << 20))",
        {"output": "x" * (3 << 20)},
    ),
    "a call": (
        SQUARE,
        call(3, expected=9),
    ),
    "a call by name": (
        """\
def f(a, *, b):
    return a - b
""",
        call(3, kwargs={"b": 1}, expected=2),
    ),
    "a number that is a truth": (
        """\
def f(x):
    return x > 1
""",
        call(3, expected=True),
    ),
    "tuples as lists": (
        """\
def f(x):
    return (x, (x,))
""",
        call(3, expected=[3, [3]]),
    ),
    "a generator": (
        """\
def f(n):
    for i in range(n):
        yield i
""",
        call(3, expected=[0, 1, 2]),
    ),
    "a float": (
        """\
def f():
    return 0.1 + 0.2
""",
        call(expected=0.3, tolerance=1e-9),
    ),
    "a text of all kinds": (
        """\
def f(s):
    return s * 2
""",
        call('a"\\\n\u2028é😀', expected='a"\\\n\u2028é😀' * 2),
    ),
    "a big number": (
        """\
def f(n):
    return 10 ** n
""",
        call(300, expected=10**300),
    ),
    "a big answer": (
        """\
def f(n):
    return list(range(n))
""",
        call(200_000, expected=list(range(200_000))),
    ),
    "Python's own values": (
        """\
def f(a, b):
    return {a: b}
""",
        {"entry_point": "f", "args_repr": "((1, 2), {3})", "expected_repr": "{(1, 2): {3}}"},
    ),
    "a class of solutions": (
        """\
class Solution:
    def twoSum(self, a, b):
        return a + b
""",
        call(1, 2, expected=3, entry_point="twoSum"),
    ),
    "a method": (
        """\
class A:
    def f(self):
        return 1
""",
        call(expected=1, entry_point="A.f"),
    ),
    "APPS": (
        SQUARE,
        {"fn_name": "f", "inputs": [[3], [4]], "outputs": [[9], 16]},
    ),
    "LiveCodeBench": (
        """\
class Solution:
    def f(self, a, b):
        return a + [b]
""",
        {"func_name": "f", "testtype": "functional", "input": "[1]\n2", "output": "[1, 2]"},
    ),
    "names that are null": (
        """\
def f(x):
    return x * x
print(9)
""",
        {"fn_name": None, "input": "", "output": "9"},
    ),
    "a call that prints": (
        """\
def f(x):
    print('9' * 100)
    return x
""",
        call(3, expected=3),
    ),
    "deep recursion": (
        """\
def f(n):
    return n and 1 + f(n - 1)
""",
        call(500, expected=500),
    ),
    "deeper recursion": (
        """\
import sys
sys.setrecursionlimit(10**5)
def f(n):
    return n and 1 + f(n - 1)
""",
        call(20_000, expected=20_000),
    ),
    "HumanEval": (
        SQUARE,
        {
            "entry_point": "f",
            "test": "METADATA = {}\n\ndef check(candidate):\n    assert candidate(3) == 9\n",
        },
    ),
    "HumanEval with helpers": (
        """\
def f(x):
    return x + 1
def g(x):
    return 0
""",
        {
            "entry_point": "f",
            "setup": 'def g(x):\n    return x - 1\n\ndef f(x):\n    """more than x"""\n',
            "test": "def check(candidate):\n    assert g(candidate(3)) == 3\n",
        },
    ),
    "MBPP": (
        SQUARE,
        "assert f(3) == 9",
    ),
    "a test that calls itself": (
        SQUARE,
        """\
def check(candidate):
    assert candidate(3) == 9
def test():
    check(f)
test()
""",
    ),
    "tests in the manner of pytest": (
        SQUARE,
        """\
from solution import f
def test_a():
    assert f(3) == 9
class TestB:
    def test_b(self):
        assert f(2) == 4
""",
    ),
    "tests of unittest": (
        SQUARE,
        """\
import unittest
from solution import f
class A(unittest.TestCase):
    def test_a(self):
        self.assertEqual(f(3), 9)
""",
    ),
    "tests of unittest that run themselves": (
        SQUARE,
        """\
import unittest
class A(unittest.TestCase):
    def test_a(self):
        self.assertEqual(f(3), 9)
if __name__ == '__main__':
    unittest.main()
""",
    ),
    "a module that the test does not import": (
        """\
import math
def f():
    return 4.0
""",
        "assert f() == math.sqrt(16)",
    ),
    "values of many types": (
        """\
import datetime, decimal, fractions, collections
def f():
    return [1j, b'a', bytearray(b'b'), {1}, frozenset([2]), (1,), range(3), decimal.Decimal('1.5'),
        fractions.Fraction(1, 3), datetime.date(2020, 1, 2), datetime.timedelta(1), ..., None,
        collections.Counter('aab'), collections.deque([1]), float('inf'), {(1, 2): [3]}, 10**400]
""",
        """\
import datetime, decimal, fractions, collections
assert f() == [1j, b'a', bytearray(b'b'), {1}, frozenset([2]), (1,), range(3), decimal.Decimal('1.5'),
    fractions.Fraction(1, 3), datetime.date(2020, 1, 2), datetime.timedelta(1), ..., None,
    collections.Counter('aab'), collections.deque([1]), float('inf'), {(1, 2): [3]}, 10**400]
assert type(f()[5]) is tuple and type(f()[13]) is collections.Counter
""",
    ),
    "not a number": (
        """\
def f():
    return float('nan')
""",
        """\
x = f()
assert x != x
""",
    ),
    "a named tuple": (
        """\
from collections import namedtuple
P = namedtuple('P', 'x y')
def f():
    return P(1, 2)
""",
        "assert f() == (1, 2)",
    ),
    "changes in place": (
        """\
def f(xs, d, s):
    xs.sort()
    xs[0].append(9)
    d['a'] = 1
    s.add(3)
""",
        """\
xs, d, s = [[2], [1]], {}, set()
inner = xs[1]
alias = xs
f(xs, d, s)
assert alias == [[1, 9], [2]] and d == {'a': 1} and s == {3}
""",
    ),
    "a matrix in place": (
        """\
def f(m):
    m[:] = [list(r) for r in zip(*m[::-1])]
""",
        """\
m = [[1, 2], [3, 4]]
f(m)
assert m == [[3, 1], [4, 2]]
""",
    ),
    "a closure": (
        """\
def f(n):
    def add(x):
        nonlocal n
        n += x
        return n
    return add
""",
        """\
add = f(3)
assert add(1) == 4 and add(1) == 5 and f(0)(2) == 2
""",
    ),
    "a lazy generator": (
        """\
def f():
    n = 0
    while True:
        yield n
        n += 1
""",
        """\
import itertools
g = f()
assert next(g) == 0 and list(itertools.islice(g, 3)) == [1, 2, 3]
""",
    ),
    "a generator that ends": (
        """\
def f(n):
    yield from range(n)
""",
        """\
assert list(f(3)) == [0, 1, 2] and sum(f(4)) == 6
g = f(0)
try:
    next(g)
except StopIteration:
    pass
else:
    assert False
""",
    ),
    "a class": (
        """\
class Stack:
    limit = 2
    def __init__(self, items=()):
        self.items = list(items)
    def push(self, x):
        if len(self.items) == self.limit: raise OverflowError('full')
        self.items.append(x)
        return self
    def __len__(self):
        return len(self.items)
    def __getitem__(self, i):
        return self.items[i]
    def __iter__(self):
        return iter(self.items)
    def __str__(self):
        return 'Stack' + str(self.items)
    @property
    def top(self):
        return self.items[-1]
""",
        """\
s = Stack([1])
assert s.push(2).top == 2 and len(s) == 2 and s[0] == 1 and list(s) == [1, 2]
assert str(s) == 'Stack[1, 2]' and f'{s}' == 'Stack[1, 2]' and Stack.limit == 2
assert isinstance(s, Stack) and 2 in s and s.push is not None and s is s.push.__self__ if False else True
try:
    s.push(3)
except OverflowError as e:
    assert str(e) == 'full'
else:
    assert False
s.limit = 3
s.push(3)
assert s.items == [1, 2, 3]
""",
    ),
    "linked nodes": (
        """\
class Node:
    def __init__(self, value, next=None):
        self.value, self.next = value, next
def reverse(node):
    last = None
    while node:
        node.next, last, node = last, node, node.next
    return last
""",
        """\
node = reverse(Node(1, Node(2, Node(3))))
values = []
while node:
    values.append(node.value)
    node = node.next
assert values == [3, 2, 1]
""",
    ),
    "an exception of its own": (
        """\
class Broken(ValueError):
    pass
def f(x):
    raise Broken('no', x)
""",
        """\
from solution import Broken, f
try:
    f(1)
except Broken as e:
    assert e.args == ('no', 1)
else:
    assert False
try:
    f(1)
except ValueError:
    pass
""",
    ),
    "exceptions of Python": (
        """\
def f(d, k):
    return d[k]
""",
        """\
for d, k, kind in (({}, 1, KeyError), ([], 1, IndexError), (1, 1, TypeError)):
    try:
        f(d, k)
    except kind:
        continue
    assert False
""",
    ),
    "a function of the test's": (
        """\
def f(g, xs):
    return sorted(filter(g, xs), key=lambda x: -x)
""",
        """\
seen = []
def even(x):
    seen.append(x)
    return x % 2 == 0
assert f(even, [1, 2, 3, 4]) == [4, 2] and seen == [1, 2, 3, 4]
""",
    ),
    "a decorator": (
        """\
def f(g):
    known = {}
    def wrapped(x):
        if x not in known:
            known[x] = g(x)
        return known[x]
    return wrapped
""",
        """\
calls = []
@f
def square(x):
    calls.append(x)
    return x * x
assert square(3) == 9 and square(3) == 9 and calls == [3]
""",
    ),
    "a function of the test's that raises": (
        """\
def f(g):
    try:
        return g()
    except ZeroDivisionError as e:
        return str(e)
""",
        "assert f(lambda: 1 / 0) == 'division by zero'",
    ),
    "a function of the test's that calls the program": (
        """\
def f(g, n):
    return 0 if n == 0 else n + g(n - 1)
""",
        "assert f(lambda n: f(lambda m: 0, n), 3) == 5",
    ),
    "classes of Python": (
        """\
def f(xs, kind):
    return [x for x in xs if isinstance(x, kind)]
def g(x):
    return type(x)
""",
        "assert f([1, 'a', 2.0], int) == [1] and g('a') is str and g([]) == list",
    ),
    "an iterator of the test's": (
        """\
def f(items):
    total = next(items)
    for x in items:
        total += x
    return total
""",
        """\
import itertools
assert f(iter([1, 2, 3])) == 6 and f(x * x for x in range(4)) == 14
items = itertools.count()
def g(n): return (x for x in itertools.islice(items, n))
assert f(g(3)) == 3 and next(items) == 3
""",
    ),
    "views of a dict": (
        """\
def f(d):
    return d.keys()
def g(items):
    return sorted(items)
""",
        "assert list(f({'a': 1})) == ['a'] and g({2: 1, 1: 2}.items()) == [(1, 2), (2, 1)]",
    ),
    "a function named as a module": (
        """\
def copy(x):
    return [x]
""",
        "assert copy(3) == [3]",
    ),
    "a big list of the test's": (
        """\
def f(xs):
    return sorted(xs)
""",
        "assert f(list(range(1_000_000, 0, -1))) == list(range(1, 1_000_001))",
    ),
    "constants": (
        """\
LIMIT = 5
TABLE = {1: 'a'}
""",
        "assert LIMIT == 5 and TABLE[1] == 'a'",
    ),
    "random numbers": (
        """\
import random
def f(seed):
    random.seed(seed)
    return random.random()
""",
        """\
import random
random.seed(3)
assert f(3) == random.random()
""",
    ),
}

NODE = {
    "a stream": (
        "console.log(require('fs').readFileSync(0, 'utf8') * 2)",
        {"input": "3\n", "output": "6"},
    ),
    "a function": (
        "function f(x) { return x * x }",
        call(3, expected=9),
    ),
    "an arrow": (
        "const f = (x) => x * x",
        call(3, expected=9),
    ),
    "a module": (
        "module.exports = { f: (x) => x * x }",
        call(3, expected=9),
    ),
    "a promise": (
        "async function f(x) { return x * x }",
        call(3, expected=9),
    ),
    "a class": (
        "class A { f(x) { return x + 1 } }",
        call(3, expected=4, entry_point="A.f"),
    ),
    "a generator": (
        "function* f(n) { for (let i = 0; i < n; i++) yield i }",
        call(3, expected=[0, 1, 2]),
    ),
    "values": (
        "function f(x) { return [x, { a: null, b: undefined }, 0.5, 'é', true, 2n ** 70n] }",
        call({"k": [1]}, expected=[{"k": [1]}, {"a": None, "b": None}, 0.5, "é", True, 2**70]),
    ),
    "a map": (
        "function f() { return new Map([[1, 'a']]) }",
        {"entry_point": "f", "expected_repr": "{1: 'a'}"},
    ),
    "a call that prints": (
        "function f(x) { console.log('9'); console.error('9'); return x }",
        call(3, expected=3),
    ),
}
