"""Names of a category that only some accounts have, each of them too rare to be judged alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEAST_EACH = 2
SEED = 0
"""The same halves each time; in their order accounts may have names by turns."""

Codes = NDArray[np.int64]
Flags = NDArray[np.bool_]


def only_of_lost(name: Codes, account: Codes, lost: Flags) -> tuple[Flags, Codes]:
    """The accounts with a name that, among the other half of the accounts, only lost ones have.

    Many names, such as `Churned - EMEA` and `Churned - APAC`, can say together what none says
    alone. So that rare names are not called sure by chance, each random half of the accounts is
    judged by names that the other half chose: at least two accounts there have them, and all were
    lost.

    Parameters
    ----------
    name, account
        Pairs of a name and an account that has it, both counted from 0.
    lost
        Of each account.

    Returns
    -------
    Flags of the accounts, and the names that they were flagged by, rising.
    """
    count = int(name.max(initial=-1)) + 1
    half = np.random.default_rng(SEED).integers(2, size=len(lost))
    flagged = np.zeros(len(lost), dtype=bool)
    chosen_by = []
    for chooser in (0, 1):
        own = half[account] == chooser
        has = np.bincount(name[own], minlength=count)
        gone = np.bincount(name[own & lost[account]], minlength=count)
        chosen = (has >= LEAST_EACH) & (gone == has)
        judged = ~own & chosen[name]
        flagged[account[judged]] = True
        chosen_by.append(name[judged])
    return flagged, np.unique(np.concatenate(chosen_by))
