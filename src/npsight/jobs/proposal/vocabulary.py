"""Words in the names of tables and columns by which `npsight init` guesses what they are.

In English, German, French and Spanish, in small letters and without accents.
"""

from __future__ import annotations

KNOWN_WORDS = {"known", "synced", "loaded", "ingested", "recorded", "inserted", "extracted"}
KNOWN_WORDS |= {"uploaded", "upload", "imported", "importiert", "geladen", "importado"}
RECEIVED_WORDS = {"received"}
"""Known then, beside another time: a complaint without one was made when it was received."""
END_WORDS = {"resolved", "closed", "ended", "end", "completed", "paid", "finished", "until"}
END_WORDS |= {"expires", "expired", "solved"}
END_WORDS |= {"gelost", "geloest", "ausgleich", "resolu", "ferme", "cerrado", "resuelto"}
END_WORDS |= {"bezahlt", "geschlossen", "erledigt", "ende", "vertragsende", "fin"}
END_WORDS |= {"beendet", "abgeschlossen", "enddatum", "endet", "termine", "finalizado"}
START_WORDS = {"started", "start", "begin", "began", "beginn", "vertragsbeginn", "debut", "inicio"}
START_WORDS |= {"beginnt", "startdatum", "vertragsstart", "laufzeitbeginn", "activated"}
START_WORDS |= {"activation", "aktiviert"}
VALID_WORDS = {"valid", "gultig", "gueltig", "valable", "valide", "valido"}
FROM_WORDS = {"from", "since", "ab", "von", "depuis", "du", "desde"}
TO_WORDS = {"to", "until", "bis", "au", "jusqu", "hasta"}
CANCEL_WORDS = {"cancelled", "canceled", "cancellation", "cancel", "notice"}
CANCEL_WORDS |= {"kundigung", "kuendigung", "gekundigt", "gekuendigt", "kundigungsdatum"}
CANCEL_WORDS |= {"resiliation", "cancelacion"}
SAID_WORDS = {"notice", "cancelled", "canceled", "gekundigt", "gekuendigt", "requested"}
FORM_END_WORDS = {"end", "ended", "completed", "finished", "beendet", "abgeschlossen"}
FORM_END_WORDS |= {"termine", "finalizado"}
INVITED_WORDS = {"invited", "invitation", "sent", "eingeladen", "einladung", "versendet"}
INVITED_WORDS |= {"versandt", "gesendet", "envoye", "envoi", "enviado", "envio", "invitado"}
ANSWERED_WORDS = {"answered", "responded", "submitted", "submit", "response", "answer"}
ANSWERED_WORDS |= {"beantwortet", "geantwortet", "antwort", "antwortdatum", "abgegeben"}
ANSWERED_WORDS |= {"ausgefullt", "ausgefuellt", "eingereicht", "repondu", "reponse", "soumis"}
ANSWERED_WORDS |= {"respondido", "respuesta", "contestado"}
SCORE_WORDS = (
    *("nps", "score", "rating", "recommend", "likelihood", "stars", "weiterempfehlung"),
    *("weiterempfehlen", "weiterempfehlungsbereitschaft", "empfehlen", "empfehlung"),
    *("recommander", "recommanderiez", "recommandation", "recomendaria", "recomendar"),
    *("recomendacion", "bewertung", "puntuacion", "likely", "wahrscheinlich", "overall"),
    *("valoracion", "calificacion", "puntaje", "punktzahl", "punkte", "evaluation", "note"),
    *("nota", "notation", "answer", "antwort", "reponse", "respuesta"),
)
SCORE_IN_A_SURVEY = ("response",)
SURVEY_WORDS = {"survey", "surveys", "nps", "responses", "feedback", "umfrage", "umfragen"}
SURVEY_WORDS |= {"befragung", "enquete", "enquetes", "encuesta", "encuestas", "csat"}
NO_SCORE_WORDS = {"average", "avg", "mean", "total", "number", "count", "counts", "group"}
NO_SCORE_WORDS |= {"time", "seconds", "minutes", "hours", "days", "duration"}
RATING_WORDS = {"rating", "ratings", "score", "stars", "recommended", "satisfaction", "csat"}
COMMENT_WORDS = {"comment", "comments", "feedback", "verbatim", "content", "review", "text"}
COMMENT_WORDS |= {"message", "body", "reason", "kommentar", "commentaire", "comentario"}
COMMENT_WORDS |= {"better", "improve", "why", "warum", "pourquoi", "porque"}
COMMENT_WORDS |= {"kommentare", "commentaires", "comentarios", "freitext", "ruckmeldung"}
COMMENT_WORDS |= {"rueckmeldung", "bemerkung", "bemerkungen", "anmerkungen", "nachricht"}
COMMENT_WORDS |= {"avis", "motif", "raison", "motivo", "razon", "opinion", "note", "notes"}
COMMENT_WORDS |= {"begrundung", "anmerkung", "remarque", "observaciones"}
ROLE_WORDS = {"role", "persona", "rolle", "funktion", "fonction", "cargo", "puesto"}
TOUCHPOINT_WORDS = {"touchpoint", "channel", "journey", "kanal", "kontaktpunkt", "canal"}
PROGRAMME_WORDS = SURVEY_WORDS | {"survey", "programme", "program", "programm", "campaign"}
PROGRAMME_WORDS |= {"kampagne", "campagne", "campana", "programa", "encuesta", "enquete"}
KIND_WORDS = {"type", "kind", "name", "art", "typ", "tipo", "nom", "nombre", "trigger"}
KIND_WORDS |= PROGRAMME_WORDS
"""Of a survey, which of several it was: a column all of whose words are among these."""
RENEWAL_WORDS = {"renewal", "renew", "renews", "verlangerung", "verlaengerung", "verlangert"}
RENEWAL_WORDS |= {"vertragsverlangerung", "vertragsverlaengerung", "renouvellement", "renovacion"}
CONTRACT_END_PHRASES = ({"contract", "end"}, {"vertragsende"}, {"fin", "contrat"})
LATER_WORDS = {"due", "updated", "modified", "valid", "expected"} | RENEWAL_WORDS
LATER_WORDS |= {"fallig", "falligkeit", "nettofalligkeit", "faelligkeit", "echeance", "vencimiento"}
LATER_WORDS |= {"geandert", "geaendert", "aktualisiert", "modifie", "actualizado", "modificado"}
LATER_WORDS |= VALID_WORDS
STABLE_WORDS = {"region", "country", "industry", "sector", "state", "continent", "branche"}
STABLE_WORDS |= {
    "vertriebsregion",
    "vertriebsgebiet",
    "gebiet",
    "land",
    "bundesland",
    "pays",
    "secteur",
    "pais",
    "industria",
}
DOMAIN_WORDS = {"domain", "domains", "website", "webseite", "url", "web", "homepage", "site"}
NAME_WORDS = {"name", "firma", "firmenname", "unternehmen", "kundenname", "nom", "nombre"}
NAME_WORDS |= {"societe", "empresa"}
OWNER_WORDS = {"owner", "csm", "manager", "kundenbetreuer", "kundenbetreuerin", "betreuer"}
OWNER_WORDS |= {"betreuerin", "vertriebler", "verantwortlich", "responsable", "gestor"}
OWNER_WORDS |= {"kundenberater", "kundenberaterin", "gestionnaire", "propietario", "encargado"}
REVENUE_WORDS = {"arr", "mrr", "revenue", "acv", "tcv", "jahresumsatz", "umsatz", "vertragswert"}
REVENUE_WORDS |= {"jahresvertragswert", "ingresos", "facturacion"}
SMALL_MONEY = {"cents", "cent", "pence", "minor"}
REVENUE_PHRASES = (
    {"contract", "value"},
    {"contract", "amount"},
    {"chiffre", "affaires"},
    {"annual", "value"},
)
CHURN_WORDS = {"churn", "churned", "churner", "left", "exited", "attrition", "attrited", "lost"}
JOINED_WORDS = {"created", "signup", "joined", "since", "onboarded", "registered", "registration"}
JOINED_WORDS |= {"create", "erfasst", "erfassung", "anlagedatum"}
JOINED_WORDS |= {"seit", "angelegt", "erstellt", "depuis", "desde", "alta"}
JOINED_WORDS |= {"erstellungsdatum", "beitritt", "cree", "inscription", "creado", "registro"}
PERIOD_WORDS = {"period", "trial", "phase"}
PARTS_OF_DAYS = {
    "year",
    "quarter",
    "month",
    "week",
    "day",
    "hour",
    "jahr",
    "quartal",
    "monat",
    "tag",
}
"""Whole names of columns that only part a table, such as by the folders in which it lies."""
OF_A_CHANGE = {"from", "to", "old", "new", "previous", "before", "after", "von", "nach"}
TODAY_WORDS = {"status", "stage", "statut", "etat", "estado", "zustand"}
LEFT_WORDS = {"closed", "churned", "terminated", "termination", "left", "lost"}
LEFT_WORDS |= CANCEL_WORDS - {"notice"}
LOSS_WORDS = (CHURN_WORDS - {"left", "lost"}) | {"churns", "losses"}
