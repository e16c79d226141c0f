#!/bin/sh
# Print an OAuth 2 access token. $1 is a configuration for curl with the request in it, mode 0600: what stands in a file is
# seen by nobody else, unlike what stands on a command line.
set -eu
answer=$(curl --silent --show-error --fail --max-time 30 --config "${1:?name the file for curl}")
printf '%s' "$answer" | python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])'
