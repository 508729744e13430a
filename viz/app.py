"""The page, as Mesa users start it: `solara run viz/app.py`. `aira view WORLD` does the same, and finds a port."""

from viz.page import Layout, routes
from viz.server import prepare

prepare()

__all__ = ["Layout", "routes"]
