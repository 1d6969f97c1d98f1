"""The source, the model and the screen of docs/extending.md, copied into files; faults of models of other packages."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.pages import DOCS, ROOT, titled_blocks
from tests.program import Program
from tests.small_shop import five_items

CODE = titled_blocks(DOCS / "extending.md")
MODEL = CODE["category_pop.py"]
COMMANDS = """
import json, sys
from pathlib import Path
from tests.program import Program

program = Program(Path(sys.argv[1]))
done = [program(*words) for words in json.loads(sys.argv[2])]
print(json.dumps([(one.code, one.out, one.err) for one in done]))
"""


def installed(site: Path, package: str, entry_points: dict[str, str], **modules: str) -> None:
    """A package as an installer leaves it."""
    about = site / f"{package}-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    lines = [f"{name} = {target}" for name, target in entry_points.items()]
    (about / "entry_points.txt").write_text("\n".join(["[st5.models]", *lines, ""]))
    for name, text in modules.items():
        (site / f"{name}.py").write_text(text)


def run(site: Path, workspace: Path, *commands: list[str], cwd: Path | None = None) -> list[tuple[int, str, str]]:
    """Commands in one new process that has these packages: code, out and err of each."""
    paths = os.pathsep.join([str(site), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-P", "-c", COMMANDS, str(workspace), json.dumps(commands)],
        capture_output=True, text=True, check=True, cwd=cwd, env={**os.environ, "PYTHONPATH": paths},
    )  # fmt: skip
    return [(code, out, err) for code, out, err in json.loads(done.stdout)]


def test_the_model_of_the_page_is_ranked_and_listed(tmp_path: Path) -> None:
    workspace = five_items(tmp_path / "w").folder  # Lamp and Chair are Home, Pen is Office; pop has A 2, B 1, D 1
    ((name, target),) = re.findall(r'^(\S+) = "(category_pop:\S+)"', CODE["pyproject.toml"], re.MULTILINE)
    installed(tmp_path / "site", name, {name: target}, category_pop=MODEL)
    evaluated, recommended, words, listed, doctor = run(
        tmp_path / "site", workspace,
        ["baseline", name, "--datasets", "shop", "--device", "cpu"],
        ["recommend", name, "--dataset", "shop", "--history", "Chair", "--json", "--device", "cpu"],
        ["recommend", name, "--dataset", "shop", "--history", "no such thing", "--json", "--device", "cpu"],
        ["models", "--json"],
        ["doctor", "--json"],
    )  # fmt: skip
    assert evaluated[0] == 0, evaluated[2]
    assert "4 events" in evaluated[2]
    best = json.loads(recommended[1])[:2]  # of Home there are Lamp and Chair, and Chair was seen
    assert [(row["item"], row["score"]) for row in best] == [("k0", 2), ("k2", 0)]
    assert {row["score"] for row in json.loads(words[1])} == {0}
    assert [model["variant"] for model in json.loads(listed[1])] == [name]
    assert any(row["topic"] == "models" and name in row["value"] for row in json.loads(doctor[1]))


def test_packages_that_cannot_be_used_are_said_and_stop_nothing(tmp_path: Path) -> None:
    workspace = five_items(tmp_path / "w").folder
    site = tmp_path / "site"
    other = "from engine.registry import ModelSpec\nODD = 'x'\nPOP = ModelSpec('pop', '', 'mine', 'other:None')\n"
    faults = {
        "broken": ("not_there:SPEC", "ModuleNotFoundError: No module named 'not_there'"),
        "loud": ("loud:SPEC", "ZeroDivisionError: division by zero"),
        "odd": ("other:ODD", "it is a str, not an engine.registry.ModelSpec"),
        "pop": ("other:POP", "there is a model of this name already"),
        "named": ("other:POP", 'its spec says "pop"'),
    }
    points = {name: target for name, (target, _) in faults.items()}
    installed(site, "other", points, other=other, loud="1 / 0\n")
    evaluated, refused, listed = run(
        site, workspace,
        ["evaluate", "pop", "--datasets", "shop", "--device", "cpu"],
        ["baseline", "loud", "--datasets", "shop"],
        ["models", "--json"],
    )  # fmt: skip
    assert evaluated[0] == listed[0] == 0, evaluated[2]
    assert refused[0] == 2
    assert "The model loud of the package other is left out" in refused[2]
    for name, (_, words) in faults.items():
        assert f"The model {name} of the package other is left out: {words}" in listed[2]
    models: list[dict[str, Any]] = json.loads(listed[1])
    assert [(model["name"], model["weights_hash"]) for model in models] == [("pop", "c0f1e569255e26a03985a376bd68e536")]


def test_nothing_is_found_in_the_current_directory(tmp_path: Path) -> None:
    workspace = five_items(tmp_path / "w").folder
    here = tmp_path / "here"
    installed(here, "other", {"loud": "loud:SPEC"}, loud="1 / 0\n")
    (listed,) = run(here, workspace, ["models", "--json"], cwd=here)
    assert "left out" not in listed[2]


def test_a_model_whose_package_is_gone_is_listed_and_refused_in_words(tmp_path: Path) -> None:
    workspace = five_items(tmp_path / "w").folder
    installed(tmp_path / "site", "category-pop", {"category-pop": "category_pop:SPEC"}, category_pop=MODEL)
    made = run(tmp_path / "site", workspace, ["evaluate", "category-pop", "--datasets", "shop", "--device", "cpu"])
    listed, refused = run(
        tmp_path, workspace, ["models", "--json"], ["evaluate", "category-pop", "--datasets", "shop", "--device", "cpu"]
    )
    assert made[0][0] == listed[0] == 0
    assert refused[0] == 2
    assert "category-pop is a category-pop, which this st5 does not know" in refused[2]


def test_the_source_of_the_page_reads_a_log_that_the_commands_then_know(tmp_path: Path) -> None:
    (tmp_path / "listens.py").write_text(CODE["listens.py"])
    plays = [
        f"u{user}\t2016-01-{1 + step:02}T0{user}:00:00Z\tArtist {step % 2}\tSong {(user + step) % 5}"
        for user in range(5)
        for step in range(8)
    ]
    (tmp_path / "plays.tsv").write_text("\n".join([*plays, ""]))
    workspace = tmp_path / "workspace"
    script = [sys.executable, "listens.py", "plays.tsv", "songs"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "ST5_WORKSPACE": str(workspace)}
    subprocess.run(script, cwd=tmp_path, env=environment, check=True, capture_output=True)
    st5 = Program(workspace)
    (songs,) = st5("datasets", "songs", "--json").document
    assert songs["platform"] == "listens"
    assert songs["items"] == 10  # five songs, each by two artists
    assert songs["users"] == 5
    assert st5("evaluate", "pop", "--datasets", "songs").code == 0


SEE = """
import asyncio, sys
from pathlib import Path
from store.workspace import Workspace
from workbench.application import Workbench
from workbench.ui.table import Table

