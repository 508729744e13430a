"""`aira data`: from a recording to a clone, and from a participant to nobody, on the command line."""

import pytest
from recorded import meadow
from test_cli import _fails
from test_store import event

from aira_agents.cli.main import main
from aira_agents.data.dataset import Dataset
from aira_agents.learning.metrics import read_rows
from aira_agents.store import Store

SMALL = ["--world.n-agents", "2", "--world.width", "5", "--world.height", "5", "--world.max-steps", "10"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AIRA_DATABASE_URL", raising=False)


def two_episodes(who):
    return meadow(who).filter(lambda episode: episode.provenance.index < 2)


@pytest.fixture
def people():
    with Store() as store:
        who = store.new_participant()
        store.add_events([event(who, id="a"), event(who, id="b")])
        store.add_episodes(two_episodes(who))
    return who


@pytest.mark.slow
def test_what_was_recorded_is_summed_up_cloned_and_judged(capsys, tmp_path):
    main(["data", "record", "foraging", "--policy", "greedy", "--episodes", "4", "--columns", "x", *SMALL])
    told = capsys.readouterr().out
    assert "4 episodes, 40 steps" in told and told.strip().endswith("demonstrations.episodes")
    main(["data", "summary", "demonstrations.episodes", "--by", "x"])
    assert "groups: 0 " in capsys.readouterr().out
    learning = ["--learner", "cloning", "--learner.batch-size", "16", "--network.hidden", "4", "--steps", "512"]
    main(["train", "foraging", *learning, "--demonstrations", "demonstrations.episodes", *SMALL])
    (folder,) = (tmp_path / "results").iterdir()
    assert "loss/forager" in read_rows(folder / "metrics.csv")[0]
    main(["train", "--resume", str(folder), "--steps", "1024"])
    main(["evaluate", "foraging", "--policy", str(folder), "--episodes", "3"])
    assert "forager: mean return" in capsys.readouterr().out


def test_the_database_is_listed_summed_up_exported_and_forgets(capsys, people, tmp_path):
    main(["data", "list"])
    told = capsys.readouterr().out
    assert "1 participants" in told and "foraging: 2 episodes, 24 decisions" in told
    assert "session s1: 2 events of evaluation" in told
    main(["data", "summary", "--world", "foraging"])
    assert "2 episodes, 8 steps, 1 participants" in capsys.readouterr().out
    main(["data", "export", "out", "--format", "episodes"])
    assert len(Dataset.load(tmp_path / "out" / "foraging.episodes")) == 2
    capsys.readouterr()
    main(["data", "forget", people])
    assert capsys.readouterr().out.strip() == (
        f"{people} is forgotten: 2 events, 2 episodes, 0 runs deleted, 1 exports written anew."
    )
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["events.csv"]


@pytest.mark.parametrize("format", ["episodes", "parquet", "minari"])
@pytest.mark.parametrize("whole", [True, False])
def test_what_was_exported_is_imported_again_whatever_it_was_written_as(capsys, format, whole):
    recorded = two_episodes(None)
    with Store() as store:
        store.add_episodes(recorded)
    main(["data", "export", "out", "--format", format])
    capsys.readouterr()
    inner = "out/foraging.episodes" if format == "episodes" else "out/foraging"
    for told in ("2 episodes stored in other.db; 0 were there already.", "0 episodes stored in other.db; 2 were"):
        main(["data", "import", "out" if whole else inner, "--database", "other.db"])
        assert told in capsys.readouterr().out
    with Store("other.db") as store:
        found = store.datasets()["foraging"]
    assert [episode.id for episode in found.episodes] == [episode.id for episode in recorded.episodes]


def test_episodes_of_somebody_who_is_not_known_here_are_not_imported(capsys, people):
    main(["data", "export", "out"])
    told = _fails(capsys, ["data", "import", "out", "--database", "other.db"])
    assert f"There is no participant {people}" in told and "forgotten?" in told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["smmary"], "Did you mean 'summary'"),
        (["list"], "There is no database results/aira.db yet"),
        (["summary", "none.episodes"], "There is no file none.episodes"),
        (["forget"], "needs the id of a participant"),
        (["export"], "needs the name of a new folder"),
        (["import"], "needs a file of episodes"),
        (["import", "none.episodes"], "There is no file none.episodes"),
        (["import", "."], "There are no episodes in .: expected"),
        (["record"], "needs the name of a world"),
        (["record", "foraging"], "needs `--policy`"),
        (["record", "foraging", "--policy", "gredy"], "Did you mean 'greedy'"),
        (["list", "--database", "mysql://x/y"], "must be a path"),
    ],
)
def test_nonsense_is_one_clear_line(capsys, arguments, told):
    assert told in _fails(capsys, ["data", *arguments])


def test_nobody_is_forgotten_twice_and_nothing_is_overwritten(capsys, people, tmp_path):
    main(["data", "forget", people])
    assert "forgotten already" in _fails(capsys, ["data", "forget", people])
    (tmp_path / "there").write_text("x")
    assert "there already" in _fails(capsys, ["data", "record", "foraging", "--policy", "random", "--out", "there"])
    assert "no such episodes" in _fails(capsys, ["data", "summary"])
    nowhere = _fails(capsys, ["data", "export", "out", "--world", "nowhere", "--who", "x"])
    assert "holds nothing of world 'nowhere' and who 'x': look at `aira data list`" in nowhere
    assert "holds nothing yet: record some" in _fails(capsys, ["data", "export", "out"])


@pytest.mark.slow
def test_a_training_run_is_noted_where_a_database_is_named(capsys, monkeypatch):
    tiny = [*SMALL, "--steps", "16", "--network.hidden", "4"]
    tiny += ["--learner.n-worlds", "2", "--learner.n-steps", "8", "--learner.n-minibatches", "2"]
    monkeypatch.setenv("AIRA_DATABASE_URL", "sqlite:///class.db")
    main(["train", "foraging", "--seed", "5", *tiny])
    with Store() as store:
        (run,) = store.runs()
    assert (run.name, run.world, run.seed) == ("ppo", "foraging", 5)
    assert run.record["figures"]["steps"] == 16 and run.record["config"]["world"]["parameters"]["width"] == 5
    monkeypatch.setenv("AIRA_DATABASE_URL", "mysql://x/y")
    main(["train", "foraging", *tiny])
    assert "Not noted in the database: The address" in capsys.readouterr().err


def test_a_learner_and_its_data_must_fit(capsys, tmp_path):
    assert "takes recorded data" in _fails(capsys, ["train", "foraging", "--learner", "cloning"])
    assert "takes no `--demonstrations`" in _fails(capsys, ["train", "foraging", "--demonstrations", "x.episodes"])
    assert "no file x.episodes" in _fails(
        capsys, ["train", "foraging", "--learner", "awr", "--demonstrations", "x.episodes"]
    )
    assert not (tmp_path / "results").exists()
