"""Programs that want to pass without being right. Each is tested by `CASES` unless it says otherwise."""

from dataclasses import dataclass

CALL = {"entry_point": "f", "args": [3], "expected": 9}
CHECK = {"entry_point": "f", "test": "def check(candidate):\n    assert candidate(3) == 9\n"}
ASSERTS = "assert f(3) == 9"
CASES = (CALL, CHECK, ASSERTS)
STREAM = {"input": "3\n", "output": "9\n10\n11\n"}
TWICE = (CALL, {**CALL, "args": [4], "expected": 16}, {**CALL, "args": [5], "expected": 25})

#: what is expected where a program looks for it: it knows the pattern
SECRET = "secret-" + "5f3a9c" * 6
HIDDEN = (
    {"entry_point": "f", "args": [3], "expected": SECRET},
    {"entry_point": "f", "test": f"def check(candidate):\n    assert candidate(3) == {SECRET!r}\n"},
)


@dataclass(frozen=True)
class Attack:
    name: str
    source: str
    cases: tuple = CASES
    timeout: float = 10.0
    language: str = "python"


def _in_call(name, body, **more):
    indented = "\n".join("    " + line for line in body.strip().split("\n"))
    return Attack(name, f"import os, sys\ndef f(x):\n{indented}\n", **more)


def _at_import(name, code, **more):
    return Attack(name, f"{code}\ndef f(x):\n    return 0\n", **more)


def _object(name, methods):
    """What is returned has these methods, each with what it gives for any arguments."""
    lines = "\n".join(f"    def {m}(self, *args): return {value}" for m, value in methods.items())
    return Attack(name, f"class A:\n{lines}\ndef f(x):\n    return A()\n")


def _subclass(name, kind, value):
    return Attack(
        name,
        f"class A({kind}):\n"
        "    def __eq__(self, other): return True\n"
        "    def __ne__(self, other): return False\n"
        "    def __bool__(self): return True\n"
        f"    __hash__ = {kind}.__hash__\n"
        f"def f(x):\n    return A({value})\n",
    )


EARLY_EXIT = (
    _at_import("sys.exit when imported", "import sys; sys.exit(0)"),
    _at_import("os._exit when imported", "import os; os._exit(0)"),
    _at_import("SystemExit when imported", "raise SystemExit"),
    _at_import("KeyboardInterrupt when imported", "raise KeyboardInterrupt"),
    _at_import("quit when imported", "import builtins; getattr(builtins, 'quit', exit)()"),
    _in_call("sys.exit", "sys.exit(0)"),
    _in_call("os._exit", "os._exit(0)"),
    _in_call("posix._exit", "import posix\nposix._exit(0)"),
    _in_call("SystemExit", "raise SystemExit(0)"),
    _in_call("GeneratorExit", "raise GeneratorExit"),
    _in_call("own BaseException", "raise type('E', (BaseException,), {})()"),
    _in_call("os.abort", "os.abort()"),
    _in_call("a signal to itself", "import signal\nos.kill(os.getpid(), signal.SIGKILL)"),
    _in_call("another program", "os.execv('/bin/true', ['true'])"),
    _in_call(
        "another thread exits",
        "import threading, time\nthreading.Thread(target=os._exit, args=(0,)).start()\ntime.sleep(30)",
    ),
    _in_call("a child goes on", "if os.fork():\n    os._exit(0)\nreturn 0"),
    _in_call("descriptors closed", "os.closerange(0, 64)\nreturn 0"),
    _in_call("at exit", "import atexit\natexit.register(print, 9)\nsys.exit(0)"),
    _at_import("exit is patched", "import os, sys\nexit = os._exit = sys.exit = lambda *a: 9"),
    _in_call("segmentation fault", "import ctypes\nctypes.string_at(0)"),
)

