"""Who acts now, as a file to keep."""

from aira_agents.policies.policy import Policy
from viz.lab import LEARNED, UNTRAINED, Lab
from viz.policy_files import policies_as_zip
from viz.teaching import TAUGHT, Teaching


def networks(teaching: Teaching) -> dict[str, Policy]:
    """Returns what was taught as files can hold it, by role; nothing where values were learned."""
    live = teaching.live
    return {} if live is None or live.course.listener.learns_values else {live.course.role.name: live.network}


def can_save(lab: Lab, name: str) -> bool:
    """Whether it is known how `name` was built, so that it can be built again."""
    return (
        name == UNTRAINED
        or (name == LEARNED and name in lab.stock)
        or (name == TAUGHT and bool(networks(lab.teaching)))
    )


def saved(lab: Lab) -> bytes:
    """Returns who acts now, as a zip."""
    if lab.choice.value == LEARNED and lab.trained_in is not None:
        policies, learner, world = lab.stock[LEARNED], lab.record, lab.trained_in
    else:
        taught = networks(lab.teaching) if lab.choice.value == TAUGHT else {}
        policies, learner, world = {**lab.untrained(lab.environment()), **taught}, None, lab.environment()
    return policies_as_zip(policies, world, network=lab.network, learner=learner)
