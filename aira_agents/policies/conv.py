"""A convolutional network over a patch of cells, with the other features beside it.

The same few weights look at every place of the patch, so what is learned about food on the left holds on the right.
"""

import math

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.environment import Role
from aira_agents.errors import IncompatiblePolicyError
from aira_agents.policies.mlp import MLPPolicy
from aira_agents.policies.policy import Policy
from aira_agents.types import Array, Float, Key, Memory


class ConvPolicy(Policy):
    """One convolution over the patch, then a multilayer perceptron over what it found and the remaining features."""

    convolution: eqx.nn.Conv2d
    head: MLPPolicy
    patch_start: int = eqx.field(static=True)
    patch_shape: tuple[int, int, int] = eqx.field(static=True)  # layers, height, width

    @classmethod
    def build(
        cls,
        n_features: int,
        n_outputs: int,
        key: Key,
        *,
        patch_start: int,
        patch_shape: tuple[int, int, int],
        channels: int = 16,
        kernel: int = 3,
        hidden: tuple[int, ...] = (64,),
        final_scale: float = 0.01,
    ) -> "ConvPolicy":
        """Builds an untrained network; `of_role` finds the patch by itself."""
        layers, height, width = patch_shape
        if kernel > min(height, width):
            raise IncompatiblePolicyError(
                f"A kernel of {kernel} cells does not fit a patch of {height} x {width}; use a smaller kernel."
            )
        conv_key, head_key = jax.random.split(key)
        n_found = channels * (height - kernel + 1) * (width - kernel + 1)
        n_other = n_features - math.prod(patch_shape)
        head = MLPPolicy.build(n_found + n_other, n_outputs, head_key, hidden=hidden, final_scale=final_scale)
        convolution = eqx.nn.Conv2d(layers, channels, kernel, key=conv_key)
        return cls(convolution, head, patch_start, (layers, height, width))

    @staticmethod
    def patch_of(role: Role) -> tuple[int, tuple[int, int, int]]:
        """Returns where a role's patch starts among its features, and its shape.

        Raises:
            IncompatiblePolicyError: The role has no sensor that sees a patch `(layers, height, width)`.
        """
        for _, start, _, shape in role.layout:
            if len(shape) == 3:
                return start, (shape[0], shape[1], shape[2])
        raise IncompatiblePolicyError(
            f"A convolutional policy needs a sensor that sees a patch; role {role.name!r} has "
            f"{', '.join(sensor.name for sensor in role.sensors)}. Use `mlp`."
        )

    def __call__(self, features: Float[Array, " features"], memory: Memory) -> tuple[Float[Array, " n"], Memory]:
        """Looks at the patch, then decides."""
        stop = self.patch_start + math.prod(self.patch_shape)
        patch = features[self.patch_start : stop].reshape(self.patch_shape)
        found = jax.nn.relu(self.convolution(patch)).reshape(-1)
        return self.head(jnp.concatenate([features[: self.patch_start], found, features[stop:]]), memory)
