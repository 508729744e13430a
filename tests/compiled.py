"""What worlds do, each as one program: of its single operations each would be compiled by itself, fifty for a step."""

import equinox as eqx

from aira_agents import loop

reset = eqx.filter_jit(lambda world, key: world.reset(key))
observe = eqx.filter_jit(lambda world, state, key: world.observe(state, key))
step = eqx.filter_jit(lambda world, state, actions, key: world.step(state, actions, key))
one_step, start, unroll = (eqx.filter_jit(own) for own in (loop.one_step, loop.start, loop.unroll))
