"""What a server shows and to whom; `aira view` sets it before the page is loaded."""

import dataclasses
import re
from typing import Any

from aira_agents.human.classroom import Classroom

PATH = re.compile(r"(?:[A-Za-z]:)?(?:[/\\]+[\w.~-]+){2,}")


@dataclasses.dataclass
class Settings:
    """One server's settings."""

    subject: str = "foraging"
    policy: str | None = None
    database: str | None = None  # `None`: `AIRA_DATABASE_URL`, else results/aira.db
    join_code: str | None = None  # `None`: whoever reaches the address may come in
    address: str = ""  # under which others reach this server
    classroom: Classroom | None = None  # the class that joins by its own code; the page itself is the lecturer's
    stage: Any = None  # where the class meets the world; `None`: the lecturer's page is not open


SETTINGS = Settings()


def for_all(text: str) -> str:
    r"""Returns what may be said on the page: on a shared address no path of this machine.

    >>> SETTINGS.join_code = "ABCDEF"
    >>> for_all(r"FileNotFoundError: /home/ann/weights.csv is not there, nor C:\data\x.csv; 1/2 of it")
    'FileNotFoundError: (a file) is not there, nor (a file); 1/2 of it'
    >>> SETTINGS.join_code = None
    """
    return text if SETTINGS.join_code is None else PATH.sub("(a file)", text)
