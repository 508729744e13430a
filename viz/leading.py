"""Leading agents by hand on a page: what people press is put into the policies before each step."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from aira_agents.environment import Role
from aira_agents.hosting.steered import Steered
from aira_agents.human.driven import Driven
from aira_agents.human.helm import Helm
from aira_agents.human.reel import Lesson
from viz.notebook import Said


class Leading:
    """The agents of one role and who leads them.

    Attributes:
        helm: Who leads whom, and what they press.
        pressed: Who pressed a key for the step that is taken now, and for which uid.
    """

    def __init__(self, role: Role, *, steers: bool = True) -> None:
        """Raises `InputError` if such agents cannot be led by keys; if not `steers`, keys only say what is right."""
        self.helm, self._steers = Helm(role), steers
        self._meant: dict[str, int] = {}
        self.pressed: Mapping[str, int] = {}
        self._busy = False

    def order(self, model: Steered) -> None:
        """Puts what people press into the step to come."""
        self.pressed = {}
        was_busy, self._busy = self._busy, not self.helm.is_idle
        if not (self._busy or was_busy):
            return
        name = self.helm.role.name
        agents = model.moment()[1].agents[name]
        orders = self.helm.orders(np.asarray(agents.uid), np.asarray(agents.alive))
        self.pressed = orders.pressed
        rows = {int(own): row for row, own in enumerate(agents.uid)} if orders.pressed else {}
        self._meant = {who: int(orders.actions[rows[uid]]) for who, uid in orders.pressed.items()}
        if not self._steers:
            orders = orders._replace(led=np.zeros_like(orders.led))
        acting = model.policies[name]
        if isinstance(acting, Driven):
            model.swap({**model.policies, name: acting.ordered(orders)})

    def meant(self, who: str, lesson: Lesson) -> Lesson:
        """Returns the lesson of a step with what somebody pressed as what was right in it."""
        right = {name: np.full_like(action, self._meant[who]) for name, action in lesson.actions.items()}
        return dataclasses.replace(lesson, actions=right)

    def allow(self, vetoes: Sequence[Said]) -> None:
        """Takes vetoes back, as far as they are about the step to come."""
        for veto in vetoes:
            self.helm.allow(veto.uid, int(veto.value))

    def taken(self) -> Mapping[str, int]:
        """Returns what was pressed for the step that was taken; only once."""
        pressed, self.pressed = self.pressed, {}
        return pressed
