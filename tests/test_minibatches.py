import jax
import jax.numpy as jnp
import numpy as np
import pytest

from aira_agents.learning.minibatches import Minibatches


@pytest.mark.parametrize(("n", "size", "count"), [(68, 64, 2), (7, 3, 3), (5, 100, 1), (6, 3, 2)])
def test_an_epoch_has_every_item_once_in_minibatches_alike_in_size(n, size, count):
    minibatches = Minibatches({"item": np.arange(1, n + 1)}, size)
    assert minibatches.count == count
    parts = [np.asarray(minibatches(jax.random.key(0), jnp.asarray(step))["item"]) for step in range(count)]
    assert sorted(np.concatenate(parts)[np.concatenate(parts) > 0]) == list(range(1, n + 1))
    filled = [int((part > 0).sum()) for part in parts]
    assert max(filled) - min(filled) < count


def test_each_epoch_has_an_order_of_its_own_and_the_same_key_the_same():
    minibatches = Minibatches({"item": np.arange(40)}, 2)

    def epoch(number, key=0):
        steps = range(20 * number, 20 * (number + 1))
        return [int(minibatches(jax.random.key(key), jnp.asarray(step))["item"][0]) for step in steps]

    assert epoch(0) == epoch(0) and epoch(0) != epoch(1) and epoch(0) != epoch(0, key=1)
    assert sorted(epoch(0)) == sorted(epoch(1))
