"""The two checked-in specs, OpenAPI 3.0.3 and 2.0, made from the endpoints and their shapes."""

from npsight.service.spec.document import openapi, swagger, text

__all__ = ["openapi", "swagger", "text"]