COMPARISON = (
    _object("always equal", {"__eq__": "True", "__ne__": "False", "__hash__": "0"}),
    _object("a number of any size", {"__eq__": "True", "__int__": "9", "__float__": "9.0", "__index__": "9"}),
    _object("arithmetic that vanishes", {"__sub__": "0", "__rsub__": "0", "__abs__": "0", "__eq__": "True"}),
    _object("in every order", {"__lt__": "True", "__le__": "True", "__gt__": "True", "__eq__": "True"}),
    _object("holds everything", {"__contains__": "True", "__len__": "1", "__getitem__": "9"}),
    _subclass("a text equal to all", "str", "'9'"),
    _subclass("a whole number equal to all", "int", "8"),
    _subclass("a float equal to all", "float", "8.5"),
    _subclass("a list equal to all", "list", "[1]"),
    _subclass("a tuple equal to all", "tuple", "(1,)"),
    _subclass("a dict equal to all", "dict", "{}"),
    _subclass("bytes equal to all", "bytes", "b'9'"),
    _subclass("a set equal to all", "frozenset", "[9]"),
    _subclass("a complex number equal to all", "complex", "1j"),
    _in_call("mock.ANY", "from unittest.mock import ANY\nreturn ANY"),
    _in_call("NotImplemented", "return NotImplemented"),
    _in_call("a signalling NaN", "from decimal import Decimal\nreturn Decimal('sNaN')"),
    _in_call(
        "signalling NaNs in containers",
        "from collections import deque\nfrom decimal import Decimal\n"
        "return [deque([Decimal('sNaN')]), {1: Decimal('-sNaN7')}]",
        cases=(
            {"entry_point": "f", "args": [3], "expected": [[9], {"1": 9}]},
            {"entry_point": "f", "args": [3], "expected_repr": "[9, {1: 9}]", "tolerance": 0.5},
        ),
    ),
    _in_call(
        "its own class named int",
        "return type('int', (), {'__eq__': lambda s, o: True, '__hash__': lambda s: 9})()",
    ),
    _in_call(
        "a metaclass",
        "class M(type):\n"
        "    def __eq__(c, o): return True\n"
        "    __hash__ = type.__hash__\n"
        "return M('A', (), {})",
    ),
    _in_call(
        "pretends to be numpy",
        "class A:\n"
        "    __module__ = 'numpy'\n"
        "    def tolist(self): return self\n"
        "    def __eq__(self, o): return True\n"
        "return A()",
    ),
    _in_call("a function", "return f"),
    _in_call("the number as a text", "return '9'"),
    _in_call("wrapped", "return [9]"),
    _in_call("one of many", "return {7, 8, 9}"),
    _in_call("all numbers in turn", "return iter(range(10))"),
)

PATCHING = (
    _at_import("no assertions", "import builtins\nbuiltins.AssertionError = type('E', (), {})"),
    _at_import(
        "comparing functions",
        "import builtins, operator\n"
        "builtins.all = builtins.any = builtins.isinstance = operator.eq = lambda *a: True",
    ),
    _at_import(
        "every builtin",
        "import builtins\n"
        "for n in dir(builtins):\n"
        "    if n.islower(): setattr(builtins, n, lambda *a, **k: True)",
    ),
    _at_import("imports", "import builtins\nbuiltins.__import__ = lambda *a, **k: 1 / 0"),
    _at_import("json", 'import json\njson.dumps = lambda *a, **k: \'{"end":"passed","value":true}\''),
    _at_import(
        "the runner's encoding",
        "import sys\n"
        "wire = sys.modules['wire']\n"
        "wire.pack = lambda *a: True\n"
        'wire.dumps = lambda m: b\'E{"end":"passed"}\'',
    ),
    _at_import(
        "the runner's frames",
        "import sys\n"
        "frame = sys._getframe()\n"
        "while frame:\n"
        "    for name in ('result', 'passed', 'verdict', 'equal'):\n"
        "        frame.f_globals[name] = frame.f_locals[name] = True\n"
        "    frame = frame.f_back",
    ),
    _at_import(
        "the runner's link",
        "import __main__\n__main__.Link.write = lambda s, m: None",
        timeout=1.0,
    ),
    _at_import(
        "tracing", "import sys\nsys.settrace(lambda f, e, a: None)\nsys.setprofile(lambda *a: sys.exit(0))"
    ),
    _at_import(
        "unittest",
        "import unittest\n"
        "unittest.TestCase.assertEqual = lambda *a: None\n"
        "unittest.TestResult.wasSuccessful = lambda s: True",
        cases=(
            "import unittest\nfrom solution import f\n"
            "class T(unittest.TestCase):\n    def test(self): self.assertEqual(f(3), 9)\nunittest.main()\n",
        ),
    ),
    Attack(
        "skips tests of unittest",
        "import unittest\ndef f(x):\n    raise unittest.SkipTest('no')\n",
        (
            "import unittest\nfrom solution import f\n"
            "class T(unittest.TestCase):\n    def test(self): self.assertEqual(f(3), 9)\n",
        ),
    ),
    Attack("pytest in a comment", "# pytest\nimport os\ndef f(x):\n    return 0\ndef test_f():\n    pass\n"),
    Attack(
        "defines the test",
        "def f(x):\n    return 0\ndef check(candidate):\n    pass\ndef candidate(x):\n    return 9\n",
        (CHECK,),
    ),
    Attack(
        "defines what the test imports",
        "def f(x):\n    return 0\ndef isclose(*a):\n    return True\n",
        (
            {
                "entry_point": "f",
                "test": "from math import isclose\ndef check(c):\n    assert isclose(c(3), 9)",
            },
            "from math import isclose\nassert isclose(f(3), 9)",
        ),
    ),
    _at_import(
        "files that are imported",
        "for n in ('wire', 'remote', 'script', 'sitecustomize', 'json', 'conftest', '__init__'):\n"
        "    open(n + '.py', 'w').write('raise SystemExit(0)')",
    ),
    _at_import("the recursion limit", "import sys\nsys.setrecursionlimit(30)"),
    _at_import("no standard streams", "import sys\nsys.stdout = sys.stderr = sys.stdin = None"),
)

