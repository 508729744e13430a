"""The peers of classic.py: the classic models as one writes them in plain Mesa, agent by agent.

Rules and settings are those of the public comparison of ABM frameworks (JuliaDynamics/ABMFrameworksComparison), and so
are the kinds of spaces. Its own Mesa wolves and sheep never let grass grow again and walk to four cells only; these do
what the others there do. The worlds are validated against these models (`tests/test_validation.py`).
"""

import mesa
import numpy as np
from mesa.discrete_space import CellAgent, OrthogonalMooreGrid
from mesa.experimental.continuous_space import ContinuousSpace, ContinuousSpaceAgent


class Bird(ContinuousSpaceAgent):
    """Flies, and turns by its three urges."""

    def __init__(self, model: "PlainFlocking", position: np.ndarray, direction: np.ndarray) -> None:
        super().__init__(model.space, model)
        self.position, self.direction = position, direction

    def step(self) -> None:
        """Looks around, turns, flies."""
        m = self.model
        found, distances = self.get_neighbors_in_radius(radius=m.vision)
        others = [(bird, distance) for bird, distance in zip(found, distances, strict=True) if bird is not self]
        if others:
            birds = [bird for bird, _ in others]
            to = self.space.calculate_difference_vector(self.position, agents=birds)
            close = np.array([distance < m.separation for _, distance in others])
            course = np.sum([bird.direction for bird in birds], axis=0)
            pull = m.cohere * to.sum(axis=0) - m.separate * to[close].sum(axis=0) + m.match * course
            self.direction = self.direction + pull / len(others)
            self.direction /= np.linalg.norm(self.direction)
        self.position = self.position + m.speed * self.direction


class PlainFlocking(mesa.Model):
    """Birds on a torus."""

    def __init__(self, n=200, side=100, vision=5.0, *, rng=None):
        super().__init__(rng=rng)
        self.vision, self.separation, self.speed = vision, 1.0, 1.0
        self.cohere, self.separate, self.match = 0.03, 0.015, 0.05
        self.space = ContinuousSpace([[0, side], [0, side]], torus=True, random=self.random, n_agents=n)
        for _ in range(n):
            turn = self.rng.uniform(0, 2 * np.pi)
            Bird(self, self.rng.uniform(0, side, 2), np.array([np.cos(turn), np.sin(turn)]))

    def step(self):
        """Birds fly one after another, in random order."""
        self.agents.shuffle_do("step")

    def order(self) -> float:
        """The length of the mean heading."""
        return float(np.linalg.norm(np.mean([bird.direction for bird in self.agents], axis=0)))


class Resident(CellAgent):
    """Moves to an empty cell where too few around it are alike."""

    def __init__(self, model: "PlainSegregation", kind: int, cell: object) -> None:
        super().__init__(model)
        self.kind, self.cell = kind, cell

    def step(self) -> None:
        """Looks around, and stays or moves."""
        m = self.model
        alike = 0
        for other in self.cell.get_neighborhood(radius=m.radius).agents:
            alike += other.kind == self.kind
        if alike < m.alike:
            self.cell = m.grid.select_random_empty_cell()


class PlainSegregation(mesa.Model):
    """Residents of two kinds on a grid with a border."""

    def __init__(self, n=1000, side=40, radius=1, alike=3, *, rng=None):
        super().__init__(rng=rng)
        self.radius, self.alike = radius, alike
        self.grid = OrthogonalMooreGrid((side, side), torus=False, capacity=1, random=self.random)
        for i, place in enumerate(self.rng.choice(side * side, n, replace=False)):
            Resident(self, int(i >= n // 2), self.grid[int(place % side), int(place // side)])

    def step(self):
        """Residents act one after another, in random order."""
        self.agents.shuffle_do("step")

    def index(self) -> float:
        """The mean share of neighbours who are alike."""
        shares = []
        for agent in self.agents:
            around = list(agent.cell.get_neighborhood(radius=self.radius).agents)
            if around:
                shares.append(np.mean([other.kind == agent.kind for other in around]))
        return float(np.mean(shares))


class Animal(CellAgent):
    """Walks, feeds, has young and dies."""

    def __init__(self, model: "PlainWolfSheep", energy: float, cell: object) -> None:
        super().__init__(model)
        self.energy, self.cell = energy, cell

    def walk(self) -> None:
        """Steps to one of the eight cells around, at the cost of one."""
        self.cell = self.cell.neighborhood.select_random_cell()
        self.energy -= 1

    def live_on(self, chance: float, dies_below: float) -> None:
        """Dies without energy; else may have young, who takes half of it."""
        if self.energy < dies_below:
            self.remove()
        elif self.model.random.random() < chance:
            self.energy /= 2
            type(self)(self.model, self.energy, self.cell)


class Sheep(Animal):
    """Eats grass."""

    def step(self) -> None:
        """Walks, grazes, lives on."""
        m = self.model
        self.walk()
        if m.wait[self.cell.coordinate] == 0:
            m.wait[self.cell.coordinate] = m.regrowth
            self.energy += 5
        self.live_on(m.sheep_births, 1)


class Wolf(Animal):
    """Eats sheep."""

    def step(self) -> None:
        """Walks, catches a sheep, lives on."""
        m = self.model
        self.walk()
        prey = [other for other in self.cell.agents if isinstance(other, Sheep)]
        if prey:
            m.random.choice(prey).remove()
            self.energy += 13
        self.live_on(m.wolf_births, 0)


class PlainWolfSheep(mesa.Model):
    """Wolves, sheep and grass on a torus."""

    def __init__(self, sheep=60, wolves=40, side=25, regrowth=20, sheep_births=0.2, wolf_births=0.1, *, rng=None):
        super().__init__(rng=rng)
        self.side, self.regrowth = side, regrowth
        self.sheep_births, self.wolf_births = sheep_births, wolf_births
        self.grid = OrthogonalMooreGrid((side, side), torus=True, random=self.random)
        grown = self.rng.random((side, side)) < 0.5
        self.wait = np.where(grown, 0, self.rng.integers(1, regrowth + 1, (side, side)))
        for kind, count, gain in ((Sheep, sheep, 5), (Wolf, wolves, 13)):
            for _ in range(count):
                place = tuple(int(c) for c in self.rng.integers(0, side, 2))
                kind(self, float(self.rng.integers(0, 2 * gain)), self.grid[place])

    def step(self):
        """Sheep, then wolves, one after another in random order; then grass grows."""
        for kind in (Sheep, Wolf):
            if kind in self.agents_by_type:
                self.agents_by_type[kind].shuffle_do("step")
        self.wait[self.wait > 0] -= 1
