"""Random ids, which name nobody."""

import secrets


def random_id() -> str:
    """Returns an id that nobody guesses.

    It begins with a letter: of 64 random bits alone, one in 760 looks like a number such as `9216422635442104` or
    `120034e571905482`, and whoever reads a table of them by pandas or a spreadsheet gets it in another form.
    """
    return f"p{secrets.token_hex(8)}"
