"""Trained policies as files: `policy.safetensors`, and beside it a manifest that says what they are for.

The manifest names the world, what each role perceives and does, the networks, and the learner, so that the structure
can be built again and its arrays filled in.
"""

import hashlib
import importlib.metadata
import json
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import equinox as eqx
import jax

from aira_agents.array_files import load_arrays, save_arrays
from aira_agents.environment import Environment
from aira_agents.errors import AiraError, CorruptFileError, IncompatiblePolicyError, InputError
from aira_agents.interfaces import interface_differences, interfaces_of, values_of, world_name
from aira_agents.policies.networks import Network
from aira_agents.policies.policy import AbstractPolicy
from aira_agents.registry import find_learner, name_of
from aira_agents.results import write_json

ARRAYS, MANIFEST = "policy.safetensors", "policy.json"
FORMAT = "aira_agents policy, version 1"


def save_policies(
    folder: Path,
    policies: Mapping[str, AbstractPolicy],
    environment: Environment,
    *,
    network: Network | None = None,
    learner: eqx.Module | None = None,
) -> Path:
    """Writes the policies of all roles, and their manifest; returns the path of the arrays.

    Args:
        folder: Where to; the two files are replaced if they exist.
        policies: Role to policy, as `Learner.policies` gives them.
        environment: The world they were trained in.
        network: How the networks were built; `None`: by hand, so that loading needs `like`.
        learner: The record of hyperparameters, if a learner made them: it may have wrapped the networks.

    Raises:
        InputError: The folder cannot be written to.
    """
    save_arrays(folder / ARRAYS, dict(policies), {"format": FORMAT})
    manifest = {
        "format": FORMAT,
        "world": world_name(environment),
        "parameters": values_of(environment),
        "roles": interfaces_of(environment),
        "network": network.record() if network else None,
        "learner": {"name": name_of("learner", type(learner)), "parameters": values_of(learner)} if learner else None,
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in ("aira-agents", "jax")}},
        "sha256": hashlib.sha256((folder / ARRAYS).read_bytes()).hexdigest(),
    }
    write_json(folder / MANIFEST, manifest)
    return folder / ARRAYS


def load_policies(
    path: Path, environment: Environment, *, like: Mapping[str, AbstractPolicy] | None = None
) -> dict[str, AbstractPolicy]:
    """Returns the policies saved at `path`, by role.

    Args:
        path: The folder, or either of the two files.
        environment: The world they are to act in; its numbers may differ from those of training.
        like: Untrained policies of the same structure, where the networks were built by hand.

    Raises:
        InputError: There is no such file, or it is no policy.
        IncompatiblePolicyError: The roles perceive or do other things than in the policies' own world.
        CorruptFileError: A file is truncated, altered or foreign.
    """
    manifest, folder = read_manifest(path), _folder(path)
    try:
        _check_interfaces(manifest, environment)
    except (KeyError, TypeError, AttributeError) as error:
        raise CorruptFileError(f"The manifest of the policy lacks or misnames something: {error}.") from error
    if hashlib.sha256(_bytes(folder / ARRAYS)).hexdigest() != manifest.get("sha256"):
        raise CorruptFileError(
            f"{folder / ARRAYS} does not belong to its manifest: truncated or altered. Take another copy."
        )
    structure = dict(like) if like is not None else _structure(manifest, environment)
    try:
        return load_arrays(folder / ARRAYS, structure)[0]
    except CorruptFileError as error:
        # The bytes are right, so it is the structure that differs: one network for each of other agents, say.
        raise IncompatiblePolicyError(
            f"The policy does not fit {type(environment).__name__} as it is set: {error}"
        ) from error


def read_manifest(path: Path) -> dict[str, Any]:
    """Returns what is known of the policies at `path` (folder or file); raises as `load_policies` does."""
    folder = _folder(path)
    text = _bytes(folder / MANIFEST)
    try:
        manifest = json.loads(text)
        known = manifest.get("format") if isinstance(manifest, dict) else None
    except ValueError as error:
        raise CorruptFileError(f"{folder / MANIFEST} is truncated or not JSON ({error}). Take another copy.") from error
    if known != FORMAT:
        raise CorruptFileError(f"{folder / MANIFEST} is no manifest of a policy: expected {FORMAT!r}, got {known!r}.")
    return manifest


def _folder(path: Path) -> Path:
    if path.is_dir():
        return path
    if not path.exists() or path.name not in (ARRAYS, MANIFEST):  # not any file that happens to lie beside a policy
        raise InputError(
            f"There is no policy at {path}: expected a folder with {ARRAYS} and {MANIFEST}, or one of them."
        )
    return path.parent


def _structure(manifest: dict[str, Any], environment: Environment) -> dict[str, Any]:
    """Builds the policies' shapes, without any numbers."""
    try:
        if manifest["network"] is None:
            raise InputError("These networks were built by hand: give `load_policies` untrained ones as `like`.")
        builders = Network.from_record(manifest["network"]).builders(environment)
        made_by = manifest["learner"]
        if made_by is None:
            roles = {role.name: role for role in environment.roles}
            return eqx.filter_eval_shape(
                lambda key: {
                    name: b(roles[name].n_features, roles[name].n_outputs, key) for name, b in builders.items()
                },
                jax.random.key(0),
            )
        learner = find_learner(made_by["name"])(**made_by["parameters"]).learner(environment, builders)
        return eqx.filter_eval_shape(lambda key: learner.policies(learner.init(key)), jax.random.key(0))
    except AiraError:
        raise
    except (KeyError, TypeError, AttributeError) as error:
        raise CorruptFileError(f"The manifest of the policy lacks or misnames something: {error}.") from error


def _check_interfaces(manifest: dict[str, Any], environment: Environment) -> None:
    differences = interface_differences(manifest.get("roles", {}), interfaces_of(environment))
    if differences:
        raise IncompatiblePolicyError(
            f"This policy is for the world {manifest.get('world')!r} and cannot act in {world_name(environment)!r} as "
            f"it is set: {'; '.join(differences)}."
        )


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"Cannot read {path} ({error.strerror}); expected {ARRAYS} and {MANIFEST} side by side."
        ) from error


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
