"""What a spec may call of `tools.*`, and what is said of it."""

from __future__ import annotations

from fractions import Fraction

from rewardkit.library.tools.bfcl import bfcl_match
from rewardkit.library.tools.comparing import argument_match, match, name_match, same
from rewardkit.library.tools.matching import MATCHINGS
from rewardkit.library.tools.reading import CLOSE, MAX_CALLS, OPEN, STYLES, parse
from rewardkit.types.function import Axiom, Example, Function, Parameter
from rewardkit.types.interval import UNIT, Interval, between, point
from rewardkit.types.types import BOOL, CALL, JSON, REAL, TEXT, list_of
from rewardkit.types.values import MAX_DEPTH, MAX_DIGITS

_CALLS = list_of(CALL)
_FOUND, _GOLD = Parameter("found", _CALLS), Parameter("gold", _CALLS)
_MATCHING = Parameter("matching", TEXT, default="optimal", constant=True, choices=tuple(MATCHINGS))


def _block(*calls: str) -> str:
    """An expression of the language for the calls of one Hermes block."""
    return f'tools.parse("""{OPEN}{" ".join(calls)}{CLOSE}""")'


_ADD = '{"name": "add", "arguments": {"a": 1, "b": 2}}'
_WRONG = '{"name": "add", "arguments": {"a": 1, "b": 3}}'
_SPAM = '{"name": "sub", "arguments": {"a": 1, "b": 2}}'


_WEATHER = (
    '{"name": "weather", "parameters": {"required": ["city"], '
    '"properties": {"city": {"type": "string"}, "days": {"type": "integer"}}}}'
)


def _bfcl_example(found: str) -> str:
    calls = f'tools.parse("{found}", style: "python")'
    possible = '{"weather": {"city": ["New York"], "days": [2, ""]}}'
    return f'tools.bfcl_match({calls}, json.parse("""{_WEATHER}"""), json.parse("""{possible}"""))'


_TOO_MANY = f"more than {MAX_CALLS} gold calls"

