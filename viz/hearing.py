"""Messages of a teaching pad, read and obeyed: each once, in order, and only if it makes sense."""

import collections
from collections.abc import Callable
from typing import Any

from aira_agents.errors import AiraError, InputError
from aira_agents.hosting.steered import told
from viz.teaching import Teaching
from viz.vetoing import about_to, veto

REMEMBERED = 500  # ids of messages that were heard
MOST = 200  # messages at once


class Hearing:
    """What one pad says to one teaching."""

    def __init__(self, teaching: Teaching, step: Callable[[], None]) -> None:
        """`step` moves the world by one step and shows it."""
        self._teaching, self._step = teaching, step
        self.heard: collections.deque[str] = collections.deque(maxlen=REMEMBERED)

    def hear(self, messages: list[Any]) -> list[str]:
        """Obeys messages; returns the ids of those that need not be sent again.

        What makes no sense is said in `teaching.said`, the last of it, and counts as heard; it stays there until a
        person says something else. What could not be stored is not heard, and neither is what came after it.
        """
        if any(self._is_new(message) and message.get("kind") != "look" for message in messages[:MOST]):
            self._teaching.said.value = ""
        for message in messages[:MOST]:
            if not self._is_new(message):
                continue
            id = message["id"]
            try:
                self._obey(id, message)
            except InputError as error:
                self._teaching.said.value = told(error)
            except AiraError as error:  # the store cannot be used just now: the pad sends it again
                self._teaching.said.value = told(error)
                break
            except (KeyError, TypeError, ValueError):
                self._teaching.said.value = "A message of this page made no sense; was it made by this page?"
            self.heard.append(id)
        return list(self.heard)

    def _is_new(self, message: Any) -> bool:
        id = message.get("id") if isinstance(message, dict) else None
        return isinstance(id, str) and id not in self.heard

    def _obey(self, id: str, message: dict[str, Any]) -> None:
        teaching = self._teaching
        match message["kind"]:
            case "signal":
                value, age_s = float(message["value"]), float(message["age_s"])
                teaching.signal(id, value, int(message["uid"]), int(message["step"]), age_s)
            case "veto":
                veto(teaching, id)
            case "look":
                found = about_to(teaching)
                teaching.upcoming.value = "" if found is None else found[0]
            case "undo":
                teaching.undo()
            case kind:
                self._lead(kind, message)

    def _lead(self, kind: Any, message: dict[str, Any]) -> None:
        leading, (_, _, who) = self._teaching.leading, self._teaching.listening()
        if leading is None:
            raise InputError("Such agents cannot be led by keys: they have several effectors, or act by numbers.")
        helm = leading.helm
        match kind:
            case "take":
                helm.take(who, int(message["uid"]))
            case "release":
                helm.release(who)
            case "press":
                helm.press(who, message["action"])
                if message["action"] is not None and message["paused"]:
                    self._step()
            case other:
                raise InputError(f"Nothing is known of a message {other!r:.40}.")
        self._teaching.changed.value += 1
