"""Who imports whom, seen from fresh processes: light things stay light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.program import Program
from tests.small_shop import five_items
from tests.tiny_models import make_tiny_bert

PROJECT = Path(__file__).resolve().parents[1]
HEAVY = {"torch", "transformers", "sentence_transformers", "sklearn", "umap", "numba", "polars"}


def modules(package: str) -> list[str]:
    files = sorted((PROJECT / package).rglob("*.py"))
    assert files
    return [".".join(file.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__") for file in files]


def loaded_by(code: str) -> set[str]:
    """The top-level packages in memory after `code` ran in a fresh process."""
    script = f"{code}\nimport sys\nprint('\\n'.join(sorted({{name.split('.')[0] for name in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=PROJECT)
    return set(done.stdout.split())


def imports(*names: str) -> str:
    return "\n".join(f"import {name}" for name in names)


def test_the_store_imports_neither_engine_nor_workbench_nor_anything_heavy() -> None:
    found = loaded_by(imports(*modules("store")))
    assert not found & (HEAVY | {"engine", "workbench", "textual", "numpy", "typer"})


def test_the_workbench_imports_nothing_heavy_and_only_what_is_light_of_the_engine() -> None:
    found = loaded_by(imports(*modules("workbench")))
    assert not found & (HEAVY | {"typer"})
    assert "textual" in found


def test_the_engine_never_imports_the_workbench_or_textual() -> None:
    found = loaded_by(imports(*modules("engine")))
    assert not found & {"workbench", "textual"}


def running(*arguments: str) -> str:
    """The program, run to its end."""
    return f"""
import sys, engine.commands
sys.argv = {["st5", *arguments]}
sys.stdout.write = lambda text: None
try:
    engine.commands.main()
except SystemExit:
    pass
del sys.stdout.write"""


@pytest.mark.parametrize("package", ["store", "engine", "workbench", "engine.commands"])
def test_package_roots_are_light(package: str) -> None:
    assert not loaded_by(imports(package)) & (HEAVY | {"numpy", "textual", "rich", "sqlite_utils"})


def test_the_tree_of_commands_is_built_without_libraries_that_only_work_needs() -> None:
    found = loaded_by(imports("engine.commands.application"))
    assert not found & (HEAVY | {"numpy", "textual", "sqlite_utils", "workbench"})


def test_help_loads_no_more_than_it_shows() -> None:
    found = loaded_by(running("--help"))
    assert not found & (HEAVY | {"numpy", "textual", "sqlite_utils", "workbench"})


def test_reading_commands_that_need_no_numbers_load_no_torch(tmp_path: Path) -> None:
    five_items(tmp_path)
    for command in ("datasets", "models", "results"):
        found = loaded_by(running(command, "--json", "--workspace", str(tmp_path)))
        assert not found & (HEAVY | {"textual"})


def test_a_recommendation_of_a_stored_bert_loads_no_library_that_trains(tmp_path: Path) -> None:
    workspace = five_items(tmp_path / "w").folder
    program = Program(workspace)
    assert program("train", "only", "--backbone", make_tiny_bert(tmp_path), "--name", "m").code == 0
    found = loaded_by(running("recommend", "m", "--dataset", "shop", "--user", "u0", "--workspace", str(workspace)))
    assert not found & (HEAVY - {"torch", "numba"} | {"textual"})
    assert {"torch", "tokenizers"} <= found


@pytest.mark.parametrize(
    "module",
    [
        "engine.experiments.outcome",
        "engine.measuring.against_best",
        "engine.published.thesis",
        "engine.report.build",
        "engine.tuning.plan",
        "engine.tuning.table",
    ],
)
def test_what_only_reads_results_loads_no_torch(module: str) -> None:
    assert not loaded_by(imports(module)) & (HEAVY | {"textual"})


def test_no_file_pickles() -> None:
    for package in ("store", "engine", "workbench"):
        for file in (PROJECT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                names = {alias.name for alias in node.names} if isinstance(node, ast.Import) else set()
                if isinstance(node, ast.ImportFrom):
                    names = {node.module or ""}
                assert not names & {"pickle", "cPickle", "dill", "joblib", "shelve"}, file


def test_sql_is_written_in_the_store_only() -> None:
    for package in ("engine", "workbench"):
        for file in (PROJECT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    head = node.value.lstrip().split(" ")[0]
                    assert head not in ("SELECT", "INSERT", "UPDATE", "DELETE", "PRAGMA", "CREATE"), (file, node.lineno)
