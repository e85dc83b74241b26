# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_popfetch_global_optspecs
    string join \n config= json q/quiet v/verbose color= progress= jobs= h/help V/version
end

function __fish_popfetch_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_popfetch_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_popfetch_using_subcommand
    set -l cmd (__fish_popfetch_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c popfetch -n "__fish_popfetch_needs_command" -l config -d 'Read the configuration from FILE [default: ~/.config/popfetch/config.toml]' -r -F
complete -c popfetch -n "__fish_popfetch_needs_command" -l color -d 'Use colour WHEN [default: auto]' -r -f -a "auto\t'On a terminal'
always\t'Even without a terminal'
never\t'Not at all'"
complete -c popfetch -n "__fish_popfetch_needs_command" -l progress -d 'Show progress WHEN [default: auto]' -r -f -a "auto\t'On a terminal'
always\t'Even without a terminal'
never\t'Not at all'"
complete -c popfetch -n "__fish_popfetch_needs_command" -l jobs -d 'Work on up to N accounts at once [default: 4]' -r
complete -c popfetch -n "__fish_popfetch_needs_command" -l json -d 'Print JSON lines on stdout, failures too'
complete -c popfetch -n "__fish_popfetch_needs_command" -s q -l quiet -d 'Say nothing but what went wrong'
complete -c popfetch -n "__fish_popfetch_needs_command" -s v -l verbose -d 'Say more; given twice, show the protocol with secrets left out (can be repeated)'
complete -c popfetch -n "__fish_popfetch_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c popfetch -n "__fish_popfetch_needs_command" -s V -l version -d 'Print version'
complete -c popfetch -n "__fish_popfetch_needs_command" -f -a "fetch" -d 'Fetch mail that is not stored yet'
complete -c popfetch -n "__fish_popfetch_needs_command" -f -a "list" -d 'List messages on the server'
complete -c popfetch -n "__fish_popfetch_needs_command" -f -a "stat" -d 'Show how many messages there are and how many are new'
complete -c popfetch -n "__fish_popfetch_needs_command" -f -a "delete" -d 'Delete messages from the server'
complete -c popfetch -n "__fish_popfetch_needs_command" -f -a "verify" -d 'Compare what is stored with the journal'
complete -c popfetch -n "__fish_popfetch_needs_command" -f -a "config" -d 'Look at the configuration, or import another program\'s'
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l to -d 'Store mail in DEST: a maildir PATH, mbox:PATH, eml:DIR, pipe:COMMAND, or - for stdout' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l journal -d 'Keep the record of what is stored in FILE [default: beside DEST]' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l eml-folders -d 'Sort the files of eml:DIR into folders: none, or a year and month each [default: none]' -r -f -a "none\t'All files in one folder'
months\t'A folder a year with a folder a month in it'"
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l delete-after -d 'Delete messages from the server once they have been stored for AGE, such as 14d' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l uid -d 'Choose the message with this unique-id' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l number -d 'Choose messages by number, which holds for one session only' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l larger -d 'Choose messages larger than SIZE, as far as the server tells sizes rightly' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l smaller -d 'Choose messages smaller than SIZE, as far as the server tells sizes rightly' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l since -d 'Choose messages dated DATE or later: 2024-01-31, 2024-01-31T10:00, or 14d ago' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l before -d 'Choose messages dated before DATE' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l from -d 'Choose messages with TEXT in their From field' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l subject -d 'Choose messages with TEXT in their Subject field' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l limit -d 'Stop choosing after N messages' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l max-bytes -d 'Fetch at most SIZE in this run, for providers that count' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l max-message -d 'Leave messages larger than SIZE on the server [default: 4 GiB]' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l batch -d 'Log out and in again after every N messages, so that deletions are final' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l user -d 'Log in as NAME' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l password-command -d 'Take the password from the first line that the shell command CMD prints' -r -f -a "(__fish_complete_command)"
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l password-file -d 'Take the password from the first line of FILE, which nobody else may be able to read' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l token-command -d 'Log in by OAuth 2 with the token that the shell command CMD prints' -r -f -a "(__fish_complete_command)"
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l token-file -d 'Log in by OAuth 2 with the token in the first line of FILE, read anew for every connection' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l auth -d 'Log in by MECH alone [default: the best that both sides know]' -r -f -a "user\t''
apop\t''
plain\t''
login\t''
cram-md5\t''
scram-sha-1\t''
scram-sha-256\t''
scram-sha-1-plus\t''
scram-sha-256-plus\t''
external\t''
xoauth2\t''
oauthbearer\t''"
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l tls -d 'Encrypt by MODE [default: implicit for pop3s://, stls for pop3://]' -r -f -a "implicit\t'TLS from the first octet (port 995)'
stls\t'The STLS command, before anything else (port 110)'
off\t'No encryption'"
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l tls-ca -d 'Trust the certificates in FILE (PEM) besides the system\'s' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l tls-pin -d 'Trust just the server certificate with this SHA-256, whatever its chain, name and dates' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l tls-name -d 'Expect the certificate to be for NAME [default: the host]' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l tls-client-cert -d 'Show the server the client certificate in FILE (PEM)' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l tls-client-key -d 'Prove the client certificate with the private key in FILE (PEM)' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l proxy -d 'Connect through the SOCKS5 proxy at socks5://[USER@]HOST:PORT' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l timeout -d 'Give up when the server is silent for DURATION [default: 60s]' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l max-time -d 'Give up when the whole run takes longer than DURATION [default: 24h]' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l pipeline -d 'Have at most N commands under way, or wait for each answer with off [default: what the server offers]' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l retries -d 'Connect again up to N times in a row when the line drops [default: 3]' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l config -d 'Read the configuration from FILE [default: ~/.config/popfetch/config.toml]' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l color -d 'Use colour WHEN [default: auto]' -r -f -a "auto\t'On a terminal'
always\t'Even without a terminal'
never\t'Not at all'"
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l progress -d 'Show progress WHEN [default: auto]' -r -f -a "auto\t'On a terminal'
always\t'Even without a terminal'
never\t'Not at all'"
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l jobs -d 'Work on up to N accounts at once [default: 4]' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l dry-run -d 'Say what would be done for each message and why, and do nothing'
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l adopt -d 'Take over a DEST whose journal is lost: what is in it already is not stored again'
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l mark-stored -d 'Record everything present as stored, without fetching it'
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l accept-new-uids -d 'Go on though the server gave all messages new unique-ids; nothing is stored twice'
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l keep -d 'Keep stored messages on the server [default]'
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l delete -d 'Delete messages from the server once they are stored and synced'
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l new -d 'Choose messages that DEST has no receipt for'
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l stored -d 'Choose messages that DEST has a receipt for'
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l all -d 'Choose every message, stored or not'
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l newest-first -d 'Begin with the message of the highest number'
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -s 4 -l ipv4 -d 'Use IPv4 only'
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -s 6 -l ipv6 -d 'Use IPv6 only'
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l json -d 'Print JSON lines on stdout, failures too'
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -s q -l quiet -d 'Say nothing but what went wrong'
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -s v -l verbose -d 'Say more; given twice, show the protocol with secrets left out (can be repeated)'
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -s V -l version -d 'Print version'
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l to -d 'Store mail in DEST: a maildir PATH, mbox:PATH, eml:DIR, pipe:COMMAND, or - for stdout' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l journal -d 'Keep the record of what is stored in FILE [default: beside DEST]' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l eml-folders -d 'Sort the files of eml:DIR into folders: none, or a year and month each [default: none]' -r -f -a "none\t'All files in one folder'
months\t'A folder a year with a folder a month in it'"
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l uid -d 'Choose the message with this unique-id' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l number -d 'Choose messages by number, which holds for one session only' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l larger -d 'Choose messages larger than SIZE, as far as the server tells sizes rightly' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l smaller -d 'Choose messages smaller than SIZE, as far as the server tells sizes rightly' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l since -d 'Choose messages dated DATE or later: 2024-01-31, 2024-01-31T10:00, or 14d ago' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l before -d 'Choose messages dated before DATE' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l from -d 'Choose messages with TEXT in their From field' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l subject -d 'Choose messages with TEXT in their Subject field' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l limit -d 'Stop choosing after N messages' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l user -d 'Log in as NAME' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l password-command -d 'Take the password from the first line that the shell command CMD prints' -r -f -a "(__fish_complete_command)"
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l password-file -d 'Take the password from the first line of FILE, which nobody else may be able to read' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l token-command -d 'Log in by OAuth 2 with the token that the shell command CMD prints' -r -f -a "(__fish_complete_command)"
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l token-file -d 'Log in by OAuth 2 with the token in the first line of FILE, read anew for every connection' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l auth -d 'Log in by MECH alone [default: the best that both sides know]' -r -f -a "user\t''
apop\t''
plain\t''
login\t''
cram-md5\t''
scram-sha-1\t''
scram-sha-256\t''
scram-sha-1-plus\t''
scram-sha-256-plus\t''
external\t''
xoauth2\t''
oauthbearer\t''"
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l tls -d 'Encrypt by MODE [default: implicit for pop3s://, stls for pop3://]' -r -f -a "implicit\t'TLS from the first octet (port 995)'
stls\t'The STLS command, before anything else (port 110)'
off\t'No encryption'"
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l tls-ca -d 'Trust the certificates in FILE (PEM) besides the system\'s' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l tls-pin -d 'Trust just the server certificate with this SHA-256, whatever its chain, name and dates' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l tls-name -d 'Expect the certificate to be for NAME [default: the host]' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l tls-client-cert -d 'Show the server the client certificate in FILE (PEM)' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l tls-client-key -d 'Prove the client certificate with the private key in FILE (PEM)' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l proxy -d 'Connect through the SOCKS5 proxy at socks5://[USER@]HOST:PORT' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l timeout -d 'Give up when the server is silent for DURATION [default: 60s]' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l max-time -d 'Give up when the whole run takes longer than DURATION [default: 24h]' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l pipeline -d 'Have at most N commands under way, or wait for each answer with off [default: what the server offers]' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l retries -d 'Connect again up to N times in a row when the line drops [default: 3]' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l config -d 'Read the configuration from FILE [default: ~/.config/popfetch/config.toml]' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l color -d 'Use colour WHEN [default: auto]' -r -f -a "auto\t'On a terminal'
always\t'Even without a terminal'
never\t'Not at all'"
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l progress -d 'Show progress WHEN [default: auto]' -r -f -a "auto\t'On a terminal'
always\t'Even without a terminal'
never\t'Not at all'"
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l jobs -d 'Work on up to N accounts at once [default: 4]' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -s l -l long -d 'Show date, sender and subject too'
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l new -d 'Choose messages that DEST has no receipt for'
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l stored -d 'Choose messages that DEST has a receipt for'
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l all -d 'Choose every message, stored or not'
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l newest-first -d 'Begin with the message of the highest number'
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -s 4 -l ipv4 -d 'Use IPv4 only'
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -s 6 -l ipv6 -d 'Use IPv6 only'
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l json -d 'Print JSON lines on stdout, failures too'
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -s q -l quiet -d 'Say nothing but what went wrong'
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -s v -l verbose -d 'Say more; given twice, show the protocol with secrets left out (can be repeated)'
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -s V -l version -d 'Print version'
complete -c popfetch -n "__fish_popfetch_using_subcommand stat" -l to -d 'Store mail in DEST: a maildir PATH, mbox:PATH, eml:DIR, pipe:COMMAND, or - for stdout' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand stat" -l journal -d 'Keep the record of what is stored in FILE [default: beside DEST]' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand stat" -l eml-folders -d 'Sort the files of eml:DIR into folders: none, or a year and month each [default: none]' -r -f -a "none\t'All files in one folder'
months\t'A folder a year with a folder a month in it'"
complete -c popfetch -n "__fish_popfetch_using_subcommand stat" -l user -d 'Log in as NAME' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand stat" -l password-command -d 'Take the password from the first line that the shell command CMD prints' -r -f -a "(__fish_complete_command)"
complete -c popfetch -n "__fish_popfetch_using_subcommand stat" -l password-file -d 'Take the password from the first line of FILE, which nobody else may be able to read' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand stat" -l token-command -d 'Log in by OAuth 2 with the token that the shell command CMD prints' -r -f -a "(__fish_complete_command)"
complete -c popfetch -n "__fish_popfetch_using_subcommand stat" -l token-file -d 'Log in by OAuth 2 with the token in the first line of FILE, read anew for every connection' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand stat" -l auth -d 'Log in by MECH alone [default: the best that both sides know]' -r -f -a "user\t''
apop\t''
plain\t''
login\t''
cram-md5\t''
scram-sha-1\t''
scram-sha-256\t''
scram-sha-1-plus\t''
scram-sha-256-plus\t''
external\t''
xoauth2\t''
oauthbearer\t''"
complete -c popfetch -n "__fish_popfetch_using_subcommand stat" -l tls -d 'Encrypt by MODE [default: implicit for pop3s://, stls for pop3://]' -r -f -a "implicit\t'TLS from the first octet (port 995)'
stls\t'The STLS command, before anything else (port 110)'
off\t'No encryption'"
complete -c popfetch -n "__fish_popfetch_using_subcommand stat" -l tls-ca -d 'Trust the certificates in FILE (PEM) besides the system\'s' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand stat" -l tls-pin -d 'Trust just the server certificate with this SHA-256, whatever its chain, name and dates' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand stat" -l tls-name -d 'Expect the certificate to be for NAME [default: the host]' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand stat" -l tls-client-cert -d 'Show the server the client certificate in FILE (PEM)' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand stat" -l tls-client-key -d 'Prove the client certificate with the private key in FILE (PEM)' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand stat" -l proxy -d 'Connect through the SOCKS5 proxy at socks5://[USER@]HOST:PORT' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand stat" -l timeout -d 'Give up when the server is silent for DURATION [default: 60s]' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand stat" -l max-time -d 'Give up when the whole run takes longer than DURATION [default: 24h]' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand stat" -l pipeline -d 'Have at most N commands under way, or wait for each answer with off [default: what the server offers]' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand stat" -l retries -d 'Connect again up to N times in a row when the line drops [default: 3]' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand stat" -l config -d 'Read the configuration from FILE [default: ~/.config/popfetch/config.toml]' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand stat" -l color -d 'Use colour WHEN [default: auto]' -r -f -a "auto\t'On a terminal'
always\t'Even without a terminal'
never\t'Not at all'"
complete -c popfetch -n "__fish_popfetch_using_subcommand stat" -l progress -d 'Show progress WHEN [default: auto]' -r -f -a "auto\t'On a terminal'
always\t'Even without a terminal'
never\t'Not at all'"
complete -c popfetch -n "__fish_popfetch_using_subcommand stat" -l jobs -d 'Work on up to N accounts at once [default: 4]' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand stat" -l server -d 'Show what the server tells about itself: capabilities, TLS, certificate, login'
complete -c popfetch -n "__fish_popfetch_using_subcommand stat" -s 4 -l ipv4 -d 'Use IPv4 only'
complete -c popfetch -n "__fish_popfetch_using_subcommand stat" -s 6 -l ipv6 -d 'Use IPv6 only'
complete -c popfetch -n "__fish_popfetch_using_subcommand stat" -l json -d 'Print JSON lines on stdout, failures too'
complete -c popfetch -n "__fish_popfetch_using_subcommand stat" -s q -l quiet -d 'Say nothing but what went wrong'
complete -c popfetch -n "__fish_popfetch_using_subcommand stat" -s v -l verbose -d 'Say more; given twice, show the protocol with secrets left out (can be repeated)'
complete -c popfetch -n "__fish_popfetch_using_subcommand stat" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c popfetch -n "__fish_popfetch_using_subcommand stat" -s V -l version -d 'Print version'
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -l to -d 'Store mail in DEST: a maildir PATH, mbox:PATH, eml:DIR, pipe:COMMAND, or - for stdout' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -l journal -d 'Keep the record of what is stored in FILE [default: beside DEST]' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -l eml-folders -d 'Sort the files of eml:DIR into folders: none, or a year and month each [default: none]' -r -f -a "none\t'All files in one folder'
months\t'A folder a year with a folder a month in it'"
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -l uid -d 'Choose the message with this unique-id' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -l number -d 'Choose messages by number, which holds for one session only' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -l larger -d 'Choose messages larger than SIZE, as far as the server tells sizes rightly' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -l smaller -d 'Choose messages smaller than SIZE, as far as the server tells sizes rightly' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -l since -d 'Choose messages dated DATE or later: 2024-01-31, 2024-01-31T10:00, or 14d ago' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -l before -d 'Choose messages dated before DATE' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -l from -d 'Choose messages with TEXT in their From field' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -l subject -d 'Choose messages with TEXT in their Subject field' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -l limit -d 'Stop choosing after N messages' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -l user -d 'Log in as NAME' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -l password-command -d 'Take the password from the first line that the shell command CMD prints' -r -f -a "(__fish_complete_command)"
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -l password-file -d 'Take the password from the first line of FILE, which nobody else may be able to read' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -l token-command -d 'Log in by OAuth 2 with the token that the shell command CMD prints' -r -f -a "(__fish_complete_command)"
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -l token-file -d 'Log in by OAuth 2 with the token in the first line of FILE, read anew for every connection' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -l auth -d 'Log in by MECH alone [default: the best that both sides know]' -r -f -a "user\t''
apop\t''
plain\t''
login\t''
cram-md5\t''
scram-sha-1\t''
scram-sha-256\t''
scram-sha-1-plus\t''
scram-sha-256-plus\t''
external\t''
xoauth2\t''
oauthbearer\t''"
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -l tls -d 'Encrypt by MODE [default: implicit for pop3s://, stls for pop3://]' -r -f -a "implicit\t'TLS from the first octet (port 995)'
stls\t'The STLS command, before anything else (port 110)'
off\t'No encryption'"
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -l tls-ca -d 'Trust the certificates in FILE (PEM) besides the system\'s' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -l tls-pin -d 'Trust just the server certificate with this SHA-256, whatever its chain, name and dates' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -l tls-name -d 'Expect the certificate to be for NAME [default: the host]' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -l tls-client-cert -d 'Show the server the client certificate in FILE (PEM)' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -l tls-client-key -d 'Prove the client certificate with the private key in FILE (PEM)' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -l proxy -d 'Connect through the SOCKS5 proxy at socks5://[USER@]HOST:PORT' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -l timeout -d 'Give up when the server is silent for DURATION [default: 60s]' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -l max-time -d 'Give up when the whole run takes longer than DURATION [default: 24h]' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -l pipeline -d 'Have at most N commands under way, or wait for each answer with off [default: what the server offers]' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -l retries -d 'Connect again up to N times in a row when the line drops [default: 3]' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -l config -d 'Read the configuration from FILE [default: ~/.config/popfetch/config.toml]' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -l color -d 'Use colour WHEN [default: auto]' -r -f -a "auto\t'On a terminal'
always\t'Even without a terminal'
never\t'Not at all'"
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -l progress -d 'Show progress WHEN [default: auto]' -r -f -a "auto\t'On a terminal'
always\t'Even without a terminal'
never\t'Not at all'"
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -l jobs -d 'Work on up to N accounts at once [default: 4]' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -l verify -d 'Delete only what is stored in DEST with the recorded content'
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -l dry-run -d 'Say what would be deleted, and delete nothing'
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -s y -l yes -d 'Delete without asking'
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -l new -d 'Choose messages that DEST has no receipt for'
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -l stored -d 'Choose messages that DEST has a receipt for'
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -l all -d 'Choose every message, stored or not'
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -l newest-first -d 'Begin with the message of the highest number'
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -s 4 -l ipv4 -d 'Use IPv4 only'
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -s 6 -l ipv6 -d 'Use IPv6 only'
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -l json -d 'Print JSON lines on stdout, failures too'
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -s q -l quiet -d 'Say nothing but what went wrong'
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -s v -l verbose -d 'Say more; given twice, show the protocol with secrets left out (can be repeated)'
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c popfetch -n "__fish_popfetch_using_subcommand delete" -s V -l version -d 'Print version'
complete -c popfetch -n "__fish_popfetch_using_subcommand verify" -l journal -d 'Read the journal from FILE [default: beside DEST]' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand verify" -l config -d 'Read the configuration from FILE [default: ~/.config/popfetch/config.toml]' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand verify" -l color -d 'Use colour WHEN [default: auto]' -r -f -a "auto\t'On a terminal'
always\t'Even without a terminal'
never\t'Not at all'"
complete -c popfetch -n "__fish_popfetch_using_subcommand verify" -l progress -d 'Show progress WHEN [default: auto]' -r -f -a "auto\t'On a terminal'
always\t'Even without a terminal'
never\t'Not at all'"
complete -c popfetch -n "__fish_popfetch_using_subcommand verify" -l jobs -d 'Work on up to N accounts at once [default: 4]' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand verify" -l json -d 'Print JSON lines on stdout, failures too'
complete -c popfetch -n "__fish_popfetch_using_subcommand verify" -s q -l quiet -d 'Say nothing but what went wrong'
complete -c popfetch -n "__fish_popfetch_using_subcommand verify" -s v -l verbose -d 'Say more; given twice, show the protocol with secrets left out (can be repeated)'
complete -c popfetch -n "__fish_popfetch_using_subcommand verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c popfetch -n "__fish_popfetch_using_subcommand verify" -s V -l version -d 'Print version'
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and not __fish_seen_subcommand_from check import" -l config -d 'Read the configuration from FILE [default: ~/.config/popfetch/config.toml]' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and not __fish_seen_subcommand_from check import" -l color -d 'Use colour WHEN [default: auto]' -r -f -a "auto\t'On a terminal'
always\t'Even without a terminal'
never\t'Not at all'"
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and not __fish_seen_subcommand_from check import" -l progress -d 'Show progress WHEN [default: auto]' -r -f -a "auto\t'On a terminal'
always\t'Even without a terminal'
never\t'Not at all'"
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and not __fish_seen_subcommand_from check import" -l jobs -d 'Work on up to N accounts at once [default: 4]' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and not __fish_seen_subcommand_from check import" -l json -d 'Print JSON lines on stdout, failures too'
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and not __fish_seen_subcommand_from check import" -s q -l quiet -d 'Say nothing but what went wrong'
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and not __fish_seen_subcommand_from check import" -s v -l verbose -d 'Say more; given twice, show the protocol with secrets left out (can be repeated)'
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and not __fish_seen_subcommand_from check import" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and not __fish_seen_subcommand_from check import" -s V -l version -d 'Print version'
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and not __fish_seen_subcommand_from check import" -f -a "check" -d 'Check the configuration and show what each value means and where it comes from'
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and not __fish_seen_subcommand_from check import" -f -a "import" -d 'Print another program\'s accounts as a popfetch configuration'
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from check" -l to -d 'Store mail in DEST: a maildir PATH, mbox:PATH, eml:DIR, pipe:COMMAND, or - for stdout' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from check" -l journal -d 'Keep the record of what is stored in FILE [default: beside DEST]' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from check" -l eml-folders -d 'Sort the files of eml:DIR into folders: none, or a year and month each [default: none]' -r -f -a "none\t'All files in one folder'
months\t'A folder a year with a folder a month in it'"
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from check" -l user -d 'Log in as NAME' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from check" -l password-command -d 'Take the password from the first line that the shell command CMD prints' -r -f -a "(__fish_complete_command)"
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from check" -l password-file -d 'Take the password from the first line of FILE, which nobody else may be able to read' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from check" -l token-command -d 'Log in by OAuth 2 with the token that the shell command CMD prints' -r -f -a "(__fish_complete_command)"
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from check" -l token-file -d 'Log in by OAuth 2 with the token in the first line of FILE, read anew for every connection' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from check" -l auth -d 'Log in by MECH alone [default: the best that both sides know]' -r -f -a "user\t''
apop\t''
plain\t''
login\t''
cram-md5\t''
scram-sha-1\t''
scram-sha-256\t''
scram-sha-1-plus\t''
scram-sha-256-plus\t''
external\t''
xoauth2\t''
oauthbearer\t''"
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from check" -l tls -d 'Encrypt by MODE [default: implicit for pop3s://, stls for pop3://]' -r -f -a "implicit\t'TLS from the first octet (port 995)'
stls\t'The STLS command, before anything else (port 110)'
off\t'No encryption'"
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from check" -l tls-ca -d 'Trust the certificates in FILE (PEM) besides the system\'s' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from check" -l tls-pin -d 'Trust just the server certificate with this SHA-256, whatever its chain, name and dates' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from check" -l tls-name -d 'Expect the certificate to be for NAME [default: the host]' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from check" -l tls-client-cert -d 'Show the server the client certificate in FILE (PEM)' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from check" -l tls-client-key -d 'Prove the client certificate with the private key in FILE (PEM)' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from check" -l proxy -d 'Connect through the SOCKS5 proxy at socks5://[USER@]HOST:PORT' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from check" -l timeout -d 'Give up when the server is silent for DURATION [default: 60s]' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from check" -l max-time -d 'Give up when the whole run takes longer than DURATION [default: 24h]' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from check" -l pipeline -d 'Have at most N commands under way, or wait for each answer with off [default: what the server offers]' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from check" -l retries -d 'Connect again up to N times in a row when the line drops [default: 3]' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from check" -l config -d 'Read the configuration from FILE [default: ~/.config/popfetch/config.toml]' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from check" -l color -d 'Use colour WHEN [default: auto]' -r -f -a "auto\t'On a terminal'
always\t'Even without a terminal'
never\t'Not at all'"
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from check" -l progress -d 'Show progress WHEN [default: auto]' -r -f -a "auto\t'On a terminal'
always\t'Even without a terminal'
never\t'Not at all'"
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from check" -l jobs -d 'Work on up to N accounts at once [default: 4]' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from check" -l connect -d 'Log in to each server as well'
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from check" -s 4 -l ipv4 -d 'Use IPv4 only'
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from check" -s 6 -l ipv6 -d 'Use IPv6 only'
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from check" -l json -d 'Print JSON lines on stdout, failures too'
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from check" -s q -l quiet -d 'Say nothing but what went wrong'
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from check" -s v -l verbose -d 'Say more; given twice, show the protocol with secrets left out (can be repeated)'
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from check" -s V -l version -d 'Print version'
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from import" -l to -d 'Store the mail of its accounts in DEST from now on [default: as FILE says]' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from import" -l config -d 'Read the configuration from FILE [default: ~/.config/popfetch/config.toml]' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from import" -l color -d 'Use colour WHEN [default: auto]' -r -f -a "auto\t'On a terminal'
always\t'Even without a terminal'
never\t'Not at all'"
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from import" -l progress -d 'Show progress WHEN [default: auto]' -r -f -a "auto\t'On a terminal'
always\t'Even without a terminal'
never\t'Not at all'"
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from import" -l jobs -d 'Work on up to N accounts at once [default: 4]' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from import" -l json -d 'Print JSON lines on stdout, failures too'
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from import" -s q -l quiet -d 'Say nothing but what went wrong'
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from import" -s v -l verbose -d 'Say more; given twice, show the protocol with secrets left out (can be repeated)'
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from import" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from import" -s V -l version -d 'Print version'
