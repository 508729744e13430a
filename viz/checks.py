"""What the page needs, asked before anything is started: a blank page tells nobody what is wrong."""

import importlib.metadata
import importlib.util

from aira_agents.errors import InputError


def missing_assets() -> str | None:
    """Returns what a class without internet must know; `None`: it has all it needs."""
    if importlib.util.find_spec("solara_assets") is not None or _has("solara-assets"):
        return None
    return "Without internet the page will stay empty: pip install solara-assets (240 MB) holds its front end."


def _has(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def check_page() -> None:
    """Raises `InputError` with the cure where the page could not be drawn."""
    for name in ("solara", "anywidget", "ipyvue", "ipyvuetify", "altair"):
        if importlib.util.find_spec(name) is None:
            raise InputError(f'The page needs the `viz` extra ({name} is missing): pip install "aira-agents[viz]"')
    for name in ("ipyvue", "ipyvuetify"):
        version = importlib.metadata.version(name)
        if not version.startswith("1."):
            raise InputError(
                f'{name} {version} leaves Mesa\'s page blank; expected 1.x: pip install "ipyvue<2" "ipyvuetify<2"'
            )
