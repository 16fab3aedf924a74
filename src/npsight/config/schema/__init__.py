"""What a user may write in a project file: one pydantic model a section.

The descriptions of the fields are the reference page (`docs/project-file.md`), which is generated
from them. Nothing here knows an engine; `specs.py` holds what the rest of npsight reads.
"""

from npsight.config.schema.alerts import Alerts, Digest, QuietHours
from npsight.config.schema.base import IDENTIFIER, ColumnMap, Days, Name, Section
from npsight.config.schema.features import Driver, Feature
from npsight.config.schema.outlook import Benchmark, Goal
from npsight.config.schema.pages import OpenIdConnect, Pages, Role
from npsight.config.schema.places import PERIOD, PERIOD_OVER, Lookup, Place, Wide
from npsight.config.schema.project import Project
from npsight.config.schema.service import Service
from npsight.config.schema.settings import (
    AuditSettings,
    Comments,
    Engine,
    Gates,
    ListedBand,
    Quarantine,
    Training,
    Worklist,
)
from npsight.config.schema.tables import (
    NPS_0_10,
    Accounts,
    Activity,
    Bands,
    ChurnEvents,
    FactSource,
    Merges,
    Responses,
    Source,
    Subscriptions,
    Tables,
    VersionedSource,
)
from npsight.config.schema.targets import ChurnTarget, DetractorTarget, NpsTarget, Targets
from npsight.config.schema.writeback import HubspotWriteback, SalesforceWriteback, Writeback

__all__ = [
    "IDENTIFIER",
    "NPS_0_10",
    "PERIOD",
    "PERIOD_OVER",
    "Accounts",
    "Activity",
    "Alerts",
    "AuditSettings",
    "Bands",
    "Benchmark",
    "ChurnEvents",
    "ChurnTarget",
    "ColumnMap",
    "Comments",
    "Days",
    "DetractorTarget",
    "Digest",
    "Driver",
    "Engine",
    "FactSource",
    "Feature",
    "Gates",
    "Goal",
    "HubspotWriteback",
    "ListedBand",
    "Lookup",
    "Merges",
    "Name",
    "NpsTarget",
    "OpenIdConnect",
    "Pages",
    "Place",
    "Project",
    "Quarantine",
    "QuietHours",
    "Responses",
    "Role",
    "SalesforceWriteback",
    "Section",
    "Service",
    "Source",
    "Subscriptions",
    "Tables",
    "Targets",
    "Training",
    "VersionedSource",
    "Wide",
    "Worklist",
    "Writeback",
]
