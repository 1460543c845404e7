"""A campaign by the API, in Python's standard library: approve what was reviewed, let it go, watch it, stop it.

Needs DISPATCHER_URL (http://127.0.0.1:8700), and DISPATCHER_TOKEN of an approver with the rights see_campaign,
see_figures, approve, run and stop. Usage: python examples/campaign.py EDITION CODE-OF-THE-SECOND-FACTOR
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid
from typing import Any


def ask(method: str, path: str, body: object = None, **headers: str) -> Any:
    """The answer as Python values. Raises `urllib.error.HTTPError`, whose body is a problem (RFC 9457)."""
    request = urllib.request.Request(  # noqa: S310  # the address is the caller's own
        f"{os.environ['DISPATCHER_URL']}/api/v1{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {os.environ['DISPATCHER_TOKEN']}",
            "Content-Type": "application/json",
            # Keep the key if the line breaks, and repeat the request with it: it is not done twice.
            "Idempotency-Key": uuid.uuid4().hex,
            **headers,
        },
        method=method,
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return json.load(answer)


def main(edition: str, code: str) -> None:
    review = ask("GET", f"/campaigns/{edition}/review")
    for wave in review["waves"]:
        print(wave["slug"], wave["people"], "người,", wave["segments"], "phần tin")
    for finding in review["findings"]:
        print("chưa đạt:", finding)
    ask(
        "POST",
        f"/campaigns/{edition}/approve",
        {"seen": review["hash"], "accept": "; ".join(review["findings"])[:500]},
        **{"Dispatcher-Code": code},
    )
    print(ask("POST", f"/campaigns/{edition}/start", {})["status"])
    try:
        while (figures := ask("GET", f"/campaigns/{edition}/figures"))["status"] == "running":
            print(figures["counts"])
            time.sleep(5)
    except KeyboardInterrupt:
        print("dừng:", ask("POST", f"/campaigns/{edition}/pause", {}))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except urllib.error.HTTPError as error:
        sys.exit(error.read().decode())
