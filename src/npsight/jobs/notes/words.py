"""Words in the names of columns, and what they tell of them."""

from __future__ import annotations

import re
import unicodedata

from npsight.tables.profile import ColumnProfile

ACCOUNT_WORDS = {"account", "customer", "client", "company", "organisation", "organization"}
ACCOUNT_WORDS |= {"org", "tenant", "airline", "merchant", "external", "kunde", "kunden", "firma"}
ACCOUNT_WORDS |= {"debitor", "debitoren", "debitorennummer", "companies"}
ACCOUNT_WORDS |= {"kundennr", "kundennummer", "mandant", "cliente", "empresa", "societe", "klant"}
ACCOUNT_WORDS |= {"workspace", "subscriber"}
ACCOUNT_WORDS |= {"kundin", "konto", "compte", "cuenta", "clients", "clientes"}
THING_WORDS = {"airport", "hotel", "restaurant", "app", "product", "store", "shop", "brand"}
THING_WORDS |= {"property", "listing", "branch", "school", "university", "hospital", "clinic"}
THING_WORDS |= {"dealer", "business", "lounge", "asin", "seller", "vendor"}
"""What reviews are written of: the account where nobody else is."""
GROUP_WORDS = {"group", "team"}
"""What tools of product analytics call accounts, where nothing else is named as one."""
PERSON_WORDS = {"contact", "respondent", "user", "person", "email", "mail", "username", "author"}
PERSON_WORDS |= {"reviewer", "recipient", "userid", "ansprechpartner", "distinct", "requester"}
PERSON_WORDS |= {"ansprechpartnerin", "kontakt", "teilnehmer", "befragter", "repondant"}
PERSON_WORDS |= {"contacto", "encuestado", "usuario", "utilisateur", "correo", "courriel"}
_ID_WORDS = {"id", "key", "uuid", "guid", "sk", "asin", "gsid", "ref", "reference", "referenz"}
_ID_WORDS |= {"numero"}
_ID_ENDS = {"number", "nummer", "nr", "no", "num", "kundennummer", "kundennr"}


def words(name: str) -> set[str]:
    """`customerID` and `customer_id` become `customer`, `id`, and `NPSScore` `nps`, `score`."""
    return set(_listed(name))


def _listed(name: str) -> list[str]:
    return [word for word in re.split(r"[^a-z0-9]+", plain(name)) if word]


def plain(name: str) -> str:
    """In lower case, its words parted by `_`, without accents."""
    split = re.sub(r"([A-Z]{2})([A-Z][a-z]{2})", r"\1_\2", name)
    split = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", split).lower().replace("ß", "ss")
    letters = unicodedata.normalize("NFKD", split)
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def is_id(column: ColumnProfile) -> bool:
    """Named as an identifier."""
    listed = _listed(column.name)
    last = listed[-1] if listed else ""
    return bool(set(listed) & _ID_WORDS) or last in _ID_ENDS or last.endswith(("nr", "nummer"))
