"""What agents act through."""

from aira_agents.effectors.effector import Effector
from aira_agents.effectors.grid_move import GridMove

__all__ = ["Effector", "GridMove"]
