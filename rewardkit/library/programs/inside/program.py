"""Beside a program: runs it, then answers calls of its functions until nobody asks any more.

Each message begins with 32 bytes that its answer begins with. Nothing here is kept from the program: all that
an answer is worth is the value in it, which others compare.
"""

from __future__ import annotations

import builtins
import itertools
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

#: items that an iterator gives where a plain value is wanted
MOST_ITEMS = 1_000_000


class Link:
    """Messages with the caller."""

    def __init__(self) -> None:
        self.input = os.fdopen(int(os.environ.pop("REWARDKIT_IN")), "rb")
        self.output = os.fdopen(int(os.environ.pop("REWARDKIT_OUT")), "wb")
        self.ticket = b""

    def read(self) -> Any:
        size = self.input.read(4)
        if len(size) < 4:
            os._exit(0)
        message = self.input.read(int.from_bytes(size, "big"))
        self.ticket = message[:32]
        return wire.loads(message[32:])

    def write(self, message: Any) -> None:
        data = self.ticket + wire.dumps(message)
        self.output.write(len(data).to_bytes(4, "big") + data)
        self.output.flush()


class Items:
    """An iterator of the caller's."""

    def __init__(self, take: Callable[[], Any]) -> None:
        self.take = take

    def __iter__(self) -> Items:
        return self

    def __next__(self) -> Any:
        return self.take()


class Session:
    """The program's module, and its objects that the caller holds on to."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.module = types.ModuleType("solution")
        self.objects: list[Any] = []
        self.numbers: dict[int, int] = {}
        self.plain = False

    def answer(self, message: Any) -> None:
        """Do what is asked, and say what came of it. What is no `Exception` ends the process."""
        self.plain = bool(message.get("plain"))
        try:
            reply = getattr(self, "do_" + message["do"])(message)
            self.link.write(reply)
        except Exception as error:
            self.link.write(self.raised(error))

    def raised(self, error: Exception) -> Any:
        try:
            args = [wire.pack(arg) for arg in error.args]
        except Exception:
            args = []
        return {"raise": _names(type(error)), "args": args}

    # --- what may be asked ---------------------------------------------------------------------------

    def do_load(self, message: Any) -> Any:
        path = self.module.__file__ = os.path.abspath("solution.py")
        with open(path, "rb") as file:
            source = file.read()
        sys.modules["solution"] = self.module
        exec(compile(source, path, "exec"), self.module.__dict__)
        return {"value": None}

    def do_name(self, message: Any) -> Any:
        """What a name stands for, if anything: `module` where it is one that was imported."""
        try:
            found = self.named(message["of"])
        except NameError:
            return {"missing": True}
        if isinstance(found, types.ModuleType):
            return {"module": found.__name__}
        return {"value": self.pack(found)}

    def do_call(self, message: Any) -> Any:
        function = self.target(message)
        args = [self.unpack(arg) for arg in message.get("args", ())]
        kwargs = {name: self.unpack(arg) for name, arg in message.get("kwargs", {}).items()}
        before = None if self.plain else self.pack(args)
        try:
            value = self.pack(function(*args, **kwargs))
        except (StopIteration, StopAsyncIteration) as stop:  # it would end a loop of the caller's
            raise RuntimeError("a function raised StopIteration") from stop
        if self.plain:
            return {"value": value}
        after = self.pack(args)
        return {"value": value, "args": after} if after != before else {"value": value}

    def do_get(self, message: Any) -> Any:
        return {"value": self.pack(self.target(message))}

    def do_set(self, message: Any) -> Any:
        setattr(self.objects[message["of"]], message["attribute"], self.unpack(message["value"]))
        return {"value": None}

    def do_apply(self, message: Any) -> Any:
        """One of a few operations that tell nothing of what is expected."""
        operation = _OPERATIONS[message["operation"]]
        args = [self.unpack(arg) for arg in message.get("args", ())]
        return {"value": self.pack(operation(self.objects[message["of"]], *args))}

    # --- names and values -------------------------------------------------------------------------------

    def target(self, message: Any) -> Any:
        of = message["of"]
        found = self.objects[of] if isinstance(of, int) else self.named(of)
        return getattr(found, message["attribute"]) if "attribute" in message else found

    def named(self, name: str) -> Any:
        """A name of the program, `Class.method` on a new object, or a method of its class `Solution`."""
        first, *rest = name.split(".")
        space = self.module.__dict__
        if first not in space and hasattr(space.get("Solution"), first):
            return getattr(space["Solution"](), first)
        if first not in space:
            raise NameError(f"name {first!r} is not defined")
        found = space[first]
        for part in rest:
            found = getattr(found() if isinstance(found, type) else found, part)
        return found

    def pack(self, value: Any) -> Any:
        return wire.pack(value, self.held)

    def unpack(self, node: Any) -> Any:
        return wire.unpack(node, self.given)

    def held(self, value: Any) -> Any:
        """A value that stays here: the caller gets its number. Plain answers have iterators as lists."""
        if self.plain and hasattr(value, "__next__"):
            return self.pack(list(itertools.islice(value, MOST_ITEMS)))
        if isinstance(value, type) and issubclass(value, Exception):
            return ["x", *_names(value)]
        number = self.numbers.get(id(value))
        if number is None:
            number = self.numbers[id(value)] = len(self.objects)
            self.objects.append(value)
        kind = value if isinstance(value, type) else type(value)
        return ["h", number, kind.__name__, [base.__name__ for base in kind.__mro__]]

    def given(self, node: Any) -> Any:
        """An object of this program's, or a function or an iterator of the caller's."""
        if node[0] == "h":
            return self.objects[node[1]]
        if node[0] == "y":
            return lambda *args, **kwargs: self.back(node[1], args, kwargs)
        if node[0] == "w":
            return Items(lambda: self.back(node[1], (), {}))
        raise ValueError("not a value")

    def back(self, number: int, args: Any, kwargs: Any) -> Any:
        """Call a function of the caller's; it may ask for something here before it answers."""
        packed = {name: self.pack(arg) for name, arg in kwargs.items()}
        self.link.write({"back": number, "args": [self.pack(arg) for arg in args], "kwargs": packed})
        while True:
            message = self.link.read()
            if "do" not in message:
                break
            self.answer(message)
        if "raise" in message:
            known = getattr(builtins, message["raise"], RuntimeError)
            raise known(*[self.unpack(arg) for arg in message["args"]])
        return self.unpack(message["value"])


_OPERATIONS: dict[str, Any] = {
    "iter": iter,
    "next": next,
    "len": len,
    "str": str,
    "repr": repr,
    "item": lambda value, key: value[key],
    "put": lambda value, key, item: value.__setitem__(key, item),
    "enter": lambda value: value.__enter__(),
    "exit": lambda value: value.__exit__(None, None, None),
}


def _names(kind: type) -> list[str]:
    """An exception's classes, from its own to the first that is a builtin."""
    names = []
    for base in kind.__mro__:
        names.append(base.__name__)
        if getattr(builtins, base.__name__, None) is base:
            break
    return names


def main() -> None:
    link = Link()
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # what a function prints is no part of what it gives
        os.dup2(nothing, stream)
    session = Session(link)
    while True:
        session.answer(link.read())


main()