FUNCTIONS = (
    Function(
        name="tools.parse",
        parameters=(
            Parameter("text", TEXT),
            Parameter("style", TEXT, default="hermes", constant=True, choices=tuple(STYLES)),
        ),
        result=_CALLS.nullable,
        summary="the tool calls in a text; `[]` where there are none, null where they cannot be read",
        executor="inline",
        implementation=parse,
        examples=(
            Example(f"len({_block(_ADD, _SPAM)})", 2),
            Example('len(tools.parse("none needed"))', 0),
            Example(f"{_block(_ADD[:-1])} == null", True),
            Example('len(tools.parse("[add(a=1, b=2), clock.set(to=\'noon\')]", style: "python"))', 2),
        ),
        doc=f"""\
- `hermes` (Hermes, Qwen): JSON objects between `{OPEN}` and `{CLOSE}`, one or more to a block, any number of
  blocks, with free text outside.
- `openai`: the JSON of the chat API, which is a list of calls, one call, or a message with `tool_calls`. A
  call may stand inside `{{"type": "function", "function": …}}`, and its arguments may be JSON text.
- `llama` (Llama 3.1 and later): `{{"name": …, "parameters": {{…}}}}`, or several with `;` between them,
  perhaps after `<|python_tag|>`.
- `llama_pythonic` (Llama 3.2 and 4): `[f(a=1), g.h(b="x")]`, perhaps after `<|python_start|>`.
- `python`: the same with or without the brackets.
- `bfcl`: as `python`, and a name, `a.b` or `a["b"]` as an argument is read as its own text: that is how
  BFCL's possible answers write variables.

All of `text` is read, so cut off first what does not belong: reasoning with
`text.after(completion.text, "</think>")`, words around a list of calls with `text.find(x, r"(?s)\\[.*\\]")`.

In the JSON styles a call holds a name, a text, and `arguments` (or `parameters`), an object, and nothing else
but what the API adds (`id`, `type`, `index`, `status`). In the Python ones arguments are named and literals:
texts, numbers, `True`, `False`, `None`, lists, tuples (which become lists) and dicts with texts as keys.
Positional arguments, `*`, arithmetic and calls inside calls are not read, and nothing is ever evaluated.

`[]`: a text without calls. In `hermes` it has no `{OPEN}`; in the others it does not begin as calls begin,
with a bracket (`{{` in `llama`) or, in `python` and `bfcl`, with `name(`.

Null: everything else, wherever it goes wrong. A tag without its partner, an empty block, JSON that is not
strict (NaN, repeated keys), an argument given twice, nesting deeper than {MAX_DEPTH}, a number of more than
{MAX_DIGITS} digits, more than {MAX_CALLS} calls.
""",
    ),
    Function(
        name="tools.same",
        parameters=(_FOUND, _GOLD),
        result=BOOL,
        summary="whether the two lists hold the same calls, in any order",
        executor="inline",
        implementation=same,
        examples=(
            Example(f"tools.same({_block(_ADD, _SPAM)}, {_block(_SPAM, _ADD)})", True),
            Example(f"tools.same({_block(_ADD)}, {_block(_ADD, _ADD)})", False),
        ),
        axioms=(
            Axiom(True, "tools.match", point(3)),
            Axiom(False, "tools.match", Interval(Fraction(-3), Fraction(3), hi_open=True)),
            Axiom(True, "tools.name_match", point(1)),
            Axiom(True, "tools.argument_match", point(1)),
            Axiom(False, "tools.argument_match", Interval(Fraction(0), Fraction(1), hi_open=True)),
        ),
        doc="""\
Equal as multisets: order does not count, repetition does. Arguments are equal as JSON: the order of keys
and white space do not count, `1.0` is `1`, but `1`, `true` and `"1"` are three values. `==` on calls is
stricter: it wants their order, and tells `1.0` from `1`.
""",
    ),
    Function(
        name="tools.name_match",
        parameters=(_FOUND, _GOLD),
        result=REAL,
        range=UNIT,
        summary="how far the names of the calls agree",
        executor="inline",
        implementation=name_match,
        examples=(Example(f"tools.name_match({_block(_ADD, _SPAM)}, {_block(_ADD)})", 0.5),),
        doc="""\
The Jaccard index of the two multisets of names: those in common over those in either; 1 where both
lists are empty.
""",
    ),
    Function(
        name="tools.argument_match",
        parameters=(_FOUND, _GOLD, _MATCHING),
        result=REAL,
        range=UNIT,
        faults=True,
        fails=_TOO_MANY,
        summary="how far the arguments of the calls agree",
        executor="inline",
        implementation=argument_match,
        examples=(
            Example(f"tools.argument_match({_block(_ADD)}, {_block(_ADD)})", 1.0),
            Example(f"tools.argument_match({_block(_ADD, _SPAM)}, {_block(_ADD)})", 0.5),
        ),
        doc="""\
Calls of the same name are matched one to one. A matched pair earns the Jaccard index of its parameter
names plus one for each equal value; the sum is divided by `1 + number of arguments`, summed over the
calls of the larger list. 1 where both lists are empty. `matching` is explained at `tools.match`.
""",
    ),
    Function(
        name="tools.match",
        parameters=(
            _FOUND,
            _GOLD,
            Parameter("style", TEXT, default="toolrl", constant=True, choices=("toolrl", "toolrl_published")),
            _MATCHING,
        ),
        result=REAL,
        range=between(-3, 3),
        faults=True,
        fails=_TOO_MANY,
        summary="ToolRL's correctness: 3 for exactly the gold calls, -3 for nothing of them",
        executor="inline",
        implementation=match,
        examples=(
            Example(f"tools.match({_block(_ADD)}, {_block(_ADD)})", 3.0),
            Example(f"tools.match({_block(_WRONG)}, {_block(_ADD)})", 1.5),
            Example(f'tools.match({_block(_SPAM)}, tools.parse(""))', -3.0),
        ),
        doc=f"""\
The correctness reward of ToolRL (Qian et al. 2025, arXiv 2504.13958, reward design), as GDPO uses it:

    r_name  = names in common / names in either, as multisets
    r_param = for each matched pair, parameter names in common / in either (1 where there are none)
    r_value = for each matched pair, how many parameters have equal values
    R       = 6 * (r_name + sum of r_param + sum of r_value) / S_max - 3

Calls are matched one to one, and only with calls of their own name. `matching` says how: `optimal` takes
the heaviest matching, as the paper describes; `greedy` lets each gold call in turn take the best call
left, as the published code does; `in_order` takes the heaviest one without crossings, so that a wrong
order costs. Arguments are equal as JSON (see `tools.same`).

Two styles differ in what else may be called:

- `toolrl_published`: `S_max = 1 + sum over gold of (1 + its parameters)`. A right call of one parameter
  with a needless call beside it still scores 2, a right call of eight scores 2.7; gold without calls
  scores 0 whatever is called.
- `toolrl`, the default: `S_max` is the larger of that sum for the gold and for the found calls, so that
  every call and every argument too many costs what a missing one does. Where no call is expected, none
  scores 3 and any scores -3. It equals the published score whenever the found calls are not the larger.

3 is reached by the same calls only (in any order, unless `in_order`). The arguments of more than
{MAX_CALLS} found calls earn nothing. Calls that could not be read are null, and so is their score: the
spec says what that is worth, as in `tools.match(tools.parse(completion.text), gold) ?? -3`.
""",
    ),
    Function(
        name="tools.bfcl_match",
        parameters=(
            _FOUND,
            Parameter("functions", JSON),
            Parameter("possible", JSON),
            Parameter("underscores", BOOL, default=False, constant=True),
        ),
        result=BOOL,
        faults=True,
        fails="the declarations or the possible answers are not of BFCL's shape",
        summary="BFCL's AST check: whether the calls are among the possible ones",
        executor="inline",
        implementation=bfcl_match,
        examples=(
            Example(_bfcl_example("[weather(city='new york', days=2)]"), True),
            Example(_bfcl_example("[weather(city='NEW-YORK')]"), True),
            Example(_bfcl_example("[weather(city='New York', days='2')]"), False),
            Example(_bfcl_example("[weather(city='New York'), weather(city='New York')]"), False),
        ),
        doc="""\
The verdict of the Berkeley Function Calling Leaderboard (Patil et al. 2025, AST evaluation) for Python tasks;
simple, multiple, parallel and parallel multiple ones are under one rule.

- There are as many calls as possible answers, and each is matched with one of its own, in any order.
  `possible` is an object, or a list of objects, that holds under a function's name the possible values of
  each argument: `{"weather": {"city": ["New York"], "days": [2, ""]}}`. Several answers of one function are
  counted behind its name (`weather_1`, `weather 2`) or stand in a list. `{}` and `[]` mean that no call is
  right.
- A call has the name that `functions` declares: one declaration or a list, as BFCL or OpenAI write them. It
  gives all required parameters, none that is undeclared or has no possible values, and may leave out only
  those that have `""` among theirs.
- Types are `string integer float boolean array tuple dict any`; `number` and `object` are known too. An
  integer is taken for a float, though not inside a list; a float is no integer and `true` no number; items
  of a list have their declared type; `any` is a text. A value of another type counts where the possible
  values have that type, as variables do.
- Texts are compared without case and without ` ,./-_*^`, and `'` is `"`; so are texts in lists and objects,
  but not variables. Objects have possible values for each key. Lists of objects are compared place by
  place.

`underscores: true` expects `_` for each `.` of a declared name, for models whose API allows no dots.

It gives the leaderboard's own verdict on 99.8% of the answers of eight models that can be read;
`docs/tool_calls.md` has the table. Two things differ: calls are matched with answers as well as can be,
where the leaderboard takes the first that fits, and whole numbers in `possible` count as floats where
floats are declared.
""",
    ),
)
