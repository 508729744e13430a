"""The lesson of the thermostat: its claim on fixed seeds, its own weather, and what it refuses."""

import numpy as np
import pytest

from aira_agents.errors import InputError
from aira_agents.statistics import mean_interval
from environments.thermostat import Thermostat
from scenarios import thermostat as lesson


@pytest.mark.parametrize(("gain", "threshold"), [(0.3, 7.35), (0.2, 11.28)])
def test_the_room_begins_to_swing_at_the_delay_that_theory_says(gain, threshold):
    found = lesson.measure(0, 8, 1008, gain, Thermostat(n_rooms=1))
    assert found.threshold == pytest.approx(threshold, abs=0.01)
    calm = mean_interval(found.swing_c[int(threshold)])
    wild = mean_interval(found.swing_c[int(threshold) + 2])
    assert wild.low > 2 * calm.high
    assert np.all(found.swing_c[: int(threshold) - 1].mean(axis=1) < 0.3)


def test_the_lesson_reads_a_weather_file_and_draws(tmp_path, capsys):
    path = tmp_path / "weather.csv"
    hours = [f"2024-01-{1 + h // 24:02d} {h % 24:02d}:00,{5 + (h % 24) / 4}" for h in range(24 * 10)]
    path.write_text("\n".join(["time,temperature_c", *hours]) + "\n")
    lesson.main(seeds=2, weather=path, results=tmp_path)
    said = capsys.readouterr().out
    assert "Theory: from 74 min on." in said
    (picture,) = tmp_path.glob("thermostat-*/thermostat.png")
    assert picture.stat().st_size > 10_000


@pytest.mark.parametrize("wrong", [{"seeds": 1}, {"gain": 0.0}, {"gain": 5.0}, {"gain": float("nan")}])
def test_what_shows_nothing_is_refused_and_leaves_no_folder(wrong, tmp_path):
    with pytest.raises(InputError, match="got"):
        lesson.main(results=tmp_path, **wrong)
    assert not list(tmp_path.iterdir())
