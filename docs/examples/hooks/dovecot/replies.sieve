# A mailbox that people read: only reports of mail systems and automatic replies are handed to undeliverable and put into
# a folder, everything else stays where it is. Complaints of feedback loops come from a person's address, hence the header.
require ["copy", "envelope", "fileinto", "mailbox", "variables", "vnd.dovecot.pipe"];

if anyof (
  envelope :is "from" "",
  header :contains "Content-Type" ["report-type=delivery-status", "report-type=\"delivery-status\"",
                                   "report-type=feedback-report", "report-type=\"feedback-report\""],
  header :is "Auto-Submitted" ["auto-replied", "auto-generated"]
) {
  set "from" "";
  set "to" "";
  if envelope :matches "from" "*" { set "from" "${1}"; }
  if envelope :matches "to" "*" { set "to" "${1}"; }
  pipe :copy "take-bounce" ["--sender=${from}", "--recipient=${to}"];
  fileinto :create "Bounces";
}
