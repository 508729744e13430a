"""A world as a real Mesa model: its arrays stay the truth, and Mesa's agents are views of them."""

from aira_agents.hosting.agents import HostedAgent
from aira_agents.hosting.model import HostedModel

__all__ = ["HostedAgent", "HostedModel"]
