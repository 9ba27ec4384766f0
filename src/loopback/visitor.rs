//! Which user is at the other end of a loopback connection, by the kernel's tables of connections.
//!
//! The visitor's own socket is looked up, not ours. A socket of IPv6 that connects to
//! `::ffff:127.0.0.1` reaches a listener of IPv4 and is listed in `tcp6` only, so both tables are
//! read.

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

/// A table can miss a row while it changes: it is read this often.
const LOOKS: usize = 3;

/// Looks the visitor up.
pub(super) fn of(stream: &TcpStream) -> Visitor {
    let (Ok(theirs), Ok(ours)) = (stream.peer_addr(), stream.local_addr()) else {
        return Visitor::Unknown;
    };
    let user = rustix::process::geteuid().as_raw();
    let read = |table: &str| std::fs::read_to_string(table).unwrap_or_default();
    let look = |_| judge(read, theirs, ours, user);
    (0..LOOKS).find_map(look).unwrap_or(Visitor::Unknown)
}

/// Decides by the text of the tables (proc(5), `/proc/net/tcp`); `None` if neither lists the
/// visitor. Addresses and ports are unique, so the first row that fits is the only one.
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
        let mut fitting = rows.filter(|row: &Vec<&str>| {
            row.get(1) == Some(&theirs.as_str()) && row.get(2) == Some(&ours.as_str())
        });
        fitting.next().map(|row| owner(&row, user))
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

/// An address as `tcp` spells it: 32-bit words in the machine's byte order, the port in
/// hexadecimal.
fn spelled(address: SocketAddr) -> String {
    match address.ip() {
        IpAddr::V4(four) => words(&four.octets(), address.port()),
        IpAddr::V6(six) => words(&six.octets(), address.port()),
    }
}

/// An address as `tcp6` spells it: one of IPv4 in its mapped form.
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
    fn each_form_of_a_visitors_address_is_found_in_the_table_that_lists_it() {
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
