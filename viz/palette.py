"""Colours that colour-blind people tell apart, for a pale and for a dark page.

Source: Okabe and Ito 2008, "Color Universal Design"; the scale is viridis, Smith and van der Walt 2015.
"""

from aira_agents.drawing import Palette, Thing

# One colour a role.
ROLES = {
    "light": ("#D55E00", "#0072B2", "#000000", "#A6477E"),
    "dark": ("#F0A33E", "#6CC3F0", "#FFFFFF", "#E39AC5"),
}

# What lies in a world and is no agent.
THINGS: dict[str, dict[Thing, str]] = {
    "light": {"ink": "#000000", "water": "#4F93CF"},
    "dark": {"ink": "#FFFFFF", "water": "#2E5B88"},
}

# From little to much: what an agent is coloured by; without the end that cannot be told from the page.
_VIRIDIS = ("#440154", "#472D7B", "#3B528B", "#2C728E", "#21918C", "#28AE80", "#5EC962", "#ADDC30", "#FDE725")
SCALE = {"light": _VIRIDIS[:7], "dark": _VIRIDIS[2:]}

# From low to high, under the agents.
GROUNDS: dict[str, dict[Palette, tuple[str, ...]]] = {
    "light": {
        "food": ("#F5F2EA", "#7CBB7F"),
        "grass": ("#EFE6D2", "#9CCB86"),
        "land": ("#F5F2EA", "#9DB4D8", "#7CBB7F"),  # bare, marsh, food
        "heat": ("#F1F4FA", "#FBD9A5", "#E4693A", "#8C1D18"),
        "plain": ("#F7F7F7", "#8A8F98"),
    },
    "dark": {
        "food": ("#20231F", "#3E7A4A"),
        "grass": ("#2A261D", "#3B6B3A"),
        "land": ("#20231F", "#34507E", "#3E7A4A"),
        "heat": ("#1B1F2B", "#5A3A22", "#C65A2C", "#FFD28A"),
        "plain": ("#222428", "#7C828C"),
    },
}

LOOK = {"roles": ROLES, "things": THINGS, "scale": SCALE, "grounds": GROUNDS}  # what the scripts in `front/` are told


def colour_of(slot: int | Thing, theme: str) -> str:
    """Returns the colour of a role by its number, or of a thing by its name."""
    return THINGS[theme][slot] if isinstance(slot, str) else ROLES[theme][slot % len(ROLES[theme])]
