"""Playing on the page: a person plays worlds that wait for them, and who acts is scored on the same ones."""

import collections
import secrets
from typing import Any

import solara

from aira_agents.errors import AiraError
from aira_agents.hosting.steered import told
from aira_agents.human.game import Game
from aira_agents.human.keyboard import KeyMap
from aira_agents.human.level import Standing, standing
from aira_agents.parameters import replace
from viz.packet import packed
from viz.scene import Scales, scene_of
from viz.wrapped import bare

REMEMBERED = 200  # ids of presses that were taken


class Playing:
    """The game of one tab.

    Attributes:
        game: The last one; `None` before the first.
        against: The name of who is scored.
        actions: What can be pressed.
        frame: The world that is played, as the canvas draws it.
        earned: What the agent that is played earned so far, by world.
        kept: Whether what was played is in the store.
        said: What a person should know; "" for nothing.
        changed: Grows when any of it has changed.
    """

    def __init__(self, lab: Any) -> None:
        self._lab = lab
        self.game: Game | None = None
        self.against, self.actions, self.frame = "", (), b""
        self._who: str | None = None  # as it was agreed when the game began
        self.earned: list[float] = []
        self.kept, self._drawn, self._scales = False, 0, Scales()
        self._heard: collections.deque[str] = collections.deque(maxlen=REMEMBERED)
        self.said, self.changed = solara.Reactive(""), solara.Reactive(0)

    @property
    def is_on(self) -> bool:
        """Whether a game waits for a key."""
        return self.game is not None and not self.game.is_over

    def begin(self, n_worlds: int, n_steps: int) -> None:
        """Begins a game in new worlds like the one that is shown; says so in `said` if that cannot be.

        Args:
            n_worlds: How many.
            n_steps: After how many steps each ends.
        """
        lab, self._who = self._lab, self._lab.teaching.notebook.who
        self.said.value = ""
        try:
            environment = lab.environment()
            environment = replace(environment, max_steps=min(n_steps, int(environment.max_steps)))
            role = lab.picked.value[0] if lab.picked.value else None  # of the agent that was clicked, else the first
            self.game = Game(
                environment, bare(lab.acting()), role=role, seed=secrets.randbelow(2**31), n_episodes=n_worlds,
                who=self._who or "nobody",
            )  # fmt: skip
            self.actions = KeyMap(self.game.role).names
        except AiraError as error:
            self.game, self.said.value = None, told(error)
        else:
            self.against, self.kept, self.earned, self._scales = lab.choice.value, False, [0.0], Scales()
            self._show()
        self.changed.value += 1

    def hear(self, messages: list[Any]) -> list[str]:
        """Obeys presses, each once and in order; returns the ids of those that need not be sent again."""
        for message in messages:
            id = message.get("id") if isinstance(message, dict) else None
            if isinstance(id, str) and id not in self._heard:
                self._heard.append(id)
                self._press(message.get("action"), message.get("world"))
        self.changed.value += 1
        return list(self._heard)

    def _press(self, name: Any, world: Any) -> None:
        game = self.game
        if game is None or game.is_over or name not in self.actions or world != game.number:
            return
        action = self.actions.index(name)
        if not game.can(action):
            self.said.value = f"“{name}” cannot be done now."
            return
        self.said.value = ""
        self.earned[-1] += game.act(action)
        if game.is_over:
            self._keep()
        elif game.number != world:
            self.earned.append(0.0)
        self._show()

    def stop(self) -> None:
        """Ends the game; the world that was not played to its end is kept and not scored."""
        if self.game is not None and not self.game.is_over:
            self.game.stop()
            self._keep()
        self.changed.value += 1

    def _keep(self) -> None:
        """Stores what was played, if the person had agreed when they began."""
        game, notebook = self.game, self._lab.teaching.notebook
        if game is None or not game.episodes or self._who is None:
            return
        try:
            notebook.store.add_episodes(game.played())
            self.kept = True
        except AiraError as error:
            self.said.value = told(error)

    def standing(self) -> Standing | None:
        """Returns what the person earned, and who acts here, and chance, in the worlds that were played to their end.

        Raises:
            InputError: There is none.
        """
        game = self.game
        if game is None or not game.is_over:
            return None
        return standing(game.environment, game.policies, game.role.name, game.agent, game.seed, game.played())

    def _show(self) -> None:
        game = self.game
        assert game is not None
        self._drawn += 1
        scene = scene_of(game.environment, game.now.state, scales=self._scales)
        self.frame = packed(scene, self._drawn, int(game.now.state.time))
