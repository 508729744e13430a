"""The lesson of the equation: its demonstrations, its report, and what it refuses. Nothing here says who wins."""

import dataclasses
import json

import jax
import numpy as np
import pytest

from aira_agents.data.samples import rows
from aira_agents.equation import Ablation, Cell
from aira_agents.equation.ledger import Cost, energy_kwh
from aira_agents.equation.tables import demonstrated
from aira_agents.equation.worth import CELLS, differences, shapley
from aira_agents.errors import InputError
from aira_agents.results import write_json
from aira_agents.statistics import mean_interval
from environments.villages import ROLE, Villages
from scenarios import equation as lesson

WORLD = Villages()


def going_home(samples):
    return np.asarray(samples.features)[:, WORLD.roles[0].features.index("home(dx)")]


@pytest.mark.slow
def test_demonstrations_are_400_decisions_of_the_west_or_of_both_sides():
    west = rows(lesson.demonstrations(WORLD, "west", 0), ROLE)
    both = rows(lesson.demonstrations(WORLD, "both", 0), ROLE)
    assert len(west.weight) == 400 and np.all(going_home(west) >= 0)
    assert 300 < len(both.weight) <= 400 and np.mean(going_home(both) < 0) > 0.2


def test_without_demonstrations_there_is_a_table_in_which_nothing_counts():
    none = lesson.demonstrations(WORLD, "none", 0)
    assert not np.any(demonstrated(WORLD, (none,), 2).weight)


def test_where_home_is_shared_those_of_the_west_never_show_the_east():
    world = lesson.WORLDS["shared"]
    shown = rows(lesson.demonstrations(world, "west", 0), ROLE)
    assert np.mean(going_home(shown) >= 0) > 0.95  # one in ten steps is a mistake


def test_sides_are_where_the_food_grew():
    state = WORLD.reset(jax.random.key(0))
    assert not any(side.any() for side in lesson.sides(state).values())


@pytest.fixture
def found():
    rng = np.random.default_rng(0)

    def cell(name):
        west, east = rng.uniform(size=(2, 4))
        returns = {"return": west + east, "west": west, "east": east}
        return Cell(name, returns, returns if "HITL" in name else None, Cost(name, 3200, 400, 9, 60, energy_kwh(9)))

    made = Ablation({share: {name: cell(name) for name in CELLS} for share in lesson.BUDGETS}, np.full(4, 3.0))
    worth = {
        share: {term: mean_interval(own) for term, own in shapley(made.scores(share)).items()}
        for share in lesson.BUDGETS
    }
    return lesson.Found(made, worth, {share: differences(made.scores(share)) for share in lesson.BUDGETS})


def test_all_cells_budgets_and_costs_are_told_drawn_and_written(found, tmp_path):
    told = lesson.report("villages", found, [*lesson.BUDGETS])
    assert all(told.count(f"\n{name} ") == 3 for name in CELLS)
    assert "kWh (est.)" in told and "person s" in told and "not clear" in told
    assert "of the 7 other sums" in lesson.sentence("villages", found)
    lesson.draw(found, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 10_000
    write_json(tmp_path / "figures.json", lesson.as_json(found))
    read = json.loads((tmp_path / "figures.json").read_text())
    assert read["estimated"] == ["energy_kwh"]
    values = read["budgets"]["half"]
    total = sum(own["estimate"] for own in values["shapley"].values())
    cells = {name: np.mean(own["gone"]["return"]) for name, own in values["cells"].items()}
    assert total == pytest.approx(cells["ML+TD+HITL"] - cells["none"])


def test_a_row_beside_the_cells_is_told_and_written_but_worth_nothing(found):
    beside = {share: dataclasses.replace(cells["ML"], name="TAMER+RL") for share, cells in found.ablation.cells.items()}
    more = found._replace(beside=beside)
    assert lesson.report("villages", more, [*lesson.BUDGETS]).count("\nTAMER+RL ") == 3
    written = lesson.as_json(more)["budgets"]["half"]
    assert list(written["cells"]) == [*CELLS, "TAMER+RL"] and list(written["shapley"]) == ["ML", "TD", "HITL"]


def test_a_person_alone_is_judged_while_present(found):
    cell = found.ablation.cells[1.0]["HITL"]
    better = dataclasses.replace(cell, present={"return": cell.gone["return"] + 1})
    assert np.array_equal(better.scores, cell.gone["return"] + 1)


@pytest.mark.parametrize("wrong", [{"seeds": 1}, {"steps": 100}, {"person_budget": -1}])
def test_too_little_to_measure_is_refused(wrong, tmp_path):
    with pytest.raises(InputError, match="An ablation needs 2 seeds"):
        lesson.main(results=tmp_path, **wrong)
    assert not list(tmp_path.iterdir())


def test_energy_is_hours_times_cores_times_watts():
    assert energy_kwh(7200, cores=2) == pytest.approx(2 * 2 * 15 / 1000)


@pytest.mark.slow
def test_the_lesson_runs_from_end_to_end(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(lesson, "BUDGETS", {1.0: "as given"})
    lesson.main(seeds=2, steps=3200, person_budget=20, world="villages", results=tmp_path)
    assert "In `villages` the terms are worth" in capsys.readouterr().out
    assert len([*tmp_path.glob("*/villages.*")]) == 2
