"""Teaching on a page: what a person says goes to the store first, then to who listens, then into the world."""

import threading
import time
import uuid
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import numpy as np
import solara

from aira_agents.errors import AiraError, InputError
from aira_agents.hosting.steered import Steered, told
from aira_agents.human.course import Course
from aira_agents.human.helm import can_be_led
from aira_agents.human.listening import find_listener
from aira_agents.human.live import LiveTeaching
from aira_agents.human.reel import Reel
from aira_agents.policies.policy import AbstractPolicy, Policy
from aira_agents.store import Run
from viz.leading import Leading
from viz.marking import Marking
from viz.mixing import is_mixed, learn_beside, who_acts
from viz.notebook import EVALUATION, TAKEOVER, VETO, Entry, Notebook, Said, last_said
from viz.seeing import Seeing
from viz.settings import SETTINGS
from viz.wrapped import bare

TAUGHT = "taught here"
SLOW_S = 0.5  # a step, in slow motion
TELL_S = 1.0  # between two looks at what reward has changed


class Teaching:
    """The teaching of one tab.

    Attributes:
        notebook: What is kept.
        term: Of AI = ML + TD + HITL, from which the network came that is taught on: "ML" or "TD".
        token: The participant that the browser remembers.
        live: What was learned; `None` before it began.
        log: What was said, the oldest first, without what was taken back.
        marking: Which steps of the log are marked in the world.
        said: What a person should know; "" for nothing.
        upcoming: What the judged agent was about to do when somebody looked.
        changed: Grows when any of it has changed.
        watched: Called after each step, with who leads whom and who pressed a key for it.
    """

    def __init__(self, lab: Any) -> None:
        self._lab = weakref.ref(lab)
        self.notebook = Notebook(lab.subject.name, SETTINGS.database)
        self.listener, self.term, self.token = "coach", "ML", ""
        self.live: LiveTeaching | None = None
        self.reel: Reel | None = None
        self.leading: Leading | None = None
        self.log: list[Entry] = []
        self.watched: Callable[[Steered, Mapping[str, int], Mapping[str, int]], None] = lambda *_: None
        self.marking, self.slow = Marking(), False
        self.said, self.upcoming = solara.Reactive(""), solara.Reactive("")
        self.changed = solara.Reactive(0)
        self._others: dict[str, AbstractPolicy] = {}
        self._seeing: Any = None
        self._acting_lock, self._told_s, self._closed = threading.RLock(), 0.0, False

    @property
    def lab(self) -> Any:
        """The tab."""
        return self._lab()

    @property
    def is_on(self) -> bool:
        """Whether somebody teaches."""
        return self.live is not None

    @property
    def role_name(self) -> str:
        """Whose agents are taught, or would be."""
        return self.lab.environment().roles[0].name if self.reel is None else self.reel.role.name

    # Beginning, and going on.

    def agree(self, token: str = "") -> str:
        """As `Notebook.agree`."""
        who = self.notebook.agree(token)
        self.changed.value += 1
        return who

    def begin(self, listener: str = "coach", run: Run | None = None) -> None:
        """Begins to listen, or goes on with what was taught in `run`; says so in `said` if that cannot be."""
        self.said.value = ""
        try:
            self._begin(listener if run is None else run.record["listener"], run)
        except AiraError as error:
            self.said.value = told(error)
        self.changed.value += 1

    def _begin(self, listener: str, run: Run | None) -> None:
        self.notebook.check_agreed()
        lab, model = self.lab, self.lab.model.value
        roles = {role.name: role for role in model.environment.roles}
        picked = lab.picked.value[0] if lab.picked.value else next(iter(roles))
        role = roles[picked if run is None else run.record["role"]]
        course = Course(find_listener(listener)(), model.environment, role.name, lab.network.builder(role))
        origin = self._acting(course) if run is None else course.unpacked(run.record["begin"])
        others = {name: own for name, own in bare(model.policies).items() if name != role.name}
        lab.prepare({**others, role.name: who_acts(course, origin, lab)})  # seconds: nothing has begun till then
        if self._closed:
            return
        said = cast(list[Said], [])
        if run is None:
            self.term = lab.terms.get(lab.choice.value, "ML")
            record = {"listener": listener, "role": role.name, "begin": course.packed(origin), "term": self.term}
            self.notebook.begin(record)
        else:
            self.term = run.record.get("term", "ML")
            said = self.notebook.go_on(run)
        self.stop()
        self.listener, self.reel = listener, Reel(role)
        self._seeing = Seeing(self.reel, self.notebook)
        self.leading = Leading(role, steers=course.listener.steers) if can_be_led(role) else None
        self.log = [Entry(one, ()) for one in said]
        self._others = others
        self.live = LiveTeaching(course, origin, [(one.id, one.lesson) for one in said], self._told_weakly())
        if self.subject() < 0:
            self._pick_somebody()
        if is_mixed(self.live):
            learn_beside(lab)
        self.learned()
        self._seeing.see(lab.model.value, lab.impaired)  # another than above, if somebody pressed Reset meanwhile

    def _acting(self, course: Course) -> Policy:
        """Returns what is taught on: the network that acts, if signals can move it; else an untrained one."""
        acting = self.lab.stock.get(self.lab.choice.value, {}).get(course.role.name)
        usable = isinstance(acting, Policy) and not course.listener.learns_values and course.fits(acting)
        return acting if usable else course.untrained()

    def stop(self) -> None:
        """Stops listening; what was taught stays in the store, and what was learned acts on."""
        if self.leading is not None:
            self.leading.helm.release_all()
        if self.live is not None:
            self.live.leave()
        self.live = None
        self.marking.show(None)
        self.changed.value += 1

    def close(self) -> None:
        """Lets everything go."""
        self._closed = True
        self.stop()
        self.notebook.close()

    # What people say.

    def signal(self, id: str, value: float, uid: int, step: int, age_s: float, who: str | None = None) -> None:
        """Stores a signal, and teaches it; returns when it is committed.

        Args:
            id: The client's, one for each signal: sent again it counts once.
            value: Above 0 is approval.
            uid: The agent that is meant.
            step: The step of the model that the person saw.
            age_s: How long they had seen it.
            who: Who says so; `None`: the person of this tab.

        Raises:
            InputError: Nobody agreed, nobody listens, or it makes no sense.
            StoreError: The database cannot be used; nothing is stored.
        """
        reel, live, me = self.listening()
        live.course.check_heeds(EVALUATION)
        lesson = reel.lesson(uid, step, age_s, value, live.course.listener.window)
        entry = self.teach(
            [Said(id, who or me, EVALUATION, uid, self.notebook.first_step + step, float(value), lesson)]
        )
        if entry:
            self.marking.glance(entry[-1])
        self.changed.value += 1

    def listening(self) -> tuple[Reel, LiveTeaching, str]:
        """Returns what was seen, who learns, and the person of this tab; raises `InputError` if nobody listens."""
        if self.live is None or self.reel is None or self.notebook.who is None:
            raise InputError("Nobody listens: choose who is to learn from you, and press Begin.")
        return self.reel, self.live, self.notebook.who

    def teach(self, said: Sequence[Said]) -> list[Entry]:
        """Stores and teaches; returns what was new. Raises as `signal` does."""
        _, live, _ = self.listening()
        kept = self.notebook.keep(said)
        live.teach({one.id: one.lesson for one in kept})
        entries = [self.marking.entry(one) for one in kept]
        self.log = [*self.log, *entries]
        return entries

    def undo(self, who: str | None = None) -> None:
        """Takes back what a person said last, whatever it was, with all that was learned from it.

        Raises:
            InputError: There is nothing.
            StoreError: The database cannot be used; it still counts.
        """
        _, live, me = self.listening()
        last = last_said(self.log, who or me)
        if not last:
            raise InputError("There is nothing to take back.")
        ids = [entry.said.id for entry in last]
        self.notebook.take_back([entry.said for entry in last])
        live.take_back(ids)
        if self.leading is not None:
            self.leading.allow([entry.said for entry in last if entry.said.channel == VETO])
        self.log = [entry for entry in self.log if entry.said.id not in ids]
        self.marking.show(None)
        self.changed.value += 1

    def leads(self) -> bool:
        """Whether the person of this tab leads an agent."""
        return self.leading is not None and self.notebook.who in self.leading.helm.leads

    # The world.

    def before_step(self) -> None:
        """Waits, in slow motion."""
        if self.slow:
            time.sleep(SLOW_S)

    def ready(self, model: Steered) -> None:
        """Puts what people press into the step that begins now: nothing learned meanwhile can come in between."""
        if self.leading is not None:
            self.leading.order(model)

    def stepped(self, model: Steered) -> None:
        """Remembers the step that was taken, and keeps what people did in it."""
        reel, pressed = self.reel, {} if self.leading is None else self.leading.taken()
        if self.live is None or reel is None:
            return
        role = next((own for own in model.environment.roles if own.name == reel.role.name), None)
        if role is None or role.features != reel.role.features or role.spaces.keys() != reel.role.spaces.keys():
            self.stop()
            self.said.value = "These agents perceive otherwise than those that were taught: begin anew."
            return
        self.marking.stepped(model)
        step = self._seeing.see(model, self.lab.impaired)
        self.watched(model, {} if self.leading is None else self.leading.helm.leads, pressed)
        if pressed:
            self._keep_led(pressed, step, reel)

    def _keep_led(self, pressed: Mapping[str, int], step: int, reel: Reel) -> None:
        said: list[Said] = []
        assert self.leading is not None
        for who, uid in pressed.items():
            lesson = self.leading.meant(who, reel.demonstration(uid, step))
            action = float(next(iter(lesson.actions.values()))[0])
            said.append(Said(uuid.uuid4().hex, who, TAKEOVER, uid, self.notebook.first_step + step, action, lesson))
        try:
            self.teach(said)
        except AiraError as error:
            self.said.value = told(error)
        self.changed.value += 1

    def subject(self) -> int:
        """Returns the uid of the agent that is judged, which is the one that was picked; -1: none."""
        picked = self.lab.picked.value
        return picked[1] if self.reel is not None and picked is not None and picked[0] == self.reel.role.name else -1

    def _pick_somebody(self) -> None:
        assert self.reel is not None
        agents = self.lab.model.value.moment()[1].agents[self.reel.role.name]
        living = np.asarray(agents.uid)[np.asarray(agents.alive)]
        if len(living):
            self.lab.picked.value = (self.reel.role.name, int(living.min()))

    # What was learned.

    def _told_weakly(self) -> Callable[[], None]:
        tell = weakref.WeakMethod(self.learned)
        return lambda: (tell() or (lambda: None))()

    def learned(self, by_reward: bool = False) -> None:
        """Lets act what was learned, from people or, in a mix, from reward, which is told now and then only."""
        live, lab = self.live, self.lab
        if live is None or lab is None:
            return
        if live.fault:
            self.said.value = live.fault
        first = TAUGHT not in lab.stock
        with self._acting_lock:  # two threads learn in a mix; the last to come lets act the newest of both
            lab.stock[TAUGHT] = {**self._others, live.course.role.name: who_acts(live.course, live.network, lab)}
            lab.let_act(TAUGHT)
        if first:
            lab.lessons.value += 1
        if not by_reward or time.monotonic() - self._told_s > TELL_S:
            self._told_s = time.monotonic()
            self.changed.value += 1
