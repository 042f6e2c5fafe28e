"""A program in another process, as an assertion script sees it: its functions are proxies here.

Nothing that the program gives is run here. Values are rebuilt as builtins; other objects are handles, whose
methods and attributes are asked for, but which are compared, hashed and tested for truth as they stand.
"""

from __future__ import annotations

import builtins
import collections
import os
from collections.abc import Callable
from typing import Any

import wire  # type: ignore[import-not-found]


class Fault(BaseException):
    """The script is wrong, not the program."""


class Program:
    """The program under test, from outside."""

    def __init__(self, link: Any) -> None:
        self.link = link
        self.uses = 0  # of what the program gives
        self.missing: list[str] = []  # names that it does not have
        self.functions: list[Callable[..., Any]] = []  # what it may call back
        self.handles: dict[int, Handle] = {}
        self.errors: dict[tuple[str, ...], Any] = {}
        self.faults: list[str] = []  # of the script

    def ask(self, **message: Any) -> Any:
        """The program's answer, after whatever it calls here. Raises what it raised."""
        self.uses += message["do"] != "name"
        self.link.write(b"A", message)
        while True:
            answer = self.read()
            if "back" not in answer:
                break
            self.link.write(b"A", self.call_back(answer))
        if "raise" in answer:
            error = self.error(answer)
            if isinstance(error, (StopIteration, StopAsyncIteration)) and message.get("operation") != "next":
                self.broken()  # it would end a loop of the script's
            raise error
        return answer

    def read(self) -> Any:
        try:
            answer = self.link.read()
            if not isinstance(answer, dict):
                raise ValueError("no answer")
        except ValueError:
            self.broken()
        return answer

    def broken(self) -> None:
        """What came is nothing that a program's runner writes: the script ends here, whatever it would do."""
        self.link.write(b"E", {"end": "broken", "crashed": True})
        os._exit(0)

    def call_back(self, answer: Any) -> Any:
        try:
            function = self.functions[answer["back"]]
            args = [self.unpack(arg) for arg in answer["args"]]
            kwargs = {name: self.unpack(arg) for name, arg in answer["kwargs"].items()}
        except (LookupError, TypeError, AttributeError):
            self.broken()
        try:
            return {"value": self.pack(function(*args, **kwargs))}
        except Exception as error:
            return {"raise": type(error).__name__, "args": [str(error)]}

    def error(self, answer: Any) -> Any:
        args = answer.get("args")
        kind = self.error_type(answer["raise"])
        args = [self.unpack(arg) for arg in args] if isinstance(args, list) else []
        try:
            error = kind(*args)
        except Exception:  # it wants other arguments
            error = RuntimeError(kind.__name__)
        error.of_program = True
        return error

    def error_type(self, names: Any) -> Any:
        """The builtin of that name, or a class made here for one of the program's own."""
        if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
            self.broken()
        key = tuple(names[:20])
        if key not in self.errors:
            base = getattr(builtins, key[-1], None)
            if not isinstance(base, type) or not issubclass(base, Exception):
                self.broken()
            self.errors[key] = type(key[0], (self.error_type(list(key[1:])),), {}) if key[1:] else base
        return self.errors[key]

    def name(self, name: str) -> Any:
        """What a name of the program is here. Raises `KeyError`."""
        answer = self.ask(do="name", of=name)
        if "missing" in answer or "module" in answer:
            self.missing.append(name)
            raise KeyError(name)
        found = self.unpack(answer.get("value"))
        self.uses += not isinstance(found, Handle)
        return found

    def pack(self, value: Any) -> Any:
        return wire.pack(value, self.shown)

    def unpack(self, node: Any) -> Any:
        try:
            return wire.unpack(node, self.held)
        except ValueError:
            self.broken()

    def shown(self, value: Any) -> Any:
        if isinstance(value, Handle):
            return ["h", value._number]
        if callable(value) or hasattr(value, "__next__"):
            iterates = not callable(value)
            self.functions.append(value.__next__ if iterates else value)
            return ["w" if iterates else "y", len(self.functions) - 1]
        if isinstance(value, BaseException) or type(value) in wire.BUILTINS.values():
            # the class may have come from the program, which is not to make the script a wrong one
            raise TypeError(f"a value of type {type(value).__name__} cannot be handed over")
        raise self.fault(f"hands the program a value of type `{type(value).__name__}`, which cannot leave it")

    def fault(self, reason: str) -> Fault:
        """A fault, kept in case the script catches it."""
        self.faults.append(reason)
        return Fault(reason)

    def held(self, node: Any) -> Any:
        if node[0] == "x":
            return self.error_type(node[1:])
        tag, number, name, bases = node
        if tag != "h" or not isinstance(number, int) or not isinstance(name, str):
            raise ValueError("not a value")
        if number not in self.handles:
            self.handles[number] = Handle(self, number, name, list(map(str, bases)))
        return self.handles[number]

    def call(self, target: dict[str, Any], args: Any, kwargs: Any) -> Any:
        packed = {name: self.pack(arg) for name, arg in kwargs.items()}
        answer = self.ask(do="call", args=[self.pack(arg) for arg in args], kwargs=packed, **target)
        if "args" in answer:
            _put_back(list(args), self.unpack(answer["args"]))
        return self.unpack(answer.get("value"))

    def apply(self, handle: Handle, operation: str, *args: Any) -> Any:
        packed = [self.pack(arg) for arg in args]
        return self.unpack(
            self.ask(do="apply", of=handle._number, operation=operation, args=packed).get("value")
        )


