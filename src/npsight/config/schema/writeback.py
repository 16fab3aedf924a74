"""How scores are written back into a CRM."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from npsight.config.schema.base import Section

WrittenValue = Literal[
    "detractor_risk",
    "promoter_prob",
    "predicted_nps",
    "nps_low_80",
    "nps_high_80",
    "churn_risk",
    "risk_level",
    "band_now",
    "rank",
    "priority",
    "priority_reason",
    "within_capacity",
    "answer_prob",
    "expected_answers",
    "as_of",
    "model_version",
    "top_driver",
    "top_driver_sentence",
    "play",
]
SALESFORCE_NAME = r"^([A-Za-z](_?[A-Za-z0-9])*__)?[A-Za-z](_?[A-Za-z0-9])*(__[cC])?$"
"""Letters, digits and single underscores; a package's namespace may stand before, `__c` behind."""
HUBSPOT_NAME = r"^[a-z][a-z0-9_]{0,99}$"

SalesforceField = Annotated[str, Field(pattern=SALESFORCE_NAME, max_length=80)]
HubspotProperty = Annotated[str, Field(pattern=HUBSPOT_NAME)]


def _salesforce_fields() -> dict[WrittenValue, SalesforceField]:
    return {
        "detractor_risk": "NPS_Detractor_Risk__c",
        "predicted_nps": "NPS_Predicted__c",
        "churn_risk": "NPS_Churn_Risk__c",
        "risk_level": "NPS_Risk_Level__c",
        "top_driver": "NPS_Top_Driver__c",
        "as_of": "NPS_Scored_As_Of__c",
    }


def _hubspot_fields() -> dict[WrittenValue, HubspotProperty]:
    return {
        "detractor_risk": "nps_detractor_risk",
        "predicted_nps": "nps_predicted",
        "churn_risk": "nps_churn_risk",
        "risk_level": "nps_risk_level",
        "top_driver": "nps_top_driver",
        "as_of": "nps_scored_as_of",
    }


class _System(Section):
    """What every CRM's section shares."""

    id_column: str = Field(
        "",
        description="Column of `tables.accounts` with the record's id in the CRM. Default: the "
        "account's key is that id. Accounts without an id, with several, or with one that another "
        "account has too are not written.",
    )


class SalesforceWriteback(_System):
    """Scores into Salesforce, by Bulk API 2.0. See docs/writeback.md."""

    object: SalesforceField = Field("Account", description="API name of the object to update.")
    id_field: SalesforceField = Field(
        "Id", description="API name of the field that holds the record's id."
    )
    fields: dict[WrittenValue, SalesforceField] = Field(
        default_factory=_salesforce_fields,
        min_length=1,
        description="What is written, and the API name of the field it is written to.",
    )
    api_version: str = Field(
        "62.0", pattern=r"^[4-9][0-9]\.0$", description="Version of the Salesforce API."
    )
    job_minutes: float = Field(
        60, gt=0, le=1440, description="Longest wait until Salesforce has worked off one file."
    )

    @model_validator(mode="after")
    def _once(self) -> SalesforceWriteback:
        _distinct([self.id_field, *self.fields.values()])
        return self


class HubspotWriteback(_System):
    """Scores into HubSpot's companies. See docs/writeback.md."""

    object: HubspotProperty = Field(
        "companies", description="Object type whose records are updated."
    )
    id_property: HubspotProperty | None = Field(
        None,
        description="Property with unique values that identifies the record. Default: HubSpot's "
        "own record id.",
    )
    fields: dict[WrittenValue, HubspotProperty] = Field(
        default_factory=_hubspot_fields,
        min_length=1,
        description="What is written, and the internal name of the property it is written to.",
    )
    api_version: str = Field(
        "2026-03", pattern=r"^20[0-9]{2}-(03|09)$", description="Version of the HubSpot API."
    )

    @model_validator(mode="after")
    def _once(self) -> HubspotWriteback:
        _distinct([*([self.id_property] if self.id_property else []), *self.fields.values()])
        return self


def _distinct(names: list[str]) -> None:
    twice = sorted({name for name in names if [n.lower() for n in names].count(name.lower()) > 1})
    if twice:
        raise ValueError(f"{', '.join(twice)} would be written twice; name each field once")


class Writeback(Section):
    """Write-back of scores into CRMs (`npsight writeback`)."""

    salesforce: SalesforceWriteback = Field(
        default_factory=SalesforceWriteback, description="Salesforce."
    )
    hubspot: HubspotWriteback = Field(default_factory=HubspotWriteback, description="HubSpot.")
