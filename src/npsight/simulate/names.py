"""Invented names of companies and customer success managers."""

import numpy as np

from npsight.simulate.arrays import Ints, Texts

__all__ = ["company_names", "manager_names", "with_awkward_names"]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_ROOTS = _words(
    "Alder Amber Anchor Arbor Atlas Basalt Beacon Birch Bright Cedar Cinder Clear Cobalt Coral "
    "Crest Delta Ember Falcon Fern Flint Forge Garnet Granite Harbor Hazel Heron Iron Juniper "
    "Kestrel Lantern Larch Maple Marlow Meridian Mistral North Oak Onyx Opal Orchard Osprey "
    "Pebble Pine Prairie Quarry Quill Raven Ridge River Rowan Saffron Sage Slate Sparrow Sterling "
    "Summit Tamarack Thistle Timber Umber Vale Willow Wren"
)
_SUFFIXES = _words(
    "works bridge field line gate point stone well mark path yard ford ware lab grid crest haven "
    "mill port scale"
)
_FORMS = ("Inc", "Ltd", "GmbH", "LLC", "Group", "Systems", "Partners", "Holdings", "Labs", "Co")
_FIRST = _words(
    "Amara Bruno Chiara Daniel Elif Farah Gideon Hana Ines Jonas Katya Liam Mei Nadia Omar Priya "
    "Quentin Rosa Samir Tessa Ulrich Vera Wendell Ximena Yusuf Zoe"
)
_LAST = _words(
    "Abara Bergstrom Castillo Dubois Eriksen Fontaine Grant Haddad Ishida Jansen Kowalski "
    "Lindqvist Moreau Novak Okafor Petrov Quinn Rossi Sato Tanaka Ueda Vargas Weber Xu "
    "Yilmaz Zeller"
)
_AWKWARD = (
    "Café {} S.A.",
    "Société {}, Fils & Cie",
    '"{}" Digital',
    "{} Ünlü A.Ş.",
    "{} 🚀",
    "L'Atelier {}, Inc.",
    "{} Øst A/S",
    "株式会社 {}",
)


def company_names(rng: np.random.Generator, count: int) -> Texts:
    """Draw `count` company names; repeats are possible, as in life."""
    roots, suffixes, forms = (np.array(part, dtype=object) for part in (_ROOTS, _SUFFIXES, _FORMS))
    return np.asarray(
        roots[rng.integers(0, len(roots), count)]
        + suffixes[rng.integers(0, len(suffixes), count)]
        + " "
        + forms[rng.integers(0, len(forms), count)]
    )


def manager_names(number: Ints) -> Texts:
    """Return the name of CSM 0, 1, 2, ...; a number is added once the names are used up."""
    every = len(_FIRST) * len(_LAST)

    def name(one: int) -> str:
        again = f" {one // every + 1}" if one >= every else ""
        # The last name moves on with each round of first names, so that no pair comes up twice.
        last = _LAST[(one + 7 + one // len(_FIRST)) % len(_LAST)]
        return f"{_FIRST[one % len(_FIRST)]} {last}{again}"

    known, where = np.unique(number, return_inverse=True)
    return np.array([name(int(one)) for one in known], dtype=object)[where]


def with_awkward_names(rng: np.random.Generator, names: Texts, share: float) -> Texts:
    """Give a share of the names (at least one) accents, quotes, commas or emoji."""
    number = max(1, round(share * len(names)))
    changed = names.copy()
    for place in rng.choice(len(names), number, replace=False):
        changed[place] = _AWKWARD[int(rng.integers(len(_AWKWARD)))].format(names[place])
    return changed
