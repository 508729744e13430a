"""Who acts for the agents that are taught: what people taught, alone or mixed with what is learned from reward."""

import hashlib
from pathlib import Path
from typing import Any

from aira_agents.human.course import Course
from aira_agents.human.listening import Mixed
from aira_agents.human.live import LiveTeaching
from aira_agents.parameters import parameters_of
from aira_agents.policies.policy import AbstractPolicy, Policy

FOLDER = Path("results/taught")


def is_mixed(live: LiveTeaching | None) -> bool:
    """Whether what is learned from reward acts, too."""
    return live is not None and isinstance(live.course.listener, Mixed)


def reward_folder(lab: Any) -> Path | None:
    """Returns where what a tab learns from reward is kept: in a mix beside what people say, otherwise nowhere.

    Another network, or a world of other sizes, is learned by itself.
    """
    if not is_mixed(lab.teaching.live):
        return None
    declared = parameters_of(lab.subject.environment)
    shapes = {name: lab.values[name] for name, own in declared.items() if not own.kind.endswith("number")}
    kind = hashlib.sha256(repr((shapes, lab.network)).encode()).hexdigest()[:8]
    return FOLDER / f"{lab.teaching.notebook.session}-{kind}"


def learn_beside(lab: Any) -> None:
    """Learns from reward for a mix: goes on with what the mix learned before, or else with what the tab does."""
    folder = reward_folder(lab)
    if lab.training is not None and lab.training.folder != folder:
        if folder is not None and folder.exists():
            lab.training.leave()
            lab.training = None
        else:
            lab.teaching.said.value = "What this tab learns from reward began before the mix, and ends with the tab."
    lab.learn(True)


def reinforced(course: Course, lab: Any) -> Policy:
    """Returns what a tab learned from reward of those who are taught; before that, an untrained network."""
    found = None if lab.training is None else (lab.training.policies or {}).get(course.role.name)
    return found if isinstance(found, Policy) else course.untrained()


def who_acts(course: Course, network: Policy, lab: Any) -> AbstractPolicy:
    """Returns how the agents that are taught act, when people have taught them this network."""
    listener = course.listener
    if isinstance(listener, Mixed):
        return listener.mixed(reinforced(course, lab), network)
    return listener.acting(network)
