"""What was taken away from agents: from all of a role, or from one of them alone."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from aira_agents.environment import Role
from aira_agents.types import Bool, Int

Uids = Int[np.ndarray, " capacity"]


class Impairments:
    """Sensors that do not see and effectors that do not move.

    Who is meant alone is known by its number and not by its row, which passes on when it dies. In a new world it is the
    agent of that number again, as with the one that is inspected.
    """

    def __init__(self) -> None:
        self._of_all: set[tuple[str, str]] = set()  # (role, sensor or effector)
        self._alone: dict[tuple[str, str, int], bool] = {}  # (..., uid): whether it lacks that, whatever the others do
        self._uids: dict[str, Uids] = {}  # role to who is in which row

    def take(self, role: str, part: str, away: bool, uid: int | None = None) -> None:
        """Takes a sensor or effector away or gives it back: to one agent, or to all of a role, whoever had it alone."""
        if uid is not None:
            self._alone[role, part, uid] = away
            return
        self._alone = {key: lacks for key, lacks in self._alone.items() if key[:2] != (role, part)}
        (self._of_all.add if away else self._of_all.discard)((role, part))

    def lacks(self, role: str, part: str, uid: int | None = None) -> bool:
        """Says whether an agent lacks a part; without a number, whether its role does."""
        of_all = (role, part) in self._of_all
        return of_all if uid is None else self._alone.get((role, part, uid), of_all)

    def look(self, agents: Mapping[str, Any]) -> bool:
        """Takes note of who is in which row; says whether somebody who differs from its role is in another one."""
        moved = False
        for role in {key[0] for key in self._alone}:
            uids, named = np.asarray(agents[role].uid), [key[2] for key in self._alone if key[0] == role]
            known = self._uids.get(role, np.zeros(0, np.int32))
            moved |= not np.array_equal(_only(uids, named), _only(known, named))
            self._uids[role] = uids
        return moved

    def rows(self, role: Role, part: str) -> Bool[np.ndarray, " capacity"]:
        """Returns which rows lack a part."""
        lacking = np.full(role.capacity, (role.name, part) in self._of_all)
        uids = self._uids.get(role.name)
        if uids is None or len(uids) != role.capacity:  # of a world of another size
            return lacking
        for away in (False, True):
            alone = [key[2] for key, lacks in self._alone.items() if key[:2] == (role.name, part) and lacks == away]
            lacking[np.isin(uids, alone)] = away
        return lacking

    def blind(self, role: Role) -> Bool[np.ndarray, "capacity features"]:
        """Returns which features are not seen, by row."""
        blind = np.zeros((role.capacity, role.n_features), bool)
        for sensor, start, stop, _ in role.layout:
            blind[:, start:stop] = self.rows(role, sensor)[:, None]
        return blind

    def of_roles(self) -> "Impairments":
        """Returns what all of a role lack, without those who differ: for other worlds than the one that is shown."""
        same = Impairments()
        same._of_all = set(self._of_all)
        return same


def _only(uids: np.ndarray, named: list[int]) -> np.ndarray:
    found = np.where(np.isin(uids, named), uids, -1)
    return found if np.any(found >= 0) else found[:0]
