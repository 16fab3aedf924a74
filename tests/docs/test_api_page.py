"""Every example of the page on the HTTP interface is what the service answers."""

from __future__ import annotations

from api_page import EXAMPLE, PAGE, answered

from npsight.service.endpoints import ENDPOINTS
from npsight.service.listing import PARAMETERS


def test_the_answers_on_the_page_are_the_services() -> None:
    text = PAGE.read_text("utf-8")
    assert len(EXAMPLE.findall(text)) == text.count("```http") >= 9
    assert answered(text) == text, "write them anew: python tests/helpers/api_page.py"


def test_what_reads_is_on_the_page() -> None:
    text = PAGE.read_text("utf-8")
    for endpoint in ENDPOINTS:
        if endpoint.scope in ("score", "read"):
            assert f"`{endpoint.method} {endpoint.path.replace(':path', '')}`" in text
    assert all(f"`{name}`" in text for name in PARAMETERS)
