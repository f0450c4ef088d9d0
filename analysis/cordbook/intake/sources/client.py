"""Polite requests: who asks, how often, what is tried again and when to stop.

httpx is used for connections, time limits and redirects only. The clients for single sources (pyalex, habanero, Biopython's
Entrez) were weighed: none lets a half-fetched search be taken up again, nor honours Retry-After everywhere.
"""

from __future__ import annotations

import email.utils
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, quote_plus

import cordbook
from cordbook.core.trust.nested import parse_json
from cordbook.errors import CordbookError
from cordbook.evidence.review_state import StatusError, load_status

#: Statuses that pass by themselves (RFC 9110, RFC 6585).
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
#: Seconds and tries for a source that has not answered yet: without a network that should be told soon.
CONNECTING, FIRST_TRIES = 20.0, 2
#: A body beyond this is not a page of records.
LARGEST_BODY = 128 * 2**20

#: What is shorter is no key, and would be cut out of words; and a key as it stands in an address.
SHORTEST_KEY = 6
_KEY = re.compile(r"\b(api[_-]?key|(?:access[_-]?)?token|key)=[^&\s\"'<>)]+", re.I)

T = TypeVar("T")


def masked(text: str) -> str:
    """``text`` without keys: those of the environment, and whatever an address has as a key or token.

    >>> masked("https://example.org/works?api_key=abc123&page=2")
    'https://example.org/works?api_key=***&page=2'
    """
    for name, key in os.environ.items():
        if name.endswith("_API_KEY") and len(bare := key.strip()) >= SHORTEST_KEY:
            for written in {bare, quote(bare, safe=""), quote_plus(bare)}:
                text = text.replace(written, "***")
    return _KEY.sub(r"\1=***", text)


class SearchFailed(CordbookError):
    """A request that could not be answered; the message is for people and holds no key."""

    def __init__(self, message: str) -> None:
        super().__init__(masked(message))


class NoNetwork(SearchFailed):
    """The source cannot be reached at all."""


class Refused(SearchFailed):
    """The source does not take this request, however often it is asked; ``status`` is what it answered with."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Malformed(CordbookError):
    """A body that is not what the source documents: cut off, or an error page. Worth another try."""

    def __init__(self, message: str) -> None:
        super().__init__(masked(message))


@dataclass(slots=True)
class Client:
    """Asks one source, at most once every ``interval`` seconds.

    ``attempts`` tries a request; waits 1, 2, 4, ... times ``back_off`` seconds in between, or what Retry-After says up to
    ``patience`` seconds. A host that cannot be reached at all is tried twice, quietly. ``say`` is told of every other wait.
    """

    interval: float = 0.34
    attempts: int = 5
    timeout: float = 60.0
    back_off: float = 1.0
    patience: float = 300.0
    contact: str = ""
    say: Callable[[str], None] = lambda text: None
    _last: float = field(default=0.0, init=False)
    _reached: bool = field(default=False, init=False)
    _http: Any = field(default=None, init=False)

    def __enter__(self) -> Client:
        import httpx

        agent = f"cordbook/{cordbook.__version__}" + (f" (mailto:{self.contact})" if self.contact else "")
        limits = httpx.Timeout(self.timeout, connect=min(self.timeout, CONNECTING))
        self._http = httpx.Client(timeout=limits, follow_redirects=True, headers={"User-Agent": agent})
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def ask(self, url: str, params: Mapping[str, Any], parse: Callable[[bytes], T], *, post: bool = False) -> T:
        """What ``parse`` makes of the body; tries again on passing errors and on :class:`Malformed`.

        Raises :class:`NoNetwork`, :class:`SearchFailed`, or the last :class:`Malformed`.
        """
        import httpx

        host = httpx.URL(url).host
        for attempt in range(1, self.attempts + 1):
            last = attempt == self.attempts
            quiet = False
            wait = self.back_off * 2 ** (attempt - 1)
            try:
                status, headers, body = self._send(url, params, post=post)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                if last or (attempt >= FIRST_TRIES and not self._reached):
                    raise NoNetwork(f"{host} cannot be reached ({_why(error)})") from error
                why, quiet = "no connection", not self._reached
            except (httpx.TransportError, httpx.DecodingError) as error:
                if last:
                    raise SearchFailed(f"{host} broke off {attempt} times in a row ({_why(error)})") from error
                why = _why(error)
            except httpx.HTTPError as error:
                raise SearchFailed(f"{host}: {_why(error)}") from error
            else:
                if status == 200:
                    try:
                        return parse(body)
                    except Malformed as error:
                        if last:
                            raise
                        why = str(error)
                elif status in PASSING:
                    wait = max(wait, retry_after(headers.get("retry-after", "")))
                    why = f"status {status}"
                    if last or wait > self.patience:
                        later = f"; it asks to wait {wait:.0f} s" if wait > self.patience else ""
                        raise SearchFailed(f"{host} answered with status {status} {attempt} times{later}")
                else:
                    raise Refused(f"{host} refused the request with status {status}: {_message_of(body)}", status)
            if not quiet:
                self.say(masked(f"{host}: {why}, trying again in {wait:.0f} s"))
            time.sleep(wait)
        raise AssertionError("unreachable")

    def _send(self, url: str, params: Mapping[str, Any], *, post: bool) -> tuple[int, Mapping[str, str], bytes]:
        pause = self._last + self.interval - time.monotonic()
        if pause > 0:
            time.sleep(pause)
        self._last = time.monotonic()
        kind = {"data": params} if post else {"params": params}
        with self._http.stream("POST" if post else "GET", url, **kind) as response:
            if not self._reached:
                self._reached = True
                self.say(f"{response.url.host} answers")
            body = bytearray()
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > LARGEST_BODY:
                    raise SearchFailed(f"{response.url.host} sent more than {LARGEST_BODY // 2**20} MB for one page")
            return response.status_code, response.headers, bytes(body)


def retry_after(text: str) -> float:
    """Seconds that a Retry-After header asks for; 0 if it says nothing that can be read (RFC 9110, 10.2.3).

    >>> retry_after("120")
    120.0
    """
    text = text.strip()
    if text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return 0.0


def as_json(body: bytes) -> dict[str, Any]:
    """The object in ``body``; raises :class:`Malformed`."""
    try:
        found = parse_json(body)
    except (ValueError, RecursionError) as error:
        raise Malformed("an answer that is cut off or no JSON") from error
    if not isinstance(found, dict):
        raise Malformed("an answer that is not a JSON object")
    return found


def contact_address(data: Path) -> str:
    """The e-mail address that requests carry; sources ask for one, to reach who asks too much.

    From CORDBOOK_CONTACT, else ``contact`` in ``review.yml``; blank where neither says.
    """
    if text := os.environ.get("CORDBOOK_CONTACT", "").strip():
        return text
    try:
        return load_status(data).contact
    except (StatusError, OSError, ValueError):  # the build says what is wrong with it
        return ""


def _why(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _message_of(body: bytes) -> str:
    from cordbook.intake.records.untrusted_text import plain

    return plain(body[:2000].decode("utf-8", "replace"))[:300] or "no reason given"
