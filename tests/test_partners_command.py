"""`aira train` gives a learner who it learns from, remembers that, and leaves policies that load by themselves."""

import json

import pytest

from aira_agents.cli.main import main
from aira_agents.cli.partners import Partners
from aira_agents.human.judge import Judge
from aira_agents.learning.dqn import DQN

TINY = ["--world.n-agents", "2", "--world.width", "5", "--world.height", "5", "--world.max-steps", "8"]
LEARNERS = {
    "hg_dagger": ["--expert", "greedy", "--learner.n-worlds", "1", "--learner.n-steps", "8"],
    "preferences": [
        *["--rl", "reinforce", "--rl.n-worlds", "1", "--rl.n-steps", "8", "--rl.critic-width", "4"],
        *["--judge.mistakes", "0.2", "--learner.n-worlds", "1", "--learner.clip-steps", "8", "--learner.width", "4"],
        *["--learner.n-questions", "2", "--learner.n-gradients", "2"],
    ],
}


@pytest.mark.slow
@pytest.mark.parametrize("learner", LEARNERS)
def test_a_run_with_partners_is_trained_resumed_and_judged(learner, tmp_path, capsys):
    options = ["--steps", "16", "--results", str(tmp_path), "--network.hidden", "4"]
    main(["train", "foraging", "--learner", learner, *options, *LEARNERS[learner], *TINY])
    (folder,) = tmp_path.iterdir()
    partners = json.loads((folder / "config.json").read_text())["partners"]
    if learner == "hg_dagger":
        assert partners == {"demonstrations": None, "expert": "greedy"}
    else:
        assert partners["judge"]["parameters"]["mistakes"] == 0.2 and partners["rl"]["name"] == "reinforce"
    if learner == "hg_dagger":  # the other way back is below
        main(["train", "--resume", str(folder), "--steps", "32"])
        assert "trained 32 steps" in capsys.readouterr().out
    main(["evaluate", "foraging", "--policy", str(folder), "--episodes", "2"])
    assert "forager: mean return" in capsys.readouterr().out


def test_partners_come_back_from_a_config_and_an_older_one_has_none():
    partners = Partners(None, "greedy", {"judge": Judge(skip=0.5), "rl": DQN(discount=0.5)})
    again = Partners.from_config(json.loads(json.dumps(partners.config())))
    assert again.config() == partners.config() and isinstance(again.maker(None), DQN)
    assert Partners.from_config({}).config() == {"demonstrations": None, "expert": None}