async def main():
    app = Workbench(Workspace(Path(sys.argv[1])), readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await app.settled()
        await pilot.press("8")
        await app.settled()
        print(app.current_mode)
        print(app.screen.query_one(Table).as_text())

asyncio.run(main())
"""


def test_the_screen_of_the_page_is_an_area_of_the_workbench(tmp_path: Path) -> None:
    workspace = five_items(tmp_path / "w").folder
    shutil.copytree(ROOT / "workbench", tmp_path / "site" / "workbench")
    (tmp_path / "site" / "workbench" / "splits").mkdir()
    (tmp_path / "site" / "workbench" / "splits" / "__init__.py").touch()
    (tmp_path / "site" / "workbench" / "splits" / "screen.py").write_text(CODE["workbench/splits/screen.py"])
    areas = tmp_path / "site" / "workbench" / "areas.py"
    before, start, rows = areas.read_text().partition("AREAS = (\n")
    rows, end, after = rows.partition("\n)\n")
    make, row = CODE["workbench/areas.py, before AREAS"], CODE["workbench/areas.py, at the end of AREAS"]
    areas.write_text(f"{before}{make}\n\n{start}{rows}\n{row.rstrip()}{end}{after}")
    paths = os.pathsep.join([str(tmp_path / "site"), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-P", "-c", SEE, str(workspace)],
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": paths},
    )  # fmt: skip
    assert done.stdout.splitlines() == [
        "splits", "dataset\tsplit\ttrain\tvalid\ttest", "shop\tgiven\t2\t0\t4",
    ]  # fmt: skip
