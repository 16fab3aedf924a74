"""What came of a write-back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from npsight.jobs.writeback import Record


@dataclass
class WritebackReport:
    """Records that the CRM confirmed, and those it refused, each with its reason code.

    The codes are the CRM's own, such as `OBJECT_NOT_FOUND`; its messages are not kept, for they
    quote values.
    """

    updated: int = 0
    failed: dict[str, tuple[Record, str]] = field(default_factory=dict, repr=False)

    def fail(self, record: Record, code: str) -> None:
        """Note a record that will not be tried again."""
        self.failed[record.account] = (record, code)

    @property
    def reasons(self) -> Mapping[str, int]:
        """How often each reason code was met, the commonest first."""
        counted = Counter(code for _, code in self.failed.values())
        return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))


def plain_code(text: str) -> str:
    """A CRM's reason code as it may be shown: upper case and underscores, nothing else."""
    code = text.strip().upper()[:80]
    return code if code and code.replace("_", "").isalnum() and code.isascii() else "UNKNOWN"
