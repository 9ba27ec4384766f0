//! Which user is at the other end of a loopback connection, by the kernel's tables of connections.
//!
//! The visitor's own socket is looked up, not ours. A socket of IPv6 that connects to
//! `::ffff:127.0.0.1` reaches a listener of IPv4 and is listed in `tcp6` only, so both tables are read.

use std::net::{IpAddr, SocketAddr};

use tokio::net::TcpStream;

/// Who connects.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Visitor {
    /// A process of this user.
    ThisUser,
    /// A process of another user.
    OtherUser,
    /// The tables do not list the connection (a container, another system), or list it for root, as
    /// the relay of WSL does. Root is not the person, unless this process runs as root itself.
    Unknown,
}

/// Looks the visitor up.
pub(super) fn of(stream: &TcpStream) -> Visitor {
    let (Ok(theirs), Ok(ours)) = (stream.peer_addr(), stream.local_addr()) else { return Visitor::Unknown };
    let read = |table| std::fs::read_to_string(table).unwrap_or_default();
    judge(&read("/proc/net/tcp"), &read("/proc/net/tcp6"), theirs, ours, rustix::process::geteuid().as_raw())
}

/// Decides by the text of both tables (proc(5), `/proc/net/tcp`).
fn judge(tcp: &str, tcp6: &str, theirs: SocketAddr, ours: SocketAddr, user: u32) -> Visitor {
    let rows = rows_of(tcp, theirs, ours, spelled).chain(rows_of(tcp6, theirs, ours, spelled_in_tcp6));
    // Addresses and ports are unique, so there is one row. If there were more, the strictest counts.
    let found = rows.map(|row| owner(&row, user)).max_by_key(|visitor| match visitor {
        Visitor::ThisUser => 0,
        Visitor::Unknown => 1,
        Visitor::OtherUser => 2,
    });
    found.unwrap_or(Visitor::Unknown)
}

/// The rows whose local end is the visitor's and whose remote end is ours.
fn rows_of(
    table: &str,
    theirs: SocketAddr,
    ours: SocketAddr,
    spell: fn(SocketAddr) -> String,
) -> impl Iterator<Item = Vec<&str>> {
    let (theirs, ours) = (spell(theirs), spell(ours));
    let rows = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.filter(move |row| row.get(1) == Some(&theirs.as_str()) && row.get(2) == Some(&ours.as_str()))
}

fn owner(row: &[&str], user: u32) -> Visitor {
    const ESTABLISHED: &str = "01";
    // A socket that no process holds any more has no inode, and is listed as root's.
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

/// An address as the tables spell it: 32-bit words in the machine's byte order, the port in hexadecimal.
fn spelled(address: SocketAddr) -> String {
    match address.ip() {
        IpAddr::V4(four) => words(&four.octets(), address.port()),
        IpAddr::V6(six) => words(&six.octets(), address.port()),
    }
}

/// The same, with an address of IPv4 in its mapped form.
fn spelled_in_tcp6(address: SocketAddr) -> String {
    match address.ip() {
        IpAddr::V4(four) => words(&four.to_ipv6_mapped().octets(), address.port()),
        IpAddr::V6(six) => words(&six.octets(), address.port()),
    }
}

fn words(bytes: &[u8], port: u16) -> String {
    let words = bytes.chunks_exact(4).map(|word| format!("{:08X}", u32::from_ne_bytes([word[0], word[1], word[2], word[3]])));
    format!("{}:{port:04X}", words.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
    const ME: u32 = 1000;

    fn row(local: &str, remote: &str, state: &str, user: u32, inode: u32) -> String {
        format!("   0: {local} {remote} {state} 00000000:00000000 00:00000000 00000000 {user:5} 0 {inode} 1\n")
    }

    fn seen(tcp: &str, tcp6: &str, theirs: &str) -> Visitor {
        let theirs: SocketAddr = theirs.parse().unwrap();
        let ours = SocketAddr::new(theirs.ip(), 80);
        judge(&format!("{HEAD}{tcp}"), &format!("{HEAD}{tcp6}"), theirs, ours, ME)
    }

    #[test]
    fn each_form_of_a_visitors_address_is_found_in_the_table_that_lists_it() {
        let four = |user| row(&words(&[127, 0, 0, 1], 9), &words(&[127, 0, 0, 1], 80), "01", user, 7);
        let mapped: [u8; 16] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 127, 0, 0, 1];
        let mapped = |user| row(&words(&mapped, 9), &words(&mapped, 80), "01", user, 7);
        let six: [u8; 16] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        let six = |user| row(&words(&six, 9), &words(&six, 80), "01", user, 7);
        for (user, visitor) in [(ME, Visitor::ThisUser), (0, Visitor::Unknown), (65534, Visitor::OtherUser)] {
            assert_eq!(seen(&four(user), "", "127.0.0.1:9"), visitor);
            assert_eq!(seen("", &mapped(user), "127.0.0.1:9"), visitor);
            assert_eq!(seen("", &six(user), "[::1]:9"), visitor);
        }
        assert_eq!(seen(&four(ME), &mapped(65534), "127.0.0.1:9"), Visitor::OtherUser);
    }

    #[test]
    fn a_connection_that_is_not_listed_or_that_nobody_holds_is_not_this_users() {
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
