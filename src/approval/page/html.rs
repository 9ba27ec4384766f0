//! A plan as a page. Every text in it is escaped; no value is in it.

use std::fmt::Write;

use crate::approval::Asked;
use crate::approval::pending::Plan;
use crate::config::Strength;
use crate::loopback::escape;
use crate::names::printable;

/// The page of a plan, with the token that its answers must carry. `vault` is where it would be written.
pub(super) fn of(plan: &Plan, page: &str, vault: &str) -> String {
    let shown = &plan.shown;
    let text = |text: &str| escape(&printable(text, false));
    let (title, verb) = match shown.asked {
        Asked::Write if shown.base == 0 => ("Write to Vault?", "create"),
        Asked::Write => ("Write to Vault?", "update"),
        Asked::Inject => ("Write this file?", "write"),
        Asked::Show => ("Show these values to the assistant?", "show"),
    };
    let version = match shown.base {
        0 => String::new(),
        base => format!(" <span class=\"who\">version {base} becomes {}</span>", base + 1),
    };
    let untouched = match shown.untouched {
        0 => String::new(),
        1 => "<p class=\"untouched\">1 other key stays as it is.</p>".into(),
        many => format!("<p class=\"untouched\">{many} other keys stay as they are.</p>"),
    };
    let warnings: String = shown.warnings.iter().map(|warning| format!("<li>{}</li>", text(warning))).collect();
    let warnings =
        if warnings.is_empty() { warnings } else { format!("<ul class=\"warnings\" aria-label=\"Warnings\">{warnings}</ul>") };
    let typed = match shown.proof {
        Strength::Typed => {
            "<p><label>Type <b>yes</b> to approve <input id=\"word\" autocomplete=\"off\" autocapitalize=\"none\" spellcheck=\"false\"></label></p>"
        }
        Strength::Passkey | Strength::StepUp => "",
    };
    let approve = match shown.proof {
        Strength::Typed => "Approve",
        Strength::Passkey => "Approve with passkey",
        Strength::StepUp => "Sign in to approve",
    };
    let place = if shown.asked == Asked::Write { format!("At {}. ", text(vault)) } else { String::new() };
    let left = plan.seconds_left();
    let parts = [
        ("title", title.to_owned()),
        ("place", place),
        ("id", escape(&shown.id)),
        ("page", escape(page)),
        ("proof", shown.proof.word().to_owned()),
        ("left", left.to_string()),
        ("minutes", left.div_ceil(60).to_string()),
        ("verb", verb.to_owned()),
        ("version", version),
        ("untouched", untouched),
        ("warnings", warnings),
        ("typed", typed.to_owned()),
        ("approve", approve.to_owned()),
        ("notice", text(&plan.notice)),
        ("keys", rows(plan)),
        ("asked_by", text(&shown.asked_by)),
        ("path", text(&shown.path)),
    ];
    fill(include_str!("page.html"), &parts)
}

/// Puts the parts in place of `{name}`, in one pass: what a part holds is never looked at again.
pub(super) fn fill(template: &str, parts: &[(&str, String)]) -> String {
    let mut page = String::with_capacity(template.len() * 2);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        page.push_str(before);
        match after.split_once('}').and_then(|(name, after)| Some((parts.iter().find(|(other, _)| *other == name)?, after))) {
            Some(((_, text), after)) => {
                page.push_str(text);
                rest = after;
            }
            None => {
                page.push('{');
                rest = after;
            }
        }
    }
    page + rest
}

fn rows(plan: &Plan) -> String {
    let mut rows = String::new();
    for (number, (key, change)) in plan.shown.keys.iter().enumerate() {
        let name = escape(&printable(key, false));
        let of = format!("<span class=\"hidden\"> the value of {name}</span>");
        let value = if plan.shown.prompt.contains(key) {
            format!(
                "<label class=\"hidden\" for=\"v{number}\">Value of {name}</label><input id=\"v{number}\" type=\"password\" \
                 data-key=\"{name}\" autocomplete=\"new-password\" maxlength=\"8192\"><button type=\"button\" data-make=\"v{number}\">Generate{of}</button>\
                 <button type=\"button\" data-see=\"v{number}\">Show{of}</button>"
            )
        } else if plan.shown.asked != Asked::Write {
            "<span class=\"who\">not shown here</span>".into()
        } else {
            format!(
                "<span class=\"value\">••••••••</span><button type=\"button\" data-show=\"{name}\" aria-expanded=\"false\">Show{of}</button>"
            )
        };
        let change = if plan.shown.asked == Asked::Show { "" } else { change.word() };
        let _ = write!(rows, "<tr><td><code>{name}</code></td><td>{change}</td><td>{value}</td></tr>");
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::fill;

    #[test]
    fn what_a_part_holds_is_never_taken_for_a_place() {
        let parts = [("a", "{b}".to_owned()), ("b", "x".to_owned())];
        assert_eq!(fill("{a}{b}{c}{", &parts), "{b}x{c}{");
    }
}
