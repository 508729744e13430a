"""Ways to decide."""

from aira_agents.policies.policy import AbstractPolicy, Decision, Greedy, Policy
from aira_agents.policies.random import RandomPolicy
from aira_agents.policies.rule import Rule, plain_errors

__all__ = ["AbstractPolicy", "Decision", "Greedy", "Policy", "RandomPolicy", "Rule", "plain_errors"]
