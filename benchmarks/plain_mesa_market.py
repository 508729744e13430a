"""More classic models in plain Mesa: wealth on a grid and on a network, a virus, life, and traffic."""

import mesa
import networkx as nx
import numpy as np
from mesa.discrete_space import CellAgent, FixedAgent, Network, OrthogonalMooreGrid


class Trader(CellAgent):
    """Walks, and gives a coin to somebody in its cell."""

    def __init__(self, model: "PlainWealth", cell: object) -> None:
        super().__init__(model)
        self.cell, self.coins = cell, 1

    def step(self) -> None:
        """Walks and gives."""
        self.cell = self.cell.neighborhood.select_random_cell()
        others = [other for other in self.cell.agents if other is not self]
        if self.coins and others:
            self.model.random.choice(others).coins += 1
            self.coins -= 1


class PlainWealth(mesa.Model):
    """Traders on a torus."""

    def __init__(self, n=100, side=10, *, rng=None):
        super().__init__(rng=rng)
        self.grid = OrthogonalMooreGrid((side, side), torus=True, random=self.random)
        for _ in range(n):
            Trader(self, self.grid[tuple(int(c) for c in self.rng.integers(0, side, 2))])

    def step(self):
        """Traders act one after another, in random order."""
        self.agents.shuffle_do("step")

    def gini(self) -> float:
        """How unequal the coins are."""
        coins = np.sort([agent.coins for agent in self.agents])
        n = len(coins)
        return float(1 + 1 / n - 2 * np.sum(coins * (n - np.arange(n))) / (n * coins.sum()))


class Giver(FixedAgent):
    """Gives a coin to a neighbour."""

    def __init__(self, model: "PlainNetworkWealth", cell: object) -> None:
        super().__init__(model)
        self.cell, self.coins = cell, 1

    def step(self) -> None:
        """Gives."""
        others = list(self.cell.neighborhood.agents)
        if self.coins and others:
            self.model.random.choice(others).coins += 1
            self.coins -= 1


class PlainNetworkWealth(PlainWealth):
    """Givers on the nodes of a graph."""

    def __init__(self, graph: nx.Graph, *, rng=None):
        mesa.Model.__init__(self, rng=rng)
        self.grid = Network(graph, capacity=1, random=self.random)
        for cell in self.grid.all_cells:
            Giver(self, cell)


class Patient(FixedAgent):
    """Infects neighbours, and may recover; health is 0 susceptible, 1 infected, 2 resistant."""

    def __init__(self, model: "PlainVirus", cell: object) -> None:
        super().__init__(model)
        self.cell, self.health = cell, 0

    def step(self) -> None:
        """Infects, then is checked."""
        m = self.model
        if self.health != 1:
            return
        for other in self.cell.neighborhood.agents:
            if other.health == 0 and m.random.random() < m.spread:
                other.health = 1
        if m.random.random() < m.check and m.random.random() < m.recovery:
            self.health = 2 if m.random.random() < m.resistance else 0


class PlainVirus(mesa.Model):
    """Patients on the nodes of a graph."""

    def __init__(self, graph: nx.Graph, infected=3, *, rng=None):
        super().__init__(rng=rng)
        self.spread, self.check, self.recovery, self.resistance = 0.4, 0.4, 0.3, 0.5
        self.grid = Network(graph, capacity=1, random=self.random)
        for cell in self.grid.all_cells:
            Patient(self, cell)
        for patient in self.random.sample(list(self.agents), infected):
            patient.health = 1

    def step(self):
        """Patients act one after another, in random order."""
        self.agents.shuffle_do("step")

    def count(self, health: int) -> int:
        """How many are of this health."""
        return sum(agent.health == health for agent in self.agents)


class LifeCell(FixedAgent):
    """Is lit or dark; decides before anybody changes."""

    def __init__(self, model: "PlainLife", cell: object, lit: int) -> None:
        super().__init__(model)
        self.cell, self.lit, self.next = cell, lit, lit

    def decide(self) -> None:
        """Looks around."""
        around = sum(other.lit for other in self.cell.neighborhood.agents)
        self.next = int(around == 3 or (around == 2 and self.lit))

    def change(self) -> None:
        """Is what it decided."""
        self.lit = self.next


class PlainLife(mesa.Model):
    """Cells of a torus."""

    def __init__(self, lit: np.ndarray, *, rng=None):
        super().__init__(rng=rng)
        self.grid = OrthogonalMooreGrid(lit.shape, torus=True, capacity=1, random=self.random)
        for cell in self.grid.all_cells:
            LifeCell(self, cell, int(lit[cell.coordinate]))

    def step(self):
        """All decide, then all change."""
        self.agents.do("decide")
        self.agents.do("change")


class Car(mesa.Agent):
    """Drives on a ring; decides before anybody drives."""

    def __init__(self, model: "PlainTraffic", place: int) -> None:
        super().__init__(model)
        self.place, self.speed = place, 0

    def decide(self, ahead: "Car") -> None:
        """Accelerates, brakes, dawdles."""
        m = self.model
        self.speed = min(self.speed + 1, m.limit, (ahead.place - self.place - 1) % m.length)
        if self.speed and m.random.random() < m.dawdle:
            self.speed -= 1


class PlainTraffic(mesa.Model):
    """Cars on a ring road."""

    def __init__(self, length=60, n=12, limit=5, dawdle=0.3, *, rng=None):
        super().__init__(rng=rng)
        self.length, self.limit, self.dawdle = length, limit, dawdle
        self.cars = [Car(self, place) for place in sorted(self.random.sample(range(length), n))]

    def step(self):
        """All decide, then all drive."""
        for car, ahead in zip(self.cars, [*self.cars[1:], self.cars[0]], strict=True):
            car.decide(ahead)
        for car in self.cars:
            car.place = (car.place + car.speed) % self.length

    def flow(self) -> float:
        """How many cars pass a place in a step."""
        return sum(car.speed for car in self.cars) / self.length
