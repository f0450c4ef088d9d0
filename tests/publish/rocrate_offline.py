"""Runs rocrate-validator without a network: the one page that it asks for, the context of RO-Crate 1.1, ships with rocrate.

Run by the Python of ``.venv-validators``, never imported: ``python rocrate_offline.py validate ...``.
"""

import functools
import io
import sys
import urllib.request
import urllib.response
from email.message import Message
from pathlib import Path

import requests
import urllib3

PLACE = "w3id.org/ro/crate/1.1/context"
open_url, send = urllib.request.OpenerDirector.open, requests.Session.send


@functools.cache
def context() -> bytes:
    return next(Path(sys.prefix).rglob("rocrate/data/ro-crate.jsonld")).read_bytes()


def opened(self, request, *arguments, **options):
    url = request if isinstance(request, str) else request.full_url
    if PLACE not in url:
        return open_url(self, request, *arguments, **options)
    head = Message()
    head["Content-Type"] = "application/ld+json"
    return urllib.response.addinfourl(io.BytesIO(context()), head, url, 200)


def sent(self, request, **options):
    if PLACE not in request.url:
        return send(self, request, **options)
    head = {"Content-Type": "application/ld+json"}
    asked = {"request_url": request.url, "request_method": "GET"}
    raw = urllib3.HTTPResponse(io.BytesIO(context()), head, 200, preload_content=False, **asked)
    return self.get_adapter(request.url).build_response(request, raw)


if __name__ == "__main__":
    urllib.request.OpenerDirector.open = opened
    requests.Session.send = sent
    from rocrate_validator.cli import cli

    cli()
