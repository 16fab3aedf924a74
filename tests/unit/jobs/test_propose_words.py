"""What `npsight init` makes of headers in the languages that it knows."""

from __future__ import annotations

import pytest
from proposals import CUSTOMERS, SURVEY, folder, proposed

from npsight.jobs.proposal.propose import propose


def survey(header: str) -> str:
    """Sixty answers of twenty accounts: key, person, invited, answered, score, text, channel."""
    rows = (
        f"K{n % 20:03};p{n % 40}@firma{n % 20}.de;2025-0{1 + n % 6}-03 10:00;"
        f"2025-0{1 + n % 6}-05 11:00;{n % 11};Alles in bester Ordnung;{('web', 'mail')[n % 2]}\n"
        for n in range(60)
    )
    return header + "\n" + "".join(rows)


@pytest.mark.parametrize(
    "header",
    [
        "Kundennummer;Ansprechpartnerin;Eingeladen am;Beantwortet am;Note;Kommentar;Kanal",
        "Kunde;Teilnehmer;Versendet;Abgegeben am;Bewertung;Freitext;Kontaktpunkt",
        "Konto;Kontakt;Einladung vom;Ausgefüllt am;Punkte;Rückmeldung;Kanal",
        "Client;Répondant;Date d'envoi;Date de réponse;Note;Commentaires;Canal",
        "Compte;Utilisateur;Envoyé le;Répondu le;Notation;Avis;Canal",
        "Cliente;Contacto;Enviado el;Respondido el;Valoración;Comentarios;Canal",
        "Cuenta;Encuestado;Fecha de envío;Fecha de respuesta;Calificación;Motivo;Canal",
    ],
)
def test_surveys(tmp_path, header):
    found = proposed(folder(tmp_path, umfrage=survey(header)))["tables"]["responses"]
    names = header.split(";")
    settings = ("account", "respondent", "invited_at", "time", "score", "comment", "touchpoint")
    assert [found.get(setting) for setting in settings] == names


@pytest.mark.parametrize(
    ("since", "until"), [("Gültig ab", "Gültig bis"), ("Valable du", "Valable au")]
)
def test_versions_of_accounts(tmp_path, since, until):
    customers = f"Kunde;Tarif;{since};{until}\n" + "".join(
        f"K{n % 20:03};{('basis', 'plus')[n % 2]};2024-0{1 + n // 20}-01;"
        f"{f'2024-0{2 + n // 20}-01' if n < 40 else ''}\n"
        for n in range(60)
    )
    header = "Kunde;Teilnehmer;Versendet;Abgegeben am;Bewertung;Freitext;Kanal"
    found = proposed(folder(tmp_path, kunden=customers, umfrage=survey(header)))
    accounts = found["tables"]["accounts"]
    assert (accounts["valid_from"], accounts["valid_to"]) == (since, until)


def test_a_note_in_words_is_a_comment_and_no_score(tmp_path):
    text = SURVEY.replace("Comment", "Note")
    found = proposed(folder(tmp_path, customers=CUSTOMERS, survey=text))["tables"]["responses"]
    assert (found["score"], found["comment"]) == ("Score", "Note")


def test_what_is_mapped_is_not_said_to_be_left_out(tmp_path):
    text = propose(folder(tmp_path, customers=CUSTOMERS, survey=SURVEY), tmp_path)
    assert "revenue: ARR" in text
    (left_out,) = [line for line in text.splitlines() if "only today's value is known" in line]
    assert left_out.endswith("known: Plan")
