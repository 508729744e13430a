"""The process in which a submission runs: it is told what agents perceive, and says what they do.

Started by its path, before the submission is read: it gives up what it must not have, then loads and answers. All that
it says is checked by the grader, which believes nothing of it.
"""

import json
import os
import sys
from typing import Any


def main() -> None:
    """Answers until the grader closes the pipe."""
    sys.path[:] = json.loads(sys.argv[1])
    from aira_agents.assignments import confine, pipe  # noqa: PLC0415  only now can it be found

    # The submission's own prints go to standard error; the pipe is known to nobody but this function.
    ends = [os.dup(descriptor) for descriptor in (0, 1)]
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    channel = pipe.Pipe(*ends)
    setup = pipe.plain(channel.receive(pipe.LONGEST_TEXT).body)
    try:
        if setup["limits"] is not None:
            confine.limit(setup["limits"])
        if setup["confined"]:
            confine.restrict_files(setup["readable"], setup["writable"])
            confine.refuse_calls()
    except OSError as error:
        channel.send(pipe.FAULT, 0, pipe.text({"state": "FAULT", "told": str(error)}))
        return
    channel.send(pipe.READY, 0, b"{}")
    from aira_agents.assignments import loading  # noqa: PLC0415  NumPy makes threads, which must be confined too

    try:
        actor = loading.load(setup)
    except BaseException as error:  # a submission may raise anything, `SystemExit` included
        channel.send(pipe.FAULT, 1, pipe.text(loading.told(error, setup["folder"])))
        return
    channel.send(pipe.READY, 1, pipe.text({"kind": actor.kind}))
    _answer(channel, actor, setup)


def _answer(channel: Any, actor: Any, setup: dict[str, Any]) -> None:
    from aira_agents.assignments import loading, pipe  # noqa: PLC0415  as above

    asked, answered = pipe.asked(setup, actor.kind), pipe.answered(setup)
    longest = sum(spec.n_bytes for spec in asked)
    while True:
        try:
            message = channel.receive(longest)
        except pipe.ProtocolError:
            return  # the grader has finished
        try:
            actions = actor.act(pipe.unpack(asked, message.body))
            body = pipe.pack(answered, actions)
        except BaseException as error:
            channel.send(
                pipe.FAULT, message.number, pipe.text(loading.told(error, setup["folder"], getattr(actor, "row", None)))
            )
            return
        channel.send(pipe.ACTIONS, message.number, body)


if __name__ == "__main__":
    main()