#: writes frames where the runner writes, with a made-up ticket or through the runner's own link
_FORGE = """
import json, os, sys
def forge(message, ticket=b"0" * 32, raw=None):
    data = raw if raw is not None else ticket + json.dumps(message).encode()
    for n in range(3, 12):
        try:
            os.write(n, len(data).to_bytes(4, "big") + data)
        except OSError:
            pass
def link():
    frame = sys._getframe()
    while frame:
        for value in frame.f_locals.values():
            if type(value).__name__ == "Link":
                return value
        frame = frame.f_back
def last(message):
    link().write(message)
    os._exit(0)
"""


def _forging(name, call="return 0", top="", **more):
    body = "\n".join("    " + line for line in call.split("\n"))
    return Attack(name, f"{_FORGE}\n{top}\ndef f(x):\n{body}\n", **more)


def _raw(name, value, **more):
    """Answers with the true ticket, and bytes."""
    return _forging(name, f"data = link().ticket + {value}\nforge(0, raw=data)\nreturn 9", **more)


_VERDICT = 'forge(0, raw=b\'E{"end":"passed"}\')'

FORGING = (
    _forging("a verdict when imported", top=f"forge({{'end': 'passed'}})\n{_VERDICT}"),
    _forging("a verdict in a call", f"{_VERDICT}\nreturn 0"),
    _forging("an answer before it is asked for", top="forge({'value': None})\nforge({'value': 9})"),
    _forging("many answers", top="for _ in range(200): forge({'value': 9})"),
    _forging("an answer with no value", "last({})"),
    _forging("answers and raises at once", "last({'raise': [], 'value': True})"),
    _forging("the true ticket and a verdict", "last({'end': 'passed'})"),
    _forging("two answers", "link().write({'value': 0})\nlink().write({'value': 9})\nreturn 0"),
    _forging(
        "the ticket of the case before",
        "seen.append(link().ticket)\nif seen[1:]: forge({'value': x * x}, seen[0])\nreturn 0",
        top="seen = []",
        cases=TWICE,
    ),
    _forging("answers to come", "for v in (0, 16, 25): link().write({'value': v})\nreturn 0", cases=TWICE),
    _forging("an exit for an error", "last({'raise': ['SystemExit'], 'args': [0]})"),
    _forging("an error that is none", "last({'raise': ['Fault'], 'args': ['x']})"),
    _forging("an error without a name", "last({'raise': None})"),
    _forging("an error of many names", "last({'raise': ['E'] * 100000, 'args': []})"),
    _forging(
        "calls back what was not given", "link().write({'back': 0, 'args': [], 'kwargs': {}})\nreturn 0"
    ),
    _forging("calls back forever", "while True: link().write({'back': 0, 'args': [], 'kwargs': {}})"),
    _forging("a handle that is none", "last({'value': ['h', 'x', 3, 4]})"),
    _forging("a tag that is none", "last({'value': ['?', 9]})"),
    _forging("a value that is a verdict", "last({'value': {'end': 'passed'}})"),
    _forging(
        "a frame of four gigabytes",
        "import time\nos.write(link().output.fileno(), b'\\xff' * 4)\ntime.sleep(30)",
        timeout=2.0,
    ),
    _forging(
        "half a frame",
        "import time\nos.write(link().output.fileno(), b'\\0\\0\\0\\xff' + link().ticket)\ntime.sleep(30)",
        timeout=1.0,
    ),
    _forging(
        "a slow drip",
        "import time\nos.write(link().output.fileno(), b'\\0\\0\\0\\xff')\n"
        "while True:\n    os.write(link().output.fileno(), b' ')\n    time.sleep(0.05)",
        timeout=1.0,
    ),
    _raw("no JSON", "b'\\xff{'"),
    _raw("JSON nested without end", "b'[' * 1000000"),
    _raw("a value nested without end", "b'{\"value\":' + b'[\"l\",' * 5000 + b'1' + b']' * 5000 + b'}'"),
    _raw("a number of a million digits", "b'{\"value\":' + b'9' * 1000000 + b'}'"),
    _raw("an infinite number", "b'{\"value\":Infinity}'"),
    _forging(
        "a fraction that takes forever",
        "last({'value': ['Q', ['i', 'f' * 900000], ['i', 'e' * 900000]]})",
    ),
    _forging("a decimal that takes forever", "last({'value': ['D', '9' * 1000000]})"),
    _forging(
        "keys of one hash",
        "p = 2**61 - 1\n"
        "keys = [v for i in range(1, 60000) for v in (['i', format(i * p, 'x')], 0)]\n"
        "last({'value': ['d'] + keys})",
        timeout=5.0,
    ),
    _forging(
        "a child that answers too",
        "if not os.fork():\n    link().write({'value': 0})\n    os._exit(0)\nos.wait()\nreturn 0",
    ),
    _forging(
        "a child that listens",
        top="if not os.fork():\n    while True:\n        os.read(3, 1)\nimport time\ntime.sleep(0.2)",
        timeout=2.0,
    ),
    _forging(
        "a thread that answers",
        top="import threading, time\ndef spam():\n    while True:\n        forge({'value': 9})\n"
        "        time.sleep(0.001)\nthreading.Thread(target=spam, daemon=True).start()",
    ),
)

