"""All that decides what is trained, and as the JSON from which a run goes on."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aira_agents.cli.partners import Partners
from aira_agents.errors import AiraError, CorruptFileError, InputError
from aira_agents.interfaces import values_of
from aira_agents.policies.networks import Network
from aira_agents.registry import find_environment, find_learner

NAME = "config.json"


@dataclasses.dataclass(frozen=True)
class Setting:
    """All that decides what is trained."""

    world: str
    environment: Any
    learner: str
    record: Any  # the learner's hyperparameters
    network: Network
    seed: int
    steps: int
    partners: Partners  # who it learns from beside the world

    def config(self) -> dict[str, Any]:
        """Returns it as JSON holds it."""
        return {
            "world": {"name": self.world, "parameters": values_of(self.environment)},
            "learner": {"name": self.learner, "parameters": values_of(self.record)},
            "network": self.network.record(),
            "seed": self.seed,
            "steps": self.steps,
            "partners": self.partners.config(),
        }


def read_config(folder: Path) -> dict[str, Any]:
    """Returns the config of the run in `folder`, of which nothing is made yet: that may start JAX.

    Raises:
        InputError: There is none.
        CorruptFileError: It is none.
    """
    path = folder / NAME
    try:
        config = json.loads(path.read_text("utf-8"))
        dict(config["learner"]["parameters"])
        return config
    except OSError as error:
        raise InputError(f"There is no run to resume in {folder}: cannot read {path} ({error.strerror}).") from error
    except (ValueError, KeyError, TypeError) as error:
        raise _corrupt(path, error) from error


def setting_of(config: Mapping[str, Any], folder: Path) -> Setting:
    """Returns the setting that `config`, of the run in `folder`, stands for.

    Raises:
        AiraError: It names what is not there, or a value that is out of range.
        CorruptFileError: It is no config.
    """
    try:
        return Setting(
            config["world"]["name"],
            find_environment(config["world"]["name"])(**config["world"]["parameters"]),
            config["learner"]["name"],
            find_learner(config["learner"]["name"])(**config["learner"]["parameters"]),
            Network.from_record(config["network"]),
            int(config["seed"]),
            int(config["steps"]),
            Partners.from_config(config.get("partners", {})),
        )
    except AiraError:
        raise
    except (ValueError, KeyError, TypeError) as error:
        raise _corrupt(folder / NAME, error) from error


def _corrupt(path: Path, error: Exception) -> CorruptFileError:
    return CorruptFileError(f"{path} is not the config of a training run ({type(error).__name__}: {error}).")
