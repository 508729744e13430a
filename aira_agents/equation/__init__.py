"""AI = ML + TD + HITL: the equation as a program, and what each of its terms is worth."""

from aira_agents.equation.ablation import Ablation, Cell, ablate
from aira_agents.equation.beside import tamer_rl_row
from aira_agents.equation.terms import AI, HITL, ML, TD

__all__ = ["AI", "HITL", "ML", "TD", "Ablation", "Cell", "ablate", "tamer_rl_row"]
