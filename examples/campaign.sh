#!/bin/sh
# A campaign by the API, in curl: the definition as a draft, a roster, the review, and how far it is.
# Needs DISPATCHER_URL (http://127.0.0.1:8700) and DISPATCHER_TOKEN with the rights write_campaign, import_audience,
# see_campaign and see_figures. Usage: examples/campaign.sh DEFINITION.toml ROSTER.csv AUDIENCE
set -eu
api="$DISPATCHER_URL/api/v1"

ask() { # METHOD PATH [more arguments of curl]
    method=$1 path=$2
    shift 2
    curl --fail-with-body --silent --show-error --request "$method" "$api$path" \
        --header "Authorization: Bearer $DISPATCHER_TOKEN" --header "Idempotency-Key: $(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')" "$@"
}
field() { python3 -c 'import functools, json, sys; print(functools.reduce(lambda found, name: found[name], sys.argv[1:], json.load(sys.stdin)))' "$@"; }

name=$(python3 -c 'import sys, urllib.parse; print(urllib.parse.quote(sys.argv[1]))' "$3")
upload=$(ask POST "/uploads?audience=$name&file_name=$(basename "$2")" --data-binary "@$2" | field upload id)
ask POST "/uploads/$upload/import" --json '{}' > /dev/null
while [ "$(ask GET "/uploads/$upload" | field state)" = importing ]; do sleep 1; done
ask GET "/uploads/$upload" | field outcome

edition=$(python3 -c 'import json, sys; print(json.dumps({"definition": open(sys.argv[1], encoding="utf-8").read()}))' "$1" |
    ask POST /campaigns --json @- | field edition)
ask GET "/campaigns/$edition/review" | field findings
ask GET "/campaigns/$edition/figures"
