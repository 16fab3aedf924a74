"""Which addresses may be called: never our own network, unless somebody allowed it by name.

A target is judged when it is saved and again at every connection, then on the very address that
is connected to. So a name that later resolves to a private address is no way in.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from npsight.config.outside import ALLOW_VARIABLE, allowed_targets
from npsight.errors import ConfigError, Problem

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
MAX_URL_LENGTH = 2000

METADATA_NAMES = frozenset(
    (
        "metadata",
        "metadata.google.internal",
        "metadata.goog",
        "metadata.azure.internal",
        "instance-data",
        "instance-data.ec2.internal",
    )
)
METADATA_ADDRESSES = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "169.254.169.254",
        "169.254.170.2",
        "169.254.170.23",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",
    )
)
"""Where clouds hand credentials to whoever asks from within; refused whatever is allowed."""
_WELL_KNOWN_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")
_COMPATIBLE = ipaddress.IPv6Network("::/96")


class RefusedTargetError(Exception):
    """A target that may not be called; the message names neither path nor query."""


@dataclass(frozen=True)
class Target:
    """Where a URL leads: host in lower case and ASCII, port, and whether TLS is used."""

    host: str
    port: int
    is_https: bool


@dataclass(frozen=True)
class TargetPolicy:
    """What may be called beyond public https: by name, with or without port, or by network.

    Attributes
    ----------
    names
        `host` or `host:port` that may have private addresses.
    plain
        The same, for plain http, too.
    networks
        Private networks whose addresses may be called.
    """

    names: frozenset[str] = frozenset()
    plain: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> TargetPolicy:
        """The policy that `NPSIGHT_ALLOW_TARGETS` asks for; raises ConfigError."""
        return cls.of(allowed_targets(environment))

    @classmethod
    def of(cls, allowed: Iterable[str]) -> TargetPolicy:
        """`host`, `host:port`, `http://host:port` and networks such as `10.1.0.0/16`."""
        names, plain, networks, problems = set(), set(), [], []
        for entry in allowed:
            if "/" in entry.removeprefix("http://"):
                try:
                    networks.append(ipaddress.ip_network(entry))
                except ValueError:
                    problems.append(entry)
                continue
            name = entry.removeprefix("http://")
            names.add(name)
            if not name or any(c.isspace() or c in "*?@#\\" for c in name):
                problems.append(entry)
            if name != entry:
                plain.add(name)
        if problems:
            what = f"`{'`, `'.join(problems)}` is no target"
            remedy = "write host, host:port, http://host:port or a network such as 10.1.0.0/16"
            raise ConfigError(
                "no target can be judged", [Problem(what, remedy, key=ALLOW_VARIABLE)]
            )
        return cls(frozenset(names), frozenset(plain), tuple(networks))

    def target_of(self, url: str) -> Target:
        """Judge a URL by what it says; raises RefusedTargetError."""
        if len(url) > MAX_URL_LENGTH or any(
            ord(c) <= 32 or ord(c) == 127 or c == "\\" for c in url
        ):
            raise RefusedTargetError(
                f"the URL is longer than {MAX_URL_LENGTH} characters, or holds blanks, control "
                "characters or backslashes"
            )
        try:
            parsed = httpx.URL(url)
        except (httpx.InvalidURL, ValueError):
            raise RefusedTargetError("the URL cannot be read") from None
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise RefusedTargetError("the URL must be https://HOST/…")
        if parsed.port is not None and not 0 < parsed.port < 65536:
            raise RefusedTargetError("the URL's port is none")
        if parsed.userinfo:
            raise RefusedTargetError("the URL must hold no user name or password")
        if parsed.fragment:
            raise RefusedTargetError("the URL must end before `#`")
        is_https = parsed.scheme == "https"
        host = parsed.raw_host.decode("ascii").lower()
        target = Target(host.rstrip("."), parsed.port or (443 if is_https else 80), is_https)
        if not is_https and not self._named(target, self.plain):
            raise RefusedTargetError(
                f"{target.host} would be called without encryption; use https, or allow "
                f"http://{_shown(target)} in {ALLOW_VARIABLE}"
            )
        if target.host in METADATA_NAMES:
            raise RefusedTargetError(f"{target.host} is a cloud's metadata service")
        return target

    def judge(self, target: Target, addresses: Sequence[str]) -> list[str]:
        """The addresses of a target, all of which may be called; raises RefusedTargetError."""
        if not addresses:
            raise RefusedTargetError(f"{target.host} has no address")
        for text in addresses:
            for address in _meant(ipaddress.ip_address(text.partition("%")[0])):
                self._judge_one(target, address)
        return list(addresses)

    def _judge_one(self, target: Target, address: Address) -> None:
        if address in METADATA_ADDRESSES:
            raise RefusedTargetError(f"{target.host} leads to a cloud's metadata service")
        if _is_public(address) or self._named(target, self.names):
            return
        if any(address.version == net.version and address in net for net in self.networks):
            return
        raise RefusedTargetError(
            f"{target.host} leads to an address that is not public; allow {_shown(target)} in "
            f"{ALLOW_VARIABLE} if that is meant"
        )

    def _named(self, target: Target, names: frozenset[str]) -> bool:
        return target.host in names or _shown(target) in names

    def check(self, url: str) -> Target:
        """Judge a URL and what its name resolves to now; raises RefusedTargetError."""
        target = self.target_of(url)
        self.judge(target, resolve(target))
        return target


def resolve(target: Target) -> list[str]:
    """Every address of the target's host; raises RefusedTargetError where it has none."""
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise RefusedTargetError(f"{target.host} has no address") from None
    return addresses_of(found)


def addresses_of(found: Iterable[tuple[Any, ...]]) -> list[str]:
    """The addresses in what `getaddrinfo` gives, each once, in its order."""
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _is_public(address: Address) -> bool:
    return address.is_global and not (
        address.is_private
        or address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_reserved
        or address.is_unspecified
        or (address.version == 6 and (address.is_site_local or address in _LOCAL_NAT64))
    )


def _meant(address: Address) -> Iterator[Address]:
    """The address, and any IPv4 address that a gateway would make of it."""
    if isinstance(address, ipaddress.IPv4Address):
        yield address
        return
    inner: list[Address | None] = [address.ipv4_mapped, address.sixtofour]
    inner += list(address.teredo or ())
    if address in _WELL_KNOWN_NAT64 or (address in _COMPATIBLE and int(address) > 0xFFFF):
        inner.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    found = [a for a in inner if a is not None]
    yield from found
    # A mapped or translated address counts as what it stands for, not as its own range.
    if address.ipv4_mapped is None and address not in _WELL_KNOWN_NAT64:
        yield address


def _shown(target: Target) -> str:
    return f"{target.host}:{target.port}"
