"""Identifiers. They are made from the account's number, so a chunk needs no other chunk."""

from typing import Any

from npsight.simulate.arrays import Ints

__all__ = ["account_ids", "serial_ids"]


def _padded(number: Ints, width: int) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.utf8_lpad(pa.array(number).cast(pa.string()), width=width, padding="0")


def account_ids(number: Ints) -> Any:
    """Return a string array like "A000123"."""
    import pyarrow as pa
    import pyarrow.compute as pc

    prefix = pa.scalar("A", pa.string())
    return pc.binary_join_element_wise(prefix, _padded(number, 6), pa.scalar("", pa.string()))


def serial_ids(prefix: str, number: Ints, serial: Ints) -> Any:
    """Return a string array like "T000123-4", the 4th (from 1) of account 123.

    Parameters
    ----------
    prefix : str
        One letter a table.
    number : Ints
        Number of the account.
    serial : Ints
        Position within the account, from 0.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    letter, none, dash = (pa.scalar(text, pa.string()) for text in (prefix, "", "-"))
    account = pc.binary_join_element_wise(letter, _padded(number, 6), none)
    return pc.binary_join_element_wise(account, _padded(serial + 1, 1), dash)
