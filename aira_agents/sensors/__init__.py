"""What agents perceive with."""

from aira_agents.sensors.column import ColumnSensor
from aira_agents.sensors.sensor import Range, Sensor
from aira_agents.sensors.strips import Strips
from aira_agents.sensors.vision import GridVision, padded_scene
from aira_agents.sensors.wrappers import NoisySensor, RangedSensor

__all__ = ["ColumnSensor", "GridVision", "NoisySensor", "Range", "RangedSensor", "Sensor", "Strips", "padded_scene"]