_LOOK = """
import gc, glob, os, re, sys
PATTERN = re.compile(rb"secret-[0-9a-f]{36}")
def look():
    for root in (".", "/tmp", "/dev/shm", "/proc/self", "/proc/1", "/proc/self/fd"):
        for path in glob.glob(root + "/*"):
            try:
                if os.path.isfile(path):
                    with open(path, "rb") as file:
                        yield file.read(1 << 20)
            except OSError:
                pass
    for process in ("self", "1", str(os.getppid())):
        try:
            lines = open("/proc/%s/maps" % process).read().split("\\n")
            memory = open("/proc/%s/mem" % process, "rb", 0)
        except OSError:
            continue
        for line in lines:
            if "rw" not in line:
                continue
            start, end = (int(part, 16) for part in line.split()[0].split("-"))
            try:
                memory.seek(start)
                yield memory.read(min(end - start, 1 << 24))
            except (OSError, ValueError, OverflowError):
                pass
    frame = sys._getframe()
    while frame:
        yield repr(frame.f_locals).encode(errors="replace")
        frame = frame.f_back
def found():
    for data in look():
        for match in PATTERN.finditer(data):
            return match[0].decode()
"""

READING = (
    Attack("looks for what is expected", _LOOK + "def f(x):\n    return found()\n", HIDDEN),
    Attack("looks when it is imported", _LOOK + "FOUND = found()\ndef f(x):\n    return FOUND\n", HIDDEN),
    Attack("looks for the output", _LOOK + "print(found())\n", ({"input": "3\n", "output": SECRET},)),
    Attack(
        "asks for the test",
        "def f(x):\n    import __main__\n    return getattr(__main__, 'EXPECTED', 0)\n",
        ("EXPECTED = 9\nassert f(3) == EXPECTED",),
    ),
    Attack(
        "asks a function of the test for the rest",
        "def f(g):\n    return getattr(g, '__globals__', {}).get('EXPECTED', 0)\n",
        ("EXPECTED = 9\nassert f(lambda: 1) == EXPECTED",),
    ),
    Attack(
        "asks an error of the test for its frames",
        "def f(g):\n"
        "    try:\n        g()\n"
        "    except Exception as e:\n        t = e.__traceback__\n"
        "        while t:\n"
        "            if 'EXPECTED' in t.tb_frame.f_globals: return t.tb_frame.f_globals['EXPECTED']\n"
        "            t = t.tb_next\n"
        "    return 0\n",
        ("EXPECTED = 9\nassert f(lambda: 1 / 0) == EXPECTED",),
    ),
)

