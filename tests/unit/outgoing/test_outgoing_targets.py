"""What may be called: public https, and what was allowed by name."""

from __future__ import annotations

import pytest

from npsight.errors import ConfigError
from npsight.outgoing.targets import RefusedTargetError, Target, TargetPolicy

STRICT = TargetPolicy()
PRIVATE = [
    "127.0.0.1", "127.8.9.1", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.1.1",
    "169.254.169.254", "100.64.0.1", "100.100.100.200", "192.0.2.1", "198.18.0.1", "224.0.0.1",
    "239.1.1.1", "240.0.0.1", "255.255.255.255", "168.63.129.16", "::", "::1", "fe80::1",
    "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "::ffff:127.0.0.1",
    "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::",
    "2002:a00:1::", "2001::1", "::7f00:1", "fec0::1",
]  # fmt: skip
PUBLIC = ["8.8.8.8", "93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:8.8.8.8",
          "64:ff9b::808:808"]  # fmt: skip
SITE = Target("crm.example.com", 443, True)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_refused(address: str) -> None:
    with pytest.raises(RefusedTargetError, match="crm.example.com leads to"):
        STRICT.judge(SITE, [address])


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_called(address: str) -> None:
    assert STRICT.judge(SITE, [address]) == [address]


def test_one_private_address_among_public_ones_refuses_the_name() -> None:
    with pytest.raises(RefusedTargetError, match="not public"):
        STRICT.judge(SITE, ["8.8.8.8", "10.0.0.1"])
    with pytest.raises(RefusedTargetError, match="no address"):
        STRICT.judge(SITE, [])


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://crm.example.com/x", "without encryption"),
        ("ftp://crm.example.com/", "must be https"),
        ("https:///x", "must be https"),
        ("//crm.example.com", "must be https"),
        ("https://user:pw@crm.example.com/", "no user name"),
        ("https://crm.example.com/#part", "before `#`"),
        ("https://crm.example.com\\@10.0.0.1/", "backslashes"),
        ("https://crm.example.com/ x", "blanks"),
        ("https://crm.example.com/\nHost: x", "blanks"),
        ("https://crm.example.com:99999/", "port is none"),
        ("https://crm.example.com:0/", "port is none"),
        ("https://[crm]/", "cannot be read"),
        ("https://metadata.google.internal/v1", "metadata"),
        ("https://METADATA.google.internal./v1", "metadata"),
        ("https://crm.example.com/" + "x" * 2000, "longer than"),
    ],
)
def test_urls_are_judged_by_what_they_say(url: str, why: str) -> None:
    with pytest.raises(RefusedTargetError, match=why):
        STRICT.target_of(url)


@pytest.mark.parametrize(
    "url",
    ["https://127.0.0.1/", "https://2130706433/", "https://0x7f.1/", "https://127.1/",
     "https://[::1]/", "https://[::ffff:7f00:1]/", "https://localhost/", "https://localhost./"],
)  # fmt: skip
def test_loopback_is_refused_however_it_is_written(url: str) -> None:
    with pytest.raises(RefusedTargetError, match=r"not public|no address"):
        STRICT.check(url)


def test_a_url_says_where_it_leads() -> None:
    assert STRICT.target_of("https://CRM.Example.com./a?b") == SITE
    assert STRICT.target_of("https://bücher.example/").host == "xn--bcher-kva.example"
    assert STRICT.target_of("https://crm.example.com:8443/").port == 8443


def test_what_is_allowed_by_name_is_called() -> None:
    policy = TargetPolicy.of(["crm.internal", "hooks.internal:8443", "10.1.0.0/16"])
    crm = Target("crm.internal", 443, True)
    assert policy.judge(crm, ["10.9.9.9"]) == ["10.9.9.9"]
    assert policy.judge(SITE, ["10.1.2.3"]) == ["10.1.2.3"]
    assert policy.judge(Target("hooks.internal", 8443, True), ["127.0.0.1"]) == ["127.0.0.1"]
    with pytest.raises(RefusedTargetError, match="not public; allow hooks.internal:443"):
        policy.judge(Target("hooks.internal", 443, True), ["127.0.0.1"])
    with pytest.raises(RefusedTargetError, match="without encryption"):
        policy.target_of("http://crm.internal/")
    assert TargetPolicy.of(["http://crm.internal"]).target_of("http://crm.internal/").port == 80


def test_metadata_services_cannot_be_allowed() -> None:
    policy = TargetPolicy.of(["169.254.0.0/16", "crm.example.com"])
    with pytest.raises(RefusedTargetError, match="metadata"):
        policy.judge(SITE, ["169.254.169.254"])


@pytest.mark.parametrize("entry", ["10.0.0.0/33", "crm internal", "*.example.com", "http://"])
def test_an_allowance_that_says_nothing_is_refused(entry: str) -> None:
    with pytest.raises(ConfigError, match="is no target"):
        TargetPolicy.of([entry])


def test_the_environment_allows() -> None:
    policy = TargetPolicy.from_environment({"NPSIGHT_ALLOW_TARGETS": " CRM.internal , ,"})
    assert policy.names == {"crm.internal"}
    assert TargetPolicy.from_environment({}) == STRICT
