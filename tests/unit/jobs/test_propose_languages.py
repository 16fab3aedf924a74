"""What `npsight init` makes of the language of comments."""

from __future__ import annotations

import pytest
from proposals import folder, proposed

from npsight.jobs.proposal.languages import language_of, languages_of

SAID = {
    "en": ["The support is very slow", "We like it", "It is too expensive for our team"],
    "de": ["Der Support ist sehr langsam", "Wir sind zufrieden", "Zu teuer für das, was es kann"],
    "fr": ["Le support est très lent", "Nous sommes contents du produit", "Trop cher pour nous"],
    "es": ["El soporte es muy lento", "Nos gusta, pero es caro", "No funciona con los informes"],
    "it": ["Il supporto è molto lento", "Non sono contento", "Troppo caro per la nostra azienda"],
    "nl": ["De ondersteuning is heel traag", "Wij zijn niet tevreden", "Het is te duur voor een mkb"],
    "pt": ["O suporte é muito lento", "Não gosto do produto", "É caro para uma empresa"],
}  # fmt: skip


@pytest.mark.parametrize("language", SAID)
def test_each_language_is_told(language):
    assert [language_of(said) for said in SAID[language]] == [language] * 3
    assert languages_of(SAID[language]) == [language]


@pytest.mark.parametrize("said", ["", "ok", "👍", "12", "Super!", "is"])
def test_what_tells_nothing_or_two_languages_alike_is_left(said):
    assert language_of(said) is None
    assert languages_of([said] * 3) == []


def test_the_most_frequent_comes_first_and_a_few_do_not_count():
    many = SAID["de"] * 20 + SAID["en"] * 10 + SAID["fr"]
    assert languages_of(many) == ["de", "en"]
    assert languages_of(SAID["de"] * 2 + SAID["fr"][:2]) == ["de"]


@pytest.mark.parametrize(
    ("languages", "expected"), [(["de", "en"], ["de", "en"]), (["en"], None), (["de"], ["de"])]
)
def test_init_writes_them_down_where_it_is_not_english_alone(tmp_path, languages, expected):
    said = [text for language in languages for text in SAID[language]]
    rows = [
        f'k{n % 20},2025-{1 + n % 9:02}-05T09:00:00Z,{n % 11},"{said[n % len(said)]} {n}"\n'
        for n in range(200)
    ]
    place = folder(tmp_path, nps="Kunde,Beantwortet am,Score,Kommentar\n" + "".join(rows))
    found = proposed(place)
    assert found.get("comments", {}).get("language") == expected
