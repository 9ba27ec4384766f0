//! Finds the secret parts of addresses: passwords before the `@`, tokens in the query, and secret
//! paths such as webhooks.

mod known;

use std::ops::Range;

use super::name::{NameHint, name_hint};
use super::{Hit, Rule, rules, value};
use known::{SECRET_PATHS, SECRET_SCHEMES, TOKEN_SEGMENTS};

/// The parts of an address. Ranges refer to `text`.
struct Address<'a> {
    text: &'a str,
    scheme: &'a str,
    authority: Range<usize>,
    end: usize,
}

/// Finds the secret parts of all addresses in a text.
pub(super) fn find(text: &str, base: usize, hint: NameHint, hits: &mut Vec<Hit>) {
    let mut at = 0;
    while let Some(found) = text.get(at..).and_then(|rest| rest.find("://")) {
        let colon = at + found;
        let address = address(text, colon);
        let before = hits.len();
        of_address(&address, hint, hits);
        for hit in &mut hits[before..] {
            hit.span = base + hit.span.start..base + hit.span.end;
        }
        at = address.end.max(colon + 3);
    }
    without_scheme(text, base, hits);
}

fn address(text: &str, colon: usize) -> Address<'_> {
    let is_scheme = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.' | ':');
    let start = text[..colon]
        .rfind(|c: char| !is_scheme(c))
        .map_or(0, |at| {
            at + text[at..].chars().next().map_or(1, char::len_utf8)
        });
    let from = colon + 3;
    let end = end_of(text, from);
    let body = &text[from..end];
    // The last `@` before the path ends the password. A password may contain a `/` if the text has
    // no other valid reading.
    let slash = body.find(['/', '?', '#']).unwrap_or(body.len());
    let reference_aware = authority_end(body, slash);
    Address {
        text,
        scheme: &text[start..colon],
        authority: from..from + reference_aware,
        end,
    }
}

/// The end of the authority. `slash` is the first `/`, `?` or `#`. It is the end, except inside a
/// reference such as `${X:-a/b}`, or in a password that a later `@` ends.
fn authority_end(body: &str, slash: usize) -> usize {
    let Some(open) = body[..slash]
        .rfind("${")
        .filter(|open| !body[*open..slash].contains('}'))
    else {
        let has_user = body[..slash].contains('@');
        let late = body.rfind('@').filter(|at| {
            *at > slash && !has_user && body[..slash].contains(':') && !is_port(&body[..slash])
        });
        return late.map_or(slash, |at| {
            body[at..]
                .find(['/', '?', '#'])
                .map_or(body.len(), |next| at + next)
        });
    };
    let close = body[open..]
        .find('}')
        .map_or(body.len(), |close| open + close + 1);
    let next = body[close..]
        .find(['/', '?', '#'])
        .map_or(body.len(), |next| close + next);
    if next > slash {
        authority_end(body, next)
    } else {
        slash
    }
}

/// Whether the text after the last colon is a port rather than a password: `host:80`,
/// `host:${PORT`.
fn is_port(authority: &str) -> bool {
    authority.rsplit_once(':').is_some_and(|(_, port)| {
        port.bytes().all(|b| b.is_ascii_digit()) || port.starts_with('$') || port.starts_with('{')
    })
}

/// The end of an address: a blank, a quote or a bracket that was not opened in it.
fn end_of(text: &str, from: usize) -> usize {
    let mut depth = 0_i32;
    for (at, c) in text[from..].char_indices() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        let is_end = c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>' | '|' | '\\');
        if is_end && depth <= 0 || depth < 0 || c == '\n' {
            return from + at;
        }
    }
    text.len()
}

