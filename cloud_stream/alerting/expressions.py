"""The language of conditions: arithmetic, comparisons, `and`, `or`, `not` over signals, compiled to operations on columns.

Functions: `abs(x)`, `min(x, y)`, `max(x, y)`, `distance_m(lat, lon)`, and over time `mean(x, seconds)`, `rate(x, seconds)` (a minute),
`sigmas(x, half_life_s)` (from the vehicle's own past), `lowest(x, seconds)`, `highest(x, seconds)`.
A node is hashable, so that what several rules share is computed once a batch.
"""

import ast
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

Array = np.ndarray
Names = Callable[[str], bool]
"""Whether there is a signal of that name."""


class Node(NamedTuple):
    """An operation and its operands: nodes, or a name or number for `signal` and `number`; for those over time the last is seconds."""

    op: str
    args: tuple["Node | str | float", ...]


class Wrong(ValueError):
    """The text is no condition; the words say why."""


BINARY: dict[type, str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
COMPARE: dict[type, str] = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
OVER_TIME = ("mean", "rate", "sigmas", "lowest", "highest")
_FUNCTIONS = {"abs": 1, "min": 2, "max": 2, "distance_m": 2, **dict.fromkeys(OVER_TIME, 2)}
_TRUTH = {"<", "<=", ">", ">=", "==", "!=", "and", "or", "not"}
EARTH_M = 6_371_000.0


def parse(text: str, known: Names) -> Node:
    """A text as a node. Raises Wrong."""
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError) as error:
        raise Wrong(f"{text!r} is no expression: {error.args[0]}") from None
    return _node(tree, known)


def is_truth(node: Node) -> bool:
    """Whether it is true or false rather than a number."""
    return node.op in _TRUTH


def _node(tree: ast.expr, known: Names) -> Node:  # noqa: C901, PLR0911 - a table of syntax
    match tree:
        case ast.Name(id=name):
            if not known(name):
                raise Wrong(f"unknown signal {name!r}; `voltlake alerts rules list --signals` shows what there is")
            return Node("signal", (name,))
        case ast.Constant(value=bool()):
            raise Wrong("write 1 and 0 for true and false")
        case ast.Constant(value=(int() | float()) as value):
            return Node("number", (float(value),))
        case ast.UnaryOp(op=ast.USub(), operand=one):
            return Node("negative", (_number(one, known),))
        case ast.UnaryOp(op=ast.Not(), operand=one):
            return Node("not", (_truth(one, known),))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in BINARY:
            return Node(BINARY[type(op)], (_number(left, known), _number(right, known)))
        case ast.BoolOp(op=op, values=values):
            return Node("and" if isinstance(op, ast.And) else "or", tuple(_truth(one, known) for one in values))
        case ast.Compare(left=left, ops=ops, comparators=others):
            return _comparison(left, ops, others, known)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
            return _call(name, args, known)
        case _:
            raise Wrong(f"{ast.unparse(tree)!r} is not allowed here")


def _comparison(left: ast.expr, ops: list[ast.cmpop], others: list[ast.expr], known: Names) -> Node:
    parts = []
    for op, right in zip(ops, others, strict=True):
        if type(op) not in COMPARE:
            raise Wrong(f"{ast.unparse(right)!r} cannot be compared like that; there are {', '.join(COMPARE.values())}")
        parts.append(Node(COMPARE[type(op)], (_number(left, known), _number(right, known))))
        left = right
    return parts[0] if len(parts) == 1 else Node("and", tuple(parts))


def _call(name: str, args: list[ast.expr], known: Names) -> Node:
    if name not in _FUNCTIONS or len(args) != _FUNCTIONS[name]:
        listed = ", ".join(f"{one}({', '.join('xy'[:count])})" for one, count in _FUNCTIONS.items())
        raise Wrong(f"{name} with {len(args)} arguments is no function; there are {listed}")
    nodes = tuple(_number(one, known) for one in args)
    if name in OVER_TIME or name == "distance_m":
        fixed = nodes[1:] if name in OVER_TIME else nodes
        if any(names_of(one) for one in fixed):
            raise Wrong(f"{name} needs a fixed number there")
        numbers = tuple(float(values(one, {}, {})) for one in fixed)
        if name in OVER_TIME:
            if not numbers[0] > 0:
                raise Wrong(f"{name} needs a time of more than 0 seconds")
            return Node(name, (nodes[0], *numbers))
        return Node(name, (Node("signal", ("lat",)), Node("signal", ("lon",)), *numbers))
    return Node(name, nodes)


