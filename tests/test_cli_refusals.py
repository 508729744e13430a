"""What the command refuses, each by one clear line, before anything is begun."""

import pytest
from commands import fails

BAD = [
    (["trian"], "Did you mean 'train'?"),
    (["list", "x"], "takes no arguments"),
    (["doctor", "x"], "takes no arguments"),
    (["run"], "needs the name of a scenario"),
    (["run", "forragin"], "Did you mean 'foraging'?"),
    (["train"], "needs the name of a world"),
    (["train", "--steps", "3"], "needs the name of a world"),
    (["train", "foragin"], "Did you mean 'foraging'?"),
    (["train", "foraging", "--learner", "pop"], "Did you mean 'ppo'?"),
    (["train", "foraging", "--learner"], "`--learner` needs a value"),
    (["train", "foraging", "stray"], "Unrecognized options: stray"),
    (["train", "foraging", "--steps", "0"], "Training takes 1 to 4,398,046,509,056"),
    (["train", "foraging", "--steps", "-3"], "; got -3."),
    (["train", "cartpole", "--steps", "99999999999999999999"], "; got 99,999,999,999,999,999,999."),
    (["train", "cartpole", "--learner.n-worlds", "100000000"], "at most 2,147,483,647 environment steps; got 12,800"),
    (["train", "foraging", "--steps", "many"], "--steps"),
    (["train", "foraging", "--seed", "1.5"], "--seed"),
    (["train", "foraging", "--seed", "-1"], "`--seed` must be a whole number in 0..4294967295; got -1"),
    (["train", "foraging", "--seed", "99999999999999999999"], "in 0..4294967295; got 99999999999999999999"),
    (["train", "foraging", "--checkpoint-seconds", "-1"], "positive distance; got -1 s"),
    (["train", "foraging", "--world.regrowth", "2"], "`regrowth` must be a number in 0..1; got 2"),
    (["train", "foraging", "--world.regrowth", "nan"], "`regrowth` must be a number in 0..1; got nan"),
    (["train", "foraging", "--world.n-agents", "-1"], "`n_agents` must be a whole number"),
    (["train", "foraging", "--world.width", "2.5"], "--world.width"),
    (["train", "foraging", "--world.wdth", "5"], "Did you mean --world.width?"),
    (["train", "foraging", "--learner.learning-rate", "-1"], "`learning_rate` must be a number in 0..1"),
    (["train", "foraging", "--learner.normalize", "maybe"], "'maybe'"),
    (["train", "foraging", "--network.kind", "mpl"], "'mpl'"),
    (["train", "foraging", "--network.hidden", "0"], "at least 1"),
    (["train", "cartpole", "--network.kind", "conv"], "Use `mlp`"),
    (["train", "foraging", "--learner", "q_learning", "--network.hidden", "3"], "A table has no hidden layers"),
    (["train", "foraging", "--learner", "q_learning", "--network.kind", "mlp"], "needs one table for all agents"),
    (["train", "predator_prey", "--learner", "q_learning"], "has none for energy"),
    (["train", "foraging", "--learner", "dqn", "--network.kind", "gru"], "cannot train a recurrent network"),
    (["train", "foraging", "--learner", "tamer"], "give `--expert POLICY`, named as for `aira evaluate`"),
    (["train", "foraging", "--learner", "dagger", "--expert", "gredy"], "Did you mean 'greedy'?"),
    (["train", "foraging", "--learner", "cloning"], "`aira data record` makes such files"),
    (["train", "foraging", "--expert", "greedy"], "The learner 'ppo' takes no `--expert`"),
    (["train", "foraging", "--demonstrations", "x"], "The learner 'ppo' takes no `--demonstrations`"),
    (["train", "foraging", "--rl", "dqn"], "`--rl` names the learner within another"),
    (["train", "foraging", "--learner", "preferences", "--rl", "pop"], "Did you mean 'ppo'?"),
    (["train", "foraging", "--learner", "preferences", "--judge.mistakes", "2"], "`mistakes` must be a number in 0..1"),
    (["train", "--resume", "nowhere"], "There is no run to resume in nowhere"),
    (["evaluate"], "needs the name of a world"),
    (["evaluate", "foraging"], "needs `--policy`: a path, random, greedy"),
    (["evaluate", "foraging", "--policy", "gredy"], "Did you mean 'greedy'?"),
    (["evaluate", "foraging", "--policy", "./nowhere"], "There is no policy at ./nowhere"),
    (["evaluate", "foraging", "--policy", "sheep=random"], "Unknown role 'sheep'"),
    (["evaluate", "foraging", "--policy", "forager="], "there is none for forager"),
    (["evaluate", "foraging", "--policy", "forager=random, forager=greedy"], "got random and greedy for forager"),
    (["evaluate", "foraging", "--policy", "random", "--episodes", "0"], "at least 1 episode; got 0"),
    (["evaluate", "foraging", "--policy", "random", "--seed", "4294967296"], "in 0..4294967295; got 4294967296"),
    (["run", "segregation", "--seed", "99999999999999999999"], "`--seed` must be a whole number in 0..4294967295"),
    (["run", "segregation", "--seed", "-1"], "in 0..4294967295; got -1"),
    (["data", "record", "foraging", "--policy", "random", "--seed", "-1"], "in 0..4294967295; got -1"),
    (["demonstrate", "foraging", "--seed", "-1"], "in 0..4294967295; got -1"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD, ids=[" ".join(arguments) for arguments, _ in BAD])
def test_what_makes_no_sense_is_one_clear_line(capsys, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert message in fails(capsys, arguments)
    assert [*tmp_path.iterdir()] == []  # nothing is begun
