"""Decide for pages and validation which hosts readers are sent to: those of hosts.csv, and none that is a copy, a proxy or a test."""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import urlsplit

#: Words in the name of a host that only leads on to another, or that is not the public one.
_NOT_PUBLIC = re.compile(r"(^|[.-])(e?z?proxy|mirror|staging|test|dev|preview|localhost)([.-]|\d|$)")
#: Names that are kept free for examples, tests and networks of one house (RFC 2606, RFC 6761, RFC 8375): nobody can have them.
_RESERVED = re.compile(r"(?:^|\.)(?:example|invalid|test|localhost|local|internal|home\.arpa)$")
_ADDRESS = re.compile(r"\d{1,3}(\.\d{1,3}){3}|\[.*|.*:.*")


def host_of(address: str) -> str:
    """The host of an address with its port, in small letters; blank where there is none.

    >>> host_of("https://Example.org/a?b"), host_of("http://10.0.0.1:8080/x"), host_of("no address")
    ('example.org', '10.0.0.1:8080', '')
    """
    try:
        return urlsplit(address).netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""


def is_web_address(address: str) -> bool:
    """May an address stand behind a link? Only one of http or https with a host may: others can run code in a reader's browser.

    >>> is_web_address("https://doi.org/10.1/x"), is_web_address("javascript:alert(1)"), is_web_address("https:/x")
    (True, False, False)
    """
    return bool(re.match(r"https?://[^/?#]", address)) and bool(host_of(address)) and address.isprintable()


def why_not_public(host: str) -> str:
    """Why no reader can be sent to a host whatever it holds, as the end of a sentence; blank where nothing speaks against it.

    >>> why_not_public("10.0.0.1:80"), why_not_public("ezproxy.lib.edu"), why_not_public("vufind-test.x.cz"), why_not_public("karger.com")
    ('is a number, not a name', 'is a proxy, a mirror or a test', 'is a proxy, a mirror or a test', '')
    >>> why_not_public("journal.example")
    'has a name that is kept for examples and tests'
    """
    if _ADDRESS.fullmatch(host):
        return "is a number, not a name"
    if _RESERVED.search(host):
        return "has a name that is kept for examples and tests"
    return "is a proxy, a mirror or a test" if _NOT_PUBLIC.search(host) else ""


def is_listed(host: str, hosts: Collection[str]) -> bool:
    """Is a host among those of hosts.csv, by its name or by an ending that begins with a full stop?

    >>> is_listed("keio.pure.elsevier.com", {".pure.elsevier.com"}), is_listed("pure.elsevier.com.x.org", {".pure.elsevier.com"})
    (True, False)
    """
    return host in hosts or any(name.startswith(".") and host.endswith(name) for name in hosts)
