#!/bin/sh
# Hand a bounce on standard input to the HTTP service: post_bounce.sh RECIPIENT [SENDER]
# URL and the file with the token come from the environment. Whatever goes wrong ends with 75, upon which mail servers try
# again later: any other status would make them give the bounce up. What the service says of a failure goes to standard error.
if [ $# -gt 2 ] || [ -z "$1" ]; then
  echo "usage: post_bounce.sh RECIPIENT [SENDER]; one recipient at a time" >&2
  exit 75
fi
if ! answer=$(curl --silent --show-error --fail-with-body --max-time 60 \
  --header "Content-Type: message/rfc822" \
  --header "Undeliverable-Envelope-To: $1" \
  --header "Undeliverable-Envelope-From: <$2>" \
  --header "@${TOKEN_FILE:-/etc/bounces/authorization}" \
  --data-binary @- \
  "${URL:-http://127.0.0.1:8080}/v1/parse"); then
  printf '%s\n' "$answer" >&2
  exit 75
fi