fn of_address(address: &Address<'_>, hint: NameHint, hits: &mut Vec<Hit>) {
    let text = address.text;
    let authority = &text[address.authority.clone()];
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let scheme = address
        .scheme
        .rsplit(':')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    if SECRET_SCHEMES.contains(&scheme.as_str()) && !value::is_placeholder(authority) {
        let rest = address.authority.start..address.end;
        if !value::is_reference(&text[rest.clone()]) {
            hits.push(Hit {
                span: rest,
                rule: &rules::WEBHOOK,
            });
        }
        return;
    }
    if !user.is_empty() {
        of_user(user, host, address.authority.start, hits);
    }
    let rest = address.authority.end..address.end;
    of_path(text, host, rest.clone(), hint, hits);
    of_query(text, rest, hits);
}

/// Handles the part before the `@`: `user:password`, or a token alone.
fn of_user(user: &str, host: &str, start: usize, hits: &mut Vec<Hit>) {
    let Some((name, password)) = split_user(user) else {
        let is_public =
            host.contains("sentry") || host.contains("glitchtip") || host.contains("bugsink");
        if value::looks_random(user) && !is_public {
            hits.push(Hit {
                span: start..start + user.len(),
                rule: &rules::URL_TOKEN,
            });
        }
        return;
    };
    let from = start + name.len() + 1;
    let is_sample = [
        "user", "username", "usr", "login", "name", "dbuser", "db_user",
    ]
    .contains(&name.to_ascii_lowercase().as_str())
        && [
            "pass",
            "password",
            "passwd",
            "pw",
            "pwd",
            "secret",
            "dbpass",
            "db_password",
        ]
        .contains(&password.to_ascii_lowercase().as_str());
    if is_sample {
        return;
    }
    secret(password, from, &rules::URL_PASSWORD, hits);
}

/// Splits at the first colon outside of references (`${USER:-app}:password`).
fn split_user(user: &str) -> Option<(&str, &str)> {
    let mut depth = 0_i32;
    let at = user.bytes().position(|b| {
        depth += i32::from(b == b'{') - i32::from(b == b'}');
        b == b':' && depth == 0
    })?;
    Some((&user[..at], &user[at + 1..]))
}

/// Adds a part as a secret, unless it is a reference or a placeholder. For a reference, adds its
/// default.
fn secret(part: &str, from: usize, rule: &'static Rule, hits: &mut Vec<Hit>) {
    if let Some(default) = value::default_of_reference(part) {
        if !default.is_empty() {
            secret(&part[default.clone()], from + default.start, rule, hits);
        }
        return;
    }
    if part.is_empty() || value::is_reference(part) || value::is_placeholder(part) {
        return;
    }
    hits.push(Hit {
        span: from..from + part.len(),
        rule,
    });
}

fn of_path(text: &str, host: &str, rest: Range<usize>, hint: NameHint, hits: &mut Vec<Hit>) {
    let path_end = text[rest.clone()]
        .find(['?', '#'])
        .map_or(rest.end, |at| rest.start + at);
    let path = &text[rest.start..path_end];
    let host = host.split(':').next().unwrap_or(host).to_ascii_lowercase();
    let known = SECRET_PATHS.iter().find(|(end, before)| {
        (host == *end
            || host
                .strip_suffix(end)
                .is_some_and(|start| start.ends_with('.')))
            && path.starts_with(before)
    });
    if let Some((_, before)) = known {
        let from = rest.start + before.len();
        let token = text[from..path_end].trim_end_matches('/');
        let first = token.split('/').next().unwrap_or_default();
        let is_sample = !token.bytes().any(|b| b.is_ascii_digit()) && token.len() < 30
            || token
                .split('/')
                .any(|part| value::is_placeholder(part) && !part.is_empty());
        if !first.is_empty() && !is_sample && !value::is_reference(token) {
            hits.push(Hit {
                span: from..from + token.len(),
                rule: &rules::WEBHOOK,
            });
        }
        return;
    }
    if host == "ntfy.sh" || host.starts_with("ntfy.") {
        let topic = path.trim_matches('/');
        let is_api = topic.starts_with("v1/")
            || topic.contains('/')
            || ["docs", "app", "static"].contains(&topic)
            || value::is_placeholder(topic)
            || topic == "mytopic";
        if !topic.is_empty() && !is_api {
            secret(topic, rest.start + 1, &rules::TOPIC, hits);
        }
        return;
    }
    segments(text, rest.start, path, hint, hits);
}

