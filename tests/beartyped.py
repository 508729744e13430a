"""The type checker of the tests: an int is welcome where a float is annotated, as everywhere in Python."""

from beartype import BeartypeConf, beartype

check = beartype(conf=BeartypeConf(is_pep484_tower=True))
