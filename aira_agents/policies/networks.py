"""Networks by name, for commands and files: what to build for a role, in a record that JSON can hold."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, cast, get_args

from aira_agents.environment import Environment, Role, by_role
from aira_agents.errors import InputError, unknown_name
from aira_agents.policies.per_agent import Newborn, PerAgent
from aira_agents.policies.policy import Builder, Policy
from aira_agents.types import Key


@dataclasses.dataclass(frozen=True)
class Network:
    """A kind of network and its sizes; shared by a role, or one for each agent.

    Raises:
        InputError: The kind is unknown, a layer has no neurons, the kind has no hidden layers, or there are no bins.
    """

    kind: str = "mlp"
    hidden: tuple[int, ...] = ()  # neurons in each hidden layer; empty: what is usual for the kind
    per_agent: bool = False
    newborn: str = "keep"  # one of `Newborn`, with `per_agent`: which network a newborn gets
    bins: int = 8  # of a table: pieces into which the range of a feature is cut, unless it holds whole numbers

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise unknown_name("network", self.kind, KINDS)
        if any(not isinstance(n, int) or isinstance(n, bool) or n < 1 for n in self.hidden):
            raise InputError(f"`hidden` must be whole numbers of at least 1, one a layer; got {self.hidden}.")
        if self.newborn not in get_args(Newborn):
            raise unknown_name("rule for the newborn", self.newborn, get_args(Newborn))
        if self.kind == "gru" and len(self.hidden) > 1:
            raise InputError(f"A gru network takes at most 1 hidden layer size; got {self.hidden}.")
        if self.kind == "tabular" and self.hidden:
            raise InputError(f"A table has no hidden layers; got `hidden` {self.hidden}. Leave it out, or use `mlp`.")
        if not isinstance(self.bins, int) or isinstance(self.bins, bool) or self.bins < 1:
            raise InputError(f"`bins` must be a whole number of at least 1; got {self.bins}.")

    def builder(self, role: Role) -> Builder:
        """Returns what builds an untrained network for `role`.

        Raises:
            IncompatiblePolicyError: The role's sensors are not what the kind needs.
        """
        inner = KINDS[self.kind](self, role)
        if not self.per_agent:
            return inner

        def build(n_features: int, n_outputs: int, key: Key) -> Policy:
            return PerAgent.build(
                n_features, n_outputs, key, inner=inner, capacity=role.capacity, newborn=cast(Newborn, self.newborn)
            )

        return build

    def builders(self, environment: Environment) -> dict[str, Builder]:
        """Returns a builder for every role, as learners take them."""
        return by_role(environment, self.builder)

    def record(self) -> dict[str, Any]:
        """Returns the fields as JSON holds them."""
        return {**dataclasses.asdict(self), "hidden": list(self.hidden)}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Network":
        """Returns the network of a `record`."""
        return cls(**{**record, "hidden": tuple(record["hidden"])})


def _mlp(network: Network, role: Role) -> Builder:
    from aira_agents.policies.mlp import MLPPolicy  # noqa: PLC0415  only what is asked for

    del role
    return _with(MLPPolicy.build, hidden=network.hidden)


def _conv(network: Network, role: Role) -> Builder:
    from aira_agents.policies.conv import ConvPolicy  # noqa: PLC0415  only what is asked for

    start, shape = ConvPolicy.patch_of(role)
    return _with(ConvPolicy.build, patch_start=start, patch_shape=shape, hidden=network.hidden)


def _gru(network: Network, role: Role) -> Builder:
    from aira_agents.policies.gru import GRUPolicy  # noqa: PLC0415  only what is asked for

    del role
    return _with(GRUPolicy.build, hidden=network.hidden[0] if network.hidden else None)


def _tabular(network: Network, role: Role) -> Builder:
    from aira_agents.policies.tabular import TabularPolicy  # noqa: PLC0415  only what is asked for

    return _with(TabularPolicy.build, edges=TabularPolicy.edges_of(role, network.bins))


KINDS: dict[str, Callable[[Network, Role], Builder]] = {"mlp": _mlp, "conv": _conv, "gru": _gru, "tabular": _tabular}


def _with(build: Callable[..., Policy], **settings: Any) -> Builder:
    # What is empty is left to the network's own default.
    chosen = {name: value for name, value in settings.items() if value not in ((), None)}

    def builder(n_features: int, n_outputs: int, key: Key) -> Policy:
        return build(n_features, n_outputs, key, **chosen)

    return builder
