"""In which order the tests run, and which of them are slow or start processes: marks by file.

The slow files come first, the longest of them first, so that no long file is left to run alone at the end. All others
run in random order. `make test` shows what each file takes; the seconds here are those on two cores.
"""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parent

# Files of eight seconds and more, the longest first. `make test-fast` leaves them out.
SLOW = (
    "test_shared_cases",
    "test_real_data",
    "workbench/test_workbench_hostile",
    "test_interruption",
    "test_training_processes",
    "test_demo",
    "workbench/test_workbench_keys",
    "workbench/test_workbench_launch_form",
    "workbench/test_workbench_edit",
    "workbench/test_workbench_faults",
    "workbench/test_workbench_races",
    "workbench/test_workbench_empty",
    "workbench/test_workbench_pictures",
    "workbench/test_workbench_users",
    "workbench/test_workbench_data",
    "test_test_runs",
    "workbench/test_workbench_jobs",
    "workbench/test_workbench_drawing",
    "workbench/test_workbench_job_curves",
    "test_workspace_faults",
    "workbench/test_workbench_map",
    "engine/training/test_phase",
    "test_documented_commands",
    "test_readme",
    "test_fuzz",
    "engine/test_backbones",
    "engine/test_hub_backbone",
    "engine/projection/test_projection_layout",
    "workbench/test_workbench_experiments",
    "test_order_experiment",
    "engine/training/test_special_tokens",
    "test_training_interruption",
    "workbench/test_workbench_guide",
    "workbench/test_workbench_drill_down",
    "workbench/test_workbench_terminal",
    "workbench/test_workbench_palette",
    "workbench/test_workbench_results",
    "engine/test_inference",
    "workbench/test_workbench_home",
    "workbench/test_workbench_snapshots",
    "test_architecture",
    "test_jobs_faults",
    "engine/training/test_adapter",
    "workbench/test_workbench_event_filter",
    "workbench/test_workbench_results_export",
    "engine/rating/test_rating_text",
    "workbench/test_workbench_web",
    "test_experiment_command",
    "test_tune_command",
    "test_jobs_terminal",
    "test_jobs_evaluate",
    "test_jobs_submit",
    "workbench/test_workbench_job_control",
    "test_report_command",
    "engine/baselines/test_sequence_training",
    "test_ingest_command",
    "workbench/test_workbench_compare",
    "workbench/test_workbench_contention",
    "workbench/test_workbench_results_layouts",
    "test_train_commands",
    "engine/training/test_forward",
    "test_baseline_commands",
    "workbench/test_workbench_colours",
)

# Files that are about processes, signals and terminals. `make test-stress` runs them twenty times.
PROCESSES = (
    "test_jobs_submit",
    "test_jobs_evaluate",
    "test_jobs_faults",
    "test_jobs_terminal",
    "test_interruption",
    "test_test_runs",
    "test_training_interruption",
    "test_training_processes",
    "test_workspace_faults",
    "engine/test_inference",
    "store/test_store_connection",
    "workbench/test_workbench_contention",
    "workbench/test_workbench_edit",
    "workbench/test_workbench_job_control",
    "workbench/test_workbench_terminal",
    "workbench/test_workbench_web",
    "workbench/test_worker_load",
)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: in a file of eight seconds and more")
    config.addinivalue_line("markers", "process: in a file about processes, signals and terminals")


def pytest_itemcollected(item: pytest.Item) -> None:
    if _name(item) in SLOW:
        item.add_marker("slow")
    if _name(item) in PROCESSES:
        item.add_marker("process")


@pytest.hookimpl(trylast=True)  # after pytest-randomly
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    turn = {name: number for number, name in enumerate(SLOW)}
    items.sort(key=lambda item: turn.get(_name(item), len(turn)))  # stable: the rest keeps its random order


def _name(item: pytest.Item) -> str:
    return item.path.relative_to(TESTS).with_suffix("").as_posix() if item.path.is_relative_to(TESTS) else ""
