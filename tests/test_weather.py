"""Weather files: what is read, and what is refused in one clear line."""

import numpy as np
import pytest

from aira_agents.data.weather import read_weather, seattle_temperatures
from aira_agents.errors import InputError

GOOD = ["2024-03-31 00:00,4.5", "2024-03-31 01:00,4.0", "2024-03-31 02:00,3.5"]


def write(tmp_path, rows, header="time,temperature_c"):
    path = tmp_path / "weather.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_seattle_is_a_year_of_hours_without_a_gap():
    degrees = seattle_temperatures()
    assert degrees.shape == (8760,)
    assert degrees.dtype == np.float32
    assert np.all((degrees > -10) & (degrees < 40))
    assert degrees[0] == pytest.approx((39.4 - 32) / 1.8)  # the file's first row


def test_a_good_file_is_read_whatever_else_it_holds(tmp_path):
    path = write(tmp_path, [f"x,{row}" for row in GOOD], "station,time,temperature_c")
    assert read_weather(path).tolist() == [4.5, 4.0, 3.5]


@pytest.mark.parametrize(
    ("rows", "header", "said"),
    [
        (GOOD, "time,degrees", "needs the columns `time` and `temperature_c`; it has time, degrees"),
        (GOOD[:1], "time,temperature_c", "at least two hours"),
        ([GOOD[0], GOOD[2]], "time,temperature_c", "line 3: .* is a gap. Fill it"),
        ([GOOD[0], GOOD[0]], "time,temperature_c", "line 3: .* not a step of an hour"),
        ([GOOD[1], GOOD[0]], "time,temperature_c", "line 3: .* Sort the rows by time"),
        ([GOOD[0], "2024-03-31 01:00,True"], "time,temperature_c", "line 3: .* got True"),
        (["0,4.0", "1,4.0"], "time,temperature_c", "line 2: '0' is no time"),
        ([GOOD[0], "soon,4.0"], "time,temperature_c", "line 3: 'soon' is no time"),
        ([GOOD[0], "2024-03-31 01:00,"], "time,temperature_c", "line 3: .* got nan"),
        ([GOOD[0], "2024-03-31 01:00,warm"], "time,temperature_c", "line 3: .* got warm"),
        ([GOOD[0], "2024-03-31 01:00,71.5"], "time,temperature_c", "got 71.5. Are these degrees Fahrenheit"),
        ([GOOD[0], "2024-03-31 01:00,-300"], "time,temperature_c", "got -300"),
    ],
)
def test_a_bad_file_is_refused_with_its_line(tmp_path, rows, header, said):
    with pytest.raises(InputError, match=said):
        read_weather(write(tmp_path, rows, header))


def test_a_file_that_is_no_table_is_refused(tmp_path):
    empty = tmp_path / "empty.csv"
    empty.touch()
    picture = tmp_path / "picture.csv"
    picture.write_bytes(b"\x89PNG\xff\xfe\x00\x01")
    for path in (tmp_path / "absent.csv", tmp_path, empty, picture):
        with pytest.raises(InputError, match="cannot be read as a CSV file of weather"):
            read_weather(path)
