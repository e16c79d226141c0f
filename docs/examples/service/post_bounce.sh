#!/bin/sh
# Hand a bounce on standard input to the HTTP service: post_bounce.sh RECIPIENT [SENDER]
# URL and the file with the token come from the environment. Whatever goes wrong ends with 75, upon which mail servers try
# again later: any other status would make them give the bounce up.
curl --silent --show-error --fail --max-time 60 \
  --header "Content-Type: message/rfc822" \
  --header "Undeliverable-Envelope-To: $1" \
  --header "Undeliverable-Envelope-From: <$2>" \
  --header "@${TOKEN_FILE:-/etc/bounces/authorization}" \
  --data-binary @- --output /dev/null \
  "${URL:-http://127.0.0.1:8080}/v1/parse" || exit 75
