"""The domain of an e-mail address or a web address, by which an account is found.

A domain is in lower case, without `www.`, port, path and a dot at its end. Domains are equal or
not: `mail.acme.com` is not `acme.com`, because only a list of all registries could tell which of
two such domains belong to one owner.
"""

from __future__ import annotations

import re
from typing import cast

import ibis.expr.types as ir

_PART = r"[^\s@/?#:<>,;]"
_LAST = r"[^\s@/?#:<>,;.]"
_DOMAIN = (
    rf"^(?:[a-z][a-z0-9+.-]*://)?(?:[^/?#@]*@)?(?:www\.)?({_PART}*{_LAST}\.{_LAST}{{2,}})"
    r"\.*>?(?:[:/?#].*)?$"
)
"""Read alike by Python and the engine. Of two addresses in one text it reads none."""
_BETWEEN = r"""[\s,;|\[\]"']+"""
"""What parts the domains of a cell that lists several."""
_EVERYWHERE = "yahoo|ymail|rocketmail|hotmail|outlook|live|msn|gmx|yandex|aol|icloud|gmail"
_PUBLIC = rf"^(?:{_EVERYWHERE})\.(?:com|net|org|eu|[a-z]{{2}}|com?\.[a-z]{{2}})$"
"""Providers that have a domain in each country."""
_PROVIDERS = (
    *("googlemail.com", "me.com", "mac.com", "privaterelay.appleid.com", "mail.com", "email.com"),
    *("proton.me", "protonmail.com", "protonmail.ch", "pm.me", "tutanota.com", "tuta.com"),
    *("fastmail.com", "fastmail.fm", "hey.com", "zohomail.com", "hushmail.com", "inbox.com"),
    *("web.de", "t-online.de", "freenet.de", "posteo.de", "mailbox.org", "arcor.de", "online.de"),
    *("bluewin.ch", "hispeed.ch", "sunrise.ch", "aon.at", "chello.at", "a1.net"),
    *("orange.fr", "wanadoo.fr", "free.fr", "laposte.net", "sfr.fr", "neuf.fr", "bbox.fr"),
    *("libero.it", "virgilio.it", "tiscali.it", "alice.it", "tin.it", "telefonica.net"),
    *("btinternet.com", "sky.com", "ntlworld.com", "talktalk.net", "virginmedia.com"),
    *("comcast.net", "verizon.net", "att.net", "sbcglobal.net", "bellsouth.net", "cox.net"),
    *("charter.net", "earthlink.net", "juno.com", "optonline.net", "roadrunner.com"),
    *("shaw.ca", "rogers.com", "sympatico.ca", "telus.net", "videotron.ca"),
    *("bigpond.com", "bigpond.net.au", "optusnet.com.au", "xtra.co.nz"),
    *("ziggo.nl", "kpnmail.nl", "planet.nl", "xs4all.nl", "home.nl", "telenet.be", "skynet.be"),
    *("mail.ru", "bk.ru", "inbox.ru", "list.ru", "rambler.ru", "ukr.net", "ya.ru"),
    *("seznam.cz", "email.cz", "centrum.cz", "wp.pl", "o2.pl", "onet.pl", "interia.pl", "op.pl"),
    *("uol.com.br", "bol.com.br", "terra.com.br", "ig.com.br", "globo.com"),
    *("qq.com", "163.com", "126.com", "139.com", "sina.com", "sina.cn", "sohu.com", "foxmail.com"),
    *("naver.com", "hanmail.net", "daum.net", "docomo.ne.jp", "ezweb.ne.jp", "rediffmail.com"),
)


def domain_of(text: ir.StringValue) -> ir.StringValue:
    """The domain of an address; null where the text is none."""
    found = text.lower().strip().re_extract(_DOMAIN, 1)
    return cast(ir.StringValue, found.nullif(""))


def domains_in(text: ir.StringValue) -> ir.ArrayValue:
    """The texts of a cell that may list several addresses."""
    return cast(ir.ArrayValue, text.lower().re_split(_BETWEEN))


def is_public(domain: ir.StringValue) -> ir.BooleanValue:
    """Whether anybody may have an address at the domain, so that it tells no account."""
    listed = domain.isin(_PROVIDERS) | domain.re_search(_PUBLIC)
    return cast(ir.BooleanValue, listed.fill_null(False))


def domains_of_text(text: str) -> set[str]:
    """The domains of a cell without those of public mail providers, as the engine reads them."""
    found = (re.match(_DOMAIN, part.strip()) for part in re.split(_BETWEEN, text.lower()) if part)
    domains = {match[1] for match in found if match}
    return {d for d in domains if d not in _PROVIDERS and not re.match(_PUBLIC, d)}
