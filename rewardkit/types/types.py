"""Types of values in a spec: `bool`, `int`, `real`, `text`, lists, structured values, units, `T?`."""

from __future__ import annotations

from dataclasses import dataclass, replace

#: unit name -> the suffix its literals carry (`4096tok`, `80ch`, `1.5s`)
UNITS: dict[str, str] = {"tokens": "tok", "chars": "ch", "seconds": "s"}

#: units that count whole things, so that a plain value of them is an `int`
WHOLE_UNITS = frozenset({"tokens", "chars"})


@dataclass(frozen=True)
class Type:
    """One type. `kind` is `bool int real text list json message call testcase result null`.

    `unit` is only set on `int` and `real`; `item` only on `list`; `optional` is the `?`.
    """

    kind: str
    unit: str | None = None
    item: Type | None = None
    optional: bool = False

    @property
    def is_number(self) -> bool:
        return self.kind in ("int", "real")

    @property
    def required(self) -> Type:
        """The same type without `?`."""
        return replace(self, optional=False) if self.optional else self

    @property
    def nullable(self) -> Type:
        """The same type with `?`."""
        return self if self.optional or self.kind == "unknown" else replace(self, optional=True)

    def __str__(self) -> str:
        """As a spec writes it: `tokens` for whole tokens, `real tokens` for a scaled number of them."""
        if self.kind == "list":
            name = f"list[{self.item}]"
        elif self.unit is None:
            name = self.kind
        elif (self.kind == "int") == (self.unit in WHOLE_UNITS):
            name = self.unit
        else:
            name = f"{self.kind} {self.unit}"
        return name + ("?" if self.optional else "")


BOOL = Type("bool")
INT = Type("int")
REAL = Type("real")
TEXT = Type("text")
JSON = Type("json")
MESSAGE = Type("message")
CALL = Type("call")
TESTCASE = Type("testcase")
RESULT = Type("result")
NULL = Type("null", optional=True)
#: stands in for a type that is not known, so that one mistake is reported once
UNKNOWN = Type("unknown")
TOKENS = Type("int", unit="tokens")
CHARS = Type("int", unit="chars")
SECONDS = Type("real", unit="seconds")

#: every type a spec can name, without `list[...]` and `?`
NAMED: dict[str, Type] = {
    "bool": BOOL,
    "int": INT,
    "real": REAL,
    "text": TEXT,
    "json": JSON,
    "message": MESSAGE,
    "call": CALL,
    "testcase": TESTCASE,
    "result": RESULT,
    "tokens": TOKENS,
    "chars": CHARS,
    "seconds": SECONDS,
}


def list_of(item: Type) -> Type:
    return Type("list", item=item)
