"""Runs assertion scripts. The program they test is in another process: its functions are proxies here.

Nothing that the program gives is run here. Values are rebuilt as builtins; other objects are handles, whose
methods and attributes are asked for, but which are compared, hashed and tested for truth as they stand.
"""

from __future__ import annotations

import builtins
import importlib
import os
import sys
import types
from collections.abc import Callable
from typing import Any


def beside(name: str) -> Any:
    """A file of this folder as a module, sooner than an import finds it."""
    module = sys.modules[name] = types.ModuleType(name)
    with open(f"{name}.py", "rb") as file:
        exec(compile(file.read(), f"{name}.py", "exec"), module.__dict__)
    return module


wire = beside("wire")
remote = beside("remote")
Fault, Program = remote.Fault, remote.Program


class Link:
    """Messages with the parent: `A`, something for the program, or `E`, the end of a script."""

    def __init__(self) -> None:
        self.input = os.fdopen(int(os.environ.pop("REWARDKIT_IN")), "rb")
        self.output = os.fdopen(int(os.environ.pop("REWARDKIT_OUT")), "wb")

    def read(self) -> Any:
        size = self.input.read(4)
        if len(size) < 4:
            os._exit(0)
        return wire.loads(self.input.read(int.from_bytes(size, "big")))

    def write(self, kind: bytes, message: Any) -> None:
        data = kind + wire.dumps(message)
        self.output.write(len(data).to_bytes(4, "big") + data)
        self.output.flush()


class Space(dict):  # type: ignore[type-arg]
    """The script's names. One that it has not is the program's, or a module of the standard library."""

    def __init__(self, find: Callable[[str], Any]) -> None:
        super().__init__(__name__="__main__", __builtins__=builtins)
        self.find = find

    def own(self, name: str) -> Any:
        """A name that is here. Raises `KeyError`."""
        if name not in self:
            raise KeyError(name)
        return self[name]

    def names(self) -> list[str]:
        return [name for name in self if not name.startswith("__")]

    def __missing__(self, name: str) -> Any:
        if hasattr(builtins, name) or name.startswith("__"):
            raise KeyError(name)
        return self.find(name)


class _Names(types.ModuleType):
    """A module whose names are looked up: the script itself, or the program as `solution`."""

    def __init__(self, name: str, find: Callable[[str], Any], names: Callable[[], list[str]]) -> None:
        super().__init__(name)
        self.__dict__.update(_find=find, _names=names)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self._find(name)
        except KeyError:
            raise AttributeError(name) from None

    def __dir__(self) -> list[str]:
        return list(self._names())


