"""How far people agree who judge the same things.

Source: Krippendorff 2011, "Computing Krippendorff's alpha-reliability"; computed by the package `krippendorff`.
"""

import krippendorff
import numpy as np
from jaxtyping import Int


def alpha(votes: Int[np.ndarray, "questions people"]) -> float | None:
    """Returns Krippendorff's alpha of nominal votes, where 0 is no vote: 1 is full agreement, 0 is chance.

    `None` where it is not defined: no question was answered by two people, or all answers are the same.
    """
    given = np.where(votes == 0, np.nan, votes.astype(float))
    pairable = given[np.sum(votes != 0, axis=1) >= 2]
    if len(np.unique(pairable[~np.isnan(pairable)])) < 2:
        return None
    return float(krippendorff.alpha(reliability_data=pairable.T, level_of_measurement="nominal"))
