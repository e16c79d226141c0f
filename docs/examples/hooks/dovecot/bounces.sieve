# Every message to the address that bounces go to is handed to undeliverable. Where that fails, the message stays in the
# mailbox: nothing is lost, and what lies there is what has not been recorded.
require ["envelope", "variables", "vnd.dovecot.pipe"];

set "from" "";
set "to" "";
if envelope :matches "from" "*" { set "from" "${1}"; }
if envelope :matches "to" "*" { set "to" "${1}"; }

pipe "take-bounce" ["--sender=${from}", "--recipient=${to}"];