/// Finds random-looking segments after a segment that announces a webhook or token.
fn segments(text: &str, start: usize, path: &str, hint: NameHint, hits: &mut Vec<Hit>) {
    let mut at = start;
    let is_secret_name = matches!(hint, NameHint::Maybe | NameHint::Token | NameHint::Password);
    let mut is_behind = is_secret_name;
    for segment in path.split('/') {
        let span = at..at + segment.len();
        at = span.end + 1;
        let is_token = value::is_uuid(segment)
            || value::looks_random(segment)
            || is_behind
                && !is_secret_name
                && segment.len() >= 8
                && (value::is_plausible(segment) || is_mixed(segment));
        if is_behind && is_token && !value::is_placeholder(segment) {
            hits.push(Hit {
                span: span.start..span.start + text[span].len(),
                rule: &rules::WEBHOOK,
            });
        } else {
            is_behind |= TOKEN_SEGMENTS.contains(&segment.to_ascii_lowercase().as_str());
        }
    }
}

/// Whether a segment has several capitals inside, as a token has; long camelCase names match too.
fn is_mixed(segment: &str) -> bool {
    segment.len() >= 12
        && segment.bytes().all(|b| b.is_ascii_alphanumeric())
        && segment
            .bytes()
            .skip(1)
            .filter(u8::is_ascii_uppercase)
            .count()
            >= 3
}

/// Finds secrets in the query or fragment: `?token=…&sig=…`.
fn of_query(text: &str, rest: Range<usize>, hits: &mut Vec<Hit>) {
    let Some(question) = text[rest.clone()].find(['?', '#']) else {
        return;
    };
    let mut at = rest.start + question + 1;
    for pair in text[at..rest.end].split(['&', ';']) {
        let start = at;
        at += pair.len() + 1;
        let Some((name, part)) = pair.split_once('=') else {
            if value::looks_random(pair) {
                secret(pair, start, &rules::URL_TOKEN, hits);
            }
            continue;
        };
        let from = start + name.len() + 1;
        let is_secret = match name_hint(name) {
            NameHint::Password | NameHint::Token => !value::is_number(part) || part.len() > 6,
            NameHint::Code => value::is_number(part) && value::is_code(part),
            NameHint::Maybe => value::is_plausible(part),
            NameHint::Topic
            | NameHint::Login
            | NameHint::Identifier
            | NameHint::Public
            | NameHint::About
            | NameHint::Nothing => {
                let is_short_secret_name = matches!(
                    name,
                    "sig" | "code" | "appid" | "k" | "t" | "hash" | "u" | "auth" | "p" | "r" | "i"
                );
                is_short_secret_name && value::looks_random(part.split('%').next().unwrap_or(part))
            }
        };
        if is_secret && !["true", "false", "none", "disable", "require"].contains(&part) {
            secret(part, from, &rules::URL_TOKEN, hits);
        }
    }
}

/// Addresses without a scheme: Go's `user:password@tcp(host)/db`, or `user:password@host:5432/db`.
fn without_scheme(text: &str, base: usize, hits: &mut Vec<Hit>) {
    if text.contains("://") || text.contains(char::is_whitespace) {
        return;
    }
    let Some((user, host)) = text.rsplit_once('@') else {
        return;
    };
    let Some((name, password)) = split_user(user) else {
        return;
    };
    let is_name = !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    let end = host.find(['/', ')']).unwrap_or(host.len());
    let place = host[..end]
        .trim_start_matches(|c: char| c.is_ascii_alphabetic())
        .trim_start_matches('(');
    let is_host = host.starts_with("tcp(")
        || host.starts_with("unix(")
        || host[..end].contains(':') && !host.starts_with("sha")
        || host[end..].starts_with('/') && !host.contains("sha256");
    if is_name && is_host && !password.contains('/') && !place.contains('@') {
        secret(password, base + name.len() + 1, &rules::URL_PASSWORD, hits);
    }
}
