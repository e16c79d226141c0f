"""Ask the HTTP service from Python, with the standard library: whether a recipient is suppressed, and what a reply means.

python ask_the_service.py http://127.0.0.1:8080 kim@example.org "550 5.1.1 no such user"
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from typing import Any


def ask(base: str, path: str, value: object) -> Any:  # any JSON value
    """Return the answer to a request; an error of the service is raised with its own words."""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {os.environ.get('TOKEN', '')}"}
    request = urllib.request.Request(f"{base}{path}", json.dumps(value).encode(), headers)  # noqa: S310 # the URL is our own
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 # see above
            return json.load(answer)
    except urllib.error.HTTPError as error:
        problem = json.load(error)  # RFC 9457
        raise RuntimeError(f"{problem['code']}: {problem['detail']} {problem.get('errors', '')}") from error


def main(base: str, address: str, reply: str) -> None:
    """Print both answers."""
    (checked,) = ask(base, "/v1/suppressions/check", {"addresses": [address]})["results"]
    print("suppressed" if checked["suppressed"] else "not suppressed")
    verdict = ask(base, "/v1/classify", {"reply": reply, "recipient": address})
    print(verdict["bounce_type"], verdict["reason"], verdict["advice"])


if __name__ == "__main__":
    main(*sys.argv[1:])