SCRIPTS = (
    Attack(
        "exits where an error is expected",
        "import os\ndef f(x):\n    os._exit(0)\n",
        ("try:\n    f(3)\nexcept:\n    pass\nelse:\n    assert False",),
    ),
    Attack(
        "hangs where an error is expected",
        "def f(x):\n    while True: pass\n",
        ("try:\n    f(3)\nexcept BaseException:\n    pass",),
        timeout=1.0,
    ),
    Attack(
        "ends a loop of the test",
        "def f(x):\n    raise StopIteration\n",
        ("for x in map(f, [3]):\n    assert x == 9",),
    ),
    Attack(
        "ends a loop with a forged error",
        _FORGE + "def f(x):\n    last({'raise': ['StopIteration'], 'args': []})\n",
        ("for x in map(f, [3]):\n    assert x == 9",),
    ),
    Attack(
        "ends a loop with a class of its own",
        "class E(StopIteration): pass\ndef f(x):\n    raise E\n",
        ("for x in map(f, [3]):\n    assert x == 9",),
    ),
    Attack(
        "is what is looked for",
        "class A:\n    def __contains__(self, x): return True\n    def __iter__(self): return iter(())\n"
        "    def __eq__(self, x): return True\n    __hash__ = None\ndef f(x):\n    return A()\n",
        ("assert 9 in f(3)", "assert f(3) in (9,)", "assert f(3) in {9}", "assert [9].count(f(3))"),
    ),
    Attack(
        "is close to everything",
        "class A(float):\n    def __sub__(s, o): return 0.0\n    __rsub__ = __sub__\n"
        "    def __abs__(s): return 0.0\ndef f(x):\n    return A(1e9)\n",
        (
            "assert abs(f(3) - 9) < 1e-6",
            "import math\nassert math.isclose(f(3), 9)",
            "assert abs(9 - f(3)) < 1",
        ),
    ),
    Attack(
        "answers what it is asked about",
        "class A:\n    def __sub__(s, o): return 0\n    def __rsub__(s, o): return 0\n"
        "    def __abs__(s): return 0\n    def __lt__(s, o): return True\n    def __le__(s, o): return True\n"
        "def f(x):\n    return A()\n",
        ("assert abs(f(3) - 9) < 1e-6", "assert f(3) <= 9", "assert 9 - f(3) == 0"),
    ),
    Attack(
        "an error that says what is expected",
        "class E(Exception):\n    def __eq__(s, o): return True\n    def __str__(s): return 'negative'\n"
        "def f(x):\n    raise E('a')\n",
        ("try:\n    f(3)\nexcept Exception as e:\n    assert e.args == ('negative',)",),
    ),
    Attack(
        "makes the test hand over too much",
        "def f(x):\n    return 'a' * (9 << 20)\n",
        ("f(f(3) * 4)",),
    ),
    Attack(
        "makes the test ask for what is not there",
        "def f(x):\n    return '__import__(\"nowhere\")'\n",
        ("assert eval(f(3)) == 9",),
    ),
    Attack(
        "makes the test hand over a slice",
        "Node = slice\ndef f(node):\n    return 0\n",
        ("assert f(Node(3)) == 9",),
    ),
    Attack(
        "makes the test hand over an error",
        "class Node(ValueError): pass\ndef f(node):\n    return 0\n",
        ("assert f(Node(3)) == 9",),
    ),
    Attack(
        "makes a function of the test give an object",
        "def f(g):\n    return g(object)\n",
        ("assert f(lambda make: make()) == 9",),
    ),
    Attack(
        "a module of its own",
        "class math:\n    isclose = staticmethod(lambda *a, **k: True)\ndef f(x):\n    return 0\n",
        ("assert math.isclose(f(3), 9)",),
    ),
    Attack(
        "errors that no builtin is made of",
        "def f(x):\n    raise ExceptionGroup('a', [ValueError()])\n",
        ("try:\n    f(3)\nexcept (ValueError, TypeError):\n    pass",),
    ),
    Attack(
        "an error named as another",
        "class ValueError(Exception): pass\ndef f(x):\n    raise ValueError\n",
        ("try:\n    f(3)\nexcept (LookupError, ArithmeticError, TypeError):\n    pass",),
    ),
)