def _number(tree: ast.expr, known: Names) -> Node:
    node = _node(tree, known)
    if is_truth(node):
        raise Wrong(f"{ast.unparse(tree)!r} is true or false; a number is needed there")
    return node


def _truth(tree: ast.expr, known: Names) -> Node:
    node = _node(tree, known)
    if not is_truth(node):
        raise Wrong(f"{ast.unparse(tree)!r} is a number; compare it, as in {ast.unparse(tree)} > 0")
    return node


def names_of(node: Node) -> frozenset[str]:
    """The signals that it needs."""
    if node.op == "signal":
        return frozenset({str(node.args[0])})
    return frozenset().union(*(names_of(one) for one in node.args if isinstance(one, Node)))


def over_time(node: Node) -> list[Node]:
    """The nodes in it that need a memory, inner ones first."""
    inner = [found for one in node.args if isinstance(one, Node) for found in over_time(one)]
    return [*inner, node] if node.op in OVER_TIME else inner


def values(node: Node, columns: Mapping[str, Array], known: dict[Node, Array]) -> Array:
    """Its value a row. `known` has the nodes over time, and keeps what is computed for the next rule."""
    found = known.get(node)
    if found is None:
        found = columns[str(node.args[0])] if node.op == "signal" else _computed(node, columns, known)
        known[node] = found
    return found


def _computed(node: Node, columns: Mapping[str, Array], known: dict[Node, Array]) -> Array:
    if node.op == "number":
        return np.asarray(node.args[0], np.float64)
    args = [values(one, columns, known) for one in node.args if isinstance(one, Node)]
    if node.op == "distance_m":
        return distance_m(args[0], args[1], float(node.args[2]), float(node.args[3]))  # type: ignore[arg-type]
    if node.op == "inside":
        numbers = [float(number) for number in node.args[2:]]  # type: ignore[arg-type]
        return inside(args[0], args[1], list(zip(numbers[::2], numbers[1::2], strict=True)))
    return _OPERATIONS[node.op](*args)


def inside(lat: Array, lon: Array, polygon: list[tuple[float, float]]) -> Array:
    """1 inside of a polygon of (lat, lon), else 0 (even-odd rule on flat degrees; not across the antimeridian)."""
    crossings = np.zeros(np.shape(lat), int)
    for (lat_a, lon_a), (lat_b, lon_b) in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        spans = (lat_a > lat) != (lat_b > lat)
        height = lat_b - lat_a
        at = lon_a + (lat - lat_a) / (height if height else np.nan) * (lon_b - lon_a)
        crossings += spans & (lon < at)
    return np.where(np.isnan(lat) | np.isnan(lon), np.nan, crossings % 2)


def distance_m(lat: Array, lon: Array, to_lat: float, to_lon: float) -> Array:
    """Great-circle distance in metres (haversine)."""
    a, b = np.radians(lat), np.radians(to_lat)
    half = np.sin((a - b) / 2) ** 2 + np.cos(a) * np.cos(b) * np.sin(np.radians(lon - to_lon) / 2) ** 2
    return 2 * EARTH_M * np.arcsin(np.sqrt(np.clip(half, 0, 1)))


def _all(*args: Array) -> Array:
    return np.logical_and.reduce(np.broadcast_arrays(*args))


def _any(*args: Array) -> Array:
    return np.logical_or.reduce(np.broadcast_arrays(*args))


def _divided(one: Array, other: Array) -> Array:
    """NaN where the divisor is 0: unknown, not endless."""
    return np.divide(one, np.where(other == 0, np.nan, other))


_OPERATIONS: dict[str, Callable[..., Array]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": _divided,
    "negative": np.negative,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
    "abs": np.abs,
    "min": np.minimum,
    "max": np.maximum,
    "not": np.logical_not,
    "and": _all,
    "or": _any,
}
