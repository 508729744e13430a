"""The peer of hosting.py: foraging as one would write it in plain Mesa, with a NumPy network for each agent."""

import mesa
import numpy as np

DX, DY = (0, 0, 0, -1, 1), (0, 1, -1, 0, 0)


class Forager(mesa.Agent):
    """Sees the cells around it, asks the network, walks, and eats."""

    def __init__(self, model: "PlainForaging", x: int, y: int) -> None:
        super().__init__(model)
        self.x, self.y, self.meals = x, y, 0

    def sense(self) -> np.ndarray:
        """Cuts its patch out of food and crowd."""
        m = self.model
        reach = np.arange(-m.radius, m.radius + 1)
        rows, columns = (self.y + reach) % m.height, (self.x + reach) % m.width
        patch = np.ix_(rows, columns)
        return np.concatenate([m.food[patch].ravel(), m.crowd[patch].ravel()]).astype(np.float32)

    def step(self) -> None:
        """Senses, decides, acts."""
        m = self.model
        hidden = self.sense()
        for weight, bias in m.layers[:-1]:
            hidden = np.tanh(weight @ hidden + bias)
        weight, bias = m.layers[-1]
        logits = weight @ hidden + bias
        action = int(np.argmax(logits + m.rng.gumbel(size=5)))
        x, y = (self.x + DX[action]) % m.width, (self.y + DY[action]) % m.height
        if not m.crowd[y, x]:
            m.crowd[self.y, self.x], m.crowd[y, x] = False, True
            self.x, self.y = x, y
        if m.food[self.y, self.x]:
            m.food[self.y, self.x] = False
            self.meals += 1


class PlainForaging(mesa.Model):
    """A meadow whose agents act one after another, in random order."""

    def __init__(self, n_agents, width, height, radius, regrowth, layers, *, rng=None):
        super().__init__(rng=rng)
        self.width, self.height, self.radius, self.regrowth, self.layers = width, height, radius, regrowth, layers
        self.food = self.rng.random((height, width)) < 0.02
        self.crowd = np.zeros((height, width), bool)
        for cell in self.rng.choice(width * height, n_agents, replace=False):
            Forager(self, int(cell % width), int(cell // width))
            self.crowd[cell // width, cell % width] = True

    def step(self):
        """Everybody acts, then food grows."""
        self.agents.shuffle_do("step")
        self.food |= (self.rng.random(self.food.shape) < self.regrowth) & ~self.crowd
