//! Finds the user at the other end of a loopback connection, from the kernel's connection tables.
//!
//! The look-up is for the visitor's socket, not for ours. An IPv6 socket that connects to
//! `::ffff:127.0.0.1` reaches an IPv4 listener but is listed only in `tcp6`, so both tables are
//! read.

use std::net::{IpAddr, SocketAddr};

use tokio::net::TcpStream;

/// The kind of user that connected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Visitor {
    /// A process of this user.
    ThisUser,
    /// A process of another user.
    OtherUser,
    /// The tables do not list the connection (the other end is in a container or on another
    /// system), or list it as root's, as for the relay of WSL. Root does not count as the person,
    /// unless this process runs as root too.
    Unknown,
}

/// How often the tables are read. A table can lack a row if it changes during the read.
const LOOKS: usize = 3;

/// Determines the visitor of a connection.
pub(super) fn of(stream: &TcpStream) -> Visitor {
    let (Ok(theirs), Ok(ours)) = (stream.peer_addr(), stream.local_addr()) else {
        return Visitor::Unknown;
    };
    let user = rustix::process::geteuid().as_raw();
    let read = |table: &str| std::fs::read_to_string(table).unwrap_or_default();
    let look = |_| judge(read, theirs, ours, user);
    (0..LOOKS).find_map(look).unwrap_or(Visitor::Unknown)
}

/// Determines the visitor from the text of the tables (proc(5), `/proc/net/tcp`); `None` if neither
/// table lists the connection. The combination of addresses and ports is unique, so the first
/// matching row is the only one.
fn judge(
    read: impl Fn(&str) -> String,
    theirs: SocketAddr,
    ours: SocketAddr,
    user: u32,
) -> Option<Visitor> {
    let look = |table, spell: fn(SocketAddr) -> String| {
        let (text, theirs, ours): (String, _, _) = (read(table), spell(theirs), spell(ours));
        let rows = text
            .lines()
            .skip(1)
            .filter(|line| line.contains(&theirs))
            .map(|line| line.split_whitespace().collect());
        let mut matching = rows.filter(|row: &Vec<&str>| {
            row.get(1) == Some(&theirs.as_str()) && row.get(2) == Some(&ours.as_str())
        });
        matching.next().map(|row| owner(&row, user))
    };
    let in_tcp = if theirs.is_ipv4() {
        look("/proc/net/tcp", spelled)
    } else {
        None
    };
    in_tcp.or_else(|| look("/proc/net/tcp6", spelled_in_tcp6))
}

fn owner(row: &[&str], user: u32) -> Visitor {
    const ESTABLISHED: &str = "01";
    // A socket that no process holds any more has inode 0 and is listed as root's.
    let is_held = row.get(9).is_some_and(|inode| *inode != "0");
    if row.get(3) != Some(&ESTABLISHED) || !is_held {
        return Visitor::Unknown;
    }
    match row.get(7).and_then(|owner| owner.parse::<u32>().ok()) {
        Some(owner) if owner == user => Visitor::ThisUser,
        Some(0) | None => Visitor::Unknown,
        Some(_) => Visitor::OtherUser,
    }
}

/// An address in the form of the table `tcp`: 32-bit words in the machine's byte order, and the
/// port in hexadecimal.
fn spelled(address: SocketAddr) -> String {
    match address.ip() {
        IpAddr::V4(four) => words(&four.octets(), address.port()),
        IpAddr::V6(six) => words(&six.octets(), address.port()),
    }
}

/// An address in the form of the table `tcp6`. An IPv4 address is in its mapped form.
fn spelled_in_tcp6(address: SocketAddr) -> String {
    match address.ip() {
        IpAddr::V4(four) => words(&four.to_ipv6_mapped().octets(), address.port()),
        IpAddr::V6(six) => words(&six.octets(), address.port()),
    }
}

fn words(bytes: &[u8], port: u16) -> String {
    let words = bytes.chunks_exact(4).map(|word| {
        format!(
            "{:08X}",
            u32::from_ne_bytes([word[0], word[1], word[2], word[3]])
        )
    });
    format!("{}:{port:04X}", words.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when \
        retrnsmt   uid  timeout inode\n";
    const ME: u32 = 1000;

    fn row(local: &str, remote: &str, state: &str, user: u32, inode: u32) -> String {
        format!(
            "   0: {local} {remote} {state} 00000000:00000000 00:00000000 00000000 {user:5} 0 \
             {inode} 1\n"
        )
    }

    fn seen(tcp: &str, tcp6: &str, theirs: &str) -> Visitor {
        let theirs: SocketAddr = theirs.parse().unwrap();
        let ours = SocketAddr::new(theirs.ip(), 80);
        let read = |table: &str| {
            format!(
                "{HEAD}{}",
                if table == "/proc/net/tcp" { tcp } else { tcp6 }
            )
        };
        judge(read, theirs, ours, ME).unwrap_or(Visitor::Unknown)
    }

    #[test]
    fn ipv4_mapped_and_ipv6_visitors_are_found_in_their_tables() {
        let four = |user| {
            row(
                &words(&[127, 0, 0, 1], 9),
                &words(&[127, 0, 0, 1], 80),
                "01",
                user,
                7,
            )
        };
        let mapped: [u8; 16] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 127, 0, 0, 1];
        let mapped = |user| row(&words(&mapped, 9), &words(&mapped, 80), "01", user, 7);
        let six: [u8; 16] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        let six = |user| row(&words(&six, 9), &words(&six, 80), "01", user, 7);
        for (user, visitor) in [
            (ME, Visitor::ThisUser),
            (0, Visitor::Unknown),
            (65534, Visitor::OtherUser),
        ] {
            assert_eq!(seen(&four(user), "", "127.0.0.1:9"), visitor);
            assert_eq!(seen("", &mapped(user), "127.0.0.1:9"), visitor);
            assert_eq!(seen("", &six(user), "[::1]:9"), visitor);
        }
    }

    #[test]
    fn an_unlisted_or_closed_connection_is_unknown() {
        let one = words(&[127, 0, 0, 1], 9);
        let our = words(&[127, 0, 0, 1], 80);
        for tcp in [
            String::new(),
            row(&our, &one, "01", ME, 7),
            row(&one, &our, "06", ME, 7),
            row(&one, &our, "01", ME, 0),
            "   0: 0100007F:0009 0100007F:0050 01\n".into(),
            "garbage\n".into(),
        ] {
            assert_eq!(seen(&tcp, "", "127.0.0.1:9"), Visitor::Unknown, "{tcp}");
        }
    }
}
