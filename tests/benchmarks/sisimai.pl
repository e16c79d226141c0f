# One pass of Sisimai (Perl) over packed messages for each line on standard input; prints CPU seconds. See reader.py.
# perl -I SISIMAI/lib sisimai.pl FILE
use strict;
use warnings;
use Time::HiRes qw(clock);
use Sisimai;

open(my $file, '<:raw', $ARGV[0]) or die "$ARGV[0]: $!";
my $data = do { local $/; <$file> };
my @mails;
for (my $at = 0; $at < length $data;) {
    my $size = unpack('Q>', substr($data, $at, 8));
    push @mails, substr($data, $at + 8, $size);
    $at += 8 + $size;
}
$| = 1;
my $rise = Sisimai->can('rise') || Sisimai->can('make'); # version 5, and 4
print "ready Sisimai ", Sisimai->version, "\n";
while (<STDIN>) {
    my $began = clock();
    foreach my $mail (@mails) {
        my $copy = $mail;
        $rise->('Sisimai', \$copy, delivered => 1, vacation => 1);
    }
    print clock() - $began, "\n";
}
