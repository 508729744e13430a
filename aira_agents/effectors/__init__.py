"""What agents act through."""

from aira_agents.effectors.compass_walk import CompassWalk
from aira_agents.effectors.effector import Effector
from aira_agents.effectors.grid_move import GridMove
from aira_agents.effectors.in_turn import in_turn

__all__ = ["CompassWalk", "Effector", "GridMove", "in_turn"]
