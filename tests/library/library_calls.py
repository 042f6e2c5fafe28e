"""Calls of library functions without the language: the contract of each executor, by hand."""

import ast
import re
from typing import Any

import numpy as np
import polars as pl

from rewardkit.types.function import Function

Value = Any


def call(function: Function, *columns: list[Value], **constants: Value) -> list[Value]:
    """The function on rows: one list per argument that is not constant."""
    assert callable(function.implementation)
    if function.executor == "columns":
        frame = pl.DataFrame({f"{i}": pl.Series(column, dtype=pl.String) for i, column in enumerate(columns)})
        result = function.implementation(*(pl.col(name) for name in frame.columns), **constants)
        return frame.select(result.alias("result"))["result"].to_list()
    if function.executor == "scalar":
        arrays = [np.array(column, dtype=np.float64) for column in columns]
        values: list[Value] = function.implementation(*arrays, **constants).tolist()
        return values
    assert function.executor == "inline"
    return [function.implementation(*row, **constants) for row in zip(*columns, strict=True)]


def call_literal(function: Function, *arguments: Value, **constants: Value) -> Value:
    """The same for one row of literals, as the runtime passes constants to `columns`."""
    if function.executor != "columns":
        return call(function, *([value] for value in arguments), **constants)[0]
    assert callable(function.implementation)
    result = function.implementation(*(pl.lit(value) for value in arguments), **constants)
    return pl.select(result.alias("result"))["result"].to_list()[0]


def run_example(functions: dict[str, Function], text: str) -> Value:
    """The value of an example such as `text.before("a/b", "/", last: true)`."""
    source = re.sub(r"\b([a-z]+): ", r"\1=", text).replace("=true", "=True")
    tree = ast.parse(re.sub(r"\b(\d+)tok\b", r"\1", source), mode="eval").body
    assert isinstance(tree, ast.Call)
    function = functions[ast.unparse(tree.func)]
    given = dict(zip((p.name for p in function.parameters), map(ast.literal_eval, tree.args), strict=False))
    given |= {str(k.arg): ast.literal_eval(k.value) for k in tree.keywords}
    given = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    constants = {p.name: given.pop(p.name) for p in function.parameters if p.constant and p.name in given}
    for parameter in function.parameters:
        if parameter.check and parameter.name in constants:
            assert parameter.check(constants[parameter.name]) is None
    ordered = [given.pop(p.name) for p in function.parameters if p.name in given]
    assert not given
    return call_literal(function, *ordered, **constants)
