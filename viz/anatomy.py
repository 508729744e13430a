"""What goes on inside a network while it decides: the activations of every layer, and the weights between them."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.policies.conv import ConvPolicy
from aira_agents.policies.gru import GRUPolicy
from aira_agents.policies.mlp import MLPPolicy
from aira_agents.policies.normalized import NormalizedPolicy
from aira_agents.policies.per_agent import PerAgent
from aira_agents.policies.policy import Greedy, Policy
from aira_agents.types import Array, Memory


class Anatomy(NamedTuple):
    """The layers of one network, for one agent at one moment."""

    layers: tuple[Array, ...]  # activations, inputs first
    weights: tuple[Array | None, ...]  # between a layer and the next, `[next, layer]`; `None`: not one to one


@eqx.filter_jit
def anatomy(policy: Policy | Greedy, features: Array, memory: Memory) -> Anatomy:
    """Returns what happens in `policy` when one agent perceives `features`; of an unknown kind only its two ends."""
    match policy:
        case Greedy():
            return anatomy(policy.policy, features, memory)
        case NormalizedPolicy():
            inner = anatomy(policy.inner, policy.statistics.normalize(features), memory)
            return Anatomy((features, *inner.layers[1:]), inner.weights)
        case PerAgent():
            which, inner_memory = memory
            own = jax.tree.map(lambda leaf: leaf[which] if eqx.is_array(leaf) else leaf, policy.networks)
            return anatomy(own, features, inner_memory)
        case MLPPolicy():
            return _mlp(policy, features)
        case GRUPolicy():
            encoded = jnp.tanh(policy.encoder(features))
            remembered = policy.cell(encoded, memory)
            # Of the unit's three gates the one that writes new content.
            into_memory = jnp.split(policy.cell.weight_ih, 3)[2]
            layers = (features, encoded, remembered, policy.head(remembered))
            return Anatomy(layers, (policy.encoder.weight, into_memory, policy.head.weight))
        case ConvPolicy():
            patch = features[policy.patch_start :][: policy.convolution.in_channels * _area(policy)]
            found = jax.nn.relu(policy.convolution(patch.reshape(policy.patch_shape))).reshape(-1)
            rest = jnp.concatenate([features[: policy.patch_start], features[policy.patch_start + patch.size :]])
            head = _mlp(
                policy.head, jnp.concatenate([features[: policy.patch_start], found, rest[policy.patch_start :]])
            )
            return Anatomy((features, *head.layers), (None, *head.weights))
        case _:
            return Anatomy((features, policy(features, memory)[0]), (None,))


def _mlp(policy: MLPPolicy, features: Array) -> Anatomy:
    layers = [features]
    for layer in policy.layers[:-1]:
        layers.append(policy.activation(layer(layers[-1])))
    layers.append(policy.layers[-1](layers[-1]))
    return Anatomy(tuple(layers), tuple(layer.weight for layer in policy.layers))


def _area(policy: ConvPolicy) -> int:
    return policy.patch_shape[1] * policy.patch_shape[2]


def row_of(tree: Any, row: int) -> Any:
    """Returns the row of one agent in arrays stacked over agents."""
    return jax.tree.map(lambda leaf: leaf[row], tree)