class Handle:
    """An object of the program's. No `==`, `hash`, truth or arithmetic of it is asked for: a program that
    was given what is expected could say yes to everything."""

    def __init__(self, program: Program, number: int, name: str, bases: list[str]) -> None:
        self.__dict__.update(_program=program, _number=number, _name=name, _bases=bases, __name__=name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._program.call({"of": self._number}, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = self._program.ask(do="get", of=self._number, attribute=name)
        return self._program.unpack(value.get("value"))

    def __setattr__(self, name: str, value: Any) -> None:
        program = self._program
        program.ask(do="set", of=self._number, attribute=name, value=program.pack(value))

    def __instancecheck__(self, other: Any) -> bool:
        return isinstance(other, Handle) and self._name in other._bases

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Any:
        return self._program.apply(self, "iter")

    def __next__(self) -> Any:
        return self._program.apply(self, "next")

    def __len__(self) -> Any:
        return self._program.apply(self, "len")

    def __str__(self) -> Any:
        return self._program.apply(self, "str")

    def __repr__(self) -> Any:
        return self._program.apply(self, "repr")

    def __getitem__(self, key: Any) -> Any:
        return self._program.apply(self, "item", key)

    def __setitem__(self, key: Any, item: Any) -> None:
        self._program.apply(self, "put", key, item)

    def __enter__(self) -> Any:
        return self._program.apply(self, "enter")

    def __exit__(self, *error: Any) -> None:
        self._program.apply(self, "exit")


def _put_back(old: Any, new: Any) -> None:
    """Make containers what a call made of them, in place."""
    if type(old) is not type(new):
        return
    if isinstance(old, (list, tuple)):
        parts = [_kept(a, b) for a, b in zip(old, new)]  # noqa: B905
        parts += list(new[len(old) :])
        if isinstance(old, list):
            old[:] = parts
    elif isinstance(old, dict):
        items = {key: _kept(old.get(key), item) for key, item in new.items()}
        old.clear()
        old.update(items)
    elif isinstance(old, (set, bytearray, collections.deque)):
        old.clear()
        (old.update if isinstance(old, set) else old.extend)(new)


def _kept(old: Any, new: Any) -> Any:
    if type(old) is not type(new) or not isinstance(old, _CONTAINERS):
        return new
    _put_back(old, new)
    return old


_CONTAINERS = (list, tuple, dict, set, bytearray, collections.deque)
