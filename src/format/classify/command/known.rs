//! Known programs and configuration words that take a secret in a command.

/// Programs, their short option for a password, and where the password is.
pub(super) type Short = (&'static [&'static str], &'static str, PasswordPosition);

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum PasswordPosition {
    /// `-pX` only: `-p` alone makes the program ask.
    Attached,
    /// `-p X` or `-pX`.
    Beside,
    /// `-u user:X`.
    BehindUser,
}

pub(super) const SHORTS: &[Short] = &[
    (
        &[
            "mysql",
            "mysqldump",
            "mysqladmin",
            "mysqlcheck",
            "mariadb",
            "mariadb-dump",
            "mariadb-admin",
            "mysqlpump",
            "mycli",
        ],
        "-p",
        PasswordPosition::Attached,
    ),
    (
        &[
            "mongo",
            "mongosh",
            "mongodump",
            "mongorestore",
            "mongoexport",
            "sshpass",
            "login",
            "influx",
            "mongostat",
            "ipmitool",
        ],
        "-p",
        PasswordPosition::Beside,
    ),
    (
        &[
            "mosquitto_pub",
            "mosquitto_sub",
            "mosquitto_rr",
            "sqlcmd",
            "bcp",
            "ipmitool",
            "isql",
        ],
        "-P",
        PasswordPosition::Beside,
    ),
    (
        &["redis-cli", "valkey-cli", "keydb-cli"],
        "-a",
        PasswordPosition::Beside,
    ),
    (
        &[
            "ldapsearch",
            "ldapadd",
            "ldapmodify",
            "ldapwhoami",
            "ldapdelete",
        ],
        "-w",
        PasswordPosition::Beside,
    ),
    (
        &["snmpget", "snmpwalk", "snmptrap"],
        "-c",
        PasswordPosition::Beside,
    ),
    (
        &["curl", "curlie", "http"],
        "-u",
        PasswordPosition::BehindUser,
    ),
    (
        &["smbclient", "smbmap", "rpcclient"],
        "-U",
        PasswordPosition::BehindUser,
    ),
    (
        &["samba", "samba.sh", "smbd"],
        "-u",
        PasswordPosition::BehindUser,
    ),
    (
        &["7z", "7za", "7zr", "unrar", "rar"],
        "-p",
        PasswordPosition::Attached,
    ),
    (&["zip", "unzip"], "-P", PasswordPosition::Beside),
];

/// Configuration words that appear in commands without a dash, each followed by the secret.
pub(super) const WORDS: &[&str] = &[
    "requirepass",
    "masterauth",
    "rootpw",
    "password",
    "passphrase",
];

/// Commands whose secret is a positional argument: the words at the start of the command, and the
/// index of the secret among the words after them.
pub(super) const PLACES: &[(&[&str], usize)] = &[
    (&["mc", "alias", "set"], 3),
    (&["mc", "config", "host", "add"], 3),
    (&["rabbitmqctl", "add_user"], 1),
    (&["rabbitmqctl", "change_password"], 1),
    (&["cloudflared", "service", "install"], 0),
    (&["htpasswd", "-b"], 1),
    (&["htpasswd", "-nb"], 1),
    (&["htpasswd", "-Bbn"], 1),
    (&["htpasswd", "-nbB"], 1),
    (&["htpasswd", "-bc"], 2),
    (&["mosquitto_passwd", "-b"], 2),
    (&["vault", "login"], 0),
    (&["bao", "login"], 0),
];