class Script:
    """One script: `setup`, which the program has no part in, then `test`."""

    def __init__(self, link: Link, message: Any) -> None:
        self.program = Program(link)
        self.entry: Any = message["entry_point"]
        self.setup, self.test = message["setup"], message["test"]
        self.ready = False
        self.mentioned: set[str] = set()
        self.called: set[str] = set()
        self.space = Space(self.find)

    def find(self, name: str) -> Any:
        """A name that the script does not define."""
        module = name in _MODULES
        if self.ready and self.entry is None and not (module and name not in self.called):
            try:
                found = self.program.name(name)
                self.space[name] = found
                return found
            except KeyError:
                pass
        if module:
            return importlib.import_module(name)
        if self.ready and self.entry is not None:
            self.program.fault(f"uses `{name}`, which neither it nor its `setup` defines")
        raise KeyError(name)

    def run(self) -> None:
        """Raises what the script raises, and `Fault` where it is no test of the program."""
        code = [_compiled(self.setup, "setup"), _compiled(self.test, "test")]
        self.mentioned, self.called = _names(self.test)
        sys.modules["__main__"] = _Names("__main__", self.space.own, self.space.names)
        try:
            exec(code[0], self.space)
        except BaseException as error:
            raise Fault(f"has a `setup` that fails: {_told(error)}") from None
        self.ready = True
        sys.modules["solution"] = _Names("solution", self.program.name, list)
        before = set(self.space)
        if self.entry is not None:
            self.space["candidate"] = self.space[self.entry.split(".")[-1]] = self.proxy()
        _run(lambda: exec(code[1], self.space))
        self.tests(set(self.space) - before)
        if self.program.uses:
            return
        if self.program.missing:
            raise AssertionError(f"the program has no `{self.program.missing[0]}`")
        raise Fault("never calls the program")

    def names(self, module: Any) -> bool:
        """Whether the script itself asks for a module, and not the program through it."""
        return str(module).partition(".")[0] in self.setup + self.test

    def proxy(self) -> Any:
        def candidate(*args: Any, **kwargs: Any) -> Any:
            return self.program.call({"of": self.entry}, args, kwargs)

        return candidate

    def tests(self, names: set[str]) -> None:
        """What a script defines and leaves to others to run: `check`, pytest's and unittest's tests."""
        mentioned = self.mentioned
        check = self.space.get("check")
        if callable(check) and self.entry is not None and "check" not in mentioned:
            check(self.space["candidate"])
        for name in sorted(names & set(self.space)):
            value = self.space[name]
            if name in mentioned:
                continue
            if name.startswith("test") and isinstance(value, types.FunctionType):
                if value.__code__.co_argcount == len(value.__defaults__ or ()):
                    value()
            elif isinstance(value, type) and name.startswith("Test") and not hasattr(value, "run"):
                for method in sorted(vars(value)):
                    if method.startswith("test"):
                        getattr(value(), method)()
            elif isinstance(value, type) and "unittest" in sys.modules and "main" not in mentioned:
                self.unittest(value)

    def unittest(self, case: type) -> None:
        import unittest

        if issubclass(case, unittest.TestCase):
            suite = unittest.defaultTestLoader.loadTestsFromTestCase(case)
            found = suite.run(unittest.TestResult())
            if found is not None and not found.wasSuccessful():
                raise AssertionError("a test of unittest fails")


def _names(source: str) -> tuple[set[str], set[str]]:
    """Names that a script uses outside of what it defines under them, so that it runs those tests itself,
    and names that it calls, which are no modules."""
    found: set[Any] = set()
    called: set[Any] = set()
    for statement in compile(source, "test", "exec", _ONLY_TREE).body:
        own = getattr(statement, "name", None)
        nodes = [statement]
        while nodes:
            node = nodes.pop()
            called.add(getattr(getattr(node, "func", None), "id", None))
            for field in getattr(node, "_fields", ()):
                part = getattr(node, field, None)
                if field in ("id", "attr") and part != own:
                    found.add(part)
                nodes += part if isinstance(part, list) else [part]
    return found, called


_ONLY_TREE = 0x400  # `ast.PyCF_ONLY_AST`, without the time that importing `ast` takes


def _run(run: Callable[[], None]) -> None:
    """A script may end with `sys.exit(0)`, as `unittest.main()` does."""
    try:
        run()
    except SystemExit as end:
        if end.code not in (None, 0):
            raise AssertionError(f"ended with {end.code!r}") from None


def _compiled(source: str, name: str) -> Any:
    try:
        return compile(source, name, "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Fault(f"has a `{name}` that is no Python: {_told(error)}") from None


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".split("\n")[0][:200]


#: modules that a script may use without importing them
_MODULES = getattr(sys, "stdlib_module_names", ("math", "re", "random", "copy", "itertools", "collections"))


def verdict(link: Link, message: Any) -> dict[str, Any]:
    """How a script ends."""
    script = Script(link, message)
    end: dict[str, Any] = {"end": "passed"}
    try:
        script.run()
    except Fault as fault:
        return {"end": "fault", "reason": (script.program.faults or [str(fault)])[0]}
    except BaseException as error:
        of_program = getattr(error, "of_program", False)
        if isinstance(error, ModuleNotFoundError) and not of_program and script.names(error.name):
            return {"end": "fault", "reason": f"needs what is not installed: {_told(error)}"}
        memory = of_program and isinstance(error, MemoryError)
        end = {"end": "failed", "crashed": bool(of_program), "memory": memory}
    if script.program.faults:
        return {"end": "fault", "reason": script.program.faults[0]}
    return end


def main() -> None:
    link = Link()
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    while True:
        link.write(b"E", verdict(link, link.read()))


main()
