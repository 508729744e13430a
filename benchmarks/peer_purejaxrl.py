"""PureJaxRL's own PPO on CartPole, in a Python of its own: `python peer_purejaxrl.py CHECKOUT/purejaxrl`.

Prints its steps a second, compile time apart. It needs `jax gymnax flax distrax optax` (seen with
gymnax 0.0.8 and JAX 0.10.2), and nothing of this project.
"""

import sys
import time
from unittest import mock

import jax

sys.path.insert(0, sys.argv[1])
# Other engines, which its wrappers import and CartPole does not use; and a name that JAX has moved since.
for name in ("brax", "brax.envs", "brax.envs.wrappers", "brax.envs.wrappers.training", "navix"):
    sys.modules[name] = mock.MagicMock()
jax.tree_map = jax.tree.map

from ppo import make_train  # noqa: E402  found by the path above

STEPS = 500_000
SETTINGS = {
    "LR": 2.5e-4,
    "NUM_ENVS": 4,
    "NUM_STEPS": 128,
    "TOTAL_TIMESTEPS": STEPS,
    "UPDATE_EPOCHS": 4,
    "NUM_MINIBATCHES": 4,
    "GAMMA": 0.99,
    "GAE_LAMBDA": 0.95,
    "CLIP_EPS": 0.2,
    "ENT_COEF": 0.01,
    "VF_COEF": 0.5,
    "MAX_GRAD_NORM": 0.5,
    "ACTIVATION": "tanh",
    "ENV_NAME": "CartPole-v1",
    "ANNEAL_LR": False,
    "DEBUG": False,
}

key = jax.random.key(0)
train = jax.jit(make_train(SETTINGS)).lower(key).compile()
jax.block_until_ready(train(key))
start = time.perf_counter()
jax.block_until_ready(train(key))
print(STEPS / (time.perf_counter() - start))
