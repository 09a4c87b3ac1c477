"""The shape of the code base, enforced: who imports whom, which library lives where, how large a piece may be."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

MAY_IMPORT: dict[str, set[str]] = {
    "contracts": set(),
    "lakehouse": {"contracts"},
    "features": {"contracts", "lakehouse"},
    "simulators": {"contracts"},
    "edge_gateway": {"contracts"},
    "cloud_stream": {"contracts", "lakehouse", "features"},
    "dashboards": {"contracts", "lakehouse", "features"},
    "voltlake": {"contracts", "lakehouse", "features", "simulators", "edge_gateway", "cloud_stream", "dashboards"},
}
LIVES_IN = {
    "bytewax": {"cloud_stream"},
    "deltalake": {"lakehouse"},
    "feast": {"features"},
    "mlflow": {"features"},
    "gmqtt": {"edge_gateway"},
    "paho": {"simulators"},
    "argon2": {"dashboards"},
    "typer": {"voltlake"},
}
PUBLISHED_ON_THE_WIRE = "contracts"
MODULES = sorted(path for name in MAY_IMPORT for path in (ROOT / name).rglob("*.py"))
LINES, STATEMENT_LINES, PARAMETERS = 260, 50, 6


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            yield node.module or ""


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    documented = ast.get_docstring(node) is not None
    first = node.body[1] if documented and len(node.body) > 1 else node.body[0]
    return (node.end_lineno or 0) - first.lineno + 1


def parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    named = [argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)]
    return len(named) - (named[:1] in (["self"], ["cls"]))


@pytest.fixture(scope="module")
def modules() -> dict[Path, ast.Module]:
    return {path.relative_to(ROOT): ast.parse(path.read_text()) for path in MODULES}


def test_imports_point_one_way(modules: dict[Path, ast.Module]) -> None:
    for path, tree in modules.items():
        home, names = path.parts[0], {name.split(".")[0] for name in imports(tree)}
        assert names & MAY_IMPORT.keys() <= MAY_IMPORT[home] | {home}, path
        assert not {name for name in names & LIVES_IN.keys() if home not in LIVES_IN[name]}, path


def test_flows_do_not_know_connectors(modules: dict[Path, ast.Module]) -> None:
    for path, tree in modules.items():
        if path.parts[:2] in {("cloud_stream", "flows"), ("cloud_stream", "steps")}:
            assert not any("connectors" in name or "wiring" in name for name in imports(tree)), path


def test_files_are_small_and_documented(modules: dict[Path, ast.Module]) -> None:
    for path, tree in modules.items():
        assert len((ROOT / path).read_text().splitlines()) <= LINES, path
        assert ast.get_docstring(tree), path


def test_functions_are_small(modules: dict[Path, ast.Module]) -> None:
    for path, tree in modules.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert length(node) <= STATEMENT_LINES, (path, node.name)
                # A command's options and a catalogue's columns are a table, not a signature.
                if path.parts[:2] != ("voltlake", "commands") and str(path) != "contracts/signals.py":
                    assert parameters(node) <= PARAMETERS, (path, node.name)


def test_the_environment_is_read_at_the_top(modules: dict[Path, ast.Module]) -> None:
    for path, tree in modules.items():
        reads = {
            node.value.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.attr in {"environ", "getenv"}
        }
        assert "os" not in reads or path.name == "__main__.py", path
