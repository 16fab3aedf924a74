"""Themes of comments: beginnings of words that reveal what a comment is about."""

from __future__ import annotations

from npsight.config.schema.settings import Comments

Themes = dict[str, tuple[str, ...]]

THEMES: dict[str, Themes] = {
    "en": {
        "features": ("feature", "functional", "missing", "roadmap", "capabilit"),
        "onboarding": (
            "onboard", "training", "getting started", "set up", "setup", "implementation",
        ),
        "price": (
            "price", "pricing", "expensive", "cost", "invoice", "renewal", "value for money",
        ),
        "reliability": ("outage", "downtime", "crash", "bug", "slow", "unreliable", "error"),
        "support": ("support", "ticket", "response time", "helpdesk", "helpful", "unhelpful"),
        "usability": ("usab", "interface", "intuitive", "confusing", "easy to use", "clunky"),
    },
    "de": {
        "features": ("funktion", "feature", "fehlt", "fehlen", "roadmap", "schnittstelle"),
        "onboarding": (
            "onboarding", "einführung", "einarbeitung", "einrichtung", "inbetriebnahme", "schulung",
            "training", "implementierung",
        ),
        "price": ("preis", "kosten", "kostet", "teuer", "rechnung", "verlängerung", "lizenz"),
        "reliability": (
            "ausfall", "ausfälle", "absturz", "abstürz", "stürzt", "störung", "fehler", "langsam",
            "instabil", "zuverlässig", "unzuverlässig", "bug",
        ),
        "support": (
            "support", "kundendienst", "kundenservice", "kundenbetreu", "betreuung", "hotline",
            "ticket", "antwortzeit", "hilfsbereit", "helpdesk", "ansprechpartner",
        ),
        "usability": (
            "bedien", "benutzer", "oberfläche", "intuitiv", "umständlich", "übersichtlich",
            "unübersichtlich", "kompliziert",
        ),
    },
    "fr": {
        "features": ("fonctionnalit", "fonction", "manqu", "feuille de route", "roadmap"),
        "onboarding": (
            "formation", "prise en main", "mise en place", "mise en service", "déploiement",
            "deploiement", "onboarding",
        ),
        "price": (
            "prix", "tarif", "coût", "cout", "trop cher", "très cher", "plus cher", "chère",
            "factur", "renouvellement",
        ),
        "reliability": (
            "panne", "bug", "plante", "plantage", "lent", "erreur", "coupure", "indisponib",
            "instable", "fiab",
        ),
        "support": (
            "support", "assistance", "service client", "hotline", "ticket", "réactiv", "reactiv",
            "temps de réponse", "délai de réponse",
        ),
        "usability": (
            "ergonom", "interface", "intuiti", "compliqu", "convivial", "facile à", "simple à",
        ),
    },
    "es": {
        "features": ("funcionalidad", "característica", "caracteristica", "falta", "hoja de ruta"),
        "onboarding": (
            "formación", "formacion", "capacitación", "capacitacion", "implementación",
            "implementacion", "implantación", "puesta en marcha", "onboarding",
        ),
        "price": (
            "precio", "tarifa", "coste", "costo", "muy caro", "más caro", "mas caro",
            "demasiado caro", "factura", "renovación", "renovacion",
        ),
        "reliability": (
            "caída", "caida", "fallo", "falla", "error", "lento", "lenta", "lentitud", "interrupci",
            "inestable", "fiab", "bug",
        ),
        "support": (
            "soporte", "asistencia", "atención al cliente", "atencion al cliente", "ticket",
            "tiempo de respuesta", "helpdesk",
        ),
        "usability": (
            "usab", "interfaz", "intuitiv", "complicad", "confus", "fácil de", "facil de",
            "difícil de", "dificil de",
        ),
    },
}  # fmt: skip
"""Of each language: theme -> beginnings. All languages have the same themes."""


def themes_of(comments: Comments) -> Themes:
    """Theme to beginnings, in a fixed order: the project's own, else those of its languages."""
    if comments.themes is not None:
        return {theme: tuple(words) for theme, words in sorted(comments.themes.items())}
    found: dict[str, dict[str, None]] = {}
    for language in comments.language:
        for theme, words in THEMES.get(language, {}).items():
            found.setdefault(theme, {}).update(dict.fromkeys(words))
    return {theme: tuple(words) for theme, words in found.items()}