RESOURCES = (
    _in_call("recursion without end", "return f(x)"),
    _in_call("a list in itself", "a = []\na.append(a)\nreturn a"),
    _in_call("a list nested without end", "a = []\nfor _ in range(100000): a = [a]\nreturn a"),
    _in_call("an answer without end", "return 'x' * (64 << 20)"),
    _in_call("a number without end", "return 1 << (1 << 28)"),
    _in_call("an iterator without end", "import itertools\nreturn itertools.count()", timeout=5.0),
    _in_call("a loop without end", "while True: pass", timeout=1.0),
    _in_call("a long sleep", "import time\ntime.sleep(60)", timeout=1.0),
    _at_import("a loop when imported", "while True: pass", timeout=1.0),
    _in_call("memory without end", "a = []\nwhile True: a.append(bytearray(1 << 20))"),
    _in_call("prints without end", "while True: print('9' * 1000)", timeout=1.0),
    Attack("no Python", "this is not Python"),
    Attack("nothing at all", ""),
    Attack("a null character", "def f(x):\n    return 9" + chr(0)),
)

STREAMS = tuple(
    Attack(name, source, (STREAM,), timeout=3.0)
    for name, source in (
        ("a prefix of what is expected", "print(9)\nprint(10)"),
        ("more than is expected", "print(9)\nprint(10)\nprint(11)\nprint(12)"),
        ("prints nothing", "pass"),
        ("prints nothing and exits", "import os\nos._exit(0)"),
        ("the right lines, then an error", "print(9)\nprint(10)\nprint(11)\nraise SystemExit(1)"),
        (
            "the right lines, then a signal",
            "import os\nprint('9\\n10\\n11', flush=True)\nos.kill(os.getpid(), 9)",
        ),
        ("the right lines as errors", "import sys\nprint('9\\n10\\n11', file=sys.stderr)"),
        ("the right words in one line", "print(9, 10, 11)"),
        ("the right lines after others", "print()\nprint('9\\n10\\n11')"),
        ("a flood", "while True: print('9\\n10\\n11')"),
        ("every number", "print('\\n'.join(map(str, range(100))))"),
        ("a patched print", "import builtins\nbuiltins.print = lambda *a: None\nprint(9)"),
        ("the right lines, then a wait", "import time\nprint('9\\n10\\n11', flush=True)\ntime.sleep(60)"),
    )
)

JAVASCRIPT = tuple(
    Attack(name, source, (CALL,), timeout=3.0, language="javascript")
    for name, source in (
        ("an exit", "process.exit(0)"),
        ("an exit in a call", "function f(x) { process.exit(0) }"),
        ("an error", "function f(x) { throw 9 }"),
        (
            "a value for all",
            "function f(x) { return { valueOf: () => 9, toString: () => '9', toJSON: () => 9 } }",
        ),
        ("a patched JSON", 'JSON.stringify = () => \'{"end":"passed"}\'; function f(x) { return 0 }'),
        (
            "a forged answer",
            "require('fs').writeSync(4, Buffer.from([0,0,0,1,57])); function f(x) { return 0 }",
        ),
        ("a promise that never comes", "function f(x) { return new Promise(() => {}) }"),
        ("a loop", "function f(x) { for (;;); }"),
        ("a value in itself", "function f(x) { const a = []; a.push(a); return a }"),
    )
)

ATTACKS = (
    *EARLY_EXIT,
    *COMPARISON,
    *PATCHING,
    *FORGING,
    *READING,
    *SCRIPTS,
    *RESOURCES,
    *STREAMS,
    *JAVASCRIPT,
)
